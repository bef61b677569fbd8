// The operator's own way in: a unix socket, apart from whatever proposers reach.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <openexec/executor.hpp>

#include "service/event_log.hpp"

namespace openexec::service {

/// GET /status; POST /halt, /resume, /revoke. One request a connection, one after the other: whoever may connect may stop
/// everything, so that there is nobody to be protected from the other; and each has five seconds. The kernel says who a peer
/// is, before a byte of it is read: this process's user, root, or one of the users listed. Mode 0600 unless any is.
class AdminListener {
 public:
  /// Throws std::runtime_error where the path cannot be had. A socket that nobody listens on any more is replaced.
  AdminListener(std::string path, std::vector<std::uint32_t> uids, Executor& executor, EventLog& log);
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;
  /// Stops listening, and takes the socket away.
  ~AdminListener();

 private:
  void bind();
  void run();
  void serve(int peer);
  [[nodiscard]] bool may_order(uid_t uid) const;

  const std::string path_;
  const std::vector<std::uint32_t> uids_;
  Executor& executor_;
  EventLog& log_;
  int listener_ = -1;
  int stop_ = -1;  ///< an eventfd
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::thread thread_;
};

}  // namespace openexec::service
