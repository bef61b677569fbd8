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

/// Returns the response of an answer. Its note is an Answer without its body, from which the event log is written.
http::Response to_response(Answer answer);

/// Thread-safe. Every request is answered whatever happens to it here. If the queue is full the answer is 429.
class Dispatcher {
 public:
  Dispatcher(Api& api, const ServiceOptions& options) : api_(api), options_(options) {}
  ~Dispatcher();

  /// Starts the threads.
  Status start();
  void submit(Work work);
  /// Called once the executor exists. Starts the executions that waited for it.
  void serve() noexcept;

  /// Returns how many executions wait for a worker.
  [[nodiscard]] std::size_t queued() const { return executions_ ? executions_->waiting() : 0; }
  /// Returns how many requests can be here at once.
  [[nodiscard]] static std::size_t capacity(const ServiceOptions& options);

 private:
  using Works = std::list<Work>;

  /// Returns false if the route's queue is full, or if too many large bodies wait.
  bool admit(Works& one) OPENEXEC_REQUIRES(mutex_);
  /// For the executor, or for the budget of large bodies.
  [[nodiscard]] bool must_wait(const Work& work) const OPENEXEC_REQUIRES(mutex_);
  [[nodiscard]] bool awaits_executor(const Work& work) const;
  /// Moves a request from its list to the workers. Returns false if their queue is full.
  bool start(Works& from, Works::iterator job) OPENEXEC_REQUIRES(mutex_);
  void start_waiting() OPENEXEC_REQUIRES(mutex_);
  void work(Works::iterator job) noexcept;
  [[nodiscard]] Answer run(const Work& work) const;
  /// Returns the memory in which large bodies were read to the system.
  void trim() noexcept;

  Api& api_;
  const ServiceOptions& options_;
  std::atomic<bool> trimming_{false};
  base::Mutex mutex_;
  Works waiting_ OPENEXEC_GUARDED_BY(mutex_);  ///< in their order, outside the workers' queue
  Works working_ OPENEXEC_GUARDED_BY(mutex_);  ///< the mutex guards the list, not its elements
  std::size_t waiting_bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;
  std::size_t large_bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< of the large bodies that workers have now
  bool ending_ OPENEXEC_GUARDED_BY(mutex_) = false;          ///< if true, no further request is started
  std::unique_ptr<WorkerPool> executions_;
  std::unique_ptr<WorkerPool> reads_;
};

}  // namespace openexec::service
