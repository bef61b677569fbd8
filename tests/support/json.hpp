// SPDX-License-Identifier: Apache-2.0
// Vector files that are JSON, read with our own strict parser.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "canon/json.hpp"
#include "support/vectors.hpp"

namespace openexec::test {

/// Throws where the text is not strict JSON, so that a damaged file never passes as an empty one.
inline canon::Document parse_json(std::string_view text) {
  canon::ParseLimits limits;
  limits.max_bytes = std::size_t{64} << 20;
  auto document = canon::parse(text, limits);
  if (!document.ok()) throw std::runtime_error("vector is not JSON: " + document.status().detail());
  return std::move(*document);
}

inline canon::Document read_json(const std::filesystem::path& path) { return parse_json(read_file(path)); }

/// A member that has to be there.
inline canon::View at(canon::View object, std::string_view key) {
  if (!object.is(canon::Type::object)) throw std::runtime_error("vector: not an object");
  const auto value = object.find(key);
  if (!value) throw std::runtime_error("vector has no " + std::string(key));
  return *value;
}

/// A string member that has to be there.
inline std::string text_at(canon::View object, std::string_view key) {
  const canon::View value = at(object, key);
  if (!value.is(canon::Type::string)) throw std::runtime_error("vector: not a string: " + std::string(key));
  return std::string(value.string());
}

/// The lines of a file without their ends; empty ones are left out.
inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace openexec::test
