// SPDX-License-Identifier: Apache-2.0
// A schema, a line feed, a payload: both any bytes. What compiles checks every payload within its budget, says where it
// fails in printable ASCII, and says the same about each spelling of a payload. Aborts where a promise breaks.
#include <openexec/payload_schema.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <canon/json.hpp>

namespace {

using namespace openexec;

void require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

void require_detail(const Status& status) {
  require(!status.detail().empty() && status.detail().size() <= 1000, "a detail is there, and short");
  for (const char c : status.detail()) require(c >= ' ' && c <= '~', "a detail is printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const auto schema = PayloadSchema::compile(text.substr(0, end));
  if (!schema.ok()) {
    require(schema.code() == Code::invalid_argument, "what does not compile is invalid_argument");
    return 0;
  }
  const std::string_view payload = end == text.size() ? "" : text.substr(end + 1);
  const Status status = (*schema)->check(payload);
  require(status.ok() || status.code() == Code::payload_schema || status.code() == Code::malformed_request,
          "a check says yes, no, or that this is no payload");
  if (status.code() == Code::payload_schema) require_detail(status);
  if (status.code() == Code::malformed_request || payload.empty()) return 0;
  const std::string again = canon::jcs(canon::parse(payload).value().root());
  require((*schema)->check(again).ok() == status.ok(), "spelling does not matter");
  return 0;
}
