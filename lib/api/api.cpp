// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include <openexec/clock.hpp>
#include <openexec/version.hpp>

#include "answers/outcome_json.hpp"
#include "answers/recorded_receipt.hpp"
#include "api/structured_field.hpp"
#include "approval/proposal.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "gate/timekeeper.hpp"
#include "http/message.hpp"

namespace openexec::service {

Answer answer(int status, std::string body, std::string_view code) {
  return {.status = status, .body = std::move(body), .code = std::string(code)};
}

namespace {

using canon::JsonObject;

// Returns the code of an execution that the service itself refused.
Code turned_away(int status) {
  switch (status) {
    case 409: return Code::in_progress;
    case 429:
    case 503: return Code::overloaded;
    case 500: return Code::store_failed;
    default: return Code::malformed_request;
  }
}

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Accepts application/json, with no other parameter than `charset=utf-8`, or `utf8` as some clients write it. A page in
// a browser cannot send this type to a loopback service without a preflight request. A missing type is refused, because
// a page could omit it.
bool is_json(const std::vector<std::string_view>& lines) {
  if (lines.size() != 1) return false;
  const std::string_view value = lines.front();
  const std::size_t semicolon = value.find(';');
  if (!same_text(trimmed(value.substr(0, semicolon)), "application/json")) return false;
  if (semicolon == value.npos) return true;
  const std::string_view parameter = trimmed(value.substr(semicolon + 1));
  constexpr std::string_view known[] = {"", "charset=utf-8", "charset=\"utf-8\"", "charset=utf8", "charset=\"utf8\""};
  return std::any_of(std::begin(known), std::end(known),
                     [&](std::string_view one) { return same_text(parameter, one); });
}

}  // namespace

std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !same_text(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    if (target.empty() || target.front() == '?') return "/";
    break;
  }
  return target.substr(0, target.find('?'));
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

const Route Api::routes[10] = {
    {"/", false, "GET", "GET, HEAD, OPTIONS", Lane::immediate, &Api::info},
    {"/health", false, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::health},
    {"/ready", false, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::ready},
    {"/version", false, "GET", "GET, HEAD, OPTIONS", Lane::immediate, &Api::version},
    {"/execute", false, "POST", "POST, OPTIONS", Lane::execute, &Api::execute},
    {"/receipts/verify", false, "POST", "POST, OPTIONS", Lane::read, &Api::verify_receipt},
    {"/receipts/", true, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::receipts},
    {"/checkpoint", false, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::checkpoint},
    {"/tile/", true, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::tile},
    {"/metrics", false, "GET", "GET, HEAD, OPTIONS", Lane::read, &Api::measure},
};

std::span<const Route> Api::served() const {
  const std::span<const Route> all(routes);
  return measured_ != nullptr ? all.last(1) : all.first(all.size() - 1);
}

Answer Api::measure(const Call&) const {
  Answer done = answer(200, measured_->metrics_text());
  done.content_type = Metrics::content_type;
  return done;
}

void Api::serve(Executor& executor) {
  if (mode_.empty()) {
    const std::string_view profile = executor.verifier().profile();
    mode_ = profile.empty() ? "demo" : profile;
  }
  executor_.store(&executor, std::memory_order_release);
}

std::string_view Api::signature_verification() const {
  return executor_.load(std::memory_order_acquire)->verifier().profile().empty() ? "disabled" : "enabled";
}

bool Api::is_demo() const {
  const Executor* executor = executor_.load(std::memory_order_acquire);
  return executor != nullptr ? executor->verifier().profile().empty() : mode_.empty() || mode_ == "demo";
}

namespace {

/// Returns a route of the path, whatever its method.
const Route* at_path(std::span<const Route> routes, std::string_view path) {
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const Route& route) {
    return route.takes_argument ? path.starts_with(route.path) : path == route.path;
  });
  return found == routes.end() ? nullptr : &*found;
}

/// Returns the detail of a 404. It names every path, because most clients that get a 404 mistyped theirs.
std::string paths(std::span<const Route> routes) {
  std::string text = "there is no such path. The paths are";
  for (const Route& route : routes) {
    text.append(&route == routes.data() ? " " : ", ").append(route.method).append(" ").append(route.path);
    if (route.takes_argument) text += "...";
  }
  return text;
}

}  // namespace

