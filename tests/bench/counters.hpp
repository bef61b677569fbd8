// SPDX-License-Identifier: Apache-2.0
// What the process asks of the disk and of the heap, counted where the calls pass: this program defines fdatasync,
// fsync, pwrite64 and malloc itself, and the shared libraries find them here.
#pragma once

#include <cstdint>

namespace openexec::bench {

struct DiskCounts {
  std::uint64_t syncs = 0;          ///< fdatasync and fsync
  std::uint64_t written_bytes = 0;  ///< by pwrite64, which is how SQLite writes
};
DiskCounts disk_counts() noexcept;

/// Counts allocations of the whole process while it lives.
class CountAllocations {
 public:
  CountAllocations() noexcept;
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;
  ~CountAllocations();
  [[nodiscard]] std::uint64_t all() const noexcept;     ///< malloc, calloc and realloc, whoever called them
  [[nodiscard]] std::uint64_t by_new() const noexcept;  ///< of those, by operator new: C++ code
  /// False in a build with a sanitizer, whose own allocator must not be stood before.
  static bool possible() noexcept;
};

}  // namespace openexec::bench
