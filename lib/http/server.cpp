// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <utility>

#include "http/network.hpp"

namespace openexec::http {

Server::Server(Application& application) : network_(std::make_unique<Network>(application)) {}
Server::~Server() = default;

Status Server::listen(ServerOptions options) { return network_->listen(std::move(options)); }
void Server::run() { network_->run(); }
void Server::drain() noexcept { network_->drain(); }
void Server::stop() { network_->stop(); }
std::uint16_t Server::port() const noexcept { return network_->port(); }
std::size_t Server::in_flight() const noexcept { return network_->in_flight(); }

void Deferral::answer(Response&& response) noexcept {
  if (one_.empty()) return;
  one_.front().response = std::move(response);
  one_.front().lost = false;
  hand_back();
}

void Deferral::hand_back() noexcept {
  if (!one_.empty()) network_->hand_back(one_);
}

Response Application::refuse(const RequestLine&, int status, std::string_view detail) {
  return problem(status, detail);
}

Response Application::missing(const RequestLine& line, Missing why) {
  return why == Missing::late ? refuse(line, 503, "no answer in time") : refuse(line, 500, "the answer was lost");
}

}  // namespace openexec::http
