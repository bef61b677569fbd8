// SPDX-License-Identifier: Apache-2.0
// Envelopes with signatures that do not verify: what they change, which is nothing, and what they cost.
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <openexec/executor.hpp>
#include <openexec/ledger.hpp>
#include <openexec/policy_verifier.hpp>

#include "approval/failure_budget.hpp"
#include "approval/proposal.hpp"
#include "base/text.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/moved_clock.hpp"

using namespace openexec;
using approval::FailureBudget;
using test::envelope_around;
using test::envelope_by;
using test::noon;
using test::policy_of;
using test::Signed;
using test::trusted_up_to;

namespace {

constexpr int stranger = 300;  // the first number of keys that no policy has
constexpr std::int64_t a_second = FailureBudget::a_second;

Proposal proposal(std::string_view artifact) {
  return Proposal::parse(Request{"echo", "{}", "n-1", artifact}, "acme").value();
}

std::string statement(int number = 1) {
  signing::DsseGrant grant;
  grant.token_id = "t-" + std::to_string(number);
  grant.tenant_id = "acme";
  grant.issued_at = test::after_noon(-60);
  grant.expires_at = test::after_noon(3600);
  return signing::dsse_statement(proposal({}), grant).value();
}

std::shared_ptr<PolicyVerifier> verifier(int keys, std::uint32_t threshold = 1,
                                         std::shared_ptr<const Clock> clock = nullptr) {
  const TrustPolicy policy = policy_of(trusted_up_to(keys), threshold);
  return trust_policy_verifier({.policy = policy, .tenant = "acme", .clock = std::move(clock)}).value();
}

/// Sixteen signatures that are none, and fail at once. Each number makes another envelope.
std::string junk(int number, std::string_view keyid = {}) {
  const std::string hint = keyid.empty() ? "" : "\"keyid\":\"" + std::string(keyid) + "\",";
  std::string all;
  for (int i = 0; i < 16; ++i)
    all += (i == 0 ? "{" : ",{") + hint + "\"sig\":\"" + base::base64(std::string(64, '\xff')) + "\"}";
  return R"({"payloadType":"application/vnd.openexec.approval+json","payload":")" +
         base::base64("{\"number\":" + std::to_string(number) + "}") + R"(","signatures":[)" + all + "]}";
}

/// A verifier under a flood, at a time that stands still: 64 keys, two of which have to sign, and no budget left.
struct Flooded {
  std::shared_ptr<test::MovedClock> clock = std::make_shared<test::MovedClock>(noon);
  std::shared_ptr<PolicyVerifier> verifier = ::verifier(64, 2, clock);
  int sent = 0;

  Flooded() { flood(10); }

  Code ask(const std::string& artifact) const { return verifier->verify(proposal(artifact), noon).code(); }
  void flood(int count) {
    for (int i = 0; i < count; ++i) (void)ask(junk(sent++));
  }
  /// The verifications that an envelope takes.
  std::uint64_t cost(const std::string& artifact) const {
    const std::uint64_t before = verifier->verifications();
    (void)ask(artifact);
    return verifier->verifications() - before;
  }
};

/// What is left of a budget. Leaves nothing.
std::int64_t left(FailureBudget& budget, FailureBudget::Time now = {}) {
  std::int64_t count = 0;
  while (budget.take(1, now)) ++count;
  return count;
}

/// What an envelope takes out of a whole budget under 64 keys.
std::int64_t taken_by(const std::string& artifact) {
  static const approval::Keyring keyring = [] {
    approval::Keyring made;
    for (int key = 0; key < 64; ++key) {
      made.keys.push_back(test::private_key(key).public_key());
      made.by_name.emplace("k" + std::to_string(key), static_cast<std::uint32_t>(key));
    }
    return made;
  }();
  const Proposal offered = proposal(artifact);
  const auto envelope = approval::read_envelope(*offered.parts().artifact, artifact.size()).value();
  FailureBudget budget;
  CHECK(approval::find_signers(envelope, keyring, budget, {}).complete);
  return a_second - left(budget);
}

}  // namespace

