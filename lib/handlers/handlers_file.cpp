// SPDX-License-Identifier: Apache-2.0
// The handlers file: strict, and every complaint names its line.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include <openexec/service.hpp>

#include "base/names.hpp"
#include "base/text.hpp"
#include "canon/json.hpp"
#include "handlers/command_handler.hpp"
#include "sqlite/path_check.hpp"

namespace openexec {
namespace service {
namespace {

using base::line_at;

constexpr std::size_t max_file_bytes = std::size_t{1} << 20;
constexpr std::int64_t max_timeout_ms = 24 * 60 * 60 * 1000;
constexpr std::int64_t max_output_bytes = std::int64_t{1} << 20;
constexpr std::int64_t most_retries = 1'000;

// Returns the place of the last occurrence of the member `action`.`member` (or of `action` itself), since of a
// duplicate the last one is to be removed. Keys are compared as written, so a key that is written with escapes is not
// found.
std::optional<std::size_t> offset_of(std::string_view text, std::string_view action, std::string_view member = {}) {
  std::optional<std::size_t> found;
  std::size_t depth = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t start = ++i;
    while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2U : 1U;
    const std::size_t after = text.find_first_not_of(" \t\r\n", i + 1);
    if (after == text.npos || text[after] != ':') continue;  // a value
    const std::string_view key = text.substr(start, i - start);
    if (depth == 1) inside = key == action;
    if (inside && (depth == 1 ? member.empty() : depth == 2 && key == member)) found = start;
  }
  return found;
}

std::size_t line_of(std::string_view text, std::string_view action, std::string_view member = {}) {
  if (const auto offset = offset_of(text, action, member)) return line_at(text, *offset);
  return line_at(text, offset_of(text, action).value_or(0));
}

// The line that the parser's explanation means: it names a byte, or the path of a duplicate key.
std::size_t line_in(std::string_view text, std::string_view detail) {
  constexpr std::string_view byte = "byte ";
  constexpr std::string_view duplicate = "duplicate key at /";
  if (const std::size_t at = detail.find(duplicate); at != detail.npos) {
    const std::string_view path = detail.substr(at + duplicate.size());
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos || offset_of(text, path)) return line_of(text, path);
    return line_of(text, path.substr(0, slash), path.substr(slash + 1));
  }
  std::size_t offset = 0;
  if (const std::size_t at = detail.find(byte); at != detail.npos)
    std::from_chars(detail.data() + at + byte.size(), detail.data() + detail.size(), offset);
  return line_at(text, offset);
}

Status at_line(std::size_t line, std::string_view what) {
  return Status(Code::invalid_argument, std::to_string(line) + ": " + std::string(what));
}

bool is_variable(std::string_view name) {
  const auto letter = [](char c) { return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Returns what is wrong with one member's value, or an empty text if it is valid.

std::string read_command(canon::View value, std::string_view name, std::vector<std::string>& argv) {
  const std::string member(name);
  if (!value.is(canon::Type::array) || value.size() == 0)
    return member + " must be a list that begins with the command's path";
  for (const auto& [index, argument] : value) {
    if (!argument.is(canon::Type::string) || argument.string().find('\0') != std::string_view::npos)
      return member + " must hold strings without U+0000";
    argv.emplace_back(argument.string());
  }
  const std::string& path = argv.front();
  struct stat status {};
  if (!path.starts_with('/')) return member + ": the command's path must be absolute: " + path;
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0)
    return member + ": not an executable file: " + path;
  return {};
}

std::string read_environment(canon::View value, Command& command) {
  if (!value.is(canon::Type::array)) return "env must be a list of variable names";
  for (const auto& [index, item] : value) {
    if (!item.is(canon::Type::string) || !is_variable(item.string())) return "env must hold names of variables";
    const std::string name(item.string());
    if (name.starts_with("OPENEXEC_")) return "env: OPENEXEC_ names are the service's own: " + name;
    if (const char* set = std::getenv(name.c_str())) command.environment.push_back(name + "=" + set);
  }
  return {};
}

std::string read_number(canon::View value, std::string_view name, std::int64_t max, std::int64_t& out) {
  if (!value.is(canon::Type::integer) || value.integer() < 1 || value.integer() > max)
    return std::string(name) + " must be an integer from 1 to " + std::to_string(max);
  out = value.integer();
  return {};
}

std::string read_schema(canon::View value, Command& command) {
  auto schema = PayloadSchema::compile(canon::jcs(value));
  if (!schema.ok()) return schema.status().detail();
  command.schema = *std::move(schema);
  return {};
}

std::string read_member(std::string_view name, canon::View value, Command& command) {
  std::int64_t number = 0;
  if (name == "argv") return read_command(value, name, command.argv);
  if (name == "reconcile") return read_command(value, name, command.reconcile);
  if (name == "cost") return read_command(value, name, command.cost);
  if (name == "env") return read_environment(value, command);
  if (name == "schema") return read_schema(value, command);
  if (name == "timeout_ms") {
    std::string wrong = read_number(value, name, max_timeout_ms, number);
    command.timeout = std::chrono::milliseconds(number);
    return wrong;
  }
  if (name == "max_output") {
    std::string wrong = read_number(value, name, max_output_bytes, number);
    command.max_output = static_cast<std::size_t>(number);
    return wrong;
  }
  if (name == "retry_none") {
    std::string wrong = read_number(value, name, most_retries, number);
    command.retry_none = static_cast<std::uint32_t>(number);
    return wrong;
  }
  if (name == "log_stderr") {
    if (!value.is(canon::Type::boolean)) return "log_stderr must be true or false";
    command.log_stderr = value.boolean();
    return {};
  }
  return "unknown member \"" + std::string(name) +
         "\"; known are argv, timeout_ms, max_output, env, schema, retry_none, reconcile, cost, log_stderr";
}

}  // namespace

Result<Commands> parse_commands(std::string_view text) {
  const Result<canon::Document> document = canon::parse(text, {.max_bytes = max_file_bytes});
  if (!document.ok()) {
    const std::string& detail = document.status().detail();
    return at_line(line_in(text, detail), detail);
  }
  const canon::View root = document->root();
  if (!root.is(canon::Type::object)) return at_line(1, "must be one object: action to command");
  Commands commands;
  for (const auto& [action, row] : root) {
    if (!row.is(canon::Type::object))
      return at_line(line_of(text, action), std::string(action) + ": must be an object");
    Command command;
    for (const auto& [name, value] : row) {
      if (const std::string wrong = read_member(name, value, command); !wrong.empty())
        return at_line(line_of(text, action, name), std::string(action) + ": " + wrong);
    }
    if (command.argv.empty()) return at_line(line_of(text, action), std::string(action) + ": argv is missing");
    if (const Status named = base::check_action(action); !named.ok()) {
      return at_line(line_of(text, action), named.detail());
    }
    commands.emplace(action, std::move(command));
  }
  return commands;
}

}  // namespace service

