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
#include <map>
#include <mutex>
#include <random>
#include <set>

#include <openexec/builtin.hpp>

#include "conformance/suite.hpp"
#include "crypto/sha256.hpp"
#include "store/sqlite.hpp"
#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Kind = ClaimAnswer::Kind;

Digest digest_of(const std::string& text) { return crypto::sha256(text); }

/// What callers asked for and what they were told, from any thread.
class Told {
 public:
  struct Nonce {
    bool asked = false;
    int fresh = 0;
    std::optional<std::string> sealed;   ///< the result that was acknowledged last
    std::optional<std::string> sealing;  ///< the result that was asked for last; it may be there unacknowledged
  };

  void asked(const std::string& nonce) {
    const std::lock_guard lock(mutex_);
    nonces[nonce].asked = true;
  }
  void fresh(const std::string& nonce) {
    const std::lock_guard lock(mutex_);
    ++nonces[nonce].fresh;
  }
  void sealing(const std::string& nonce, const std::string& result) {
    const std::lock_guard lock(mutex_);
    nonces[nonce].sealing = result;
  }
  void sealed(const std::string& nonce, const std::string& result, std::uint64_t entry, const std::string& json) {
    const std::lock_guard lock(mutex_);
    nonces[nonce].sealed = result;
    entries[entry].insert(json);
  }
  void appended(std::uint64_t entry, const std::string& json) {
    const std::lock_guard lock(mutex_);
    entries[entry].insert(json);
  }

  std::map<std::string, Nonce> nonces;
  std::map<std::uint64_t, std::set<std::string>> entries;

 private:
  std::mutex mutex_;
};

Claim claim_of(const std::string& nonce, const std::string& approval, const Digest& id) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.action = "echo";
  claim.exec_id = id;
  claim.request_hash = id;
  claim.approval_id = approval;
  claim.approval = "null";
  claim.at = {1};
  return claim;
}

std::string approval_of(const std::string& nonce) { return "approval of " + nonce; }

/// One caller's life with a store that may fail under it: claim, seal, append, and try again where it was told to have
/// failed.
class Caller {
 public:
  /// `enough` is asked before each call whether it is to be made at all.
  Caller(
      NonceStore& store, ReceiptLog& log, Told& told, std::function<bool()> enough = [] { return false; })
      : store_(store), log_(log), told_(told), enough_(std::move(enough)) {}

  void attempt(const std::string& nonce, bool doubtful) {
    if (!claim(nonce)) return;
    append("refusal beside " + nonce);
    if (doubtful) seal(nonce, NonceState::in_doubt);
    seal(nonce, NonceState::sealed);
  }

  void append(const std::string& json) {
    if (enough_()) return;
    for (int i = 0; i < tries; ++i) {
      auto index = log_.append({.json = json, .exec_id = {}, .attempt = digest_of(json), .at = {1}});
      if (!index.ok()) continue;
      return told_.appended(*index, json);
    }
  }

  bool claim(const std::string& nonce) {
    if (enough_()) return false;
    const std::string approval = approval_of(nonce);
    told_.asked(nonce);
    for (int i = 0; i < tries; ++i) {
      auto answer = store_.claim(claim_of(nonce, approval, digest_of(nonce)));
      if (!answer.ok()) continue;
      if (answer->kind == Kind::fresh) told_.fresh(nonce);
      return answer->kind == Kind::fresh;
    }
    return false;
  }

