// SPDX-License-Identifier: Apache-2.0
#include "answers/ending.hpp"

#include "answers/doubts.hpp"
#include "answers/kept_result.hpp"

namespace openexec::exec {

Ending not_entered() noexcept {
  Ending ending;
  ending.state = NonceState::sealed;
  ending.verdict = Verdict::failed;
  ending.code = Code::handler_failed;
  ending.effect = Effect::none;
  return ending;
}

Ending entered() noexcept {
  Ending ending;
  ending.state = NonceState::in_doubt;
  ending.verdict = Verdict::in_doubt;
  ending.code = Code::in_doubt;
  ending.effect = Effect::unknown;
  return ending;
}

void write_entry(Entry& entry, Ending& ending, std::string& json) {
  if (ending.result.empty()) ending.result = error_text(ending.code);
  entry.verdict = ending.verdict;
  entry.effect = ending.effect;
  entry.code = ending.code;
  entry.result_hash = ending.result_hash;
  entry.result_form = ending.form;
  entry.receipt = ending.receipt.empty() ? receipt_of(entry.exec_id, ending.result) : ending.receipt;
  json = entry.to_json();
}

void add_remark(Ending& ending) {
  if (ending.code != Code::ok)
    ending.stored = with_remark(ending.result, ending.detail);
  else if (ending.form != ResultForm::json)
    ending.stored = with_remark(ending.result, name(ending.form));
}

std::string_view text_for_store(const Ending& ending) noexcept {
  return ending.stored.empty() ? ending.result : ending.stored;
}

}  // namespace openexec::exec
