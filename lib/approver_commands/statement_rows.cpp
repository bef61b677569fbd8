// SPDX-License-Identifier: Apache-2.0
// The rows that show a statement and its signatures.
#include <chrono>
#include <cstdint>
#include <string>

#include "approver_commands/approver_commands.hpp"
#include "base/time.hpp"

namespace openexec::terminal {
namespace {

std::string raw_key_id(const std::string& keyid) { return keyid.empty() ? "(no key id)" : shown(keyid); }

}  // namespace

Timestamp now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
}

std::string from_now(Timestamp then, Timestamp now) {
  const std::int64_t seconds = (then.micros - now.micros) / 1'000'000;
  const std::int64_t size = seconds < 0 ? -seconds : seconds;
  const std::string amount = size < 120         ? std::to_string(size) + " s"
                             : size < 7200      ? std::to_string(size / 60) + " min"
                             : size < 48 * 3600 ? std::to_string(size / 3600) + " h"
                                                : std::to_string(size / 86400) + " days";
  return seconds < 0 ? amount + " ago" : "in " + amount;
}

std::string expiry(Timestamp expires_at, Timestamp at) {
  return base::format_time(expires_at) + "  (" + from_now(expires_at, at) + ")";
}

Rows terms_of(const approval::Statement& statement, Timestamp at) {
  Rows rows{{"approval id", shown(statement.token_id)},
            {"tenant id", shown(statement.tenant_id)},
            {"issued at", base::format_time(statement.issued_at)}};
  if (statement.not_before) rows.emplace_back("not before", base::format_time(*statement.not_before));
  rows.emplace_back("expires at", expiry(statement.expires_at, at));
  rows.emplace_back("executor", statement.audience.empty() ? "any" : shown(statement.audience));
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) rows.emplace_back(name, shown(value));
  };
  if (statement.constraints.max_cost_usd)
    rows.emplace_back("costs at most", statement.constraints.max_cost_usd->to_string() + " USD");
  if (statement.constraints.max_executions_per_min)
    rows.emplace_back("at most a minute", std::to_string(*statement.constraints.max_executions_per_min));
  add("UNKNOWN CONSTRAINT", statement.unknown_constraint);
  add("policy", statement.policy_bundle_hash);
  add("constitution", statement.constitution_version);
  add("scope", statement.approval_scope);
  add("trace id", statement.trace_id);
  add("request id", statement.request_id);
  return rows;
}

Rows signatures_of(const signing::UntrustedApproval& envelope) {
  Rows rows;
  for (const auto& signature : envelope.signatures)
    rows.emplace_back(rows.empty() ? "signed by" : "", raw_key_id(signature.keyid) + "  (says the envelope)");
  return rows;
}

}  // namespace openexec::terminal
