// SPDX-License-Identifier: Apache-2.0
// approvals_dsse.json: what verification alone says to each envelope, to each change of one byte in a good one, and to
// each change of one member of the trust policy.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <openexec/clawshield.hpp>
#include <openexec/policy_verifier.hpp>

#include "approval/trust_policy.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "crypto/ed25519.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using canon::Type;
using canon::View;
using test::at;
using test::text_at;

namespace {

struct Case {
  std::string id;
  Timestamp now;
  std::string tenant;
  std::string executor;
  std::string action;
  std::string payload;
  std::string nonce;
  std::string artifact;
  std::string expect;
  std::vector<std::string> keys;

  explicit Case(View test)
      : id(text_at(test, "id")),
        now(base::parse_time(text_at(test, "now"), base::TimeForm::rfc3339).value()),
        tenant(text_at(test, "tenant")),
        executor(text_at(test, "executor")),
        action(text_at(test, "action")),
        payload(canon::clawshield_v1(at(test, "payload"))),  // the form that keeps 1 and 1.0 apart
        nonce(text_at(test, "nonce")),
        artifact(canon::jcs(at(test, "artifact"))),
        expect(text_at(test, "expect")) {
    if (const auto expected = test.find("keys"))
      for (const auto [unused, key] : *expected) keys.emplace_back(key.string());
  }

  [[nodiscard]] Result<Proposal> fields(std::string_view with) const {
    return Proposal::parse(Request{action, payload, nonce, with}, tenant);
  }
  [[nodiscard]] Result<Proposal> text() const {
    std::string quoted;
    canon::append_jcs_string(nonce, quoted);
    return Proposal::parse_json(R"({"action":")" + action + R"(","nonce":)" + quoted + R"(,"payload":)" + payload +
                                    R"(,"approval_artifact":)" + artifact + "}",
                                tenant);
  }
  [[nodiscard]] std::shared_ptr<PolicyVerifier> verifier(const TrustPolicy& policy) const {
    return trust_policy_verifier({.policy = policy, .executor = executor, .tenant = tenant}).value();
  }
};

struct Vectors {
  canon::Document file = test::read_json(test::vectors() / "approvals_dsse.json");
  View policy = at(file.root(), "trust_policy");
  std::vector<Case> cases;

  Vectors() {
    for (const auto [unused, test] : at(file.root(), "cases")) cases.emplace_back(test);
  }
};

/// What an envelope says but for hints, for spellings, and for signatures that are by none of `keys`: the type, the
/// statement's bytes, the bytes of the other signatures, and the names of all members.
std::vector<std::string> meaning(std::string_view artifact, const std::vector<crypto::PublicKey>& keys) {
  const canon::Document document = canon::parse(artifact).value();
  const View root = document.root();
  const std::string type = text_at(root, "payloadType");
  const std::string statement = base::unbase64_either(text_at(root, "payload")).value();
  const std::string message =
      "DSSEv1 " + std::to_string(type.size()) + " " + type + " " + std::to_string(statement.size()) + " " + statement;
  std::vector<std::string> parts{type, statement};
  for (const auto [name, value] : root) parts.emplace_back(name);
  for (const auto [unused, signature] : at(root, "signatures")) {
    for (const auto [name, value] : signature) parts.emplace_back(name);
    const std::string bytes = base::unbase64_either(text_at(signature, "sig")).value();
    if (std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.verify(message, bytes).ok(); }))
      parts.push_back(bytes);
  }
  return parts;
}

/// The policy with those keys alone that the envelope names or that are said to approve it: fewer to try.
TrustPolicy without_bystanders(const TrustPolicy& policy, const Case& test) {
  TrustPolicy::Terms terms = policy.terms();
  const canon::Document envelope = canon::parse(test.artifact).value();
  std::erase_if(terms.keys, [&](const TrustPolicy::Key& key) {
    if (std::count(test.keys.begin(), test.keys.end(), key.id) != 0) return false;
    for (const auto [unused, signature] : at(envelope.root(), "signatures"))
      if (const auto keyid = signature.find("keyid"); keyid && keyid->string() == key.id) return false;
    return true;
  });
  // The keys that are left could not meet the other rules, or the other patterns.
  for (TrustPolicy::Rule& rule : terms.rules)
    std::erase_if(rule.actions, [&](const std::string& one) { return !approval::names({one}, test.action); });
  std::erase_if(terms.rules, [](const TrustPolicy::Rule& rule) { return rule.actions.empty(); });
  return TrustPolicy::make(std::move(terms)).value();
}

