// SPDX-License-Identifier: Apache-2.0
// Memory fails at every allocation in turn, once and from there on, over the C ABI.
//
// Each run is a process of its own. Its handler's effects are counted in memory that is not allocated. Then:
//   1. it did not crash, and did not hang;
//   2. no answer is untrue: what ran is not called refused or without effect, and what is called executed is durable;
//   3. asked again, here and after the ledger was opened again, nothing runs twice.
#include <openexec.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "abi/c.hpp"
#include "signing/clawshield.hpp"
#include "signing/dsse.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/forked.hpp"
#include "support/keys.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr std::size_t most_calls = 4;
constexpr unsigned seconds_until_it_hangs = 60;

/// What a run tells its parent.
enum Ending : int { kept = 0, broken = 1, nothing_failed = 2 };

// The world outside.
std::array<std::atomic<int>, most_calls> effects;
std::atomic<int> strange_payloads;

/// What judges the approvals, and what they are: `forged` ones are a stranger's, who names the approver.
enum class By { clawshield, policy, forged, own };

/// Requests with approvals, made once.
struct Requests {
  explicit Requests(By by) {
    const bool dsse = by == By::policy || by == By::forged;
    const crypto::PrivateKey key = key_of(by == By::forged ? "stranger" : "approver");
    const Timestamp now = system_clock()->now();
    const Timestamp end{now.micros + 86'400'000'000};
    for (std::size_t i = 0; i < most_calls; ++i) {
      payloads.push_back("{\"amount\":" + std::to_string(i) + ",\"to\":\"somebody far away, who waits for it\"}");
      nonces.push_back("nonce-" + std::to_string(i) + "-of-a-length-that-is-allocated");
      const Proposal proposal = Proposal::parse(Request{"pay", payloads[i], nonces[i], {}}, "acme").value();
      const std::string id = signing::uuid_v4();
      if (!dsse) {
        artifacts.push_back(signing::sign_clawshield_v1(key, proposal, {"acme", id, now, end}).value());
        continue;
      }
      const signing::DsseGrant grant{.token_id = id, .tenant_id = "acme", .issued_at = now, .expires_at = end};
      const std::string statement = signing::dsse_statement(proposal, grant).value();
      artifacts.push_back(signing::sign_dsse(key, "approver", statement).value());
    }
  }
  [[nodiscard]] openexec_request operator[](std::size_t i) const {
    return c::request(nonces[i], payloads[i], "pay", artifacts[i]);
  }

  std::string public_key = key_of("approver").public_key().to_pem();
  std::string policy = TrustPolicy::make({.keys = {{.id = "approver", .public_key = public_key, .role = {}}},
                                          .rules = {{.actions = {"*"}, .threshold = 1}}})
                           .value()
                           .to_json();
  std::vector<std::string> payloads;
  std::vector<std::string> nonces;
  std::vector<std::string> artifacts;
};

const Requests& requests_by(By verifier) {
  static const Requests clawshield(By::clawshield);
  static const Requests policy(By::policy);
  static const Requests forged(By::forged);
  if (verifier == By::forged) return forged;
  return verifier == By::policy ? policy : clawshield;
}

const Requests* offered = nullptr;  // what the handler compares with

openexec_answer pay(void*, const openexec_invocation* call, openexec_sink* result, openexec_sink*) {
  const std::string_view payload(call->payload.data, call->payload.size);
  std::size_t which = 0;
  while (which < most_calls && payload != offered->payloads[which]) ++which;
  if (which == most_calls)
    ++strange_payloads;
  else
    ++effects[which];
  openexec_sink_write(result, c::str("{\"paid\":"));
  openexec_sink_write(result, call->payload);
  openexec_sink_write(result, c::str("}"));
  return OPENEXEC_ANSWER_RESULT;
}

/// Accepts what names an artifact, by a name that has to be allocated.
const openexec_verifier_table own_verifier = [] {
  openexec_verifier_table table{};
  table.size = sizeof table;
  table.profile = c::str("own");
  table.verify = [](void*, const openexec_proposal* proposal, int64_t, openexec_approval* approval, openexec_sink*) {
    (void)openexec_approval_set_id(approval, openexec_proposal_nonce(proposal));
    (void)openexec_approval_add_key(approval, c::str("a key whose name is long enough to be allocated"));
    return openexec_code{OPENEXEC_OK};
  };
  return table;
}();

/// Two threads that were there before, and a queue that allocates nothing.
class Workers {
 public:
  Workers() {
    for (std::thread& thread : threads_) thread = std::thread([this] { work(); });
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  static void lend(void* self, void (*run)(void*), void* work) {
    auto& workers = *static_cast<Workers*>(self);
    const std::lock_guard lock(workers.mutex_);
    workers.queue_[workers.last_++] = {run, work};
    workers.changed_.notify_one();
  }

 private:
  struct Work {
    void (*run)(void*);
    void* work;
  };
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ended_ || first_ != last_; });
      if (first_ == last_) return;
      const Work work = queue_[first_++];
      lock.unlock();
      work.run(work.work);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Work, 4 * most_calls> queue_{};
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  bool ended_ = false;
  std::array<std::thread, 2> threads_;
};

