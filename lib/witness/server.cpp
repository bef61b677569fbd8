// SPDX-License-Identifier: Apache-2.0
#include "witness/server.hpp"

#include <algorithm>
#include <any>
#include <optional>
#include <utility>

#include "http/application.hpp"
#include "http/server.hpp"

namespace openexec::witness {
namespace {

constexpr std::size_t header_limit = 8192;
constexpr std::chrono::milliseconds longest_header{5'000};
constexpr std::string_view add_path = "/add-checkpoint";
constexpr std::string_view health_path = "/health";
constexpr std::string_view checkpoint_path = "/HASH/checkpoint";  // as the log names it
constexpr std::string_view paths_text =
    "no such path; the paths are POST /add-checkpoint, GET /HASH/checkpoint, GET /health";

/// Returns the hash of an origin in the path /HASH/checkpoint (C2SP tlog-witness), or an empty text for any other path.
std::string_view hash_in(std::string_view target) {
  constexpr std::size_t digits = 64;
  constexpr std::string_view end = "/checkpoint";
  if (target.size() != 1 + digits + end.size() || target.front() != '/' || !target.ends_with(end)) return {};
  const std::string_view hash = target.substr(1, digits);
  return hash.find_first_not_of("0123456789abcdef") == hash.npos ? hash : std::string_view();
}

/// Returns the path for the operator's log, or an empty text if the target is not a path of this server.
std::string_view path_in(std::string_view target) {
  if (target == health_path) return health_path;
  if (target == add_path) return add_path;
  return hash_in(target).empty() ? std::string_view() : checkpoint_path;
}

http::Response to_response(Reply reply) {
  return {.status = reply.status, .body = std::move(reply.body), .content_type = std::move(reply.content_type)};
}

}  // namespace

/// Answers on the server's thread, one request at a time. All answers share one state file, and each of them waits for
/// the disk.
class Server::Paths final : public http::Application {
 public:
  Paths(Add add, Checkpoint checkpoint, Log log)
      : add_(std::move(add)), checkpoint_(std::move(checkpoint)), log_(std::move(log)) {}

  std::optional<http::Response> judge(const http::Head& head, std::any&) override {
    const std::string_view path = path_in(head.target);
    if (path.empty()) return http::problem(404, paths_text);
    const std::string_view method = path == add_path ? "POST" : "GET";
    if (head.method != method) {
      http::Response refusal = http::problem(405, "this path takes " + std::string(method));
      refusal.allow = method;
      return refusal;
    }
    if (!head.all("Content-Encoding").empty()) return http::problem(415, "Content-Encoding is not supported");
    return std::nullopt;
  }

  std::optional<http::Response> handle(http::Request request, http::Exchange&) override {
    const std::string_view path = path_in(request.head.target);
    if (path == health_path) return to_response({200, "text/plain; charset=utf-8", "ok\n"});
    if (path == checkpoint_path) return to_response(checkpoint_(hash_in(request.head.target)));
    return to_response(add_(request.body));
  }

  void served(const http::Served& served) override {
    log_({.method = served.method,
          .path = path_in(served.line.target),
          .status = served.response.status,
          .duration = served.duration,
          .bytes_out = served.bytes_out,
          .delivered = served.delivered});
  }

  http::ServerOptions options;
  http::Server server{*this};

 private:
  const Add add_;
  const Checkpoint checkpoint_;
  const Log log_;
};

Server::Server(const ServerOptions& options, std::size_t body_limit, Add add, Checkpoint checkpoint, Log log)
    : paths_(std::make_unique<Paths>(std::move(add), std::move(checkpoint), std::move(log))) {
  http::ServerOptions& chosen = paths_->options;
  chosen.address = {.host = options.host, .port = options.port};
  chosen.allowed_hosts = options.allowed_hosts;
  chosen.limits = {.head = header_limit, .body = body_limit};
  chosen.deadlines.idle = options.header_deadline;
  chosen.deadlines.header = std::min(options.header_deadline, longest_header);
  chosen.deadlines.body = options.body_deadline;
  chosen.deadlines.write = options.write_deadline;
  chosen.max_connections = options.max_connections;
  chosen.drains_on_signals = true;
}

Server::~Server() = default;

Status Server::listen() { return paths_->server.listen(paths_->options); }
std::uint16_t Server::port() const { return paths_->server.port(); }
void Server::run() { paths_->server.run(); }

}  // namespace openexec::witness
