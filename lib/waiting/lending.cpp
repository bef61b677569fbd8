// SPDX-License-Identifier: Apache-2.0
#include "waiting/lending.hpp"

#include <utility>

#include "base/unwind.hpp"

namespace openexec::exec {

Lending::Lending(std::size_t count, Work work) : work_(std::move(work)), taken_(count), open_(count) {}

OPENEXEC_CATCHES_UNWIND void Lending::run(std::size_t count, Work work, const CallbackExecutor& lend) {
  const auto lending = std::make_shared<Lending>(count, std::move(work));
  std::vector<std::function<void()>> pieces;
  pieces.reserve(count);
  for (std::size_t i = 0; i < count; ++i) pieces.emplace_back([lending, i] { lending->run_one(i); });

  const Settling settling(*lending);
  for (std::size_t& i = lending->lent_; i < count; ++i) {
    try {
      lend(std::move(pieces[i]));
    } catch (base::ForcedUnwind&) {
      throw;
    } catch (...) {  // whether the lender kept the piece is unknown; it runs once all the same
      lending->run_one(i);
    }
  }
}

void Lending::run_one(std::size_t piece) {
  if (taken_[piece].exchange(true)) return;
  const Running running(*this);
  const base::CancellationPutOff put_off;
  work_(piece);
}

void Lending::end_one() noexcept {
  const base::Lock lock(mutex_);
  if (--open_ == 0) ended_.notify_all();
}

void Lending::settle() noexcept {
  for (std::size_t i = 0; lent_ < taken_.size() && i < taken_.size(); ++i)
    if (!taken_[i].exchange(true)) end_one();
  base::Lock lock(mutex_);
  while (open_ != 0) ended_.wait(lock.native());
}

}  // namespace openexec::exec
