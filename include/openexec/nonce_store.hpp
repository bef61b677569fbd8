// SPDX-License-Identifier: Apache-2.0
// The store of nonces and approvals: the contract behind "at most once".
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

/// A claim: what it spends is spent in one durable step. The views are valid until claim() returns.
struct Claim {
  std::string_view tenant;
  std::string_view nonce;
  std::string_view action;
  Digest exec_id{};
  Digest request_hash{};
  /// Spent together with the nonce; empty: no approval is spent. A step of a plan is spent as `token LF step LF plan`,
  /// and no other approval has a line feed. The first claim of a token decides what it is: a plan, whose other steps
  /// may be claimed, or a single approval. Every other use of the token is approval_spent.
  std::string_view approval_id;
  Digest approval_digest{};   ///< of the artifact; zero if none was presented
  std::string_view approval;  ///< JSON: the approvers, kept for the log entry of an interrupted attempt
  Timestamp at;

  // Further conditions, checked in the same step. They are passed only to stores whose keeps_terms() is true.
  /// An approval id whose claim must be sealed as ok. Empty: no condition.
  std::string_view predecessor;
  /// The rate limit: the most claims of this action in this tenant within a minute, this one included. 0: no limit.
  std::uint32_t max_per_minute = 0;

  /// 1: the nonce's first attempt, which spends it. k + 1: a further attempt of the same request with the same
  /// artifact, opened only if the newest attempt is k and was sealed as retryable. Passed only to stores whose
  /// keeps_attempts() is true.
  std::uint32_t attempt = 1;
};

/// The state of a nonce.
enum class NonceState : std::uint8_t {
  claimed = 1,   ///< its newest attempt is running, or was interrupted and not yet recovered
  sealed = 2,    ///< executed or failed; final, unless a retryable seal permits a further attempt
  in_doubt = 3,  ///< it may have run; it never runs again, but a settlement may seal it
};

/// The record of one nonce: its newest attempt.
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
  std::string result;                  ///< as sealed; empty while claimed, and after it was removed
  std::optional<std::uint64_t> entry;  ///< index of the log entry that sealed it (or put it in doubt)
  std::uint32_t attempt = 1;           ///< the newest one
  bool retryable = false;              ///< as sealed; never true after it was in doubt
};

/// The answer to a claim. Only `fresh` permits running the handler.
struct ClaimAnswer {
  enum class Kind : std::uint8_t {
    exists = 1,          ///< the nonce was claimed before by the same request: see `record`
    nonce_conflict = 2,  ///< the nonce was claimed before, by another request
    approval_spent = 3,  ///< the approval was claimed before under another nonce, or its token as something else
    fresh = 4,           ///< claimed now, durably: the attempt that was asked for, and no other
    out_of_order = 5,    ///< the predecessor has not executed; nothing was spent
    rate_reached = 6,    ///< max_per_minute is reached; nothing was spent
  };
  Kind kind = Kind::nonce_conflict;
  std::optional<NonceRecord> record;  ///< for `exists`
};

/// A change of state at the end of an attempt: claimed → sealed or in_doubt, or in_doubt → sealed. The views are valid
/// until seal() returns.
struct Seal {
  std::string_view tenant;
  std::string_view nonce;
  Digest exec_id{};
  NonceState state = NonceState::in_doubt;
  Code code = Code::in_doubt;
  Effect effect = Effect::unknown;
  std::string_view result;  ///< display form, then a line feed and what replays also return; stored unchanged
  std::string_view entry;   ///< the log entry; goes into the log in the same durable step, or into the outbox
  Timestamp at;
  std::uint32_t attempt = 1;  ///< the one that ended; a seal of any other than the newest changes nothing
  /// A further attempt may be opened, because the handler reported that nothing happened or was not entered. Only with
  /// handler_failed and effect none, for a claim of this process, and never after doubt.
  bool retryable = false;
};

/// A sealed attempt whose entry has not been confirmed to be in the log (stores that are not their own log).
struct Unlogged {
  std::string tenant;
  std::string nonce;
  Digest exec_id{};
  std::string entry;
};

/// Sets or lifts a control, with the entry that records who ordered it. The views are valid until control() returns.
struct ControlChange {
  ControlName name;
  bool stands = true;      ///< true: the control is active from now on; false: it is lifted
  std::string_view entry;  ///< goes into the log in the same durable step, or into the outbox
  Timestamp at;
};

/// One operation of a batch: a pointer to the caller's argument, and the answer.
struct Operation {
  std::variant<const Claim*, const Seal*, const NewEntry*> what;

  Status status{Code::store_failed, "not reached"};
  ClaimAnswer claim;                   ///< the answer to a Claim; valid only if `status` is success
  std::optional<std::uint64_t> entry;  ///< the answer to a Seal or NewEntry, as of seal() or append()
};

