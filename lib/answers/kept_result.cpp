// SPDX-License-Identifier: Apache-2.0
#include "answers/kept_result.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec::exec {
namespace {

constexpr std::size_t max_detail = 4096;
constexpr std::uint64_t max_length = canon::max_integer;
constexpr char mark = '\n';

void append_carried(std::string_view bytes, ResultForm form, std::string& jcs) {
  if (form == ResultForm::text)
    canon::append_jcs_string(bytes, jcs);
  else
    jcs.append("\"").append(base::base64(bytes)).append("\"");
}

/// The object that carries output which is not JSON, or is not whole. In RFC 8785 form.
std::string carry(const HandlerResult& said, std::size_t most, ResultForm& form) {
  std::string_view bytes = said.text();
  const bool whole = !said.whole() && bytes.size() <= most;
  HandlerResult::Whole all = said.whole().value_or(HandlerResult::Whole{bytes.size(), {}});
  if (!whole && !said.whole()) all.sha256 = crypto::sha256(bytes);
  bytes = bytes.substr(0, most);

  const std::size_t utf8 = base::utf8_prefix(bytes);
  const bool cut_inside = !whole && bytes.size() - utf8 < 4;  // a character that the limit went through
  form = utf8 == bytes.size() || cut_inside ? ResultForm::text : ResultForm::bytes;
  if (cut_inside) bytes = bytes.substr(0, utf8);

  std::string jcs = "{";
  if (form == ResultForm::bytes) append_carried(bytes, form, jcs += R"("base64":)");
  if (!whole) {
    if (jcs.size() > 1) jcs += ',';
    jcs.append(R"("length":)").append(std::to_string(std::min(all.length, max_length)));
    jcs.append(R"(,"sha256":")").append(to_hex(all.sha256)).append("\"");
  }
  if (form == ResultForm::text) append_carried(bytes, form, jcs += whole ? R"("text":)" : R"(,"text":)");
  if (!whole) jcs += R"(,"truncated":true)";
  return jcs += '}';
}

}  // namespace

KeptResult keep_output(const HandlerResult& said, std::size_t most, Reader& reader) {
  const std::string& output = said.text();
  reader.expect(output.size());
  KeptResult kept;
  if (said.whole() || !reader.parser.parse(output, {most, 128}, reader.result).ok()) {
    const std::string carried = carry(said, most, kept.form);
    reader.expect(carried.size());
    if (!reader.parser.parse(carried, {carried.size(), 1}, reader.result).ok())
      throw std::logic_error("the object that carries a handler's output is strict JSON");
  }
  reader.text.clear();
  canon::append_display(reader.result.root(), reader.text);
  kept.display = reader.text;
  reader.text.clear();
  canon::append_jcs(reader.result.root(), reader.text);
  kept.hash = crypto::sha256(reader.text);
  return kept;
}

std::string kept_detail(std::string_view detail) {
  const std::string_view shown = detail.substr(0, base::utf8_prefix(detail.substr(0, max_detail)));
  return std::string(shown.empty() && !detail.empty() ? "an explanation that is not UTF-8" : shown);
}

std::string with_remark(std::string_view result, std::string_view remark) {
  std::string text;
  if (!remark.empty()) text.append(result).append(1, mark).append(remark);
  return text;
}

StoredOutcome read_stored(std::string_view text) noexcept {
  const std::size_t end = text.find(mark);
  if (end == text.npos) return {text, {}};
  return {text.substr(0, end), text.substr(end + 1)};
}

ResultForm form_of(std::string_view remark) noexcept {
  for (const ResultForm form : {ResultForm::text, ResultForm::bytes})
    if (remark == name(form)) return form;
  return ResultForm::json;
}

}  // namespace openexec::exec
