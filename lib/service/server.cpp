// SPDX-License-Identifier: Apache-2.0
#include "service/server.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "http/armed.hpp"
#include "service/connection.hpp"

namespace openexec::service {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_workers = 2;
constexpr std::size_t max_waiting_reads = 256;
constexpr std::size_t max_turned_away = 64;  // that are told so; beyond them a connection is closed without a word
constexpr std::size_t small_body = std::size_t{64} << 10;  // in the budget of large bodies it does not count
constexpr std::size_t most_waiting = 4;                    // budgets of large bodies that wait for it
constexpr auto sweep_interval = std::chrono::milliseconds(100);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto memory_pause = std::chrono::milliseconds(10);

}  // namespace

Server::Server(Api& api, EventLog& log, const ServiceOptions& options) : api_(api), log_(log), options_(options) {}

Server::~Server() = default;

Status Server::listen() {
  error_code error;
  const auto address = boost::asio::ip::make_address(options_.host == "localhost" ? "127.0.0.1" : options_.host, error);
  if (error) return Status(Code::invalid_argument, "host: not a numeric address: " + options_.host);

  loopback_ = address.is_loopback();
  auto visitors = http::Visitors::make(options_.allowed_hosts, options_.allowed_origins);
  if (!visitors.ok()) return visitors.status();
  visitors_ = *std::move(visitors);

  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    return Status(Code::overloaded, "cannot listen on " + options_.host + " port " + std::to_string(options_.port) +
                                        ": " + error.message());
  }
  ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
  if (const int wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); wakeup >= 0)
    wakeup_.assign(wakeup, error);
  else
    error = error_code(errno, boost::system::system_category());
  if (error) return Status(Code::overloaded, "cannot start: " + error.message());

  try {
    executions_ = std::make_unique<WorkerPool>(options_.workers, options_.queue);
    reads_ = std::make_unique<WorkerPool>(read_workers, max_waiting_reads);
  } catch (const std::system_error& failed) {
    return Status(Code::overloaded, std::string("workers: cannot start the threads: ") + failed.what());
  }
  return Status::success();
}

void Server::run() {
  for (;;) {
    try {
      while (!arm()) std::this_thread::sleep_for(memory_pause);
      io_.run();
      ended_ = true;
      return;
    } catch (const std::exception&) {
      // One connection's failure, most likely memory; it ended with the handler that threw. The others go on.
      log_.write_if_possible("connection_failed");
    }
  }
}

bool Server::arm() noexcept {
  try {
    if (settled_) return true;
    if (!accepting_ && !api_.draining()) accept();
    if (!sweeping_) sweep();
    if (!waking_) {
      await_wake();
      wake();  // for what an interrupted one did not see
    }
    return true;
  } catch (const std::exception&) {
    return io_.stopped();
  }
}

void Server::accept() {
  acceptor_.async_accept([this, armed = http::Armed(accepting_)](error_code error, tcp::socket socket) mutable {
    armed.fired();  // arm() mends what throws from here on
    if (api_.draining()) return;
    if (error) return accept_later();  // no descriptors left, or a connection that died: never spin on it
    take(std::move(socket));
    accept();
  });
}

void Server::accept_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([this, armed = http::Armed(accepting_)](error_code error) mutable {
    armed.fired();
    if (!error && !api_.draining()) accept();
  });
}

void Server::take(tcp::socket socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const auto served =
      static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                             [](const Connection* connection) { return !connection->turned_away(); }));
  if (served < options_.max_connections) {
    std::make_shared<Connection>(*this, std::move(socket))->start();
  } else if (connections_.size() - served < max_turned_away) {
    std::make_shared<Connection>(*this, std::move(socket))->turn_away();
  }
}

void Server::enter(Connection& connection) {
  connections_.insert(&connection);
  if (!sweeping_) sweep();
}

void Server::leave(Connection& connection) {
  connections_.erase(&connection);
  settle();
}

// One timer for all deadlines: a connection only notes when its own is.
void Server::sweep() {
  if (connections_.empty()) return;
  sweeper_.expires_after(sweep_interval);
  sweeper_.async_wait([this, armed = http::Armed(sweeping_)](error_code) mutable {
    armed.fired();
    end_late_ones();
    sweep();
  });
}

void Server::end_late_ones() {
  const auto now = std::chrono::steady_clock::now();
  for (auto each = connections_.begin(); each != connections_.end();) {
    const auto connection = (*each++)->shared_from_this();
    if (connection->deadline() <= now) connection->on_deadline();
  }
}

bool Server::submit(Work work) {
  Works one;
  one.push_back(std::move(work));
  const auto job = one.begin();
  if (!must_wait(*job)) return start(one, job);
  if (waiting_.size() >= options_.queue ||
      waiting_bytes_ + job->body.size() > most_waiting * options_.large_body_budget)
    return false;
  waiting_bytes_ += job->body.size();
  ++running_;
  waiting_.splice(waiting_.end(), one);
  return true;
}

