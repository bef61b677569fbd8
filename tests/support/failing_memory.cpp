// SPDX-License-Identifier: Apache-2.0
#include "support/failing_memory.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OPENEXEC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OPENEXEC_SANITIZED 1
#endif
#endif

extern "C" {
#ifdef OPENEXEC_SANITIZED  // the sanitizer's own, so that it still watches every block
void* __interceptor_malloc(std::size_t size);
void* __interceptor_calloc(std::size_t count, std::size_t size);
void* __interceptor_realloc(void* block, std::size_t size);
void* __interceptor_aligned_alloc(std::size_t alignment, std::size_t size);
#define OPENEXEC_REAL(name) __interceptor_##name
#else
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
#define __libc_aligned_alloc __libc_memalign
#define OPENEXEC_REAL(name) __libc_##name
#endif
}

namespace openexec::test {
namespace {

FailingMemory own;
FailingMemory* current = &own;

/// Shares the counters with the process that started this one.
[[gnu::constructor]] void attach() {
  const char* const path = std::getenv(failing_memory_file);
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) std::abort();
  void* const shared = ::mmap(nullptr, sizeof(FailingMemory), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (shared == MAP_FAILED) std::abort();
  current = static_cast<FailingMemory*>(shared);
}

bool fails() noexcept {
  const std::uint64_t at = current->fail_at.load();
  if (at == 0 || current->waits_for_main.load() != 0) return false;
  const std::uint64_t number = current->seen.fetch_add(1) + 1;
  if (number < at || (number > at && current->from_then_on.load() == 0)) return false;
  current->failed.fetch_add(1);
  errno = ENOMEM;
  return true;
}

}  // namespace

FailingMemory& failing_memory() noexcept { return *current; }

}  // namespace openexec::test

using openexec::test::fails;

extern "C" {
void* malloc(std::size_t size) { return fails() ? nullptr : OPENEXEC_REAL(malloc)(size); }
void* calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : OPENEXEC_REAL(calloc)(count, size); }
void* realloc(void* block, std::size_t size) { return fails() ? nullptr : OPENEXEC_REAL(realloc)(block, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails() ? nullptr : OPENEXEC_REAL(aligned_alloc)(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) { return aligned_alloc(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  void* const got = aligned_alloc(alignment, size);
  if (got == nullptr) return ENOMEM;
  *block = got;
  return 0;
}
}

#ifdef OPENEXEC_PRELOADED  // sees main() begin: what runs before it is the loader's, and nobody's request
namespace {
using Main = int (*)(int, char**, char**);
Main program = nullptr;
int counted_main(int count, char** arguments, char** environment) {
  openexec::test::failing_memory().waits_for_main = 0;
  return program(count, arguments, environment);
}
}  // namespace

extern "C" int __libc_start_main(Main main, int count, char** arguments, void (*init)(), void (*fini)(), void (*end)(),
                                 void* stack) {
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  program = main;
  const auto start = reinterpret_cast<Start>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(counted_main, count, arguments, init, fini, end, stack);
}
#endif

#ifdef OPENEXEC_SANITIZED  // its operator new does not come by malloc
namespace {
void* made(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
std::size_t number(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }
std::size_t rounded(std::size_t size, std::align_val_t alignment) {
  return (size + number(alignment) - 1) / number(alignment) * number(alignment);
}
}  // namespace

void* operator new(std::size_t size) { return made(malloc(size)); }
void* operator new[](std::size_t size) { return made(malloc(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new(std::size_t size, std::align_val_t at) { return made(aligned_alloc(number(at), rounded(size, at))); }
void* operator new[](std::size_t size, std::align_val_t at) {
  return made(aligned_alloc(number(at), rounded(size, at)));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
#endif
