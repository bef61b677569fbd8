// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include <openexec/service.hpp>

#include "api/api.hpp"
#include "api/event_log.hpp"
#include "base/mutex.hpp"
#include "service/admin.hpp"
#include "service/front.hpp"

namespace openexec {
namespace {

constexpr std::size_t descriptors_of_a_command = 5;
constexpr std::size_t other_descriptors = 64;

Status check(const ServiceOptions& options) {
  const auto positive = [](auto value, const char* name) {
    return value > decltype(value){} ? Status::success()
                                     : Status(Code::invalid_argument, std::string(name) + " must be positive");
  };
  for (const Status& status :
       {positive(options.idle_deadline, "idle_deadline"), positive(options.header_deadline, "header_deadline"),
        positive(options.body_deadline, "body_deadline"), positive(options.write_deadline, "write_deadline"),
        positive(options.request_deadline, "request_deadline"), positive(options.header_limit, "header_limit"),
        positive(options.body_limit, "body_limit"), positive(options.max_connections, "max_connections"),
        positive(options.workers, "workers"), positive(options.large_body_budget, "large_body_budget")}) {
    if (!status.ok()) return status;
  }
  rlimit files{};
  const std::size_t admin =
      options.admin_socket.empty() ? 0 : service::AdminListener::descriptors(options.admin_uids.size());
  const std::size_t needed =
      options.max_connections + options.workers * descriptors_of_a_command + other_descriptors + admin;
  // Each value is checked by itself first, since a sum may overflow.
  const auto lacks = [&](std::size_t some) { return files.rlim_cur < some; };
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 &&
      (lacks(options.max_connections) || lacks(options.workers) || lacks(needed))) {
    return Status(Code::invalid_argument, "max_connections, workers and admin_uids may need " + std::to_string(needed) +
                                              " open files, and the limit (ulimit -n) is " +
                                              std::to_string(files.rlim_cur));
  }
  return Status::success();
}

/// Returns the failure of a start without memory. Its detail is short enough to need no allocation.
Status without_memory() noexcept { return {Code::overloaded, "out of memory"}; }

Status cannot_start(const std::exception& failed) noexcept try {
  return {Code::overloaded, std::string("cannot start: ") + failed.what()};
} catch (...) {
  return without_memory();
}

}  // namespace

class Service::Impl {
 public:
  explicit Impl(ServiceOptions options)
      : options_(std::move(options)),
        log_(options_.log),
        api_(options_.mode, options_.actions),
        server_(api_, log_, options_) {
    api_.metrics().ask_queue([this] { return server_.queued(); });
  }

  ~Impl() {
    if (thread_.joinable()) {
      if (opened_) drain();  // otherwise nothing runs, and after a start without memory there is none to drain with
      server_.stop();
      thread_.join();
    }
    close_operators_listeners();
  }

  Status listen() {
    if (Status status = server_.listen(); !status.ok()) return status;
    log_.write(service::EventLog::line("listening").text("host", options_.host).number("port", server_.port()));
    // This is no std::promise. If the thread could not start, the broken promise would need memory in its destructor.
    thread_ = std::thread([this] {
      server_.run();
      const base::Lock lock(ending_);
      ended_ = true;
      changed_.notify_all();
    });
    return options_.metrics_port ? listen_for_metrics() : Status::success();
  }

  /// Starts a separate server for /metrics, which a flood of the main one does not reach.
  Status listen_for_metrics() {
    metrics_options_ = options_;
    metrics_options_.host = options_.metrics_host;
    metrics_options_.port = *options_.metrics_port;
    metrics_options_.workers = 1;
    metrics_options_.queue = 1;
    metrics_options_.max_connections = 16;
    metrics_server_.emplace(metrics_api_, log_, metrics_options_);
    if (Status status = metrics_server_->listen(); !status.ok())
      return Status(status.code(), "metrics: " + status.detail());
    log_.write(service::EventLog::line("metrics_listening")
                   .text("host", metrics_options_.host)
                   .number("port", metrics_server_->port()));
    metrics_thread_ = std::thread([this] { metrics_server_->run(); });
    return Status::success();
  }

  Status open_admin(Executor& executor) try {
    if (!options_.admin_socket.empty())
      admin_.emplace(options_.admin_socket, options_.admin_uids, executor, log_, api_);
    return Status::success();
  } catch (const std::bad_alloc&) {
    return without_memory();
  } catch (const std::exception& failed) {
    return Status(Code::invalid_argument, failed.what());
  }

