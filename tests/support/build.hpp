// How this build is built: campaigns are whole where that takes a minute, and a slice where it would take an hour.
#pragma once

#include <iostream>
#include <string>

namespace openexec::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

/// Optimised, and without sanitizers.
#ifdef NDEBUG
inline constexpr bool is_optimised = !is_sanitized;
#else
inline constexpr bool is_optimised = false;
#endif

/// Says which part of a campaign runs: each, or one of `in_slices_of`. Returns how far to step.
inline std::size_t stride(const std::string& campaign, std::size_t in_slices_of) {
  const std::size_t step = is_optimised ? 1 : in_slices_of;
  std::cout << "campaign: " << campaign << ": " << (step == 1 ? "whole" : "one of " + std::to_string(step)) << '\n';
  return step;
}

}  // namespace openexec::test