  void seal(const std::string& nonce, NonceState state) {
    if (enough_()) return;
    const std::string json = (state == NonceState::sealed ? "seal of " : "doubt of ") + nonce;
    const std::string result = std::string(3'000, 'r') + json;
    Seal seal;
    seal.tenant = "acme";
    seal.nonce = nonce;
    seal.exec_id = digest_of(nonce);
    seal.state = state;
    seal.code = Code::ok;
    seal.effect = Effect::confirmed;
    seal.result = result;
    seal.entry = json;
    seal.at = {2};
    told_.sealing(nonce, result);
    for (int i = 0; i < tries; ++i) {
      auto sealed = store_.seal(seal);
      if (sealed.ok() && *sealed) told_.sealed(nonce, result, **sealed, json);
      if (sealed.ok() || sealed.code() == Code::invalid_argument) return;
    }
  }

 private:
  static constexpr int tries = 2;
  NonceStore& store_;
  ReceiptLog& log_;
  Told& told_;
  std::function<bool()> enough_;
};

/// Everything that must be true of a ledger that went through `told`. `log_known` where nobody else appended.
Failures check_ledger(Ledger& ledger, const Told& told) {
  Judge judge;
  judge.promise("the log", [&] {
    const std::uint64_t size = must(ledger.size(), "size");
    const auto lines = must(ledger.read(0, static_cast<std::size_t>(size) + 10), "read");
    judge.expect(lines.size() == size, "the log's size is not its number of entries");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      judge.expect(lines[i].index == i, "a gap before entry " + std::to_string(lines[i].index));
      judge.expect(lines[i].leaf_hash == crypto::sha256({std::string_view("\0", 1), lines[i].json}),
                   "a wrong leaf hash");
      judge.expect(seen.insert(lines[i].json).second, "an entry is there twice: " + lines[i].json);
    }
    for (const auto& [index, texts] : told.entries) {
      judge.expect(texts.size() == 1, "two entries were told the index " + std::to_string(index));
      judge.expect(index < lines.size() && lines[index].json == *texts.begin(),
                   "an acknowledged entry is not there: " + *texts.begin());
    }
  });
  judge.promise("the nonces", [&] {
    std::set<std::string> unfinished;
    for (const auto& [nonce, was] : told.nonces) {
      judge.expect(was.fresh <= 1, nonce + " was fresh " + std::to_string(was.fresh) + " times");
      const auto record = must(ledger.find("acme", nonce), "find");
      if (was.fresh > 0) judge.expect(record.has_value(), "an acknowledged claim is not there: " + nonce);
      if (was.sealed)
        judge.expect(record && (record->result == *was.sealed || record->result == was.sealing),
                     "an acknowledged seal is not there: " + nonce);
      if (record && record->state != NonceState::claimed)
        judge.expect(record->entry && must(ledger.read(*record->entry, 1), "read").size() == 1,
                     "a sealed record has no entry: " + nonce);
      if (record && record->state == NonceState::claimed) unfinished.insert(nonce);
    }
    for (const NonceRecord& orphan : must(ledger.orphans(), "orphans")) unfinished.erase(orphan.nonce);
    judge.expect(unfinished.empty(), "a claim of a process that is gone is no orphan");
  });
  judge.promise("what is spent", [&] {
    for (const auto& [nonce, was] : told.nonces) {
      const bool there = must(ledger.find("acme", nonce), "find").has_value();
      const std::string approval = approval_of(nonce);
      const std::string thief = "thief of " + nonce;
      const Kind stolen = must(ledger.claim(claim_of(thief, approval, digest_of(thief))), "claim").kind;
      judge.expect(stolen == (there ? Kind::approval_spent : Kind::fresh),
                   "nonce and approval were not spent together: " + nonce + (there ? " is there" : " is not there"));
      const Kind again = must(ledger.claim(claim_of(nonce, "", digest_of(nonce))), "claim").kind;
      judge.expect(again == (there ? Kind::exists : Kind::fresh), "a spent nonce was fresh again: " + nonce);
    }
  });
  return judge.failures();
}

void check_passes(const Failures& failures) {
  std::size_t shown = 0;
  for (const std::string& failure : failures)
    if (++shown <= 10) UNSCOPED_INFO(failure);
  CHECK(failures.empty());
}

/// Thousands of ledgers come and go, and what their disk does is played: memory is disk enough.
std::string folder_in_memory() {
  const std::string memory = "/dev/shm";
  return ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path().string();
}

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
    internals.keys = {.leaf = 2, .fences = 2, .flush = 3, .generation = 6, .growth = 2};
    return store::open_sqlite(path_, {}, internals);
  }

  template <class FaultAt>
  Failures each(FaultAt&& fault_at, const std::function<bool()>& power_cut, bool stops_at_fault) {
    for (std::uint64_t nth = 1;; ++nth) {
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
  std::uint64_t runs_ = 0;
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
    if (!answer.ok()) return ClaimAnswer{Kind::fresh, std::nullopt};
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
  CHECK(sweep.runs() > 1'000);
}

TEST_CASE("Whenever the power is cut, what was acknowledged is on the disk") {
  Sweep sweep;
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
      if (answer.ok() && answer->kind == Kind::fresh) {
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
      case Word::What::sealed:
        told.sealed(nonce, seal_text(word.number), word.index, seal_text(word.number));
        break;
      case Word::What::appended:
        told.appended(word.index, entry_text(word.number, static_cast<int>(word.number % 4)));
        break;
      case Word::What::failed:
        failures.push_back("a call failed in the child");
        break;
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
