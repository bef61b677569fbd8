// SPDX-License-Identifier: Apache-2.0
#include "support/vectors.hpp"

#include <cstdlib>

namespace openexec::test {
namespace {

std::filesystem::path from_environment(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

std::filesystem::path vectors() { return from_environment("OPENEXEC_VECTORS", OPENEXEC_VECTORS_DEFAULT); }

}  // namespace openexec::test
