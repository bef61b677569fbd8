// SPDX-License-Identifier: Apache-2.0
// m of n: what the verifier says to 100,000 random policies and approvals, against an oracle that knows no JSON, no
// signature and no line of lib/approval: it judges the abstract case, before that is written out.
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "support/approvals.hpp"
#include "support/catch.hpp"

using namespace openexec;

namespace {

constexpr int key_count = 5;
constexpr int hours = 10;  // the times of day that windows, revocations and clocks may have
const std::vector<std::string> tenants{"acme", "umbrella"};
const std::vector<std::string> actions{"pay:out", "pay:in", "echo", "deploy"};
const std::vector<std::string> roles{"", "human", "service"};
// Patterns, and which of the actions each names, by hand.
const std::vector<std::pair<std::string, std::set<int>>> patterns{
    {"*", {0, 1, 2, 3}}, {"pay:*", {0, 1}}, {"pay:out", {0}}, {"echo", {2}},  {"ec*", {2}},
    {"deploy*", {3}},    {"p*", {0, 1}},    {"pay", {}},      {"echo:*", {}}, {"pay:in", {1}}};

struct AbstractKey {
  bool known = true;  // to the policy
  std::string role;
  std::optional<std::set<int>> tenants;
  std::optional<std::set<int>> patterns;
  std::optional<int> not_before;
  std::optional<int> not_after;
  std::optional<int> revoked_at;
};

struct AbstractRule {
  std::set<int> patterns;
  int threshold = 1;
  std::string role;
};

struct AbstractPolicy {
  std::vector<AbstractKey> keys;
  std::vector<AbstractRule> rules;
};

struct Situation {
  int tenant = 0;
  int action = 0;
  std::set<int> signers;
  int now = 0;
  std::set<int> revoked_keys;  // at run time
  bool approval_revoked = false;
};

struct Judgement {
  Code code;
  std::set<int> approvers;  // of an ok
};

// The oracle, from the words of docs/formats.md.

bool one_names(const std::set<int>& of, int action) {
  for (const int pattern : of)
    if (patterns[static_cast<std::size_t>(pattern)].second.count(action) != 0) return true;
  return false;
}

Judgement oracle(const AbstractPolicy& policy, const Situation& situation) {
  std::set<int> verified;
  for (const int signer : situation.signers)
    if (policy.keys[static_cast<std::size_t>(signer)].known) verified.insert(signer);
  if (verified.empty()) return {Code::approval_signature_invalid, {}};

  const AbstractRule* decides = nullptr;
  for (const AbstractRule& rule : policy.rules)
    if (decides == nullptr && one_names(rule.patterns, situation.action)) decides = &rule;
  if (decides == nullptr) return {Code::approval_threshold, {}};

  std::set<int> good;
  std::set<int> revoked;
  for (const int signer : verified) {
    const AbstractKey& key = policy.keys[static_cast<std::size_t>(signer)];
    const bool in_role = decides->role.empty() || decides->role == key.role;
    const bool in_tenant = !key.tenants || key.tenants->count(situation.tenant) == 1;
    const bool in_actions = !key.patterns || one_names(*key.patterns, situation.action);
    const bool in_window =
        situation.now >= key.not_before.value_or(0) && situation.now < key.not_after.value_or(hours + 1);
    if (!(in_role && in_tenant && in_actions && in_window)) continue;
    const bool is_revoked =
        situation.now >= key.revoked_at.value_or(hours + 1) || situation.revoked_keys.count(signer) == 1;
    (is_revoked ? revoked : good).insert(signer);
  }
  const auto threshold = static_cast<std::size_t>(decides->threshold);
  if (good.size() >= threshold) {
    if (situation.approval_revoked) return {Code::approval_spent, {}};
    return {Code::ok, good};
  }
  return {good.size() + revoked.size() >= threshold ? Code::approval_key_revoked : Code::approval_threshold, {}};
}

// Chance, the same on every machine.

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  int below(int bound) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(bound)); }
  bool one_in(int number) { return below(number) == 0; }
  std::set<int> some(int most, int bound) {
    std::set<int> chosen;
    for (int count = 1 + below(most); count > 0; --count) chosen.insert(below(bound));
    return chosen;
  }

 private:
  std::mt19937 engine_;
};

