// SPDX-License-Identifier: Apache-2.0
// Executors that are killed at random moments while their handlers have effects outside: no effect twice, whatever was
// offered again.
//
// 1. A child opens the ledger, offers what its predecessors left over, then new requests, from four threads.
// 2. The parent kills it at a random moment, anywhere between its first instruction and its hundredth execution.
// 3. The handler appends one line to a file for each effect. The child appends one line for each answer it was given.
// 4. After every series all requests are offered once more, and the two files are compared with the ledger.
#include <openexec/openexec.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "fault/told.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr int threads = 4;
constexpr int kills_of_a_series = 50;

/// How a series runs its executions.
struct Series {
  bool batches = false;  ///< execute_many in place of execute
  bool anchored = false;
};

/// A file that several processes append lines to. A line is one write, so that a kill cannot tear it.
class Lines {
 public:
  explicit Lines(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { ::close(fd_); }
  void add(const std::string& line) const {
    const std::string text = line + "\n";
    if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(7);
  }

 private:
  int fd_;
};

/// The request number `i` of a thread in one generation of a series.
std::string nonce_of(int generation, int thread, int i) {
  return std::to_string(generation) + "-" + std::to_string(thread) + "-" + std::to_string(i);
}

class Host {
 public:
  Host(const TemporaryFolder& folder, Series series)
      : effects_(folder.file("effects")), answers_(folder.file("answers")), series_(series) {
    SqliteOptions options;
    if (series.anchored) options.log.anchor = folder.file("anchor");
    auto ledger = sqlite_ledger(folder.file("ledger.db"), options);
    if (!ledger.ok()) throw std::runtime_error("open: " + ledger.status().detail());
    ledger_ = *ledger;
    HandlerTable table;
    if (!table
             .add("pay",
                  [this](const Invocation& call) {
                    effects_.add(std::string(call.payload));
                    return HandlerResult::result(R"({"paid":true})");
                  })
             .ok())
      throw std::runtime_error("the handler table refused a handler");
    executor_.emplace(assemble({.store = ledger_,
                                .log = nullptr,
                                .verifier = std::make_shared<ScriptedVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               std::move(table)));
  }

  void offer(const std::vector<std::string>& nonces) {
    std::vector<std::string> artifacts, payloads;
    std::vector<Call> calls;
    artifacts.reserve(nonces.size());
    payloads.reserve(nonces.size());
    for (const std::string& nonce : nonces) {
      artifacts.push_back(R"({"id":")" + nonce + "\"}");
      payloads.push_back(R"({"n":")" + nonce + "\"}");
      calls.push_back(
          {.request =
               Request{
                   .action = "pay", .payload = payloads.back(), .nonce = nonce, .approval_artifact = artifacts.back()},
           .options = {}});
    }
    if (series_.batches) return note(nonces, executor_->execute_many(calls));
    for (std::size_t i = 0; i < calls.size(); ++i)
      note({nonces[i]}, {executor_->execute(std::get<Request>(calls[i].request), {})});
  }

  Ledger& ledger() { return *ledger_; }
  Executor& executor() { return *executor_; }

 private:
  void note(const std::vector<std::string>& nonces, const std::vector<Outcome>& outcomes) {
    for (std::size_t i = 0; i < nonces.size(); ++i)
      answers_.add(nonces[i] + " " + std::string(name(outcomes[i].code)) + " " + outcomes[i].receipt);
  }

  Lines effects_, answers_;
  Series series_;
  std::shared_ptr<Ledger> ledger_;
  std::optional<Executor> executor_;
};

