// SPDX-License-Identifier: Apache-2.0
#include "crypto/pem.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "crypto/openssl.hpp"

namespace openexec::crypto {
namespace {

constexpr std::size_t line_width = 64;
constexpr std::string_view begin = "-----BEGIN ";
constexpr std::string_view end = "-----END ";
constexpr std::string_view dashes = "-----";

Status refused(const std::string& why) { return {Code::invalid_argument, "PEM: " + why}; }

/// Hands out a text's lines without their ends.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    ++number_;
    const std::size_t newline = rest_.find('\n');
    std::string_view line = rest_.substr(0, newline);
    if (newline == std::string_view::npos) {
      rest_ = {};
    } else {
      rest_.remove_prefix(newline + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
    }
    return line;
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::string place() const { return "line " + std::to_string(number_); }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// The label in a line of `opening` label `-----`.
std::optional<std::string_view> label_of(std::string_view line, std::string_view opening) {
  if (line.size() <= opening.size() + dashes.size() || !line.starts_with(opening) || !line.ends_with(dashes))
    return std::nullopt;
  return line.substr(opening.size(), line.size() - opening.size() - dashes.size());
}

}  // namespace

Result<PemBlock> read_pem(std::string_view text) {
  if (text.empty()) return refused("empty");
  if (text.size() > max_pem_bytes) return refused("more than " + std::to_string(max_pem_bytes) + " bytes");

  Lines lines(text);
  const auto label = label_of(lines.next().value_or(""), begin);
  if (!label) return refused("does not start with a BEGIN line");

  std::string joined;
  joined.reserve(text.size());
  const Wipe wipe(joined);
  for (;;) {
    const auto line = lines.next();
    if (!line) return refused("no END line");
    if (const auto closing = label_of(*line, end)) {
      if (*closing != *label) return refused("BEGIN and END labels differ");
      break;
    }
    if (line->empty() || line->size() > line_width)
      return refused(lines.place() + " is not of 1 to " + std::to_string(line_width) + " characters");
    joined += *line;
  }
  if (!lines.done()) return refused("something follows the END line");

  auto der = base::unbase64(joined);
  if (!der || der->empty()) return refused("not canonical base64 between the BEGIN and END lines");
  return PemBlock{std::string(*label), std::move(*der)};
}

std::string with_line_breaks(std::string_view text) {
  constexpr std::string_view spelled = "\\n";
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(spelled, at);
    out.append(text.substr(at, next - at));
    if (next == std::string_view::npos) return out;
    out += '\n';
    at = next + spelled.size();
  }
}

std::string write_pem(std::string_view label, std::string_view der) {
  std::string joined = base::base64(der);
  const Wipe wipe(joined);
  std::string pem;
  pem.reserve(joined.size() + joined.size() / line_width + 2 * (label.size() + 20));
  pem.append(begin).append(label).append(dashes).push_back('\n');
  for (std::size_t at = 0; at < joined.size(); at += line_width) pem.append(joined, at, line_width).push_back('\n');
  pem.append(end).append(label).append(dashes).push_back('\n');
  return pem;
}

}  // namespace openexec::crypto