TEST_CASE("Each pair of a signature and a key is tried once at most, and sixteen signatures under 64 keys are found") {
  const std::string text = statement();
  const auto hints =
      std::vector<std::function<std::string(int)>>{[](int) { return ""; },
                                                   [](int) { return "nobody"; },
                                                   [](int i) { return "k" + std::to_string(i); },
                                                   [](int i) { return "k" + std::to_string((i + 1) % 64); },
                                                   [](int) { return "k0"; },
                                                   [](int i) { return test::fingerprint(63 - i); }};
  for (const auto& hint : hints) {
    const auto by = verifier(64, 16);
    std::vector<Signed> signers;
    for (int key = 63; key >= 48; --key) signers.push_back({key, hint(key)});
    const auto approval = by->verify(proposal(envelope_around(text, signers)), noon);
    REQUIRE(approval.ok());
    CHECK(approval->keys.size() == 16);
    CHECK(by->verifications() <= 16 * 64);
    for (auto& signer : signers) signer.key += stranger;
    const auto refused = verifier(64, 16);
    CHECK(refused->verify(proposal(envelope_around(text, signers)), noon).code() == Code::approval_signature_invalid);
    CHECK(refused->verifications() == 16 * 64);
  }
}

TEST_CASE("Signatures of strangers in front do not unseat an honest one, whatever the policy's size") {
  const std::string text = statement();
  const auto found = [&](int keys, std::size_t strangers, const std::string& before, const std::string& own) {
    std::vector<Signed> signers(strangers, {stranger, before});
    signers.push_back({keys - 1, own});
    return verifier(keys)->verify(proposal(envelope_around(text, signers)), noon).ok();
  };
  for (const int keys : {1, 6, 17, 64, 200})
    for (const std::size_t strangers : {0U, 1U, 8U, 15U}) CHECK(found(keys, strangers, "", ""));
  for (const int keys : {1, 17, 200}) {
    const std::string name = "k" + std::to_string(keys - 1);
    CHECK(found(keys, 15, "", name));
    CHECK(found(keys, 15, name, name));
    CHECK(found(keys, 15, "k0", name));
  }
}

TEST_CASE("Only failures come out of the budget, and an envelope's first one does not") {
  const std::string text = statement();
  std::vector<Signed> all;
  for (int key = 0; key < 16; ++key) all.push_back({key, "k" + std::to_string(key)});
  CHECK(taken_by(envelope_around(text, all)) == 0);
  for (auto& signer : all) signer.keyid.clear();
  CHECK(taken_by(envelope_around(text, all)) == 0);  // each by the first key that has not signed

  CHECK(taken_by(envelope_around(text, {{0, ""}})) == 0);
  CHECK(taken_by(envelope_around(text, {{1, ""}})) == 0);
  CHECK(taken_by(envelope_around(text, {{2, ""}})) == 1);
  CHECK(taken_by(envelope_around(text, {{63, ""}})) == 62);
  CHECK(taken_by(envelope_around(text, {{63, "k5"}})) == 62);
  CHECK(taken_by(envelope_around(text, {{stranger, "k5"}})) == 63);
  CHECK(taken_by(junk(1)) == 16 * 64 - 1);
  CHECK(taken_by(junk(1, "k5")) == 16 * 64 - 1);
}

TEST_CASE("Hostile envelopes cost a failure each, and the budget together") {
  Flooded under;
  // Two were let in whole, and the third, which makes the debt.
  CHECK(under.verifier->verifications() == 3 * 16 * 64 + 7);
  for (const char* hint : {"", "k1", "nobody"}) CHECK(under.cost(junk(100, hint)) == 1);
  CHECK(under.ask(junk(100)) == Code::overloaded);

  under.clock->pass(1'000'000);
  const std::uint64_t before = under.verifier->verifications();
  under.flood(1000);
  CHECK(under.verifier->verifications() <= before + static_cast<std::uint64_t>(a_second) + 16 * 64 + 1000);
}

TEST_CASE("Under a flood no envelope waits whose signers gave their keyid, whatever else it carries") {
  Flooded under;
  const std::string text = statement();
  CHECK(under.ask(envelope_by(text, {63, 7})) == Code::ok);
  for (const char* hint : {"", "nobody"})
    CHECK(under.ask(envelope_around(text, {{stranger, hint}, {63, "k63"}, {stranger, hint}, {7, "k7"}})) == Code::ok);
  std::vector<Signed> signers{{63, "k63"}, {7, "k7"}};
  for (int i = 0; i < 14; ++i) signers.push_back({stranger + i, "k" + std::to_string(i)});
  CHECK(under.ask(envelope_around(text, signers)) == Code::ok);

  // As many as come. Each success is free, so that none of them makes the next one wait.
  std::vector<int> sixteen;
  for (int key = 0; key < 16; ++key) sixteen.push_back(key);
  int refused = 0;
  for (int i = 0; i < 200; ++i) refused += under.ask(envelope_by(statement(i), sixteen)) != Code::ok;
  CHECK(refused == 0);
}

