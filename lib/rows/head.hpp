// SPDX-License-Identifier: Apache-2.0
// The ledger's head: one row that every transaction replaces, and that names the newest state of everything else.
//
// A page of the file that is whole but old is damage as well. The head finds it: it says where the chains of claims and
// entries end, how many keys there are and what they sum up to, and what the small tables hash to. A head that is old
// itself does not agree with what it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>

#include "index/key_runs.hpp"
#include "rows/row_table.hpp"

namespace openexec::store {

/// The extent of the ledger, and its other properties after the newest transaction.
struct Head {
  std::int64_t serial = 0;  ///< one more with each transaction
  std::int64_t epoch = 0;   ///< the opening that wrote it
  RowChain::End claims{1, {}};
  RowChain::End entries{0, {}};
  Timestamp latest;  ///< the highest time of any claim, seal or entry
  IndexState index;
  bool index_whole = true;  ///< false while it is being built again from the rows
  Digest openings{};        ///< digest of the newest opening, which covers those before
  Digest pins{};
  Digest controls{};
  bool anchors_claims = false;  ///< the anchor has a line for the claims
  /// Approvals issued up to here were for the part that an adopted copy may have lost
  std::optional<Timestamp> floor;
  std::int64_t adopted_claims = 0;  ///< how many claims there were when it was adopted last

  /// The number of claims in doubt, and their sum.
  struct Doubts {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    void add(std::int64_t entry, std::int64_t claim) noexcept;
    void remove(std::int64_t entry, std::int64_t claim) noexcept;
    bool operator==(const Doubts&) const = default;
  };
  Doubts doubts;

  std::string running;     ///< claims without an outcome (running.hpp)
  std::string checkpoint;  ///< the newest signed one

  [[nodiscard]] std::int64_t claim_count() const noexcept { return claims.next - 1; }
  [[nodiscard]] std::uint64_t entry_count() const noexcept { return static_cast<std::uint64_t>(entries.next); }
};

/// Writes all members but the checkpoint, which is stored as text.
std::string write_head(const Head& head);
/// Throws StoreFailure if the bytes are not what write_head() writes.
Head read_head(std::string_view content, std::string checkpoint);
Digest head_hash(std::string_view content, std::string_view checkpoint);

}  // namespace openexec::store