const Route* Api::find(std::string_view method, std::string_view target) {
  const Route* const found = at_path(routes, path_of(target));
  return found != nullptr && found->method == method ? found : nullptr;
}

Routed Api::route(const Head& head) const {
  const std::string_view path = path_of(head.target);
  Routed routed;
  if (path == "*" && head.method == "OPTIONS") {
    routed.refusal = Answer{.status = 204, .allow = "GET, HEAD, POST, OPTIONS", .code = "ok"};
    return routed;
  }
  const Route* const found = at_path(served(), path);
  if (found == nullptr) {
    routed.refusal = problem(nullptr, 404, paths(served()));
    return routed;
  }
  routed.route = found;
  if (head.method == "OPTIONS") {
    routed.refusal = Answer{.status = 204, .allow = std::string(found->allow), .is_preflight = true, .code = "ok"};
    return routed;
  }
  if (head.method != found->method && !(head.method == "HEAD" && found->method == "GET")) {
    routed.refusal = problem(nullptr, 405, "this path takes " + std::string(found->method));
    routed.refusal->allow = found->allow;
    return routed;
  }
  if (found->method == "POST") {
    if (!is_json(head.content_type)) {
      routed.refusal = problem(found, 415, "Content-Type must be application/json");
    } else if (!head.content_encoding.empty() && !same_text(head.content_encoding, "identity")) {
      routed.refusal = problem(found, 415, "Content-Encoding is not supported");
    }
  }
  if (found->takes_argument) routed.argument = path.substr(found->path.size());
  routed.query = query_of(head.target);
  return routed;
}

Answer Api::run(const Route& route, const Call& call) const { return (this->*route.run)(call); }

Answer Api::problem(const Route* route, int status, std::string_view detail) {
  if (route != nullptr && route->lane == Lane::execute) {
    Outcome outcome;
    outcome.code = turned_away(status);
    // The attempt that this one waited for is still running, or this one broke at an unknown place. Its action may have
    // taken place.
    if (outcome.code == Code::in_progress || outcome.code == Code::store_failed) outcome.effect = Effect::unknown;
    outcome.result = "{\"error\": \"" + std::string(name(outcome.code)) + "\"}";  // display form
    outcome.detail = detail;
    return answer(status, exec::outcome_json(outcome), name(outcome.code));
  }
  const std::string_view code = http::problem_code(status);
  return answer(status, http::problem_json(code, detail), code);
}

Answer Api::info(const Call&) const {
  return answer(
      200,
      JsonObject().text("service", "OpenExec").text("status", "running").text("version", openexec::version()).take());
}

Answer Api::version(const Call&) const {
  return answer(200, JsonObject()
                         .text("version", openexec::version())
                         .text("timestamp", base::format_time(system_clock()->now()))
                         .take());
}

Answer Api::health(const Call&) const {
  const Executor* executor = executor_.load(std::memory_order_acquire);
  if (executor == nullptr) return answer(503, R"({"status":"starting"})", "unavailable");
  // Healthy means that POST /execute would run a valid request now. /ready says why it would not.
  const bool healthy = !draining() && executor->ready().ok();
  const char* status = draining() ? "draining" : executor->halted() ? "halted" : "not_ready";
  JsonObject json;
  json.text("status", healthy ? "healthy" : status)
      .text("exec_mode", mode_)
      .text("signature_verification", signature_verification());
  // The member is present only if an execution is in doubt, because then an operator has to settle it.
  if (const auto doubts = executor->doubt_count(); doubts.ok() && *doubts > 0) json.number("in_doubt", *doubts);
  const auto& allowed = executor->config().allowed_actions;
  json.text("restriction", allowed ? "restricted" : "open");
  if (!allowed) {
    json.text("warning", "No execution allow-list configured");
  } else {
    std::string list = "[";
    for (const std::string& action : *allowed) {
      if (list.size() > 1) list += ',';
      canon::append_jcs_string(action, list);
    }
    json.raw("allow_list", list + "]");
  }
  return healthy ? answer(200, json.take()) : answer(503, json.take(), "unavailable");
}

