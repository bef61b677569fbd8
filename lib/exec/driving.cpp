// SPDX-License-Identifier: Apache-2.0
// Attempts that nobody waits for with a thread: they are submitted, and drivers advance them.
#include <array>
#include <new>
#include <utility>
#include <vector>

#include "base/unwind.hpp"
#include "exec/driving.hpp"

namespace openexec::exec {
namespace {

/// Attempts that a driver advances together: as many as a commit takes well, and few enough to share the work.
constexpr std::size_t most_in_hand = 256;

/// How long a driver calls handlers of one hand before it gives the rest back: a slow one does not hold them up.
constexpr std::chrono::milliseconds handler_slice{1};

}  // namespace

Pipeline::DriverHand::DriverHand(Pipeline& owner, std::span<Attempt*> slots) : owner_(owner), hand(slots) {}

// Not empty if the thread ends in a callback. What it was committing has an unknown fate.
Pipeline::DriverHand::~DriverHand() {
  for (Attempt* attempt : hand) {
    if (committing && !attempt->outcome) owner_.break_off(*attempt);
    owner_.inbox_.give_back(*attempt);
  }
  while (Attempt* const attempt = next_answered()) owner_.inbox_.give_back(*attempt);
}

Attempt* Pipeline::DriverHand::next_answered() noexcept {
  return answered_ != nullptr ? std::exchange(answered_, static_cast<Attempt*>(answered_->next)) : nullptr;
}

void Pipeline::DriverHand::set_answered_aside() noexcept {
  Attempt* last = nullptr;
  hand.drop_if([&](Attempt& attempt) {
    if (!attempt.outcome) return false;
    attempt.next = nullptr;
    if (last != nullptr)
      last->next = &attempt;
    else
      answered_ = &attempt;
    last = &attempt;
    return true;
  });
}

// A handler that drives would refuse what other callers submitted, as if they were inside of it.
Status Pipeline::may_enter_from_here(std::string_view what) const {
  const std::string call(what);
  if (!late_->here()) return {Code::invalid_argument, call + ": a child of fork() has no executor; make one there"};
  if (inside_.this_thread())
    return {Code::invalid_argument, call + ": a handler must not call the executor that runs it"};
  return Status::success();
}

OPENEXEC_CATCHES_UNWIND Status Pipeline::submit(const Call& call, Completion completion) try {
  const base::CancellationPutOff put_off;
  if (Status status = may_enter_from_here("submit"); !status.ok()) return status;
  if (!completion) return {Code::invalid_argument, "submit: completion: missing"};
  auto submitted = std::make_unique<Submitted>(call, std::move(completion));
  Attempt& attempt = submitted->attempt.emplace(enter(submitted->arrival, submitted->options));
  if (!attempt.place.taken()) {
    recorder_.append_suppressed(refusals_.rule(parts_.clock->monotonic(), true).suppressed);
    meters_.suppressed_refusal();
    return {Code::overloaded, "submit: too many attempts are under way; nothing ran"};
  }
  attempt.submitted = submitted.get();
  if (!inbox_.submit(attempt)) return {Code::invalid_argument, "submit: no thread drives the executor; call drive()"};
  (void)submitted.release();  // deliver() takes it back
  return Status::success();
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::overloaded, "submit: out of memory; nothing ran");
}