Result<std::vector<std::string>> add_command_handlers(HandlerTable& table, const std::string& path,
                                                      const CommandFileOptions& options) try {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return Status(Code::invalid_argument, path + ": cannot be read");
  Result<service::Commands> commands = service::parse_commands(text);
  if (!commands.ok()) return Status(Code::invalid_argument, path + ":" + commands.status().detail());
  for (const auto& [action, command] : *commands)
    if (table.find(action) != nullptr)
      return Status(Code::invalid_argument, path + ":" + std::to_string(service::line_of(text, action)) + ": " +
                                                action + ": has a handler already");

  const store::PathRules rules{.others_may_write = options.others_may_write, .warn = options.warn};
  store::check_writers("the handlers file", path, rules);
  for (const auto& [action, command] : *commands)
    for (const auto& [what, argv] : {std::pair("the command of ", &command.argv),
                                     {"the reconcile command of ", &command.reconcile},
                                     {"the cost command of ", &command.cost}})
      if (!argv->empty()) store::check_writers(what + action, argv->front(), rules);

  std::vector<std::string> names;
  for (auto& [action, command] : *commands) {
    command.log = options.log;
    HandlerTable::Row row = service::command_row(std::move(command));
    if (Status added = table.add(action, std::move(row)); !added.ok()) return added;
    names.push_back(action);
  }
  return names;
} catch (const std::exception& failed) {
  return Status(Code::invalid_argument, path + ": " + failed.what());
}

}  // namespace openexec
