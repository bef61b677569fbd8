// SPDX-License-Identifier: Apache-2.0
// The verifier of DSSE approvals: the order of its checks, what it counts, what it remembers, and what it costs.
#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <openexec/executor.hpp>

#include "approval/envelope_cache.hpp"
#include "base/text.hpp"
#include "signing/clawshield.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using signing::DsseGrant;
using test::after_noon;
using test::envelope_around;
using test::envelope_by;
using test::noon;
using test::policy_of;
using test::private_key;
using test::trusted;
using test::trusted_up_to;

namespace {

using Ids = std::vector<std::string>;
constexpr std::string_view payload = R"({"msg":"hello"})";

Proposal proposal(std::string_view artifact = {}, std::string_view nonce = "n-1", std::string_view action = "echo",
                  std::string_view with = payload, std::string_view tenant = "acme") {
  return Proposal::parse(Request{action, with, nonce, artifact}, tenant).value();
}

DsseGrant grant() {
  DsseGrant made;
  made.token_id = "t-1";
  made.tenant_id = "acme";
  made.issued_at = after_noon(-60);
  made.expires_at = after_noon(240);
  return made;
}

std::string statement(const std::function<void(DsseGrant&)>& change = nullptr) {
  DsseGrant made = grant();
  if (change) change(made);
  return signing::dsse_statement(proposal(), made).value();
}

std::shared_ptr<PolicyVerifier> verifier(std::optional<TrustPolicy> policy,
                                         const std::function<void(TrustPolicyOptions&)>& change = nullptr) {
  TrustPolicyOptions options{.policy = std::move(policy), .executor = "exec-1", .tenant = "acme"};
  if (change) change(options);
  return trust_policy_verifier(options).value();
}

/// Under one rule of this threshold and the first keys.
Result<Approval> verify(std::string_view artifact, int keys = 2, std::uint32_t threshold = 1, Timestamp now = noon) {
  return verifier(policy_of(trusted_up_to(keys), threshold))->verify(proposal(artifact), now);
}

bool says(const Result<Approval>& result, Code code, std::string_view phrase) {
  const bool right = result.code() == code && result.status().detail().find(phrase) != std::string::npos;
  if (!right) UNSCOPED_INFO(name(result.code()) << ": " << result.status().detail());
  return right;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string clawshield_artifact(int key = 9, std::string_view tenant = "acme", std::string_view action = "echo") {
  return signing::sign_clawshield_v1(private_key(key), proposal({}, "n-1", action),
                                     {tenant, "04f85147-ab32-4255-96c6-dbcb57b0229e", after_noon(-60), after_noon(240)})
      .value();
}

TrustPolicy with_clawshield(Ids actions = {"*"}, std::string tenant = "acme") {
  TrustPolicy::Terms terms = policy_of(trusted_up_to(2)).terms();
  terms.clawshield_v1 = {.public_key = private_key(9).public_key().to_pem(),
                         .tenant_id = std::move(tenant),
                         .actions = std::move(actions)};
  return TrustPolicy::make(terms).value();
}

std::string nonce(std::size_t number) { return "n-" + std::to_string(number); }

/// A plan of that many steps, signed by key 0. Step i is for nonce n-i.
std::string plan(std::size_t size, StepOrder order = StepOrder::any, const std::string& token_id = "t-1") {
  std::vector<Proposal> steps;
  for (std::size_t i = 0; i < size; ++i) steps.push_back(proposal({}, nonce(i)));
  DsseGrant made = grant();
  made.token_id = token_id;
  return envelope_by(signing::dsse_statement(steps, order, made).value(), {0});
}

}  // namespace

TEST_CASE("A DSSE approval says who approved, which it is, and what else was said") {
  const std::string text = statement([](DsseGrant& g) {
    g.not_before = after_noon(-30);
    g.audience = "exec-1";
    g.trace_id = "trace";
    g.request_id = "request";
    g.approval_scope = "scope";
    g.constraints = {Usd{12'500'000}, 3};
  });
  const auto approval = verify(envelope_by(text, {1, 0}), 3);
  REQUIRE(approval.ok());
  CHECK(approval->profile == "dsse");
  CHECK(approval->id == "t-1");
  CHECK(approval->keys == Ids{"k0", "k1"});
  CHECK_FALSE(approval->step);
  CHECK(approval->constraints == Constraints{Usd{12'500'000}, 3});
  CHECK(approval->trace_id == "trace");
  CHECK(approval->request_id == "request");
  CHECK(approval->approval_scope == "scope");

  const auto bare = verify(envelope_by(statement(), {0}));
  REQUIRE(bare.ok());
  CHECK(bare->constraints == Constraints{});
  CHECK(bare->trace_id.empty());
  CHECK(bare->request_id.empty());
  CHECK(bare->approval_scope.empty());
}

TEST_CASE("The first check that fails names the code, in the order of the formats") {
  // One envelope that breaks everything; what stands first is mended first.
  const auto unconfigured = verifier(std::nullopt);
  CHECK(says(unconfigured->verify(proposal(), noon), Code::approval_missing, "approval_artifact"));
  TrustPolicy::Terms terms{.keys = {trusted(0), trusted(9)},
                           .rules = {{.actions = {"*"}, .threshold = 2}},
                           .pins = {.policy_bundle_hash = std::string(64, 'a'), .constitution_version = "v1"}};
  terms.keys[0].revoked_at = noon;
  const auto strict = verifier(TrustPolicy::make(terms).value());
  const auto ask = [&](std::string_view artifact, Timestamp now = noon) {
    return strict->verify(proposal(artifact), now);
  };

  DsseGrant bad = grant();
  bad.tenant_id = "umbrella";
  bad.issued_at = after_noon(100);
  bad.not_before = after_noon(150);
  bad.expires_at = after_noon(200);
  bad.audience = "exec-2";
  bad.policy_bundle_hash = std::string(64, 'b');
  bad.constitution_version = "v2";
  const auto made = [&](std::string_view of_nonce = "n-1") {
    return replaced(signing::dsse_statement(proposal({}, of_nonce), bad).value(), "{",
                    R"({"constraints":{"moon_phase":1},)");
  };
  const std::string no_statement = "{}";
  std::string artifact = replaced(envelope_by(no_statement, {7}), "\"payload\"", "\"x\":1,\"payload\"");
  CHECK(says(unconfigured->verify(proposal(artifact), noon), Code::approval_key_missing,
             "OPENEXEC_TRUST_POLICY (--trust-policy) not configured"));
  CHECK(says(ask(artifact), Code::approval_malformed, "\"x\""));
  artifact = envelope_by(no_statement, {7});
  CHECK(says(ask(artifact), Code::approval_signature_invalid, "Invalid signature"));
  artifact = envelope_by(no_statement, {0});
  CHECK(says(ask(artifact), Code::approval_malformed, "statement."));
  artifact = envelope_by(made("n-2"), {0});
  CHECK(says(ask(artifact), Code::approval_hash_mismatch, "hash mismatch"));
  artifact = envelope_by(made(), {0});
  CHECK(says(ask(artifact), Code::approval_tenant_mismatch, "Tenant mismatch"));
  bad.tenant_id = "acme";
  artifact = envelope_by(made(), {0});
  CHECK(says(ask(artifact, after_noon(200)), Code::approval_expired, "expired"));
  CHECK(says(ask(artifact), Code::approval_not_yet_valid, "issued_at"));
  CHECK(says(ask(artifact, after_noon(100)), Code::approval_not_yet_valid, "not_before"));
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_audience_mismatch, "audience"));
  bad.audience = "exec-1";
  artifact = envelope_by(made(), {0});
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_policy_mismatch, "policy_bundle_hash"));
  bad.policy_bundle_hash = std::string(64, 'a');
  artifact = envelope_by(made(), {0});
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_policy_mismatch, "constitution_version"));
  bad.constitution_version = "v1";
  artifact = envelope_by(made(), {0});
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_constraint, "moon_phase"));
  artifact = envelope_by(signing::dsse_statement(proposal(), bad).value(), {0});
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_threshold, "2 keys have to approve, and 0"));
  terms.rules[0].threshold = 1;
  REQUIRE(strict->reload(TrustPolicy::make(terms).value()).ok());
  CHECK(says(ask(artifact, after_noon(150)), Code::approval_key_revoked, "1 more are revoked"));
  terms.keys[0].revoked_at.reset();
  REQUIRE(strict->reload(TrustPolicy::make(terms).value()).ok());
  CHECK(ask(artifact, after_noon(150)).ok());
  CHECK(says(strict->verify(proposal(artifact), after_noon(150), Revocations({}, {"t-1"})), Code::approval_spent,
             "revoked"));
}

