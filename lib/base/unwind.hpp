// SPDX-License-Identifier: Apache-2.0
// A thread that ends inside a callback: pthread_exit, a cancellation, the exit of an interpreter.
//
// glibc unwinds the stack of such a thread by force. A `catch (...)` that does not rethrow, and a frame that is
// noexcept, then end the process. Each frame between a public function and foreign code therefore lets the unwinding
// pass.
#pragma once

#include <cxxabi.h>
#include <pthread.h>

#include <type_traits>
#include <utility>

#include <openexec/status.hpp>

/// Marks a function that catches a ForcedUnwind. The reference is null by design, since there is no exception object,
/// and the undefined-behaviour sanitizer would report it.
#define OPENEXEC_CATCHES_UNWIND __attribute__((no_sanitize("null")))

namespace openexec::base {

#ifdef __GLIBCXX__
using ForcedUnwind = abi::__forced_unwind;
#else  // The catch (...) of other C++ libraries is not entered by a forced unwind.
class ForcedUnwind {
  ForcedUnwind() = delete;
};
#endif

/// Calls foreign code. Returns what `otherwise` returns if it throws; a forced unwind passes.
template <class Call, class Otherwise>
OPENEXEC_CATCHES_UNWIND std::invoke_result_t<Call> call_foreign(Call&& call, Otherwise&& otherwise) {
  try {
    return std::forward<Call>(call)();
  } catch (ForcedUnwind&) {
    throw;
  } catch (...) {
    return std::forward<Otherwise>(otherwise)();
  }
}

/// The answer of a boundary that caught an exception. Without memory for its detail, which may be why, the detail is a
/// shorter one that needs none.
inline Status boundary_status(Code code, const char* detail) noexcept {
  try {
    return {code, detail};
  } catch (...) {
    return {code, "out of memory"};
  }
}

/// Defers the cancellation of this thread for a scope, so that no wait and no write of the library is interrupted. A
/// callback may enable cancellation again, and its frames are then unwound by force.
class CancellationPutOff {
 public:
  CancellationPutOff() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  CancellationPutOff(const CancellationPutOff&) = delete;
  CancellationPutOff& operator=(const CancellationPutOff&) = delete;
  /// A thread whose cancellation is asynchronous may end here.
  ~CancellationPutOff() noexcept(false) { ::pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace openexec::base
