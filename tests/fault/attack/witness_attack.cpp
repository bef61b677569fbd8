// SPDX-License-Identifier: Apache-2.0
// A witness's memory is killed, copied, linked, moved, stripped of its files and adopted, in a random order, while two
// histories of one log ask for cosignatures: nothing of the second one is ever signed beside the first.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "merkle/proof.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/parts.hpp"
#include "support/real_log.hpp"
#include "witness/witness.hpp"

using namespace openexec;
using namespace openexec::test;
using openexec::witness::Answer;
using openexec::witness::State;
using openexec::witness::TrustedLog;
using openexec::witness::Witness;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

constexpr Timestamp noon{1'772'366'400'000'000};
constexpr std::uint64_t common = 3;
constexpr std::uint64_t largest = 64;

/// Two histories of one log, which part after `common` entries.
class Histories {
 public:
  Histories() : logs_{log_of(common), log_of(common)} {
    for (std::uint64_t which = 0; which < 2; ++which)
      for (std::uint64_t i = common; i < largest; ++i) REQUIRE(logs_[which].append(leaf(1'000 * (which + 1) + i)).ok());
  }
  [[nodiscard]] std::string note(std::size_t which, std::uint64_t size) {
    return merkle::sign_checkpoint({log_name, head(which, size), {}}, log_named(log_name)).value();
  }
  [[nodiscard]] merkle::TreeHead head(std::size_t which, std::uint64_t size) {
    return {size, merkle::root_at(size, logs_[which].tiles).value()};
  }
  [[nodiscard]] std::string request(std::size_t which, std::uint64_t from, std::uint64_t to) {
    return add_checkpoint_body(from, merkle::prove_consistency(from, to, logs_[which].tiles).value(), note(which, to));
  }

 private:
  Log logs_[2];
};

std::string own_key() { return witness_named("w.example").verifier_key().write(); }

Result<Witness> open(const std::string& path) {
  auto state = State::open(path);
  if (!state.ok()) return state.status();
  return Witness::make(key_of("w.example"), {TrustedLog::parse(vkey_of_log()).value()}, *std::move(state));
}

/// One request for a tree of this size, from wherever the witness stands.
bool asks(Histories& histories, Witness& witness, std::size_t which, std::uint64_t to) {
  Answer answer = witness.add_checkpoint(histories.request(which, 0, to), noon);
  if (answer.kind != Answer::Kind::conflict) return answer.kind == Answer::Kind::cosigned;
  const std::uint64_t stands = std::stoull(answer.body);
  if (stands == 0 || stands > to) return false;
  answer = witness.add_checkpoint(histories.request(which, stands, to), noon);
  return answer.kind == Answer::Kind::cosigned;
}

/// What the world can show of the witness's signatures.
struct Shown {
  std::optional<std::size_t> history;
  std::uint64_t newest = 0;
  int equivocations = 0;
  std::uint64_t count = 0;

  void add(std::size_t which, std::uint64_t size) {
    ++count;
    newest = std::max(newest, size);
    if (size <= common) return;
    if (history.value_or(which) != which) ++equivocations;
    if (!history) history = which;
  }
};

class Campaign {
 public:
  Campaign(Histories& histories, unsigned seed) : histories_(histories), random_(seed) { make(); }

  void round() {
    static constexpr std::size_t kinds = 9;
    switch (random_() % kinds) {
      case 0: copy(false); break;
      case 1: copy(true); break;
      case 2: link(); break;
      case 3: lose("-wal"); break;
      case 4: lose("-shm"); break;
      case 5: move(); break;
      case 6: put_copy_back(); break;
      default: break;
    }
    serve(path_);
    if (fs::exists(other_)) serve(other_);
  }

  [[nodiscard]] const Shown& shown() const { return shown_; }
  [[nodiscard]] int adoptions() const { return adoptions_; }

 private:
  void make() {
    REQUIRE(State::create(path_, own_key()).ok());
    shown_ = {};
  }

  /// A process serves some requests of both histories, and is killed at some time or ends by itself. What was signed
  /// counts, whether anybody heard of it or not.
  void serve(const std::string& path) {
    const std::size_t first = random_() % 2;
    const int requests = static_cast<int>(random_() % 4);
    const bool dies = random_() % 2 == 0;
    const std::uint64_t from = shown_.newest;
    Child child([&](const auto& say) {
      auto witness = open(path);
      if (!witness.ok()) return say("no " + witness.status().detail());
      for (int i = 0; i < requests; ++i) {
        const std::size_t which = (first + static_cast<std::size_t>(i)) % 2;
        const std::uint64_t to = std::min(from + 1 + static_cast<std::uint64_t>(i), largest);
        if (asks(histories_, *witness, which, to)) say("signed " + std::to_string(which) + " " + std::to_string(to));
      }
      if (dies) ::_exit(9);  // no destructor runs: the kernel closes what was open
      { const Witness ended = *std::move(witness); }
      say("end");
    });
    bool refused = false;
    const int heard = dies && random_() % 2 == 0 ? static_cast<int>(random_() % 3) : 100;
    for (int i = 0; i < heard; ++i) {
      const std::string line = child.line();
      if (line.empty() || !hear(line, refused)) break;
    }
    child.kill();
    for (std::string line; !(line = child.line()).empty();) hear(line, refused);
    if (refused && path == path_) adopt_or_start_anew();
    if (shown_.newest + 8 > largest) start_anew();
  }

  bool hear(const std::string& line, bool& refused) {
    std::istringstream in(line);
    std::string word;
    std::size_t which = 0;
    std::uint64_t size = 0;
    in >> word;
    if (word == "signed" && in >> which >> size) shown_.add(which, size);
    if (word == "no") refused = true;
    return word == "signed";
  }

  /// The operator's way out. No other copy is served any more from then on.
  void adopt_or_start_anew() {
    fs::remove(other_);
    for (const char* each : {"-wal", "-shm"}) fs::remove(other_ + each);
    if (!fs::exists(path_)) return start_anew();
    Child operator_([&](const auto& say) {
      say(State::adopt(path_, "a campaign", noon).ok() ? "adopted" : "refused");
      auto state = State::open(path_);
      if (!state.ok() || shown_.newest == 0) return say("no");
      const std::size_t which = shown_.history.value_or(0);
      const Status confirmed = state->confirm(
          {log_name, histories_.head(which, shown_.newest), histories_.note(which, shown_.newest), noon, {}});
      say(confirmed.ok() ? "confirmed" : confirmed.detail());
    });
    if (child_says(operator_, "adopted")) ++adoptions_;
    (void)operator_.line();
    operator_.wait();
  }
  static bool child_says(Child& child, const std::string& word) { return child.line() == word; }

  void start_anew() {
    for (const std::string& file : {path_, other_})
      for (const char* each : {"", "-wal", "-shm"}) fs::remove(file + each);
    make();
  }

  void copy(bool with_log) {
    copy_file(path_, other_);
    fs::remove(other_ + "-wal");
    if (with_log) copy_file(path_ + "-wal", other_ + "-wal");
  }
  static void copy_file(const std::string& from, const std::string& to) {
    fs::remove(to);
    if (fs::exists(from)) fs::copy_file(from, to);
  }
  void link() {
    fs::remove(other_);
    if (fs::exists(path_)) fs::create_hard_link(path_, other_);
  }
  void lose(const std::string& what) { fs::remove(path_ + what); }
  void move() {
    if (!fs::exists(path_)) return;
    const std::string away = folder_.file("away.db");
    fs::rename(path_, away);
    fs::rename(away, path_);
  }
  /// A copy of some time ago takes the place of the file, under its name.
  void put_copy_back() {
    const std::string old = folder_.file("old.db");
    if (fs::exists(old) && random_() % 2 == 0) {
      fs::rename(old, path_);
    } else {
      copy_file(path_, old);
    }
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("state.db");
  const std::string other_ = folder_.file("other.db");
  Histories& histories_;
  std::mt19937 random_;
  Shown shown_;
  int adoptions_ = 0;
};

/// Signs size 5 of the first history in a process that is killed then.
void sign_and_die(Histories& histories, const std::string& path) {
  Child child([&](const auto& say) {
    auto witness = open(path);
    say(witness.ok() && asks(histories, *witness, 0, 5) ? "signed" : "failed");
    for (;;) ::pause();
  });
  REQUIRE(child.line() == "signed");
}

/// What becomes of a request of the second history for the same size.
std::string second_history(Histories& histories, const std::string& path) {
  auto witness = open(path);
  if (!witness.ok()) return witness.status().detail();
  return asks(histories, *witness, 1, 5) ? "EQUIVOCATION" : "kept";
}

}  // namespace

TEST_CASE("Kills, copies, links, lost files and adoptions in any order: one history is signed") {
  const int rounds = campaign(150, 10'000);
  Histories histories;
  int done = 0, adoptions = 0, equivocations = 0;
  std::uint64_t cosigned = 0;
  for (unsigned seed = 1; done < rounds; ++seed) {
    // Short ones, so that the witness often stands where the histories part.
    Campaign one(histories, seed);
    for (int i = 0; i < 6 && done < rounds; ++i, ++done) one.round();
    equivocations += one.shown().equivocations;
    cosigned += one.shown().count;
    adoptions += one.adoptions();
  }
  std::cout << "witness: " << done << " mixes, " << cosigned << " cosignatures, " << adoptions << " adoptions, "
            << equivocations << " equivocations\n";
  CHECK(equivocations == 0);
  CHECK(cosigned > static_cast<std::uint64_t>(rounds) / 5);
  CHECK(adoptions > rounds / 50);
}

TEST_CASE("A second name, a lost log or a copy of a running witness's memory signs no second history") {
  Histories histories;
  TemporaryFolder folder;
  const std::string path = folder.file("state.db");
  const std::string other = folder.file("other.db");
  REQUIRE(State::create(path, own_key()).ok());
  SECTION("its write-ahead log is lost after a kill") {
    sign_and_die(histories, path);
    fs::remove(path + "-wal");
    fs::remove(path + "-shm");
    CHECK_THAT(second_history(histories, path), Contains("write-ahead log is lost"));
  }
  SECTION("a plain copy of a running witness's file") {
    auto witness = open(path);
    REQUIRE(witness.ok());
    REQUIRE(asks(histories, *witness, 0, 5));
    fs::copy_file(path, other);
    CHECK_THAT(second_history(histories, other), Contains("write-ahead log is lost"));
  }
  SECTION("a copy that is whole") {
    fs::copy_file(path, other);
    sign_and_die(histories, path);
    CHECK_THAT(second_history(histories, other), Contains("copy of another file"));
  }
  SECTION("a hard link") {
    fs::create_hard_link(path, other);
    CHECK_THAT(second_history(histories, other), Contains("hard links"));
  }
  SECTION("the file is moved while a witness has it") {
    auto witness = open(path);
    REQUIRE(witness.ok());
    REQUIRE(asks(histories, *witness, 0, 5));
    fs::rename(path, other);
    CHECK_THAT(second_history(histories, other), Contains("in use"));
  }
  SECTION("a second serve") {
    auto witness = open(path);
    REQUIRE(witness.ok());
    CHECK_THAT(second_history(histories, path), Contains("in use"));
  }
}

TEST_CASE("After an adoption no log is cosigned until its newest checkpoint is confirmed") {
  Histories histories;
  TemporaryFolder folder;
  const std::string path = folder.file("state.db");
  const std::string other = folder.file("other.db");
  REQUIRE(State::create(path, own_key()).ok());
  {
    auto witness = open(path).value();
    REQUIRE(asks(histories, witness, 0, 2));
  }
  fs::copy_file(path, other);
  {
    auto witness = open(path).value();
    REQUIRE(asks(histories, witness, 0, 5));
  }
  fs::remove(path);
  CHECK(State::adopt(other, "", noon).code() == Code::store_failed);
  REQUIRE(State::adopt(other, "the disk died", noon).ok());
  CHECK(second_history(histories, other) == "kept");
  {
    auto state = State::open(other).value();
    CHECK_FALSE(state.latest(log_name).value().confirmed);
    CHECK_FALSE(state.latest("a log that it never saw").value().confirmed);
    CHECK(state.confirm({log_name, histories.head(0, 1), "older", noon, {}}).code() == Code::store_failed);
    CHECK(state.confirm({log_name, histories.head(0, 5), "newest", noon, {}}).ok());
  }
  CHECK(second_history(histories, other) == "kept");
  auto witness = open(other).value();
  CHECK(asks(histories, witness, 0, 6));
}

TEST_CASE("The time of a cosignature never goes back") {
  Histories histories;
  TemporaryFolder folder;
  const std::string path = folder.file("state.db");
  REQUIRE(State::create(path, own_key()).ok());
  const auto time_of = [](const Answer& answer) {
    REQUIRE(answer.kind == Answer::Kind::cosigned);
    return answer.body;  // of one checkpoint: equal for equal times, since Ed25519 is deterministic
  };
  const std::string same = histories.request(0, 5, 5);
  auto witness = open(path).value();
  (void)time_of(witness.add_checkpoint(histories.request(0, 0, 5), noon));
  const std::string later = time_of(witness.add_checkpoint(same, {noon.micros + 60'000'000}));
  CHECK(time_of(witness.add_checkpoint(same, noon)) == later);
  CHECK(time_of(witness.add_checkpoint(same, {noon.micros + 61'000'000})) != later);
}
