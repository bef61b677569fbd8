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
};

/// One file, any number of processes; one thread at a time. What advance() said is durable when it returns.
class State {
 public:
  /// Makes the file, which must not be there, for the witness of this verifier key. store_failed where it is there.
  static Status create(const std::string& path, std::string_view verifier_key);
  /// store_failed where there is none, or it is not such a file. `vfs`: a registered SQLite file system, for tests.
  static Result<State> open(const std::string& path, const char* vfs = nullptr);
  /// The same for reading, beside a running witness.
  static Result<State> open_read_only(const std::string& path);

  /// Whose memory this is.
  [[nodiscard]] const std::string& verifier_key() const noexcept;

  /// The newest tree of a log; one of size 0 where none was cosigned.
  Result<Remembered> latest(std::string_view origin);
  Result<std::vector<Remembered>> all();

  enum class Advance : std::uint8_t { stale, done };
  /// Compares and sets in one transaction: where the newest tree is still `from`, it is `to` from now on. `stale` where
  /// another request was faster. store_failed where it could not be assured; then the newest is one of the two.
  Result<Advance> advance(const merkle::TreeHead& from, const Remembered& to);
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
