// SPDX-License-Identifier: Apache-2.0
// What tests of attempts in flight share: the answers that come later, and the threads that drive.
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <openexec/openexec.hpp>

namespace openexec::test {

/// Collects the answers to what was submitted, by a number of the test's own.
class Answers {
 public:
  Completion expect(int id) {
    return [this, id](Outcome outcome) {
      const std::lock_guard lock(mutex_);
      answers_[id].push_back(std::move(outcome));
      changed_.notify_all();
    };
  }
  /// Waits until so many were answered.
  std::map<int, std::vector<Outcome>>& wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_.size() >= count; });
    return answers_;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return answers_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::vector<Outcome>> answers_;
};

/// Threads that drive an executor until they are cleared.
class Drivers {
 public:
  /// Returns when one of them at least is inside.
  void start(Executor& executor, int threads) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([&executor](const std::stop_token& token) {
        if (!executor.drive(token).ok()) std::abort();
      });
    Answers probes;
    while (!executor.submit({std::string_view("no request"), {}}, probes.expect(0)).ok()) std::this_thread::yield();
    probes.wait(1);
  }
  void clear() { threads_.clear(); }
  std::jthread& operator[](std::size_t i) { return threads_[i]; }

 private:
  std::vector<std::jthread> threads_;
};

/// Submits a call of `action` that ScriptedVerifier approves under the nonce.
inline Status submit(Executor& executor, const std::string& action, const std::string& nonce, Completion done,
                     const std::string& payload = "{}", const CallOptions& options = {}) {
  const std::string approval = R"({"id":")" + nonce + "\"}";
  const Request request{.action = action, .payload = payload, .nonce = nonce, .approval_artifact = approval};
  return executor.submit({request, options}, std::move(done));
}

}  // namespace openexec::test
