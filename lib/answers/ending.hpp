// SPDX-License-Identifier: Apache-2.0
// How an attempt ends, before that is durable, and what is written of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

namespace openexec::exec {

/// How an attempt ends, before it is durable.
struct Ending {
  NonceState state = NonceState::in_doubt;  ///< of the nonce; only where the handler was entered
  Verdict verdict = Verdict::refused;
  Code code = Code::store_failed;
  Effect effect = Effect::none;
  std::string result;  ///< display form; empty: the error text of `code`, which write_entry() puts here
  std::optional<Digest> result_hash;
  ResultForm form = ResultForm::json;  ///< of `result`
  std::string detail;
  int http = 0;
  std::string receipt;     ///< of a result that is not at hand; empty: follows from `result`
  bool retryable = false;  ///< as Seal::retryable: by this attempt's own handler, or of the outcome that is told again
  std::string stored;      ///< what the store keeps; empty: `result`, without a remark
};

// Endings that need no memory: their texts are empty, and the result follows from the code.

/// Claimed, and its handler was not entered.
Ending not_entered() noexcept;
/// Its handler was entered, and more is not known.
Ending entered() noexcept;

/// Puts the ending into the entry, and the entry's bytes, which are made once, into `json`. Gives an ending without a
/// result the error text of its code.
void write_entry(Entry& entry, Ending& ending, std::string& json);

/// Says in the text that the store keeps what replays have to tell besides the result.
void add_remark(Ending& ending);
std::string_view text_for_store(const Ending& ending) noexcept;

}  // namespace openexec::exec