/// Everything of one run. Its members allocate nothing while memory fails.
struct Run {
  Run(std::string url, By by, const Requests& all) : ledger(std::move(url)), verifier(by), requests(&all) {}

  [[nodiscard]] openexec_code configure(openexec_config** config) const {
    openexec_handler_table handler{};
    handler.size = sizeof handler;
    handler.run = pay;
    openexec_code code = openexec_config_create(config, nullptr);
    const auto then = [&](auto&& step) {
      if (code == OPENEXEC_OK) code = step();
    };
    then([&] { return openexec_config_set_tenant(*config, c::str("acme"), nullptr); });
    then([&] { return openexec_config_set_ledger_url(*config, c::str(ledger), nullptr); });
    then([&] { return openexec_config_add_handler(*config, c::str("pay"), &handler, nullptr); });
    if (verifier == By::clawshield)
      then([&] {
        return openexec_config_set_clawshield_verifier(*config, c::str(requests->public_key), c::str("acme"), nullptr);
      });
    if (verifier == By::own) then([&] { return openexec_config_set_verifier(*config, &own_verifier, nullptr); });
    if (verifier == By::policy || verifier == By::forged)
      then([&] { return openexec_config_set_trust_policy(*config, c::str(requests->policy), nullptr); });
    return code;
  }
  [[nodiscard]] openexec_code open(openexec_executor** opened) const {
    c::Config config;
    const openexec_code code = configure(config.out());
    return code == OPENEXEC_OK ? openexec_executor_create(config, opened, nullptr) : code;
  }
  std::string ledger;
  By verifier;
  const Requests* requests;
  c::Executor executor;
  std::array<openexec_outcome*, most_calls> outcomes{};
  std::array<int, most_calls> before{};
};

void complain(const char* what, std::size_t call) { std::fprintf(stderr, "call %zu: %s\n", call, what); }

/// What a fault may answer. Everything that is offered is good, unless it is forged.
bool is_no_decision(openexec_code code) noexcept {
  switch (code) {
    case OPENEXEC_OK:
    case OPENEXEC_IN_PROGRESS:
    case OPENEXEC_IN_DOUBT:
    case OPENEXEC_STORE_FAILED:
    case OPENEXEC_OVERLOADED: return true;
    default: return false;
  }
}

/// What was answered while memory failed.
bool is_true(const Run& run) {
  bool all = strange_payloads == 0;
  if (!all) complain("a payload that was never asked for", 0);
  const auto check = [&](bool holds, const char* what, std::size_t call) {
    if (!holds) complain(what, call);
    all = all && holds;
  };
  for (std::size_t i = 0; i < most_calls; ++i) {
    const openexec_outcome* outcome = run.outcomes[i];
    const int ran = effects[i] - run.before[i];
    check(effects[i] <= 1, "ran twice", i);
    if (outcome == nullptr) {
      check(ran == 0, "no outcome, and it ran", i);
      continue;
    }
    const openexec_code code = openexec_outcome_code(outcome);
    const bool forged = run.verifier == By::forged;
    check(is_no_decision(code) || (forged && code == OPENEXEC_APPROVAL_SIGNATURE_INVALID),
          "a decision was made of missing memory", i);
    check(!forged || (ran == 0 && code != OPENEXEC_OK), "a forged approval was accepted", i);
    check(ran == 0 || openexec_outcome_verdict(outcome) != OPENEXEC_VERDICT_REFUSED, "refused, and it ran", i);
    check(ran == 0 || openexec_outcome_effect(outcome) != OPENEXEC_EFFECT_NONE, "no effect, and it ran", i);
    check(effects[i] == 1 || openexec_outcome_code(outcome) != OPENEXEC_OK, "ok, and it did not run", i);
    check(effects[i] == 1 || openexec_outcome_effect(outcome) != OPENEXEC_EFFECT_CONFIRMED,
          "confirmed, and it did not run", i);
  }
  return all;
}

