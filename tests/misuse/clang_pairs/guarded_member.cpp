// WRONG: requires holding mutex 'mutex_'
// SPDX-License-Identifier: Apache-2.0
// A member that a mutex guards is not touched without it.
#include "base/mutex.hpp"

class Counter {
 public:
  void count() {
#ifndef WRONG
    const openexec::base::Lock lock(mutex_);
#endif
    ++count_;
  }

 private:
  openexec::base::Mutex mutex_;
  int count_ OPENEXEC_GUARDED_BY(mutex_) = 0;
};

int main() { Counter().count(); }
