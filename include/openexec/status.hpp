// SPDX-License-Identifier: Apache-2.0
// The codes, Status and Result. C++, C and HTTP share one table of codes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace openexec {

/// The result of an attempt or a function. A number never changes its meaning (docs/errors.md). Decide by the code,
/// since texts are for people only.
enum class Code : std::int32_t {
  ok = 0,

  // Refused: decided against; nothing ran.
  halted = 100,
  nonce_conflict = 101,
  in_progress = 102,
  action_not_allowed = 103,
  unknown_action = 104,
  payload_schema = 105,
  approval_missing = 110,
  approval_malformed = 111,
  approval_key_missing = 112,
  approval_hash_mismatch = 113,
  approval_tenant_mismatch = 114,
  approval_expired = 115,
  approval_not_yet_valid = 116,
  approval_signature_invalid = 117,
  approval_threshold = 118,
  approval_policy_mismatch = 119,
  approval_audience_mismatch = 120,
  approval_constraint = 121,
  approval_key_revoked = 122,
  approval_spent = 123,

  // Doubt: the action ran, or may have run.
  in_doubt = 200,
  handler_failed = 201,
  result_invalid = 202,

  // Fault: not decided; no action ran unless an outcome reports that it did.
  store_failed = 300,
  overloaded = 301,
  clock_suspect = 302,

  // Misuse: a bug in the caller.
  malformed_request = 400,
  invalid_argument = 401,
  unsupported_abi = 402,
};

/// The kind of a code: success, or one of four kinds of failure.
enum class Kind : std::uint8_t { ok, refused, doubt, fault, misuse };

/// One row of the table.
struct CodeInfo {
  Code code;
  std::string_view name;  ///< as it appears in log entries and on the wire, e.g. "approval_expired"
  int http;               ///< the HTTP status of the service; 0 if the code never reaches HTTP
};

/// The whole table, in the order in which the checks are made.
std::span<const CodeInfo> all_codes() noexcept;

std::string_view name(Code code) noexcept;  ///< the row's name; "unknown" for a number that is not in the table
int http_status(Code code) noexcept;        ///< the row's HTTP status; 500 for a number that is not in the table
Kind kind(Code code) noexcept;              ///< by the hundreds of the number
std::optional<Code> code_from_name(std::string_view name) noexcept;

/// Success, or a code with an explanation. The compiler refuses to ignore one, and there is no default value.
class [[nodiscard]] Status {
 public:
  /// The only way to make a success.
  static Status success() { return Status(Code::ok, {}, 0); }
  /// A failure with a code. `http` replaces the HTTP status of the table if one code has several (malformed_request).
  Status(Code code, std::string detail, int http = 0) : code_(code), http_(http), detail_(std::move(detail)) {}

  [[nodiscard]] bool ok() const noexcept { return code_ == Code::ok; }
  [[nodiscard]] Code code() const noexcept { return code_; }
  /// An explanation for people: names the field, byte or setting, and never contains a payload, a key or a result.
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  [[nodiscard]] int http() const noexcept { return http_ != 0 ? http_ : http_status(code_); }

 private:
  Code code_;
  int http_;
  std::string detail_;
};

/// A value, or the Status of the failure.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)), status_(Status::success()) {}  // NOLINT: implicit by design
  // NOLINT
  Result(Status status)
      : status_(status.ok() ? Status(Code::invalid_argument, "success without a value") : std::move(status)) {}

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] Code code() const noexcept { return status_.code(); }

  /// Throws std::bad_optional_access unless ok().
  [[nodiscard]] T& value() & { return value_.value(); }
  [[nodiscard]] const T& value() const& { return value_.value(); }
  [[nodiscard]] T&& value() && { return std::move(value_).value(); }
  T* operator->() { return &value_.value(); }
  const T* operator->() const { return &value_.value(); }
  T& operator*() & { return value_.value(); }
  const T& operator*() const& { return value_.value(); }
  T&& operator*() && { return std::move(value_).value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace openexec