/// Offers everything again. What was ok is ok again, and nothing runs twice.
bool holds_again(Run& run, const Requests& requests) {
  bool all = true;
  for (std::size_t i = 0; i < most_calls; ++i) {
    c::Outcome again;
    (void)c::execute(run.executor, requests[i], again);
    if (effects[i] > 1) complain("ran twice when it was offered again", i);
    all = all && effects[i] <= 1;
    const openexec_outcome* first = run.outcomes[i];
    if (first == nullptr || openexec_outcome_code(first) != OPENEXEC_OK) continue;
    const bool same = openexec_outcome_code(again) == OPENEXEC_OK && openexec_outcome_replayed(again) == 1 &&
                      c::text(openexec_outcome_receipt(again)) == c::text(openexec_outcome_receipt(first));
    if (!same) complain("was ok, and is not when it is offered again", i);
    all = all && same;
  }
  return all;
}

/// What a run does before memory fails, and while it does. `act` says false where it did not get that far.
struct Scenario {
  const char* name;
  By verifier;
  bool opens_first;
  std::function<void(Run&, const Requests&)> before;
  std::function<void(Run&, const Requests&)> act;
  bool lasts = true;  ///< in a file
};

/// The child process.
Ending live(const Scenario& scenario, const std::string& folder, std::uint64_t nth, bool all_that_follow) {
  ::alarm(seconds_until_it_hangs);
  const Requests& requests = *offered;
  Run run(scenario.lasts ? "sqlite:///" + folder + "/ledger.db" : "sqlite://", scenario.verifier, requests);
  if (scenario.opens_first && run.open(run.executor.out()) != OPENEXEC_OK) return broken;
  if (scenario.before) scenario.before(run, requests);
  for (std::size_t i = 0; i < most_calls; ++i) run.before[i] = effects[i];

  failing_memory().arm(nth, all_that_follow);
  scenario.act(run, requests);
  failing_memory().disarm();
  const bool failed = failing_memory().failed != 0;

  bool good = is_true(run);
  if (run.executor != nullptr) good = holds_again(run, requests) && good;
  run.executor = {};
  if (scenario.lasts) {
    if (run.open(run.executor.out()) != OPENEXEC_OK) {
      complain("the ledger does not open again", 0);
      return broken;
    }
    good = holds_again(run, requests) && good;
  }
  for (openexec_outcome*& outcome : run.outcomes) openexec_outcome_destroy(&outcome);
  if (!good) return broken;
  return failed ? kept : nothing_failed;
}

/// In memory where the system has such a folder: no run loses power.
std::string quick_folder() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

/// Runs it in a child. Returns its wait status, and what it wrote.
int run_in_child(const Scenario& scenario, std::uint64_t nth, bool all_that_follow, std::string& said,
                 std::uint64_t* seen = nullptr) {
  const TemporaryFolder folder(quick_folder());
  const int status = run_forked(said, [&] {
    const Ending ending = live(scenario, folder.file(""), nth, all_that_follow);
    if (seen != nullptr) std::fprintf(stderr, "%llu", static_cast<unsigned long long>(failing_memory().seen.load()));
    return ending;
  });
  if (seen != nullptr) *seen = std::strtoull(said.c_str(), nullptr, 10);
  return status;
}

/// Fails every allocation in turn, or as many of them as a slice has.
void attack(const Scenario& scenario) {
  offered = &requests_by(scenario.verifier);
  std::string said;
  std::uint64_t total = 0;
  const int undisturbed = run_in_child(scenario, ~std::uint64_t{0}, false, said, &total);
  INFO(scenario.name << ": " << total << " allocations; " << said);
  REQUIRE(WIFEXITED(undisturbed));
  REQUIRE(WEXITSTATUS(undisturbed) == nothing_failed);
  REQUIRE(total > 0);

  const auto runs = static_cast<std::uint64_t>(campaign(25, 1'000'000));
  const std::uint64_t stride = std::max<std::uint64_t>(1, total / runs);
  int crashes = 0;
  for (const bool all_that_follow : {false, true}) {
    for (std::uint64_t nth = 1; nth <= total + stride; nth += stride) {
      std::string complaint;
      const int status = run_in_child(scenario, nth, all_that_follow, complaint);
      const bool good = WIFEXITED(status) && WEXITSTATUS(status) != broken;
      if (good) continue;
      ++crashes;
      UNSCOPED_INFO(
          scenario.name << ": allocation " << nth << (all_that_follow ? " and all that follow" : " once") << ": "
                        << (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "broken") << "\n"
                        << complaint.substr(0, 3000));
    }
  }
  CHECK(crashes == 0);
}

void execute_one(Run& run, const Requests& requests) {
  const openexec_request request = requests[0];
  (void)openexec_executor_execute(run.executor, &request, nullptr, &run.outcomes[0], nullptr);
}

void execute_all(Run& run, const Requests& requests, Workers* workers) {
  std::array<openexec_request, most_calls> parts{};
  std::array<openexec_call, most_calls> calls{};
  std::array<const openexec_call*, most_calls> pointers{};
  for (std::size_t i = 0; i < most_calls; ++i) {
    parts[i] = requests[i];
    calls[i] = {sizeof(openexec_call), &parts[i], {}, nullptr};
    pointers[i] = &calls[i];
  }
  (void)openexec_executor_execute_many(run.executor, pointers.data(), most_calls,
                                       workers == nullptr ? nullptr : Workers::lend, workers, run.outcomes.data(),
                                       nullptr);
}

