// SPDX-License-Identifier: Apache-2.0
// The SQLite ledger on a disk that fails at every call, loses power at every call, and under kill -9. Whatever happens:
// what was acknowledged is there, no nonce is fresh twice, and the log has no gap.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <random>

#include <openexec/ledger.hpp>

#include "fault/told.hpp"
#include "ledger/sqlite.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Wrap = std::function<std::shared_ptr<NonceStore>(std::shared_ptr<Ledger>)>;

/// Runs the same scenario again and again from the same ledger, each time with a fault one call later.
class Sweep {
 public:
  explicit Sweep(Wrap wrap = [](std::shared_ptr<Ledger> ledger) { return ledger; }) : wrap_(std::move(wrap)) {
    auto ledger = must(open(), "open");
    for (int i = 0; i < 3; ++i) {
      Told before;
      Caller(*ledger, *ledger, before).attempt("before-" + std::to_string(i), false);
    }
    ledger.reset();
    fs::copy_file(path_, start_);
  }

  FaultVfs& vfs() { return vfs_; }
  /// Whether callers look before they claim: the ledger then has a second connection, through which SQLite remembers
  /// what else it would have to find out from the files.
  void look_first(bool looks) { looks_ = looks; }
  /// Visits one call of `step`. Each kind of fault begins at another call, so that several kinds reach each of them.
  void in_slices_of(int step) { step_ = static_cast<std::uint64_t>(step); }
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

  /// Stops at the first run that breaks a promise.
  Failures every_call(Fault::How how, std::uint64_t times, int code) {
    return each([&](std::uint64_t nth) { return Fault{nth, how, times, code}; }, nullptr, false);
  }

  /// After the n-th call there is no power; `choose` says which of the writes that were not synced reached the disk.
  Failures every_power_cut(const std::function<bool()>& choose) {
    return each(
        [&](std::uint64_t nth) {
          return Fault{nth, Fault::How::without_doing_it, Fault::for_ever, SQLITE_IOERR};
        },
        choose, false);
  }

  /// The n-th call fails once; what the ledger says next is its last word before the power is cut. What a sync that
  /// failed left in the system's cache is lost then.
  Failures every_call_before_a_power_cut() {
    return each(
        [&](std::uint64_t nth) {
          return Fault{nth, Fault::How::without_doing_it, 1, SQLITE_IOERR};
        },
        [] { return false; }, true);
  }

  /// A ledger that is not there yet.
  Failures every_call_of_creation() {
    fs::remove(start_);
    return every_call(Fault::How::without_doing_it, Fault::for_ever, SQLITE_IOERR);
  }

 private:
  Result<std::shared_ptr<Ledger>> open() {
    store::SqliteInternals internals;
    internals.vfs = vfs_.name();
    internals.checkpoint_pages = 12;
    internals.any_file = true;  // it begins from the same bytes again and again
    internals.keys = {.leaf = 2, .fences = 2, .flush = 3, .generation = 6, .growth = 2};
    return store::open_sqlite(path_, {}, internals);
  }

  template <class FaultAt>
  Failures each(FaultAt&& fault_at, const std::function<bool()>& power_cut, bool stops_at_fault) {
    for (std::uint64_t nth = 1 + sweeps_++ % step_;; nth += step_) {
      ++runs_;
      for (const char* suffix : {"", "-wal", "-shm", ".new"}) fs::remove(path_ + suffix);
      if (fs::exists(start_)) fs::copy_file(start_, path_);
      vfs_.forget_files();
      vfs_.arm(fault_at(nth));
      Told told;
      Failures failures = live(told, stops_at_fault);
      const bool reached = vfs_.reached();
      if (power_cut) {
        fs::remove(path_ + "-shm");
        vfs_.cut_power(power_cut);
      }
      vfs_.arm({});
      Failures after = examine(told);
      for (std::string& failure : after) failures.push_back(std::move(failure));
      for (std::string& failure : failures) failure = "call " + std::to_string(nth) + ": " + failure;
      if (!failures.empty() || !reached) return failures;
    }
  }

