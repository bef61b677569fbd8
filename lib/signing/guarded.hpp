// SPDX-License-Identifier: Apache-2.0
// Catches exceptions, so that none leaves the public functions of this room.
#pragma once

#include <exception>
#include <stdexcept>

#include <openexec/status.hpp>

namespace openexec::signing {

/// Calls `work`, which returns a Result. An exception becomes a Status.
template <class Work>
auto guarded(Work&& work) noexcept -> decltype(work()) {
  try {
    try {
      return work();
    } catch (const std::runtime_error& failed) {
      return Status(Code::store_failed, failed.what());
    }
  } catch (...) {
    return Status(Code::overloaded, "out of memory");  // short enough to need no allocation
  }
}

}  // namespace openexec::signing
