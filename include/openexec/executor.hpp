// SPDX-License-Identifier: Apache-2.0
// START HERE: assemble, execute, recover.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <openexec/clock.hpp>
#include <openexec/control.hpp>
#include <openexec/handler.hpp>
#include <openexec/hasher.hpp>
#include <openexec/measures.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/outcome.hpp>
#include <openexec/receipt_log.hpp>
#include <openexec/request.hpp>
#include <openexec/status.hpp>
#include <openexec/verifier.hpp>

namespace openexec {

/// Bounds of one executor. What exceeds one is refused; nothing is dropped in silence.
struct Limits {
  RequestLimits request;
  /// Of a handler's output that are kept; of more, the beginning and the hash
  std::size_t max_result_bytes = std::size_t{1} << 20;
  std::uint32_t max_in_flight = 1024;  ///< attempts at once; more are overloaded
  /// Entries for refusals; above it they are overloaded, and counted in one entry a second
  std::uint32_t max_refusals_per_second = 1000;
  /// Entries for replays of one execution; above it they are answered without an entry of their own, and counted in one
  /// entry a second
  std::uint32_t max_replays_per_second = 10;
  /// How far the wall clock may move against Clock::elapsed between two readings. Beyond it the clock is suspect, and
  /// approvals are not judged (clock_suspect). 1 second to 366 days.
  std::chrono::seconds max_clock_jump{3600};
  /// How long a second caller of a running nonce waits for its outcome
  std::chrono::milliseconds max_wait{30'000};
};

struct Config {
  std::string tenant = "default";                           ///< nonces and approvals are unique within it
  std::string executor = "openexec";                        ///< this executor's name in log entries
  std::optional<std::vector<std::string>> allowed_actions;  ///< absent: every registered action; present: only these
  Limits limits;
};

/// The pluggable parts. Null means: the supplied default, except `store` and `verifier`, which have none.
struct Parts {
  std::shared_ptr<NonceStore> store;
  std::shared_ptr<ReceiptLog> log;  ///< default: store->log()
  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<const Hasher> hasher;  ///< default: jcs_sha256()
  std::shared_ptr<const Clock> clock;    ///< default: system_clock()
};

/// Per call.
struct CallOptions {
  std::optional<std::chrono::milliseconds> max_wait;  ///< instead of Limits::max_wait
  Cancellation cancellation;                          ///< handed to the handler
  /// Taken where the request names no nonce (an Idempotency-Key); a request that names another is malformed.
  std::optional<std::string_view> nonce;
  bool proof = false;  ///< Outcome::proof as well: some tile reads more
};

/// One of many: a request in either form, with its own options.
struct Call {
  std::variant<Request, std::string_view> request;  ///< its parts, or one JSON object
  CallOptions options;
};

/// Runs a callback, on the calling thread or another one, before or after it returns. A second call of the same
/// callback does nothing, and execute_many waits for a callback that was never called. If the executor throws, the
/// callback runs on the calling thread. If memory for callbacks could not be allocated, all handlers run on the calling
/// thread. A callback does not throw.
using CallbackExecutor = std::function<void(std::function<void()>)>;

/// Told how a submitted attempt ended, once. Runs on a thread that drives the executor, which it should not hold up; it
/// may submit again, and must not destroy the executor. What it throws is dropped.
using Completion = std::function<void(Outcome)>;

/// The wall clock, and the time that the executor goes by.
struct ClockState {
  bool suspect = false;  ///< it jumped: what depends on time is refused until it agrees again or is confirmed
  Timestamp wall;        ///< as the clock says
  Timestamp trusted;     ///< never behind what the store has seen; ahead of `wall` where the store saw a later time
};

/// What became of a settlement.
struct SettlementAnswer {
  /// `code` is ok where it was recorded: the entry, its verdict and its receipt are this settlement's own.
  Outcome outcome;
  bool decides = false;      ///< it was the first, and replays tell it from now on
  bool contradicts = false;  ///< an earlier one, which still decides, says something else
};

/// What recovery found.
struct Recovery {
  std::size_t in_doubt = 0;  ///< claims without a seal, now in doubt with a log entry
  std::size_t settled = 0;   ///< of those, settled by a reconcile function
  std::size_t relogged = 0;  ///< sealed entries fed again into a log that is apart from its store
};

/// The boundary. Thread-safe: any number of threads may call execute at once; handlers run on the caller's thread.
/// Starts no thread, opens no socket, keeps no global state.
///
/// Threads that end. A cancellation (pthread_cancel) of a thread that is inside is put off until it has returned. A
/// thread may end inside a callback of its own accord, by pthread_exit or where the callback allows cancellation again:
/// its stack is unwound through the executor, which stays usable. What that thread had claimed stays claimed, is told
/// as in doubt from then on, and is recorded so when the store is opened again. What it ran for an execute_many of another thread is
/// in doubt at once. A callback that is noexcept, and the destructor of an executor, end the process in this case.
class Executor {
 public:
  /// Checks the parts (self tests), seals the handler table, and recovers what an earlier process left behind.
  /// The parts and the table belong to the executor from here on. Any doubt about a part is a Status, never a weaker
  /// executor.
  static Result<Executor> assemble(Config config, Parts parts, HandlerTable handlers);

  /// One attempt. Always answers, never throws. Without an entry: `overloaded`, `store_failed`, replays above their
  /// rate.
  [[nodiscard]] Outcome execute(const Request& request, const CallOptions& options = {});
  /// The same from one JSON object, as POST /execute takes it.
  [[nodiscard]] Outcome execute_json(std::string_view request, const CallOptions& options = {});

