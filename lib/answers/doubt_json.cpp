// SPDX-License-Identifier: Apache-2.0
#include "answers/doubt_json.hpp"

#include "base/assert.hpp"
#include "base/time.hpp"
#include "canon/json_object.hpp"

namespace openexec::exec {

using canon::JsonObject;

Result<std::string> doubts_json(std::uint64_t count, const std::vector<NonceRecord>& page, ReceiptLog& log) {
  std::string list;
  for (const NonceRecord& record : page) {
    if (!record.entry) return Status(Code::store_failed, "an execution in doubt has no entry");
    const auto lines = log.read(*record.entry, 1);
    if (!lines.ok()) return lines.status();
    const Result<Entry> entry = lines->empty() ? Result<Entry>(Status(Code::store_failed, "an entry is missing"))
                                               : Entry::from_json(lines->front().json);
    if (!entry.ok()) return entry.status();
    list.append(list.empty() ? "" : ",")
        .append(JsonObject()
                    .text("exec_id", to_hex(record.exec_id))
                    .text("action", record.action)
                    .text("tenant", record.tenant)
                    .number("attempt", record.attempt)
                    .number("entry", *record.entry)
                    .text("observed_at", base::format_time(entry->observed_at))
                    .take());
  }
  JsonObject json;
  json.number("count", count).raw("doubts", "[" + list + "]");
  json.raw("last", page.empty() ? "null" : std::to_string(*page.back().entry));
  return json.take();
}

Result<HandlerResult> finding_named(std::string_view found, std::string_view result) {
  if (found == "done" && result.empty()) return Status(Code::invalid_argument, "result: missing; say what was done");
  if (found == "done") return HandlerResult::result(std::string(result));
  if (!result.empty()) return Status(Code::invalid_argument, "result: only of what was done");
  if (found == "not_done") return HandlerResult::failed({}, Effect::none);
  if (found == "unknown") return HandlerResult::in_doubt({});
  return Status(Code::invalid_argument, "found: must be done, not_done or unknown");
}

std::string settlement_json(const SettlementAnswer& answer) {
  OPENEXEC_ASSERT(answer.outcome.entry_index, "settlement: one that is shown was recorded");
  const Outcome& outcome = answer.outcome;
  JsonObject json;
  json.text("code", name(outcome.code))
      .text("exec_id", outcome.exec_id)
      .text("verdict", name(outcome.verdict))
      .text("effect", name(outcome.effect))
      .raw("result", outcome.result)
      .text("receipt", outcome.receipt)
      .raw("entry", outcome.entry_index ? std::to_string(*outcome.entry_index) : "null")
      .boolean("decides", answer.decides)
      .boolean("contradicts", answer.contradicts);
  if (!outcome.detail.empty()) json.text("detail", outcome.detail);
  return json.take();
}

}  // namespace openexec::exec
