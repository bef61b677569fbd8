// SPDX-License-Identifier: Apache-2.0
#include "gate/recent.hpp"

#include <new>
#include <utility>

namespace openexec::exec {
namespace {

constexpr std::size_t overhead = 512;  // of an entry in the two containers, and of the record's short members

}  // namespace

void Recent::add(const Digest& exec_id, std::shared_ptr<const SealedOutcome> outcome) noexcept try {
  const std::size_t bytes = overhead + outcome->record.result.size() + outcome->detail.size();
  if (bytes > max_bytes_) return;
  const base::Lock lock(mutex_);
  if (const auto place = outcomes_.find(exec_id); place != outcomes_.end()) {
    place->second = std::move(outcome);
    return;
  }
  order_.push_back({exec_id, bytes});  // first: a place without an outcome is harmless, and the reverse is never freed
  bytes_ += bytes;
  outcomes_.emplace(exec_id, std::move(outcome));
  while (bytes_ > max_bytes_) {
    outcomes_.erase(order_.front().exec_id);
    bytes_ -= order_.front().bytes;
    order_.pop_front();
  }
} catch (const std::bad_alloc&) {  // the store has it
}

std::shared_ptr<const SealedOutcome> Recent::find(const Digest& exec_id) const {
  const base::Lock lock(mutex_);
  const auto place = outcomes_.find(exec_id);
  return place == outcomes_.end() ? nullptr : place->second;
}

}  // namespace openexec::exec
