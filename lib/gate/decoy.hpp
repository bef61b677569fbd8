// SPDX-License-Identifier: Apache-2.0
// A nonce that is known to be used, so that looking for an unused one can be made to cost as much.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt.hpp>
#include <openexec/receipt_log.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

/// Thread-safe.
class Decoy {
 public:
  explicit Decoy(std::string tenant) : tenant_(std::move(tenant)) {}

  /// Takes a nonce that was claimed, if it has none yet. Without memory it goes on having none.
  void offer(std::string_view used) noexcept {
    if (has_.load(std::memory_order_relaxed)) return;
    const base::Lock lock(mutex_);
    try {
      if (nonce_.empty()) nonce_ = used;
    } catch (const std::bad_alloc&) {
      return;
    }
    has_.store(true, std::memory_order_release);
  }

  /// Takes one from the newest entries of the log, if they name one.
  void look_for_one(ReceiptLog& log) {
    constexpr std::uint64_t newest = 64;
    const Result<std::uint64_t> size = log.size();
    if (!size.ok()) return;
    const auto lines = log.read(*size - std::min(*size, newest), newest);
    if (!lines.ok()) return;
    for (const LogLine& line : *lines) {
      const Result<Entry> entry = Entry::from_json(line.json);
      if (entry.ok() && entry->tenant == tenant_ && is_of_claim(entry->verdict)) return offer(entry->nonce);
    }
  }

  /// Makes up for a look at a nonce that told nothing: whether it was used or not, the store then was asked for one
  /// that is and for one that is not.
  void make_up(NonceStore& store, bool was_used) {
    constexpr std::string_view never_used = "\n";  // which no nonce may contain
    if (!has_.load(std::memory_order_acquire)) return;
    (void)store.find(tenant_, was_used ? never_used : std::string_view(nonce_));
  }

 private:
  static bool is_of_claim(Verdict verdict) noexcept {
    return verdict == Verdict::executed || verdict == Verdict::failed || verdict == Verdict::in_doubt ||
           verdict == Verdict::replayed;
  }

  const std::string tenant_;
  base::Mutex mutex_;
  std::atomic<bool> has_{false};
  std::string nonce_;  ///< does not change once `has_` is true
};

}  // namespace openexec::exec
