#include "store/commit_queue.hpp"

#include <algorithm>
#include <utility>

namespace openexec::store {
namespace {

// Bounds on one transaction: how long it keeps others waiting, and how much memory it takes.
constexpr std::size_t max_batch_members = 512;
constexpr std::size_t max_batch_weight = std::size_t{8} << 20;

std::size_t weight_of(std::span<const Member> members) noexcept {
  std::size_t total = 0;
  for (const Member& member : members) total += weight(member);
  return total;
}

}  // namespace

CommitQueue::CommitQueue(Commit commit, std::size_t capacity) : commit_(std::move(commit)), capacity_(capacity) {
  batch_.reserve(max_batch_members);
}

void CommitQueue::submit(std::span<Member> members) {
  while (!members.empty()) {
    const std::size_t together = std::min(members.size(), max_batch_members);
    submit_together(members.first(together));
    members = members.subspan(together);
  }
}

std::size_t CommitQueue::queued() {
  const std::lock_guard lock(mutex_);
  return queued_;
}

void CommitQueue::submit_together(std::span<Member> members) {
  Waiter waiter{members, nullptr, false, {}};
  std::unique_lock lock(mutex_);
  if (!enqueue(waiter)) {
    lock.unlock();
    for (Member& member : members) member.status = {Code::overloaded, "the ledger's queue is full"};
    return;
  }
  waiter.wake.wait(lock, [&] { return waiter.done || (!led_ && first_ == &waiter); });
  if (waiter.done) return;

  led_ = true;
  Waiter* served = take_batch();
  lock.unlock();
  write_batch();
  lock.lock();
  led_ = false;
  // Woken under the lock: a waiter that is not done cannot leave, and one that is done is not touched again.
  while (served != nullptr) {
    Waiter* const next = served->next;
    served->done = true;
    if (served != &waiter) served->wake.notify_one();
    served = next;
  }
  if (first_ != nullptr) first_->wake.notify_one();
}

bool CommitQueue::enqueue(Waiter& waiter) noexcept {
  const bool sealing = std::any_of(waiter.members.begin(), waiter.members.end(), cannot_wait);
  if (!sealing && first_ != nullptr && queued_ + waiter.members.size() > capacity_) return false;
  (first_ == nullptr ? first_ : last_->next) = &waiter;
  last_ = &waiter;
  queued_ += waiter.members.size();
  return true;
}

/// Takes the first waiters off the chain, at least one; their members become the batch.
CommitQueue::Waiter* CommitQueue::take_batch() noexcept {
  Waiter* const served = first_;
  Waiter* last = nullptr;
  std::size_t total = 0;
  batch_.clear();
  for (; first_ != nullptr; first_ = first_->next) {
    const std::span<Member> members = first_->members;
    total += weight_of(members);
    const bool fits = batch_.size() + members.size() <= max_batch_members && total <= max_batch_weight;
    if (last != nullptr && !fits) break;
    for (Member& member : members) batch_.push_back(&member);
    last = first_;
  }
  queued_ -= batch_.size();
  last->next = nullptr;
  return served;
}

/// Whatever happens, every member gets an answer: else its thread would wait for ever.
void CommitQueue::write_batch() noexcept {
  try {
    commit_(batch_);
  } catch (...) {
    for (Member* member : batch_) member->status = {Code::store_failed, {}};
  }
}

}  // namespace openexec::store