OPENEXEC_CATCHES_UNWIND Status Pipeline::drive(const std::stop_token& stop) try {
  const base::CancellationPutOff put_off;
  if (Status status = may_enter_from_here("drive"); !status.ok()) return status;
  std::vector<Attempt*> slots(most_in_hand);
  const Pooled submission(submissions_);
  const std::stop_callback rouse(stop, [this] { inbox_.rouse(); });
  const Inbox::Driver counted(inbox_);
  DriverHand driver(*this, slots);
  for (;;) {
    take_up(driver.hand, inbox_.take_share(driver.hand.room(), driver.hand.empty(), stop));
    if (driver.hand.empty() && stop.stop_requested()) return Status::success();
    drive_round(driver, *submission);
  }
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {
  return base::boundary_status(Code::overloaded, "drive: out of memory; this thread drives nothing");
}

// As a round of walk(). What is answered is delivered before handlers are called, which may take their time.
void Pipeline::drive_round(DriverHand& driver, Submission& submission) {
  for (Attempt* attempt : driver.hand) attend(*attempt, [&] { prove(*attempt); });
  commit_for(driver, submission);
  deliver(driver);
  handle_for_a_while(driver.hand);
  park(driver.hand, inbox_);
}

// A store that throws has left the fate of the whole hand unknown.
void Pipeline::commit_for(DriverHand& driver, Submission& submission) {
  driver.committing = true;
  base::call_foreign([&] { commit(driver.hand, submission); },
                     [&] {
                       for (Attempt* attempt : driver.hand)
                         if (!attempt->outcome) break_off(*attempt);
                     });
  driver.committing = false;
}

// A completion may submit again: by then its attempt has given up its place. What a completion throws is dropped.
void Pipeline::deliver(DriverHand& driver) {
  driver.set_answered_aside();
  while (Attempt* const attempt = driver.next_answered()) {
    const std::unique_ptr<Submitted> owned(attempt->submitted);
    Outcome outcome = leave(*attempt);
    const Completion done = std::move(owned->done);
    owned->attempt.reset();
    base::call_foreign([&] { done(std::move(outcome)); }, [] {});
  }
}

void Pipeline::handle_for_a_while(Hand& hand) {
  std::optional<std::chrono::steady_clock::time_point> until;
  for (Attempt* attempt : hand) {
    if (!is_due_to_run(*attempt)) continue;
    const auto now = std::chrono::steady_clock::now();
    if (!until) until = now + handler_slice;
    if (now >= *until) break;
    call_handler(*attempt);
  }
  if (!until) return;
  hand.drop_if([&](Attempt& attempt) {
    if (!is_due_to_run(attempt)) return false;
    inbox_.give_back(attempt);
    return true;
  });
}

void Pipeline::take_up(Hand& hand, Waiter* ready) {
  while (ready != nullptr) {
    Waiter& waiter = *std::exchange(ready, ready->next);
    if (waiter.is_attempt)
      hand.add(static_cast<Attempt&>(waiter));
    else
      settle_late(std::exchange(static_cast<LateJob&>(waiter).call, nullptr));
  }
}

// What a handler says after its deadline is a settlement like a person's: the first one decides.
void Pipeline::settle_late(const std::shared_ptr<Pending::Call>& call) noexcept {
  const std::optional<HandlerResult> said = call->take_late();
  if (!said) return;
  const Order order{.who = "handler", .why = "it completed after its deadline", .tenant = {}};
  base::call_foreign([&] { (void)settle(call->exec_id(), *said, order); }, [] {});
}

// The executor is about to be gone. Whatever is still open is answered: what runs is in doubt, what was claimed and not
// entered has failed without an effect, and the rest is refused.
void Pipeline::close() noexcept {
  inbox_.end_waits();
  closing_ = true;
  std::array<Attempt*, 64> slots{};
  const auto close_some = [&](Waiter* ready) {
    DriverHand driver(*this, slots);
    take_up(driver.hand, ready);
    for (Attempt* attempt : driver.hand) attend(*attempt, [&] { end_for_close(*attempt); });
    base::call_foreign(
        [&] {
          const Pooled submission(submissions_);
          commit_for(driver, *submission);
        },
        [&] {
          for (Attempt* attempt : driver.hand)
            if (!attempt->outcome) break_off(*attempt);
        });
    deliver(driver);
  };
  while (Waiter* const ready = inbox_.take_ready(slots.size())) close_some(ready);
  late_->close();
}

void Pipeline::end_for_close(Attempt& attempt) {
  if (attempt.waits_for == WaitsFor::handler) return finish_handler(attempt);
  attempt.waits_for = WaitsFor::nothing;
  if (attempt.ended) return;
  if (attempt.claimed) return (void)attempt.ended.emplace(not_entered());
  refuse(attempt, Status(Code::overloaded, "the executor is closing; nothing ran"));
}

}  // namespace openexec::exec
