// SPDX-License-Identifier: Apache-2.0
// The border. Nothing is thrown across it in either direction, and nothing else in capi/ catches.
#pragma once

#include <openexec.h>

#include <cstddef>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <openexec/status.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/unwind.hpp"

struct openexec_error {
  openexec_code code;
  std::string detail;
};

namespace openexec::capi {

/// Ends an entry point with a code. Thrown inside a guard only.
struct No {
  Status status;
};

[[noreturn]] inline void refuse(Code code, std::string detail) { throw No{Status(code, std::move(detail))}; }
[[noreturn]] inline void misuse(std::string detail) { refuse(Code::invalid_argument, std::move(detail)); }

inline void require(Status status) {
  if (!status.ok()) throw No{std::move(status)};
}
template <class T>
T require(Result<T> result) {
  require(result.status());
  return std::move(result).value();
}

constexpr openexec_code number(Code code) noexcept { return static_cast<openexec_code>(code); }

/// Into the library: every entry point that can fail is one call of this. `body` returns nothing, or a code. Throws
/// nothing; a thread that ends inside a callback is unwound through it.
template <class Body>
OPENEXEC_CATCHES_UNWIND openexec_code guard(openexec_error** error, Body&& body) {
  const base::CancellationPutOff put_off;
  const auto explain = [error](Code code, auto&& detail) noexcept {
    try {
      if (error != nullptr) *error = new openexec_error{number(code), std::forward<decltype(detail)>(detail)};
    } catch (...) {  // no memory for an explanation; the code says enough
    }
    return number(code);
  };
  if (error != nullptr) *error = nullptr;
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      std::forward<Body>(body)();
      return OPENEXEC_OK;
    } else {
      return std::forward<Body>(body)();
    }
  } catch (const No& no) {
    return explain(no.status.code(), no.status.detail());
  } catch (const std::bad_alloc&) {
    return explain(Code::overloaded, "out of memory; nothing was done");
  } catch (base::ForcedUnwind&) {
    throw;
  } catch (...) {
    return explain(Code::store_failed, "an unexpected exception");
  }
}

/// Out of the library: calls a host's callback. Whatever it throws becomes `otherwise`.
template <class Callback>
openexec_code call_out(openexec_code otherwise, Callback&& callback) {
  return base::call_foreign(std::forward<Callback>(callback), [otherwise] { return otherwise; });
}

/// The same for a callback that cannot fail: whatever it throws ends the process.
template <class Callback>
auto call_infallible(Callback&& callback) {
  using Answer = std::invoke_result_t<Callback>;
  return base::call_foreign(std::forward<Callback>(callback), []() -> Answer { std::terminate(); });
}

// What comes in is looked at before it is used.

/// A pointer that may not be null.
template <class T>
T* in(T* pointer, const char* what) {
  if (pointer == nullptr) misuse(std::string(what) + ": NULL");
  return pointer;
}

/// A string. Its bytes are the caller's.
inline std::string_view in(const openexec_str& text, const char* what) {
  if (text.data == nullptr && text.size != 0) misuse(std::string(what) + ": NULL with a size that is not 0");
  if (text.size > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
    misuse(std::string(what) + ": its size cannot be");
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

inline openexec_str out(std::string_view text) noexcept { return {text.data(), text.size()}; }

/// The size of a struct's first version: the least that is accepted.
template <class T>
inline constexpr std::size_t first_size = 0;

/// A copy of a struct that carries its size: the members that the caller knows, zero for those that it does not.
template <class T>
T sized(const T* given, const char* what) {
  static_assert(first_size<T> != 0, "give this struct a first_size");
  constexpr std::size_t implausible = 4096;  // no struct here will ever be so large; a size that nobody set may be
  const std::size_t size = in(given, what)->size;
  if (size < first_size<T> || size > implausible)
    refuse(Code::unsupported_abi, std::string(what) + ": size is " + std::to_string(size) +
                                      ", and this library serves " + std::to_string(first_size<T>) + " to " +
                                      std::to_string(sizeof(T)));
  const char* bytes = reinterpret_cast<const char*>(given);
  for (std::size_t i = sizeof(T); i < size; ++i)
    if (bytes[i] != 0)
      refuse(Code::unsupported_abi, std::string(what) + ": uses a member that this library does not have");
  T copy{};
  std::memcpy(&copy, given, size < sizeof(T) ? size : sizeof(T));
  copy.size = sizeof(T);
  return copy;
}

/// Where a handle comes out: null until it is given.
template <class T>
class Out {
 public:
  Out(T** place, const char* what) : place_(in(place, what)) { *place_ = nullptr; }
  void give(std::unique_ptr<T> handle) noexcept { *place_ = handle.release(); }

 private:
  T** place_;
};

/// destroy(T **): accepts null and a pointer to null, and nulls the pointer.
template <class T>
void destroy(T** handle) {
  const base::CancellationPutOff put_off;
  if (handle != nullptr) delete std::exchange(*handle, nullptr);
}

}  // namespace openexec::capi