AbstractPolicy any_policy(Chance& chance) {
  AbstractPolicy policy;
  const auto pattern_count = static_cast<int>(patterns.size());
  for (int i = 0; i < key_count; ++i) {
    AbstractKey key;
    key.known = !chance.one_in(12);
    key.role = roles[static_cast<std::size_t>(chance.below(3))];
    if (chance.one_in(3)) key.tenants = chance.some(2, static_cast<int>(tenants.size()));
    if (chance.one_in(3)) key.patterns = chance.some(3, pattern_count);
    if (chance.one_in(3)) key.not_before = chance.below(hours - 1);
    if (chance.one_in(3))
      key.not_after = key.not_before.value_or(0) + 1 + chance.below(hours - key.not_before.value_or(0));
    if (chance.one_in(4)) key.revoked_at = chance.below(hours);
    policy.keys.push_back(key);
  }
  for (int count = chance.below(4); count >= 0; --count) {
    AbstractRule rule;
    rule.patterns = chance.some(3, pattern_count);
    rule.threshold = chance.one_in(3) ? 1 + chance.below(5) : 1 + chance.below(3);
    if (chance.one_in(2)) rule.role = roles[static_cast<std::size_t>(1 + chance.below(2))];
    policy.rules.push_back(rule);
  }
  return policy;
}

// Written out.

std::string time_text(int hour, Chance& chance) {
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const std::string rest = chance.one_in(2) ? ":00:00" : ":00:00.000000";
  if (chance.one_in(3)) return "2026-03-01T" + two(hour + 2) + rest + "+02:00";
  return "2026-03-01T" + two(hour) + rest + "Z";
}

std::string list(const std::set<int>& chosen, const auto& name_of) {
  std::string text;
  for (const int item : chosen) text.append(text.empty() ? "[\"" : ",\"").append(name_of(item)).append("\"");
  return text + "]";
}

std::string id_of(int key) { return "k" + std::to_string(key); }

std::string json_of(const AbstractPolicy& policy, Chance& chance) {
  const auto pattern = [](int item) { return patterns[static_cast<std::size_t>(item)].first; };
  const auto tenant = [](int item) { return tenants[static_cast<std::size_t>(item)]; };
  static const std::vector<std::string> pems = [] {
    std::vector<std::string> quoted(key_count);
    for (int key = 0; key < key_count; ++key)
      canon::append_jcs_string(test::private_key(key).public_key().to_pem(), quoted[static_cast<std::size_t>(key)]);
    return quoted;
  }();
  std::string keys;
  for (int i = 0; i < key_count; ++i) {
    const AbstractKey& key = policy.keys[static_cast<std::size_t>(i)];
    if (!key.known) continue;
    keys += (keys.empty() ? "" : ",") + ("{\"id\":\"" + id_of(i)) +
            "\",\"public_key\":" + pems[static_cast<std::size_t>(i)];
    if (!key.role.empty()) keys += ",\"role\":\"" + key.role + "\"";
    if (key.tenants) keys += ",\"tenants\":" + list(*key.tenants, tenant);
    if (key.patterns) keys += ",\"actions\":" + list(*key.patterns, pattern);
    if (key.not_before) keys += ",\"not_before\":\"" + time_text(*key.not_before, chance) + "\"";
    if (key.not_after) keys += ",\"not_after\":\"" + time_text(*key.not_after, chance) + "\"";
    if (key.revoked_at) keys += ",\"revoked_at\":\"" + time_text(*key.revoked_at, chance) + "\"";
    keys += "}";
  }
  std::string rules;
  for (const AbstractRule& rule : policy.rules) {
    rules += (rules.empty() ? "" : ",") + ("{\"actions\":" + list(rule.patterns, pattern)) +
             ",\"threshold\":" + std::to_string(rule.threshold);
    if (!rule.role.empty()) rules += ",\"role\":\"" + rule.role + "\"";
    rules += "}";
  }
  return "{\"keys\":[" + keys + "],\"rules\":[" + rules + "]}";
}

Timestamp clock_at(int hour) { return test::after_noon((hour - 12) * 3600); }

/// Requests with their envelopes, one for each tenant, action and set of signers, made when they are first asked for.
class Requests {
 public:
  const Proposal& of(const Situation& situation) {
    const auto [place, is_new] =
        made_.try_emplace(std::tuple(situation.tenant, situation.action, situation.signers), nullptr);
    if (is_new) place->second = std::make_unique<Proposal>(make(situation));
    return *place->second;
  }

