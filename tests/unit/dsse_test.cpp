// SPDX-License-Identifier: Apache-2.0
// Envelopes and statements of DSSE approvals, and the signer's side of them.
#include <map>
#include <string>
#include <vector>

#include "approval/dsse.hpp"
#include "approval/statement.hpp"
#include "canon/json.hpp"
#include "signing/dsse.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"

using namespace openexec;
using namespace openexec::approval;
using namespace openexec::signing;
using test::after_noon;
using test::noon;
using test::private_key;

namespace {

/// Members by name, each JSON text, so that a test can change one.
using Object = std::map<std::string, std::string>;

std::string text_of(const Object& members) {
  canon::JsonObject object;
  for (const auto& [name, value] : members) object.raw(name, value);
  return object.take();
}

Object changed(Object members, const std::string& name, const std::string& value) {
  if (value.empty())
    members.erase(name);
  else
    members[name] = value;
  return members;
}

const std::string hash = "\"" + std::string(64, 'a') + "\"";
const Object step{{"action", "\"echo\""}, {"nonce", "\"n-1\""}, {"parameters_hash", hash}};
const Object terms{{"token_id", "\"t-1\""},
                   {"tenant_id", "\"acme\""},
                   {"issued_at", "\"2026-03-01T11:59:00Z\""},
                   {"expires_at", "\"2026-03-01T12:04:00Z\""}};

Object single() {
  Object members = terms;
  members.insert(step.begin(), step.end());
  return members;
}

Object plan(const std::vector<Object>& steps) {
  std::string list;
  for (const Object& one : steps) list.append(list.empty() ? "" : ",").append(text_of(one));
  return changed(terms, "steps", "[" + list + "]");
}

Object numbered(std::size_t number) { return changed(step, "nonce", "\"n-" + std::to_string(number) + "\""); }

/// Why it is refused; empty where it is not.
std::string refusal(const std::string& statement) {
  const auto read = read_statement(statement);
  if (read.ok()) return {};
  CHECK(read.code() == Code::approval_malformed);
  return read.status().detail();
}
std::string refusal(const Object& statement) { return refusal(text_of(statement)); }

const std::string statement = text_of(single());
const std::string signature = base::base64(std::string(64, 's'));
const Object good_envelope{{"payloadType", "\"application/vnd.openexec.approval+json\""},
                           {"payload", "\"" + base::base64(statement) + "\""},
                           {"signatures", R"([{"keyid":"k1","sig":")" + signature + "\"}]"}};

std::string envelope_refusal(const std::string& text) {
  const auto read = read_dsse(text);
  if (read.ok()) return {};
  CHECK(read.code() == Code::approval_malformed);
  return read.status().detail();
}
std::string envelope_refusal(const std::string& name, const std::string& value) {
  return envelope_refusal(text_of(changed(good_envelope, name, value)));
}
std::string signature_refusal(const std::string& signatures) { return envelope_refusal("signatures", signatures); }

Proposal proposal(std::string_view nonce = "n-1", std::string_view payload = R"({"msg":"hello"})") {
  return Proposal::parse(Request{"echo", payload, nonce, {}}, "acme").value();
}

DsseGrant grant() {
  DsseGrant made;
  made.token_id = "t-1";
  made.tenant_id = "acme";
  made.issued_at = after_noon(-60);
  made.expires_at = after_noon(240);
  return made;
}

std::string many(const std::string& item, std::size_t count) {
  std::string list = "[" + item;
  for (std::size_t i = 1; i < count; ++i) list.append(",").append(item);
  return list + "]";
}

}  // namespace

TEST_CASE("What is signed is the pre-authentication encoding of DSSE") {
  CHECK(signed_bytes("") == "DSSEv1 38 application/vnd.openexec.approval+json 0 ");
  CHECK(signed_bytes("h\u00e9llo world") == "DSSEv1 38 application/vnd.openexec.approval+json 12 h\u00e9llo world");
}

