// WRONG: calling function 'take' requires holding mutex 'mutex_'
// SPDX-License-Identifier: Apache-2.0
// A function that asks for a lock is not called without it.
#include <utility>

#include "base/mutex.hpp"

class Box {
 public:
  int empty() {
#ifndef WRONG
    const openexec::base::Lock lock(mutex_);
#endif
    return take();
  }

 private:
  int take() OPENEXEC_REQUIRES(mutex_) { return std::exchange(content_, 0); }

  openexec::base::Mutex mutex_;
  int content_ OPENEXEC_GUARDED_BY(mutex_) = 1;
};

int main() { return Box().empty(); }