TEST_CASE("Under a flood a stranger in front under a right keyid delays an envelope, and decides nothing about it") {
  Flooded under;
  const std::string text = statement();
  const std::string good = envelope_around(text, {{stranger, "k7"}, {63, "k63"}, {7, "k7"}});
  const std::string hintless = envelope_around(text, {{63, "k63"}, {7, ""}});
  const std::string too_few = envelope_around(text, {{stranger, "k7"}, {63, "k63"}});
  const std::string forged = envelope_around(text, {{stranger, "k7"}, {stranger, "k63"}});
  for (const std::string& artifact : {good, hintless, too_few, forged}) {
    const auto approval = under.verifier->verify(proposal(artifact), noon);
    CHECK(approval.code() == Code::overloaded);
    CHECK(approval.status().detail().find("give keyid, or try again later") != std::string::npos);
  }
  // What was not tried was not decided: no such answer is remembered.
  const auto later = [&](const std::string& artifact) {
    under.clock->pass(2'000'000);
    return under.ask(artifact);
  };
  CHECK(later(good) == Code::ok);
  CHECK(later(hintless) == Code::ok);
  CHECK(later(too_few) == Code::approval_threshold);
  CHECK(later(forged) == Code::approval_signature_invalid);
}

TEST_CASE("An envelope that no key signed is refused from memory when it comes again, under a flood too") {
  Flooded under;
  CHECK(under.ask(junk(0)) == Code::approval_signature_invalid);
  CHECK(under.cost(junk(0)) == 0);
}

TEST_CASE("A policy of any size is searched whole where nothing was lost before, and others wait for what that takes") {
  const auto clock = std::make_shared<test::MovedClock>(noon);
  const auto by = verifier(2000, 1, clock);
  const std::string honest = envelope_around(statement(), {{1999, ""}});
  CHECK(by->verify(proposal(junk(1)), noon).code() == Code::approval_signature_invalid);
  CHECK(by->verifications() == 16 * 2000);
  CHECK(by->verify(proposal(honest), noon).code() == Code::overloaded);
  clock->pass(14'000'000);
  CHECK(by->verify(proposal(honest), noon).code() == Code::overloaded);
  clock->pass(2'000'000);
  CHECK(by->verify(proposal(honest), noon).ok());
}

TEST_CASE("The budget for failures comes back at its rate, and a caller that takes more than there is makes a debt") {
  using namespace std::chrono_literals;
  FailureBudget budget;
  const FailureBudget::Time start(1h);
  CHECK(budget.take(2047, start));
  CHECK(budget.take(1000, start));
  CHECK_FALSE(budget.take(1, start));
  CHECK_FALSE(budget.take(1, start + 487ms));
  CHECK(budget.take(10, start + 489ms));
  CHECK_FALSE(budget.take(1, start));  // a clock that goes back gives nothing
  budget.give_back(10'000);            // and no more than a second's worth gathers
  CHECK(left(budget, start + 489ms) == a_second);
  // A caller that asks often gains nothing, and loses little.
  std::int64_t got = 0;
  for (int step = 1; step <= 1000; ++step) got += left(budget, start + 489ms + step * 700us);
  CHECK(got <= a_second * 7 / 10);
  CHECK(got >= a_second * 69 / 100);
}

TEST_CASE("A caller is told that a flood delayed the approval, that nothing ran, and to send the same again") {
  const auto clock = std::make_shared<test::MovedClock>(noon);
  const auto by = verifier(64, 2, clock);
  for (int i = 0; i < 10; ++i) (void)by->verify(proposal(junk(i)), noon);
  int ran = 0;
  HandlerTable handlers;
  REQUIRE(handlers.add("echo", [&](const Invocation&) { return ++ran, HandlerResult::result("{}"); }).ok());
  const Parts parts{.store = memory_ledger(), .verifier = by, .clock = clock};
  auto executor = Executor::assemble({.tenant = "acme"}, parts, handlers).value();
  const std::string artifact = envelope_around(statement(), {{63, ""}, {7, ""}});
  const Request request{.action = "echo", .payload = "{}", .nonce = "n-1", .approval_artifact = artifact};
  const auto run = [&] { return executor.execute(request); };
  const Outcome delayed = run();
  CHECK(delayed.code == Code::overloaded);
  CHECK(delayed.http == 429);
  CHECK(delayed.effect == Effect::none);
  CHECK(std::string(advice(delayed)).find("Send the very same call again later") != std::string::npos);
  CHECK(ran == 0);
  clock->pass(2'000'000);
  CHECK(run().ok());
  CHECK(ran == 1);
}
