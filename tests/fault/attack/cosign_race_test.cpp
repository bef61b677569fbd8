// SPDX-License-Identifier: Apache-2.0
// Processes that keep cosignatures of one log at once, some of them killed half-way: what was acknowledged is there.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <openexec/ledger.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "conformance/transparency_suite.hpp"
#include "fault/told.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "tlog/note_file.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

/// Processes that begin together. Each says with its exit status whether what it did was acknowledged.
class Crowd {
 public:
  Crowd() { REQUIRE(::pipe(gate_) == 0); }

  void add(const std::function<bool()>& prepare, const std::function<bool()>& act) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(gate_[1]);
      const bool ready = prepare();
      char none = 0;
      (void)!::read(gate_[0], &none, 1);  // ends when the parent opens the gate
      ::_exit(ready && act() ? 0 : 1);
    }
    members_.push_back(child);
  }

  void open_gate() { ::close(gate_[1]); }
  void kill(std::size_t member) { ::kill(members_.at(member), SIGKILL); }

  std::vector<bool> acknowledged() {
    std::vector<bool> all;
    for (const pid_t member : members_) {
      int status = 0;
      REQUIRE(::waitpid(member, &status, 0) == member);
      all.push_back(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ::close(gate_[0]);
    return all;
  }

 private:
  int gate_[2]{};
  std::vector<pid_t> members_;
};

/// A log, and what processes do to its cosigned checkpoint.
class Cosigning {
 public:
  Cosigning() { grow(3); }

  void grow(std::uint64_t count) {
    REQUIRE(append_executed(*ledger_, size_, count));
    size_ += count;
    newest_ = ledger_->transparency()->checkpoint().value();
  }

  /// A process that keeps one witness's cosignature of the newest checkpoint.
  void keeper(Crowd& crowd, const std::string& witness) {
    const std::string note = SignedLog::cosign(newest_.note, {witness});
    auto mine = std::make_shared<std::shared_ptr<Ledger>>();
    crowd.add(
        [this, mine] {
          auto opened = sqlite_ledger(path_, {.read_only = true, .log = {}});
          if (opened.ok()) *mine = *opened;
          return opened.ok();
        },
        [mine, note] { return (*mine)->transparency()->keep_cosigned(note).ok(); });
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::optional<SignedCheckpoint> kept() {
    return ledger_->transparency()->cosigned_checkpoint().value();
  }
  [[nodiscard]] bool has(const std::string& witness) {
    const auto checkpoint = kept();
    return checkpoint && checkpoint->note.find("\u2014 " + witness + " ") != std::string::npos;
  }
  [[nodiscard]] std::size_t drafts() const {
    std::size_t count = 0;
    for (const auto& file : fs::directory_iterator(fs::path(path_).parent_path()))
      count += file.path().filename().string().find(".new") != std::string::npos ? 1U : 0U;
    return count;
  }

 private:
  TemporaryFolder folder_{folder_in_memory()};
  const std::string path_ = folder_.file("ledger.db");
  std::shared_ptr<Ledger> ledger_ = sqlite_ledger(path_, {}).value();
  std::uint64_t size_ = 0;
  SignedCheckpoint newest_;
};

const std::vector<std::string> witnesses{"w1", "w2", "w3", "w4", "w5", "w6"};

}  // namespace

TEST_CASE("Of the cosignatures that processes keep at once, each that was acknowledged is kept") {
  Cosigning log;
  const int rounds = campaign(60, 2000);
  for (int round = 0; round < rounds; ++round) {
    Crowd crowd;
    for (const std::string& witness : witnesses) log.keeper(crowd, witness);
    crowd.open_gate();
    const std::vector<bool> acknowledged = crowd.acknowledged();
    for (std::size_t i = 0; i < witnesses.size(); ++i) {
      CHECK(acknowledged[i]);
      CHECK(log.has(witnesses[i]));
    }
    CHECK(log.drafts() == 0);
    log.grow(1);
  }
}

TEST_CASE("A process that is killed while it keeps a cosignature loses its own at most, and its draft goes") {
  Cosigning log;
  std::minstd_rand random(20);
  const int rounds = campaign(60, 2000);
  int killed = 0;
  for (int round = 0; round < rounds; ++round) {
    Crowd crowd;
    for (const std::string& witness : witnesses) log.keeper(crowd, witness);
    crowd.open_gate();
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));  // any moment may be the one
      crowd.kill(random() % witnesses.size());
    }
    const std::vector<bool> acknowledged = crowd.acknowledged();
    for (std::size_t i = 0; i < witnesses.size(); ++i) {
      if (acknowledged[i]) CHECK(log.has(witnesses[i]));
      killed += acknowledged[i] ? 0 : 1;
    }
    Crowd last;
    log.keeper(last, "w7");
    last.open_gate();
    CHECK(last.acknowledged()[0]);
    CHECK(log.has("w7"));
    CHECK(log.drafts() == 0);
    log.grow(1);
  }
  std::cout << "fault: " << killed << " killed while they kept a cosignature\n";
  CHECK(killed > 0);
}

TEST_CASE("A cosigned checkpoint never gives way to an earlier one, whichever process comes last") {
  Cosigning log;
  const int rounds = campaign(60, 2000);
  for (int round = 0; round < rounds; ++round) {
    Crowd crowd;
    std::vector<std::uint64_t> sizes;
    for (const std::string& witness : witnesses) {
      log.keeper(crowd, witness);
      sizes.push_back(log.size());
      log.grow(1);
    }
    crowd.open_gate();
    const std::vector<bool> acknowledged = crowd.acknowledged();
    CHECK(acknowledged.back());
    REQUIRE(log.kept());
    CHECK(log.kept()->size == sizes.back());
  }
}

TEST_CASE("A note that openings of one process and of several replace at once loses no replacement") {
  const TemporaryFolder folder(folder_in_memory());
  const std::string path = folder.file("note");
  const int each = campaign(50, 2000);
  const auto count_up = [&] {
    for (int i = 0; i < each; ++i) {
      const store::NoteLock lock = store::NoteLock::acquire(path);
      lock.replace(std::to_string(std::stoi(lock.read().value_or("0")) + 1));
    }
    return true;
  };
  Crowd crowd;
  for (int i = 0; i < 3; ++i) crowd.add([] { return true; }, count_up);
  crowd.open_gate();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(count_up);
  for (std::thread& thread : threads) thread.join();
  for (const bool acknowledged : crowd.acknowledged()) CHECK(acknowledged);
  CHECK(store::read_note_file(path) == std::to_string(6 * each));
}

TEST_CASE("A note's lock is a regular file that is not a link, and one opening has it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("note");
  {
    const store::NoteLock held = store::NoteLock::acquire(path);
    CHECK_FALSE(store::NoteLock::try_acquire(path));
  }
  CHECK(store::NoteLock::try_acquire(path));
  fs::remove(path + ".lock");
  REQUIRE(::mkfifo((path + ".lock").c_str(), 0600) == 0);
  CHECK_THROWS(store::NoteLock::acquire(path));
  fs::remove(path + ".lock");
  fs::create_symlink(folder.file("elsewhere"), path + ".lock");
  CHECK_THROWS(store::NoteLock::acquire(path));
  CHECK_FALSE(fs::exists(folder.file("elsewhere")));
}
