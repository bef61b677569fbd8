// SPDX-License-Identifier: Apache-2.0
// What drivers and the end of an executor need besides the pipeline.
#pragma once

#include <memory>
#include <span>

#include "base/mutex.hpp"
#include "base/process.hpp"
#include "exec/pipeline.hpp"

namespace openexec::exec {

/// A driver's hand. Gives back what is in it if its thread ends in a callback.
class Pipeline::DriverHand {
 public:
  DriverHand(Pipeline& owner, std::span<Attempt*> slots);
  DriverHand(const DriverHand&) = delete;
  DriverHand& operator=(const DriverHand&) = delete;
  ~DriverHand();

  /// Takes what has an outcome out of the hand.
  void set_answered_aside() noexcept;
  /// Returns one of those that are aside, in their order, or null.
  [[nodiscard]] Attempt* next_answered() noexcept;

 private:
  Pipeline& owner_;
  Attempt* answered_ = nullptr;

 public:
  Hand hand;
  bool committing = false;
};

/// Takes what handlers said too late, for as long as the executor is there.
class Pipeline::LateDesk final : public LateResults {
 public:
  explicit LateDesk(Pipeline& pipeline) : pipeline_(&pipeline) {}

  bool settle(const std::shared_ptr<Pending::Call>& call) noexcept override {
    const base::ReaderLock lock(mutex_);
    if (pipeline_ == nullptr) return false;
    call->job.call = call;
    if (!pipeline_->inbox_.submit(call->job)) pipeline_->settle_late(std::exchange(call->job.call, nullptr));
    return true;
  }
  [[nodiscard]] bool here() const noexcept override { return process_.here(); }
  [[nodiscard]] bool open() const noexcept override {
    const base::ReaderLock lock(mutex_);
    return pipeline_ != nullptr;
  }
  void close() noexcept {
    const base::WriterLock lock(mutex_);
    pipeline_ = nullptr;
  }

 private:
  const base::OwnProcess process_;
  mutable base::SharedMutex mutex_;
  Pipeline* pipeline_ OPENEXEC_GUARDED_BY(mutex_);
};

}  // namespace openexec::exec
