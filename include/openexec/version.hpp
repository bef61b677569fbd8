// SPDX-License-Identifier: Apache-2.0
// Which OpenExec this is.
#pragma once

#include <string_view>

namespace openexec {

/// The library that is running, e.g. "0.1.0" (semantic versioning).
std::string_view version() noexcept;

}  // namespace openexec
