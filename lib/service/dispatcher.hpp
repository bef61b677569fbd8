// SPDX-License-Identifier: Apache-2.0
// Gives requests to workers, in their order and within the budget of large bodies.
#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <openexec/service.hpp>

#include "api/api.hpp"
#include "base/mutex.hpp"
#include "http/application.hpp"
#include "service/worker_pool.hpp"

namespace openexec::service {

/// A request on its way through a worker.
struct Work {
  const Route* route = nullptr;
  std::string argument;
  std::string query;
  std::string body;
  std::optional<std::string> idempotency_key;
  bool wants_proof = false;
  http::Deferral deferral;
};

/// The response of an answer, with what the log is told of it as its note. Precondition of reading the note: it is an
/// Answer, without its body.
http::Response to_response(Answer answer);

/// Thread-safe. A request is answered whatever happens to it here: one that finds the queue full with 429.
class Dispatcher {
 public:
  Dispatcher(Api& api, const ServiceOptions& options) : api_(api), options_(options) {}
  ~Dispatcher();

  /// Starts the threads.
  Status start();
  void submit(Work work);
  /// The executor is there: starts the executions that waited for it.
  void serve() noexcept;

  /// Executions that wait for a worker.
  [[nodiscard]] std::size_t queued() const { return executions_ ? executions_->waiting() : 0; }
  /// As many requests as can be here at once.
  [[nodiscard]] static std::size_t capacity(const ServiceOptions& options);

 private:
  using Works = std::list<Work>;

  /// False if the route's queue is full, or too many large bodies wait.
  bool admit(Works& one) OPENEXEC_REQUIRES(mutex_);
  /// For the executor, or for the budget of large bodies.
  [[nodiscard]] bool must_wait(const Work& work) const OPENEXEC_REQUIRES(mutex_);
  [[nodiscard]] bool awaits_executor(const Work& work) const;
  /// Gives a request to the workers, out of the list in which it is. False if their queue is full.
  bool start(Works& from, Works::iterator job) OPENEXEC_REQUIRES(mutex_);
  void start_waiting() OPENEXEC_REQUIRES(mutex_);
  void work(Works::iterator job) noexcept;
  [[nodiscard]] Answer run(const Work& work) const;
  /// Gives back to the system what large bodies were read with.
  void trim() noexcept;

  Api& api_;
  const ServiceOptions& options_;
  std::atomic<bool> trimming_{false};
  base::Mutex mutex_;
  Works waiting_ OPENEXEC_GUARDED_BY(mutex_);  ///< in their order, outside the workers' queue
  Works working_ OPENEXEC_GUARDED_BY(mutex_);  ///< the list, not what is in it
  std::size_t waiting_bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;
  std::size_t large_bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< with the workers
  bool ending_ OPENEXEC_GUARDED_BY(mutex_) = false;          ///< a worker that is done gives nothing to a pool any more
  std::unique_ptr<WorkerPool> executions_;
  std::unique_ptr<WorkerPool> reads_;
};

}  // namespace openexec::service
