// SPDX-License-Identifier: Apache-2.0
// Envelopes whose signatures were verified, so that one verification serves all steps of a plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include <openexec/bytes.hpp>

#include "approval/statement.hpp"
#include "base/mutex.hpp"
#include "crypto/digest_hash.hpp"

namespace openexec::approval {

/// The result of a verification, without anything that time, a revocation or a policy could change.
struct VerifiedEnvelope {
  Statement statement;
  std::vector<std::uint32_t> keys;  ///< the keys that signed, as indices of the keyring of the verification
  bool complete = true;             ///< false: there may be more signers; such an envelope is not cached

  /// Returns the approximate memory that it takes.
  [[nodiscard]] std::size_t bytes() const;
};

/// A least-recently-used cache, bounded in bytes. It belongs to one keyring, and another keyring has another cache.
/// Thread-safe.
class EnvelopeCache {
 public:
  explicit EnvelopeCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Returns the envelope with this digest of its artifact, or null.
  [[nodiscard]] std::shared_ptr<const VerifiedEnvelope> find(const Digest& artifact);
  void add(const Digest& artifact, std::shared_ptr<const VerifiedEnvelope> envelope);

  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    Digest artifact;
    std::shared_ptr<const VerifiedEnvelope> envelope;
    std::size_t bytes;
  };
  using Entries = std::list<Entry>;

  const std::size_t max_bytes_;
  mutable base::Mutex mutex_;
  Entries entries_ OPENEXEC_GUARDED_BY(mutex_);  // the latest first
  std::unordered_map<Digest, Entries::iterator, crypto::DigestHash> places_ OPENEXEC_GUARDED_BY(mutex_);
  std::size_t bytes_ OPENEXEC_GUARDED_BY(mutex_) = 0;
};

}  // namespace openexec::approval