  Failures live(Told& told, bool stops_at_fault) {
    auto ledger = open();
    if (!ledger.ok()) return {};
    auto store = wrap_(*ledger);
    Caller caller(*store, **ledger, told, [&] { return stops_at_fault && vfs_.reached(); });
    for (int i = 0; i < 3; ++i) {
      const std::string nonce = "n-" + std::to_string(i);
      if (looks_) (void)store->find("acme", nonce);
      caller.attempt(nonce, i == 1);
    }
    caller.claim("running");
    Failures failures = check_running(**ledger, told);
    if (stops_at_fault && vfs_.reached()) vfs_.arm({1, Fault::How::without_doing_it, Fault::for_ever, SQLITE_IOERR});
    return failures;
  }

  /// A claim that its caller was told of is running; one that took place unknown to its caller is nobody's, at once.
  static Failures check_running(Ledger& ledger, const Told& told) {
    const auto orphans = ledger.orphans();
    if (!orphans.ok()) return {};
    Judge judge;
    judge.promise("while it runs", [&] {
      std::set<std::string> orphaned;
      for (const NonceRecord& orphan : *orphans) orphaned.insert(orphan.nonce);
      for (const auto& [nonce, was] : told.nonces) {
        const auto record = ledger.find("acme", nonce);
        if (!record.ok() || !*record || (*record)->state != NonceState::claimed) continue;
        judge.expect((was.fresh == 0) == (orphaned.count(nonce) == 1),
                     "a claim is neither running nor an orphan: " + nonce);
      }
    });
    return judge.failures();
  }

  Failures examine(const Told& told) {
    auto ledger = open();
    if (!ledger.ok()) return {"the ledger does not open again: " + ledger.status().detail()};
    return check_ledger(**ledger, told);
  }

  TemporaryFolder folder_{folder_in_memory()};
  const std::string path_ = folder_.file("ledger.db");
  const std::string start_ = folder_.file("start.db");
  FaultVfs vfs_{"openexec-fault"};
  Wrap wrap_;
  bool looks_ = false;
  std::uint64_t runs_ = 0, sweeps_ = 0, step_ = 1;
};

class Decorated : public NonceStore {
 public:
  explicit Decorated(std::shared_ptr<Ledger> inner) : inner_(std::move(inner)) {}
  Result<ClaimAnswer> claim(const Claim& claim) override { return inner_->claim(claim); }
  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return inner_->find(tenant, nonce);
  }
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return inner_->seal(seal); }
  Result<std::vector<NonceRecord>> orphans() override { return inner_->orphans(); }
  Status pin(std::string_view key, std::string_view value) override { return inner_->pin(key, value); }
  Result<Timestamp> latest() override { return inner_->latest(); }
  Status ready() override { return inner_->ready(); }
  ReceiptLog* log() noexcept override { return inner_.get(); }

 protected:
  std::shared_ptr<Ledger> inner_;
};

/// Takes a failure for a success.
class Optimist final : public Decorated {
 public:
  using Decorated::Decorated;
  Result<ClaimAnswer> claim(const Claim& claim) override {
    auto answer = inner_->claim(claim);
    if (!answer.ok()) return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
    return answer;
  }
};

/// Acknowledges a seal first and writes it later.
class SealsLater final : public Decorated {
 public:
  using Decorated::Decorated;
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    const std::lock_guard lock(mutex_);
    flush();
    nonce_ = seal.nonce;
    result_ = seal.result;
    entry_ = seal.entry;
    later_ = seal;
    later_->tenant = "acme";
    later_->nonce = nonce_;
    later_->result = result_;
    later_->entry = entry_;
    auto size = inner_->size();
    return std::optional(size.ok() ? *size : 0);
  }
  Result<ClaimAnswer> claim(const Claim& claim) override {
    const std::lock_guard lock(mutex_);
    flush();
    return inner_->claim(claim);
  }

 private:
  void flush() {
    if (later_) (void)inner_->seal(*std::exchange(later_, std::nullopt));
  }
  std::mutex mutex_;
  std::optional<Seal> later_;
  std::string nonce_, result_, entry_;
};

class LosesApprovals final : public Decorated {
 public:
  using Decorated::Decorated;
  Result<ClaimAnswer> claim(const Claim& claim) override {
    Claim without = claim;
    without.approval_id = {};
    return inner_->claim(without);
  }
};

