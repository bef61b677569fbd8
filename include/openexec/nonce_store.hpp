// SPDX-License-Identifier: Apache-2.0
// The contract that carries "at most once".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/control.hpp>
#include <openexec/measures.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

namespace openexec {

class ReceiptLog;
struct NewEntry;

/// What a claim spends, in one durable step. Views live until claim() returns.
struct Claim {
  std::string_view tenant;
  std::string_view nonce;
  std::string_view action;
  Digest exec_id{};
  Digest request_hash{};
  /// Spent with the nonce; empty spends none. A step of a plan is spent as `token LF step LF plan`, and no other
  /// approval has a line feed. The first claim of a token decides what it is: a plan, whose other steps may be claimed,
  /// or a single approval. Every other use of the token is approval_spent.
  std::string_view approval_id;
  Digest approval_digest{};   ///< which artifact was spent; zero where none was presented
  std::string_view approval;  ///< JSON: who approved it, kept for the log entry of an attempt that dies
  Timestamp at;

  // What the claim is held to besides, judged in the same step; only stores that keeps_terms() are ever asked to.
  /// Something spent as an approval id that must have executed before: its record sealed as ok. Empty: nothing.
  std::string_view predecessor;
  /// How many claims of this action in this tenant there may be within a minute, this one included. 0: any number.
  std::uint32_t max_per_minute = 0;

  /// 1: the nonce's first attempt, which spends it. k + 1: a further attempt of the same request with the same
  /// artifact, opened only where the newest attempt is k and was sealed as retryable. Stores that do not
  /// keeps_attempts() are never asked for one.
  std::uint32_t attempt = 1;
};

enum class NonceState : std::uint8_t {
  claimed = 1,   ///< its newest attempt is running, or died and was not recovered yet
  sealed = 2,    ///< executed or failed; final, unless a retryable seal lets a further attempt be opened
  in_doubt = 3,  ///< it may have run; never run again; a settlement may still seal it
};

/// What the store knows of one nonce: its newest attempt.
struct NonceRecord {
  NonceState state = NonceState::in_doubt;
  std::string tenant;
  std::string nonce;
  std::string action;
  Digest exec_id{};
  Digest request_hash{};
  Digest approval_digest{};
  std::string approval;        ///< as claimed
  Code code = Code::in_doubt;  ///< of a sealed record: ok, handler_failed or result_invalid
  Effect effect = Effect::unknown;
  std::string result;                  ///< as sealed; empty while claimed, and where it was removed since
  std::optional<std::uint64_t> entry;  ///< index of the log entry that sealed it (or put it in doubt)
  std::uint32_t attempt = 1;           ///< the newest one
  bool retryable = false;              ///< as sealed; only where it was never in doubt
};

/// A claim's answer. Nothing but `fresh` permits running the handler.
struct ClaimAnswer {
  enum class Kind : std::uint8_t {
    exists = 1,          ///< the nonce was claimed before, by this very request: see `record`
    nonce_conflict = 2,  ///< the nonce was claimed before, by another request
    approval_spent = 3,  ///< the approval was claimed before under another nonce, or its token as something else
    fresh = 4,           ///< claimed now, durably: the attempt that was asked for, and no other
    out_of_order = 5,    ///< the predecessor has not executed; nothing was spent
    rate_reached = 6,    ///< as many claims as may be were made within a minute; nothing was spent
  };
  Kind kind = Kind::nonce_conflict;
  std::optional<NonceRecord> record;  ///< for `exists`
};

/// The end of an attempt: claimed → sealed or in_doubt, or in_doubt → sealed. Views live until seal() returns.
struct Seal {
  std::string_view tenant;
  std::string_view nonce;
  Digest exec_id{};
  NonceState state = NonceState::in_doubt;
  Code code = Code::in_doubt;
  Effect effect = Effect::unknown;
  std::string_view result;  ///< display form; behind a line feed what replays tell besides. Kept as it is
  std::string_view entry;   ///< the log entry; goes into the log in the same durable step, or into the outbox
  Timestamp at;
  std::uint32_t attempt = 1;  ///< the one that ended; a seal of any other than the newest changes nothing
  /// The attempt's own handler said that nothing happened, or was not entered: a further attempt may be opened. Only of
  /// a handler_failed with effect none that seals what this process claimed, never of what was in doubt.
  bool retryable = false;
};

/// A sealed attempt whose entry has not been confirmed to be in the log (stores that are not their own log).
struct Unlogged {
  std::string tenant;
  std::string nonce;
  Digest exec_id{};
  std::string entry;
};

/// A change of what stands, with the entry that records who ordered it. Views live until control() returns.
struct ControlChange {
  ControlName name;
  bool stands = true;      ///< false: lifted
  std::string_view entry;  ///< goes into the log in the same durable step, or into the outbox
  Timestamp at;
};

/// One operation of a batch: what is asked, by reference to the caller's argument, and its answer.
struct Operation {
  std::variant<const Claim*, const Seal*, const NewEntry*> what;

