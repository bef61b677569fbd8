// SPDX-License-Identifier: Apache-2.0
// The life of a request.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/executor.hpp>

#include "answers/buffers.hpp"
#include "answers/recorder.hpp"
#include "attempt/approval_judge.hpp"
#include "attempt/attempt.hpp"
#include "attempt/hand.hpp"
#include "attempt/submitted.hpp"
#include "base/assert.hpp"
#include "base/unwind.hpp"
#include "exec/orders.hpp"
#include "gate/confirmation.hpp"
#include "gate/controls.hpp"
#include "gate/decoy.hpp"
#include "gate/limits.hpp"
#include "gate/measuring.hpp"
#include "gate/pool.hpp"
#include "gate/recent.hpp"
#include "gate/replay_meter.hpp"
#include "gate/timekeeper.hpp"
#include "waiting/inbox.hpp"
#include "waiting/pending_call.hpp"
#include "waiting/single_flight.hpp"

namespace openexec::exec {

class Pipeline {
 public:
  /// `mark`: the highest trusted time that anyone saw who used the store, after `confirmed`. `standing`: the controls
  /// that it keeps. `floor`: approvals issued up to then count no more (NonceStore::floor).
  Pipeline(Config config, Parts parts, HandlerTable handlers, Timestamp mark, const Confirmation& confirmed,
           std::vector<ControlName> standing, std::optional<Timestamp> floor);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  [[nodiscard]] Outcome run(const Arrival& arrival, const CallOptions& options);
  [[nodiscard]] std::vector<Outcome> run(std::span<const Call> calls, const CallbackExecutor& executor);
  Result<Recovery> recover();

  /// As Executor::submit() and Executor::drive().
  [[nodiscard]] Status submit(const Call& call, Completion completion);
  [[nodiscard]] Status drive(const std::stop_token& stop);

  /// An order: makes a control stand or lifts it, and writes down who gave it.
  [[nodiscard]] Outcome order(ControlKind kind, std::string_view id, bool stands, const Order& order) {
    const base::CancellationPutOff put_off;
    return orders_.order(kind, id, stands, order);
  }
  /// What a person found out about an execution in doubt.
  [[nodiscard]] SettlementAnswer settle(const Digest& exec_id, const HandlerResult& found, const Order& order);
  [[nodiscard]] std::vector<ControlName> controls() const { return controls_.standing(); }
  [[nodiscard]] ClockState clock_state() { return time_.state(); }
  [[nodiscard]] Measures measures() { return measure(meters_, parts_, time_); }

  /// Once one of the executor's own rules is broken, nothing is claimed, no handler is entered and nothing is sealed.
  [[nodiscard]] const base::Poison& poison() const noexcept { return poison_; }

  Gate& gate() noexcept { return gate_; }
  [[nodiscard]] const Gate& gate() const noexcept { return gate_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const Parts& parts() const noexcept { return parts_; }

 private:
  friend struct Sabotage;  // of tests: breaks each invariant on purpose

  // The rounds, by which every way in takes its attempts from arrival to answer.
  void walk(Hand& hand, const CallbackExecutor& executor);
  void prove(Attempt& attempt);
  void commit(Hand& hand, Submission& submission);
  void handle(Hand& hand, const CallbackExecutor& executor);
  std::size_t park(Hand& hand, Inbox& inbox) noexcept;
  [[nodiscard]] bool is_parked(Attempt& attempt, Inbox& inbox) noexcept;

  [[nodiscard]] Attempt enter(const Arrival& arrival, const CallOptions& options);
  Outcome leave(Attempt& attempt) noexcept;
  /// Takes a step with one attempt of a hand. What fails is the end of that attempt, and not of the others.
  template <class Step>
  void attend(Attempt& attempt, Step&& step) {
    base::call_foreign([&] { poison_.watch(step); }, [&] { break_off(attempt); });
  }
  void break_off(Attempt& attempt) noexcept;
  void hold_rules(Attempt& attempt);
  void hold_rules(Hand& hand);
  void submit_watched(std::span<Operation> operations);

  // What drivers do besides.
  class DriverHand;
  [[nodiscard]] Status may_enter_from_here(std::string_view what) const;
  void drive_round(DriverHand& driver, Submission& submission);
  void commit_for(DriverHand& driver, Submission& submission);
  void deliver(DriverHand& driver);
  void handle_for_a_while(Hand& hand);
  void take_up(Hand& hand, Waiter* ready);
  void settle_late(const std::shared_ptr<Pending::Call>& call) noexcept;
  void close() noexcept;
  void end_for_close(Attempt& attempt);

  // The steps. Each ends the attempt, lets it walk on, or has it wait.
  void canonicalise(Attempt& attempt);
  void hold_limits(Attempt& attempt);
  void check_halt(Attempt& attempt);
  void recall(Attempt& attempt);
  void look_back(Attempt& attempt);
  void admit(Attempt& attempt);
  void verify(Attempt& attempt);
  [[nodiscard]] bool lead(Attempt& attempt);
  void end_wait(Attempt& attempt);
  void add_claim(Attempt& attempt, Submission& submission);
  void prepare_claim(Attempt& attempt, std::string& note, Submission& submission);
  void reserve(Attempt& attempt);
  [[nodiscard]] Invocation invocation_of(const Attempt& attempt) const;
  void fan_out_handlers(Hand& hand, const CallbackExecutor& executor);
  void add_end(Attempt& attempt, Submission& submission);

  // How an attempt ends.
  void deny(Attempt& attempt, const Status& why);
  void refuse(Attempt& attempt, const Status& why);
  void tell(Attempt& attempt, const NonceRecord& record);
  void tell(Attempt& attempt, const SealedOutcome& sealed);
  void remember(const Attempt& attempt, std::uint64_t index) noexcept;
  void settle(Attempt& attempt, const Operation& asked, std::chrono::steady_clock::time_point since);
  void turn_away(Attempt& attempt, const ClaimAnswer& answer);
  void call_handler(Attempt& attempt);
  [[nodiscard]] bool may_enter(Attempt& attempt);
  static void allow_retry(Attempt& attempt) noexcept;
  [[nodiscard]] HandlerResult enter_handler(Attempt& attempt);
  void start_handler(Attempt& attempt);
  void finish_handler(Attempt& attempt);
  void conclude(Attempt& attempt, const Operation& written);
  void measure_seals(const Submission& submission);
  [[nodiscard]] std::string proof_of(std::uint64_t index);
  void fail(Attempt& attempt, const Status& why);
  void lose(Attempt& attempt, std::string_view why);
  void end_without_entry(Attempt& attempt, Ending ending);

  [[nodiscard]] bool may_know(const Attempt& attempt, const NonceRecord& record) const;
  void meter_replay(Attempt& attempt);

  const Config config_;
  const Parts parts_;
  const HandlerTable handlers_;
  std::optional<std::set<std::string, std::less<>>> allowed_;
  base::Poison poison_;
  Timekeeper time_;
  Recorder recorder_;

  InFlight in_flight_;
  RefusalMeter refusals_;
  ReplayMeter replays_;
  Meters meters_;
  Recent recent_;
  Decoy decoy_;
  Pool<Proposal::Parts> proposals_;
  Pool<Submission> submissions_;
  SingleFlight single_flight_;
  Gate gate_;
  Controls controls_;
  InsideHandlers inside_;
  const ApprovalJudge judge_;
  Orders orders_;

  class LateDesk;
  const std::shared_ptr<LateDesk> late_;  ///< outlives the pipeline, and knows when it is gone
  Inbox inbox_;                           ///< the drivers'
  bool closing_ = false;
};

}  // namespace openexec::exec
