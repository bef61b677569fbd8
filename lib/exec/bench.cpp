#include "exec/bench.hpp"

#include <cstddef>
#include <utility>

namespace openexec::exec {
namespace {

constexpr std::size_t max_idle = 256;
constexpr std::size_t max_text = std::size_t{4} << 10;

}  // namespace

std::unique_ptr<Bench> Benches::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto bench = std::move(idle_.back());
      idle_.pop_back();
      return bench;
    }
    idle_.reserve(max_idle);  // so that giving back cannot fail
  }
  return std::make_unique<Bench>();
}

void Benches::give_back(std::unique_ptr<Bench> bench) noexcept {
  if (!bench || !bench->parts || bench->stretched > max_text) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle) idle_.push_back(std::move(bench));
}

}  // namespace openexec::exec