  void serve(Executor& executor) {
    api_.serve(executor);
    auto line = service::EventLog::line("serving");
    line.number("in_doubt", executor.recovered().in_doubt)
        .text("signature_verification", api_.signature_verification());
    if (executor.verifier().profile().empty())
      line.text("warning", "demo: no approval is verified; whoever reaches this port may run every action");
    log_.write(line);
    server_.serve();
    opened_ = true;
    if (const Status ready = executor.ready(); !ready.ok())
      log_.write(service::EventLog::line("not_ready").text("code", name(ready.code())).text("detail", ready.detail()));
  }
  [[nodiscard]] bool serving() const { return api_.serving(); }

  Status reload() {
    const base::Lock lock(reloading_);
    const auto in_force = [&]() -> Result<std::string> {
      try {
        return options_.reload ? options_.reload() : std::string("nothing was read: there is no trust policy");
      } catch (const std::exception& failed) {
        return Status(Code::invalid_argument, failed.what());
      }
    }();
    auto line = service::EventLog::line(in_force.ok() ? "reloaded" : "reload_failed");
    if (in_force.ok())
      line.text("in_force", *in_force);
    else
      line.text("detail", in_force.status().detail());
    log_.write(line.text("needs_restart", "handlers, allow-list, keys outside the trust policy, tenant, mode"));
    return in_force.status();
  }

  std::size_t drain() {
    if (given_up_) return *given_up_;
    log_.write_if_possible("draining");
    server_.drain();
    bool ended = ends_within(options_.drain_timeout);
    if (!ended) {
      api_.cancel();
      ended = ends_within(options_.cancel_grace);
    }
    given_up_ = ended ? 0 : server_.running();
    if (ended) close_operators_listeners();  // the host may destroy the executor now
    try {
      log_.write(service::EventLog::line("drained").number("given_up", *given_up_));
    } catch (const std::exception&) {  // without memory the line is not written
    }
    return *given_up_;
  }

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  bool ends_within(std::chrono::milliseconds duration) {
    const auto deadline = std::chrono::steady_clock::now() + duration;
    base::Lock lock(ending_);
    while (!ended_)
      if (changed_.wait_until(lock.native(), deadline) == std::cv_status::timeout) break;
    return ended_;
  }

  /// These listeners use the executor. They stay open while executions drain, because a halt must be possible then.
  void close_operators_listeners() {
    admin_.reset();
    if (!metrics_thread_.joinable()) return;
    metrics_server_->stop();
    metrics_thread_.join();
    metrics_server_.reset();  // otherwise the kernel accepts further connections, and their clients wait for ever
  }

  ServiceOptions options_;
  base::Mutex reloading_;
  service::EventLog log_;
  service::Api api_;
  service::Front server_;
  base::Mutex ending_;
  std::condition_variable changed_;
  bool ended_ OPENEXEC_GUARDED_BY(ending_) = false;  ///< the server's thread has left its loop
  bool opened_ = false;                              ///< executions are accepted
  std::optional<std::size_t> given_up_;              ///< what drain() answered
  std::thread thread_;
  service::Api metrics_api_{&api_};
  ServiceOptions metrics_options_;
  std::optional<service::Front> metrics_server_;
  std::thread metrics_thread_;
  std::optional<service::AdminListener> admin_;
};

Service::Service(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Service::Service(Service&&) noexcept = default;
Service& Service::operator=(Service&&) noexcept = default;
Service::~Service() = default;

Result<Service> Service::listen(ServiceOptions options) try {
  if (options.body_limit == 0) options.body_limit = 2 * RequestLimits{}.max_bytes;
  if (Status status = check(options); !status.ok()) return status;
  auto impl = std::make_unique<Impl>(std::move(options));
  if (Status status = impl->listen(); !status.ok()) return status;
  return Service(std::move(impl));
} catch (const std::bad_alloc&) {
  return without_memory();
} catch (const std::exception& failed) {
  return cannot_start(failed);
}

Status Service::serve(Executor& executor) try {
  if (impl_->serving()) return Status(Code::invalid_argument, "serve() was called before");
  if (Status status = impl_->open_admin(executor); !status.ok()) return status;
  impl_->serve(executor);
  return Status::success();
} catch (const std::bad_alloc&) {
  return without_memory();
} catch (const std::exception& failed) {
  return cannot_start(failed);
}

Result<Service> Service::start(Executor& executor, ServiceOptions options) {
  if (options.body_limit == 0) options.body_limit = 2 * executor.config().limits.request.max_bytes;
  Result<Service> service = listen(std::move(options));
  if (!service.ok()) return service;
  if (Status status = service->serve(executor); !status.ok()) return status;
  return service;
}

std::uint16_t Service::port() const noexcept { return impl_->port(); }

Status Service::reload() { return impl_->reload(); }

std::size_t Service::drain() { return impl_->drain(); }

}  // namespace openexec
