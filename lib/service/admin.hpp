// SPDX-License-Identifier: Apache-2.0
// The operator's own way in: a unix socket, apart from whatever proposers reach.
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

/// GET /status; POST /halt, /resume, /revoke, one request a connection. The kernel says which user a peer is, before a
/// byte of it is read: this process's user, root, or one of the users listed. Mode 0600 unless any is.
///
/// A halt must take effect whatever the other peers do. One thread polls them all, and nothing of a peer can hold it
/// up:
///   1. A user who is not listed is told so and closed at once, and one line a second counts them in the log.
///   2. Each user has `seats` of their own, so that no user takes another's. If they are all taken, the newest connection
///      takes the seat of the process that has the most, the oldest of its connections first. Handler commands run as
///      the service's own user, which is why a silent connection never holds its seat against an operator.
///   3. A request that has come whole is never unseated. At most half of a user's seats may wait with one, and the next
///      is answered 503 unless it is a halt.
///   4. Halts are carried out before everything else that waits, and one other order between two looks at the sockets.
class AdminListener {
 public:
  static constexpr std::size_t seats = 32;

  /// Returns how many descriptors a listener with so many listed users may have open.
  [[nodiscard]] static std::size_t descriptors(std::size_t listed) { return seats * (listed + 2) + 2; }

  /// Throws std::runtime_error where the path cannot be had. A socket without a listener is replaced.
  AdminListener(std::string path, std::vector<std::uint32_t> uids, Executor& executor, EventLog& log, const Api& api);
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;
  /// Stops listening, and takes the socket away.
  ~AdminListener();

 private:
  using Time = AdminPeer::Time;
  using Peers = std::list<AdminPeer>;

  /// What is logged as a sum, since a peer can cause any number of it.
  struct Tally {
    std::uint64_t unlisted = 0;
    std::uint64_t unseated = 0;  ///< silent connections that lost their seat or their time
    uid_t uid = 0;               ///< of the newest
    Time written{};
  };

  void run();
  /// Waits until a socket is ready or a deadline is over. Returns false when the listener is to end.
  bool wait();
  void look();
  void accept();
  void seat(base::Descriptor socket);
  /// Makes room for one more of this user. Returns false if each seat is held by a whole request.
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
  Time accepts_again_{};  ///< while there were no descriptors left
  Tally tally_;
  std::thread thread_;
};

}  // namespace openexec::service
