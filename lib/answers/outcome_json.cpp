// SPDX-License-Identifier: Apache-2.0
#include "answers/outcome_json.hpp"

#include <string_view>

#include "canon/json_object.hpp"

namespace openexec::exec {

std::string outcome_json(const Outcome& outcome) {
  canon::JsonObject json;
  json.text_or_null("id", outcome.exec_id)
      .text_or_null("action", outcome.action)
      .raw("result", outcome.result.empty() ? "null" : std::string_view(outcome.result))
      .boolean("approved", outcome.ok())
      .text_or_null("receipt", outcome.receipt)
      .boolean("replayed", outcome.replayed)
      .text("code", name(outcome.code))
      .text("verdict", name(outcome.verdict))
      .text("effect", name(outcome.effect));
  if (outcome.entry_index)
    json.number("entry", *outcome.entry_index);
  else
    json.raw("entry", "null");
  // Only where they say something: then the answer of an ordinary execution is as it was.
  if (outcome.attempt != 1) json.number("attempt", outcome.attempt);
  if (outcome.may_retry) json.boolean("may_retry", true);
  if (outcome.result_form != ResultForm::json) {
    json.text("result_form", name(outcome.result_form));
    json.text_or_null("result_hash", outcome.result_hash ? to_hex(*outcome.result_hash) : std::string());
  }
  if (!outcome.proof.empty()) json.text("proof", outcome.proof);
  if (!outcome.detail.empty()) json.text("detail", outcome.detail);
  return json.take();
}

std::string line_json(const LogLine& line) {
  return canon::JsonObject()
      .number("index", line.index)
      .text("leaf_hash", to_hex(line.leaf_hash))
      .raw("entry", line.json)
      .take();
}

}  // namespace openexec::exec
