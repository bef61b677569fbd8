// SPDX-License-Identifier: Apache-2.0
// Converts the exceptions of the store to a Status.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include <openexec/status.hpp>

namespace openexec::store {

/// Thrown inside the store if durability cannot be ensured. The text becomes the detail of the Status.
class StoreFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Calls `f`, which returns a Status or a Result. Every exception becomes store_failed: nothing was decided, so that no
/// handler may run.
template <class F>
auto guarded(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return Status(Code::store_failed, "out of memory");
  } catch (const std::exception& failure) {
    return Status(Code::store_failed, failure.what());
  }
}

}  // namespace openexec::store
