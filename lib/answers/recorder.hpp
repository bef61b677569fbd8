// SPDX-License-Identifier: Apache-2.0
// What stands beneath every ending: the entry's time, the handler's word judged, and what the store and its log keep.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <openexec/executor.hpp>

#include "answers/buffers.hpp"
#include "answers/ending.hpp"
#include "gate/pool.hpp"
#include "gate/timekeeper.hpp"

namespace openexec::exec {

/// Thread-safe. `config`, `parts` and `time` must outlive it.
class Recorder {
 public:
  Recorder(const Config& config, const Parts& parts, Timekeeper& time) : config_(config), parts_(parts), time_(time) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Says in the entry when it was made. Returns the trusted time, which the store counts and approvals are judged by.
  Timestamp stamp(Entry& entry);
  /// An entry that the executor makes of its own accord.
  [[nodiscard]] Entry own_entry(Verdict verdict, Code code) const;

  /// What a handler's word comes to.
  [[nodiscard]] Ending judge(const HandlerResult& said);

  /// Makes operations durable. A store that is its own log takes all in one durable step. Another is the log's outbox:
  /// it seals, and feeds the log.
  void submit(std::span<Operation> operations);
  /// Idempotent: an entry that was appended before a crash is found again by its own hash.
  Result<std::uint64_t> feed_log(std::string_view tenant, std::string_view nonce, const Digest& exec_id,
                                 std::string_view entry);
  /// Makes a control durable with its entry. A store that keeps no controls leaves the entry to the log, and `lasts`
  /// becomes false.
  Result<std::optional<std::uint64_t>> keep(const ControlChange& change, bool& lasts);

  void append_suppressed(std::uint64_t count);         ///< one entry for so many refusals; none for 0
  void append_suppressed(std::vector<Entry> replays);  ///< for replays that had no entries of their own

  [[nodiscard]] Pool<Reader>& readers() noexcept { return readers_; }

 private:
  void judge_result(const HandlerResult& said, Ending& ending);

  const Config& config_;
  const Parts& parts_;
  Timekeeper& time_;
  Pool<Reader> readers_;
};

}  // namespace openexec::exec
