// What an attempt works with, lent from one to the next, so that buffers are allocated once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "approval/proposal.hpp"
#include "canon/json.hpp"

namespace openexec::exec {

struct Bench {
  canon::Parser parser;
  std::unique_ptr<Proposal::Parts> parts;  ///< null while a Proposal holds them
  canon::Document result;
  std::size_t stretched = 0;  ///< bytes of the longest text it read
};

/// A bounded store of benches. Those that large requests have stretched are not kept.
class Benches {
 public:
  std::unique_ptr<Bench> take();
  void give_back(std::unique_ptr<Bench> bench) noexcept;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Bench>> idle_;
};

}  // namespace openexec::exec
