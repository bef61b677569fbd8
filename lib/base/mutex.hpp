// SPDX-License-Identifier: Apache-2.0
// A mutex whose promises clang checks. A member that it guards says so in an annotation, and -Wthread-safety, which is
// an error here, refuses each use without the lock. Clang is silent on the standard library's own mutexes. Other
// compilers see no annotations.
#pragma once

#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define OPENEXEC_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define OPENEXEC_THREAD_SAFETY(attribute)
#endif

/// Of a member: used only while `mutex` is held.
#define OPENEXEC_GUARDED_BY(mutex) OPENEXEC_THREAD_SAFETY(guarded_by(mutex))
/// Of a function: called only while `mutex` is held.
#define OPENEXEC_REQUIRES(mutex) OPENEXEC_THREAD_SAFETY(requires_capability(mutex))

namespace openexec::base {

class OPENEXEC_THREAD_SAFETY(capability("mutex")) Mutex : private std::mutex {
 private:
  friend class Lock;
};

/// Holds a mutex for a scope, or until unlock().
class OPENEXEC_THREAD_SAFETY(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) OPENEXEC_THREAD_SAFETY(acquire_capability(mutex)) : lock_(mutex) {}
  ~Lock() OPENEXEC_THREAD_SAFETY(release_capability()) = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() OPENEXEC_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }
  void unlock() OPENEXEC_THREAD_SAFETY(release_capability()) { lock_.unlock(); }
  /// For std::condition_variable, whose waits hold the mutex again when they return. A predicate stands in a loop around
  /// the wait, since a lambda is not seen to hold the mutex.
  [[nodiscard]] std::unique_lock<std::mutex>& native() noexcept { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

/// Held by one writer or by any number of readers.
class OPENEXEC_THREAD_SAFETY(capability("shared mutex")) SharedMutex : private std::shared_mutex {
 private:
  friend class WriterLock;
  friend class ReaderLock;
};

class OPENEXEC_THREAD_SAFETY(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) OPENEXEC_THREAD_SAFETY(acquire_capability(mutex)) : lock_(mutex) {}
  ~WriterLock() OPENEXEC_THREAD_SAFETY(release_capability()) = default;
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

class OPENEXEC_THREAD_SAFETY(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) OPENEXEC_THREAD_SAFETY(acquire_shared_capability(mutex)) : lock_(mutex) {}
  ~ReaderLock() OPENEXEC_THREAD_SAFETY(release_capability()) = default;
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  std::shared_lock<std::shared_mutex> lock_;
};

}  // namespace openexec::base
