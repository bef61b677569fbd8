// SPDX-License-Identifier: Apache-2.0
#include "service/admin_peer.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "http/visitors.hpp"

namespace openexec::service {
namespace {

constexpr std::chrono::seconds time_to_take_it{5};

bool is_not_yet(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

AdminPeer::AdminPeer(base::Descriptor socket, uid_t uid, pid_t pid, Time deadline)
    : socket_(std::move(socket)),
      uid_(uid),
      pid_(pid),
      deadline_(deadline),
      reader_({.head = max_admin_head, .body = max_admin_request}) {}

void AdminPeer::proceed() noexcept {
  try {
    if (state_ == State::asking) return receive();
    if (state_ == State::answering) return send();
  } catch (const std::exception&) {  // most likely memory ran out; only this peer is dropped
    state_ = State::gone;
  }
}

void AdminPeer::receive() {
  while (state_ == State::asking) {
    const auto room = reader_.room();
    const ssize_t got = ::recv(fd(), room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && is_not_yet(errno)) return;
    if (got < 0) return give_up();
    if (got > 0)
      reader_.took(static_cast<std::size_t>(got));
    else
      reader_.ended();
    look();
    if (got == 0 && state_ == State::asking) return give_up();
  }
}

void AdminPeer::look() {
  using From = http::Reader::State;
  if (reader_.state() == From::headed) {
    // No host name leads to a unix socket, so Host is not compared with names. Web pages may not use this socket at
    // all.
    if (const auto wrong = http::visitor_problem(reader_.head(), {}, false)) return refuse(*wrong);
    reader_.read_body();
    if (reader_.state() == From::body && reader_.awaits_continue())  // it fits, since nothing was sent before
      (void)::send(fd(), http::continue_line.data(), http::continue_line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (reader_.state() == From::refused) return refuse(reader_.problem());
  if (reader_.state() != From::whole) return;
  request_ = {std::string(reader_.head().method), std::string(reader_.head().target), reader_.take_body()};
  state_ = State::asked;
}

void AdminPeer::refuse(const http::Problem& problem) {
  answer(admin_problem(problem.status, http::problem_code(problem.status), problem.detail));
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
