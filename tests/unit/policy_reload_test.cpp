// SPDX-License-Identifier: Apache-2.0
// A policy that is replaced while requests are judged. Threads collect, the main thread asserts.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "support/approvals.hpp"
#include "support/catch.hpp"

using namespace openexec;
using test::noon;
using test::trusted;

namespace {

constexpr int threads = 4;

Proposal proposal(std::string_view artifact, std::string_view nonce) {
  return Proposal::parse(Request{"echo", "{}", nonce, artifact}, "acme").value();
}

signing::DsseGrant grant(const std::string& bundle) {
  signing::DsseGrant made;
  made.token_id = "t-1";
  made.tenant_id = "acme";
  made.issued_at = noon;
  made.expires_at = test::after_noon(100);
  made.policy_bundle_hash = bundle;
  return made;
}

/// A policy that agrees with itself alone: its key, its rule and its pin go together.
TrustPolicy policy_with(int key, const std::string& role, const std::string& bundle) {
  return TrustPolicy::make({.keys = {trusted(key, role)},
                            .rules = {{.actions = {"echo"}, .threshold = 1, .role = role}},
                            .pins = {.policy_bundle_hash = bundle}})
      .value();
}

}  // namespace

TEST_CASE("While policies are replaced, each request is judged by one of them, whole") {
  // Both keys signed both statements. Under either policy one statement is approved by that policy's key, and the other
  // one lacks its pin. Whatever else is answered was judged by parts of two policies.
  const std::string a = std::string(64, 'a');
  const std::string b = std::string(64, 'b');
  const TrustPolicy first = policy_with(1, "human", a);
  const TrustPolicy second = policy_with(2, "service", b);
  const auto verifier = trust_policy_verifier({.policy = first, .tenant = "acme"}).value();
  const auto artifact = [](const std::string& bundle) {
    return test::envelope_by(signing::dsse_statement(proposal({}, "n-1"), grant(bundle)).value(), {1, 2});
  };
  const std::string for_first = artifact(a);
  const std::string for_second = artifact(b);

  std::atomic<bool> stop{false};
  std::atomic<int> under_first{0};
  std::atomic<int> under_second{0};
  std::atomic<int> under_neither{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      const Proposal one = proposal(for_first, "n-1");
      const Proposal two = proposal(for_second, "n-1");
      while (!stop) {
        for (const bool ask_first : {true, false}) {
          const auto approval = verifier->verify(ask_first ? one : two, noon);
          const bool yes = approval.ok() && approval->keys == std::vector<std::string>{ask_first ? "k1" : "k2"};
          const bool no = approval.code() == Code::approval_policy_mismatch;
          if (yes || no)
            ++(yes == ask_first ? under_first : under_second);
          else
            ++under_neither;
        }
      }
    });
  }
  int reloads = 0;
  int failed = 0;
  while (reloads < 300 || under_first < 50 || under_second < 50) {
    failed += !verifier->reload(reloads % 2 == 0 ? second : first).ok();
    failed += verifier->reload_json("{}").ok();  // a bad one changes nothing
    failed += verifier->policy()->digest() != (reloads % 2 == 0 ? second : first).digest();
    ++reloads;
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  CHECK(failed == 0);
  CHECK(under_neither == 0);
  CHECK(under_first >= 50);
  CHECK(under_second >= 50);
}

TEST_CASE("What comes after a reload has returned is judged by the new policy") {
  const std::string bundle(64, 'a');
  const TrustPolicy with = policy_with(1, "human", bundle);
  const TrustPolicy without = policy_with(2, "human", bundle);
  const auto verifier = trust_policy_verifier({.policy = with, .tenant = "acme"}).value();
  const std::string artifact =
      test::envelope_by(signing::dsse_statement(proposal({}, "n-1"), grant(bundle)).value(), {1});
  std::atomic<bool> gone{false};
  std::atomic<int> late{0};
  std::atomic<int> before{0};
  std::atomic<int> after{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      const Proposal request = proposal(artifact, "n-1");
      while (after < 100) {
        const bool asked_after = gone;
        const bool ok = verifier->verify(request, noon).ok();
        late += asked_after && ok;
        ++(asked_after ? after : before);
      }
    });
  }
  while (before < 20) std::this_thread::yield();
  const bool reloaded = verifier->reload(without).ok();
  gone = true;
  for (std::thread& worker : workers) worker.join();
  CHECK(reloaded);
  CHECK(late == 0);
}

TEST_CASE("Threads that verify the steps of plans share what was verified") {
  constexpr std::size_t steps = 50;
  constexpr int plans = 20;
  const auto verifier =
      trust_policy_verifier(
          {.policy = test::policy_of({trusted(1)}), .tenant = "acme", .cache_bytes = std::size_t{1} << 16})
          .value();
  std::vector<std::string> artifacts;
  for (int plan = 0; plan < plans; ++plan) {
    std::vector<Proposal> requests;
    for (std::size_t i = 0; i < steps; ++i) requests.push_back(proposal({}, "n-" + std::to_string(i)));
    signing::DsseGrant made = grant({});
    made.token_id = "t-" + std::to_string(plan);
    artifacts.push_back(test::envelope_by(signing::dsse_statement(requests, StepOrder::any, made).value(), {1}));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      for (std::size_t round = 0; round < 10; ++round) {
        for (int plan = 0; plan < plans; ++plan) {
          const std::size_t step = (round * 7 + static_cast<std::size_t>(i * plan)) % steps;
          const auto approval =
              verifier->verify(proposal(artifacts[static_cast<std::size_t>(plan)], "n-" + std::to_string(step)), noon);
          wrong += !approval.ok() || approval->id != "t-" + std::to_string(plan) || approval->step != step;
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(wrong == 0);
}
