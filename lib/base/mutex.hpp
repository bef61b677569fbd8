// SPDX-License-Identifier: Apache-2.0
// A mutex with annotations that clang checks. A member names its mutex in an annotation, and -Wthread-safety, which is
// an error here, refuses each use without the lock. Clang does not check the mutexes of the standard library. Other
// compilers ignore the annotations.
#pragma once

#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define OPENEXEC_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define OPENEXEC_THREAD_SAFETY(attribute)
#endif

/// Marks a member that is used only while `mutex` is held.
#define OPENEXEC_GUARDED_BY(mutex) OPENEXEC_THREAD_SAFETY(guarded_by(mutex))
/// Marks a function that is called only while `mutex` is held.
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
  /// For std::condition_variable, whose waits hold the mutex again when they return. Write the predicate as a
  /// loop around the wait, since clang does not see that a lambda holds the mutex.
  [[nodiscard]] std::unique_lock<std::mutex>& native() noexcept { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

/// A mutex that one writer or any number of readers hold.
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
