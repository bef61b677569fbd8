// SPDX-License-Identifier: Apache-2.0
// Runs a program of the command line inside the test: no process, no terminal, an environment of its own.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.hpp"
#include "commands/console.hpp"
#include "support/json.hpp"

namespace openexec::test {

using Arguments = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

inline terminal::Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

/// A file in memory, to be read from its beginning.
inline base::Descriptor input_of(const std::string& text) {
  base::Descriptor file(::memfd_create("input", MFD_CLOEXEC));
  if (!file.open() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0)
    throw std::runtime_error("no file in memory");
  return file;
}

struct Said {
  int exit_code = -1;
  std::string out;
  std::string err;
  [[nodiscard]] bool tells(const std::string& text) const { return err.find(text) != std::string::npos; }
  [[nodiscard]] bool shows(const std::string& text) const { return out.find(text) != std::string::npos; }
};

using Program = std::function<int(const terminal::Console&, const Arguments&)>;

inline Said run(const Program& program, const Arguments& arguments, const std::string& input = {},
                const Variables& variables = {}) {
  std::ostringstream out;
  std::ostringstream err;
  const base::Descriptor in = input_of(input);
  const terminal::Console console{
      .out = out, .err = err, .in_descriptor = in.get(), .terminal = {}, .environment = environment_of(variables)};
  Said said;
  said.exit_code = program(console, arguments);
  said.out = out.str();
  said.err = err.str();
  return said;
}

using Names = std::set<std::string>;

/// The members of a JSON object, whatever their order.
inline Names names_of(const std::string& json) {
  const auto document = parse_json(json);
  Names names;
  for (const auto& [key, value] : document.root()) names.emplace(key);
  return names;
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace openexec::test
