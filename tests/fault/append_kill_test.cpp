// SPDX-License-Identifier: Apache-2.0
// kill -9 before, inside and after every single write of claims, seals and appends: of SQLite's files, and of the
// anchor that the ledger writes itself. After each, the log is a prefix with every acknowledged entry, and its
// checkpoint verifies.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

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

/// Who counts the calls below; null as long as nobody is to be killed.
FaultVfs* watching = nullptr;

}  // namespace

// The linker leads the library's calls here (--wrap): what it writes past SQLite is killed as SQLite's writes are.
extern "C" {
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_rename(const char* from, const char* to);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_unlink(const char* path);
ssize_t __wrap_write(int fd, const void* bytes, size_t size);
int __wrap_rename(const char* from, const char* to);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_unlink(const char* path);

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  if (watching == nullptr) return __real_write(fd, bytes, size);
  ssize_t done = -1;
  (void)watching->step([&] { done = __real_write(fd, bytes, size); },
                       [&] { (void)!__real_write(fd, bytes, size / 2); });
  return done;
}
int __wrap_rename(const char* from, const char* to) {
  if (watching == nullptr) return __real_rename(from, to);
  int done = -1;
  (void)watching->step([&] { done = __real_rename(from, to); });
  return done;
}
int __wrap_fsync(int fd) {
  if (watching == nullptr) return __real_fsync(fd);
  (void)watching->step([] {});  // who is only killed needs no disk
  return 0;
}
int __wrap_fdatasync(int fd) {
  if (watching == nullptr) return __real_fdatasync(fd);
  (void)watching->step([] {});
  return 0;
}
int __wrap_unlink(const char* path) {
  if (watching == nullptr) return __real_unlink(path);
  int done = -1;
  (void)watching->step([&] { done = __real_unlink(path); });
  return done;
}
}

namespace {

/// What those who are going to be killed do.
enum class Life {
  alone,     ///< one caller, an operation at a time
  grouped,   ///< leads batches, as they gather from several callers
  torn,      ///< says that it leads a batch, and writes its members one by one
  boastful,  ///< acknowledges an entry before it is written
};

constexpr int groups = 2;
std::string first_of(int group) { return "first of " + std::to_string(group); }
std::string second_of(int group) { return "second of " + std::to_string(group); }
std::string beside(int group) { return "refusal in group " + std::to_string(group); }

/// Each group: two claims and a refusal in one batch, then the seals of both in another with the next refusal.
class Leader {
 public:
  Leader(Ledger& ledger, Told& told, bool torn) : ledger_(ledger), told_(told), torn_(torn) {}

  void lead(int group) {
    const std::string names[] = {first_of(group), second_of(group)};
    const std::string approvals[] = {approval_of(names[0]), approval_of(names[1])};
    const Claim claims[] = {claim_of(names[0], approvals[0], digest_of(names[0])),
                            claim_of(names[1], approvals[1], digest_of(names[1]))};
    const std::string texts[] = {beside(group), "late " + beside(group)};
    const NewEntry refusals[] = {{.json = texts[0], .exec_id = {}, .attempt = digest_of(texts[0]), .at = {1}},
                                 {.json = texts[1], .exec_id = {}, .attempt = digest_of(texts[1]), .at = {1}}};
    for (const std::string& name : names) told_.asked(name);
    std::vector<Operation> batch{{.what = &claims[0]}, {.what = &refusals[0]}, {.what = &claims[1]}};
    submit(batch);
    for (const std::size_t i : {std::size_t{0}, std::size_t{2}})
      if (batch[i].status.ok() && batch[i].claim.kind == ClaimAnswer::Kind::fresh) told_.fresh(names[i / 2]);
    if (batch[1].entry) told_.appended(*batch[1].entry, texts[0]);

    const std::string seal_texts[] = {"seal of " + names[0], "seal of " + names[1]};
    Seal seals[2];
    for (int i = 0; i < 2; ++i) {
      seals[i].tenant = "acme";
      seals[i].nonce = names[i];
      seals[i].exec_id = digest_of(names[i]);
      seals[i].state = NonceState::sealed;
      seals[i].code = Code::ok;
      seals[i].effect = Effect::confirmed;
      seals[i].result = seals[i].entry = seal_texts[i];
      seals[i].at = {2};
      told_.sealing(names[i], seal_texts[i]);
    }
    batch = {{.what = &seals[0]}, {.what = &refusals[1]}, {.what = &seals[1]}};
    submit(batch);
    for (const std::size_t i : {std::size_t{0}, std::size_t{2}})
      if (batch[i].entry) told_.sealed(names[i / 2], seal_texts[i / 2], *batch[i].entry, seal_texts[i / 2]);
    if (batch[1].entry) told_.appended(*batch[1].entry, texts[1]);
  }

