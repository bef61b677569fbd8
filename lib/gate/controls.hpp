// SPDX-License-Identifier: Apache-2.0
// What was ordered and stands, as attempts look at it: without a lock where nothing is revoked.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/verifier.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

class Controls {
 public:
  /// `standing`: what an earlier process left, for whichever tenant.
  Controls(std::string tenant, std::vector<ControlName> standing);

  /// Makes it stand, or lifts it.
  void set(const ControlName& name, bool stands);

  /// Notes which entry records what stands. Allocates nothing.
  void recorded(const ControlName& name, std::uint64_t entry);

  /// Whether everybody is halted, or this tenant.
  [[nodiscard]] bool halted() const;
  [[nodiscard]] std::vector<ControlName> standing() const;

  /// Changes with each revocation that concerns this tenant. 0: nothing is revoked.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_.load(); }
  [[nodiscard]] Revocations revocations() const;

  /// One order after the other.
  [[nodiscard]] base::Mutex& ordering() noexcept { return ordering_; }

 private:
  [[nodiscard]] bool concerns_us(const ControlName& name) const {
    return name.tenant.empty() || name.tenant == tenant_;
  }
  void gather() OPENEXEC_REQUIRES(mutex_);

  const std::string tenant_;
  base::Mutex ordering_;
  mutable base::Mutex mutex_;
  std::set<ControlName> standing_ OPENEXEC_GUARDED_BY(mutex_);
  Revocations revocations_ OPENEXEC_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> epoch_{0};
};

}  // namespace openexec::exec
