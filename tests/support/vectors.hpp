// SPDX-License-Identifier: Apache-2.0
// Vector files: OpenExec's own (OPENEXEC_VECTORS) and third parties' (OPENEXEC_PUBLIC_VECTORS).
#pragma once

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

namespace openexec::test {

/// The folder of OpenExec's own vectors; any folder with files of the same form will do.
std::filesystem::path vectors();

/// The folder of third-party vectors. Returns nullopt if it is absent, and the program then ends as skipped.
std::optional<std::filesystem::path> public_vectors();

/// A file's bytes. Throws where it cannot be read, so that a missing file never passes as an empty one.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Says how many cases ran, so that nobody takes silence for success.
inline void report(const std::string& what, std::size_t cases) {
  std::cout << "vectors: " << what << ": " << cases << " cases\n";
}

}  // namespace openexec::test
