// SPDX-License-Identifier: Apache-2.0
#include <openexec/executor.hpp>

#include <openexec/clock.hpp>
#include <openexec/demo.hpp>
#include <openexec/hasher.hpp>

#include "answers/telling.hpp"
#include "base/text.hpp"
#include "base/unwind.hpp"
#include "exec/pipeline.hpp"
#include "exec/selftest.hpp"

namespace openexec {

class Executor::Impl {
 public:
  Impl(Config config, Parts parts, HandlerTable handlers, Timestamp mark, const exec::Confirmation& confirmed,
       std::vector<ControlName> standing, std::optional<Timestamp> floor)
      : pipeline(std::move(config), std::move(parts), std::move(handlers), mark, confirmed, std::move(standing),
                 floor) {}
  exec::Pipeline pipeline;
  Recovery recovered;
};

namespace {

Status misuse(std::string detail) { return Status(Code::invalid_argument, std::move(detail)); }

Status check(const Config& config) {
  if (config.tenant.empty() || config.tenant.size() > 255 || !base::is_utf8(config.tenant))
    return misuse("tenant: must be 1 to 255 bytes of UTF-8");
  if (config.executor.empty() || config.executor.size() > 255 || !base::is_utf8(config.executor))
    return misuse("executor: must be 1 to 255 bytes of UTF-8");
  const RequestLimits& request = config.limits.request;
  if (request.max_depth == 0 || request.max_depth > 128) return misuse("limits.request.max_depth: must be 1 to 128");
  if (request.max_bytes == 0 || request.max_bytes > (std::size_t{1} << 30))
    return misuse("limits.request.max_bytes: must be 1 byte to 1 GiB");
  if (config.limits.max_result_bytes == 0 || config.limits.max_result_bytes > (std::size_t{64} << 20))
    return misuse("limits.max_result_bytes: must be 1 byte to 64 MiB");
  if (config.limits.max_clock_jump < std::chrono::seconds(1) ||
      config.limits.max_clock_jump > std::chrono::hours(366 * 24))
    return misuse("limits.max_clock_jump: must be 1 second to 366 days");
  if (config.limits.max_in_flight == 0) return misuse("limits.max_in_flight: must be at least 1");
  return Status::success();
}

/// In demo mode no approval stands behind a nonce: of those that the lost part of an adopted store had, nobody knows.
Status check_adopted(const Config& config, const Parts& parts) {
  if (!parts.verifier->profile().empty()) return Status::success();
  const Result<bool> used = parts.store->was_used(config.tenant);
  if (!used.ok()) return used.status();
  if (!*used) return Status::success();
  return {
      Code::store_failed,
      "the ledger was adopted, and may have forgotten what this tenant spent: without approvals it needs a new tenant"};
}

}  // namespace

OPENEXEC_CATCHES_UNWIND Result<Executor> Executor::assemble(Config config, Parts parts, HandlerTable handlers) try {
  const base::CancellationPutOff put_off;
  if (Status bad = check(config); !bad.ok()) return bad;
  if (!parts.store) return misuse("parts.store: missing");
  if (!parts.verifier) return misuse("parts.verifier: missing; DemoVerifier accepts everything and says so");
  if (handlers.any_retries() && !parts.store->keeps_attempts())
    return misuse("handlers: one has retry_none, and the store keeps one attempt of an execution only");
  if (!parts.log) {
    if (parts.store->log() == nullptr) return misuse("parts.log: missing, and the store is not its own log");
    parts.log = std::shared_ptr<ReceiptLog>(parts.store, parts.store->log());
  }
  if (!parts.hasher) parts.hasher = jcs_sha256();
  if (!parts.clock) parts.clock = system_clock();

  if (Status broken = exec::self_test(*parts.hasher); !broken.ok()) return broken;
  if (Status pinned = parts.store->pin("hasher", parts.hasher->name()); !pinned.ok()) return pinned;
  const Result<Timestamp> latest = parts.store->latest();
  if (!latest.ok()) return latest.status();

  Result<std::vector<ControlName>> standing = parts.store->controls();
  if (!standing.ok()) return standing.status();

  const exec::Confirmation confirmed = exec::take_confirmations(*standing);
  const Result<Timestamp> mark = exec::mark_of(*latest, confirmed, *parts.log);
  if (!mark.ok()) return mark.status();

  const Result<std::optional<Timestamp>> floor = parts.store->floor();
  if (!floor.ok()) return floor.status();
  if (*floor)
    if (Status status = check_adopted(config, parts); !status.ok()) return status;

  auto impl = std::make_unique<Impl>(std::move(config), std::move(parts), std::move(handlers), *mark, confirmed,
                                     *std::move(standing), *floor);
  Result<Recovery> recovered = impl->pipeline.recover();
  if (!recovered.ok()) return recovered.status();
  impl->recovered = *recovered;
  return Executor(std::move(impl));
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "assembly: an internal failure, or a part that threw");
}

