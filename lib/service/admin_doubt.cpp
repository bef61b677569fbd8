// SPDX-License-Identifier: Apache-2.0
#include "service/admin_doubt.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "answers/doubt_json.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"

namespace openexec::service {
namespace {

constexpr std::string_view after_target = "/doubt?after=";
constexpr std::string_view show_target = "/doubt/";
constexpr std::size_t page = 100;

AdminAnswer invalid(std::string_view detail) { return admin_problem(422, "invalid_field", detail); }

}  // namespace

bool is_doubt_list(std::string_view target) noexcept {
  return target == doubt_target || target.starts_with(after_target);
}

AdminAnswer list_doubts(const Executor& executor, std::string_view target) {
  std::optional<std::uint64_t> after;
  if (target != doubt_target) {
    const std::string_view text = target.substr(after_target.size());
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, after.emplace()).ptr != end || text.empty())
      return invalid("after: must be the index of an entry");
  }
  const auto count = executor.doubt_count();
  const auto doubts = executor.doubts(after, page);
  const Status& failed = count.ok() ? doubts.status() : count.status();
  if (!failed.ok())
    return admin_problem(failed.code() == Code::invalid_argument ? 501 : 503, name(failed.code()), failed.detail());
  const auto json = exec::doubts_json(*count, *doubts, executor.log());
  return json.ok() ? AdminAnswer{200, *json} : admin_problem(503, name(json.code()), json.status().detail());
}

bool is_doubt_show(std::string_view target) noexcept {
  Digest exec_id{};
  return target.starts_with(show_target) && from_hex(target.substr(show_target.size()), exec_id);
}

AdminAnswer show_doubt(const Executor& executor, std::string_view target) {
  Digest exec_id{};
  (void)from_hex(target.substr(show_target.size()), exec_id);
  auto lines = executor.log().find_before(exec_id, std::numeric_limits<std::uint64_t>::max(), page);
  if (!lines.ok()) return admin_problem(503, name(lines.code()), lines.status().detail());
  if (lines->empty()) return admin_problem(404, "not_found", "no entry has this exec id");
  std::reverse(lines->begin(), lines->end());
  std::string entries;
  for (const LogLine& line : *lines) entries.append(entries.empty() ? "" : ",").append(line.json);
  return {200, canon::JsonObject().raw("entries", "[" + entries + "]").take()};
}

AdminAnswer settle_doubt(Executor& executor, std::string_view body, uid_t uid) {
  const Result<canon::Document> parsed = canon::parse(body, {max_admin_request, 128});
  if (!parsed.ok() || !parsed->root().is(canon::Type::object))
    return invalid(parsed.ok() ? "must be one JSON object" : parsed.status().detail());
  std::string exec_id_text, found, who, why, result;
  for (const auto [name, value] : parsed->root()) {
    std::string* const into = name == "exec_id" ? &exec_id_text
                              : name == "found" ? &found
                              : name == "who"   ? &who
                              : name == "why"   ? &why
                                                : nullptr;
    if (into != nullptr && value.is(canon::Type::string))
      *into = value.string();
    else if (name == "result")
      result = canon::jcs(value);
    else
      return invalid("known are the strings exec_id, found, who and why, and result of any type");
  }
  Digest exec_id{};
  if (!from_hex(exec_id_text, exec_id)) return invalid("exec_id: must be 64 lower-case hex digits");
  if (who.empty()) return invalid("who: missing");
  const Result<HandlerResult> finding = exec::finding_named(found, result);
  if (!finding.ok()) return invalid(finding.status().detail());
  const std::string names = who + " (uid " + std::to_string(uid) + ")";
  const SettlementAnswer settled = executor.settle(exec_id, *finding, {.who = names, .why = why, .tenant = {}});
  const Outcome& outcome = settled.outcome;
  if (outcome.code == Code::invalid_argument) return invalid(outcome.detail);
  if (outcome.code != Code::ok) return admin_problem(outcome.http, name(outcome.code), outcome.detail);
  AdminAnswer answer{200, exec::settlement_json(settled)};
  if (settled.contradicts) answer.contradicted = outcome.exec_id;
  return answer;
}

}  // namespace openexec::service