TEST_CASE("A statement reads as what it says") {
  Object members = single();
  members["not_before"] = "\"2026-03-01T12:59:30.5\"";
  CHECK(refusal(members).starts_with("statement.not_before: must be a time"));  // no offset
  members["not_before"] = "\"2026-03-01T12:59:30.500000+01:00\"";
  members["audience"] = "\"exec-1\"";
  members["policy_bundle_hash"] = hash;
  members["constitution_version"] = "\"v1.0\"";
  members["trace_id"] = "\"trace\"";
  members["request_id"] = "\"request\"";
  members["approval_scope"] = "\"scope\"";
  members["constraints"] = R"({"max_cost_usd":12.5,"max_executions_per_min":3})";
  const Statement read = read_statement(text_of(members)).value();
  CHECK(read.token_id == "t-1");
  CHECK(read.tenant_id == "acme");
  REQUIRE(read.steps.size() == 1);
  CHECK(read.steps[0].action == "echo");
  CHECK(read.steps[0].nonce == "n-1");
  CHECK(to_hex(read.steps[0].parameters_hash) == std::string(64, 'a'));
  CHECK_FALSE(read.is_plan());
  CHECK(read.issued_at == after_noon(-60));
  CHECK(read.expires_at == after_noon(240));
  CHECK(read.not_before == Timestamp{after_noon(-30).micros + 500'000});
  CHECK(read.audience == "exec-1");
  CHECK(read.policy_bundle_hash == std::string(64, 'a'));
  CHECK(read.constitution_version == "v1.0");
  CHECK(read.trace_id == "trace");
  CHECK(read.request_id == "request");
  CHECK(read.approval_scope == "scope");
  CHECK(read.constraints.max_cost_usd == Usd{12'500'000});
  CHECK(read.constraints.max_executions_per_min == 3U);
  CHECK(read.unknown_constraint.empty());
  CHECK(read.step_for("n-1") == 0U);
  CHECK_FALSE(read.step_for("n-2"));
}

TEST_CASE("A member that a statement needs is missed by name") {
  CHECK(refusal(single()).empty());
  for (const auto& [name, value] : single())
    CHECK(refusal(changed(single(), name, {})) == "statement." + name + ": missing");
  for (const auto& [name, value] : step)
    CHECK(refusal(plan({changed(step, name, {})})) == "statement.steps[0]." + name + ": missing");
}

TEST_CASE("A member of the wrong type or shape is refused by name") {
  Object all = single();
  for (const char* name : {"audience", "constitution_version", "trace_id", "request_id", "approval_scope"})
    all[name] = "\"x\"";
  all["policy_bundle_hash"] = hash;
  all["not_before"] = all.at("issued_at");
  CHECK(refusal(all).empty());
  for (const auto& [name, value] : all) {
    INFO(name);
    for (const char* wrong : {"null", "1", "true", "[]", "{}", "\"\"", "[\"x\"]"})
      CHECK(refusal(changed(all, name, wrong)).starts_with("statement." + name + ": "));
  }
  const std::string label(256, 'x');
  for (const char* name :
       {"token_id", "nonce", "audience", "constitution_version", "trace_id", "request_id", "approval_scope"}) {
    INFO(name);
    const std::string place = std::string("statement.") + name;
    CHECK(refusal(changed(all, name, "\"" + label + "\"")) == place + ": must be 1 to 255 bytes");
    CHECK(refusal(changed(all, name, "\"" + label.substr(1) + "\"")).empty());
    CHECK(refusal(changed(all, name, R"("a\u001f")")) == place + ": control characters are not allowed");
    CHECK(refusal(changed(all, name, R"("a\u007f")")) == place + ": control characters are not allowed");
    CHECK(refusal(changed(all, name, R"("a\u202e\u00e9")")).empty());
  }
  CHECK(refusal(changed(all, "tenant_id", "\"" + label + "\"")) == "statement.tenant_id: must be 1 to 255 bytes");
  CHECK(refusal(changed(all, "action", "\"pay ments\"")).starts_with("statement.action: only"));
  for (const char* name : {"parameters_hash", "policy_bundle_hash"}) {
    for (const std::string& wrong :
         {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g')})
      CHECK(refusal(changed(all, name, "\"" + wrong + "\"")) ==
            std::string("statement.") + name + ": must be a string of 64 lower-case hexadecimal digits");
  }
}

TEST_CASE("What JavaScript's toISOString() writes is a time of a statement") {
  for (const char* name : {"issued_at", "not_before"})
    CHECK(refusal(changed(single(), name, "\"2026-03-01T11:59:00.123Z\"")).empty());
}

TEST_CASE("Times have an offset and exist, and an approval has a time in which it is good") {
  for (const char* name : {"issued_at", "expires_at", "not_before"}) {
    for (const char* wrong :
         {"2026-03-01T12:00:00", "2026-03-01T12:00:00.z", "2026-03-01 12:00:00Z", "2026-02-29T12:00:00Z",
          "2026-03-01T24:00:00Z", "2026-03-01T12:00:60Z", "2026-03-01T12:00Z", "1772366400"})
      CHECK(refusal(changed(single(), name, "\"" + std::string(wrong) + "\""))
                .starts_with(std::string("statement.") + name));
  }
  CHECK(refusal(changed(single(), "expires_at", "\"2026-03-01T11:59:00Z\"")) ==
        "statement.expires_at: must be later than issued_at");
  CHECK(refusal(changed(single(), "expires_at", "\"2026-03-01T12:59:00.000001+01:00\"")).empty());
  CHECK(refusal(changed(single(), "not_before", "\"2026-03-01T12:04:00Z\"")) ==
        "statement.not_before: must be earlier than expires_at");
  CHECK(refusal(changed(single(), "not_before", "\"2026-03-01T12:03:59.999999Z\"")).empty());
}

TEST_CASE("A statement is one strict JSON object without members that nobody knows") {
  CHECK(refusal(changed(single(), "extra", "1")) == "statement: unknown member: \"extra\"");
  CHECK(refusal(changed(plan({step}), "extra", "1")) == "statement: unknown member: \"extra\"");
  CHECK(refusal(plan({changed(step, "extra", "1")})) == "statement.steps[0]: unknown member: \"extra\"");
  for (const char* text : {"[]", "1", "null", "\"x\""})
    CHECK(refusal(std::string(text)) == "statement: must be an object");
  CHECK(refusal(std::string()).starts_with("statement: byte 0"));
  CHECK(refusal(text_of(single()) + " x").starts_with("statement: byte "));
  CHECK(refusal(std::string("\xff")).starts_with("statement: byte 0"));
  std::string twice = text_of(single());
  twice.insert(1, "\"nonce\":\"n-1\",");
  CHECK(refusal(twice) == "statement: duplicate key at /nonce");
}

TEST_CASE("Constraints are known or remembered as unknown, and exact") {
  const auto with = [](const std::string& constraints) { return changed(single(), "constraints", constraints); };
  const auto read = [&](const std::string& constraints) { return read_statement(text_of(with(constraints))).value(); };
  CHECK(read("{}").constraints == Constraints{});
  for (const char* wrong : {"null", "1", "\"x\"", "[]", "true"})
    CHECK(refusal(with(wrong)) == "statement.constraints: must be an object");

  CHECK(read(R"({"max_cost_usd":0})").constraints.max_cost_usd == Usd{0});
  CHECK(read(R"({"max_cost_usd":0.1})").constraints.max_cost_usd == Usd{100'000});
  CHECK(read(R"({"max_cost_usd":1e-6})").constraints.max_cost_usd == Usd{1});
  CHECK(read(R"({"max_cost_usd":2.5e2})").constraints.max_cost_usd == Usd{250'000'000});
  CHECK(read(R"({"max_cost_usd":999999999.999999})").constraints.max_cost_usd == Usd{999'999'999'999'999});
  CHECK(read(R"({"max_cost_usd":1000000000})").constraints.max_cost_usd == Usd{1'000'000'000'000'000});
  for (const char* wrong :
       {"null", "\"1\"", "true", "[1]", "{}", "-1", "-0.01", "0.0000001", "1000000000.1", "1e10", "1e300"})
    CHECK(refusal(with(std::string(R"({"max_cost_usd":)") + wrong + "}"))
              .starts_with("statement.constraints.max_cost_usd: "));

  for (const char* name : {"max_executions_per_min", "rate_limit_per_min"}) {
    const std::string open = std::string("{\"") + name + "\":";
    CHECK(read(open + "1}").constraints.max_executions_per_min == 1U);
    CHECK(read(open + "4294967295}").constraints.max_executions_per_min == 4294967295U);
    for (const char* wrong : {"null", "\"1\"", "true", "[1]", "0", "-1", "1.0", "1e1", "4294967296"})
      CHECK(refusal(with(open + wrong + "}")) ==
            std::string("statement.constraints.") + name + ": must be an integer from 1 to 4294967295");
  }
  CHECK(refusal(with(R"({"max_executions_per_min":1,"rate_limit_per_min":1})"))
            .starts_with("statement.constraints.rate_limit_per_min: is another name of"));

  CHECK(read(R"({"moon_phase":{"a":[1]}})").unknown_constraint == "\"moon_phase\"");
  CHECK(refusal(with(R"({"max_cost_usd":"x","moon_phase":1})")).starts_with("statement.constraints.max_cost_usd: "));
}

TEST_CASE("A plan has 1 to 1,000 steps of distinct nonces, and each is found by its nonce") {
  std::vector<Object> steps;
  for (std::size_t i = 0; i < max_steps; ++i) steps.push_back(numbered(i * 7919 % 1009));  // not in the order of nonces
  const Statement read = read_statement(text_of(plan(steps))).value();
  CHECK(read.order == StepOrder::any);
  REQUIRE(read.steps.size() == max_steps);
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < max_steps; ++i) found += read.step_for(read.steps[i].nonce) == i;
  CHECK(found == max_steps);
  for (const char* nonce : {"", "n", "n-", "n-1009", "zzz"}) CHECK_FALSE(read.step_for(nonce));

  CHECK(refusal(plan({})) == "statement.steps: must be a list of 1 to 1000");
  steps.push_back(numbered(5000));
  CHECK(refusal(plan(steps)) == "statement.steps: must be a list of 1 to 1000");
  CHECK(refusal(plan({numbered(1), numbered(2), numbered(3), numbered(2)})) ==
        "statement.steps: [1] and [3] have the same nonce");
  for (const char* wrong : {"null", "{}", "1", "\"x\"", "true"})
    CHECK(refusal(changed(terms, "steps", wrong)) == "statement.steps: must be a list of 1 to 1000");
  CHECK(refusal(changed(terms, "steps", "[" + text_of(step) + ",1]")) == "statement.steps[1]: must be an object");
  CHECK(refusal(plan({step, changed(numbered(2), "action", "\"\"")})) ==
        "statement.steps[1].action: must be 1 to 128 bytes");
}

TEST_CASE("A statement is for one request or for a plan, and only a plan has an order") {
  for (const auto& [name, value] : step)
    CHECK(refusal(changed(plan({step}), name, value)) == "statement." + name + ": does not stand beside steps");
  CHECK(refusal(changed(single(), "ordered", "true")) == "statement.ordered: stands only beside steps");
  CHECK(refusal(changed(single(), "ordered", "false")) == "statement.ordered: stands only beside steps");
  const auto order = [](const char* value) {
    return read_statement(text_of(changed(plan({step}), "ordered", value)))->order;
  };
  CHECK(order("true") == StepOrder::in_sequence);
  CHECK(order("false") == StepOrder::any);
  for (const char* wrong : {"null", "1", "\"true\"", "[]"})
    CHECK(refusal(changed(plan({step}), "ordered", wrong)) == "statement.ordered: must be true or false");
}

TEST_CASE("An envelope is one strict JSON object of three members") {
  CHECK(envelope_refusal(text_of(good_envelope)).empty());
  for (const auto& [name, value] : good_envelope)
    CHECK(envelope_refusal(name, {}) == "approval_artifact." + name + ": missing");
  CHECK(envelope_refusal("extra", "1") == "approval_artifact: unknown member: \"extra\"");
  CHECK(envelope_refusal(std::string("[]")) == "approval_artifact: must be an object");
  CHECK(envelope_refusal(text_of(good_envelope) + "x").starts_with("approval_artifact: byte "));
  std::string twice = text_of(good_envelope);
  twice.insert(1, "\"payload\":\"\",");
  CHECK(envelope_refusal(twice) == "approval_artifact: duplicate key at /payload");
}

TEST_CASE("An envelope's type is this one alone") {
  for (const char* type : {"\"\"", "\"application/json\"", "\"application/vnd.in-toto+json\"",
                           "\"application/vnd.openexec.approval+json \"", "\"Application/vnd.openexec.approval+json\""})
    CHECK(envelope_refusal("payloadType", type) ==
          "approval_artifact.payloadType: must be application/vnd.openexec.approval+json");
  for (const char* type : {"null", "1", "[]"})
    CHECK(envelope_refusal("payloadType", type) == "approval_artifact.payloadType: must be a string");
}

TEST_CASE("An envelope's payload is base64 of either alphabet, in one spelling of each") {
  const std::string bytes = text_of(changed(single(), "trace_id", "\"\u00fb\u00ff\u00bf>>>???\""));  // has + and /
  std::string encoded = base::base64(bytes);
  REQUIRE(encoded.find('+') != std::string::npos);
  REQUIRE(encoded.find('/') != std::string::npos);
  CHECK(envelope_refusal("payload", "\"" + encoded + "\"").empty());
  std::string mixed = encoded;
  for (char& c : mixed)
    if (c == '+') c = '-';
  CHECK(envelope_refusal("payload", "\"" + mixed + "\"").starts_with("approval_artifact.payload: must be base64"));
  for (char& c : mixed)
    if (c == '/') c = '_';
  CHECK(envelope_refusal("payload", "\"" + mixed + "\"").empty());

  const std::string padded = base::base64(statement + std::string(3 - statement.size() % 3 + 1, ' '));
  REQUIRE(padded.ends_with("=="));
  const std::string bare = padded.substr(0, padded.size() - 2);
  CHECK(envelope_refusal("payload", "\"" + padded + "\"").empty());
  std::string unused = padded;
  unused[padded.size() - 3] = static_cast<char>(unused[padded.size() - 3] + 1);
  for (const std::string& wrong :
       {bare, bare + "=", padded + "=", " " + padded, padded + "\\n", unused, std::string("!")})
    CHECK(envelope_refusal("payload", "\"" + wrong + "\"").starts_with("approval_artifact.payload: must be base64"));
  for (const char* wrong : {"null", "1", "[]", "{}"})
    CHECK(envelope_refusal("payload", wrong) == "approval_artifact.payload: must be a string");
}

TEST_CASE("An envelope has 1 to 16 signatures, each of 64 bytes, with a hint or without") {
  const std::string sig = "{\"sig\":\"" + signature + "\"}";
  CHECK(signature_refusal(many(sig, 1)).empty());
  CHECK(signature_refusal(many(sig, 16)).empty());
  for (const std::string& wrong :
       {std::string("[]"), many(sig, 17), std::string("null"), std::string("{}"), std::string("\"x\"")})
    CHECK(signature_refusal(wrong) == "approval_artifact.signatures: must be a list of 1 to 16");
  const std::string place = "approval_artifact.signatures[1]";
  const auto second = [&](const std::string& other) { return signature_refusal("[" + sig + "," + other + "]"); };
  CHECK(second("1") == place + ": must be an object");
  CHECK(second("{}") == place + ".sig: missing");
  CHECK(second("{\"sig\":null}") == place + ".sig: must be a string");
  CHECK(second("{\"sig\":\"" + signature + "\",\"x\":1}") == place + ": unknown member: \"x\"");
  CHECK(second("{\"sig\":\"" + signature + "\",\"keyid\":null}") == place + ".keyid: must be a string");
  CHECK(second("{\"sig\":\"" + signature + "\",\"keyid\":\"\"}").empty());  // the same as none
  for (const std::string& wrong : {std::string(), base::base64(std::string(63, 's')),
                                   base::base64(std::string(65, 's')), signature.substr(0, 86), std::string("?")})
    CHECK(second("{\"sig\":\"" + wrong + "\"}") == place + ".sig: must be the base64 of 64 bytes");
}

TEST_CASE("An envelope has at most 64 KiB, one with a plan 1 MiB") {
  const auto around = [](const Object& members, std::size_t bytes) {  // the envelope has about as many bytes
    const std::size_t bare = text_of(changed(good_envelope, "payload", "\"\"")).size();
    std::string text = text_of(members);
    text.append((bytes - bare) / 4 * 3 - text.size(), ' ');
    return text_of(changed(good_envelope, "payload", "\"" + base::base64(text) + "\""));
  };
  constexpr std::size_t small = std::size_t{64} << 10;
  constexpr std::size_t large = std::size_t{1} << 20;
  CHECK(envelope_refusal(around(single(), small)).empty());
  CHECK(envelope_refusal(around(single(), small + 4)) ==
        "approval_artifact: an envelope without a plan has at most 65536 bytes");
  CHECK(envelope_refusal(around(plan({step}), small + 4)).empty());
  CHECK(envelope_refusal(around(plan({step}), large)).empty());

  const auto document = canon::parse(around(plan({step}), large + 4), {.max_bytes = 2 * large}).value();
  const Status status = read_envelope(document.root(), canon::jcs(document.root()).size()).status();
  CHECK(status.code() == Code::approval_malformed);
  CHECK(status.detail() == "approval_artifact: an envelope has at most 1048576 bytes");
}

TEST_CASE("What the signer writes is canonical, and reads back as what was approved") {
  DsseGrant full = grant();
  full.not_before = after_noon(-30);
  full.audience = "exec-1";
  full.policy_bundle_hash = std::string(64, 'b');
  full.constitution_version = "v1.0";
  full.trace_id = "trace";
  full.request_id = "request";
  full.approval_scope = "sc\u00f6pe";
  full.constraints = {Usd{12'500'000}, 3};
  const Proposal request = proposal();
  const std::string text = dsse_statement(request, full).value();
  CHECK(canon::jcs(canon::parse(text)->root()) == text);
  const Statement read = read_statement(text).value();
  CHECK(read.token_id == "t-1");
  CHECK(read.tenant_id == "acme");
  REQUIRE(read.steps.size() == 1);
  CHECK(read.steps[0].action == "echo");
  CHECK(read.steps[0].nonce == "n-1");
  CHECK(read.steps[0].parameters_hash == request.parameters_hash());
  CHECK(read.issued_at == full.issued_at);
  CHECK(read.expires_at == full.expires_at);
  CHECK(read.not_before == full.not_before);
  CHECK(read.audience == full.audience);
  CHECK(read.policy_bundle_hash == full.policy_bundle_hash);
  CHECK(read.constitution_version == full.constitution_version);
  CHECK(read.trace_id == full.trace_id);
  CHECK(read.request_id == full.request_id);
  CHECK(read.approval_scope == full.approval_scope);
  CHECK(read.constraints == full.constraints);

  std::vector<Proposal> steps;
  for (const char* nonce : {"n-3", "n-1", "n-2"}) steps.push_back(proposal(nonce));
  const Statement in_order = read_statement(dsse_statement(steps, StepOrder::in_sequence, grant()).value()).value();
  CHECK(in_order.order == StepOrder::in_sequence);
  REQUIRE(in_order.steps.size() == 3);
  CHECK(in_order.steps[0].nonce == "n-3");
  CHECK(read_statement(dsse_statement(steps, StepOrder::any, grant()).value())->order == StepOrder::any);
}

TEST_CASE("The signer refuses what no verifier would accept, by name") {
  const auto refused = [](const Result<std::string>& result) {
    CHECK(result.code() == Code::invalid_argument);
    return result.status().detail();
  };
  const auto with = [&](const auto& change) {
    DsseGrant made = grant();
    change(made);
    return refused(dsse_statement(proposal(), made));
  };
  CHECK(with([](DsseGrant& g) { g.token_id.clear(); }) == "statement.token_id: missing");
  CHECK(with([](DsseGrant& g) { g.tenant_id = std::string(256, 'x'); }).starts_with("statement.tenant_id: "));
  CHECK(with([](DsseGrant& g) { g.tenant_id = "\xff"; }) == "statement.tenant_id: not well-formed UTF-8");
  CHECK(with([](DsseGrant& g) { g.audience = "a\n"; }).starts_with("statement.audience: "));
  CHECK(with([](DsseGrant& g) { g.expires_at = g.issued_at; }).starts_with("statement.expires_at: "));
  CHECK(with([](DsseGrant& g) { g.not_before = g.expires_at; }).starts_with("statement.not_before: "));
  CHECK(with([](DsseGrant& g) { g.policy_bundle_hash = "ab"; }).starts_with("statement.policy_bundle_hash: "));
  CHECK(with([](DsseGrant& g) {
          g.constraints.max_cost_usd = Usd{-1};
        }).starts_with("statement.constraints.max_cost_usd: "));
  CHECK(with([](DsseGrant& g) {
          g.constraints.max_executions_per_min = 0;
        }).starts_with("statement.constraints.max_executions_per_min: "));
  CHECK(refused(dsse_statement(std::vector<Proposal>(), StepOrder::any, grant())).starts_with("statement.steps: "));
  std::vector<Proposal> twins;
  twins.push_back(proposal("n-1", "{}"));
  twins.push_back(proposal("n-1"));
  CHECK(refused(dsse_statement(twins, StepOrder::any, grant())).starts_with("statement.steps: "));

  CHECK(refused(sign_dsse(private_key(1), "k1", "{}")).starts_with("statement.token_id"));
  CHECK(refused(sign_dsse(private_key(1), "k\n", statement)).starts_with("keyid: "));
}

TEST_CASE("People sign in turn, each once, and up to sixteen") {
  const std::string text = dsse_statement(proposal(), grant()).value();
  std::string envelope = sign_dsse(private_key(0), "k0", text).value();
  CHECK(envelope == test::envelope_by(text, {0}));
  CHECK(canon::jcs(canon::parse(envelope)->root()) == envelope);
  for (int key = 1; key < 16; ++key)
    envelope = add_signature(private_key(key), "k" + std::to_string(key), envelope).value();

  const UntrustedApproval read = read_dsse(envelope).value();
  CHECK(read.statement_text == text);
  CHECK(read.statement.token_id == "t-1");
  REQUIRE(read.signatures.size() == 16);
  for (int key = 0; key < 16; ++key) {
    const auto& one = read.signatures[static_cast<std::size_t>(key)];
    CHECK(one.keyid == "k" + std::to_string(key));
    CHECK(private_key(key).public_key().verify(signed_bytes(text), one.bytes).ok());
  }
  const auto again = add_signature(private_key(3), "another name", envelope);
  CHECK(again.code() == Code::invalid_argument);
  CHECK(again.status().detail() == "this key has signed the approval already");
  const auto more = add_signature(private_key(16), "k16", envelope);
  CHECK(more.code() == Code::invalid_argument);
  CHECK(more.status().detail() == "approval_artifact.signatures: must be a list of 1 to 16");
}

TEST_CASE("A key without a name signs under its fingerprint") {
  const std::string envelope = sign_dsse(private_key(1), {}, dsse_statement(proposal(), grant()).value()).value();
  CHECK(read_dsse(envelope)->signatures[0].keyid == test::fingerprint(1));
}

TEST_CASE("Adding a signature vouches for none that is there, keeps the statement's bytes, and reads strictly") {
  const std::string spaced = " " + text_of(single());  // another signer's spelling
  std::string envelope = text_of(changed(good_envelope, "payload", "\"" + base::base64(spaced) + "\""));
  envelope = add_signature(private_key(2), "k2", envelope).value();
  const UntrustedApproval read = read_dsse(envelope).value();
  CHECK(read.statement_text == spaced);
  REQUIRE(read.signatures.size() == 2);
  CHECK(read.signatures[0].bytes == std::string(64, 's'));
  CHECK(private_key(2).public_key().verify(signed_bytes(spaced), read.signatures[1].bytes).ok());

  for (const Object& bad :
       {changed(good_envelope, "x", "1"), changed(good_envelope, "payloadType", "\"application/json\""),
        changed(good_envelope, "payload", "\"e30=\"")})
    CHECK(add_signature(private_key(2), "k2", text_of(bad)).code() == Code::invalid_argument);
  CHECK(add_signature(private_key(2), "k2", "not JSON").code() == Code::invalid_argument);
}
