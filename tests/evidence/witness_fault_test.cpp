// SPDX-License-Identifier: Apache-2.0
// A witness whose disk fails, loses its power, or whose process is killed, at each call: it never signs two histories.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "merkle/hash.hpp"
#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/parts.hpp"
#include "support/real_log.hpp"
#include "witness/witness.hpp"

using namespace openexec;
using namespace openexec::test;
using openexec::witness::Answer;
using openexec::witness::State;
using openexec::witness::TrustedLog;
using openexec::witness::Witness;

namespace {

constexpr Timestamp noon{1'772'366'400'000'000};
constexpr std::uint64_t common = 3;

/// Two histories of one log, which part after `common` entries.
class Histories {
 public:
  Histories() : logs_{log_of(common), log_of(common)} {
    for (std::uint64_t which = 0; which < 2; ++which)
      for (std::uint64_t i = common; i < 12; ++i) REQUIRE(logs_[which].append(leaf(1'000 * (which + 1) + i)).ok());
  }
  [[nodiscard]] merkle::TreeHead head(std::size_t which, std::uint64_t size) {
    return {size, merkle::root_at(size, logs_[which].tiles).value()};
  }
  [[nodiscard]] std::string request(std::size_t which, std::uint64_t from, std::uint64_t to) {
    const auto note = merkle::sign_checkpoint({log_name, head(which, to), {}}, log_named(log_name)).value();
    return add_checkpoint_body(from, merkle::prove_consistency(from, to, logs_[which].tiles).value(), note);
  }

 private:
  Log logs_[2];
};

std::string own_key() { return witness_named("w.example").verifier_key().write(); }

Result<Witness> open(const std::string& path, const char* vfs) {
  auto state = State::open(path, vfs);
  if (!state.ok()) return state.status();
  return Witness::make(key_of("w.example"), {TrustedLog::parse(vkey_of_log()).value()}, *std::move(state));
}

/// What was signed so far. A second history in it is the end of all trust.
struct Signed {
  std::optional<std::size_t> history;
  std::uint64_t newest = 0;

  void add(std::size_t which, std::uint64_t size) {
    if (size > common) {
      CHECK(history.value_or(which) == which);
      history = which;
    }
    newest = std::max(newest, size);
  }
};

/// Each history in turn asks for its next tree, from wherever the witness stands.
template <class Sign>
void life(Histories& histories, Witness& witness, const Sign& sign) {
  std::array<std::uint64_t, 2> old{0, 0};
  for (int turn = 0; turn < 10; ++turn) {
    const auto which = static_cast<std::size_t>(turn % 2);
    const std::uint64_t to = std::min<std::uint64_t>(old[which] + 2, 12);
    const Answer answer = witness.add_checkpoint(histories.request(which, old[which], to), noon);
    if (answer.kind == Answer::Kind::cosigned) {
      sign(which, to);
      old[which] = to;
    } else if (answer.kind == Answer::Kind::conflict) {
      old[which] = std::min<std::uint64_t>(std::stoull(answer.body), 10);
    }
  }
}

/// A witness that is well goes on from what the file holds, in one history.
void check_afterwards(Histories& histories, const std::string& path, const char* vfs, Signed& so_far) {
  auto witness = open(path, vfs);
  REQUIRE(witness.ok());
  life(histories, *witness, [&](std::size_t which, std::uint64_t size) { so_far.add(which, size); });
  CHECK(so_far.history);
  const auto latest = State::open_read_only(path).value().latest(log_name).value().head;
  CHECK(latest.size >= so_far.newest);
  CHECK(latest == histories.head(*so_far.history, latest.size));
}

}  // namespace

TEST_CASE("a disk that fails at any call, once or for ever, before or after doing it: one history is signed") {
  Histories histories;
  for (const auto how : {Fault::How::without_doing_it, Fault::How::after_doing_it}) {
    for (const std::uint64_t times : {std::uint64_t{1}, Fault::for_ever}) {
      std::size_t points = 0;
      for (std::uint64_t nth = 1;; ++nth) {
        TemporaryFolder folder;
        const std::string path = folder.file("state.db");
        REQUIRE(State::create(path, own_key()).ok());
        FaultVfs vfs("witness-fault");
        Signed so_far;
        INFO("call " << nth);
        vfs.arm({nth, how, times, SQLITE_IOERR});
        if (auto witness = open(path, vfs.name()); witness.ok())
          life(histories, *witness, [&](std::size_t which, std::uint64_t size) { so_far.add(which, size); });
        const bool reached = vfs.reached();
        vfs.arm({});
        check_afterwards(histories, path, vfs.name(), so_far);
        if (!reached) break;
        ++points;
      }
      CHECK(points > 20);
    }
  }
}

TEST_CASE("the power fails at any call: what was signed is remembered") {
  Histories histories;
  std::mt19937 random(4);
  for (const double survives : {0.0, 0.5, 1.0}) {
    std::size_t points = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      TemporaryFolder folder;
      const std::string path = folder.file("state.db");
      REQUIRE(State::create(path, own_key()).ok());
      FaultVfs vfs("witness-power");
      Signed so_far;
      INFO("call " << nth << ", of what was not synced " << survives << " survives");
      vfs.arm({nth, Fault::How::without_doing_it, Fault::for_ever, SQLITE_IOERR});
      if (auto witness = open(path, vfs.name()); witness.ok())
        life(histories, *witness, [&](std::size_t which, std::uint64_t size) { so_far.add(which, size); });
      const bool reached = vfs.reached();
      vfs.arm({});
      vfs.cut_power([&] { return std::bernoulli_distribution(survives)(random); });
      check_afterwards(histories, path, vfs.name(), so_far);
      if (!reached) break;
      ++points;
    }
    CHECK(points > 20);
  }
}

TEST_CASE("kill -9 before any sync: what was signed is remembered, and one history goes on") {
  Histories histories;
  std::size_t points = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    TemporaryFolder folder;
    const std::string path = folder.file("state.db");
    REQUIRE(State::create(path, own_key()).ok());
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      FaultVfs vfs("witness-kill");
      std::uint64_t syncs = 0;
      vfs.at_sync([&] {
        if (++syncs == nth) ::kill(::getpid(), SIGKILL);
      });
      auto witness = open(path, vfs.name());
      if (!witness.ok()) ::_exit(3);
      life(histories, *witness, [&](std::size_t which, std::uint64_t size) {
        const std::array<char, 2> told{static_cast<char>(which), static_cast<char>(size)};
        if (::write(ends[1], told.data(), told.size()) != 2) ::_exit(4);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    Signed so_far;
    for (std::array<char, 2> told; ::read(ends[0], told.data(), told.size()) == 2;)
      so_far.add(static_cast<std::size_t>(told[0]), static_cast<std::uint64_t>(told[1]));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO("sync " << nth);
    REQUIRE((WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
    check_afterwards(histories, path, nullptr, so_far);
    if (!WIFSIGNALED(status)) break;
    ++points;
  }
  CHECK(points >= 5);
}

TEST_CASE("every bit of a request flipped once: nothing is cosigned, and nothing is remembered") {
  Histories histories;
  TemporaryFolder folder;
  const std::string path = folder.file("state.db");
  REQUIRE(State::create(path, own_key()).ok());
  auto witness = open(path, nullptr).value();
  REQUIRE(witness.add_checkpoint(histories.request(0, 0, 5), noon).kind == Answer::Kind::cosigned);
  const std::string good = histories.request(0, 5, 12);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    const auto kind = witness.add_checkpoint(bad, noon).kind;
    if (kind != Answer::Kind::cosigned && kind != Answer::Kind::failed) ++refused;
  }
  CHECK(refused == good.size() * 8);
  CHECK(State::open_read_only(path).value().latest(log_name).value().head == histories.head(0, 5));
  CHECK(witness.add_checkpoint(good, noon).kind == Answer::Kind::cosigned);
}
