#include "service/server.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include "service/connection.hpp"

namespace openexec::service {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_workers = 2;
constexpr std::size_t max_waiting_reads = 256;
constexpr std::size_t max_turned_away = 64;  // that are told so; beyond them a connection is closed without a word
constexpr auto sweep_interval = std::chrono::milliseconds(100);
constexpr auto accept_pause = std::chrono::milliseconds(100);

}  // namespace

Server::Server(Api& api, EventLog& log, const ServiceOptions& options) : api_(api), log_(log), options_(options) {}

Server::~Server() = default;

Status Server::listen() {
  error_code error;
  const auto address = boost::asio::ip::make_address(options_.host == "localhost" ? "127.0.0.1" : options_.host, error);
  if (error) return Status(Code::invalid_argument, "host: not a numeric address: " + options_.host);

  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    return Status(Code::invalid_argument, "cannot listen on " + options_.host + " port " +
                                              std::to_string(options_.port) + ": " + error.message());
  }
  ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);

  try {
    executions_ = std::make_unique<WorkerPool>(options_.workers, options_.queue);
    reads_ = std::make_unique<WorkerPool>(read_workers, max_waiting_reads);
  } catch (const std::system_error& failed) {
    return Status(Code::invalid_argument, std::string("workers: cannot start the threads: ") + failed.what());
  }
  accept();
  return Status::success();
}

void Server::run() {
  for (;;) {
    try {
      io_.run();
      ended_ = true;
      return;
    } catch (const std::exception&) {
      // One connection's failure, most likely memory; it ended with the handler that threw. The others go on.
      log_.write(EventLog::line("connection_failed"));
    }
  }
}

void Server::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (api_.draining()) return;
    if (error) return accept_later();  // no descriptors left, or a connection that died: never spin on it
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);

    const auto served = std::count_if(connections_.begin(), connections_.end(),
                                      [](const Connection* connection) { return !connection->turned_away(); });
    if (static_cast<std::size_t>(served) < options_.max_connections) {
      std::make_shared<Connection>(*this, std::move(socket))->start();
    } else if (connections_.size() - static_cast<std::size_t>(served) < max_turned_away) {
      std::make_shared<Connection>(*this, std::move(socket))->turn_away();
    }
    accept();
  });
}

void Server::accept_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([this](error_code error) {
    if (!error && !api_.draining()) accept();
  });
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
  sweeping_ = !connections_.empty();
  if (!sweeping_) return;
  sweeper_.expires_after(sweep_interval);
  sweeper_.async_wait([this](error_code) {
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Connection>> late;
    for (Connection* connection : connections_)
      if (connection->deadline() <= now) late.push_back(connection->shared_from_this());
    for (const auto& connection : late) connection->on_deadline();
    late.clear();
    sweep();
  });
}

bool Server::submit(Work work) {
  WorkerPool& pool = work.route->lane == Lane::execute ? *executions_ : *reads_;
  // The guard keeps run() going until the answer is back.
  auto job = std::make_shared<Work>(std::move(work));
  auto guard = boost::asio::make_work_guard(io_);
  ++running_;
  const bool taken = pool.submit([this, job, guard]() mutable {
    Answer answer;
    try {
      if (job->route->lane == Lane::execute && api_.draining()) {
        answer = Api::problem(job->route, 503, "the service is draining; nothing ran");
      } else {
        Call call{.argument = job->argument,
                  .query = job->query,
                  .body = job->body,
                  .idempotency_key = {},
                  .wants_proof = job->wants_proof};
        if (job->idempotency_key) call.idempotency_key = *job->idempotency_key;
        answer = api_.run(*job->route, call);
      }
    } catch (const std::exception&) {
      answer = Api::problem(job->route, 500, "the answer was lost; ask again with the same nonce");
    }
    boost::asio::post(
        io_, [this, job = std::move(job), answer = std::move(answer)]() mutable { finish(*job, std::move(answer)); });
  });
  if (!taken) --running_;
  return taken;
}

void Server::finish(const Work& work, Answer answer) {
  --running_;
  work.connection->answer(work.ticket, std::move(answer));
  settle();
}

void Server::drain() {
  api_.drain();
  boost::asio::post(io_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    settle();
  });
}

void Server::settle() {
  if (ended_ || !api_.draining() || running_ != 0) return;
  if (std::any_of(connections_.begin(), connections_.end(), [](const Connection* c) { return c->busy(); })) return;
  std::vector<std::shared_ptr<Connection>> quiet;
  for (Connection* connection : connections_) quiet.push_back(connection->shared_from_this());
  for (const auto& connection : quiet) connection->close();
  sweeper_.cancel();
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
