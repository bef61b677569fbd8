// SPDX-License-Identifier: Apache-2.0
#include "approval/envelope_cache.hpp"

#include <utility>

namespace openexec::approval {
namespace {

constexpr std::size_t overhead = 512;  // of an entry in the two containers, and of a statement's short members

}  // namespace

std::size_t VerifiedEnvelope::bytes() const {
  std::size_t sum = overhead + sizeof *this + keys.capacity() * sizeof(std::uint32_t) +
                    statement.steps.capacity() * sizeof(Step) + statement.by_nonce.capacity() * sizeof(std::uint32_t);
  for (const Step& step : statement.steps) sum += step.action.capacity() + step.nonce.capacity();
  for (const std::string* text : {&statement.token_id, &statement.tenant_id, &statement.audience,
                                  &statement.policy_bundle_hash, &statement.constitution_version, &statement.trace_id,
                                  &statement.request_id, &statement.approval_scope, &statement.unknown_constraint})
    sum += text->capacity();
  return sum;
}

std::shared_ptr<const VerifiedEnvelope> EnvelopeCache::find(const Digest& artifact) {
  const base::Lock lock(mutex_);
  const auto place = places_.find(artifact);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->envelope;
}

void EnvelopeCache::add(const Digest& artifact, std::shared_ptr<const VerifiedEnvelope> envelope) {
  const std::size_t bytes = envelope->bytes();
  if (bytes > max_bytes_) return;
  const base::Lock lock(mutex_);
  if (places_.count(artifact) != 0) return;  // another thread was faster, and both reached the same verdict
  entries_.push_front({artifact, std::move(envelope), bytes});
  bytes_ += bytes;  // before the step that may fail; an entry that no place leads to is evicted in its turn
  places_.emplace(artifact, entries_.begin());
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    places_.erase(entries_.back().artifact);
    entries_.pop_back();
  }
}

std::size_t EnvelopeCache::bytes() const {
  const base::Lock lock(mutex_);
  return bytes_;
}

std::size_t EnvelopeCache::size() const {
  const base::Lock lock(mutex_);
  return entries_.size();
}

}  // namespace openexec::approval
