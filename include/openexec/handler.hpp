// SPDX-License-Identifier: Apache-2.0
// Handlers: the functions that perform approved actions.
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

/// A flag that the caller of execute, or a host that shuts down, sets and handlers read. Copies share one flag.
class Cancellation {
 public:
  void cancel() noexcept { flag_->store(true, std::memory_order_release); }
  [[nodiscard]] bool cancelled() const noexcept { return flag_->load(std::memory_order_acquire); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

/// A resource that a handler reserves for one execution before its nonce is spent, such as a waiting process or a
/// connection. It is destroyed when the execution has ended or was refused.
class Reservation {
 public:
  Reservation() = default;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  virtual ~Reservation() = default;
};

/// One call of a handler. The views are valid until the handler returns.
struct Invocation {
  std::string_view exec_id;  ///< 64 hex digits, the same on every attempt; use as idempotency key downstream
  std::string_view action;
  std::string_view payload;  ///< RFC 8785 form of what was approved
  std::string_view tenant;
  std::chrono::steady_clock::time_point deadline;  ///< when the host no longer needs the result; nothing is interrupted
  const Cancellation& cancellation;
  Reservation* reservation = nullptr;  ///< what Row::prepare returned for this execution, or null
  std::uint32_t attempt = 1;  ///< its number, from 1; further attempts (Row::retry_none) have the same `exec_id`
};

/// What a handler reports about the action. There is no default: the handler has to choose.
class HandlerResult {
 public:
  /// The action took place. Output that is one strict JSON value becomes the result unchanged. Any other output is kept
  /// as text or base64 (ResultForm). Output longer than Limits::max_result_bytes is kept as its beginning, length and
  /// hash. An action that took place is `ok` whatever its output is.
  static HandlerResult result(std::string output) { return {Kind::result, std::move(output), Effect::confirmed}; }
  /// The action took place, and its output was longer than the handler could keep. `beginning` holds the first bytes,
  /// and `length` and `sha256` are those of the whole output.
  static HandlerResult beginning(std::string beginning, std::uint64_t length, const Digest& sha256) {
    HandlerResult said = result(std::move(beginning));
    said.whole_ = Whole{length, sha256};
    return said;
  }
  /// The action failed. This is final, except for Row::retry_none. Pass effect `none` only if the handler knows that
  /// nothing happened. `detail` is returned to the caller and with each replay. It is stored with the outcome, and
  /// never written to a log.
  static HandlerResult failed(std::string detail, Effect effect = Effect::unknown) {
    return {Kind::failed, std::move(detail), effect == Effect::none ? Effect::none : Effect::unknown};
  }
  /// The action may have taken place. The nonce stays in doubt, as if the handler had thrown.
  static HandlerResult in_doubt(std::string detail) { return {Kind::in_doubt, std::move(detail), Effect::unknown}; }

  enum class Kind : std::uint8_t { result, failed, in_doubt };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }  ///< the output, or the detail
  [[nodiscard]] Effect effect() const noexcept { return effect_; }

  /// The length and hash of the whole output, if text() is only its beginning.
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

/// Reserves what the handler will need, right before the nonce is spent. It must not perform any part of the action,
/// since the claim may still be refused. If it returns a Status or throws, the attempt is answered as overloaded and
/// nothing is spent. Must not call back into the executor.
using Prepare = std::function<Result<std::unique_ptr<Reservation>>(const Invocation&)>;

/// An interrupted execution, for a reconcile function.
struct Settlement {
  std::string_view exec_id;
  std::string_view action;
  std::string_view tenant;
  std::uint32_t attempt = 1;  ///< the number of the interrupted attempt
};
/// Determines during recovery whether an interrupted action took place, and must not run it. Returns result for yes,
/// failed with effect none for no, and in_doubt for unknown.
using Reconcile = std::function<HandlerResult(const Settlement&)>;

/// An execution whose cost is wanted. `payload` is in RFC 8785 form.
struct CostQuery {
  std::string_view action;
  std::string_view payload;
  std::string_view tenant;
};
/// Returns the cost of an execution. Called before the claim, and only if the approval limits the cost. A Status or an
/// exception refuses the request. Must not run the action or call back into the executor.
using Cost = std::function<Result<Usd>(const CostQuery&)>;

/// The handlers of actions. Executor::assemble takes the table, and no handler can be added afterwards.
class HandlerTable {
 public:
  struct Row {
    Handler run;
    Reconcile reconcile;                         ///< optional
    std::chrono::milliseconds deadline{30'000};  ///< becomes Invocation::deadline
    Cost cost = nullptr;                         ///< optional; without it approvals that limit the cost are refused
    Prepare prepare = nullptr;                   ///< optional
    /// The number of further attempts after one that ended with failed(..., Effect::none) or was stopped by a halt: the
    /// same request, sent again under the same approval, is admitted again and runs again. 0: none. At most 1,000.
    /// Nothing else opens a further attempt, and an execution in doubt never has one.
    std::uint32_t retry_none = 0;
    /// Optional. A payload that does not satisfy it is refused (payload_schema) before its approval is verified.
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
  /// Whether any row has retry_none above 0.
  [[nodiscard]] bool any_retries() const noexcept;

 private:
  std::map<std::string, Row, std::less<>> rows_;
};

}  // namespace openexec
