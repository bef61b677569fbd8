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

std::optional<std::filesystem::path> public_vectors() {
  auto path = from_environment("OPENEXEC_PUBLIC_VECTORS", OPENEXEC_PUBLIC_VECTORS_DEFAULT);
  if (std::filesystem::is_directory(path)) return path;
  std::cerr << "\n*** NOT RUN: third-party vectors are absent at " << path
            << "; set OPENEXEC_PUBLIC_VECTORS to the folder that holds them ***\n";
  return std::nullopt;
}

}  // namespace openexec::test
