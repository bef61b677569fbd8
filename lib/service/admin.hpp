// SPDX-License-Identifier: Apache-2.0
// The operator's interface. It is a unix socket, apart from the port that proposers reach.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

#include <openexec/executor.hpp>

#include "api/api.hpp"
#include "api/event_log.hpp"
#include "base/descriptor.hpp"
#include "http/unix_socket.hpp"
#include "service/admin_peer.hpp"

namespace openexec::service {

/// Serves GET /status and POST /halt, /resume and /revoke, one request on each connection. The kernel names the user of
/// a peer before any byte is read. This process's user, root, and the listed users are accepted. The socket has mode
/// 0600 unless users are listed.
///
/// A halt must take effect whatever the other peers do. One thread polls all of them, and no peer can block it.
///   1. A connection of a user who is not listed is answered with a refusal and closed at once, and one line a second
///      counts these connections in the log.
///   2. Each user has `seats` connection slots, so that no user takes a slot of another. If a user's slots are all
///      taken, a new connection takes one from the process of that user with the most connections, and there the oldest
///      one. Handler commands run as the service's own user, which is why a silent connection never keeps its slot
///      against an operator.
///   3. A connection whose request is complete never loses its slot. At most half of a user's slots may hold such
///      requests, and the next one is answered 503 unless it is a halt.
///   4. The thread carries out all halts before any other order, and one other order between two polls of the sockets.
class AdminListener {
 public:
  static constexpr std::size_t seats = 32;

  /// Returns how many descriptors a listener with so many listed users may have open.
  [[nodiscard]] static std::size_t descriptors(std::size_t listed) { return seats * (listed + 2) + 2; }

  /// Throws std::runtime_error if it cannot listen at the path. A socket that has no listener is replaced.
  AdminListener(std::string path, std::vector<std::uint32_t> uids, Executor& executor, EventLog& log, const Api& api);
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;
  /// Stops listening, and removes the socket.
  ~AdminListener();

 private:
  using Time = AdminPeer::Time;
  using Peers = std::list<AdminPeer>;

  /// Events that are logged as sums, since a peer can cause any number of them.
  struct Tally {
    std::uint64_t unlisted = 0;
    std::uint64_t unseated = 0;  ///< silent connections that lost their slot or exceeded their time
    uid_t uid = 0;               ///< user of the newest event
    Time written{};
  };

  void run();
  /// Waits until a socket is ready or a deadline is over. Returns false when the listener is to end.
  bool wait();
  void look();
  void accept();
  void seat(base::Descriptor socket);
  /// Makes room for one more connection of this user. Returns false if every slot holds a complete request.
  bool make_room(uid_t uid) noexcept;
  void admit(AdminPeer& peer);
  void carry_out();
  void serve(AdminPeer& peer);
  void end_late_ones();
  void count(std::uint64_t Tally::*what, uid_t uid) noexcept;
  void write_tally();
  [[nodiscard]] bool may_order(uid_t uid) const;
  [[nodiscard]] std::size_t waiting(uid_t uid) const noexcept;

  const std::vector<std::uint32_t> uids_;
  Executor& executor_;
  EventLog& log_;
  const Api& api_;  ///< for its metrics
  http::UnixSocket socket_;
  base::Descriptor stop_;  ///< an eventfd
  const std::string forbidden_;
  Peers peers_;  ///< oldest first
  std::vector<pollfd> polled_;
  Time accepts_again_{};  ///< when accept() is tried again after the descriptors ran out
  Tally tally_;
  std::thread thread_;
};

}  // namespace openexec::service