  Status status{Code::store_failed, "not reached"};
  ClaimAnswer claim;                   ///< of a Claim; counts only where `status` is success
  std::optional<std::uint64_t> entry;  ///< of a Seal or a NewEntry: as seal() and append() answer
};

/// Remembers nonces and approvals, for ever.
///
/// Contract (tests/conformance/store_suite.hpp runs it over every store)
///  - Linearizable per (tenant, nonce) and per (tenant, approval id): across threads, across processes that share the
///    store, and across restarts. Of any number of concurrent equal claims exactly one is `fresh`.
///  - claim() is durable before it answers `fresh`. It spends the nonce and the approval id in one step or not at all.
///  - A Status means: do not run. If a commit's fate is unknown the store finds out (re-reads) or fails every later call;
///    it never guesses.
///  - seal() is durable before it succeeds. Sealing what is not claimed (or in doubt) is invalid_argument and changes nothing.
///  - Nothing that could be replayed is ever evicted. A further attempt replaces no claim: the nonce and the approval stay
///    spent, and what ended before stays in the log.
///  - Called from any thread, concurrently. Calls block until they are durable. No call enters the executor.
class NonceStore {
 public:
  virtual ~NonceStore() = default;

  [[nodiscard]] virtual Result<ClaimAnswer> claim(const Claim& claim) = 0;
  [[nodiscard]] virtual Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) = 0;
  /// Answers the index of the entry where this store is the log as well, else nothing.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> seal(const Seal& seal) = 0;
  /// A batch with the meaning of as many concurrent calls, each of which succeeds or fails alone; a store with group
  /// commit gives it one sync. A NewEntry goes to log(). The default makes one call after the other.
  virtual void submit(std::span<Operation> operations);
  /// Claims whose process died: claimed, and owned by no running executor. In the order in which they were claimed.
  [[nodiscard]] virtual Result<std::vector<NonceRecord>> orphans() = 0;

  /// Records `value` under `key` on first use; a different value later is store_failed. Hashers pin their name with it.
  [[nodiscard]] virtual Status pin(std::string_view key, std::string_view value) = 0;
  /// The highest time of any claim, seal or entry; zero for an empty store. A clock behind it does not turn time back.
  [[nodiscard]] virtual Result<Timestamp> latest() = 0;
  /// Whether claims are held to Claim::predecessor, Claim::max_per_minute, and what Claim::approval_id says of plans.
  /// Where they are not, what needs them is refused.
  [[nodiscard]] virtual bool keeps_terms() const noexcept { return false; }
  /// Whether a claim may open a further attempt (Claim::attempt), in one durable compare-and-set. Where it may not, no
  /// handler with Row::retry_none is accepted.
  [[nodiscard]] virtual bool keeps_attempts() const noexcept { return false; }

  /// Makes a control stand, or lifts it, durably; of one that stands already, or does not, only the entry is new.
  /// Answers the index of the entry as seal() does; an outbox has it under an empty nonce. The default keeps none:
  /// invalid_argument.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> control(const ControlChange& change);
  /// What stands, in order.
  [[nodiscard]] virtual Result<std::vector<ControlName>> controls() { return std::vector<ControlName>{}; }

  /// The nonces that are in doubt, at most `count`: those whose entries come after the entry `after`, in the order of
  /// their entries. The default lists none: invalid_argument.
  [[nodiscard]] virtual Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count);
  /// How many there are.
  [[nodiscard]] virtual Result<std::uint64_t> doubt_count();

  /// A store that was adopted, after it had been copied or restored, may have lost what was spent since: approvals
  /// issued up to this time count no more. Nothing where there was no adoption, which is the default.
  [[nodiscard]] virtual Result<std::optional<Timestamp>> floor() { return std::optional<Timestamp>(); }
  /// Whether the tenant had claims when the store was adopted. Only asked where there is a floor; the default says yes.
  [[nodiscard]] virtual Result<bool> was_used(std::string_view tenant) {
    (void)tenant;
    return true;
  }

  /// Success when a claim would be possible now; else why not (disk full, poisoned, read-only).
  [[nodiscard]] virtual Status ready() = 0;
  /// What the store measures of itself, for Executor::measures(). Asked as often as a monitoring system scrapes, so
  /// that it must be cheap and must not hold up claims. The default measures nothing.
  [[nodiscard]] virtual Result<StoreMeasures> measures() { return StoreMeasures{}; }

  /// The log, where this store is its own: seals and entries then share one durable step. Else null, and the store is
  /// the log's outbox: it keeps each sealed entry until logged() confirms it.
  [[nodiscard]] virtual ReceiptLog* log() noexcept { return nullptr; }
  [[nodiscard]] virtual Result<std::vector<Unlogged>> unlogged() { return std::vector<Unlogged>{}; }
  [[nodiscard]] virtual Status logged(std::string_view tenant, std::string_view nonce, std::uint64_t index) {
    (void)tenant, (void)nonce, (void)index;
    return Status::success();
  }
};

}  // namespace openexec
