// SPDX-License-Identifier: Apache-2.0
// Log entries and receipt hashes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// How an attempt ended.
enum class Verdict : std::uint8_t { refused, executed, failed, replayed, in_doubt, suppressed, control };

/// The effect of the action outside OpenExec, as far as the executor knows.
enum class Effect : std::uint8_t {
  none,       ///< the handler was not entered, or reported that nothing happened
  confirmed,  ///< the handler returned a result
  unknown,    ///< everything else
};

/// The form of a result: JSON that the handler returned, or an object that holds its other output.
enum class ResultForm : std::uint8_t { json, text, bytes };

std::string_view name(Verdict verdict) noexcept;  ///< "executed", "in_doubt", ...
std::string_view name(Effect effect) noexcept;    ///< "none", "confirmed", "unknown"
std::string_view name(ResultForm form) noexcept;  ///< "json", "text", "bytes"

/// The approval as an entry carries it. An id appears only if it was verified.
struct ApprovalNote {
  std::string profile;
  std::string id;  ///< empty is written as null
  Digest digest{};
  std::vector<std::string> keys;

  // Further members of a verified approval. A member is absent if the approval does not have it.
  std::optional<std::uint32_t> step = std::nullopt;  ///< the step of a plan, from 0
  std::string trace_id = {};
  std::string request_id = {};
  std::string approval_scope = {};
};

/// The order that an entry of verdict `control` records, or the operator's order behind a settlement.
struct ControlNote {
  /// "halt", "resume", "revoke_approval" or "revoke_key"; since version 2 also "adopt", "settle" or "confirm_clock".
  std::string kind;
  std::string id;      ///< of the approval, the key or the adopted file; empty is written as null
  std::string tenant;  ///< the tenant that it binds; empty, written as null: every tenant
  std::string who;
  std::string why;
  std::optional<Timestamp> time = std::nullopt;  ///< adopt: the floor; confirm_clock: the new mark
  std::optional<Timestamp> was = std::nullopt;   ///< confirm_clock: the old mark
};

/// One line of the log (docs/formats.md, section 6). It has the hashes of payloads and results, never their content.
struct Entry {
  Verdict verdict = Verdict::refused;
  Effect effect = Effect::none;
  Code code = Code::store_failed;
  std::string exec_id;  ///< 64 hex digits; empty (null) if the request was malformed, like action and nonce
  std::string action;
  std::string nonce;
  std::string tenant;
  Digest request_hash{};
  std::optional<ApprovalNote> approval;
  std::optional<Digest> result_hash;
  std::string receipt;  ///< the receipt hash, 64 hex digits
  std::string executor;
  Timestamp observed_at;
  std::optional<std::uint64_t> prior;  ///< index of the entry that a replay repeats or a settlement settles
  std::uint64_t count = 0;             ///< verdict suppressed only: the number of answers that this entry counts
  std::optional<ControlNote> control;  ///< always present with verdict control; otherwise only of kind settle

  /// 1 or 2. An entry of version 1 writes the bytes of version 1, which have none of the members below.
  std::uint32_t version = 2;
  std::uint32_t attempt = 1;                  ///< its number within the execution; 1 is not written
  ResultForm result_form = ResultForm::json;  ///< json is not written
  std::string instance;                 ///< 32 hex digits: a random id of the opening; together with `epoch`, or empty
  std::uint64_t epoch = 0;              ///< of the executor among those that share a store, from 1; 0 is not written
  std::optional<Digest> proposal;       ///< of the proposal that the request came from
  std::optional<Digest> session;        ///< of the session that the request belongs to
  std::optional<Timestamp> trusted_at;  ///< while the clock is suspect: the time that is used

  /// The entry's bytes: RFC 8785 form.
  [[nodiscard]] std::string to_json() const;
  /// Reads exactly what to_json() writes, byte for byte: the members of section 6 of version 1 or 2. Returns
  /// invalid_argument with the malformed member for any other text.
  static Result<Entry> from_json(std::string_view json);
};

/// The approval of an entry in RFC 8785 form; "null" for none.
std::string to_json(const std::optional<ApprovalNote>& approval);

/// The receipt hash: hex(SHA-256(exec_id ":" result_text)). Pure: no time, no counter, no random value.
/// `result_text` is in display form (docs/formats.md, section 2).
std::string receipt_of(std::string_view exec_id, std::string_view result_text);

/// Checks a receipt hash, byte for byte: a result whose numbers were rewritten does not match. `result` is JSON text in
/// any spacing; exec_id is empty for a malformed request's receipt hash. Success means that the hash matches both,
/// and not that any action took place. Returns invalid_argument if it does not match, and malformed_request if `result`
/// is not strict JSON.
Status verify_receipt(std::string_view exec_id, std::string_view result, std::string_view receipt);

}  // namespace openexec
