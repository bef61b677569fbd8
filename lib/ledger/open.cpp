// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <optional>
#include <string>

#include <openexec/ledger.hpp>

#include "sqlite/guard.hpp"

namespace openexec {
namespace {

Status wrong(std::string_view fault) {
  return Status(Code::invalid_argument, std::string("ledger URL: ").append(fault));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Returns nullopt if a percent sign does not stand before two hex digits, or stands for the byte 0.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
    if (low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

/// Returns the file that the text behind the third slash names. Earlier versions used
/// this text as the file's name without decoding it. The URL is refused while a file of that name exists, because a new,
/// empty ledger beside it would not know what was spent.
Result<std::string> file_of(std::string_view text) {
  const std::size_t end = text.find_first_of("?#");
  std::optional<std::string> path = percent_decoded(text.substr(0, end));
  if (!path) return wrong("a percent sign must stand before two hex digits other than 00; itself it is written %25");
  const std::string as_written(text);
  if (*path != as_written && ::access(as_written.c_str(), F_OK) == 0) {
    return wrong("a file \"" + as_written + "\" exists, whose name is not what the URL says, which is \"" + *path +
                 "\". Rename it, or write its name with %25 for a percent sign, %3F for ? and %23 for #");
  }
  if (end != text.npos) {
    return wrong(text[end] == '#'
                     ? "a fragment is not known; # in a file's name is written %23"
                     : "a member of its query is not known, since none is; ? in a file's name is written %3F");
  }
  if (path->empty()) return wrong("the path is empty");
  if (*path == ":memory:") return wrong("memory is spelled sqlite://");
  return *std::move(path);
}

Result<std::shared_ptr<Ledger>> open_memory(const SqliteOptions& options) {
  if (options.read_only) return wrong("memory cannot be opened for reading only");
  if (options.must_exist) return wrong("a ledger in memory does not exist before it is opened");
  if (!options.log.key_pem.empty() || !options.log.origin.empty() || !options.log.anchor.empty())
    return wrong("a log in memory takes neither key nor origin nor anchor");
  return memory_ledger();
}

}  // namespace

// The URL is not repeated in a detail, since those of other stores hold passwords.
Result<std::shared_ptr<Ledger>> open_ledger(std::string_view url, const SqliteOptions& options) {
  return store::guarded([&]() -> Result<std::shared_ptr<Ledger>> {
    constexpr std::string_view scheme = "sqlite://";
    if (url.substr(0, scheme.size()) != scheme) return wrong("expected sqlite:///PATH, or sqlite:// for memory");
    url.remove_prefix(scheme.size());
    if (url.empty()) return open_memory(options);
    if (url.front() != '/') return wrong("three slashes before a relative path, four before an absolute one");
    auto file = file_of(url.substr(1));
    if (!file.ok()) return file.status();
    return sqlite_ledger(*file, options);
  });
}

}  // namespace openexec
