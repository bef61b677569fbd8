// SPDX-License-Identifier: Apache-2.0
// From an ending to an answer: what ran is sealed, every attempt has its entry, and nothing is answered before that is
// durable.
#include <algorithm>
#include <new>
#include <utility>

#include <openexec/transparency_log.hpp>

#include "attempt/replay.hpp"
#include "base/unwind.hpp"
#include "exec/pipeline.hpp"

namespace openexec::exec {

// What ran is sealed, and every attempt has its entry.
void Pipeline::add_end(Attempt& attempt, Submission& submission) {
  Ended& ended = *attempt.ended;
  attend(attempt, [&] {
    OPENEXEC_INVARIANT(poison_, !attempt.outcome, "P4: an attempt is answered once");
    if (!ended.recorded) return fail(attempt, Status(ended.code, ended.detail, ended.http));
    write_entry(attempt.entry, ended, ended.json);
    if (attempt.claimed) add_remark(ended);
    if (ended.replayed) meter_replay(attempt);
  });
  if (attempt.outcome) return;
  const Digest exec_id = attempt.parsed ? attempt.parsed->exec_id : Digest{};
  if (!attempt.claimed) {
    submission.entries.push_back({.json = ended.json, .exec_id = exec_id, .at = attempt.at});
    return submission.add(attempt, &submission.entries.back());
  }
  submission.seals.push_back({.tenant = attempt.entry.tenant,
                              .nonce = attempt.entry.nonce,
                              .exec_id = exec_id,
                              .state = ended.state,
                              .code = ended.code,
                              .effect = ended.effect,
                              .result = text_for_store(ended),
                              .entry = ended.json,
                              .at = attempt.at,
                              .attempt = attempt.number,
                              .retryable = ended.retryable});
  submission.add(attempt, &submission.seals.back());
}

// Above the rate of its execution a replay is answered without an entry of its own. What it tells is durable already.
void Pipeline::meter_replay(Attempt& attempt) {
  ReplayMeter::Ruling ruling = replays_.rule(parts_.clock->monotonic(), attempt.parsed->exec_id, attempt.entry);
  recorder_.append_suppressed(std::move(ruling.suppressed));
  if (ruling.record) return;
  meters_.suppressed_replay();
  attempt.outcome = outcome_of(attempt);
  attempt.lease.finish();
}

// The one place where an attempt that ran becomes a success: its end is durable, and so is its entry.
void Pipeline::conclude(Attempt& attempt, const Operation& written) {
  const bool durable = written.status.ok() && written.entry;
  if (!durable && attempt.claimed) return lose(attempt, written.status.detail());
  if (!durable) {
    const bool full = written.status.code() == Code::overloaded;
    return fail(attempt,
                Status(full ? Code::overloaded : Code::store_failed, written.status.detail() + "; nothing ran"));
  }
  if (attempt.claimed) decoy_.offer(attempt.entry.nonce);
  if (attempt.pending && attempt.ended->state == NonceState::in_doubt) attempt.pending->sealed_in_doubt();
  remember(attempt, *written.entry);
  attempt.outcome = outcome_of(attempt);
  attempt.outcome->entry = std::move(attempt.ended->json);
  attempt.outcome->entry_index = written.entry;
  attempt.lease.finish();
  if (attempt.options->proof) attempt.outcome->proof = proof_of(*written.entry);
}

// Everybody has an answer by now. A clock that fails here takes nothing back.
void Pipeline::measure_seals(const Submission& submission) {
  if (submission.seals.empty()) return;
  const auto measure_each = [&] {
    const auto now = parts_.clock->monotonic();
    for (const Attempt* attempt : submission.attempts)
      if (attempt->claimed && attempt->outcome && attempt->outcome->entry_index)
        meters_.sealed(attempt->claimed->since(), now);
  };
  base::call_foreign(measure_each, [] {});
}

std::string Pipeline::proof_of(std::uint64_t index) {
  const auto prove = [&] {
    TransparencyLog* const log = parts_.log->transparency();
    if (log == nullptr) return std::string();
    Result<std::string> proof = log->prove(index);
    return proof.ok() ? *std::move(proof) : std::string();
  };
  // The attempt is at its end; what came of it is no less true for want of a proof.
  return base::call_foreign(prove, [] { return std::string(); });
}

// So that it is told again without a look into the store. Without memory for it, the store is looked into.
void Pipeline::remember(const Attempt& attempt, std::uint64_t index) noexcept try {
  if (auto sealed = sealed_outcome_of(attempt, index)) recent_.add(attempt.parsed->exec_id, std::move(sealed));
} catch (const std::bad_alloc&) {
}

// An answer without an entry: a flood, or a store that could not write one. Nothing ran.
void Pipeline::fail(Attempt& attempt, const Status& why) {
  Ending ending;
  ending.code = why.code();
  ending.detail = why.detail();
  ending.http = why.http();
  end_without_entry(attempt, std::move(ending));
}

// It ran, or may have, and its end is not durable. Its execution is lost to this process, and the next opening of the
// store finds an orphan.
void Pipeline::lose(Attempt& attempt, std::string_view why) {
  Ending ending = entered();
  ending.code = Code::store_failed;
  ending.detail = "in doubt: the handler may have run, and its outcome could not be made durable: " + std::string(why);
  end_without_entry(attempt, std::move(ending));
}

void Pipeline::end_without_entry(Attempt& attempt, Ending ending) {
  Ended& ended = attempt.ended.emplace(std::move(ending));
  write_entry(attempt.entry, ended, ended.json);
  attempt.outcome = outcome_of(attempt);
  attempt.lease = {};
}

}  // namespace openexec::exec
