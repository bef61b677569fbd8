// SPDX-License-Identifier: Apache-2.0
#include "answers/telling.hpp"

#include <openexec/receipt.hpp>

namespace openexec::exec {
namespace {

bool ends_execution(const Entry& entry) {
  return entry.verdict == Verdict::executed || entry.verdict == Verdict::failed || entry.verdict == Verdict::in_doubt;
}

/// The entry with this index, if it belongs to the execution.
Result<LogLine> line_at(ReceiptLog& log, std::uint64_t index, const Digest& exec_id) {
  Result<std::vector<LogLine>> lines = log.read(index, 1);
  if (!lines.ok()) return lines.status();
  if (lines->size() != 1 || lines->front().index != index)
    return Status(Code::store_failed, "log: the entry that ended the execution is missing");
  const Result<Entry> entry = Entry::from_json(lines->front().json);
  if (!entry.ok() || entry->exec_id != to_hex(exec_id) || !ends_execution(*entry))
    return Status(Code::store_failed, "log: the recorded entry does not end the execution");
  return std::move(lines->front());
}

}  // namespace

Result<std::optional<LogLine>> outcome_entry(NonceStore& store, ReceiptLog& log, const Digest& exec_id) {
  // Any entry of the execution names its tenant and nonce, by which the store finds what became of it.
  if (exec_id == Digest{}) return std::optional<LogLine>();
  const Result<std::vector<LogLine>> first = log.find_entries(exec_id, 1);
  if (!first.ok()) return first.status();
  if (first->empty()) return std::optional<LogLine>();
  const Result<Entry> entry = Entry::from_json(first->front().json);
  if (!entry.ok()) return Status(Code::store_failed, "log: an entry of the execution cannot be read");
  const auto record = store.find(entry->tenant, entry->nonce);
  if (!record.ok()) return record.status();
  if (!*record || (*record)->exec_id != exec_id || !(*record)->entry) return std::optional<LogLine>();
  Result<LogLine> line = line_at(log, *(*record)->entry, exec_id);
  if (!line.ok()) return line.status();
  return std::optional(*std::move(line));
}

}  // namespace openexec::exec
