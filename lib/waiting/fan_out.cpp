// SPDX-License-Identifier: Apache-2.0
#include "waiting/fan_out.hpp"

#include <utility>

#include "base/unwind.hpp"

namespace openexec::exec {

FanOut::FanOut(std::size_t count, Work work) : work_(std::move(work)), taken_(count), open_(count) {}

OPENEXEC_CATCHES_UNWIND void FanOut::run(std::size_t count, Work work, const CallbackExecutor& executor) {
  const auto fan_out = std::make_shared<FanOut>(count, std::move(work));
  std::vector<std::function<void()>> pieces;
  pieces.reserve(count);
  for (std::size_t i = 0; i < count; ++i) pieces.emplace_back([fan_out, i] { fan_out->run_one(i); });

  const Settling settling(*fan_out);
  for (std::size_t& i = fan_out->handed_out_; i < count; ++i) {
    try {
      executor(std::move(pieces[i]));
    } catch (base::ForcedUnwind&) {
      throw;
    } catch (...) {  // whether the lender kept the piece is unknown; it runs once all the same
      fan_out->run_one(i);
    }
  }
}

void FanOut::run_one(std::size_t piece) {
  if (taken_[piece].exchange(true)) return;
  const Running running(*this);
  const base::CancellationPutOff put_off;
  work_(piece);
}

void FanOut::end_one() noexcept {
  const base::Lock lock(mutex_);
  if (--open_ == 0) ended_.notify_all();
}

void FanOut::settle() noexcept {
  for (std::size_t i = 0; handed_out_ < taken_.size() && i < taken_.size(); ++i)
    if (!taken_[i].exchange(true)) end_one();
  base::Lock lock(mutex_);
  while (open_ != 0) ended_.wait(lock.native());
}

}  // namespace openexec::exec
