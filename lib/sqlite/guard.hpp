// SPDX-License-Identifier: Apache-2.0
// The one place where the store's exceptions become a Status.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include <openexec/status.hpp>

namespace openexec::store {

/// Thrown inside the store where durability could not be assured; the text is the Status's detail.
class StoreFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Calls `f`, which returns a Status or a Result. Whatever it throws is store_failed: undecided, so do not run.
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
