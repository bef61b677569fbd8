// SPDX-License-Identifier: Apache-2.0
// A seeded fault: a scan that finds nothing. The linker puts it in the place of the library's own (--wrap), and the
// replay of the corpus has to notice.
#include <optional>
#include <string_view>
#include <vector>

#include "canon/scan.hpp"

using namespace openexec::canon;

std::optional<Fault> scan(std::string_view, const ParseLimits&,
                          std::vector<LargeInteger>*) __asm__("__wrap_" OPENEXEC_SCAN) __attribute__((used));
std::optional<Fault> scan(std::string_view, const ParseLimits&, std::vector<LargeInteger>*) { return std::nullopt; }
