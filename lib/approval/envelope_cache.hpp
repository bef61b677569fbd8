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

/// What verification found, and nothing that time, a revocation or a policy could change.
struct VerifiedEnvelope {
  Statement statement;
  std::vector<std::uint32_t> keys;  ///< that signed it: indices in the keyring it was verified with
  bool complete = true;             ///< false: there may be more; such a one is not kept

  /// What it takes in memory, about.
  [[nodiscard]] std::size_t bytes() const;
};

/// Bounded in bytes, which bounds its entries; forgets what was asked for least recently. One keyring's: another one
/// gets another cache. Thread-safe.
class EnvelopeCache {
 public:
  explicit EnvelopeCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// By the digest of the artifact; null where it is not known.
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