template <class Broken>
Wrap broken() {
  return [](std::shared_ptr<Ledger> ledger) { return std::make_shared<Broken>(std::move(ledger)); };
}

}  // namespace

TEST_CASE(
    "Whatever call of the disk fails, once, for a while or for ever, before or after it was done, no promise breaks") {
  Sweep sweep;
  sweep.in_slices_of(campaign(5, 1));
  using How = Fault::How;
  for (auto [how, times] : {std::pair{How::without_doing_it, std::uint64_t{1}},
                            {How::after_doing_it, std::uint64_t{1}},
                            {How::without_doing_it, std::uint64_t{6}},
                            {How::without_doing_it, Fault::for_ever},
                            {How::after_doing_it, Fault::for_ever}}) {
    sweep.look_first(times != 1);
    INFO(times << " times, " << (how == How::after_doing_it ? "after" : "without") << " doing it");
    check_passes(sweep.every_call(how, times, SQLITE_IOERR));
  }
  check_passes(sweep.every_call(How::without_doing_it, 1, SQLITE_FULL));
  std::cout << "fault: " << sweep.runs() << " runs with a failing call\n";
  CHECK(sweep.runs() > 1'000 / static_cast<std::uint64_t>(campaign(5, 1)));
}

TEST_CASE("Whenever the power is cut, what was acknowledged is on the disk") {
  Sweep sweep;
  sweep.in_slices_of(campaign(5, 1));
  check_passes(sweep.every_power_cut([] { return false; }));
  for (bool looks : {false, true}) {
    sweep.look_first(looks);
    check_passes(sweep.every_call_before_a_power_cut());
  }
  std::minstd_rand random(1);
  check_passes(sweep.every_power_cut([&] { return random() % 2 == 0; }));
  std::cout << "fault: " << sweep.runs() << " runs with a power cut\n";
}

TEST_CASE("A ledger whose creation fails is not there, or whole") {
  Sweep sweep;
  check_passes(sweep.every_call_of_creation());
}

TEST_CASE("The fault suite finds stores that break their promises") {
  CHECK_FALSE(
      Sweep(broken<Optimist>()).every_call(Fault::How::without_doing_it, Fault::for_ever, SQLITE_IOERR).empty());
  CHECK_FALSE(Sweep(broken<SealsLater>()).every_power_cut([] { return false; }).empty());
  CHECK_FALSE(Sweep(broken<LosesApprovals>()).every_call(Fault::How::without_doing_it, 1, SQLITE_IOERR).empty());
  Sweep lying_disk;
  lying_disk.vfs().lie_about_syncs(true);
  CHECK_FALSE(lying_disk.every_power_cut([] { return false; }).empty());
}

namespace {

/// One line through the pipe; small enough to be written whole.
struct Word {
  enum class What : std::uint32_t { fresh, sealed, appended, failed } what;
  std::uint32_t number;
  std::uint64_t index;
};

std::string seal_text(std::uint32_t number) { return "seal " + std::to_string(number); }
std::string entry_text(std::uint32_t number, int thread) {
  return "entry " + std::to_string(number) + " of " + std::to_string(thread);
}

/// The child: four threads that fight for the same nonces and tell what they were told, until they are killed.
[[noreturn]] void live_until_killed(const std::string& path, std::uint32_t first, int pipe_end, const Wrap& wrap) {
  const auto say = [&](Word word) {
    if (::write(pipe_end, &word, sizeof word) != static_cast<ssize_t>(sizeof word)) ::_exit(1);
  };
  auto ledger = sqlite_ledger(path);
  if (!ledger.ok()) {
    say({Word::What::failed, 0, 0});
    ::_exit(1);
  }
  auto store = wrap(*ledger);
  on_threads(4, [&](int thread) {
    for (std::uint32_t number = first;; ++number) {
      const std::string nonce = "n-" + std::to_string(number);
      auto answer = store->claim(claim_of(nonce, approval_of(nonce), digest_of(nonce)));
      if (!answer.ok()) say({Word::What::failed, number, 0});
      if (answer.ok() && answer->kind == ClaimAnswer::Kind::fresh) {
        say({Word::What::fresh, number, 0});
        const std::string text = seal_text(number);
        Seal seal;
        seal.tenant = "acme";
        seal.nonce = nonce;
        seal.exec_id = digest_of(nonce);
        seal.state = NonceState::sealed;
        seal.code = Code::ok;
        seal.effect = Effect::confirmed;
        seal.result = text;
        seal.entry = text;
        auto sealed = store->seal(seal);
        say(sealed.ok() ? Word{Word::What::sealed, number, sealed->value_or(0)} : Word{Word::What::failed, number, 0});
      }
      if (number % 4 == static_cast<std::uint32_t>(thread)) {
        const std::string text = entry_text(number, thread);
        auto index = (*ledger)->append({.json = text, .exec_id = {}, .attempt = digest_of(text), .at = {}});
        say(index.ok() ? Word{Word::What::appended, number, *index} : Word{Word::What::failed, number, 0});
      }
    }
  });
  ::_exit(0);
}

/// Lets a child live until it has said `words`, kills it, and notes everything that it had said by then.
Failures round_of_killing(const std::string& path, std::uint32_t first, std::size_t words, const Wrap& wrap, Told& told,
                          std::uint32_t& last) {
  int ends[2];
  if (::pipe(ends) != 0) return {"no pipe"};
  const pid_t child = ::fork();
  if (child < 0) return {"no child"};
  if (child == 0) {
    ::close(ends[0]);
    live_until_killed(path, first, ends[1], wrap);
  }
  ::close(ends[1]);
  Failures failures;
  Word word{};
  for (std::size_t heard = 0; ::read(ends[0], &word, sizeof word) == static_cast<ssize_t>(sizeof word);) {
    const std::string nonce = "n-" + std::to_string(word.number);
    last = std::max(last, word.number);
    switch (word.what) {
      case Word::What::fresh:
        told.asked(nonce);
        told.fresh(nonce);
        break;
      case Word::What::sealed: told.sealed(nonce, seal_text(word.number), word.index, seal_text(word.number)); break;
      case Word::What::appended:
        told.appended(word.index, entry_text(word.number, static_cast<int>(word.number % 4)));
        break;
      case Word::What::failed: failures.push_back("a call failed in the child"); break;
    }
    if (++heard == words) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return failures;
}

Failures kill_again_and_again(int rounds, const Wrap& wrap) {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  std::minstd_rand random(7);
  Told told;
  std::uint32_t last = 0;
  for (int round = 0; round < rounds; ++round) {
    // Some nonces of the round before come up again: what was fresh then must not be fresh now.
    const std::uint32_t first = last > 10 ? last - 10 : 0;
    Failures failures = round_of_killing(path, first, 1 + random() % 100, wrap, told, last);
    if (!failures.empty()) return failures;
    auto ledger = sqlite_ledger(path);
    if (!ledger.ok()) return {"the ledger does not open again: " + ledger.status().detail()};
    Told so_far;
    so_far.entries = told.entries;
    for (const auto& [nonce, was] : told.nonces) {
      const auto record = must((*ledger)->find("acme", nonce), "find");
      if (!record) return {"an acknowledged claim is not there: " + nonce};
      if (was.sealed && record->result != *was.sealed) return {"an acknowledged seal is not there: " + nonce};
    }
    failures = check_ledger(**ledger, so_far);
    if (!failures.empty()) return failures;
  }
  return check_ledger(*must(sqlite_ledger(path), "open"), told);
}

int kill_rounds() {
  const char* rounds = std::getenv("OPENEXEC_KILL_ROUNDS");
  return rounds != nullptr ? std::atoi(rounds) : 20;
}

}  // namespace

TEST_CASE("Killed at any moment, with four threads at work, the ledger keeps what it acknowledged") {
  check_passes(kill_again_and_again(kill_rounds(), [](std::shared_ptr<Ledger> ledger) { return ledger; }));
}

TEST_CASE("Killing finds a store that acknowledges first and writes later") {
  CHECK_FALSE(kill_again_and_again(20, broken<SealsLater>()).empty());
}
