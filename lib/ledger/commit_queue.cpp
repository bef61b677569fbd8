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
    turn = waiter.slot->sleep();
    const base::Lock lock(mutex_);
    waiter.slot->next = std::exchange(free_slot_, waiter.slot);
  }
  if (turn == Turn::leads) lead(waiter);
}

/// Returns what the waiter does next: it leads if no thread does, is served at once if there is no room, and waits
/// otherwise.
CommitQueue::Turn CommitQueue::enqueue(Waiter& waiter) {
  const base::Lock lock(mutex_);
  if (!is_sound()) {
    for (Member& member : waiter.members) member.status = base::refusal(*poison_.broken());
    return Turn::is_served;
  }
  const bool leads = !led_;
  const bool full = is_full(waiter);
  if (!leads && !full) waiter.slot = free_slot();
  if (full || (!leads && waiter.slot == nullptr)) {
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

bool CommitQueue::is_sound() noexcept {
  if (poison_.broken() != nullptr) return false;
  return OPENEXEC_KEEPS(poison_, (first_ == nullptr) == (queued_ == 0),
                        "commit queue Q1: members in the chain are counted") &&
         OPENEXEC_KEEPS(poison_, first_ == nullptr || last_->next == nullptr,
                        "commit queue Q2: the chain ends with its last waiter") &&
         OPENEXEC_KEEPS(poison_, first_ == nullptr || led_, "commit queue Q3: a chain with waiters has a leader");
}

/// Returns null if there is no memory for another.
CommitQueue::Slot* CommitQueue::free_slot() noexcept try {
  return free_slot_ != nullptr ? std::exchange(free_slot_, free_slot_->next) : &slots_.emplace_back();
} catch (const std::bad_alloc&) {
  return nullptr;
}

bool CommitQueue::is_full(const Waiter& waiter) const noexcept {
  const bool sealing = std::any_of(waiter.members.begin(), waiter.members.end(), cannot_wait);
  return !sealing && first_ != nullptr && queued_ + waiter.members.size() > capacity_;
}

void CommitQueue::lead(const Waiter& leader) {
  Waiter* served = [this, &leader] {
    const base::Lock lock(mutex_);
    return take_batch(leader);
  }();
  write_batch();
  Waiter* next_leader = nullptr;
  {
    const base::Lock lock(mutex_);
    next_leader = first_;
    led_ = next_leader != nullptr;
  }
  if (next_leader != nullptr) wake(*next_leader, Turn::leads);
  while (served != nullptr) {
    Waiter* const next = served->next;  // a waiter that was woken is gone
    if (served != &leader) wake(*served, Turn::is_served);
    served = next;
  }
}

void CommitQueue::wake(Waiter& waiter, Turn with) noexcept {
  if (OPENEXEC_KEEPS(poison_, waiter.slot != nullptr, "commit queue Q6: a waiter that does not lead has a slot"))
    waiter.slot->wake(with);
}

CommitQueue::Turn CommitQueue::Slot::sleep() noexcept {
  while (::sem_wait(&woken_) != 0) {  // a signal interrupted it
  }
  return turn_;
}

void CommitQueue::Slot::wake(Turn with) noexcept {
  turn_ = with;
  ::sem_post(&woken_);
}

/// Takes the first waiters off the chain, at least one, and makes their members the batch. Returns the chain of them.
CommitQueue::Waiter* CommitQueue::take_batch(const Waiter& leader) noexcept {
  batch_.clear();
  if (!OPENEXEC_KEEPS(poison_, first_ == &leader, "commit queue Q4: the leader is the first in the chain") &&
      first_ == nullptr)
    return nullptr;
  Waiter* const served = first_;
  Waiter* last = nullptr;
  std::size_t total = 0, taken = 0;
  for (; first_ != nullptr; first_ = first_->next) {
    const std::span<Member> members = first_->members;
    total += weight_of(members);
    const bool fits = taken + members.size() <= max_batch_members && total <= max_batch_weight;
    if (last != nullptr && !fits) break;
    taken += members.size();
    if (OPENEXEC_KEEPS(poison_, taken <= max_batch_members, "commit queue Q5: a batch has room for its members"))
      for (Member& member : members) batch_.push_back(&member);
    last = first_;
  }
  if (OPENEXEC_KEEPS(poison_, taken <= queued_, "commit queue Q1: members in the chain are counted")) queued_ -= taken;
  last->next = nullptr;
  return served;
}

/// Whatever happens, every member gets an answer, or its thread would wait for ever. Nothing is written, and nothing
/// that was written is told, once an invariant is broken.
void CommitQueue::write_batch() noexcept {
  try {
    if (poison_.broken() == nullptr) commit_(batch_);
    if (poison_.broken() == nullptr) return;
    for (Member* member : batch_) member->status = base::refusal(*poison_.broken());
  } catch (...) {
    for (Member* member : batch_) member->status = {Code::store_failed, {}};
  }
}

}  // namespace openexec::store
