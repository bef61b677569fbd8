// SPDX-License-Identifier: Apache-2.0
// A handler that says when it was entered, and returns when it is let go.
#pragma once

#include <chrono>
#include <future>

namespace openexec::test {

/// For one pass.
class Gate {
 public:
  /// For the handler. A test that failed must not hang, hence the limit.
  void pass() {
    entered_.set_value();
    released_.wait_for(std::chrono::minutes(1));
  }
  void wait_until_entered() { entered_.get_future().wait(); }
  void release() { release_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
};

}  // namespace openexec::test
