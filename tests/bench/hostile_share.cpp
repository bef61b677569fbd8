// SPDX-License-Identifier: Apache-2.0
// What share of a verifier's work honest requests keep while 1,000 hostile envelopes a second arrive:
// hostile-share SECONDS [ROUNDS]. In each round honest requests are alone for that long, and then beside hostile ones.
// The shares' median leaves out what other work on the machine did to a round.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "support/approvals.hpp"

using namespace openexec;
using namespace openexec::test;
using std::chrono::steady_clock;

namespace {

constexpr int keys = 64;
constexpr int hostile_a_second = 1000;
constexpr int workers = 16;

Proposal request(std::string_view artifact) {
  return Proposal::parse(Request{"echo", "{}", "n-1", artifact}, "acme").value();
}

std::string statement(int number) {
  signing::DsseGrant grant;
  grant.token_id = "t-" + std::to_string(number);
  grant.tenant_id = "acme";
  grant.issued_at = after_noon(-60);
  grant.expires_at = after_noon(3600);
  return signing::dsse_statement(request({}), grant).value();
}

std::vector<Proposal> honest() {
  std::vector<Proposal> all;
  for (int i = 0; i < 2000; ++i) all.push_back(request(envelope_by(statement(i), {i % keys, (i + 1) % keys})));
  return all;
}

/// Sixteen signatures of strangers under hints that lead to keys of the policy; each envelope is another one.
std::vector<Proposal> hostile() {
  std::vector<Proposal> all;
  for (int i = 0; i < 4000; ++i) {
    std::vector<Signed> signers;
    for (int j = 0; j < 16; ++j) signers.push_back({300 + j, "k" + std::to_string((i + j) % keys)});
    all.push_back(request(envelope_around(statement(100'000 + i), signers)));
  }
  return all;
}

std::shared_ptr<PolicyVerifier> fresh() {
  return trust_policy_verifier({.policy = policy_of(trusted_up_to(keys), 2), .tenant = "acme", .cache_bytes = 0})
      .value();
}

/// Verifications of honest requests a second, by one thread. Exits if one is refused.
double honest_rate(PolicyVerifier& verifier, const std::vector<Proposal>& requests, double seconds) {
  const auto start = steady_clock::now();
  std::size_t done = 0;
  for (; std::chrono::duration<double>(steady_clock::now() - start).count() < seconds; ++done)
    if (const auto approval = verifier.verify(requests[done % requests.size()], noon); !approval.ok()) {
      std::cerr << "hostile-share: an honest request was refused: " << approval.status().detail() << "\n";
      std::exit(1);
    }
  return static_cast<double>(done) / seconds;
}

/// Seconds of a processor that this thread has used so far. Other work on the machine changes them little.
double processor_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// One round. Returns the share, and prints what it is made of.
double share_of(const std::vector<Proposal>& good, const std::vector<Proposal>& bad, double seconds) {
  const double alone = honest_rate(*fresh(), good, seconds);
  const auto verifier = fresh();
  std::atomic<bool> end{false};
  std::atomic<std::size_t> sent{0};
  std::atomic<std::size_t> answered{0};
  std::vector<double> used(workers);  // each thread writes its own
  const auto start = steady_clock::now();
  std::vector<std::thread> attackers;  // as many as a service has workers, so that one that waits holds up no other
  for (int i = 0; i < workers; ++i)
    attackers.emplace_back([&, i] {
      while (!end) {
        const std::size_t number = sent++;
        std::this_thread::sleep_until(start + std::chrono::microseconds(1'000'000 / hostile_a_second) * number);
        (void)verifier->verify(bad[number % bad.size()], noon);
        ++answered;
      }
      used[static_cast<std::size_t>(i)] = processor_seconds();
    });
  const double beside = honest_rate(*verifier, good, seconds);
  const auto hostile_rate = static_cast<int>(static_cast<double>(answered) / seconds);
  end = true;
  for (std::thread& attacker : attackers) attacker.join();
  const double cost = std::accumulate(used.begin(), used.end(), 0.0) / seconds;
  std::cout << "honest alone " << static_cast<int>(alone) << "/s, beside " << hostile_rate
            << " hostile ones answered of " << hostile_a_second << " sent a second, which took "
            << static_cast<int>(100 * cost) << " % of a core, " << static_cast<int>(beside)
            << "/s: " << static_cast<int>(100 * beside / alone) << " %\n";
  return beside / alone;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
  const auto good = honest();
  const auto bad = hostile();
  std::vector<double> shares;
  for (int round = 0; round < rounds; ++round) shares.push_back(share_of(good, bad, seconds));
  const auto middle = shares.begin() + rounds / 2;
  std::nth_element(shares.begin(), middle, shares.end());
  std::cout << "median of " << rounds << ": " << static_cast<int>(100 * *middle) << " %\n";
  return 0;
}
