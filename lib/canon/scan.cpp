// SPDX-License-Identifier: Apache-2.0
#include <canon/scan.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include <base/text.hpp>
#include <canon/number.hpp>
#include "base/assert.hpp"

namespace openexec::canon {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether the number's first significant digit stands before the point: what is then out of a double's range, is too
/// large; otherwise it is too small, and reads as 0. Precondition: a JSON number.
bool is_large(std::string_view number) {
  OPENEXEC_ASSERT(!number.empty() && (number.front() == '-' || is_digit(number.front())), "scan: a number is judged");
  if (number.front() == '-') number.remove_prefix(1);
  const std::size_t mantissa_size = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, mantissa_size);
  const std::size_t significant = mantissa.find_first_of("123456789");
  if (significant == std::string_view::npos) return false;
  if (mantissa_size == std::string_view::npos) return significant < mantissa.find('.');

  std::string_view exponent = number.substr(mantissa_size + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);
  std::int64_t shift = 0;
  if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), shift).ec != std::errc()) {
    return exponent.front() != '-';
  }
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  return shift > static_cast<std::int64_t>(significant) - point;
}

class Scan {
 public:
  Scan(std::string_view text, const ParseLimits& limits, std::vector<LargeInteger>* large)
      : text_(text), max_depth_(limits.max_depth), ill_formed_(base::utf8_prefix(text)), large_(large) {}

  std::optional<Fault> run() {
    if (!document()) return fault_;
    return std::nullopt;
  }

 private:
  static constexpr char end_of_text = '\0';  // no rule admits a NUL byte, so it can stand for the end

  char peek() const { return at_ < text_.size() ? text_[at_] : end_of_text; }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool fail(std::size_t offset, std::string_view reason) {
    fault_ = {offset, offset == text_.size() ? "unexpected end" : reason};
    return false;
  }
  bool unexpected() { return fail(at_, "unexpected character"); }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  bool document() {
    if (text_.starts_with("\xef\xbb\xbf")) return fail(0, "byte order mark");
    do {
      if (!value()) return false;
      if (value_due_) continue;
      if (!after_value()) return false;
    } while (value_due_);
    return true;
  }

  /// Reads a scalar or an empty container, or opens a container and leaves its first value due.
  bool value() {
    skip_space();
    const char c = peek();
    value_due_ = false;
    if (c != '{' && c != '[') return scalar(c);
    if (open_.size() >= max_depth_) return fail(at_, "nested too deep");
    ++at_;
    open_ += c == '{' ? '}' : ']';
    skip_space();
    if (peek() == open_.back()) return true;
    value_due_ = true;
    return c == '[' || key();
  }

  /// Closes what ends here; leaves a value due behind a comma.
  bool after_value() {
    for (skip_space(); !open_.empty(); skip_space()) {
      if (take(',')) {
        value_due_ = true;
        skip_space();
        return open_.back() == ']' || key();
      }
      if (!take(open_.back())) return unexpected();
      open_.pop_back();
    }
    return at_ == text_.size() || fail(at_, "something follows the value");
  }

  bool key() {
    if (peek() != '"') return unexpected();
    if (!string()) return false;
    skip_space();
    return take(':') || unexpected();
  }

  bool scalar(char c) {
    if (c == '"') return string();
    if (c == '-' || is_digit(c)) return number();
    for (const std::string_view word : {"null", "true", "false"})
      if (c == word.front()) return literal(word);
    return unexpected();
  }

  bool literal(std::string_view word) {
    for (const char c : word)
      if (!take(c)) return unexpected();
    return true;
  }

  bool digits() {
    if (!is_digit(peek())) return unexpected();
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() {
    const std::size_t start = at_;
    take('-');
    if (!take('0') && !digits()) return false;
    const std::size_t integer_end = at_;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    const std::string_view literal = text_.substr(start, at_ - start);
    const bool fits = at_ == integer_end ? integer_fits(start, literal) : double_fits(start, literal);
    ++numbers_;
    return fits;
  }

  bool integer_fits(std::size_t start, std::string_view literal) {
    std::int64_t value = 0;
    const auto ec = std::from_chars(literal.data(), literal.data() + literal.size(), value).ec;
    if (ec == std::errc() && value >= -max_integer && value <= max_integer) return true;
    if (!is_jcs_integer(literal)) return fail(start, "integer beyond 2^53 - 1");
    std::uint64_t positive = 0;
    const bool read = ec == std::errc() ||
                      std::from_chars(literal.data(), literal.data() + literal.size(), positive).ec == std::errc();
    if (!read && large_ != nullptr) large_->push_back({at_, numbers_});
    return true;
  }

  bool double_fits(std::size_t start, std::string_view literal) {
    double value = 0;
    const auto ec = std::from_chars(literal.data(), literal.data() + literal.size(), value).ec;
    return ec != std::errc::result_out_of_range || !is_large(literal) || fail(start, "number too large");
  }

  bool string() {
    for (++at_; !take('"');) {
      if (at_ == text_.size()) return unexpected();
      if (at_ == ill_formed_) return fail(at_, "invalid UTF-8");
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return fail(at_, "control character in a string");
      if (text_[at_] != '\\') {
        ++at_;
      } else if (!escape()) {
        return false;
      }
    }
    return true;
  }

  bool escape() {
    const std::size_t start = at_++;
    const char c = peek();
    if (c != 'u') {
      if (at_ == text_.size()) return unexpected();
      if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) return fail(start, "invalid escape");
      ++at_;
      return true;
    }
    const unsigned unit = code_unit();
    if (unit == no_code_unit) return fail(start, "invalid escape");
    if (unit < 0xd800 || unit > 0xdfff) return true;
    if (unit <= 0xdbff && take('\\') && peek() == 'u') {
      const unsigned low = code_unit();
      if (low >= 0xdc00 && low <= 0xdfff) return true;
    }
    return fail(start, "lone surrogate");
  }

  static constexpr unsigned no_code_unit = 0x10000;

  /// Reads `u` and four hexadecimal digits.
  unsigned code_unit() {
    const std::string_view digits = text_.substr(at_ + 1, 4);
    unsigned unit = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (digits.size() < 4 || read.ptr != digits.data() + 4) return no_code_unit;
    at_ += 5;
    return unit;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t ill_formed_;
  std::vector<LargeInteger>* large_;
  std::uint32_t numbers_ = 0;  ///< that were read
  std::size_t at_ = 0;
  bool value_due_ = true;
  std::string open_;  ///< the closing brackets that are due, innermost last
  Fault fault_{};
};

}  // namespace

std::optional<Fault> first_fault(std::string_view text, const ParseLimits& limits, std::vector<LargeInteger>* large) {
  return Scan(text, limits, large).run();
}

}  // namespace openexec::canon
