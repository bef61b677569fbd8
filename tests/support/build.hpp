// SPDX-License-Identifier: Apache-2.0
// How this build is built, and how much of a campaign runs in it.
#pragma once

#include <iostream>
#include <string>

#include "support/campaign.hpp"

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

/// Says which part of a campaign runs and returns how far to step. An optimised build runs all of it in a long run and
/// seven times the debug build's slice otherwise. Steps stay odd, so that bit after bit reaches every place in a byte.
inline std::size_t stride(const std::string& name, std::size_t in_slices_of) {
  const std::size_t step = !is_optimised ? in_slices_of : campaign(0, 1) == 1 ? 1 : (in_slices_of / 7) | 1;
  std::cout << "campaign: " << name << ": " << (step == 1 ? "whole" : "one of " + std::to_string(step)) << '\n';
  return step;
}

}  // namespace openexec::test
