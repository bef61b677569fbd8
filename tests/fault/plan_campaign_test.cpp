// SPDX-License-Identifier: Apache-2.0
// Plans of 1,000 steps from 64 threads, each step tried three times, in processes that are killed in the middle and
// begin again on the same ledger. What ran is what the handlers wrote down, before they answered.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>

#include "base/text.hpp"
#include "conformance/suite.hpp"
#include "fault/told.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"
#include "upkeep/log_audit.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

struct Shape {
  int plans = 1;
  int steps = 1000;  ///< of each
  StepOrder order = StepOrder::any;
  int threads = 64;
  int kills = 10;
};

class Campaign {
 public:
  /// `claims_order`: what the judge believes of the plans. `forgetful`: a seeded bug, a ledger that dies with its
  /// process.
  Campaign(Shape shape, StepOrder claimed_order, bool forgetful = false)
      : shape_(shape), claimed_order_(claimed_order), forgetful_(forgetful) {
    const Timestamp now = system_clock()->now();
    for (int plan = 0; plan < shape_.plans; ++plan) {
      std::vector<Proposal> proposals;
      for (int step = 0; step < shape_.steps; ++step)
        proposals.push_back(proposal_of(nonce(plan, step), payload(plan, step)));
      signing::DsseGrant grant = grant_of("plan-" + std::to_string(plan));
      grant.issued_at = now;
      grant.expires_at = {now.micros + 86'400 * second};
      envelopes_.push_back(envelope_by(signing::dsse_statement(proposals, shape_.order, grant).value(), {0}));
    }
    tries_.resize(static_cast<std::size_t>(shape_.plans * shape_.steps));
  }

  /// Lives and deaths, until every step was tried three times and a whole life brought nothing new.
  Failures run() {
    for (int life = 0; life < 200; ++life) {
      const std::size_t before = succeeded_.size();
      const bool to_be_killed = kills_ < shape_.kills;
      const bool killed =
          live(to_be_killed ? std::optional<int>(20 + static_cast<int>(random_() % 300)) : std::nullopt);
      if (killed) ++kills_;
      const bool tried = std::all_of(tries_.begin(), tries_.end(), [](int tries) { return tries >= 3; });
      if (tried && !killed && succeeded_.size() == before && !to_be_killed) break;
    }
    return judge();
  }

  [[nodiscard]] int kills() const noexcept { return kills_; }
  [[nodiscard]] std::size_t ran() const noexcept { return ran_; }
  [[nodiscard]] std::size_t answers() const noexcept { return answers_.size(); }

 private:
  struct Answer {
    int plan, step, code;
    std::uint64_t entry;
  };

  static std::string nonce(int plan, int step) { return std::to_string(plan) + "-" + std::to_string(step); }
  static std::string payload(int plan, int step) {
    return "{\"plan\":" + std::to_string(plan) + ",\"step\":" + std::to_string(step) + "}";
  }
  [[nodiscard]] std::string ledger_path() const { return folder_.file("ledger.db"); }
  [[nodiscard]] std::string runs_path() const { return folder_.file("runs"); }

  /// Its handler writes down that it runs, and reconcile looks there.
  Executor assemble() const {
    HandlerTable table;
    const std::string runs = runs_path();
    const Status added = table.add(
        "act", {[runs](const Invocation& call) {
                  const int file = ::open(runs.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
                  const std::string line = std::string(call.exec_id) + " " + std::string(call.payload) + "\n";
                  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
                  ::close(file);
                  return written ? HandlerResult::result(std::string(call.payload))
                                 : HandlerResult::in_doubt("no disk");
                },
                [runs](const Settlement& settlement) {
                  std::ifstream file(runs);
                  for (std::string line; std::getline(file, line);)
                    if (line.starts_with(settlement.exec_id)) return HandlerResult::result(line.substr(65));
                  return HandlerResult::failed("it did not run", Effect::none);
                }});
    if (!added.ok()) throw std::runtime_error(added.detail());
    Parts parts;
    parts.store = forgetful_ ? memory_ledger() : must(sqlite_ledger(ledger_path()), "open");
    parts.verifier = dsse_verifier(policy_of({trusted(0)}));
    Config config{.tenant = "acme"};
    config.limits.max_refusals_per_second = 1'000'000;  // each has its entry
    config.limits.max_replays_per_second = 1'000'000;
    return test::assemble(std::move(parts), std::move(table), std::move(config));
  }

  /// What is still to be tried: shuffled; of plans in order by step, and shuffled a little.
  std::vector<std::pair<int, int>> schedule() {
    std::vector<std::pair<int, int>> todo;
    for (int round = 0; round < 3; ++round)
      for (int step = 0; step < shape_.steps; ++step)
        for (int plan = 0; plan < shape_.plans; ++plan) todo.emplace_back(plan, step);
    if (shape_.order == StepOrder::any) {
      std::shuffle(todo.begin(), todo.end(), random_);
    } else {
      std::stable_sort(todo.begin(), todo.end(), [](auto a, auto b) { return a.second < b.second; });
      constexpr std::ptrdiff_t window = 40;
      for (auto at = todo.begin(); at != todo.end();) {
        const auto end = at + std::min(window, todo.end() - at);
        std::shuffle(at, end, random_);
        at = end;
      }
    }
    return todo;
  }

  /// One process. Whether it was killed, which it is after so many answers.
  bool live(std::optional<int> kill_after) {
    const auto todo = schedule();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      try {
        act(todo, ends[1]);
      } catch (const std::exception& failure) {
        std::fprintf(stderr, "the child: %s\n", failure.what());
        ::_exit(8);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    FILE* told = ::fdopen(ends[0], "r");
    int heard = 0;
    Answer answer{};
    while (std::fscanf(told, "%d %d %d %" SCNu64 "\n", &answer.plan, &answer.step, &answer.code, &answer.entry) == 4) {
      answers_.push_back(answer);
      ++tries_[static_cast<std::size_t>(answer.plan * shape_.steps + answer.step)];
      if (answer.code == 0) succeeded_.insert({answer.plan, answer.step});
      if (kill_after && ++heard == *kill_after) ::kill(child, SIGKILL);
    }
    std::fclose(told);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      throw std::runtime_error("a process ended by itself, and badly");
    return false;
  }

  void act(const std::vector<std::pair<int, int>>& todo, int told) const {
    Executor executor = assemble();
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < shape_.threads; ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < todo.size(); at = next++) {
          const auto [plan, step] = todo[at];
          const std::string name = nonce(plan, step), text = payload(plan, step);
          const Outcome outcome = executor.execute({.action = "act",
                                                    .payload = text,
                                                    .nonce = name,
                                                    .approval_artifact = envelopes_[static_cast<std::size_t>(plan)]});
          std::ostringstream line;
          line << plan << " " << step << " " << static_cast<int>(outcome.code) << " "
               << outcome.entry_index.value_or(~0ull) << "\n";
          const std::string said = line.str();
          if (::write(told, said.data(), said.size()) != static_cast<ssize_t>(said.size())) ::_exit(9);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  Failures judge() {
    Judge judge;
    std::map<std::pair<int, int>, int> runs;
    std::map<int, int> last;
    judge.promise("the handlers", [&] {
      std::ifstream file(runs_path());
      for (std::string line; std::getline(file, line);) {
        int plan = -1, step = -1;
        judge.expect(std::sscanf(line.c_str() + 65, "{\"plan\":%d,\"step\":%d}", &plan, &step) == 2, "half a line");
        judge.expect(++runs[{plan, step}] == 1, "step " + nonce(plan, step) + " ran twice");
        if (claimed_order_ != StepOrder::in_sequence) continue;
        const int expected = last.contains(plan) ? last[plan] + 1 : 0;
        judge.expect(step == expected,
                     "step " + nonce(plan, step) + " ran when it was the turn of " + std::to_string(expected));
        last[plan] = step;
      }
      for (const auto& [plan, step] : succeeded_)
        judge.expect(runs.contains({plan, step}), "step " + nonce(plan, step) + " was told to have run, and did not");
    });
    ran_ = runs.size();
    judge.promise("the log", [&] {
      if (forgetful_) return;
      { const Executor recovers = assemble(); }
      auto ledger = must(sqlite_ledger(ledger_path(), {.read_only = true, .log = {}}), "open");
      const std::uint64_t size = must(ledger->size(), "size");
      const auto lines = must(ledger->read(0, static_cast<std::size_t>(size)), "read");
      std::set<std::pair<std::uint32_t, std::string>> executed;
      for (const LogLine& line : lines) {
        const Entry entry = must(Entry::from_json(line.json), "an entry");
        if (entry.verdict == Verdict::executed)
          judge.expect(executed.insert({entry.approval->step.value_or(~0u), entry.nonce}).second,
                       "two entries say that " + entry.nonce + " was executed");
      }
      for (const auto& [which, count] : runs) {
        const auto [plan, step] = which;
        judge.expect(executed.contains({static_cast<std::uint32_t>(step), nonce(plan, step)}),
                     "the log does not have that " + nonce(plan, step) + " ran");
      }
      judge.expect(executed.size() == runs.size(), "the log has executions that were none");
      for (const Answer& answer : answers_) {
        if (!judge.expect(answer.entry < lines.size(), "an answer without an entry")) continue;
        const Entry entry = must(Entry::from_json(lines[answer.entry].json), "an entry");
        judge.expect(entry.nonce == nonce(answer.plan, answer.step) && static_cast<int>(entry.code) == answer.code,
                     "the entry of an answer says something else");
      }
      const store::LogAudit audit = must(store::audit_log(ledger_path(), {}), "audit");
      judge.expect(audit.difference_count == 0 && audit.size == size, "the log does not verify");
    });
    return judge.failures();
  }

  const Shape shape_;
  const StepOrder claimed_order_;
  const bool forgetful_;
  TemporaryFolder folder_{folder_in_memory()};
  std::vector<std::string> envelopes_;
  std::vector<int> tries_;
  std::vector<Answer> answers_;
  std::set<std::pair<int, int>> succeeded_;
  std::mt19937 random_{20261126};
  int kills_ = 0;
  std::size_t ran_ = 0;
};

}  // namespace

TEST_CASE(
    "Of a plan of 1,000 steps each runs at most once, from 64 threads, under kill -9, and the log has all of it") {
  Campaign campaign({.kills = 12}, StepOrder::any);
  check_passes(campaign.run());
  CHECK(campaign.kills() == 12);
  CHECK(campaign.answers() >= 3000);
  CHECK(campaign.ran() >= 500);  // the others were claimed when their process died, and had not begun
  std::cout << campaign.ran() << " steps ran, " << campaign.answers() << " answers, " << campaign.kills() << " kills\n";
}

TEST_CASE("Plans in order never run out of order, from 64 threads, under kill -9") {
  Campaign campaign({.plans = 20, .steps = 50, .order = StepOrder::in_sequence, .kills = 12}, StepOrder::in_sequence);
  check_passes(campaign.run());
  CHECK(campaign.kills() == 12);
  CHECK(campaign.ran() >= 200);
  std::cout << campaign.ran() << " steps ran, " << campaign.answers() << " answers, " << campaign.kills() << " kills\n";
}

TEST_CASE("The campaign notices a ledger that forgets, and steps that run out of order") {
  Campaign forgets({.steps = 50, .threads = 8, .kills = 2}, StepOrder::any, true);
  CHECK_FALSE(forgets.run().empty());
  Campaign disorder({.steps = 50, .threads = 8, .kills = 0}, StepOrder::in_sequence);
  CHECK_FALSE(disorder.run().empty());
}
