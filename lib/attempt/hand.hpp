// SPDX-License-Identifier: Apache-2.0
// The attempts that one thread advances together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "attempt/attempt.hpp"

namespace openexec::exec {

/// Views an array of slots, which the caller owns, and keeps what is in the hand at their beginning.
class Hand {
 public:
  /// Empty, with room for as many as there are slots.
  explicit Hand(std::span<Attempt*> slots) noexcept : slots_(slots) {}

  [[nodiscard]] Attempt** begin() const noexcept { return slots_.data(); }
  [[nodiscard]] Attempt** end() const noexcept { return slots_.data() + size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t room() const noexcept { return slots_.size() - size_; }

  /// Precondition: there is room.
  void add(Attempt& attempt) noexcept { slots_[size_++] = &attempt; }
  /// Lets those go for which `leaves` returns true, each asked once. The others keep their order.
  template <class Leaves>
  void drop_if(Leaves&& leaves) {
    size_ = static_cast<std::size_t>(
        std::remove_if(begin(), end(), [&](Attempt* attempt) { return leaves(*attempt); }) - begin());
  }

 private:
  std::span<Attempt*> slots_;
  std::size_t size_ = 0;
};

}  // namespace openexec::exec
