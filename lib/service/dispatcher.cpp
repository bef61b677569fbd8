// SPDX-License-Identifier: Apache-2.0
#include "service/dispatcher.hpp"

#include <malloc.h>

#include <exception>
#include <system_error>
#include <utility>

namespace openexec::service {
namespace {

constexpr std::size_t read_workers = 2;
constexpr std::size_t max_waiting_reads = 256;
constexpr std::size_t small_body = std::size_t{64} << 10;  // up to this size a body needs no budget of large bodies
constexpr std::size_t most_waiting = 4;                    // waiting large bodies, in multiples of the budget

std::size_t large_part(const Work& work) { return work.body.size() > small_body ? work.body.size() : 0; }

}  // namespace

http::Response to_response(Answer answer) {
  http::Response response{.status = answer.status,
                          .body = std::exchange(answer.body, {}),
                          .content_type = std::string(answer.content_type),
                          .cache_control = answer.cache_control,
                          .allow = std::exchange(answer.allow, {}),
                          .preflight = answer.is_preflight ? "Content-Type, Idempotency-Key, Prefer" : ""};
  if (answer.gave_proof) response.fields.push_back({"Preference-Applied", "receipt-proof"});
  response.note = std::move(answer);
  return response;
}

std::size_t Dispatcher::capacity(const ServiceOptions& options) {
  return options.workers + 2 * options.queue + read_workers + max_waiting_reads;
}

// The workers of one pool give work to the other. Each pool finishes the work that it accepted before it ends.
Dispatcher::~Dispatcher() {
  {
    const base::Lock lock(mutex_);
    ending_ = true;
  }
  reads_.reset();
  executions_.reset();
}

Status Dispatcher::start() try {
  executions_ = std::make_unique<WorkerPool>(options_.workers, options_.queue);
  reads_ = std::make_unique<WorkerPool>(read_workers, max_waiting_reads);
  return Status::success();
} catch (const std::system_error& failed) {
  return Status(Code::overloaded, std::string("workers: cannot start the threads: ") + failed.what());
}

void Dispatcher::submit(Work work) {
  Works one;
  one.push_back(std::move(work));
  {
    const base::Lock lock(mutex_);
    if (admit(one)) return;
  }
  Work& turned_away = one.front();
  turned_away.deferral.answer(
      to_response(Api::problem(turned_away.route, 429, "every worker is busy and the queue is full; nothing ran")));
}

bool Dispatcher::admit(Works& one) {
  Work& work = one.front();
  if (!must_wait(work)) return start(one, one.begin());
  if (waiting_.size() >= options_.queue ||
      waiting_bytes_ + work.body.size() > most_waiting * options_.large_body_budget)
    return false;
  waiting_bytes_ += work.body.size();
  waiting_.splice(waiting_.end(), one);
  return true;
}

bool Dispatcher::awaits_executor(const Work& work) const {
  return work.route->lane == Lane::execute && !api_.serving() && !api_.draining();
}

bool Dispatcher::must_wait(const Work& work) const {
  if (awaits_executor(work)) return true;
  const std::size_t large = large_part(work);
  if (large == 0) return false;
  // A single large body is served whatever its size, and no request overtakes those that wait.
  return !waiting_.empty() || (large_bytes_ > 0 && large_bytes_ + large > options_.large_body_budget);
}

bool Dispatcher::start(Works& from, Works::iterator job) {
  WorkerPool& pool = job->route->lane == Lane::execute ? *executions_ : *reads_;
  const std::size_t large = large_part(*job);
  working_.splice(working_.end(), from, job);
  bool taken = false;
  try {
    taken = pool.submit([this, job] { this->work(job); });
  } catch (const std::exception&) {  // no memory to queue it; answered as if the queue were full
  }
  if (taken)
    large_bytes_ += large;
  else
    from.splice(from.end(), working_, job);
  return taken;
}

void Dispatcher::start_waiting() {
  while (!waiting_.empty() && !ending_) {
    const Work& next = waiting_.front();
    const std::size_t bytes = next.body.size();
    const std::size_t large = large_part(next);
    if (awaits_executor(next)) return;
    if (large > 0 && large_bytes_ > 0 && large_bytes_ + large > options_.large_body_budget) return;
    Works one;
    one.splice(one.begin(), waiting_, waiting_.begin());
    const bool started = start(one, one.begin());
    if (!started) waiting_.splice(waiting_.begin(), one);
    if (!started) return;  // the workers' queue is full; tried again when a worker is done
    waiting_bytes_ -= bytes;
  }
}

void Dispatcher::serve() noexcept {
  const base::Lock lock(mutex_);
  start_waiting();
}

Answer Dispatcher::run(const Work& work) const {
  if (work.route->lane == Lane::execute && api_.draining())
    return Api::problem(work.route, 503, "the service is draining; nothing ran");
  Call call{.argument = work.argument,
            .query = work.query,
            .body = work.body,
            .idempotency_key = {},
            .wants_proof = work.wants_proof};
  if (work.idempotency_key) call.idempotency_key = *work.idempotency_key;
  return api_.run(*work.route, call);
}

void Dispatcher::work(Works::iterator job) noexcept {
  const std::size_t large = large_part(*job);
  http::Deferral deferral = std::move(job->deferral);
  std::optional<http::Response> response;
  try {
    response = to_response(run(*job));
  } catch (const std::exception&) {  // the duty is let go below, and the server says so
  }
  {
    Works done;
    const base::Lock lock(mutex_);
    done.splice(done.begin(), working_, job);
    large_bytes_ -= large;
    start_waiting();
  }
  if (large > 0) trim();
  if (response) deferral.answer(*std::move(response));
}

// Bodies are read in the workers' threads, whose freed memory the allocator keeps for them.
void Dispatcher::trim() noexcept {
#ifdef __GLIBC__
  if (trimming_.exchange(true)) return;
  bool taken = false;
  try {
    const base::Lock lock(mutex_);
    taken = !ending_ && reads_->submit([this] {
      trimming_ = false;
      ::malloc_trim(0);
    });
  } catch (const std::exception&) {  // tried again after the next large body
  }
  if (!taken) trimming_ = false;
#endif
}

}  // namespace openexec::service
