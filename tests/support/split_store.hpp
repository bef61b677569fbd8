// SPDX-License-Identifier: Apache-2.0
// A nonce store apart from its log, and a log apart from its store, in memory: the outbox, tested somewhere real.
#pragma once

#include <algorithm>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include <openexec/nonce_store.hpp>

#include "ledger/nonce_table.hpp"
#include "rows/rules.hpp"
#include "sqlite/guard.hpp"

namespace openexec::test {

/// Keeps every sealed entry until logged() confirms it, in the order of the seals.
class SplitStore final : public NonceStore {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    return store::guarded([&]() -> Result<ClaimAnswer> {
      const std::lock_guard lock(mutex_);
      auto answer = nonces_.claim(claim);
      if (answer.ok() && answer->kind == ClaimAnswer::Kind::fresh)
        claims_.push_back({text(claim.tenant), text(claim.nonce), claim.attempt});
      return answer;
    });
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    const std::lock_guard lock(mutex_);
    return nonces_.find(tenant, nonce);
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return store::guarded([&]() -> Result<std::optional<std::uint64_t>> {
      const std::lock_guard lock(mutex_);
      if (Status status = nonces_.may_seal(seal); !status.ok()) return status;
      if (seal.retryable && is_dead(seal)) return store::not_its_own();
      outbox_.push_back({text(seal.tenant), text(seal.nonce), seal.exec_id, text(seal.entry)});
      nonces_.seal(seal, text(seal.result), std::nullopt);
      return std::optional<std::uint64_t>();
    });
  }

  bool keeps_terms() const noexcept override { return true; }
  bool keeps_attempts() const noexcept override { return true; }

  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return store::guarded([&]() -> Result<std::optional<std::uint64_t>> {
      if (Status status = store::check(change); !status.ok()) return status;
      const std::lock_guard lock(mutex_);
      outbox_.push_back({change.name.tenant, {}, {}, text(change.entry)});
      nonces_.control(change, change.name);
      return std::optional<std::uint64_t>();
    });
  }

  Result<std::vector<ControlName>> controls() override {
    const std::lock_guard lock(mutex_);
    return nonces_.controls();
  }

  Result<std::vector<NonceRecord>> orphans() override {
    const std::lock_guard lock(mutex_);
    std::vector<NonceRecord> found;
    for (std::size_t i = 0; i < dead_claims_; ++i) {
      auto record = nonces_.find(claims_[i].tenant, claims_[i].nonce);
      if (record && record->state == NonceState::claimed && record->attempt == claims_[i].attempt)
        found.push_back(*std::move(record));
    }
    return found;
  }

  Status pin(std::string_view key, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    return nonces_.pin(key, value);
  }
  Result<Timestamp> latest() override {
    const std::lock_guard lock(mutex_);
    return nonces_.latest();
  }
  Status ready() override { return Status::success(); }

  Result<std::vector<Unlogged>> unlogged() override {
    const std::lock_guard lock(mutex_);
    return std::vector<Unlogged>(outbox_.begin(), outbox_.end());
  }

  /// Confirms the nonce's oldest entry that was not confirmed yet.
  Status logged(std::string_view tenant, std::string_view nonce, std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    for (auto line = outbox_.begin(); line != outbox_.end(); ++line) {
      if (line->tenant != tenant || line->nonce != nonce) continue;
      outbox_.erase(line);
      break;
    }
    return Status::success();
  }

  /// As if the process had died here and another had opened the store: what is claimed now is an orphan.
  void restart() {
    const std::lock_guard lock(mutex_);
    dead_claims_ = claims_.size();
  }

 private:
  struct Name {
    std::string tenant;
    std::string nonce;
    std::uint32_t attempt;
  };
  bool is_dead(const Seal& seal) const {
    return std::any_of(claims_.begin(), claims_.begin() + static_cast<std::ptrdiff_t>(dead_claims_),
                       [&](const Name& name) {
                         return name.tenant == seal.tenant && name.nonce == seal.nonce && name.attempt == seal.attempt;
                       });
  }
  static std::string text(std::string_view view) { return std::string(view); }

  std::mutex mutex_;
  store::NonceTable nonces_;
  std::vector<Name> claims_;  ///< in order
  std::size_t dead_claims_ = 0;
  std::deque<Unlogged> outbox_;
};

}  // namespace openexec::test