  /// Many at once from one thread: each has the meaning of a concurrent call of its own, and they share their syncs.
  /// Outcomes in the order of the calls. Handlers run one after the other on this thread, or on the threads of
  /// `callback_executor`. Throws std::bad_alloc where there is no memory for as many answers, and nothing else; nothing
  /// ran then.
  [[nodiscard]] std::vector<Outcome> execute_many(std::span<const Call> calls,
                                                  const CallbackExecutor& callback_executor = nullptr);

  // Asynchronously: attempts wait without a thread, on a few threads of the host.

  /// Hands an attempt to the drivers and returns at once. The call's views may end then; the completion is called once.
  /// A status other than success means that nothing was taken, and the completion will not be called: invalid_argument
  /// without a driver or a completion, from inside a handler, or in a child of fork(); overloaded above
  /// Limits::max_in_flight or without memory.
  [[nodiscard]] Status submit(const Call& call, Completion completion);
  /// Advances submitted attempts on this thread until `stop` is requested. Any number of threads may drive. They take what was
  /// submitted in batches that grow with the load and share their syncs. Handlers and completions run on them. What
  /// waits when the last driver stops goes on when one drives again. Must have returned before the executor is
  /// destroyed or moved. overloaded if there is no memory to begin, invalid_argument from inside a handler.
  ///
  /// When the executor is destroyed, what is still under way is answered on that thread: in doubt if its handler runs,
  /// failed without an effect if it was claimed and not entered, overloaded otherwise.
  [[nodiscard]] Status drive(const std::stop_token& stop);

  /// What assembly recovered. recover() again finds nothing new unless another process of a shared store died since.
  [[nodiscard]] const Recovery& recovered() const noexcept;
  Result<Recovery> recover();

  // Orders. Each is kept by the store, so that it binds the next executor that opens it, and leaves an entry of verdict
  // `control`, which the outcome carries. What tightens takes effect first and is made durable then: where that fails
  // (store_failed) it holds in this executor all the same. A resume is durable first, or does not happen. A store of
  // your own may keep no orders: they last as long as this executor then, and the outcome's detail says so.
  // May be called by a handler. invalid_argument, without an entry, where the order is not one. overloaded where there
  // is no memory to begin with it: nothing was ordered, but a halt holds in this executor even so.

  /// Stops everything, or a tenant: once halt() has returned, no attempt is let through to its handler until resume().
  /// One that was let through an instant before may be entering it still.
  Outcome halt(const Order& order);
  /// Lifts the halt of everybody, or of the order's tenant: each by itself.
  Outcome resume(const Order& order);
  /// Whether this executor's tenant is halted, by itself or with everybody.
  [[nodiscard]] bool halted() const noexcept;

  /// From here on the approval, or the key, counts no more: once it has returned, no attempt is let through to its
  /// handler on its strength. An approval goes by its id, which revokes all steps of a plan; a key by its id in the
  /// trust policy or its fingerprint. For ever.
  Outcome revoke_approval(std::string_view id, const Order& order);
  Outcome revoke_key(std::string_view id, const Order& order);

  /// Confirms that the wall clock is right now. It is trusted from here on, and becomes the time behind which the
  /// executor does not go, even where the store has seen a later one: approvals that expire between the two count
  /// again. The entry names both times. The order names no tenant.
  Outcome confirm_clock(const Order& order);
  [[nodiscard]] ClockState clock_state() const;

  // Executions in doubt. Each waits for a person who finds out whether the action took place.

  /// The executions in doubt, at most `count`: those whose entries come after the entry `after`, in the order of their
  /// entries. invalid_argument where the store does not list them.
  [[nodiscard]] Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count) const;
  [[nodiscard]] Result<std::uint64_t> doubt_count() const;
  /// Records what a person found: HandlerResult::result for what was done, failed("", Effect::none) for what was not
  /// done, in_doubt("") for what remains unknown. The first that is not unknown seals the execution, and replays tell
  /// it from then on. Later ones are appended and change nothing. Nonce and approval stay spent, and nothing is run or
  /// tried again. The order names the person who decided; its tenant is the execution's or empty. invalid_argument where the
  /// log has no such execution, or it was never in doubt; in_progress where it has no end yet.
  SettlementAnswer settle(const Digest& exec_id, const HandlerResult& found, const Order& order);

  /// What was ordered and stands, for whichever tenant.
  [[nodiscard]] std::vector<ControlName> controls() const;

  /// Success when an execution would be possible now; else why not.
  [[nodiscard]] Status ready() const;

  /// What the executor and its store counted and measured, for monitoring. What a part cannot tell now is absent. The
  /// call reads the store and the log, and the supplied ledgers answer without waiting for a commit unless they have
  /// failed. store_failed if a part threw or there is no memory.
  [[nodiscard]] Result<Measures> measures() const;

  /// The entry that sealed an execution or put it in doubt. Returns nullopt if the execution has no outcome: it was
  /// never claimed, or is still running. Never a refusal or a replay.
  [[nodiscard]] Result<std::optional<LogLine>> outcome_entry(const Digest& exec_id) const;

  /// Entries, to read.
  [[nodiscard]] ReceiptLog& log() const noexcept;
  [[nodiscard]] const Config& config() const noexcept;
  [[nodiscard]] const Verifier& verifier() const noexcept;

  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

 private:
  class Impl;
  explicit Executor(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace openexec