/// A store of spent nonces and approvals, which it keeps for ever.
///
/// Contract (contract/store_suite.hpp runs it over a store)
///  - Linearizable per (tenant, nonce) and per (tenant, approval id): across threads, across processes that share the
///    store, and across restarts. Of any number of concurrent equal claims exactly one is `fresh`.
///  - claim() answers `fresh` only when the claim is durable. It spends both the nonce and the approval id in one step,
///    or neither.
///  - After a Status the handler does not run. If the store does not know whether a commit succeeded, it finds out (by
///    reading) or fails every later call. It never guesses.
///  - seal() succeeds only when the seal is durable. Sealing a nonce that is neither claimed nor in doubt returns
///    invalid_argument and changes nothing.
///  - A record that could be replayed is never removed. A further attempt replaces no claim: nonce and approval stay
///    spent, and the entry of the earlier attempt stays in the log.
///  - Called from any thread, concurrently. Calls block until they are durable. No call enters the executor.
///  - Names (tenant, nonce, action, approval id) are bytes: compared byte by byte, NUL included, never normalised. The
///    empty tenant is a tenant like any other. A claim with an empty nonce is invalid_argument.
///  - A seal needs an entry of 1 to 65,535 bytes; without one, or with a longer one, it is invalid_argument. Its result
///    may be empty or megabytes long, and is kept as it is. Its state is `sealed` or `in_doubt`; `claimed` is
///    invalid_argument. A second end of the same kind is invalid_argument as well.
///  - A call that is refused changes nothing: no record, no spent approval, no entry. Its Status says why, in words.
///  - logged() of what was confirmed before succeeds: a log may confirm twice.
///  - `exists` comes with the record, and `nonce_conflict` without: it is another caller's.
class NonceStore {
 public:
  virtual ~NonceStore() = default;

  [[nodiscard]] virtual Result<ClaimAnswer> claim(const Claim& claim) = 0;
  [[nodiscard]] virtual Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) = 0;
  /// Returns the index of the entry if this store is also the log, else nullopt.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> seal(const Seal& seal) = 0;
  /// A batch with the meaning of as many concurrent calls, each of which succeeds or fails alone; a store with group
  /// commit gives it one sync. A NewEntry goes to log(). The default makes one call after the other.
  virtual void submit(std::span<Operation> operations);
  /// Returns the claims that are owned by no running executor because their process ended, in the order of the claims.
  [[nodiscard]] virtual Result<std::vector<NonceRecord>> orphans() = 0;

  /// Records `value` under `key` on first use. A different value later is store_failed. Used for the name of the
  /// hasher.
  [[nodiscard]] virtual Status pin(std::string_view key, std::string_view value) = 0;
  /// Returns the highest time of any claim, seal or entry, or zero for an empty store. The executor never uses an
  /// earlier time, even if its clock is behind.
  [[nodiscard]] virtual Result<Timestamp> latest() = 0;
  /// Whether claim() checks Claim::predecessor, Claim::max_per_minute and the plans of Claim::approval_id. If it does
  /// not, requests that need one of them are refused.
  [[nodiscard]] virtual bool keeps_terms() const noexcept { return false; }
  /// Whether a claim may open a further attempt (Claim::attempt), in one durable compare-and-set. If it may not, no
  /// handler with Row::retry_none is accepted.
  [[nodiscard]] virtual bool keeps_attempts() const noexcept { return false; }

  /// Sets or lifts a control durably. If the control already has the wanted state, only the entry is added. Returns the
  /// index of the entry as seal() does. An outbox keeps the entry under an empty nonce. The default keeps no controls
  /// and returns invalid_argument.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> control(const ControlChange& change);
  /// Returns the active controls, in the order of their names.
  [[nodiscard]] virtual Result<std::vector<ControlName>> controls() { return std::vector<ControlName>{}; }

  /// Returns at most `count` nonces in doubt whose entries come after the entry `after`, in the order of their entries.
  /// The default returns invalid_argument.
  [[nodiscard]] virtual Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count);
  /// Returns the number of nonces in doubt.
  [[nodiscard]] virtual Result<std::uint64_t> doubt_count();

  /// Returns the floor of a store that an operator adopted after it was copied or restored. Such a store may have lost
  /// claims, so that approvals issued up to this time are no longer accepted. Returns nullopt if the store was never
  /// adopted, which is the default.
  [[nodiscard]] virtual Result<std::optional<Timestamp>> floor() { return std::optional<Timestamp>(); }
  /// Whether the tenant had claims when the store was adopted. Called only if there is a floor. The default returns
  /// true.
  [[nodiscard]] virtual Result<bool> was_used(std::string_view tenant) {
    (void)tenant;
    return true;
  }

  /// Returns success if a claim is possible now, else the reason (disk full, poisoned, read-only).
  [[nodiscard]] virtual Status ready() = 0;
  /// What the store measures of itself, for Executor::measures(). Called each time a monitoring system scrapes,
  /// so that it must be cheap and must not delay claims. The default measures nothing.
  [[nodiscard]] virtual Result<StoreMeasures> measures() { return StoreMeasures{}; }

  /// Returns the log if this store is also the log, so that a seal and its entry are one durable step. Otherwise
  /// returns null, and the store is the outbox of the log: it keeps each sealed entry until logged() confirms it.
  [[nodiscard]] virtual ReceiptLog* log() noexcept { return nullptr; }
  [[nodiscard]] virtual Result<std::vector<Unlogged>> unlogged() { return std::vector<Unlogged>{}; }
  [[nodiscard]] virtual Status logged(std::string_view tenant, std::string_view nonce, std::uint64_t index) {
    (void)tenant, (void)nonce, (void)index;
    return Status::success();
  }
};

}  // namespace openexec
