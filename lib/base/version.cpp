// SPDX-License-Identifier: Apache-2.0
#include <openexec/version.hpp>

namespace openexec {

std::string_view version() noexcept { return OPENEXEC_VERSION; }

}  // namespace openexec