  /// A batch is there or it is not.
  static Failures check(Ledger& ledger) {
    Judge judge;
    judge.promise("batches", [&] {
      std::set<std::string> log;
      for (const LogLine& line : must(ledger.read(0, 10'000), "read")) log.insert(line.json);
      for (int group = 0; group < groups; ++group) {
        const auto first = must(ledger.find("acme", first_of(group)), "find");
        const auto second = must(ledger.find("acme", second_of(group)), "find");
        const auto is_sealed = [](const auto& record) { return record && record->state == NonceState::sealed; };
        judge.expect(first.has_value() == second.has_value() && first.has_value() == (log.count(beside(group)) == 1),
                     "a part of the claims' batch is there");
        const bool late = log.count("late " + beside(group)) == 1;
        judge.expect(is_sealed(first) == late && is_sealed(second) == late, "a part of the seals' batch is there");
      }
    });
    return judge.failures();
  }

 private:
  void submit(std::span<Operation> batch) {
    if (!torn_) return ledger_.submit(batch);
    for (Operation& one : batch) ledger_.submit({&one, 1});
  }

  Ledger& ledger_;
  Told& told_;
  const bool torn_;
};

/// The same life again and again from the same ledger, each time killed one call later.
class Killing {
 public:
  explicit Killing(bool anchored, Life life = Life::alone) : anchored_(anchored), life_(life) {
    auto ledger = must(open(), "open");
    Told before;
    // A few leaves short of a full tile, so that one of the appends that follow writes it.
    for (int i = 0; i < 251; ++i) Caller(*ledger, *ledger, before).append("before-" + std::to_string(i));
    ledger.reset();
    for (const char* suffix : suffixes)
      if (fs::exists(path_ + suffix)) fs::copy_file(path_ + suffix, start_ + suffix);
  }

  [[nodiscard]] std::uint64_t kills() const noexcept { return kills_; }

  /// At each call from `first` on, or at one of `step`. Stops at the first one that breaks a promise.
  Failures at_every_call(Fault::How how, std::uint64_t first = 1, std::uint64_t step = 1) {
    for (std::uint64_t nth = first;; nth += step) {
      start_again();
      Told told;
      const bool killed = live(nth, how, told);
      Failures failures = examine(told);
      for (std::string& failure : failures) failure = "killed at call " + std::to_string(nth) + ": " + failure;
      if (!failures.empty() || !killed) return failures;
      ++kills_;
    }
  }

 private:
  static constexpr const char* suffixes[] = {"", "-wal", "-shm", ".log-key", ".new", ".anchor"};

  Result<std::shared_ptr<Ledger>> open() {
    store::SqliteInternals internals;
    internals.vfs = vfs_.name();
    internals.checkpoint_pages = 12;
    internals.any_file = true;  // it begins from the same bytes again and again
    internals.keys = {.leaf = 2, .fences = 2, .flush = 3, .generation = 6, .growth = 2};
    SqliteOptions options;
    if (anchored_) options.log.anchor = path_ + ".anchor";
    return store::open_sqlite(path_, options, internals);
  }

  void start_again() {
    for (const char* suffix : suffixes) {
      fs::remove(path_ + suffix);
      if (fs::exists(start_ + suffix)) fs::copy_file(start_ + suffix, path_ + suffix);
    }
    vfs_.forget_files();
  }

  /// Whether it was killed; else it lived to its end.
  bool live(std::uint64_t nth, Fault::How how, Told& told) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      Told aloud([end = ends[1]](const std::string& line) {
        return __real_write(end, line.data(), line.size()) == static_cast<ssize_t>(line.size());
      });
      auto ledger = open();
      if (!ledger.ok()) ::_exit(8);
      vfs_.arm({nth, how, 1, SQLITE_OK});
      watching = &vfs_;
      if (life_ == Life::grouped || life_ == Life::torn) {
        Leader leader(**ledger, aloud, life_ == Life::torn);
        for (int group = 0; group < groups; ++group) leader.lead(group);
        ::_exit(0);
      }
      if (life_ == Life::boastful) aloud.appended((*ledger)->size().value(), "refusal beside n-0");
      Caller caller(**ledger, **ledger, aloud);
      for (int i = 0; i < 2; ++i) caller.attempt("n-" + std::to_string(i), i == 1);
      ::_exit(0);
    }
    ::close(ends[1]);
    told.hear(ends[0]);
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    CHECK((killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
    return killed;
  }

  Failures examine(const Told& told) {
    auto ledger = open();
    if (!ledger.ok()) return {"the ledger does not open again: " + ledger.status().detail()};
    if (Failures failures = Leader::check(**ledger); !failures.empty()) return failures;
    if (Failures failures = check_ledger(**ledger, told); !failures.empty()) return failures;
    // Whatever it was in the middle of, it goes on.
    if (auto index = (*ledger)->append({.json = "after", .exec_id = {}, .attempt = digest_of("after"), .at = {1}});
        !index.ok())
      return {"the ledger takes no entry any more: " + index.status().detail()};
    for (const auto& file : fs::directory_iterator(fs::path(path_).parent_path()))
      if (file.path().filename().string().find(".anchor.new") != std::string::npos)
        return {"a draft of the anchor stays"};
    return {};
  }

  TemporaryFolder folder_{folder_in_memory()};
  const std::string path_ = folder_.file("ledger.db");
  const std::string start_ = folder_.file("start.db");
  FaultVfs vfs_{"openexec-kill"};
  const bool anchored_;
  const Life life_;
  std::uint64_t kills_ = 0;
};

/// A long run kills before, inside and after every call. Otherwise each call has one of the three, in turn.
const std::uint64_t step = static_cast<std::uint64_t>(campaign(3, 1));

void at_calls_in_turn(Killing& killing) {
  std::uint64_t first = 0;
  for (auto how : {Fault::How::killed_before, Fault::How::killed_inside, Fault::How::killed_after})
    check_passes(killing.at_every_call(how, 1 + first++ % step, step));
}

}  // namespace

TEST_CASE("Killed before, inside or after any write, the log is a prefix with every acknowledged entry, and signed") {
  for (const bool anchored : {false, true}) {
    Killing killing(anchored);
    at_calls_in_turn(killing);
    std::cout << "fault: " << killing.kills() << " kills" << (anchored ? ", with an anchor" : "") << "\n";
    CHECK(killing.kills() > 100 / step);
  }
}

TEST_CASE("The leader dies at each step of a group commit: its batch is there or it is not, acknowledged it is there") {
  for (const bool anchored : {false, true}) {
    Killing killing(anchored, Life::grouped);
    at_calls_in_turn(killing);
    std::cout << "fault: " << killing.kills() << " leaders killed" << (anchored ? ", with an anchor" : "") << "\n";
    CHECK(killing.kills() > 100 / step);
  }
}

TEST_CASE("Killing at every write finds a log that acknowledges first and writes later, and batches that are torn") {
  CHECK_FALSE(Killing(false, Life::boastful).at_every_call(Fault::How::killed_before).empty());
  CHECK_FALSE(Killing(false, Life::torn).at_every_call(Fault::How::killed_before).empty());
}
