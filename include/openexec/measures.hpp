// SPDX-License-Identifier: Apache-2.0
// What an executor and its store count while they run, for monitoring.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace openexec {

/// How often values fell between fixed bounds.
struct Histogram {
  std::vector<double> bounds;         ///< the upper bound of each bucket, inclusive and ascending
  std::vector<std::uint64_t> counts;  ///< values in each bucket, and at the end the values above the last bound
  double sum = 0;                     ///< of all values
};

/// What a store measures of itself. A member is absent if the store does not measure it.
struct StoreMeasures {
  std::optional<std::uint64_t> claims;        ///< attempts that were ever claimed
  std::optional<std::uint64_t> file_bytes;    ///< the size of the store's file
  std::optional<std::uint64_t> wal_bytes;     ///< the size of the write-ahead log beside that file
  std::optional<Histogram> batch_operations;  ///< claims, seals and entries that one transaction made durable
  std::optional<Histogram> commit_seconds;    ///< how long a transaction took, its sync included
};

/// Counts since the executor was assembled, and sizes and ages of now. Each value is read at a moment of its own, so
/// that a count may be ahead of a sum that belongs to it.
struct Measures {
  /// Replays that were answered without an entry of their own (Limits::max_replays_per_second).
  std::uint64_t suppressed_replays = 0;
  /// Refusals that were answered without an entry of their own (Limits::max_refusals_per_second).
  std::uint64_t suppressed_refusals = 0;
  Histogram verification_seconds;  ///< how long the verifier took to judge an approval
  /// From the moment at which a claim is handed to the store until its seal is durable. If the process dies in this
  /// time, the execution may end up in doubt.
  Histogram claim_to_seal_seconds;

  /// How long ago the newest checkpoint was signed. Absent if the log keeps no tree or has no entries. After a restart
  /// it counts from the time in the newest entry, which is when that attempt began, until an execution is sealed.
  std::optional<std::chrono::microseconds> checkpoint_age;
  /// How long ago the newest cosignature of the kept cosigned checkpoint was made, by the witness's own word. No
  /// witness's key is known here, so that no cosignature is verified. One that is more than a minute ahead of the
  /// executor's time is not believed. Absent if there is none.
  std::optional<std::chrono::microseconds> cosignature_age;

  StoreMeasures store;  ///< empty if the store could not be read
};

}  // namespace openexec