/// Writes a policy with a change to one of its members, which are counted as they come.
class Rewriting {
 public:
  using Change = std::string (*)(const std::string& name, const std::string& value);  // the member's text

  Rewriting(std::size_t target, Change change) : target_(target), change_(change) {}

  std::string write(View value) {
    if (!value.is(Type::object) && !value.is(Type::array)) return canon::jcs(value);
    const bool object = value.is(Type::object);
    std::string text;
    for (const auto [name, child] : value) {
      const bool here = object && seen_++ == target_;
      std::string item = write(child);
      if (here) changed_ = name;
      if (object) item = here ? change_(std::string(name), item) : "\"" + std::string(name) + "\":" + item;
      if (!item.empty()) text.append(text.empty() ? "" : ",").append(item);
    }
    return (object ? "{" : "[") + text + (object ? "}" : "]");
  }

  [[nodiscard]] std::size_t members() const { return seen_; }
  [[nodiscard]] const std::string& changed() const { return changed_; }

 private:
  std::size_t target_;
  Change change_;
  std::size_t seen_ = 0;
  std::string changed_;
};

}  // namespace

TEST_CASE("Every DSSE approval gets its code, as fields and as one text") {
  const Vectors vectors;
  const TrustPolicy policy = TrustPolicy::parse(canon::jcs(vectors.policy)).value();
  for (const Case& test : vectors.cases) {
    INFO(test.id);
    const auto verifier = test.verifier(policy);
    CHECK(verifier->ready().ok());
    const auto fields = test.fields(test.artifact);
    const auto text = test.text();
    for (const auto* proposal : {&fields, &text}) {
      REQUIRE(proposal->ok());
      const auto approval = verifier->verify(**proposal, test.now);
      CHECK(name(approval.code()) == test.expect);
      if (!approval.ok()) {
        CHECK_FALSE(approval.status().detail().empty());
        continue;
      }
      CHECK(approval->profile == "dsse");
      CHECK_FALSE(approval->id.empty());
      CHECK(approval->keys == test.keys);
      CHECK_FALSE(approval->step.has_value());
    }
  }
  CHECK_FALSE(vectors.cases.empty());
  test::report("approvals_dsse", vectors.cases.size());
}

TEST_CASE("Every change of one byte of a good envelope is refused, or means the same") {
  const Vectors vectors;
  const TrustPolicy policy = TrustPolicy::parse(canon::jcs(vectors.policy)).value();
  const auto step = static_cast<std::size_t>(test::campaign(3, 1));  // the slice begins elsewhere in each envelope
  std::size_t envelopes = 0;
  std::size_t changes = 0;
  std::map<std::string, std::size_t> codes;
  for (const Case& test : vectors.cases) {
    if (test.expect != "ok") continue;
    INFO(test.id);
    ++envelopes;
    const TrustPolicy smaller = without_bystanders(policy, test);
    const auto verifier = test.verifier(smaller);
    const Approval good = verifier->verify(test.fields(test.artifact).value(), test.now).value();
    CHECK(good.keys == test.keys);
    std::vector<crypto::PublicKey> keys;
    for (const TrustPolicy::Key& key : smaller.terms().keys)
      if (std::count(good.keys.begin(), good.keys.end(), key.id) != 0)
        keys.push_back(crypto::PublicKey::from_pem(key.public_key).value());
    const auto meant = meaning(test.artifact, keys);

    std::size_t harmful = 0;
    for (std::size_t place = envelopes % step; place < test.artifact.size(); place += step) {
      // Neighbours in bits and in the alphabets, and what ends or begins something in JSON.
      std::set<char> values{'A', '0', '-', '_', '+', '/', '=', '"', '\\', ',', '}', ' ', '\x01', '\x80'};
      for (int bit = 0; bit < 8; ++bit) values.insert(static_cast<char>(test.artifact[place] ^ (1 << bit)));
      for (const char with : values) {
        if (test.artifact[place] == with) continue;
        std::string changed = test.artifact;
        changed[place] = with;
        ++changes;
        const auto request = test.fields(changed);
        if (!request.ok()) {
          ++codes["no JSON"];
          continue;
        }
        const auto approval = verifier->verify(*request, test.now);
        ++codes[std::string(name(approval.code()))];
        harmful += approval.ok() &&
                   (meaning(changed, keys) != meant || approval->id != good.id || approval->keys != good.keys);
      }
    }
    CHECK(harmful == 0);
  }
  CHECK(envelopes > 0);
  CHECK(codes["ok"] < changes / 20);
  std::cout << "approvals_dsse: " << changes << " changes of one byte in " << envelopes << " good envelopes:";
  for (const auto& [code, count] : codes) std::cout << ' ' << count << ' ' << code << ';';
  std::cout
      << " of those that are ok, each changed a keyid, a signature that did not count, or the alphabet of base64\n";
}

