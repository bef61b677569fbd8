// SPDX-License-Identifier: Apache-2.0
// The sockets: one I/O thread accepts, reads and writes; workers wait.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <openexec/service.hpp>

#include "api/api.hpp"
#include "api/event_log.hpp"
#include "base/mutex.hpp"
#include "http/visitors.hpp"
#include "service/worker_pool.hpp"

namespace openexec::service {

class Connection;

/// A request on its way through a worker.
struct Work {
  const Route* route = nullptr;
  std::string argument;
  std::string query;
  std::string body;
  std::optional<std::string> idempotency_key;
  bool wants_proof = false;
  std::shared_ptr<Connection> connection;
  std::uint64_t ticket = 0;  ///< Connection::answer() drops what it no longer waits for
  Answer answer;             ///< the worker's
  bool lost = false;         ///< the worker could not make one
};

/// Everything but the constructor, listen(), run(), and what says otherwise belongs to the I/O thread.
///
/// An allocation may fail anywhere. It costs the request or the connection that it was for, and nothing else:
///   1. What throws on the I/O thread ends in run(), which arms again whatever is no longer armed (accepting, the
///      deadlines, the wake-up) before it goes on.
///   2. A worker hands its answer back without allocating: the request moves from one list to another, and an eventfd
///      wakes the I/O thread.
class Server {
 public:
  Server(Api& api, EventLog& log, const ServiceOptions& options);
  ~Server();

  Status listen();
  /// The I/O thread: until drained, or stopped.
  void run();

  // Any thread.
  void drain();
  /// The executor is there: starts the executions that waited for it.
  void serve() noexcept { wake(); }
  void stop() { io_.stop(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t running() const { return running_.load(std::memory_order_relaxed); }

  [[nodiscard]] std::size_t queued() const { return executions_ ? executions_->waiting() : 0; }

  [[nodiscard]] Api& api() { return api_; }
  [[nodiscard]] EventLog& log() { return log_; }
  [[nodiscard]] const ServiceOptions& options() const { return options_; }
  [[nodiscard]] const std::string& http_date();
  [[nodiscard]] const http::Visitors& visitors() const { return visitors_; }
  /// Whether the name that a client calls the service by is checked.
  [[nodiscard]] bool checks_names() const { return loopback_ || visitors_.names_hosts() || api_.is_demo(); }

  /// False where the route's queue is full, or too many large bodies wait.
  [[nodiscard]] bool submit(Work work);

  void enter(Connection& connection);
  void leave(Connection& connection);
  /// While draining: ends the connections that wait for nothing, once no answer is on its way any more.
  void settle();

 private:
  using Works = std::list<Work>;

  /// Arms what is not armed. Returns false if memory is short.
  bool arm() noexcept;
  void accept();
  void accept_later();
  void take(boost::asio::ip::tcp::socket socket);
  void sweep();
  void end_late_ones();
  /// Wakes the I/O thread. From any thread.
  void wake() noexcept;
  void await_wake();
  void on_wake();
  void work(Works::iterator job) noexcept;
  void finish(Work& work);
  /// For the executor, or for the budget of large bodies.
  [[nodiscard]] bool must_wait(const Work& work) const;
  [[nodiscard]] bool awaits_executor(const Work& work) const;
  /// Gives a request to the workers, out of the list in which it is. False where their queue is full.
  bool start(Works& from, Works::iterator job);
  void start_waiting();
  /// Gives back to the system what large bodies were read with.
  void trim();

  Api& api_;
  EventLog& log_;
  const ServiceOptions& options_;
  http::Visitors visitors_;
  bool loopback_ = true;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> running_{0};
  std::string date_;
  std::int64_t date_second_ = -1;

  // These outlive io_, whose end destroys them; the workers end before it.
  std::unordered_set<Connection*> connections_;
  bool accepting_ = false;  // these three: Armed
  bool sweeping_ = false;
  bool waking_ = false;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  boost::asio::steady_timer sweeper_{io_};
  boost::asio::steady_timer pause_{io_};
  boost::asio::posix::stream_descriptor wakeup_{io_};  ///< an eventfd

  bool settled_ = false;  ///< drained: nothing is armed again
  bool ended_ = false;

  Works waiting_;  ///< in their order, outside the workers' queue
  std::size_t waiting_bytes_ = 0;
  std::size_t large_bytes_ = 0;  ///< with the workers
  std::atomic<bool> trimming_{false};

  base::Mutex works_mutex_;  ///< guards these two lists, not what is in them
  Works working_ OPENEXEC_GUARDED_BY(works_mutex_);
  Works worked_ OPENEXEC_GUARDED_BY(works_mutex_);
  std::unique_ptr<WorkerPool> executions_;
  std::unique_ptr<WorkerPool> reads_;
};

}  // namespace openexec::service
