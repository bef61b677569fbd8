// SPDX-License-Identifier: Apache-2.0
#include "base/process.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace openexec::base {
namespace {

/// The forks of which this process is the child. The handler runs in a child, which has one thread then.
std::atomic<std::size_t>& forks() {
  static std::atomic<std::size_t> count{0};
  return count;
}

std::size_t count_forks() {
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { forks().fetch_add(1, std::memory_order_relaxed); });
  if (registered != 0) throw std::bad_alloc();
  return forks().load(std::memory_order_relaxed);
}

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// Returns null if the kernel clears no pages on fork.
unsigned char* page_that_fork_clears() {
  void* const page = ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_WIPEONFORK
  if (::madvise(page, page_size(), MADV_WIPEONFORK) == 0) return static_cast<unsigned char*>(page);
#endif
  ::munmap(page, page_size());
  return nullptr;
}

}  // namespace

OwnProcess::OwnProcess() : number_(::getpid()) {
  if (unsigned char* const page = page_that_fork_clears()) {
    *page = 1;
    page_ = page;
  } else {
    forks_ = count_forks();
  }
}

OwnProcess::~OwnProcess() {
  if (page_ != nullptr) ::munmap(const_cast<unsigned char*>(page_), page_size());
}

bool OwnProcess::here() const noexcept {
  if (page_ != nullptr) return *page_ == 1;
  return forks().load(std::memory_order_relaxed) == forks_;
}

}  // namespace openexec::base
