// SPDX-License-Identifier: Apache-2.0
#include "answers/recorded_receipt.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "answers/telling.hpp"
#include "canon/json_object.hpp"
#include "crypto/sha256.hpp"

namespace openexec::exec {
namespace {

constexpr std::size_t newest = 100;

std::optional<Digest> digest_of(std::string_view exec_id) {
  Digest digest{};
  if (!from_hex(exec_id, digest) || digest == Digest{}) return std::nullopt;
  return digest;
}

std::optional<RecordedReceipt> carrying(const LogLine& line, std::string_view exec_id, std::string_view receipt) {
  Result<Entry> entry = Entry::from_json(line.json);
  if (!entry.ok() || entry->exec_id != exec_id || entry->receipt != receipt) return std::nullopt;
  return RecordedReceipt{line.index, *std::move(entry)};
}

}  // namespace

Result<std::optional<RecordedReceipt>> find_receipt(const Result<std::optional<LogLine>>& outcome, ReceiptLog& log,
                                                    std::string_view exec_id, std::string_view receipt) {
  const auto digest = digest_of(exec_id);
  if (!digest) return std::optional<RecordedReceipt>();
  if (!outcome.ok()) return outcome.status();
  if (*outcome)
    if (auto found = carrying(**outcome, exec_id, receipt)) return found;
  const auto lines = log.find_before(*digest, std::numeric_limits<std::uint64_t>::max(), newest);
  if (!lines.ok()) return lines.status();
  for (const LogLine& line : *lines)
    if (auto found = carrying(line, exec_id, receipt)) return found;
  return std::optional<RecordedReceipt>();
}

Result<std::optional<RecordedReceipt>> find_receipt(NonceStore& store, ReceiptLog& log, std::string_view exec_id,
                                                    std::string_view receipt) {
  const auto digest = digest_of(exec_id);
  if (!digest) return std::optional<RecordedReceipt>();
  return find_receipt(outcome_entry(store, log, *digest), log, exec_id, receipt);
}

bool records(const Entry& entry, canon::View result) {
  return entry.result_hash && *entry.result_hash == crypto::sha256(canon::jcs(result));
}

std::string recorded_json(bool valid, const std::optional<RecordedReceipt>& found) {
  canon::JsonObject json;
  json.boolean("valid", valid).boolean("recorded", valid && found.has_value());
  if (!valid || !found) return json.raw("index", "null").raw("verdict", "null").raw("code", "null").take();
  return json.number("index", found->index)
      .text("verdict", name(found->entry.verdict))
      .text("code", name(found->entry.code))
      .take();
}

}  // namespace openexec::exec
