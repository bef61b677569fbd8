// SPDX-License-Identifier: Apache-2.0
// The newest checkpoint outside the ledger, so that a ledger that was rolled back as a whole is noticed. An extension
// line of it covers the claims, of which the log knows nothing before they are sealed.
//
// The file has two slots, and each commit overwrites the older one in place: one sync, where a replacement of the file
// is two journal commits and more. If the machine dies meanwhile, that slot may hold anything, and the other one covers
// everything that was answered. The ledger itself has the commit whose slot is torn, so that it reaches further than
// the other slot; if it does not, it was rolled back (docs/design/0023-the-anchor-covers-claims.md).
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "rows/head.hpp"
#include "sqlite/guard.hpp"
#include "tlog/log_proofs.hpp"
#include "tlog/note_file.hpp"

namespace openexec::store {

/// Another program replaced or removed the anchor while this writer had it. The two do not write the same ledger, so
/// that the writer must stop: going on would hide one history behind the other.
class AnchorChanged : public StoreFailure {
 public:
  using StoreFailure::StoreFailure;
};

/// The anchor's line for the claims: their number, and the hash of the row that ends there.
std::string claims_line(const RowChain::End& claims);

class Anchor {
 public:
  explicit Anchor(std::string file) : file_(std::move(file)) {}

  /// Keeps every other writer away from the file, as long as this object lives. Throws StoreFailure if another has it.
  void hold();
  /// Throws StoreFailure if the file holds something else than a checkpoint of this log's past or present, or names
  /// claims that are not those of `claims`, which are `head`'s. `expected`: the ledger had an anchor before, so that
  /// there has to be one. An anchor of before claims were covered is taken once, and replaced.
  void check(LogSnapshot& log, const merkle::VerifierKey& key, bool expected, RowChain& claims, const Head& head);
  /// Makes the file one that keep() may replace, whatever it holds. Precondition: hold() returned.
  void take();
  /// Writes the checkpoint, unless it is what was written last. Looks at the file before that, and throws AnchorChanged
  /// if it does not hold what this object read or wrote last. Throws StoreFailure. Precondition: hold() returned.
  void keep(const std::string& checkpoint);
  /// How many entries the checkpoint covers that check() accepted; nullopt if there was none.
  [[nodiscard]] std::optional<std::uint64_t> covered() const noexcept { return covered_; }

 private:
  void write_slot(std::size_t slot, const std::string& checkpoint);
  void write_anew(const std::string& checkpoint);
  /// Returns what the file under the anchor's name holds now, or nullopt if there is no such file.
  std::optional<std::string> there();
  /// Returns whether the file holds what it should. A replacement that failed may have taken place.
  [[nodiscard]] bool is_untouched(const std::optional<std::string>& there) const;

  std::string file_;
  std::optional<NoteLock> lock_;
  std::optional<OpenNote> open_;       ///< the file, as long as its name leads to it
  std::optional<std::string> kept_;    ///< what the file holds, or nullopt before it exists
  std::optional<std::size_t> newest_;  ///< the slot that was written last, or nullopt if the file has no slots
  std::optional<std::uint64_t> covered_;
  std::optional<std::string> attempted_;  ///< what a replacement of unknown fate would have left
};

}  // namespace openexec::store
