// SPDX-License-Identifier: Apache-2.0
// The default implementations for stores and logs that have none of their own. Operations are carried out one by one.
#include <algorithm>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec {
namespace {

void answer(Operation& operation, const Result<std::optional<std::uint64_t>>& entry) {
  operation.status = entry.status();
  if (entry.ok()) operation.entry = *entry;
}

void carry_out(NonceStore& store, Operation& operation) {
  if (const auto* claim = std::get_if<const Claim*>(&operation.what)) {
    const Result<ClaimAnswer> claimed = store.claim(**claim);
    operation.status = claimed.status();
    if (claimed.ok()) operation.claim = *claimed;
  } else if (const auto* seal = std::get_if<const Seal*>(&operation.what)) {
    answer(operation, store.seal(**seal));
  } else if (ReceiptLog* const log = store.log(); log != nullptr) {
    const Result<std::uint64_t> index = log->append(*std::get<const NewEntry*>(operation.what));
    answer(operation, index.ok() ? Result<std::optional<std::uint64_t>>(std::optional(*index)) : index.status());
  } else {
    operation.status = Status(Code::invalid_argument, "an entry for a store that is not its own log");
  }
}

}  // namespace

void NonceStore::submit(std::span<Operation> operations) {
  for (Operation& operation : operations) carry_out(*this, operation);
}

Result<std::optional<std::uint64_t>> NonceStore::control(const ControlChange&) {
  return Status(Code::invalid_argument, "the store keeps no controls");
}

Result<std::vector<NonceRecord>> NonceStore::doubts(std::optional<std::uint64_t>, std::size_t) {
  return Status(Code::invalid_argument, "the store does not list what is in doubt");
}

Result<std::uint64_t> NonceStore::doubt_count() {
  return Status(Code::invalid_argument, "the store does not list what is in doubt");
}

Result<std::vector<LogLine>> ReceiptLog::find_before(const Digest& exec_id, std::uint64_t before, std::size_t count) {
  constexpr std::size_t most = 10'000;
  Result<std::vector<LogLine>> found = find_entries(exec_id, most + 1);
  if (!found.ok()) return found;
  if (found->size() > most) return Status(Code::store_failed, "log.find_before: the log cannot list so many entries");
  std::vector<LogLine> lines;
  for (auto line = found->rbegin(); line != found->rend() && lines.size() < count; ++line)
    if (line->index < before) lines.push_back(std::move(*line));
  return lines;
}

}  // namespace openexec
