// SPDX-License-Identifier: Apache-2.0
// Any bytes: the parse and the scan agree, and what is accepted has stable forms. Aborts where a promise breaks.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <base/text.hpp>
#include <canon/json.hpp>
#include <canon/scan.hpp>

namespace {

using namespace openexec;

void require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

bool is_printable(std::string_view text) {
  for (const char c : text)
    if (c < ' ' || c > '~') return false;
  return true;
}

void check_members(canon::View value) {
  if (!value.is(canon::Type::array) && !value.is(canon::Type::object)) return;
  for (const auto& [key, child] : value) {
    if (value.is(canon::Type::object)) {
      const canon::View::Found found = value.find(key);
      require(found && canon::jcs(*found) == canon::jcs(child), "a member is found by its key");
    }
    check_members(child);
  }
}

struct Forms {
  std::string jcs, clawshield, display;
  explicit Forms(canon::View value)
      : jcs(canon::jcs(value)), clawshield(canon::clawshield_v1(value)), display(canon::display(value)) {}
};

void check_forms(canon::Parser& parser, const canon::ParseLimits& limits, const canon::Document& document) {
  const Forms forms(document.root());
  require(base::is_utf8(forms.jcs), "jcs is UTF-8");
  require(is_printable(forms.clawshield) && is_printable(forms.display), "the other forms are printable ASCII");

  canon::Document again;
  for (const std::string* ascii : {&forms.clawshield, &forms.display}) {
    require(parser.parse(*ascii, limits, again).ok(), "an ASCII form parses");
    const Forms stable(again.root());
    require(stable.jcs == forms.jcs && stable.clawshield == forms.clawshield && stable.display == forms.display,
            "the forms of an ASCII form are the same");
  }
  check_members(document.root());
  require(parser.parse(forms.jcs, limits, again).ok(), "jcs parses");
  require(canon::jcs(again.root()) == forms.jcs, "the jcs of a jcs form is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const canon::ParseLimits limits{.max_bytes = std::size_t{1} << 24, .max_depth = 16};
  static canon::Parser parser;
  static canon::Document document;
  const Status status = parser.parse(text, limits, document);
  const bool fault = canon::first_fault(text, limits).has_value();
  if (status.ok()) {
    require(!fault, "the scan finds nothing in what the parse accepts");
    check_forms(parser, limits, document);
    return 0;
  }
  const std::string& detail = status.detail();
  const bool duplicate = detail.starts_with("duplicate key at /") || detail.starts_with("duplicate key at ...");
  require(status.code() == Code::malformed_request, "a refusal is malformed_request");
  require(detail.size() <= 200 && is_printable(detail), "a detail is short and printable");
  require(duplicate || detail.starts_with("byte "), "a detail names the place");
  require(fault == !duplicate, "the scan finds the fault of what the parse refuses");
  require(document.root().is(canon::Type::null), "a refused text leaves null");
  return 0;
}