/// The child's life: it ends when it is killed, or with 100 requests of each thread.
[[noreturn]] void live(const TemporaryFolder& folder, Series series, int generation) {
  try {
    Host host(folder, series);
    std::vector<std::thread> callers;
    for (int t = 0; t < threads; ++t)
      callers.emplace_back([&, t] {
        for (int older = std::max(0, generation - 2); older <= generation; ++older)
          for (int i = 0; i < 100; i += 4)
            host.offer({nonce_of(older, t, i), nonce_of(older, t, i + 1), nonce_of(older, t, i + 2),
                        nonce_of(older, t, i + 3)});
      });
    for (std::thread& caller : callers) caller.join();
  } catch (const std::exception& failure) {
    Lines(folder.file("failures")).add(failure.what());
    ::_exit(8);
  }
  ::_exit(0);
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

struct Counts {
  int kills = 0;
  int effects = 0;
  int twice = 0;
  int untrue = 0;  ///< requests that were answered ok and are not told the same again
  int doubts = 0;
};

void kill_children(const TemporaryFolder& folder, Series series, std::mt19937& random, Counts& counts) {
  for (int generation = 0; generation < kills_of_a_series; ++generation) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) live(folder, series, generation);
    // Most kills fall into the opening and the first batches, some far into the work.
    const auto wait =
        std::chrono::microseconds(std::uniform_int_distribution<int>(0, generation % 5 == 0 ? 60'000 : 15'000)(random));
    std::this_thread::sleep_for(wait);
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) ++counts.kills;
  }
}

/// The receipt of each request that was answered ok, from the children's own notes.
std::map<std::string, std::string> answered_ok(const TemporaryFolder& folder) {
  std::map<std::string, std::string> receipts;
  for (const std::string& line : lines_of(folder.file("answers"))) {
    std::istringstream words(line);
    std::string nonce, code, receipt;
    words >> nonce >> code >> receipt;
    if (code == "ok") receipts[nonce] = receipt;
  }
  return receipts;
}

void offer_all_again(const TemporaryFolder& folder, Series series, Counts& counts) {
  const auto before = answered_ok(folder);
  Host host(folder, series);
  for (int generation = 0; generation < kills_of_a_series; ++generation)
    for (int t = 0; t < threads; ++t)
      for (int i = 0; i < 100; i += 20) {
        std::vector<std::string> nonces;
        for (int k = i; k < i + 20; ++k) nonces.push_back(nonce_of(generation, t, k));
        host.offer(nonces);
      }
  const auto after = answered_ok(folder);
  for (const auto& [nonce, receipt] : before)
    if (const auto found = after.find(nonce); found == after.end() || found->second != receipt) ++counts.untrue;
  Judge judge;
  const auto lines = must(host.ledger().read(0, static_cast<std::size_t>(must(host.ledger().size(), "size"))), "read");
  check_checkpoint(judge, host.ledger(), lines);
  check_passes(judge.failures());
  for (const LogLine& line : lines)
    counts.doubts += line.json.find(R"("verdict":"in_doubt")") != std::string::npos ? 1 : 0;
}

void run_series(Series series, std::mt19937& random, Counts& counts) {
  const TemporaryFolder folder(folder_in_memory());
  kill_children(folder, series, random, counts);
  offer_all_again(folder, series, counts);
  CHECK(lines_of(folder.file("failures")).empty());
  std::map<std::string, int> effects;
  for (const std::string& line : lines_of(folder.file("effects"))) ++effects[line];
  for (const auto& [payload, count] : effects) {
    counts.effects += count;
    counts.twice += count > 1 ? 1 : 0;
  }
}

}  // namespace

TEST_CASE("Executors that are killed anywhere: no effect twice, and what was answered stays answered") {
  std::mt19937 random(std::random_device{}());
  Counts counts;
  const int kills = campaign(50, 20'000);
  for (int i = 0; counts.kills < kills; ++i)
    run_series({.batches = i % 2 == 1, .anchored = i % 4 >= 2}, random, counts);
  WARN(counts.kills << " kills, " << counts.effects << " effects, " << counts.doubts << " in doubt, " << counts.twice
                    << " twice, " << counts.untrue << " answers not told again");
  CHECK(counts.effects > 0);
  CHECK(counts.twice == 0);
  CHECK(counts.untrue == 0);
}
