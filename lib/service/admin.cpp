// SPDX-License-Identifier: Apache-2.0
#include "service/admin.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace openexec::service {
namespace {

using std::chrono::steady_clock;
using State = AdminPeer::State;

template <class Peers, class Which>
std::size_t count_if(const Peers& peers, Which which) noexcept {
  return static_cast<std::size_t>(std::count_if(peers.begin(), peers.end(), which));
}

constexpr auto patience = std::chrono::seconds(5);  // within which a request must be complete
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto tally_interval = std::chrono::seconds(1);
constexpr int accepts_a_look = 128;  // a bound, so that a halt is carried out while new connections keep coming

}  // namespace

AdminListener::AdminListener(std::string path, std::vector<std::uint32_t> uids, Executor& executor, EventLog& log,
                             const Api& api)
    : uids_(std::move(uids)),
      executor_(executor),
      log_(log),
      api_(api),
      // A mode cannot name the listed users: every user may connect, and the kernel names the peer.
      socket_(std::move(path), uids_.empty() ? 0600 : 0666),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      forbidden_(to_http(admin_problem(403, "forbidden", "this user is not on the list of the admin socket"))) {
  if (!stop_.open()) throw std::runtime_error("the admin socket: no descriptor is left for it");
  polled_.reserve(descriptors(uids_.size()));
  thread_ = std::thread([this] { run(); });
}

