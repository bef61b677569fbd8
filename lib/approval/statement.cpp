// SPDX-License-Identifier: Apache-2.0
#include "approval/statement.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "approval/members.hpp"
#include "crypto/sha256.hpp"

namespace openexec::approval {
namespace {

constexpr std::string_view max_cost = "max_cost_usd";
constexpr std::string_view max_rate = "max_executions_per_min";
constexpr std::string_view max_rate_alias = "rate_limit_per_min";

Step read_step(const Members& members) {
  return {std::string(members.need("action").action()), std::string(members.need("nonce").label()),
          members.need("parameters_hash").digest()};
}

void read_constraints(const Node& node, Statement& out) {
  const Members constraints(node);
  if (!node.value().is(canon::Type::object)) return;
  constexpr std::string_view known[] = {max_cost, max_rate, max_rate_alias};
  if (const auto name = unknown_member(node.value(), known)) out.unknown_constraint = shown(*name);

  if (const auto cost = constraints.maybe(max_cost)) {
    const bool number = cost->value().is(canon::Type::integer) || cost->value().is(canon::Type::number);
    // The shortest digits of a double are those that were written, up to fifteen of them, and Usd has no more.
    if (number) out.constraints.max_cost_usd = Usd::parse(canon::jcs(cost->value()));
    if (!out.constraints.max_cost_usd)
      cost->refuse("must be a number from 0 to 1000000000 with at most six digits behind the point");
  }
  const auto rate = constraints.maybe(max_rate);
  const auto alias = constraints.maybe(max_rate_alias);
  if (rate && alias) alias->refuse("is another name of max_executions_per_min, which is given as well");
  if (const auto& either = rate ? rate : alias)
    out.constraints.max_executions_per_min = either->number(1, std::numeric_limits<std::uint32_t>::max());
}

/// Sorts the steps by nonce. Two of one nonce would make one request two steps.
void index_steps(const Node& steps, Statement& out) {
  const auto nonce = [&](std::uint32_t step) -> const std::string& { return out.steps[step].nonce; };
  out.by_nonce.resize(out.steps.size());
  std::iota(out.by_nonce.begin(), out.by_nonce.end(), std::uint32_t{0});
  std::sort(out.by_nonce.begin(), out.by_nonce.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = nonce(a).compare(nonce(b));
    return order != 0 ? order < 0 : a < b;
  });
  const auto twins = std::adjacent_find(out.by_nonce.begin(), out.by_nonce.end(),
                                        [&](std::uint32_t a, std::uint32_t b) { return nonce(a) == nonce(b); });
  if (twins != out.by_nonce.end())
    steps.refuse("[" + std::to_string(twins[0]) + "] and [" + std::to_string(twins[1]) + "] have the same nonce");
}

void read_steps(const Members& members, Statement& out) {
  const auto steps = members.maybe("steps");
  const auto ordered = members.maybe("ordered");
  if (!steps) {
    if (ordered) ordered->refuse("stands only beside steps");
    out.steps.push_back(read_step(members));
    out.by_nonce = {0};
    return;
  }
  for (const std::string_view name : {"action", "nonce", "parameters_hash"})
    if (const auto own = members.maybe(name)) own->refuse("does not stand beside steps");
  steps->each(1, max_steps, [&](const Node& step) {
    out.steps.push_back(read_step(Members(step, {"action", "nonce", "parameters_hash"})));
  });
  out.order = ordered && ordered->flag() ? StepOrder::in_sequence : StepOrder::any;
  index_steps(*steps, out);
}

void read_times(const Members& members, Statement& out) {
  out.issued_at = members.need("issued_at").time();
  const Node expires_at = members.need("expires_at");
  out.expires_at = expires_at.time();
  if (out.expires_at <= out.issued_at) expires_at.refuse("must be later than issued_at");
  if (const auto not_before = members.maybe("not_before")) {
    out.not_before = not_before->time();
    if (out.expires_at <= *out.not_before) not_before->refuse("must be earlier than expires_at");
  }
}

}  // namespace

std::optional<std::uint32_t> Statement::step_for(std::string_view nonce) const {
  const auto found =
      std::lower_bound(by_nonce.begin(), by_nonce.end(), nonce,
                       [&](std::uint32_t step, std::string_view wanted) { return steps[step].nonce < wanted; });
  if (found == by_nonce.end() || steps[*found].nonce != nonce) return std::nullopt;
  return *found;
}

Result<Statement> read_statement(std::string_view json) {
  const Result<canon::Document> document = canon::parse(json);
  if (!document.ok()) return Status(Code::approval_malformed, "statement: " + document.status().detail());

  Breach breach(Code::approval_malformed);
  const Members members(Node(breach, "statement", document->root()),
                        {"token_id", "tenant_id", "action", "nonce", "parameters_hash", "steps", "ordered", "issued_at",
                         "expires_at", "not_before", "audience", "policy_bundle_hash", "constitution_version",
                         "trace_id", "request_id", "approval_scope", "constraints"});
  Statement out;
  out.token_id = members.need("token_id").label();
  out.tenant_id = members.need("tenant_id").tenant();
  read_steps(members, out);
  read_times(members, out);
  if (const auto hash = members.maybe("policy_bundle_hash")) out.policy_bundle_hash = to_hex(hash->digest());
  const auto label = [&](std::string_view name) {
    const auto member = members.maybe(name);
    return std::string(member ? member->label() : std::string_view());
  };
  out.audience = label("audience");
  out.constitution_version = label("constitution_version");
  out.trace_id = label("trace_id");
  out.request_id = label("request_id");
  out.approval_scope = label("approval_scope");
  if (const auto constraints = members.maybe("constraints")) read_constraints(*constraints, out);
  if (!breach.none()) return breach.status();
  if (out.is_plan()) out.plan = crypto::sha256(canon::jcs(document->root()));
  return out;
}

}  // namespace openexec::approval
