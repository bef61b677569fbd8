// SPDX-License-Identifier: Apache-2.0
#include "service/admin_orders.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "http/message.hpp"
#include "service/admin_doubt.hpp"

namespace openexec::service {

using canon::JsonObject;

std::string_view AdminRequest::known_target() const noexcept {
  for (const std::string_view known :
       {std::string_view("/status"), std::string_view("/metrics"), std::string_view("/halt"),
        std::string_view("/resume"), std::string_view("/revoke"), std::string_view("/confirm-clock"), settle_target})
    if (target == known) return known;
  if (is_doubt_list(target) || is_doubt_show(target)) return doubt_target;
  return {};
}

std::string to_http(const AdminAnswer& answer) {
  const http::Response response{
      .status = answer.status, .body = answer.body, .content_type = std::string(answer.content_type)};
  return http::head_text(response, {}) + answer.body;
}

AdminAnswer admin_problem(int status, std::string_view code, std::string_view detail) {
  return {status, http::problem_json(code, detail)};
}

namespace {

/// One control with its operator, reason and time. These are null if the store does not give the control's entry, or
/// was not asked.
std::string control_json(const Executor& executor, const ControlName& control, bool with_order) {
  std::optional<Entry> order;
  if (with_order && control.entry) {
    const auto lines = executor.log().read(*control.entry, 1);
    auto entry = lines.ok() && !lines->empty() ? Entry::from_json(lines->front().json)
                                               : Result<Entry>(Status(Code::store_failed, {}));
    if (entry.ok() && entry->control) order = *std::move(entry);
  }
  return JsonObject()
      .text("kind", name(control.kind))
      .text_or_null("id", control.id)
      .text_or_null("tenant", control.tenant)
      .text_or_null("who", order ? order->control->who : "")
      .text_or_null("why", order ? order->control->why : "")
      .text_or_null("at", order ? base::format_time(order->observed_at) : "")
      .take();
}

std::string status_json(const Executor& executor) {
  constexpr std::size_t most_orders = 200;  // bounds the entries that are read, since a halt waits meanwhile
  std::string controls;
  std::size_t number = 0;
  for (const ControlName& control : executor.controls())
    controls.append(controls.empty() ? "" : ",").append(control_json(executor, control, number++ < most_orders));
  const ClockState clock = executor.clock_state();
  return JsonObject()
      .boolean("halted", executor.halted())
      .text("tenant", executor.config().tenant)
      .raw("controls", "[" + controls + "]")
      .raw("clock", JsonObject()
                        .boolean("suspect", clock.suspect)
                        .text("wall", base::format_time(clock.wall))
                        .text("trusted", base::format_time(clock.trusted))
                        .take())
      .take();
}

/// Reads the members of an order, which are strings. A member of another name is refused, so that nothing that the
/// operator meant is ignored.
class Members {
 public:
  Members(std::string_view body, std::vector<std::string_view> known) {
    Result<canon::Document> parsed = canon::parse(body, {max_admin_request, 2});
    if (!parsed.ok() || !parsed->root().is(canon::Type::object)) {
      fault_ = parsed.ok() ? "must be one JSON object" : parsed.status().detail();
      return;
    }
    for (const auto [name, value] : parsed->root()) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        fault_ = "unknown member; known are who, why, tenant, and for /revoke approval or key";
      else if (!value.is(canon::Type::string) || value.string().empty())
        fault_ = std::string(name) + ": must be a string, and not empty";
      else
        values_.emplace_back(name, value.string());
    }
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::string_view find(std::string_view name) const {
    for (const auto& [key, value] : values_)
      if (key == name) return value;
    return {};
  }

 private:
  std::string fault_;
  std::vector<std::pair<std::string, std::string>> values_;
};

AdminAnswer order(Executor& executor, const AdminRequest& request, uid_t uid) {
  const bool revokes = request.target == "/revoke";
  std::vector<std::string_view> known{"who", "why", "tenant"};
  if (revokes) known.insert(known.end(), {"approval", "key"});
  const Members members(request.body, std::move(known));
  if (!members.fault().empty()) return admin_problem(422, "invalid_field", members.fault());
  // The name that the peer gives itself, and the uid that the kernel gives.
  if (members.find("who").empty()) return admin_problem(422, "invalid_field", "who: missing");
  const std::string who = std::string(members.find("who")) + " (uid " + std::to_string(uid) + ")";
  const Order given{.who = who, .why = members.find("why"), .tenant = members.find("tenant")};
  const std::string_view approval = members.find("approval");
  const std::string_view key = members.find("key");
  if (revokes && approval.empty() == key.empty())
    return admin_problem(422, "invalid_field", "either approval or key has to be given");

  const Outcome outcome = request.target == "/halt"            ? executor.halt(given)
                          : request.target == "/resume"        ? executor.resume(given)
                          : request.target == "/confirm-clock" ? executor.confirm_clock(given)
                          : key.empty()                        ? executor.revoke_approval(approval, given)
                                                               : executor.revoke_key(key, given);
  if (outcome.code == Code::invalid_argument) return admin_problem(422, "invalid_field", outcome.detail);
  JsonObject json;
  json.text("code", name(outcome.code))
      .raw("result", outcome.result)
      .text("receipt", outcome.receipt)
      .raw("entry", outcome.entry_index ? std::to_string(*outcome.entry_index) : "null")
      .boolean("halted", executor.halted());
  if (!outcome.detail.empty()) json.text("detail", outcome.detail);
  return {outcome.http, json.take()};
}

}  // namespace

AdminAnswer answer_admin(Executor& executor, const AdminRequest& request, uid_t uid) {
  if (request.known_target().empty())
    return admin_problem(
        404, "not_found",
        "GET /status, /metrics, /doubt, /doubt/EXEC_ID; POST /halt, /resume, /revoke, /confirm-clock, /doubt/settle");
  const bool status = request.target == "/status";
  const bool shows = is_doubt_show(request.target);
  const bool doubts = is_doubt_list(request.target) || shows;
  if (request.method != (status || doubts ? "GET" : "POST"))
    return admin_problem(405, "method_not_allowed", status || doubts ? "GET" : "POST");
  if (shows) return show_doubt(executor, request.target);
  if (doubts) return list_doubts(executor, request.target);
  if (request.target == settle_target) return settle_doubt(executor, request.body, uid);
  return status ? AdminAnswer{200, status_json(executor)} : order(executor, request, uid);
}

}  // namespace openexec::service
