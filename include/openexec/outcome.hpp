// SPDX-License-Identifier: Apache-2.0
// What the caller learns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// The answer to one attempt. It starts as a refusal and becomes success at one place in the library.
struct Outcome {
  Code code = Code::store_failed;  ///< ok: executed now, or replayed with its original outcome
  int http = 0;                    ///< the service's status code for it
  Verdict verdict = Verdict::refused;
  Effect effect = Effect::none;
  bool replayed = false;  ///< the outcome of an earlier attempt, told again; the handler was not entered

  /// Which attempt of its execution ran, or is told again; 1 where none is.
  std::uint32_t attempt = 1;
  /// Nothing happened, and the handler permits a further attempt (HandlerTable::Row::retry_none): the same request,
  /// sent again under the same approval, may run.
  bool may_retry = false;

  std::string exec_id;  ///< 64 hex digits; empty where the request was malformed
  std::string action;   ///< empty where the request was malformed
  std::string result;   ///< display form: the bytes that `receipt` covers; {"error": "<code>"} for every no.
                        ///< Empty, and `receipt` too, where there was no memory for it; code, verdict and effect hold
  std::string receipt;  ///< the receipt hash: hex(SHA-256(exec_id ":" result))
  /// For a person; empty where all is well. A replay has the first attempt's. Not covered by the receipt hash
  std::string detail;

  /// What `result` is: the JSON that the handler gave, or an object that carries its output as `text` or `base64`.
  ResultForm result_form = ResultForm::json;
  std::optional<Digest> result_hash;  ///< SHA-256 of jcs(result), where a handler gave one; the entry has it too

  /// This attempt's own log entry. Empty where none could be written, and for a replay that was counted instead
  /// (Limits::max_replays_per_second), whose outcome and receipt hash are those of every other replay.
  std::string entry;
  std::optional<std::uint64_t> entry_index;  ///< its place in the log; absent where `entry` is empty
  /// The entry's portable receipt (TransparencyLog::prove), where CallOptions::proof asked for it and the log has one.
  /// Empty too where it could not be made just now: the log makes it later as well.
  std::string proof;

  /// True only if the action was approved, ran and returned a result (now, or in the attempt that this one replays).
  [[nodiscard]] bool ok() const noexcept { return code == Code::ok; }
};

/// What a model that proposed the action is to be told beside the code: whether it ran, whether it may be tried again,
/// and how. English, of printable ASCII, the same for every caller (docs/errors.md has all of it). Safe for codes that
/// a later version adds.
std::string_view advice(Code code, Verdict verdict, Effect effect) noexcept;
/// The same for an outcome, which also knows whether a further attempt is permitted.
std::string_view advice(const Outcome& outcome) noexcept;

}  // namespace openexec
