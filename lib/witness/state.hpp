// SPDX-License-Identifier: Apache-2.0
// What a witness remembers: of each log the newest tree that it cosigned, or was about to. In one SQLite file.
#pragma once

#include <cstdint>
#include <memory>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/tree.hpp"

namespace openexec::witness {

struct Remembered {
  std::string origin;
  merkle::TreeHead head;   ///< size 0 and the empty root where nothing was cosigned yet
  std::string checkpoint;  ///< the signed note of it
  Timestamp at{};          ///< when it came
  std::string conflict;    ///< another note of the log's, of equal size and with another root: it lied. Empty: none
  bool confirmed = true;   ///< false after an adoption, until an operator has said which tree was the newest
};

/// One file, one process that writes it, one thread at a time. What advance() said is durable when it returns.
///
/// The file records its own identity. A copy, and a file whose write-ahead log is lost, may have forgotten a tree that
/// was cosigned, so that open() refuses them. adopt() is the way out: an operator's decision, which is recorded, and
/// after which no log gets a cosignature until confirm() has said which tree of it is the newest that can be shown.
class State {
 public:
  /// Makes the file, which must not be there, for the witness of this verifier key. store_failed where it is there.
  static Status create(const std::string& path, std::string_view verifier_key);
  /// store_failed if there is no such file, if another process has it, under whatever name, if it is a copy, or if its
  /// write-ahead log is lost. `vfs`: a registered SQLite file system, for tests.
  static Result<State> open(const std::string& path, const char* vfs = nullptr);
  /// The same for reading, beside a running witness.
  static Result<State> open_read_only(const std::string& path);

  /// Takes a copy, or a file without its write-ahead log, for the witness's memory from now on. store_failed for an
  /// empty reason, or while a process has it.
  static Status adopt(const std::string& path, std::string_view why, Timestamp now);

  /// Whose memory this is.
  [[nodiscard]] const std::string& verifier_key() const noexcept;

  /// The newest tree of a log; one of size 0 where none was cosigned.
  Result<Remembered> latest(std::string_view origin);
  Result<std::vector<Remembered>> all();

  enum class Advance : std::uint8_t { stale, done };
  /// Compares and sets in one transaction: if the newest tree is still `from`, it is `to` from now on. The two may be
  /// one tree, which then has a later time. `stale` if another request was faster. store_failed where it could not be
  /// assured; then the newest is one of the two.
  Result<Advance> advance(const merkle::TreeHead& from, const Remembered& to);
  /// Says which tree of a log is the newest that can be shown, after an adoption. store_failed for one that is
  /// older than what the file remembers, or that contradicts it.
  Status confirm(const Remembered& newest);
  /// Keeps the first note that proves that a log lied.
  Status keep_conflict(std::string_view origin, std::string_view note);

  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

 private:
  struct Impl;
  explicit State(std::unique_ptr<Impl> impl) noexcept;
  static Result<State> open_as(const std::string& path, const char* vfs, bool read_only);
  std::unique_ptr<Impl> impl_;
};

}  // namespace openexec::witness
