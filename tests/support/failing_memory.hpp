// SPDX-License-Identifier: Apache-2.0
// Allocations that fail when a test says so: malloc and its family, of the whole process, in whatever library.
//
// A program links failing_memory.cpp, or gets it by LD_PRELOAD as the module openexec_failing_memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace openexec::test {

/// Allocations are counted while `fail_at` is not zero. It may be shared with another process.
struct FailingMemory {
  std::atomic<std::uint64_t> fail_at{0};         ///< the number of the one that fails, from 1
  std::atomic<std::uint64_t> from_then_on{0};    ///< 1: all that follow fail too
  std::atomic<std::uint64_t> waits_for_main{0};  ///< 1: what happens before main() is not counted
  std::atomic<std::uint64_t> seen{0};            ///< allocations since it was armed
  std::atomic<std::uint64_t> failed{0};          ///< those that failed

  void arm(std::uint64_t nth, bool all_that_follow) noexcept {
    from_then_on = all_that_follow ? 1 : 0;
    seen = 0;
    failed = 0;
    fail_at = nth;
  }
  void disarm() noexcept { fail_at = 0; }
};

/// Names a file that holds a FailingMemory, which another process maps as well. Read when the process starts.
inline constexpr char failing_memory_file[] = "OPENEXEC_TEST_FAILING_MEMORY";

/// This process's own.
FailingMemory& failing_memory() noexcept;

}  // namespace openexec::test