bool Server::awaits_executor(const Work& work) const {
  return work.route->lane == Lane::execute && !api_.serving() && !api_.draining();
}

bool Server::must_wait(const Work& work) const {
  if (awaits_executor(work)) return true;
  if (work.body.size() <= small_body) return false;
  // One alone is served whatever its size; nobody overtakes those that wait.
  return !waiting_.empty() || (large_bytes_ > 0 && large_bytes_ + work.body.size() > options_.large_body_budget);
}

bool Server::start(Works& from, Works::iterator job) {
  WorkerPool& pool = job->route->lane == Lane::execute ? *executions_ : *reads_;
  const std::size_t large = job->body.size() > small_body ? job->body.size() : 0;
  {
    const base::Lock lock(works_mutex_);
    working_.splice(working_.end(), from, job);
  }
  ++running_;
  bool taken = false;
  try {
    taken = pool.submit([this, job] { this->work(job); });
  } catch (const std::exception&) {  // no memory to queue it: as if the queue were full
  }
  if (taken) {
    large_bytes_ += large;
    return true;
  }
  --running_;
  const base::Lock lock(works_mutex_);
  from.splice(from.end(), working_, job);
  return false;
}

void Server::start_waiting() {
  while (!waiting_.empty()) {
    const std::size_t bytes = waiting_.front().body.size();
    if (awaits_executor(waiting_.front())) return;
    if (bytes > small_body && large_bytes_ > 0 && large_bytes_ + bytes > options_.large_body_budget) return;
    Works one;
    one.splice(one.begin(), waiting_, waiting_.begin());
    const bool started = start(one, one.begin());
    if (!started) waiting_.splice(waiting_.begin(), one);
    if (!started) return;  // the workers' queue is full: when one of them is done
    waiting_bytes_ -= bytes;
    --running_;  // it was counted while it waited, and start() counted it again
  }
}

void Server::work(Works::iterator job) noexcept {
  try {
    if (job->route->lane == Lane::execute && api_.draining()) {
      job->answer = Api::problem(job->route, 503, "the service is draining; nothing ran");
    } else {
      Call call{.argument = job->argument,
                .query = job->query,
                .body = job->body,
                .idempotency_key = {},
                .wants_proof = job->wants_proof};
      if (job->idempotency_key) call.idempotency_key = *job->idempotency_key;
      job->answer = api_.run(*job->route, call);
    }
  } catch (const std::exception&) {
    job->lost = true;
  }
  {
    const base::Lock lock(works_mutex_);
    worked_.splice(worked_.end(), working_, job);
  }
  wake();
}

void Server::wake() noexcept {
  const std::uint64_t one = 1;
  while (::write(wakeup_.native_handle(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Server::await_wake() {
  wakeup_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this, armed = http::Armed(waking_)](error_code error) mutable {
                       armed.fired();
                       if (error) return;
                       on_wake();
                       if (!settled_) await_wake();
                     });
}

void Server::on_wake() {
  std::uint64_t count = 0;
  (void)!::read(wakeup_.native_handle(), &count, sizeof count);
  for (;;) {
    Works one;
    {
      const base::Lock lock(works_mutex_);
      if (worked_.empty()) break;
      one.splice(one.begin(), worked_, worked_.begin());
    }
    finish(one.front());
  }
  start_waiting();
  if (!api_.draining()) return;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  settle();
}

void Server::finish(Work& work) {
  --running_;
  if (work.body.size() > small_body) large_bytes_ -= work.body.size();
  start_waiting();
  if (work.body.size() > small_body) trim();
  if (work.lost) work.answer = Api::problem(work.route, 500, "the answer was lost; ask again with the same nonce");
  work.connection->answer(work.ticket, std::move(work.answer));
  settle();
}

// Bodies are read in the workers' threads, whose freed memory the allocator keeps for them.
void Server::trim() {
#ifdef __GLIBC__
  if (trimming_.exchange(true)) return;
  const bool taken = reads_->submit([this] {
    trimming_ = false;
    ::malloc_trim(0);
  });
  if (!taken) trimming_ = false;
#endif
}

void Server::drain() {
  api_.drain();
  wake();
}

// Allocates nothing: a connection's destructor comes here.
void Server::settle() {
  if (ended_ || !api_.draining() || running_ != 0 || acceptor_.is_open()) return;
  if (std::any_of(connections_.begin(), connections_.end(), [](const Connection* c) { return c->busy(); })) return;
  settled_ = true;
  for (Connection* connection : connections_) connection->close();
  sweeper_.cancel();
  error_code ignored;
  wakeup_.cancel(ignored);
}

const std::string& Server::http_date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return date_;
}

}  // namespace openexec::service