TEST_CASE("Every change of one member of the policy is refused by name, or makes another policy") {
  const Vectors vectors;
  const TrustPolicy policy = TrustPolicy::parse(canon::jcs(vectors.policy)).value();
  CHECK(TrustPolicy::parse(policy.to_json()).value().to_json() == policy.to_json());
  constexpr Rewriting::Change changes[] = {
      [](const std::string&, const std::string&) { return std::string(); },
      [](const std::string& name, const std::string& value) { return "\"" + name + "s\":" + value; },
      [](const std::string& name, const std::string& value) { return "\"" + name + "\":" + value + ",\"x\":1"; },
      [](const std::string& name, const std::string& value) {
        return "\"" + name + "\":" + value + ",\"" + name + "\":" + value;
      },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":null"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":true"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":0"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":17"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":1.5"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":\"\""; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":\"x\""; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":[]"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":[1]"; },
      [](const std::string& name, const std::string&) { return "\"" + name + "\":{}"; },
      [](const std::string& name, const std::string& value) { return "\"" + name + "\":[" + value + "]"; },
  };
  std::size_t refused = 0;
  std::size_t others = 0;
  for (std::size_t target = 0, members = 1; target < members; ++target) {
    for (const Rewriting::Change change : changes) {
      Rewriting rewriting(target, change);
      const std::string text = rewriting.write(vectors.policy);
      members = rewriting.members();
      INFO(text);
      const auto changed = TrustPolicy::parse(text);
      if (changed.ok()) {
        ++others;
        CHECK(changed->digest() != policy.digest());
        continue;
      }
      ++refused;
      CHECK(changed.code() == Code::invalid_argument);
      const std::string& detail = changed.status().detail();
      CHECK((detail.find(rewriting.changed()) != std::string::npos || detail.find("\"x\"") != std::string::npos ||
             detail.find("could ever count") != std::string::npos));
    }
  }
  CHECK(refused > 0);
  std::cout << "approvals_dsse: of the policy's changes of one member " << refused << " are refused, " << others
            << " make a policy of another digest\n";
}

TEST_CASE("Every change of one bit of the policy's text is refused, or makes another policy") {
  const Vectors vectors;
  const std::string text = canon::jcs(vectors.policy);
  const TrustPolicy policy = TrustPolicy::parse(text).value();
  std::size_t same = 0;
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string changed = text;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const auto other = TrustPolicy::parse(changed);
    if (!other.ok() || other->digest() != policy.digest()) continue;
    ++same;
    // The same moment in another spelling of RFC 3339: `t` for `T`, `z` for `Z`.
    const char was = text[bit / 8];
    CHECK(((was == 'T' || was == 'Z') && changed[bit / 8] == was + ('t' - 'T')));
  }
  CHECK(same > 0);
}
