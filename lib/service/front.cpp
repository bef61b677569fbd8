// SPDX-License-Identifier: Apache-2.0
#include "service/front.hpp"

#include <string>
#include <utility>

#include "api/structured_field.hpp"

namespace openexec::service {
namespace {

/// The route that decides the shape of an answer given before the head is understood.
const Route* asked_for(const http::RequestLine& line) { return Api::find(line.method, line.target); }

/// The outcome of an execution, for the log.
void tell_execution(const Answer& answer, JsonObject& line) {
  line.text_or_null("action", answer.action)
      .text_or_null("verdict", answer.verdict)
      .text_or_null("effect", answer.effect)
      .boolean("replayed", answer.replayed);
}

const Answer& noted(const http::Response& response) {
  static const Answer none;
  const auto* answer = std::any_cast<Answer>(&response.note);
  return answer != nullptr ? *answer : none;
}

std::optional<std::string> idempotency_key(const http::Head& head) {
  std::optional<std::string> key;
  for (const std::string_view line : head.all("Idempotency-Key")) {
    key = key ? *key + "\n" : std::string();
    *key += line;
  }
  return key;
}

bool wants_proof(const http::Head& head) {
  for (const std::string_view preference : head.all("Prefer"))
    if (prefers(preference, "receipt-proof")) return true;
  return false;
}

}  // namespace

Front::Front(Api& api, EventLog& log, const ServiceOptions& options)
    : api_(api), log_(log), options_(options), dispatcher_(api, options) {}

Status Front::listen() {
  http::ServerOptions chosen;
  chosen.address = {.host = options_.host, .port = options_.port};
  chosen.allowed_hosts = options_.allowed_hosts;
  chosen.allowed_origins = options_.allowed_origins;
  chosen.limits = {.head = options_.header_limit, .body = options_.body_limit};
  chosen.deadlines = {.idle = options_.idle_deadline,
                      .header = options_.header_deadline,
                      .body = options_.body_deadline,
                      .write = options_.write_deadline,
                      .answer = options_.request_deadline};
  chosen.max_connections = options_.max_connections;
  // A request whose client was answered in_progress is in flight without a connection. The queues bound their number.
  chosen.max_in_flight = Dispatcher::capacity(options_);
  if (Status status = server_.listen(std::move(chosen)); !status.ok()) return status;
  return dispatcher_.start();
}

void Front::drain() {
  api_.drain();
  dispatcher_.serve();  // requests that waited for an executor are answered that nothing ran
  server_.drain();
}

std::optional<http::Response> Front::judge(const http::Head& head, std::any& context) {
  service::Head asked{.method = head.method,
                      .target = head.target,
                      .content_type = head.all("Content-Type"),
                      .content_encoding = head.first("Content-Encoding")};
  Routed routed = api_.route(asked);
  std::optional<Answer> refusal = std::exchange(routed.refusal, {});
  context = std::move(routed);
  if (!refusal) return std::nullopt;
  return to_response(*std::move(refusal));
}

std::optional<http::Response> Front::handle(http::Request request, http::Exchange& exchange) {
  const auto& routed = *std::any_cast<Routed>(&request.context);
  const Route& route = *routed.route;
  if (route.lane == Lane::immediate) return to_response(api_.run(route, Call{.argument = routed.argument}));
  if (route.lane == Lane::execute && api_.draining())
    return to_response(Api::problem(&route, 503, "the service is draining; nothing ran"));
  Work work;
  work.route = &route;
  work.argument = routed.argument;
  work.query = routed.query;
  work.body = std::move(request.body);
  if (!options_.ignore_idempotency_key) work.idempotency_key = idempotency_key(request.head);
  work.wants_proof = wants_proof(request.head);
  work.deferral = exchange.defer();
  dispatcher_.submit(std::move(work));
  return std::nullopt;
}

http::Response Front::refuse(const http::RequestLine& line, int status, std::string_view detail) {
  return to_response(Api::problem(asked_for(line), status, detail));
}

http::Response Front::missing(const http::RequestLine& line, Missing why) {
  if (why == Missing::lost) return refuse(line, 500, "the answer was lost; ask again with the same nonce");
  const Route* const route = asked_for(line);
  if (route != nullptr && route->lane == Lane::execute)
    return refuse(line, 409, "still running; ask again with the same nonce");
  return refuse(line, 503, "no answer in time");
}

void Front::served(const http::Served& served) {
  auto line = EventLog::line("request");
  // Only paths of the service are logged, since a client may send any text as a path.
  if (!served.method.empty()) line.text("method", served.method);
  const auto* routed = std::any_cast<Routed>(&served.context);
  const Route* const route = routed != nullptr ? routed->route : asked_for(served.line);
  line.text("path", route != nullptr ? route->path : "unknown");
  const Answer& answered = noted(served.response);
  line.number("status", served.response.status).text("code", answered.code).text_or_null("exec_id", answered.exec_id);
  if (!answered.verdict.empty()) tell_execution(answered, line);
  line.text("peer", served.peer)
      .number("duration_us", served.duration.count())
      .number("bytes_out", served.bytes_out)
      .boolean("delivered", served.delivered);
  log_.write(line);
}

void Front::answered_late(const http::Response& response) {
  const Answer& answered = noted(response);
  auto line = EventLog::line("late_answer");
  line.text("code", answered.code).text_or_null("exec_id", answered.exec_id);
  tell_execution(answered, line);
  log_.write(line);
}

}  // namespace openexec::service