 private:
  Proposal make(const Situation& situation) {
    const std::string& tenant = tenants[static_cast<std::size_t>(situation.tenant)];
    const std::string& action = actions[static_cast<std::size_t>(situation.action)];
    const auto request = [&](std::string_view artifact) {
      return Proposal::parse(Request{action, "{}", "n-1", artifact}, tenant).value();
    };
    signing::DsseGrant grant;
    grant.token_id = "t-1";
    grant.tenant_id = tenant;
    grant.issued_at = clock_at(-1);
    grant.expires_at = clock_at(hours + 1);
    // Hints of every kind; of those that name another known key one, so that the tries suffice.
    std::vector<test::Signed> signers;
    bool misleading = hints_.one_in(2);
    for (const int key : situation.signers) {
      std::string hint = hints_.one_in(2) ? id_of(key) : hints_.one_in(2) ? "" : "nobody";
      if (std::exchange(misleading, false)) hint = id_of((key + 1) % key_count);
      signers.push_back({key, hint});
    }
    return request(test::envelope_around(signing::dsse_statement(request({}), grant).value(), signers));
  }

  std::map<std::tuple<int, int, std::set<int>>, std::unique_ptr<Proposal>> made_;
  Chance hints_{4711};
};

}  // namespace

TEST_CASE("100,000 random policies and approvals get the oracle's verdict, with its approvers") {
  constexpr int wanted = 100'000;
  constexpr int clocks = 7;  // situations for each set of signers under a policy
  Chance chance(20260301);
  Requests requests;
  std::map<std::string, int> seen;
  int cases = 0;
  int policies = 0;
  int refused = 0;
  int wrong = 0;
  for (; cases < wanted; ++policies) {
    const AbstractPolicy abstract = any_policy(chance);
    const std::string json = json_of(abstract, chance);
    const auto parsed = TrustPolicy::parse(json);
    if (!parsed.ok()) {  // a rule that never applies, or that nobody could meet
      ++refused;
      continue;
    }
    const TrustPolicy& policy = *parsed;
    Situation situation;
    situation.tenant = chance.below(static_cast<int>(tenants.size()));
    situation.action = chance.below(static_cast<int>(actions.size()));
    const auto verifier =
        trust_policy_verifier({.policy = policy, .tenant = tenants[static_cast<std::size_t>(situation.tenant)]})
            .value();
    for (unsigned subset = 1; subset < 1U << key_count; ++subset) {
      situation.signers.clear();
      for (int key = 0; key < key_count; ++key)
        if ((subset >> key & 1U) != 0) situation.signers.insert(key);
      for (int i = 0; i < clocks; ++i, ++cases) {
        situation.now = chance.below(hours);
        situation.revoked_keys = chance.one_in(3) ? chance.some(2, key_count) : std::set<int>();
        situation.approval_revoked = chance.one_in(10);
        std::vector<std::string> keys;
        for (const int key : situation.revoked_keys)
          keys.push_back(chance.one_in(2) ? id_of(key) : test::fingerprint(key));
        const Revocations revocations(
            keys, situation.approval_revoked ? std::vector<std::string>{"t-1"} : std::vector<std::string>{"t-2"});

        const Judgement expected = oracle(abstract, situation);
        const auto got = verifier->verify(requests.of(situation), clock_at(situation.now), revocations);
        std::vector<std::string> approvers;
        for (const int key : expected.approvers) approvers.push_back(id_of(key));
        ++seen[std::string(name(expected.code))];
        if (got.code() == expected.code && (!got.ok() || got->keys == approvers)) continue;
        if (++wrong > 10) continue;
        UNSCOPED_INFO(json << " subset " << subset << " at " << situation.now << " for " << situation.tenant << ' '
                           << situation.action << ": " << name(got.code()) << " instead of " << name(expected.code));
      }
    }
  }
  CHECK(wrong == 0);
  for (const Code code : {Code::ok, Code::approval_threshold, Code::approval_key_revoked, Code::approval_spent,
                          Code::approval_signature_invalid})
    CHECK(seen[std::string(name(code))] > 500);
  std::cout << "threshold oracle: " << cases << " cases under " << policies << " policies (" << refused << " refused):";
  for (const auto& [code, count] : seen) std::cout << ' ' << count << ' ' << code << ';';
  std::cout << ' ' << wrong << " verdicts differ\n";
}
