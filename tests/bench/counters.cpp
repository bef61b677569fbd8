// SPDX-License-Identifier: Apache-2.0
#include "bench/counters.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace openexec::bench {
namespace {

constinit std::atomic<std::uint64_t> syncs{0};
constinit std::atomic<std::uint64_t> written_bytes{0};
constinit std::atomic<bool> counting{false};  // else threads would fight for the counters' cache line
constinit std::atomic<std::uint64_t> allocations{0};
constinit std::atomic<std::uint64_t> by_new_alone{0};

[[maybe_unused]] void count(std::atomic<std::uint64_t>& counter) noexcept {
  if (counting.load(std::memory_order_relaxed)) counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

DiskCounts disk_counts() noexcept { return {syncs.load(), written_bytes.load()}; }

CountAllocations::CountAllocations() noexcept {
  allocations = 0;
  by_new_alone = 0;
  counting = true;
}
CountAllocations::~CountAllocations() { counting = false; }
std::uint64_t CountAllocations::all() const noexcept { return allocations.load(); }
std::uint64_t CountAllocations::by_new() const noexcept { return by_new_alone.load(); }

bool CountAllocations::possible() noexcept {
#ifdef OPENEXEC_BENCH_SANITIZED
  return false;
#else
  return true;
#endif
}

}  // namespace openexec::bench

namespace bench = openexec::bench;

extern "C" {

int fdatasync(int fd) {
  bench::syncs.fetch_add(1, std::memory_order_relaxed);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int fsync(int fd) {
  bench::syncs.fetch_add(1, std::memory_order_relaxed);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t at) {
  const ssize_t written = ::syscall(SYS_pwrite64, fd, data, size, at);
  if (written > 0) bench::written_bytes.fetch_add(static_cast<std::uint64_t>(written), std::memory_order_relaxed);
  return written;
}

#ifndef OPENEXEC_BENCH_SANITIZED

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

void* malloc(std::size_t size) noexcept {
  bench::count(bench::allocations);
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  bench::count(bench::allocations);
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) noexcept {
  bench::count(bench::allocations);
  return __libc_realloc(old, size);
}

#endif

}  // extern "C"

#ifndef OPENEXEC_BENCH_SANITIZED

void* operator new(std::size_t size) {
  bench::count(bench::by_new_alone);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif
