// SPDX-License-Identifier: Apache-2.0
// The table of codes.
#include <array>

#include <openexec/status.hpp>

namespace openexec {
namespace {

// In the order of the checks (docs/errors.md): the first check that fails decides.
constexpr std::array<CodeInfo, 30> table{{
    {Code::ok, "ok", 200},
    {Code::malformed_request, "malformed_request", 400},
    {Code::overloaded, "overloaded", 429},
    {Code::halted, "halted", 503},
    {Code::in_progress, "in_progress", 409},
    {Code::in_doubt, "in_doubt", 409},
    {Code::action_not_allowed, "action_not_allowed", 403},
    {Code::unknown_action, "unknown_action", 400},
    {Code::payload_schema, "payload_schema", 422},
    {Code::clock_suspect, "clock_suspect", 503},
    {Code::approval_missing, "approval_missing", 403},
    {Code::approval_key_missing, "approval_key_missing", 403},
    {Code::approval_malformed, "approval_malformed", 403},
    {Code::approval_hash_mismatch, "approval_hash_mismatch", 403},
    {Code::approval_tenant_mismatch, "approval_tenant_mismatch", 403},
    {Code::approval_expired, "approval_expired", 403},
    {Code::approval_not_yet_valid, "approval_not_yet_valid", 403},
    {Code::approval_signature_invalid, "approval_signature_invalid", 403},
    {Code::approval_audience_mismatch, "approval_audience_mismatch", 403},
    {Code::approval_policy_mismatch, "approval_policy_mismatch", 403},
    {Code::approval_constraint, "approval_constraint", 403},
    {Code::approval_key_revoked, "approval_key_revoked", 403},
    {Code::approval_threshold, "approval_threshold", 403},
    {Code::nonce_conflict, "nonce_conflict", 422},
    {Code::approval_spent, "approval_spent", 403},
    {Code::store_failed, "store_failed", 503},
    {Code::handler_failed, "handler_failed", 500},
    {Code::result_invalid, "result_invalid", 500},
    {Code::invalid_argument, "invalid_argument", 0},
    {Code::unsupported_abi, "unsupported_abi", 0},
}};

const CodeInfo* row(Code code) noexcept {
  for (const CodeInfo& info : table)
    if (info.code == code) return &info;
  return nullptr;
}

}  // namespace

std::span<const CodeInfo> all_codes() noexcept { return table; }

std::string_view name(Code code) noexcept {
  const CodeInfo* info = row(code);
  return info ? info->name : "unknown";
}

int http_status(Code code) noexcept {
  const CodeInfo* info = row(code);
  return info ? info->http : 500;
}

Kind kind(Code code) noexcept {
  switch (static_cast<std::int32_t>(code) / 100) {
    case 0: return code == Code::ok ? Kind::ok : Kind::fault;
    case 1: return Kind::refused;
    case 2: return Kind::doubt;
    case 3: return Kind::fault;
    default: return Kind::misuse;
  }
}

std::optional<Code> code_from_name(std::string_view text) noexcept {
  for (const CodeInfo& info : table)
    if (info.name == text) return info.code;
  return std::nullopt;
}

}  // namespace openexec
