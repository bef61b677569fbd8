#include "exec/lending.hpp"

#include <utility>

#include "base/unwind.hpp"

namespace openexec::exec {

bool Lending::Shared::begin(std::size_t piece) {
  const std::lock_guard lock(mutex);
  if (begun[piece]) return false;
  begun[piece] = true;
  return true;
}

void Lending::Shared::end() noexcept {
  const std::lock_guard lock(mutex);
  if (--due == 0) finished.notify_all();
}

void Lending::lend(std::function<void()> work) {
  const std::size_t number = [this] {
    const std::lock_guard lock(shared_->mutex);
    shared_->begun.push_back(false);
    ++shared_->due;
    return shared_->begun.size() - 1;
  }();
  const std::function<void()> piece = [shared = shared_, number, work = std::move(work)] {
    if (!shared->begin(number)) return;
    // However the work is left, by a thread that ends inside it too, whoever waits for it goes on.
    const std::unique_ptr<Shared, void (*)(Shared*)> running(shared.get(), [](Shared* of) { of->end(); });
    const base::CancellationPutOff put_off;
    base::call_foreign(work, [] {});
  };
  bool thrown = false;
  base::call_foreign([&] { lend_(piece); }, [&] { thrown = true; });
  if (thrown) piece();
}

void Lending::wait_after_taking_back(bool take_back) noexcept {
  std::unique_lock lock(shared_->mutex);
  for (std::size_t i = 0; take_back && i < shared_->begun.size(); ++i) {
    if (shared_->begun[i]) continue;
    shared_->begun[i] = true;
    --shared_->due;
  }
  shared_->finished.wait(lock, [this] { return shared_->due == 0; });
}

}  // namespace openexec::exec
