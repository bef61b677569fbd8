// SPDX-License-Identifier: Apache-2.0
// What runs, once it is approved.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/money.hpp>
#include <openexec/payload_schema.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// Set by the caller of execute, or by a host that shuts down; read by handlers. Copies share one flag.
class Cancellation {
 public:
  void cancel() noexcept { flag_->store(true, std::memory_order_release); }
  [[nodiscard]] bool cancelled() const noexcept { return flag_->load(std::memory_order_acquire); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

/// What a handler holds for one execution from before its nonce is spent: a process that waits, a connection. It ends
/// when the execution has ended, or is not to run after all.
class Reservation {
 public:
  Reservation() = default;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  virtual ~Reservation() = default;
};

/// One call of a handler. The views live until the handler returns.
struct Invocation {
  std::string_view exec_id;  ///< 64 hex digits, the same on every attempt: pass it downstream as the idempotency key
  std::string_view action;
  std::string_view payload;  ///< RFC 8785 form of what was approved
  std::string_view tenant;
  std::chrono::steady_clock::time_point deadline;  ///< when the host stops caring; a handler is never interrupted
  const Cancellation& cancellation;
  Reservation* reservation = nullptr;  ///< what Row::prepare gave for this execution; null where there is none
  std::uint32_t attempt = 1;  ///< 1, or which further attempt this is (Row::retry_none); `exec_id` is that of the first
};

/// What a handler says became of the action. There is no default: one of the three has to be said.
class HandlerResult {
 public:
  /// It took place. One strict JSON value becomes the result as it is. Any other output is kept whole as text or base64
  /// (ResultForm), and of more than Limits::max_result_bytes the beginning, the length and the hash: an action that
  /// took place is `ok`, whatever it said.
  static HandlerResult result(std::string output) { return {Kind::result, std::move(output), Effect::confirmed}; }
  /// It took place, and its output was longer than the handler could keep: `beginning` is the first bytes of it,
  /// `length` and `sha256` are those of the whole.
  static HandlerResult beginning(std::string beginning, std::uint64_t length, const Digest& sha256) {
    HandlerResult said = result(std::move(beginning));
    said.whole_ = Whole{length, sha256};
    return said;
  }
  /// It failed; final, except for Row::retry_none. `effect` is `none` only if the handler knows that nothing happened.
  /// `detail` is told to the caller, and to each replay; it is kept with the outcome, and in no log.
  static HandlerResult failed(std::string detail, Effect effect = Effect::unknown) {
    return {Kind::failed, std::move(detail), effect == Effect::none ? Effect::none : Effect::unknown};
  }
  /// It may have taken place: the nonce stays in doubt, as if the handler had thrown.
  static HandlerResult in_doubt(std::string detail) { return {Kind::in_doubt, std::move(detail), Effect::unknown}; }

  enum class Kind : std::uint8_t { result, failed, in_doubt };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }  ///< the output, or the detail
  [[nodiscard]] Effect effect() const noexcept { return effect_; }

  /// What the text is only the beginning of.
  struct Whole {
    std::uint64_t length = 0;
    Digest sha256{};
  };
  [[nodiscard]] const std::optional<Whole>& whole() const noexcept { return whole_; }

 private:
  HandlerResult(Kind kind, std::string text, Effect effect) : kind_(kind), text_(std::move(text)), effect_(effect) {}
  Kind kind_;
  std::string text_;
  Effect effect_;
  std::optional<Whole> whole_;
};

/// Runs on the thread that called execute; concurrently with itself when several threads call. May throw: the nonce is
/// then in doubt. Must not call back into the same executor.
using Handler = std::function<HandlerResult(const Invocation&)>;

/// What a completion came to.
enum class Delivery : std::uint8_t {
  accepted = 1,  ///< it decides the outcome
  late = 2,      ///< the deadline had passed, and the execution is in doubt; this is appended as a settlement
  refused = 3,   ///< it changes nothing: the token was used already, or the executor is gone
};

/// The end that an asynchronous handler owes. Completes at most once, from any thread: also before the handler has
/// returned, after its deadline, and after the executor is gone. Move-only. A token that is destroyed without a
/// completion leaves its execution in doubt.
///
/// In a child process after fork() a completion reaches nobody: the parent's execution goes on.
class Pending {
 public:
  Pending(Pending&& other) noexcept;
  Pending& operator=(Pending&& other) noexcept;
  ~Pending();

