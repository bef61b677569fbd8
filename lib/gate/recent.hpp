// SPDX-License-Identifier: Apache-2.0
// Outcomes that were sealed lately, so that telling them again touches no disk.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <openexec/bytes.hpp>
#include <openexec/nonce_store.hpp>

#include "base/mutex.hpp"
#include "crypto/digest_hash.hpp"

namespace openexec::exec {

/// A sealed record with the hash that its entry carries. Never changes.
struct SealedOutcome {
  NonceRecord record;
  std::optional<Digest> result_hash;
  std::string receipt;  ///< of a result that was removed; else empty
  ResultForm form = ResultForm::json;
  std::string detail;  ///< of the first attempt; empty for `ok`
};

/// Bounded in bytes; forgets the oldest first. What it forgets is found in the store.
class Recent {
 public:
  explicit Recent(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Does nothing if there is no memory for it.
  void add(const Digest& exec_id, std::shared_ptr<const SealedOutcome> outcome) noexcept;
  [[nodiscard]] std::shared_ptr<const SealedOutcome> find(const Digest& exec_id) const;

 private:
  struct Place {
    Digest exec_id;
    std::size_t bytes;
  };

  const std::size_t max_bytes_;
  mutable base::Mutex mutex_;
  std::unordered_map<Digest, std::shared_ptr<const SealedOutcome>, crypto::DigestHash> outcomes_
      OPENEXEC_GUARDED_BY(mutex_);
  std::deque<Place> order_ OPENEXEC_GUARDED_BY(mutex_);
  std::size_t bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;
};

}  // namespace openexec::exec