TEST_CASE("An approval serves no other nonce, action, payload or tenant") {
  const std::string artifact = envelope_by(statement(), {0});
  const auto by = verifier(policy_of(trusted_up_to(2)));
  CHECK(by->verify(proposal(artifact), noon).ok());
  CHECK(says(by->verify(proposal(artifact, "n-2"), noon), Code::approval_hash_mismatch, "nonce"));
  CHECK(says(by->verify(proposal(artifact, "n-1", "echo2"), noon), Code::approval_hash_mismatch, "action"));
  CHECK(says(by->verify(proposal(artifact, "n-1", "echo", R"({"msg":"hellO"})"), noon), Code::approval_hash_mismatch,
             "parameters_hash"));
  CHECK(by->verify(proposal(artifact, "n-1", "echo", R"({ "msg" : "hello" })"), noon).ok());
  CHECK(says(by->verify(proposal(artifact, "n-1", "echo", payload, "umbrella"), noon), Code::approval_tenant_mismatch,
             "Tenant mismatch"));
  const auto elsewhere = verifier(policy_of(trusted_up_to(2)), [](auto& options) { options.tenant = "umbrella"; });
  for (const char* tenant : {"acme", "umbrella"})
    CHECK(says(elsewhere->verify(proposal(artifact, "n-1", "echo", payload, tenant), noon),
               Code::approval_tenant_mismatch, "Tenant mismatch"));
  for (const char* tenant : {"acm", "acmee", "Acme", "acme "})
    CHECK(verify(envelope_by(statement([&](DsseGrant& g) { g.tenant_id = tenant; }), {0})).code() ==
          Code::approval_tenant_mismatch);
}

