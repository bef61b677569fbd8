// SPDX-License-Identifier: Apache-2.0
// JSON Schemas that payloads have to satisfy before a nonce is spent.
#pragma once

#include <memory>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec {

/// A JSON Schema (draft 2020-12, docs/formats.md, section 12), compiled once. An executor refuses a payload that does
/// not satisfy the schema of its action's handler (HandlerTable::Row::schema). Immutable; any number of threads may use
/// one.
class PayloadSchema {
 public:
  /// Compiles a schema. Returns invalid_argument with the place in the schema (a JSON Pointer) for text that is not a
  /// schema, and for whatever this library does not check: an unknown keyword, a $ref that leaves the schema, a loop of
  /// $ref that consumes nothing, a pattern that RE2 does not take. No part of a schema is ever ignored.
  static Result<std::shared_ptr<const PayloadSchema>> compile(std::string_view schema);

  /// Returns success if the payload, JSON text of one object, satisfies the schema. Returns payload_schema with the
  /// member's path and the keyword if it does not, or if checking it would take more steps than the limit. Returns
  /// malformed_request for any other text. A detail names members, and never holds a value.
  [[nodiscard]] Status check(std::string_view payload) const;

  ~PayloadSchema();
  PayloadSchema(const PayloadSchema&) = delete;
  PayloadSchema& operator=(const PayloadSchema&) = delete;

  struct Compiled;  // lib/schema/schema.hpp
  [[nodiscard]] const Compiled& compiled() const noexcept { return *compiled_; }

 private:
  explicit PayloadSchema(std::unique_ptr<const Compiled> compiled) noexcept;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace openexec
