// Vector files: OpenExec's own (OPENEXEC_VECTORS) and third parties' (OPENEXEC_PUBLIC_VECTORS).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>

namespace openexec::test {

inline std::filesystem::path from_environment(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : fallback;
}

/// The folder of OpenExec's own vectors; any folder with files of the same form will do.
inline std::filesystem::path vectors() { return from_environment("OPENEXEC_VECTORS", OPENEXEC_VECTORS_DEFAULT); }

/// The folder of third-party vectors, or nothing, said loudly.
inline std::optional<std::filesystem::path> public_vectors() {
  auto path = from_environment("OPENEXEC_PUBLIC_VECTORS", OPENEXEC_PUBLIC_VECTORS_DEFAULT);
  if (std::filesystem::is_directory(path)) return path;
  std::cerr << "\n*** NOT RUN: third-party vectors are absent at " << path
            << "; set OPENEXEC_PUBLIC_VECTORS to the folder that holds them ***\n";
  return std::nullopt;
}

/// A file's bytes. Throws where it cannot be read, so that a missing file never passes as an empty one.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Says how many cases ran, so that nobody takes silence for success.
inline void report(const std::string& what, std::size_t cases) { std::cout << "vectors: " << what << ": " << cases << " cases\n"; }

}  // namespace openexec::test
