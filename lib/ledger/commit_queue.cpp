// SPDX-License-Identifier: Apache-2.0
#include "ledger/commit_queue.hpp"

#include <algorithm>
#include <new>
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
  const base::Lock lock(mutex_);
  return queued_;
}

void CommitQueue::submit_together(std::span<Member> members) {
  Waiter waiter{members};
  Turn turn = enqueue(waiter);
  if (turn == Turn::waits) {
    turn = waiter.bed->sleep();
    const base::Lock lock(mutex_);
    waiter.bed->next = std::exchange(free_bed_, waiter.bed);
  }
  if (turn == Turn::leads) lead(waiter);
}

/// What the waiter does next: it leads where nobody does, is served where there is no room, and waits otherwise.
CommitQueue::Turn CommitQueue::enqueue(Waiter& waiter) {
  const base::Lock lock(mutex_);
  const bool leads = !led_;
  const bool full = is_full(waiter);
  if (!leads && !full) waiter.bed = free_bed();
  if (full || (!leads && waiter.bed == nullptr)) {
    const char* const why = full ? "the ledger's queue is full" : "out of memory";
    for (Member& member : waiter.members) member.status = {Code::overloaded, why};
    return Turn::is_served;
  }
  (first_ == nullptr ? first_ : last_->next) = &waiter;
  last_ = &waiter;
  queued_ += waiter.members.size();
  led_ = true;
  return leads ? Turn::leads : Turn::waits;
}

/// Null where there is no memory for another.
CommitQueue::Bed* CommitQueue::free_bed() noexcept try {
  return free_bed_ != nullptr ? std::exchange(free_bed_, free_bed_->next) : &beds_.emplace_back();
} catch (const std::bad_alloc&) {
  return nullptr;
}

bool CommitQueue::is_full(const Waiter& waiter) const noexcept {
  const bool sealing = std::any_of(waiter.members.begin(), waiter.members.end(), cannot_wait);
  return !sealing && first_ != nullptr && queued_ + waiter.members.size() > capacity_;
}

void CommitQueue::lead(const Waiter& leader) {
  Waiter* served = [this] {
    const base::Lock lock(mutex_);
    return take_batch();
  }();
  write_batch();
  Waiter* next_leader = nullptr;
  {
    const base::Lock lock(mutex_);
    next_leader = first_;
    led_ = next_leader != nullptr;
  }
  if (next_leader != nullptr) next_leader->bed->wake(Turn::leads);
  while (served != nullptr) {
    Waiter* const next = served->next;  // once it is told, it is gone
    if (served != &leader) served->bed->wake(Turn::is_served);
    served = next;
  }
}

CommitQueue::Turn CommitQueue::Bed::sleep() noexcept {
  while (::sem_wait(&woken_) != 0) {  // a signal
  }
  return turn_;
}

void CommitQueue::Bed::wake(Turn with) noexcept {
  turn_ = with;
  ::sem_post(&woken_);
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
