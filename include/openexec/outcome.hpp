// SPDX-License-Identifier: Apache-2.0
// The answer to an attempt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// The answer to one attempt. It starts as a failure, and the library makes it a success in one place only.
struct Outcome {
  Code code = Code::store_failed;  ///< ok: executed now, or a replay of an execution that was ok
  int http = 0;                    ///< the HTTP status that the service answers with
  Verdict verdict = Verdict::refused;
  Effect effect = Effect::none;
  bool replayed = false;  ///< this repeats the outcome of an earlier attempt; the handler was not entered

  /// The number of the attempt that ran or is replayed; 1 if there is none.
  std::uint32_t attempt = 1;
  /// Nothing happened, and the handler permits a further attempt (HandlerTable::Row::retry_none): the same request,
  /// sent again under the same approval, may run.
  bool may_retry = false;

  std::string exec_id;  ///< 64 hex digits; empty if the request was malformed
  std::string action;   ///< empty if the request was malformed
  std::string result;   ///< display form: the bytes that `receipt` covers; {"error": "<code>"} if not ok.
                        ///< Empty like `receipt` if memory could not be allocated; code, verdict and effect are right
  std::string receipt;  ///< the receipt hash: hex(SHA-256(exec_id ":" result))
  /// An explanation for people; empty on success. A replay has that of the first attempt. The receipt hash does not
  /// cover it.
  std::string detail;

  /// The form of `result`: JSON that the handler returned, or an object that holds its output as `text` or `base64`.
  ResultForm result_form = ResultForm::json;
  std::optional<Digest> result_hash;  ///< SHA-256 of jcs(result) if a handler returned one; also in the entry

  /// The log entry of this attempt. Empty if no entry could be written, and for a replay that was only counted
  /// (Limits::max_replays_per_second). Outcome and receipt hash of such a replay are those of every other replay.
  std::string entry;
  std::optional<std::uint64_t> entry_index;  ///< its index in the log; absent if `entry` is empty
  /// The portable receipt of the entry (TransparencyLog::prove), if CallOptions::proof asked for it and the log keeps a
  /// tree. Also empty if it could not be made now. TransparencyLog::prove makes it later.
  std::string proof;

  /// True only if the action was approved, ran and returned a result (now, or in the attempt that this one replays).
  [[nodiscard]] bool ok() const noexcept { return code == Code::ok; }
};

/// Returns the advice for a model that proposed the action: whether the action ran, whether the model may try again,
/// and how. English in printable ASCII, the same for every caller (docs/errors.md lists all of it). For an unknown
/// code, such as one of a later version, it makes no assumption about what happened.
std::string_view advice(Code code, Verdict verdict, Effect effect) noexcept;
/// Returns the advice on an outcome, which also says whether a further attempt is permitted.
std::string_view advice(const Outcome& outcome) noexcept;

}  // namespace openexec
