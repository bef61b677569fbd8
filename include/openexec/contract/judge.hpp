// SPDX-License-Identifier: Apache-2.0
// How a conformance suite speaks: it returns what failed instead of asserting, so that it can be shown to fail.
#pragma once

#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <openexec/status.hpp>

namespace openexec::contract {

/// One sentence each; empty is a pass.
using Failures = std::vector<std::string>;

/// Collects failures, from any thread.
class Judge {
 public:
  /// Runs one promise. An exception breaks it.
  template <class Promise>
  void promise(const std::string& name, Promise&& keep) {
    promise_ = name;
    try {
      keep();
    } catch (const std::exception& failure) {
      fail(std::string("threw ") + failure.what());
    }
  }

  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(promise_ + ": " + what);
  }
  bool expect(bool holds, const std::string& what) {
    if (!holds) fail(what);
    return holds;
  }
  bool refused(const Status& status, Code code, const std::string& what) {
    return expect(status.code() == code && !status.detail().empty(),
                  what + ", but got " + std::string(name(status.code())) + " (" + status.detail() + ")");
  }

  [[nodiscard]] Failures failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  std::mutex mutex_;
  std::string promise_;
  Failures failures_;
};

/// The value, or an exception that ends the promise.
template <class T>
T must(Result<T> result, const std::string& what) {
  if (!result.ok())
    throw std::runtime_error(what + ": " + std::string(name(result.code())) + " (" + result.status().detail() + ")");
  return *std::move(result);
}
inline void must(const Status& status, const std::string& what) {
  if (!status.ok())
    throw std::runtime_error(what + ": " + std::string(name(status.code())) + " (" + status.detail() + ")");
}

/// Calls `work(i)` on `count` threads at once.
template <class Work>
void on_threads(int count, Work&& work) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace openexec::contract
