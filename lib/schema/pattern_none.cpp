// SPDX-License-Identifier: Apache-2.0
#include "schema/pattern.hpp"

namespace openexec::schema {

bool has_patterns() noexcept { return false; }

std::unique_ptr<const Pattern> compile_pattern(std::string_view, std::string& why) {
  why = "this build has no regular expressions; build OpenExec with RE2 (OPENEXEC_WITH_RE2, Debian: libre2-dev)";
  return nullptr;
}

}  // namespace openexec::schema
