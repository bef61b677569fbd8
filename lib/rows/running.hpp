// SPDX-License-Identifier: Apache-2.0
// Keeps the open claims, which have no outcome yet. It knows which of them this process made, and stores them in the
// ledger.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <openexec/nonce_store.hpp>

#include "crypto/digest_hash.hpp"

namespace openexec::store {

/// Writes row numbers in ascending order as pairs of a gap and a length, in the variable-length numbers of LEB128, so
/// that the claims in flight take a few bytes.
std::string write_ranges(const std::vector<std::int64_t>& rows);
/// Returns nullopt if the bytes are not what write_ranges() writes.
std::optional<std::vector<std::int64_t>> read_ranges(std::string_view bytes);

/// The open claims by their rows, and those that this process runs also by their exec_id. The changes of a transaction
/// can be rolled back.
class Running {
 public:
  /// Takes the open claims from the ledger. Those that this process did not claim are orphans. Preconditions: no change
  /// is pending, and the rows are in ascending order.
  void inherit(std::vector<std::int64_t> rows);

  void claimed(const Claim& claim, std::int64_t row);
  /// Removes a claim, which has an outcome from now on. Returns whether this process made it, and which claim it was.
  std::optional<std::int64_t> ended(const Seal& seal);
  void ended(std::int64_t row);

  void committed() noexcept;
  void rolled_back() noexcept;
  /// Called if the changes took place although their callers were told that they failed. Their claims become orphans.
  void disowned() noexcept;
  [[nodiscard]] bool changed() const noexcept { return !changes_.empty(); }

  [[nodiscard]] bool has(std::int64_t row) const noexcept;
  [[nodiscard]] const std::vector<std::int64_t>& rows() const noexcept { return rows_; }
  [[nodiscard]] std::vector<std::int64_t> orphans() const;

 private:
  /// An exec_id names its nonce if its caller kept to the rules. The hash of the names finds a caller that did not.
  struct Name {
    Digest exec_id;
    std::size_t names;
    std::uint32_t attempt;
    /// Of a Claim or a Seal.
    template <class Of>
    explicit Name(const Of& of) noexcept
        : exec_id(of.exec_id),
          names(std::hash<std::string_view>()(of.tenant) * 31 + std::hash<std::string_view>()(of.nonce)),
          attempt(of.attempt) {}
    bool operator==(const Name&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Name& name) const noexcept { return crypto::DigestHash()(name.exec_id); }
  };
  using Own = std::unordered_map<Name, std::int64_t, Hash>;
  struct Change {
    bool added;
    std::int64_t row;
    std::optional<Name> name;  ///< of one that this process claimed
    Own::node_type own;        ///< of one that ended: taken back without memory
  };
  void add(std::int64_t row);
  void remove(std::int64_t row);

  std::vector<std::int64_t> rows_;  ///< ascending
  Own own_;
  Own::node_type spare_;  ///< of one that ended, for the next claim
  std::vector<Change> changes_;
};

}  // namespace openexec::store
