// SPDX-License-Identifier: Apache-2.0
// What the opaque handles hold.
#pragma once

#include <openexec.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <openexec/clawshield.hpp>
#include <openexec/clock.hpp>
#include <openexec/evidence.hpp>
#include <openexec/executor.hpp>
#include <openexec/hasher.hpp>
#include <openexec/ledger.hpp>
#include <openexec/policy_verifier.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.hpp"
#include "base/process.hpp"
#include "foreign.hpp"
#include "guard.hpp"

struct openexec_buffer {
  std::string bytes;
};

struct openexec_outcome {
  openexec::Outcome value;
};

struct openexec_evidence {
  openexec::EvidenceReport value;
};

namespace openexec::capi {

struct LedgerUrl {
  std::string url;
};
struct LedgerPath {
  std::string path;
};
/// A verifier that is made with the executor, for its tenant and name.
struct ByTrustPolicy {
  std::optional<openexec::TrustPolicy> policy;
};
using NamedHandlers = std::vector<std::pair<std::string, std::shared_ptr<ForeignHandler>>>;

template <>
inline constexpr std::size_t first_size<openexec_request> = offsetof(openexec_request, approval_artifact) +
                                                            sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_call_options> = offsetof(openexec_call_options, nonce) +
                                                                 sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_call> = offsetof(openexec_call, options) + sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_order> = offsetof(openexec_order, why) + sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_recovery> = offsetof(openexec_recovery, relogged) +
                                                             sizeof(std::uint64_t);

template <>
inline constexpr std::size_t first_size<openexec_evidence_trust> = offsetof(openexec_evidence_trust, policy) +
                                                                   sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_evidence_held> = offsetof(openexec_evidence_held, approval) +
                                                                  sizeof(openexec_str);

/// The process that made something. A child that was forked off has no business with it.
class Owner {
 public:
  [[nodiscard]] bool here() const noexcept { return process_.here(); }
  void require_here(const char* what) const {
    if (!here())
      misuse(std::string(what) + ": belongs to process " + std::to_string(process_.number()) + ", not to its child");
  }

 private:
  base::OwnProcess process_;
};

}  // namespace openexec::capi

struct openexec_config {
  openexec::Config value;
  std::variant<std::monostate, openexec::capi::LedgerUrl, openexec::capi::LedgerPath,
               std::shared_ptr<openexec::NonceStore>>
      store;
  openexec::LogOptions ledger_log;
  std::variant<std::monostate, openexec::ClawshieldOptions, openexec::capi::ByTrustPolicy,
               std::shared_ptr<const openexec::Verifier>>
      verifier;
  std::chrono::seconds max_issued_ahead = openexec::ClawshieldOptions{}.max_issued_ahead;
  std::shared_ptr<openexec::ReceiptLog> log;
  std::shared_ptr<const openexec::Hasher> hasher;
  std::shared_ptr<const openexec::Clock> clock;
  std::shared_ptr<const openexec::capi::ForeignEvents> events;
  openexec::capi::NamedHandlers handlers;

  // What an executor is made of. Each throws No.
  [[nodiscard]] std::shared_ptr<openexec::NonceStore> make_store() const;
  [[nodiscard]] std::shared_ptr<const openexec::Verifier> make_verifier() const;
  [[nodiscard]] std::shared_ptr<openexec::PolicyVerifier> make_policy_verifier() const;  // null: another is set
};

/// Content that ends with the last call inside, once it is closed; and memory that lives until its owner destroys it
/// and the content has ended.
struct openexec_executor {
  openexec_executor(openexec::Executor executor, std::shared_ptr<openexec::ReceiptLog> its_log,
                    std::shared_ptr<openexec::PolicyVerifier> its_policy,
                    std::shared_ptr<const openexec::capi::ForeignEvents> its_events)
      : events(std::move(its_events)),
        policy(std::move(its_policy)),
        log(std::move(its_log)),
        value(std::make_unique<openexec::Executor>(std::move(executor))) {}
  openexec_executor(const openexec_executor&) = delete;
  openexec_executor& operator=(const openexec_executor&) = delete;

  // The content. The executor ends first, and with it what it may still have to say.
  std::shared_ptr<const openexec::capi::ForeignEvents> events;  // may be null
  std::shared_ptr<openexec::PolicyVerifier> policy;             // null: its verifier is another
  std::shared_ptr<openexec::ReceiptLog> log;
  std::unique_ptr<openexec::Executor> value;
  const openexec::capi::Owner owner;

  void tell(openexec_event event) const {
    if (event.kind != OPENEXEC_EVENT_ANSWERED) event.entry_index = -1;
    if (events != nullptr) events->tell(event);
  }

  /// A call begins. False where it may not: the executor is closed.
  [[nodiscard]] bool enter() noexcept;
  /// A call ends. `telling` is false on a thread that is ending: no callback of the host is entered any more.
  void leave(bool telling);
  /// No call begins any more. Returns whether the content has ended, for which it waits at most so long.
  bool close(std::chrono::milliseconds max_wait);
  /// Its owner lets go, after close().
  void release() noexcept;

 private:
  void end(bool telling);

  static constexpr std::uint32_t closed = std::uint32_t{1} << 31;
  std::atomic<std::uint32_t> calls_{0};    // those that are inside; and `closed`
  std::atomic<std::uint32_t> holders_{2};  // of the memory: the owner, and the content
  openexec::base::Mutex mutex_;
  std::condition_variable changed_;
  bool ended_ OPENEXEC_GUARDED_BY(mutex_) = false;
};

/// Its content ends with the last call that reads it, once it is closed.
struct openexec_log {
  explicit openexec_log(std::shared_ptr<openexec::ReceiptLog> its_log) : log_(std::move(its_log)) {}

  /// Null once it is closed.
  [[nodiscard]] std::shared_ptr<openexec::ReceiptLog> get() const {
    const openexec::base::Lock lock(mutex_);
    return log_;
  }
  [[nodiscard]] std::shared_ptr<openexec::ReceiptLog> close() {
    const openexec::base::Lock lock(mutex_);
    return std::exchange(log_, nullptr);
  }
  const openexec::capi::Owner owner;

 private:
  mutable openexec::base::Mutex mutex_;
  std::shared_ptr<openexec::ReceiptLog> log_ OPENEXEC_GUARDED_BY(mutex_);
};