  /// Says what became of the action, and uses the token up. Never blocks on a disk while a driver runs; without one a
  /// late completion is written by the calling thread.
  Delivery complete(HandlerResult said) noexcept;

  /// Whether it still owes a completion.
  explicit operator bool() const noexcept { return call_ != nullptr; }

  /// The executor's side.
  class Call;
  explicit Pending(std::shared_ptr<Call> call) noexcept;

 private:
  std::shared_ptr<Call> call_;
};

/// Starts an action and returns; `pending` says later what became of it. The invocation's views end when this function
/// returns: copy what is needed later. May throw: the execution is then in doubt. Must not call back into the executor
/// before it has returned.
using AsyncHandler = std::function<void(const Invocation&, Pending pending)>;

/// Takes what the handler will need, right before the nonce is spent. It performs no part of the action: the claim may
/// still be refused. A Status, or an exception, answers the attempt as overloaded, and nothing is spent. Must not call
/// back into the executor.
using Prepare = std::function<Result<std::unique_ptr<Reservation>>(const Invocation&)>;

/// Asked on recovery whether an interrupted action took place, and never runs it. result: yes; failed with effect none:
/// no; in_doubt: unknown.
struct Settlement {
  std::string_view exec_id;
  std::string_view action;
  std::string_view tenant;
  std::uint32_t attempt = 1;  ///< which attempt was interrupted
};
using Reconcile = std::function<HandlerResult(const Settlement&)>;

/// What an execution would cost, from its canonical payload. Asked before it is claimed, and only where its approval
/// names a highest cost; a Status, or an exception, refuses it. Runs nothing and must not call back into the executor.
struct CostQuery {
  std::string_view action;
  std::string_view payload;
  std::string_view tenant;
};
using Cost = std::function<Result<Usd>(const CostQuery&)>;

/// Which action runs what. Sealed when the executor is assembled; afterwards no way leads back in.
class HandlerTable {
 public:
  struct Row {
    Handler run;
    Reconcile reconcile;                         ///< optional
    std::chrono::milliseconds deadline{30'000};  ///< becomes Invocation::deadline
    Cost cost = nullptr;                         ///< without it no approval that names a highest cost is served
    Prepare prepare = nullptr;                   ///< optional
    /// How many further attempts an execution has where one ended with failed(..., Effect::none), or found the kill
    /// switch on: the same request, sent again under the same approval, is then admitted anew and runs again. 0: never.
    /// At most 1,000. Nothing else opens a further attempt, and what is in doubt never does.
    std::uint32_t retry_none = 0;
    /// Optional. A payload that does not satisfy it is refused (payload_schema) before its approval is looked at.
    std::shared_ptr<const PayloadSchema> schema = nullptr;
    /// Instead of `run`: a handler that finishes later. `deadline` is enforced for it.
    AsyncHandler start = nullptr;
  };

  /// invalid_argument where the name breaks the rule for actions, is taken, `row.retry_none` is too large, or `row` has
  /// not exactly one of `run` and `start`.
  Status add(std::string action, Row row);
  Status add(std::string action, Handler run) { return add(std::move(action), Row{std::move(run), nullptr}); }
  Status add(std::string action, AsyncHandler start) {
    return add(std::move(action), Row{.run = nullptr, .reconcile = nullptr, .start = std::move(start)});
  }

  [[nodiscard]] const Row* find(std::string_view action) const;
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Whether one of them has Row::retry_none.
  [[nodiscard]] bool any_retries() const noexcept;

 private:
  std::map<std::string, Row, std::less<>> rows_;
};

}  // namespace openexec
