// SPDX-License-Identifier: Apache-2.0
// Implements the nonce store's contract in memory, without lock, log or durability. Stores in memory are built on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <openexec/nonce_store.hpp>

#include "crypto/digest_hash.hpp"

namespace openexec::store {

/// Each call makes all of its changes or, if it throws, none. Used by one thread at a time.
class NonceTable {
 public:
  Result<ClaimAnswer> claim(const Claim& claim);
  [[nodiscard]] std::optional<NonceRecord> find(std::string_view tenant, std::string_view nonce) const;
  /// Returns whether seal() would succeed.
  [[nodiscard]] Status may_seal(const Seal& seal) const;
  /// Precondition: may_seal() succeeded, or Breach is thrown and nothing changes. `result` is seal.result, copied by
  /// the caller so that nothing else can fail here. `entry` is the index in the log if the store is its own log.
  void seal(const Seal& seal, std::string result, std::optional<std::uint64_t> entry);
  /// As NonceStore::doubts().
  [[nodiscard]] std::vector<NonceRecord> doubts(std::optional<std::uint64_t> after, std::size_t count) const;
  [[nodiscard]] std::uint64_t doubt_count() const noexcept { return doubts_; }
  Status pin(std::string_view key, std::string_view value);
  /// Precondition: check() accepts the change. `name` is its name, copied by the caller so that little can fail here.
  void control(const ControlChange& change, ControlName name);
  [[nodiscard]] std::vector<ControlName> controls() const { return {controls_.begin(), controls_.end()}; }
  void saw(Timestamp at) noexcept;
  [[nodiscard]] Timestamp latest() const noexcept { return latest_; }

 private:
  struct Seen {
    Timestamp at;
    const NonceRecord* claim;
  };
  /// Returns whether the token of the claim's approval is in use for something else already.
  [[nodiscard]] bool is_used_otherwise(const Claim& claim) const;
  [[nodiscard]] std::optional<ClaimAnswer::Kind> unmet_term(const Claim& claim) const;
  void open_next_attempt(NonceRecord& record, const Claim& claim);
  [[nodiscard]] bool has_executed(std::string_view tenant, std::string_view approval_id) const;
  [[nodiscard]] std::size_t within_a_minute(const Claim& claim) const;

  std::unordered_map<Digest, NonceRecord, crypto::DigestHash> nonces_;            // by pair_key()
  std::unordered_map<Digest, const NonceRecord*, crypto::DigestHash> approvals_;  // what each was spent for
  std::unordered_map<Digest, std::string, crypto::DigestHash> plans_;  // by token: the first approval id of it
  std::deque<Seen> last_minute_;                                       // claims, by the time of the table then
  std::map<std::string, std::string, std::less<>> pins_;
  std::set<ControlName> controls_;
  std::uint64_t doubts_ = 0;
  Timestamp latest_;
};

}  // namespace openexec::store