Outcome Executor::execute(const Request& request, const CallOptions& options) {
  return impl_->pipeline.run(request, options);
}
Outcome Executor::execute_json(std::string_view request, const CallOptions& options) {
  return impl_->pipeline.run(request, options);
}

std::vector<Outcome> Executor::execute_many(std::span<const Call> calls, const CallbackExecutor& executor) {
  return impl_->pipeline.run(calls, executor);
}

Status Executor::submit(const Call& call, Completion completion) {
  return impl_->pipeline.submit(call, std::move(completion));
}
Status Executor::drive(const std::stop_token& stop) { return impl_->pipeline.drive(stop); }

const Recovery& Executor::recovered() const noexcept { return impl_->recovered; }
OPENEXEC_CATCHES_UNWIND Result<Recovery> Executor::recover() try {
  const base::CancellationPutOff put_off;
  return impl_->pipeline.recover();
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "recovery: an internal failure, or a part that threw");
}

Outcome Executor::halt(const Order& order) { return impl_->pipeline.order(ControlKind::halt, {}, true, order); }
Outcome Executor::resume(const Order& order) { return impl_->pipeline.order(ControlKind::halt, {}, false, order); }
Outcome Executor::revoke_approval(std::string_view id, const Order& order) {
  return impl_->pipeline.order(ControlKind::revoke_approval, id, true, order);
}
Outcome Executor::revoke_key(std::string_view id, const Order& order) {
  return impl_->pipeline.order(ControlKind::revoke_key, id, true, order);
}
Outcome Executor::confirm_clock(const Order& order) {
  return impl_->pipeline.order(ControlKind::confirm_clock, {}, true, order);
}
ClockState Executor::clock_state() const { return impl_->pipeline.clock_state(); }
OPENEXEC_CATCHES_UNWIND Result<std::vector<NonceRecord>> Executor::doubts(std::optional<std::uint64_t> after,
                                                                          std::size_t count) const try {
  const base::CancellationPutOff put_off;
  return impl_->pipeline.parts().store->doubts(after, count);
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "the store threw when it was asked what is in doubt");
}
OPENEXEC_CATCHES_UNWIND Result<std::uint64_t> Executor::doubt_count() const try {
  const base::CancellationPutOff put_off;
  return impl_->pipeline.parts().store->doubt_count();
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "the store threw when it was asked how much is in doubt");
}
SettlementAnswer Executor::settle(const Digest& exec_id, const HandlerResult& found, const Order& order) {
  return impl_->pipeline.settle(exec_id, found, order);
}
bool Executor::halted() const noexcept { return impl_->pipeline.gate().closed(); }
std::vector<ControlName> Executor::controls() const { return impl_->pipeline.controls(); }

OPENEXEC_CATCHES_UNWIND Status Executor::ready() const try {
  const base::CancellationPutOff put_off;
  if (halted()) return Status(Code::halted, "the kill switch is on");
  if (Status sound = impl_->pipeline.poison().status(); !sound.ok()) return sound;
  const Parts& parts = impl_->pipeline.parts();
  if (Status store = parts.store->ready(); !store.ok()) return store;
  const ClockState clock = clock_state();
  if (clock.suspect && !parts.verifier->profile().empty()) return exec::suspect_clock(clock);
  return parts.verifier->ready();
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "a part threw when it was asked whether it is ready");
}

OPENEXEC_CATCHES_UNWIND Result<Measures> Executor::measures() const try {
  const base::CancellationPutOff put_off;
  return impl_->pipeline.measures();
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed,
                               "a part threw when it was asked for its measures, or there is no memory for them");
}

OPENEXEC_CATCHES_UNWIND Result<std::optional<LogLine>> Executor::outcome_entry(const Digest& exec_id) const try {
  const base::CancellationPutOff put_off;
  const Parts& parts = impl_->pipeline.parts();
  return exec::outcome_entry(*parts.store, *parts.log, exec_id);
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::store_failed, "a part threw when it was asked for an outcome");
}

ReceiptLog& Executor::log() const noexcept { return *impl_->pipeline.parts().log; }
const Config& Executor::config() const noexcept { return impl_->pipeline.config(); }
const Verifier& Executor::verifier() const noexcept { return *impl_->pipeline.parts().verifier; }

Executor::Executor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&& other) noexcept {
  const base::CancellationPutOff put_off;
  impl_ = std::move(other.impl_);
  return *this;
}
Executor::~Executor() {
  const base::CancellationPutOff put_off;
  impl_.reset();
}

}  // namespace openexec
