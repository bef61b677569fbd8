// SPDX-License-Identifier: Apache-2.0
// The state of a witness, in one SQLite file. For each log it holds the newest tree that the witness cosigned or was
// about to cosign.
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
  merkle::TreeHead head;   ///< size 0 and the empty root if nothing was cosigned yet
  std::string checkpoint;  ///< the signed note of it
  Timestamp at{};          ///< when it came
  std::string conflict;    ///< a note of the log with the same size and another root, which proves a lie; else empty
  bool confirmed = true;   ///< false after an adoption, until an operator has said which tree was the newest
};

/// One file, one process that writes it, one thread at a time. A success of advance() is durable when it returns.
///
/// The file records its own identity. A copy, and a file whose write-ahead log is lost, may have forgotten a tree that
/// was cosigned, so that open() refuses them. adopt() is the way out: an operator's decision, which is recorded, and
/// after which no log gets a cosignature until confirm() has said which tree of it is the newest that can be shown.
class State {
 public:
  /// Makes the file for the witness of this verifier key. Returns store_failed if the file exists.
  static Status create(const std::string& path, std::string_view verifier_key);
  /// Returns store_failed if the file does not exist, if another process has it open (under any name), if it is a copy,
  /// or if its write-ahead log is lost. `vfs` names a registered SQLite file system, for tests.
  static Result<State> open(const std::string& path, const char* vfs = nullptr);
  /// The same for reading, beside a running witness.
  static Result<State> open_read_only(const std::string& path);

  /// Accepts a copy, or a file without its write-ahead log, as the witness's state from now on. Returns store_failed if
  /// the reason is empty, or while a process has the file open.
  static Status adopt(const std::string& path, std::string_view why, Timestamp now);

  /// The verifier key of the witness that this state belongs to.
  [[nodiscard]] const std::string& verifier_key() const noexcept;

  /// Returns the newest tree of a log, or a tree of size 0 if none was cosigned.
  Result<Remembered> latest(std::string_view origin);
  Result<std::vector<Remembered>> all();

  enum class Advance : std::uint8_t { stale, done };
  /// Compares and sets in one transaction. If the newest tree is still `from`, it is `to` from now on. The two may be
  /// the same tree, which then gets a later time. Returns `stale` if another request was faster. Returns store_failed
  /// if durability could not be assured, and then the newest tree is one of the two.
  Result<Advance> advance(const merkle::TreeHead& from, const Remembered& to);
  /// Records which tree of a log is the newest that can be shown, after an adoption. Returns store_failed for a tree
  /// that is older than the one in the file, or that contradicts it.
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