TEST_CASE("Without a policy or a tenant nothing is accepted, and readiness says which") {
  const std::string artifact = envelope_by(statement(), {0});
  const auto no_policy = verifier(std::nullopt);
  CHECK(no_policy->verify(proposal(artifact), noon).code() == Code::approval_key_missing);
  CHECK(no_policy->verify(proposal(clawshield_artifact()), noon).code() == Code::approval_key_missing);
  CHECK(no_policy->ready().code() == Code::approval_key_missing);
  CHECK_FALSE(no_policy->policy());
  REQUIRE(no_policy->reload(policy_of(trusted_up_to(1))).ok());
  CHECK(no_policy->ready().ok());
  CHECK(no_policy->verify(proposal(artifact), noon).ok());

  const auto no_tenant = verifier(with_clawshield(), [](auto& options) { options.tenant.clear(); });
  for (const std::string& either : {artifact, clawshield_artifact()})
    CHECK(says(no_tenant->verify(proposal(either), noon), Code::approval_tenant_mismatch,
               "CLAWSHIELD_TENANT_ID not configured"));
  CHECK(no_tenant->ready().code() == Code::approval_tenant_mismatch);
  CHECK_FALSE(no_tenant->profile().empty());
}

TEST_CASE("Times are compared exactly, with the allowance for clocks at issued_at alone") {
  const std::string artifact = envelope_by(statement(), {0});  // until noon + 240 s
  CHECK(verify(artifact, 2, 1, Timestamp{after_noon(240).micros - 1}).ok());
  CHECK(verify(artifact, 2, 1, after_noon(240)).code() == Code::approval_expired);

  const auto issued = [](std::int64_t ahead) {
    return envelope_by(statement([&](DsseGrant& g) { g.issued_at = after_noon(ahead); }), {0});
  };
  CHECK(verify(issued(60)).ok());
  CHECK(verify(issued(61)).code() == Code::approval_not_yet_valid);
  const auto exact =
      verifier(policy_of(trusted_up_to(1)), [](auto& options) { options.max_issued_ahead = std::chrono::seconds(0); });
  CHECK(exact->verify(proposal(issued(0)), noon).ok());
  CHECK(exact->verify(proposal(issued(1)), noon).code() == Code::approval_not_yet_valid);

  const std::string later = envelope_by(statement([](DsseGrant& g) { g.not_before = after_noon(30); }), {0});
  CHECK(verify(later, 2, 1, Timestamp{after_noon(30).micros - 1}).code() == Code::approval_not_yet_valid);
  CHECK(verify(later, 2, 1, after_noon(30)).ok());

  for (const std::int64_t end : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    CHECK_FALSE(verify(artifact, 2, 1, Timestamp{end}).ok());
  for (const std::chrono::seconds bad :
       {std::chrono::seconds(-1), std::chrono::seconds(86401), std::chrono::seconds::max()})
    CHECK(trust_policy_verifier({.max_issued_ahead = bad}).code() == Code::invalid_argument);
}

TEST_CASE("A pin is met word for word, and what is not pinned is not compared") {
  const auto pinned = [](TrustPolicy::Pins pins, const std::function<void(DsseGrant&)>& change) {
    TrustPolicy::Terms terms = policy_of(trusted_up_to(1)).terms();
    terms.pins = std::move(pins);
    return verifier(TrustPolicy::make(terms).value())
        ->verify(proposal(envelope_by(statement(change), {0})), noon)
        .code();
  };
  const auto says_both = [](DsseGrant& g) {
    g.policy_bundle_hash = std::string(64, 'a');
    g.constitution_version = "v1.0";
  };
  CHECK(pinned({}, nullptr) == Code::ok);
  CHECK(pinned({}, says_both) == Code::ok);
  CHECK(pinned({std::string(64, 'a'), "v1.0"}, says_both) == Code::ok);
  CHECK(pinned({std::string(64, 'a'), "v1.0"}, nullptr) == Code::approval_policy_mismatch);
  CHECK(pinned({std::string(64, 'b'), ""}, says_both) == Code::approval_policy_mismatch);
  CHECK(pinned({"", "v1"}, says_both) == Code::approval_policy_mismatch);
}

TEST_CASE("m counts distinct public keys, not signatures and not key ids") {
  const std::string text = statement();
  CHECK(verify(envelope_by(text, {0, 1}), 2, 2).ok());
  CHECK(verify(envelope_by(text, {0}), 2, 2).code() == Code::approval_threshold);
  CHECK(verify(envelope_by(text, {0, 0}), 2, 2).code() == Code::approval_threshold);
  CHECK(verify(envelope_around(text, {{0, "k0"}, {0, "k1"}}), 2, 2).code() == Code::approval_threshold);
  CHECK(verify(envelope_around(text, {{0, ""}, {0, ""}}), 2, 2).code() == Code::approval_threshold);
  CHECK(verify(envelope_around(text, {{0, "k1"}, {1, "k0"}}), 2, 2).ok());  // hints that are wrong, and known
  CHECK(verify(envelope_around(text, {{0, "k0"}, {1, "k0"}}), 2, 2).ok());
  CHECK(verify(envelope_around(text, {{7, "k0"}, {0, "k7"}, {1, ""}}), 2, 2).ok());
  CHECK(verify(envelope_around(text, {{1, test::fingerprint(1)}}))->keys == Ids{"k1"});
}

TEST_CASE("The first rule that names the action decides, and no rule is a refusal") {
  TrustPolicy::Terms terms{.keys = {trusted(0, "human"), trusted(1, "service"), trusted(2)},
                           .rules = {{.actions = {"echo:*", "echo"}, .threshold = 2},
                                     {.actions = {"echo*"}, .threshold = 1},
                                     {.actions = {"deploy"}, .threshold = 1, .role = "service"}}};
  const auto by = verifier(TrustPolicy::make(terms).value());
  const auto ask = [&](std::string_view action, const std::vector<int>& keys) {
    const std::string text = signing::dsse_statement(proposal({}, "n-1", action), grant()).value();
    return by->verify(proposal(envelope_by(text, keys), "n-1", action), noon);
  };
  CHECK(ask("echo", {0}).code() == Code::approval_threshold);
  CHECK(ask("echo", {0, 2})->keys == Ids{"k0", "k2"});
  CHECK(ask("deploy", {1}).ok());
  CHECK(says(ask("deploy", {0, 2}), Code::approval_threshold, "0 that signed count"));
  CHECK(ask("deploy", {0, 1, 2})->keys == Ids{"k1"});  // only those that count are said to approve
  CHECK(says(ask("drop", {0, 1, 2}), Code::approval_threshold, "no rule"));
}

TEST_CASE("A key outside its window, tenants or actions does not count, and a revoked one is told apart") {
  const auto ask = [](const std::function<void(TrustPolicy::Key&)>& change, Timestamp now = noon) {
    TrustPolicy::Key key = trusted(0);
    change(key);
    return verifier(policy_of({key, trusted(1)}))->verify(proposal(envelope_by(statement(), {0})), now).code();
  };
  CHECK(ask([](auto& key) { key.tenants = {"umbrella", "acme"}; }) == Code::ok);
  CHECK(ask([](auto& key) { key.tenants = {"umbrella"}; }) == Code::approval_threshold);
  CHECK(ask([](auto& key) { key.actions = {"ec*"}; }) == Code::ok);
  CHECK(ask([](auto& key) { key.actions = {"deploy:*"}; }) == Code::approval_threshold);
  CHECK(ask([](auto& key) { key.not_before = noon; }) == Code::ok);
  CHECK(ask([](auto& key) { key.not_before = Timestamp{noon.micros + 1}; }) == Code::approval_threshold);
  CHECK(ask([](auto& key) { key.not_after = noon; }) == Code::approval_threshold);
  CHECK(ask([](auto& key) { key.not_after = Timestamp{noon.micros + 1}; }) == Code::ok);
  CHECK(ask([](auto& key) { key.revoked_at = noon; }) == Code::approval_key_revoked);
  CHECK(ask([](auto& key) { key.revoked_at = Timestamp{noon.micros + 1}; }) == Code::ok);
  // Revoked, and would not have counted anyway.
  CHECK(ask([](auto& key) { key.revoked_at = noon, key.not_after = noon; }) == Code::approval_threshold);
  CHECK(ask([](auto& key) { key.revoked_at = noon, key.tenants = {"umbrella"}; }) == Code::approval_threshold);
}

TEST_CASE("Revocations at run time: the threshold is counted again without the revoked keys") {
  const std::string all = envelope_by(statement(), {0, 1, 2});
  const auto by = verifier(policy_of(trusted_up_to(3), 2));
  const auto ask = [&](const Revocations& revocations) { return by->verify(proposal(all), noon, revocations); };
  CHECK(ask(Revocations())->keys == Ids{"k0", "k1", "k2"});
  CHECK(ask(Revocations({"k1"}, {}))->keys == Ids{"k0", "k2"});
  CHECK(ask(Revocations({test::fingerprint(1)}, {}))->keys == Ids{"k0", "k2"});
  CHECK(says(ask(Revocations({"k1", test::fingerprint(2)}, {})), Code::approval_key_revoked, "2 more are revoked"));
  CHECK(ask(Revocations({"k9", "t-1"}, {"t-2", "k1"})).ok());
  CHECK(says(ask(Revocations({}, {"t-2", "t-1"})), Code::approval_spent, "revoked"));
  CHECK(by->verify(proposal(all), noon).ok());  // nothing of it stays
}

TEST_CASE("Revocations hold for every verifier, by its default") {
  const auto clawshield =
      clawshield_v1({.public_key_pem = private_key(9).public_key().to_pem(), .tenant_id = "acme"}).value();
  const Proposal approved = proposal(clawshield_artifact());
  const std::string id = "04f85147-ab32-4255-96c6-dbcb57b0229e";
  const auto ask = [&](const Revocations& revocations) { return clawshield->verify(approved, noon, revocations); };
  CHECK(ask(Revocations()).ok());
  CHECK(ask(Revocations({"k9"}, {"t-1"})).ok());
  CHECK(says(ask(Revocations({test::fingerprint(9)}, {})), Code::approval_key_revoked, "revoked"));
  CHECK(says(ask(Revocations({}, {id})), Code::approval_spent, "revoked"));
  CHECK(clawshield->verify(proposal(), noon, Revocations()).code() == Code::approval_missing);

  const test::ScriptedVerifier scripted;
  const Proposal two = proposal(R"({"id":1})");
  CHECK(scripted.verify(two, noon, Revocations()).ok());
  CHECK(scripted.verify(two, noon, Revocations({"key-1"}, {})).code() == Code::approval_key_revoked);
  CHECK(DemoVerifier().verify(two, noon, Revocations({"k"}, {"a"})).ok());
}

TEST_CASE("Each step of a plan is one approval of its own") {
  const std::string artifact = plan(5);
  const auto by = verifier(policy_of(trusted_up_to(1)));
  for (std::size_t i = 0; i < 5; ++i) {
    const auto approval = by->verify(proposal(artifact, nonce(i)), noon);
    REQUIRE(approval.ok());
    CHECK(approval->id == "t-1");
    CHECK(approval->step == i);
    CHECK(approval->step_order == StepOrder::any);
  }
  CHECK(by->verify(proposal(plan(2, StepOrder::in_sequence), nonce(1)), noon)->step_order == StepOrder::in_sequence);
  CHECK(says(by->verify(proposal(artifact, nonce(5)), noon), Code::approval_hash_mismatch, "hash mismatch"));
  CHECK(
      says(by->verify(proposal(artifact, nonce(1)), noon, Revocations({}, {"t-1"})), Code::approval_spent, "revoked"));

  // All three members of one step, not one of each.
  std::vector<Proposal> steps;
  steps.push_back(proposal({}, "n-a", "echo", "{}"));
  steps.push_back(proposal({}, "n-b", "add", R"({"a":1})"));
  const std::string mixed = envelope_by(signing::dsse_statement(steps, StepOrder::any, grant()).value(), {0});
  CHECK(by->verify(proposal(mixed, "n-a", "echo", "{}"), noon)->step == 0U);
  CHECK(by->verify(proposal(mixed, "n-b", "add", R"({"a":1})"), noon)->step == 1U);
  for (const auto& [of_nonce, action, with] :
       {std::tuple{"n-a", "add", "{}"}, {"n-a", "echo", R"({"a":1})"}, {"n-b", "echo", "{}"}})
    CHECK(by->verify(proposal(mixed, of_nonce, action, with), noon).code() == Code::approval_hash_mismatch);

  // The rules are asked for each step's own action.
  TrustPolicy::Terms terms{.keys = {trusted(0)}, .rules = {{.actions = {"echo"}, .threshold = 1}}};
  const auto narrow = verifier(TrustPolicy::make(terms).value());
  CHECK(narrow->verify(proposal(mixed, "n-a", "echo", "{}"), noon).ok());
  CHECK(narrow->verify(proposal(mixed, "n-b", "add", R"({"a":1})"), noon).code() == Code::approval_threshold);
}

TEST_CASE("One verification serves all steps, and everything else is asked anew") {
  const std::string artifact = plan(1000);
  const auto by = verifier(policy_of(trusted_up_to(2)));
  std::size_t approved = 0;
  for (std::size_t i = 0; i < 1000; ++i) approved += by->verify(proposal(artifact, nonce(i)), noon).ok();
  CHECK(approved == 1000);
  CHECK(by->verifications() == 1);

  CHECK(by->verify(proposal(artifact, nonce(1)), after_noon(240)).code() == Code::approval_expired);
  CHECK(by->verify(proposal(artifact, nonce(1)), after_noon(-1000)).code() == Code::approval_not_yet_valid);
  CHECK(by->verify(proposal(artifact, nonce(1)), noon, Revocations({"k0"}, {})).code() == Code::approval_key_revoked);
  CHECK(by->verify(proposal(artifact, nonce(1)), noon, Revocations({}, {"t-1"})).code() == Code::approval_spent);
  CHECK(by->verify(proposal(artifact, "other"), noon).code() == Code::approval_hash_mismatch);
  CHECK(by->verifications() == 1);
}

TEST_CASE("What was verified under a policy that is gone counts no more") {
  const std::string artifact = envelope_by(statement(), {0});
  const auto by = verifier(policy_of({trusted(0), trusted(1)}));
  CHECK(by->verify(proposal(artifact), noon)->keys == Ids{"k0"});
  CHECK(by->verify(proposal(artifact), noon).ok());
  CHECK(by->verifications() == 1);
  REQUIRE(by->reload(policy_of({trusted(1), trusted(2)})).ok());
  CHECK(by->verify(proposal(artifact), noon).code() == Code::approval_signature_invalid);
  TrustPolicy::Key renamed = trusted(0);
  renamed.id = "another";
  REQUIRE(by->reload(policy_of({trusted(1), renamed})).ok());
  CHECK(by->verify(proposal(artifact), noon)->keys == Ids{"another"});
}

TEST_CASE("A policy that does not load leaves the old one in force, and says why") {
  const TrustPolicy first = policy_of(trusted_up_to(1));
  const auto by = verifier(first);
  const Status refused = by->reload_json(R"({"keys":[],"rules":[{"actions":["*"],"threshold":0}]})");
  CHECK(refused.code() == Code::invalid_argument);
  CHECK(refused.detail() == "rules[0].threshold: must be an integer from 1 to 16");
  CHECK(by->policy()->digest() == first.digest());
  CHECK(by->verify(proposal(envelope_by(statement(), {0})), noon).ok());
  REQUIRE(by->reload_json(policy_of(trusted_up_to(2)).to_json()).ok());
  CHECK(by->policy()->terms().keys.size() == 2);
}

TEST_CASE("Envelopes that nobody signed are refused from memory, and what is remembered takes bounded memory") {
  const auto by = verifier(policy_of(trusted_up_to(1)));
  const std::string forged = envelope_by(statement(), {7});
  for (int i = 0; i < 3; ++i) {
    CHECK(by->verify(proposal(forged), noon).code() == Code::approval_signature_invalid);
    CHECK(by->verifications() == 1);
  }
  const auto forgetful = verifier(policy_of(trusted_up_to(1)), [](auto& options) { options.cache_bytes = 0; });
  for (std::uint64_t i = 1; i <= 3; ++i) {
    CHECK(forgetful->verify(proposal(envelope_by(statement(), {0})), noon).ok());
    CHECK(forgetful->verifications() == i);
  }

  approval::EnvelopeCache cache(std::size_t{1} << 20);
  const auto verified = [](std::size_t steps) {
    approval::VerifiedEnvelope envelope;
    envelope.statement.steps.assign(steps, {std::string(100, 'a'), std::string(200, 'n'), {}});
    return std::make_shared<const approval::VerifiedEnvelope>(std::move(envelope));
  };
  const auto digest = [](int number) {
    Digest made{};
    made[0] = static_cast<std::uint8_t>(number);
    made[1] = static_cast<std::uint8_t>(number >> 8);
    return made;
  };
  CHECK(verified(1000)->bytes() > 1000 * 300);
  cache.add(digest(0), verified(10));
  for (int i = 1; i < 1000; ++i) {
    cache.add(digest(i), verified(10));
    CHECK(cache.bytes() <= std::size_t{1} << 20);
    CHECK(cache.find(digest(0)) != nullptr);  // asked for again and again, it stays
  }
  CHECK(cache.size() > 100);
  CHECK(cache.size() < 1000);
  CHECK(cache.find(digest(1)) == nullptr);  // the one that nobody asked for the longest
  CHECK(cache.find(digest(999)) != nullptr);
  cache.add(digest(2000), verified(5000));  // larger than all of it
  CHECK(cache.find(digest(2000)) == nullptr);
  const std::size_t bytes = cache.bytes();
  cache.add(digest(999), verified(10));  // the same again
  CHECK(cache.bytes() == bytes);
}

TEST_CASE("Both profiles are accepted in one place, clawshield-v1 as far as the policy says") {
  const auto both = verifier(with_clawshield({"ec*"}));
  const auto approval = both->verify(proposal(clawshield_artifact()), noon);
  REQUIRE(approval.ok());
  CHECK(approval->profile == "clawshield-v1");
  CHECK(approval->keys == Ids{test::fingerprint(9)});
  CHECK(both->verify(proposal(envelope_by(statement(), {0})), noon)->profile == "dsse");
  CHECK(both->verifications() == 1);

  CHECK(says(both->verify(proposal(clawshield_artifact(9, "acme", "add"), "n-1", "add"), noon),
             Code::approval_threshold, "clawshield-v1"));
  CHECK(both->verify(proposal(clawshield_artifact(8)), noon).code() == Code::approval_signature_invalid);
  CHECK(both->verify(proposal(clawshield_artifact()), after_noon(240)).code() == Code::approval_expired);
  CHECK(says(both->verify(proposal(clawshield_artifact(9, "umbrella")), noon), Code::approval_tenant_mismatch,
             "Tenant mismatch"));
  CHECK(both->verify(proposal(clawshield_artifact()), noon, Revocations({test::fingerprint(9)}, {})).code() ==
        Code::approval_key_revoked);
  CHECK(both->verify(proposal(clawshield_artifact()), noon, Revocations({}, {approval->id})).code() ==
        Code::approval_spent);
  CHECK(both->verify(proposal(clawshield_artifact(), "n-1", "echo", payload, "umbrella"), noon).code() ==
        Code::approval_tenant_mismatch);

  CHECK(says(verifier(with_clawshield({"*"}, "umbrella"))->verify(proposal(clawshield_artifact()), noon),
             Code::approval_tenant_mismatch, "Tenant mismatch"));
  CHECK(says(verifier(with_clawshield({"*"}, "umbrella"))->verify(proposal(clawshield_artifact(9, "umbrella")), noon),
             Code::approval_tenant_mismatch, "Tenant mismatch"));
  CHECK(says(verifier(policy_of(trusted_up_to(2)))->verify(proposal(clawshield_artifact()), noon),
             Code::approval_key_missing, "CLAWSHIELD_PUBLIC_KEY not configured"));
  // A key of the policy makes no clawshield-v1 approvals, and the clawshield-v1 key none of DSSE.
  CHECK(both->verify(proposal(clawshield_artifact(0)), noon).code() == Code::approval_signature_invalid);
  CHECK(both->verify(proposal(envelope_by(statement(), {9})), noon).code() == Code::approval_signature_invalid);
}

TEST_CASE("What is neither an envelope nor a clawshield-v1 artifact is malformed") {
  const auto both = verifier(with_clawshield());
  for (const char* artifact : {"{}", R"({"x":1})", R"({"payload":""})", R"({"signatures":[]})", R"({"approval_id":1})",
                               R"({"signature":"","payload":""})", R"({"payloadType":"","approval_id":""})"})
    CHECK(both->verify(proposal(artifact), noon).code() == Code::approval_malformed);
}

TEST_CASE(
    "An executor spends a DSSE approval once, holds executions to its constraints, and runs each step of a plan once") {
  HandlerTable handlers;
  REQUIRE(handlers.add("echo", [](const Invocation&) { return HandlerResult::result("{}"); }).ok());
  auto executor = Executor::assemble({.tenant = "acme", .executor = "exec-1"},
                                     {.store = memory_ledger(),
                                      .verifier = verifier(policy_of(trusted_up_to(2))),
                                      .clock = std::make_shared<test::SetClock>(noon.micros)},
                                     handlers)
                      .value();
  const auto run = [&](const std::string& artifact, std::string_view of_nonce) {
    return executor.execute({.action = "echo", .payload = payload, .nonce = of_nonce, .approval_artifact = artifact});
  };
  const Outcome done = run(envelope_by(statement(), {0}), "n-1");
  CHECK(done.ok());
  CHECK(done.entry.find(R"("profile":"dsse")") != std::string::npos);
  CHECK(done.entry.find(R"("keys":["k0"])") != std::string::npos);
  CHECK(run(envelope_by(statement(), {0}), "n-1").replayed);
  CHECK(run(envelope_by(statement(), {0}), "n-2").code == Code::approval_hash_mismatch);
  const std::string again = envelope_by(signing::dsse_statement(proposal({}, "n-2"), grant()).value(), {0});
  CHECK(run(again, "n-2").code == Code::approval_spent);  // another nonce under the same token

  DsseGrant limited = grant();
  limited.token_id = "t-2";
  limited.constraints.max_executions_per_min = 5;
  CHECK(run(envelope_by(signing::dsse_statement(proposal({}, "n-3"), limited).value(), {0}), "n-3").ok());
  limited.token_id = "t-4";
  limited.constraints = {};
  limited.constraints.max_cost_usd = Usd{};
  CHECK(run(envelope_by(signing::dsse_statement(proposal({}, "n-5"), limited).value(), {0}), "n-5").code ==
        Code::approval_constraint);  // the handler has no cost function
  CHECK(run(plan(5, StepOrder::any, "t-3"), "n-4").ok());
}
