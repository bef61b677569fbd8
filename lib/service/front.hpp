// SPDX-License-Identifier: Apache-2.0
// Connects the API to an HTTP server. It finds the route of a request, gives it to a worker, and writes the log.
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <openexec/service.hpp>

#include "api/api.hpp"
#include "api/event_log.hpp"
#include "http/application.hpp"
#include "http/server.hpp"
#include "service/dispatcher.hpp"

namespace openexec::service {

/// One listening address with its workers. Everything but run() may be called from any thread.
class Front final : private http::Application {
 public:
  Front(Api& api, EventLog& log, const ServiceOptions& options);

  Status listen();
  /// Runs the server on the calling thread until it is drained or stopped.
  void run() { server_.run(); }

  void drain();
  /// Called once the executor exists. Starts the executions that waited for it.
  void serve() noexcept { dispatcher_.serve(); }
  void stop() { server_.stop(); }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] std::size_t running() const { return server_.in_flight(); }
  [[nodiscard]] std::size_t queued() const { return dispatcher_.queued(); }

 private:
  std::optional<http::Response> judge(const http::Head& head, std::any& context) override;
  std::optional<http::Response> handle(http::Request request, http::Exchange& exchange) override;
  http::Response refuse(const http::RequestLine& line, int status, std::string_view detail) override;
  http::Response missing(const http::RequestLine& line, Missing why) override;
  bool checks_names() const override { return api_.is_demo(); }
  void served(const http::Served& served) override;
  void answered_late(const http::Response& response) override;
  void connection_failed() noexcept override { log_.write_if_possible("connection_failed"); }

  Api& api_;
  EventLog& log_;
  const ServiceOptions& options_;
  http::Server server_{*this};
  Dispatcher dispatcher_;  ///< its workers end before the server does
};

}  // namespace openexec::service
