// SPDX-License-Identifier: Apache-2.0
#include "gate/measuring.hpp"

#include <algorithm>
#include <optional>

#include <openexec/receipt.hpp>
#include <openexec/transparency_log.hpp>

#include "base/assert.hpp"
#include "merkle/note.hpp"

namespace openexec::exec {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::int64_t micros_per_second = 1'000'000;
constexpr std::int64_t most_seconds_ahead = 60;  // a witness's clock may be ahead of ours by so much

/// Precondition: `then` is not before 1970. Zero if it is ahead of `now`.
microseconds since(Timestamp then, Timestamp now) noexcept {
  if (!OPENEXEC_HOLDS(then.micros >= 0, "measures: an age is counted from 1970 or later")) return microseconds(0);
  return microseconds(now > then ? now.micros - then.micros : 0);
}

/// The time in the newest entry that the checkpoint covers: when its attempt began.
std::optional<Timestamp> newest_entry_time(ReceiptLog& log, std::uint64_t size) {
  if (size == 0) return std::nullopt;
  const auto lines = log.read(size - 1, 1);
  if (!lines.ok() || lines->empty()) return std::nullopt;
  const Result<Entry> entry = Entry::from_json(lines->front().json);
  if (!entry.ok()) return std::nullopt;
  const Timestamp at = entry->trusted_at.value_or(entry->observed_at);
  return at.micros < 0 ? std::nullopt : std::optional(at);
}

/// The checkpoint was signed after the newest entry's attempt had begun, and not before the newest seal.
std::optional<microseconds> checkpoint_age(ReceiptLog& log, TransparencyLog& tree, Timestamp now,
                                           std::optional<steady_clock::duration> since_seal) {
  const auto checkpoint = tree.checkpoint();
  if (!checkpoint.ok()) return std::nullopt;
  const std::optional<Timestamp> entry = newest_entry_time(log, checkpoint->size);
  if (!entry) return std::nullopt;
  const microseconds age = since(*entry, now);
  return since_seal ? std::min(age, std::chrono::duration_cast<microseconds>(*since_seal)) : age;
}

std::optional<microseconds> cosignature_age(TransparencyLog& tree, Timestamp now) {
  const auto cosigned = tree.cosigned_checkpoint();
  if (!cosigned.ok() || !*cosigned) return std::nullopt;
  const auto note = merkle::Note::parse((*cosigned)->note);
  if (!note.ok()) return std::nullopt;
  std::optional<std::int64_t> newest;
  for (const merkle::NoteSignature& signature : note->signatures) {
    const auto time = merkle::cosignature_time(signature);
    const std::int64_t latest = now.micros / micros_per_second + most_seconds_ahead;
    if (!time || static_cast<std::int64_t>(*time) > latest) continue;
    newest = std::max(newest.value_or(0), static_cast<std::int64_t>(*time));
  }
  if (!newest) return std::nullopt;
  return since({*newest * micros_per_second}, now);
}

}  // namespace

void Meters::read(Measures& measures) const {
  measures.suppressed_replays = suppressed_replays_.load(std::memory_order_relaxed);
  measures.suppressed_refusals = suppressed_refusals_.load(std::memory_order_relaxed);
  measures.verification_seconds = verification_.read();
  measures.claim_to_seal_seconds = claim_to_seal_.read();
}

Measures measure(const Meters& meters, const Parts& parts, Timekeeper& time) {
  Measures measures;
  meters.read(measures);
  if (auto store = parts.store->measures(); store.ok()) measures.store = *std::move(store);
  TransparencyLog* const tree = parts.log->transparency();
  if (tree == nullptr) return measures;
  const steady_clock::time_point sealed = meters.last_seal();
  const steady_clock::time_point elapsed = parts.clock->monotonic();
  std::optional<steady_clock::duration> since_seal;
  if (sealed != steady_clock::time_point::min() && elapsed >= sealed) since_seal = elapsed - sealed;
  const Timestamp now = time.read().trusted;
  measures.checkpoint_age = checkpoint_age(*parts.log, *tree, now, since_seal);
  measures.cosignature_age = cosignature_age(*tree, now);
  return measures;
}

}  // namespace openexec::exec
