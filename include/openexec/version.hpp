// SPDX-License-Identifier: Apache-2.0
// The version of the library.
#pragma once

#include <string_view>

namespace openexec {

/// Returns the version of the loaded library, such as "0.1.0" (semantic versioning).
std::string_view version() noexcept;

}  // namespace openexec
