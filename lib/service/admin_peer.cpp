// SPDX-License-Identifier: Apache-2.0
#include "service/admin_peer.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "http/head.hpp"

namespace openexec::service {
namespace {

namespace http = boost::beast::http;

constexpr std::chrono::seconds time_to_take_it{5};

bool is_not_yet(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

AdminPeer::AdminPeer(base::Descriptor socket, uid_t uid, pid_t pid, Time deadline)
    : socket_(std::move(socket)), uid_(uid), pid_(pid), deadline_(deadline) {
  parser_.eager(true);
  parser_.body_limit(max_admin_request);
}

void AdminPeer::proceed() noexcept {
  try {
    if (state_ == State::asking) return receive();
    if (state_ == State::answering) return send();
  } catch (const std::exception&) {  // most likely memory: this peer goes, the others stay
    state_ = State::gone;
  }
}

void AdminPeer::receive() {
  char chunk[4096];
  while (state_ == State::asking) {
    const ssize_t got = ::recv(fd(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && is_not_yet(errno)) return;
    if (got <= 0) return give_up();
    unparsed_.append(chunk, static_cast<std::size_t>(got));
    received_ += static_cast<std::size_t>(got);
    if (const auto problem = parse()) return answer(*problem);
    if (!parser_.is_done()) continue;
    auto& message = parser_.get();
    request_ = {std::string(message.method_string()), std::string(message.target()), std::move(message.body())};
    state_ = State::asked;
  }
}

std::optional<AdminAnswer> AdminPeer::parse() {
  const std::size_t head = openexec::http::head_size(unparsed_);
  if (!parser_.is_header_done() && openexec::http::has_lone_line_feed({unparsed_.data(), head > 0 ? head : unparsed_.size()}))
    return admin_problem(400, "bad_request", "a line of the header must end with CR LF (RFC 9112)");
  if (!parser_.is_header_done() && openexec::http::has_folded_line({unparsed_.data(), head}))
    return admin_problem(400, "bad_request", "a header line begins with a blank (obs-fold)");
  boost::system::error_code error;
  unparsed_.erase(0, parser_.put(boost::asio::buffer(unparsed_), error));
  if (received_ > max_admin_request || error == http::error::body_limit)
    return admin_problem(413, "body_too_large", "over " + std::to_string(max_admin_request) + " bytes");
  if (error && error != http::error::need_more) return admin_problem(400, "bad_request", error.message());
  return std::nullopt;
}

void AdminPeer::answer(const AdminAnswer& answer) {
  answer_ = to_http(answer);
  state_ = State::answering;
  deadline_ = std::chrono::steady_clock::now() + time_to_take_it;
  send();
}

void AdminPeer::send() noexcept {
  while (sent_ < answer_.size()) {
    const ssize_t now = ::send(fd(), answer_.data() + sent_, answer_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0 && is_not_yet(errno)) return;
    if (now <= 0) break;
    sent_ += static_cast<std::size_t>(now);
  }
  state_ = State::gone;
}

void AdminPeer::expire() noexcept {
  try {
    if (state_ == State::asking) return answer(admin_problem(408, "request_timeout", "the request took too long"));
  } catch (const std::exception&) {
  }
  state_ = State::gone;
}

}  // namespace openexec::service