AdminListener::~AdminListener() {
  const std::uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void AdminListener::run() {
  while (wait()) {
    look();
    accept();
    carry_out();
    end_late_ones();
    peers_.remove_if([](const AdminPeer& peer) { return peer.state() == State::gone; });
    write_tally();
  }
  tally_.written = {};
  write_tally();
}

bool AdminListener::wait() {
  const Time now = steady_clock::now();
  Time until = Time::max();
  bool waits = false;
  // Room was reserved: nothing below allocates.
  polled_.clear();
  polled_.push_back({stop_.get(), POLLIN, 0});
  polled_.push_back({accepts_again_ > now ? -1 : socket_.fd(), POLLIN, 0});
  if (accepts_again_ > now) until = accepts_again_;
  if (tally_.unlisted + tally_.unseated > 0) until = std::min(until, tally_.written + tally_interval);
  for (const AdminPeer& peer : peers_) {
    const State state = peer.state();
    waits = waits || state == State::asked;
    until = std::min(until, peer.deadline());
    const short event = state == State::asking ? POLLIN : POLLOUT;
    polled_.push_back({state == State::asked ? -1 : peer.fd(), event, 0});
  }
  int timeout = -1;
  if (waits || until <= now)
    timeout = 0;
  else if (until != Time::max())
    timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
  if (::poll(polled_.data(), polled_.size(), timeout) < 0) {
    for (pollfd& each : polled_) each.revents = 0;
    return errno == EINTR || errno == ENOMEM || errno == EAGAIN;
  }
  return polled_[0].revents == 0;
}

void AdminListener::look() {
  auto polled = polled_.begin() + 2;
  for (AdminPeer& peer : peers_) {
    if ((polled++)->revents == 0) continue;
    peer.proceed();
    admit(peer);
  }
}

void AdminListener::accept() {
  if (polled_[1].revents == 0) return;
  for (int i = 0; i < accepts_a_look; ++i) {
    base::Descriptor peer(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.open()) {
      seat(std::move(peer));
    } else if (errno != EINTR && errno != ECONNABORTED) {
      // If no descriptor is left, the peer stays in the queue, and accept() is tried again after accept_pause.
      if (errno != EAGAIN && errno != EWOULDBLOCK) accepts_again_ = steady_clock::now() + accept_pause;
      return;
    }
  }
}

void AdminListener::seat(base::Descriptor socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (!may_order(peer.uid)) {
    count(&Tally::unlisted, peer.uid);
    (void)::send(socket.get(), forbidden_.data(), forbidden_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  try {
    Peers one;
    AdminPeer& seated = one.emplace_back(std::move(socket), peer.uid, peer.pid, steady_clock::now() + patience);
    // Most operators have sent the whole request by now. A client that has closed its connection takes no slot.
    seated.proceed();
    if (seated.state() == State::gone || !make_room(peer.uid)) return;
    peers_.splice(peers_.end(), one);
    admit(seated);
  } catch (const std::exception&) {  // most likely memory ran out; only this peer is dropped
  }
}

bool AdminListener::make_room(uid_t uid) noexcept {
  const auto holds = [&](const AdminPeer& peer) { return peer.uid() == uid && peer.state() != State::gone; };
  if (count_if(peers_, holds) < seats) return true;
  auto loses = peers_.end();  // the oldest connection of the process with the most
  std::size_t most = 0;
  for (auto peer = peers_.begin(); peer != peers_.end(); ++peer) {
    if (!holds(*peer) || peer->state() == State::asked) continue;
    const std::size_t has = count_if(peers_, [&](const AdminPeer& other) { return other.pid() == peer->pid(); });
    if (has <= most) continue;
    most = has;
    loses = peer;
  }
  if (loses == peers_.end()) return false;
  peers_.erase(loses);
  count(&Tally::unseated, uid);
  return true;
}

void AdminListener::admit(AdminPeer& peer) {
  if (peer.state() != State::asked || peer.request().is_halt() || waiting(peer.uid()) <= seats / 2) return;
  try {
    peer.answer(admin_problem(503, "unavailable", "too many orders of this user wait; nothing was done; try again"));
  } catch (const std::exception&) {
    peer.give_up();
  }
}

void AdminListener::carry_out() {
  AdminPeer* other = nullptr;
  for (AdminPeer& peer : peers_) {
    if (peer.state() != State::asked) continue;
    if (peer.request().is_halt())
      serve(peer);
    else if (other == nullptr)
      other = &peer;
  }
  if (other != nullptr) serve(*other);
}

void AdminListener::serve(AdminPeer& peer) {
  try {
    const AdminRequest& request = peer.request();
    const bool measures = request.method == "GET" && request.target == "/metrics";
    const AdminAnswer answered = measures ? AdminAnswer{200, api_.metrics_text(), Metrics::content_type}
                                          : answer_admin(executor_, request, peer.uid());
    log_.write(EventLog::line("admin")
                   .text_or_null("path", peer.request().known_target())
                   .number("uid", peer.uid())
                   .number("pid", peer.pid())
                   .number("status", answered.status));
    if (!answered.contradicted.empty())
      log_.write(
          EventLog::line("settlement_contradicts").text("exec_id", answered.contradicted).number("uid", peer.uid()));
    peer.answer(answered);
  } catch (const std::exception&) {  // most likely memory ran out; the order's own entry says its outcome
    peer.give_up();
  }
}

void AdminListener::end_late_ones() {
  const Time now = steady_clock::now();
  for (AdminPeer& peer : peers_) {
    if (peer.deadline() > now || peer.state() == State::asked || peer.state() == State::gone) continue;
    count(&Tally::unseated, peer.uid());
    peer.expire();
  }
}

void AdminListener::count(std::uint64_t Tally::*what, uid_t uid) noexcept {
  ++(tally_.*what);
  tally_.uid = uid;
}

void AdminListener::write_tally() {
  const Time now = steady_clock::now();
  if (tally_.unlisted + tally_.unseated == 0 || now < tally_.written + tally_interval) return;
  try {
    log_.write(EventLog::line("admin_turned_away")
                   .number("unlisted", static_cast<std::int64_t>(tally_.unlisted))
                   .number("unseated", static_cast<std::int64_t>(tally_.unseated))
                   .number("uid", tally_.uid));
    tally_ = {};
  } catch (const std::exception&) {  // most likely memory ran out; the tally keeps its counts for the next line
  }
  tally_.written = now;
}

bool AdminListener::may_order(uid_t uid) const {
  return uid == ::geteuid() || uid == 0 || std::find(uids_.begin(), uids_.end(), uid) != uids_.end();
}

std::size_t AdminListener::waiting(uid_t uid) const noexcept {
  return count_if(peers_, [&](const AdminPeer& peer) {
    return peer.uid() == uid && peer.state() == State::asked && !peer.request().is_halt();
  });
}

}  // namespace openexec::service