Answer Api::ready(const Call&) const {
  const Executor* executor = executor_.load(std::memory_order_acquire);
  std::vector<std::string> reasons;
  if (draining()) reasons.push_back("draining");
  if (executor == nullptr) {
    reasons.push_back("starting");
  } else if (const Status status = executor->ready(); !status.ok()) {
    reasons.push_back(std::string(name(status.code())) + ": " + status.detail());
  }
  if (reasons.empty()) {
    JsonObject json;
    json.boolean("ready", true);
    if (const std::string gap = exec::gap_of(executor->clock_state()); !gap.empty()) json.text("clock", gap);
    return answer(200, json.take());
  }
  std::string list;
  for (const std::string& reason : reasons) {
    if (!list.empty()) list += ',';
    canon::append_jcs_string(reason, list);
  }
  return answer(503, JsonObject().boolean("ready", false).raw("reasons", "[" + list + "]").take(), "unavailable");
}

Answer Api::execute(const Call& call) const {
  Executor* executor = executor_.load(std::memory_order_acquire);
  CallOptions options;
  options.cancellation = cancellation_;
  options.proof = call.wants_proof;

  // A malformed key is passed on as the empty nonce, which no request can have. The executor then refuses the attempt
  // and records it like any other.
  std::optional<std::string> key;
  bool unreadable = false;
  if (call.idempotency_key) {
    key = parse_idempotency_key(*call.idempotency_key);
    unreadable = !key;
    options.nonce = key ? std::string_view(*key) : std::string_view();
  }
  const Metrics::Flight flight(metrics_);
  const auto began = std::chrono::steady_clock::now();
  Outcome outcome = executor->execute_json(call.body, options);
  metrics_.count(outcome, began, std::chrono::steady_clock::now());
  if (unreadable && outcome.code == Code::malformed_request) {
    outcome.http = 400;
    outcome.detail = "Idempotency-Key must be 1 to 255 visible ASCII characters, or one quoted string (RFC 9651)";
  } else if (outcome.detail == two_nonces) {
    outcome.detail =
        "nonce: the header Idempotency-Key and the body's member nonce differ. Send one of them, or the same twice; "
        "behind a gateway that adds a header of its own the operator sets --idempotency-key ignore";
  }
  Answer done = answer(outcome.http, exec::outcome_json(outcome), name(outcome.code));
  done.exec_id = std::move(outcome.exec_id);
  done.action = std::move(outcome.action);
  done.verdict = name(outcome.verdict);
  done.effect = name(outcome.effect);
  done.replayed = outcome.replayed;
  done.gave_proof = !outcome.proof.empty();
  return done;
}

Answer Api::verify_receipt(const Call& call) const {
  Result<canon::Document> parsed =
      canon::parse(call.body, {.max_bytes = std::max(call.body.size(), std::size_t{1}), .max_depth = 128});
  if (!parsed.ok()) return problem(nullptr, 400, parsed.status().detail());
  const canon::View root = parsed->root();
  if (!root.is(canon::Type::object)) return problem(nullptr, 422, "the body must be a JSON object");

  const auto exec_id = root.find("exec_id");
  const auto result = root.find("result");
  const auto receipt = root.find("receipt");
  if (!exec_id || !(exec_id->is(canon::Type::string) || exec_id->is(canon::Type::null))) {
    return problem(nullptr, 422, "exec_id must be a string, or null for a malformed request's receipt");
  }
  if (!result) return problem(nullptr, 422, "result is missing");
  if (!receipt || !receipt->is(canon::Type::string)) return problem(nullptr, 422, "receipt must be a string");

  // The result may be JSON text, or the value itself as POST /execute answered it.
  const std::string text = result->is(canon::Type::string) ? std::string(result->string()) : canon::display(*result);
  const std::string_view id = exec_id->is(canon::Type::string) ? exec_id->string() : std::string_view();
  const Result<canon::Document> value =
      canon::parse(text, {.max_bytes = std::max(text.size(), std::size_t{1}), .max_depth = 128});
  const bool matches = value.ok() && openexec::verify_receipt(id, text, receipt->string()).ok();
  const Executor* executor = executor_.load(std::memory_order_acquire);
  if (executor == nullptr) return problem(nullptr, 503, "starting");
  Digest digest{};
  (void)from_hex(id, digest);
  const auto found = exec::find_receipt(executor->outcome_entry(digest), executor->log(), id, receipt->string());
  if (!found.ok()) return problem(nullptr, 503, found.status().detail());
  const bool valid = matches || (value.ok() && *found && exec::records((*found)->entry, value->root()));
  return answer(200, exec::recorded_json(valid, *found));
}

}  // namespace openexec::service