[[noreturn]] void give_up(const char* what) {
  complain(what, 0);
  ::_exit(broken);
}

void forget(Run& run) {
  for (openexec_outcome*& outcome : run.outcomes) openexec_outcome_destroy(&outcome);
}

}  // namespace

TEST_CASE("memory fails in execute") { attack({"execute", By::clawshield, true, nullptr, execute_one}); }

TEST_CASE("memory fails in execute, by a trust policy") {
  attack({"execute by a policy", By::policy, true, nullptr, execute_one});
}

TEST_CASE("memory fails in execute of what a stranger approved") {
  attack({"execute by a stranger", By::forged, true, nullptr, execute_one});
}

TEST_CASE("memory fails in execute, by a verifier of the host's own") {
  attack({"execute by an own verifier", By::own, true, nullptr, execute_one});
}

TEST_CASE("memory fails in execute when the executor is warm") {
  const auto another = [](Run& run, const Requests& requests) {
    c::Outcome outcome;
    (void)c::execute(run.executor, requests[1], outcome);
  };
  attack({"execute, warm", By::clawshield, true, another, execute_one});
}

TEST_CASE("memory fails in a replay") {
  const auto same = [](Run& run, const Requests& requests) {
    execute_one(run, requests);
    forget(run);
  };
  attack({"replay from memory", By::clawshield, true, same, execute_one});
  attack({"replay from the ledger", By::clawshield, true,
          [&](Run& run, const Requests& requests) {
            same(run, requests);
            run.executor = {};
            (void)run.open(run.executor.out());
          },
          execute_one});
}

TEST_CASE("memory fails in execute with a ledger in memory") {
  attack({"execute in memory", By::clawshield, true, nullptr, execute_one, false});
}

TEST_CASE("memory fails in execute_many") {
  attack({"execute_many", By::clawshield, true, nullptr,
          [](Run& run, const Requests& requests) { execute_all(run, requests, nullptr); }});
}

TEST_CASE("memory fails in execute_many with lent threads") {
#ifdef __SANITIZE_ADDRESS__
  WARN("SKIPPED under the address sanitizer: it ends the process where a thread of the test starts without memory");
  return;
#endif
  std::optional<Workers> workers;
  attack({"execute_many, lent", By::clawshield, true, [&](Run&, const Requests&) { workers.emplace(); },
          [&](Run& run, const Requests& requests) { execute_all(run, requests, &*workers); }});
}

TEST_CASE("memory fails in assembly and in what follows") {
  attack({"assembly", By::clawshield, false, nullptr, [](Run& run, const Requests& requests) {
            if (run.open(run.executor.out()) == OPENEXEC_OK) execute_one(run, requests);
          }});
  attack({"assembly by a policy", By::policy, false, nullptr, [](Run& run, const Requests& requests) {
            if (run.open(run.executor.out()) == OPENEXEC_OK) execute_one(run, requests);
          }});
}

TEST_CASE("memory fails in a halt") {
  attack({"halt", By::clawshield, true, nullptr, [](Run& run, const Requests& requests) {
            const openexec_code code = openexec_executor_halt(run.executor, nullptr);
            failing_memory().disarm();
            execute_one(run, requests);
            // Without memory to begin with nothing may have been ordered. Said to have failed, it holds all the same.
            if (code != OPENEXEC_OVERLOADED && effects[0] != 0) give_up("ran when it was halted");
            if (openexec_executor_resume(run.executor, nullptr) != OPENEXEC_OK) give_up("cannot be resumed");
            forget(run);
          }});
}

TEST_CASE("memory fails in a revocation") {
  const std::string key = key_of("approver").public_key().fingerprint();
  const auto revoke = [&](const Run& run) {
    openexec_order order{};
    order.size = sizeof order;
    order.control = OPENEXEC_CONTROL_REVOKE_KEY;
    order.active = 1;
    order.id = c::str(key);
    order.who = c::str("test");
    order.why = c::str("test");
    return openexec_executor_order(run.executor, &order, nullptr, nullptr);
  };
  attack({"revocation", By::clawshield, true, nullptr, [&](Run& run, const Requests& requests) {
            const openexec_code code = revoke(run);
            failing_memory().disarm();
            if (code == OPENEXEC_OVERLOADED && revoke(run) != OPENEXEC_OK) give_up("cannot be revoked");
            execute_one(run, requests);
            if (effects[0] != 0) give_up("ran by a key that was revoked");
            forget(run);
          }});
}
