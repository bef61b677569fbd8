// SPDX-License-Identifier: Apache-2.0
// The rules that every store and log applies in the same way, wherever it keeps its rows.
#pragma once

#include <cstddef>
#include <string_view>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::store {

inline constexpr std::size_t max_entry_bytes = 65'535;
inline constexpr std::size_t max_name_bytes =
    4'096;  ///< tenant, nonce, action, approval id, pin; callers have tighter rules
/// A result in display form: six bytes for each of the 64 MiB that a handler may say, and some for what carries them.
inline constexpr std::size_t max_result_bytes = std::size_t{385} << 20;

// These return success if the arguments can be stored, and otherwise invalid_argument that names the field.
Status check(const Claim& claim);
Status check(const Seal& seal);
Status check(const NewEntry& entry);
Status check(const ControlChange& change);
Status check_pin(std::string_view key, std::string_view value);

/// Returns the token that an approval id spends completely or in part. It is the id up to its first line feed.
std::string_view token_of(std::string_view approval_id) noexcept;
constexpr bool is_step(std::string_view approval_id) noexcept { return approval_id.find('\n') != approval_id.npos; }
/// Returns whether two approvals of one token can both be spent. That is so if they are steps of one plan that both
/// name.
bool of_one_plan(std::string_view approval_id, std::string_view other) noexcept;

/// Returns whether the nonce's record was made by the same request that claims it again.
bool same_request(const NonceRecord& record, const Claim& claim) noexcept;

/// Returns whether `claim` opens the attempt after the newest one. Returns false unless same_request() holds.
bool opens_next_attempt(const NonceRecord& record, const Claim& claim) noexcept;
/// Returns the invalid_argument for a claim of a later attempt without an earlier one.
Status no_attempt_before();

/// Returns success if `seal` may follow `record`, which is of the same attempt, and invalid_argument otherwise. Allowed
/// are claimed → sealed, claimed → in doubt, and in doubt → sealed.
Status check_transition(const NonceRecord& record, const Seal& seal);
Status never_claimed();
/// Returns the invalid_argument for a caller that says that nothing happened and is not the claim's owner.
Status not_its_own();
Status pinned_otherwise(std::string_view key);

/// The time that a claim counts from: a minute is 60 seconds, and what happened that long before is over.
inline constexpr std::int64_t minute_us = 60'000'000;

/// Returns the leaf hash of RFC 6962, SHA-256(0x00 || entry).
Digest leaf_hash(std::string_view entry) noexcept;

/// Returns SHA-256 over the two texts, each with its length before it, so that no two pairs share their bytes.
Digest pair_key(std::string_view tenant, std::string_view id) noexcept;

constexpr bool is_zero(const Digest& digest) noexcept { return digest == Digest{}; }

}  // namespace openexec::store
