// SPDX-License-Identifier: Apache-2.0
// The bytes of a text as unsigned characters, for C libraries.
#pragma once

#include <string>
#include <string_view>

namespace openexec::crypto {

inline const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace openexec::crypto
