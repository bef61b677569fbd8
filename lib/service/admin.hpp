// The operator's own way in: a unix socket, apart from whatever proposers reach.
#pragma once

#include <sys/types.h>

#include <string>
#include <thread>

#include <openexec/executor.hpp>

#include "service/event_log.hpp"

namespace openexec::service {

/// GET /status; POST /halt, /resume, /revoke. One request a connection, one after the other: whoever may connect may stop
/// everything, so that there is nobody to be protected from the other. The socket has mode 0600, and each peer is asked
/// of the kernel: it has to be this process's user, or root.
class AdminListener {
 public:
  /// Throws std::runtime_error where the path cannot be had. A socket that nobody listens on any more is replaced.
  AdminListener(std::string path, Executor& executor, EventLog& log);
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;
  /// Stops listening, and takes the socket away.
  ~AdminListener();

 private:
  void bind();
  void run();
  void serve(int peer);

  const std::string path_;
  Executor& executor_;
  EventLog& log_;
  int listener_ = -1;
  int stop_ = -1;  ///< an eventfd
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::thread thread_;
};

}  // namespace openexec::service
