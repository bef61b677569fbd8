// SPDX-License-Identifier: Apache-2.0
#include "waiting/deadlines.hpp"

#include <utility>

namespace openexec::exec {
namespace {

/// Makes one tree of two, either of which may be null.
Waiter* meld(Waiter* a, Waiter* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (b->until < a->until) std::swap(a, b);
  b->before = a;
  b->sibling = a->child;
  if (a->child != nullptr) a->child->before = b;
  a->child = b;
  return a;
}

/// Makes one tree of a list of siblings: melds them in pairs from left to right, and the pairs from right to left.
Waiter* meld_siblings(Waiter* first) noexcept {
  Waiter* pairs = nullptr;  // linked by `sibling`, the last one first
  while (first != nullptr) {
    Waiter* const a = first;
    Waiter* const b = a->sibling;
    first = b != nullptr ? b->sibling : nullptr;
    a->sibling = nullptr;
    if (b != nullptr) b->sibling = nullptr;
    Waiter* const pair = meld(a, b);
    pair->sibling = pairs;
    pairs = pair;
  }
  Waiter* whole = nullptr;
  while (pairs != nullptr) {
    Waiter* const rest = std::exchange(pairs->sibling, nullptr);
    whole = meld(whole, pairs);
    pairs = rest;
  }
  if (whole != nullptr) whole->before = nullptr;
  return whole;
}

}  // namespace

void Deadlines::add(Waiter& waiter) noexcept {
  waiter.child = waiter.sibling = waiter.before = nullptr;
  waiter.in_heap = true;
  root_ = meld(root_, &waiter);
}

void Deadlines::remove(Waiter& waiter) noexcept {
  if (!std::exchange(waiter.in_heap, false)) return;
  Waiter* const children = meld_siblings(std::exchange(waiter.child, nullptr));
  if (&waiter == root_) {
    root_ = children;
    return;
  }
  (waiter.before->child == &waiter ? waiter.before->child : waiter.before->sibling) = waiter.sibling;
  if (waiter.sibling != nullptr) waiter.sibling->before = waiter.before;
  waiter.sibling = waiter.before = nullptr;
  root_ = meld(root_, children);
}

}  // namespace openexec::exec
