// SPDX-License-Identifier: Apache-2.0
#include <re2/re2.h>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "schema/pattern.hpp"

namespace openexec::schema {
namespace {

class Re2Pattern final : public Pattern {
 public:
  explicit Re2Pattern(std::string_view text) : expression_(re2::StringPiece(text.data(), text.size()), options()) {}

  [[nodiscard]] bool ok() const { return expression_.ok(); }
  [[nodiscard]] const std::string& error() const { return expression_.error(); }
  [[nodiscard]] std::size_t size() const override { return static_cast<std::size_t>(expression_.ProgramSize()); }
  [[nodiscard]] bool found_in(std::string_view text) const override {
    OPENEXEC_ASSERT_SLOW(base::is_utf8(text), "schema: a text that is matched is UTF-8");
    return expression_.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
  }

 private:
  static RE2::Options options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    return options;
  }
  RE2 expression_;
};

}  // namespace

bool has_patterns() noexcept { return true; }

std::unique_ptr<const Pattern> compile_pattern(std::string_view text, std::string& why) {
  auto made = std::make_unique<Re2Pattern>(text);
  if (!made->ok())
    why = "not a regular expression in RE2's syntax: " + made->error();
  else if (made->size() > max_pattern)
    why = "the expression takes more than " + std::to_string(max_pattern) + " instructions of RE2";
  else
    return made;
  return nullptr;
}

}  // namespace openexec::schema
