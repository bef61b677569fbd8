// SPDX-License-Identifier: Apache-2.0
// Each invariant of key index, commit queue, writer and tree is broken on purpose, and its assertion notices.
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>

#include "base/assert.hpp"
#include "crypto/sha256.hpp"
#include "index/key_index.hpp"
#include "ledger/commit_queue.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/sqlite_writer.hpp"
#include "merkle/hash.hpp"
#include "merkle/tree.hpp"
#include "rows/schema.hpp"
#include "support/catch.hpp"
#include "support/nonces.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace openexec::store;
using base::Breach;
using base::BreachesSurvive;
using Catch::Matchers::Contains;

namespace openexec::merkle {

struct Sabotage {
  static void drop_edges(Tree& tree) { tree.edges_.clear(); }
  static void change_edge(Tree& tree) { tree.edges_[0][0][0] ^= 1; }
};

}  // namespace openexec::merkle

namespace openexec::store {

/// What a test changes behind the back of the objects that keep these invariants.
struct Sabotage {
  // The key index.
  static bool is_merging(KeyIndex& index) {
    return !index.merges_.empty() && index.merges_.front().output->records > 0;
  }
  static bool has_deep_run(KeyIndex& index) { return index.live(1) != nullptr; }
  static void count_one_key_more(KeyIndex& index) { ++index.state_.keys; }
  static void change_sum(KeyIndex& index) { ++index.state_.sum; }
  static void order_falls(KeyIndex& index) { index.merges_.front().output->last.hash = ~std::uint64_t{0}; }
  static void double_level(KeyIndex& index) {
    KeyRun twin = *index.live(1);
    twin.id = ++index.state_.last_run;
    index.runs_.emplace(twin.id, twin);
  }
  static void miss_target(KeyIndex& index) { index.runs_.begin()->second.target = 1'000'000; }
  static void leave_slots(KeyIndex& index) { index.last_slot_ = -1'000'000; }
  static void repeat_number(KeyIndex& index) { index.state_.last_run = 0; }
  static void flush_one_key_more(KeyIndex& index) { ++index.in_runs_; }
  static void empty_filter(KeyIndex& index) {
    const KeyRun& run = *index.merges_.front().output;
    index.filters_.erase(run.id);
    index.filters_.emplace(run.id, KeyFilter(1));
  }
  static void change_in_silence(KeyIndex& index) { index.pending_.changed.insert(index.runs_.begin()->first); }

  // The commit queue.
  using Waiter = CommitQueue::Waiter;
  using Slot = CommitQueue::Slot;
  static void chain(CommitQueue& queue, std::vector<Waiter*> waiters) {
    const base::Lock lock(queue.mutex_);
    queue.queued_ = 0;
    queue.first_ = waiters.empty() ? nullptr : waiters.front();
    for (std::size_t i = 0; i < waiters.size(); ++i) {
      waiters[i]->next = i + 1 < waiters.size() ? waiters[i + 1] : nullptr;
      queue.queued_ += waiters[i]->members.size();
      queue.last_ = waiters[i];
    }
    queue.led_ = !waiters.empty();
  }
  static void count_one_member_more(CommitQueue& queue) {
    const base::Lock lock(queue.mutex_);
    ++queue.queued_;
  }
  static void drop_leader(CommitQueue& queue) {
    const base::Lock lock(queue.mutex_);
    queue.led_ = false;
  }
  static void lead(CommitQueue& queue, const Waiter& waiter) { queue.lead(waiter); }

  // The writer.
  static Head head(const SqliteWriter& writer) {
    Head at = writer.head_;
    ++at.serial;
    return at;
  }
  static void check(const SqliteWriter& writer, std::span<Member* const> batch, const Head& at) {
    writer.check_rules(batch, at);
  }
  static KeyIndex& index(SqliteWriter& writer) { return writer.session_->index; }
  static void open_unknown_claim(SqliteWriter& writer) { writer.running_.inherit({1'000'000}); }
};

}  // namespace openexec::store

namespace {

/// Everything happens many times over in a few hundred keys.
constexpr KeyGeometry tiny{.leaf = 3, .fences = 2, .flush = 5, .generation = 15, .growth = 2};

/// An index in a database of its own.
class House {
 public:
  House() {
    database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    create_schema(database_);
    index.emplace(
        database_, tiny, table_, [](auto, const auto&) {}, IndexState{});
  }
  void commit() {
    database_.execute("BEGIN IMMEDIATE");
    ++row_;
    index->add(Key(KeyKind::nonce, crypto::sha256(std::to_string(row_))), row_);
    try {
      index->advance(row_, row_);
    } catch (...) {
      database_.execute("ROLLBACK");
      throw;
    }
    database_.execute("COMMIT");
    index->committed();
  }

 private:
  TemporaryFolder folder_;
  Database database_{folder_.file("index.db"), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr};
  KeyTable table_;
  std::int64_t row_ = 0;

 public:
  std::optional<KeyIndex> index;
};

/// Commits until a rule is broken, and returns which. Returns an empty text if none is in a few hundred commits.
std::string broken_rule(House& house) {
  for (int i = 0; i < 300; ++i) try {
      house.commit();
    } catch (const Breach& breach) {
      return breach.what();
    }
  return {};
}

bool is_any(KeyIndex&) { return true; }

}  // namespace

TEST_CASE("Each invariant of the key index is noticed when it is broken") {
  const BreachesSurvive survive;
  struct Case {
    const char* invariant;
    bool (*when)(KeyIndex&);
    void (*sabotage)(KeyIndex&);
    bool slow = false;
  };
  for (const Case& each : {
           Case{"key index I1", is_any, Sabotage::count_one_key_more},
           Case{"key index I1", is_any, Sabotage::change_sum, true},
           Case{"key index I2", Sabotage::is_merging, Sabotage::order_falls},
           Case{"key index I3", Sabotage::has_deep_run, Sabotage::double_level},
           Case{"key index I4", is_any, Sabotage::miss_target},
           Case{"key index I5", is_any, Sabotage::leave_slots},
           Case{"key index I6", is_any, Sabotage::repeat_number},
           Case{"key index I7", is_any, Sabotage::flush_one_key_more},
           Case{"key index I8", Sabotage::is_merging, Sabotage::empty_filter},
           Case{"key index I9", is_any, Sabotage::change_in_silence},
       }) {
    if (each.slow && !base::checks_slow_rules()) continue;
    INFO(each.invariant);
    House house;
    for (int i = 0; i < 6; ++i) house.commit();  // there is a run
    for (int i = 0; i < 300 && !each.when(*house.index); ++i) house.commit();
    REQUIRE(each.when(*house.index));
    each.sabotage(*house.index);
    CHECK_THAT(broken_rule(house), Contains(each.invariant));
  }
  House untouched;
  CHECK(broken_rule(untouched).empty());
}

namespace {

/// A queue that counts what it commits, and a waiter that a test puts into its chain.
struct Queue {
  int committed = 0;
  CommitQueue queue{[this](std::span<Member* const> batch) {
                      ++committed;
                      for (Member* member : batch) member->status = Status::success();
                    },
                    8};
  std::vector<Member> members{Member{Probe{}}, Member{Probe{}}};
  Sabotage::Slot slot;
  Sabotage::Waiter first{{members.data(), 1}, nullptr, nullptr}, second{{members.data() + 1, 1}, &slot, nullptr};

  void check_poisoned(const std::string& invariant) {
    Member later{Probe{}};
    const int before = committed;
    queue.submit({&later, 1});
    REQUIRE(queue.poison().broken() != nullptr);
    CHECK_THAT(queue.poison().broken()->text, Contains(invariant));
    CHECK(later.status.code() == Code::store_failed);
    CHECK_THAT(later.status.detail(), Contains(invariant));
    CHECK(committed == before);
  }
};

}  // namespace

TEST_CASE("Each invariant of the commit queue is noticed when it is broken, and its members fail") {
  const BreachesSurvive survive;
  Queue at;
  SECTION("Q1") {
    Sabotage::count_one_member_more(at.queue);
    at.check_poisoned("commit queue Q1");
  }
  SECTION("Q1, when a batch is taken") {
    Sabotage::chain(at.queue, {&at.first});
    at.first.members = at.members;
    Sabotage::lead(at.queue, at.first);
    CHECK(at.members[0].status.code() == Code::store_failed);
    CHECK(at.committed == 0);
    at.check_poisoned("commit queue Q1");
  }
  SECTION("Q2") {
    Sabotage::chain(at.queue, {&at.first});
    at.first.next = &at.second;
    at.check_poisoned("commit queue Q2");
    at.first.next = nullptr;
  }
  SECTION("Q3") {
    Sabotage::chain(at.queue, {&at.first});
    Sabotage::drop_leader(at.queue);
    at.check_poisoned("commit queue Q3");
  }
  SECTION("Q4") {
    Sabotage::chain(at.queue, {&at.second});
    Sabotage::lead(at.queue, at.first);
    CHECK(at.members[1].status.code() == Code::store_failed);
    CHECK(at.committed == 0);
    at.check_poisoned("commit queue Q4");
  }
  SECTION("Q4, with an empty chain") {
    Sabotage::lead(at.queue, at.first);
    CHECK(at.members[0].status.code() == Code::store_failed);
    CHECK(at.committed == 0);
    at.check_poisoned("commit queue Q4");
  }
  SECTION("Q5") {
    std::vector<Member> many(600, Member{Probe{}});
    at.first.members = many;
    Sabotage::chain(at.queue, {&at.first});
    Sabotage::lead(at.queue, at.first);
    for (const Member& member : many) CHECK(member.status.code() == Code::store_failed);
    CHECK(at.committed == 0);
    at.check_poisoned("commit queue Q5");
  }
  SECTION("Q6") {
    at.second.slot = nullptr;
    Sabotage::chain(at.queue, {&at.first, &at.second});
    Sabotage::lead(at.queue, at.first);
    at.check_poisoned("commit queue Q6");
  }
  SECTION("none of them") {
    Sabotage::chain(at.queue, {&at.first, &at.second});
    Sabotage::lead(at.queue, at.first);
    CHECK(at.members[0].status.ok());
    CHECK(at.members[1].status.ok());
    CHECK(at.queue.poison().broken() == nullptr);
  }
}

namespace {

/// A ledger's writer on a file of its own, with an index that flushes often.
struct Writer {
  TemporaryFolder folder;
  KeyTable newest;
  SqliteWriter writer = make();

  SqliteWriter make() {
    LedgerPath path = resolve(folder.file("ledger.db"), nullptr);
    path.keys = tiny;
    create(path);
    return SqliteWriter(path, newest, {}, HeldFile(path.database, HeldFile::Access::read).identity());
  }
  Member claim(std::string_view nonce) {
    Claim claim;
    claim.tenant = "acme";
    claim.nonce = nonce;
    claim.action = "echo";
    claim.exec_id = crypto::sha256(nonce);
    claim.approval = "null";
    claim.at = {1};
    Member member{&claim};
    Member* const batch[] = {&member};
    writer.write(batch);
    member.what = Probe{};  // the claim is gone
    return member;
  }
};

std::string broken_rule(const SqliteWriter& writer, std::span<Member* const> batch, const Head& at) {
  try {
    Sabotage::check(writer, batch, at);
    return {};
  } catch (const Breach& breach) {
    return breach.what();
  }
}

}  // namespace

TEST_CASE("Each invariant of the writer is noticed when it is broken") {
  const BreachesSurvive survive;
  Writer at;
  REQUIRE(at.claim("n").status.ok());
  const Head sound = Sabotage::head(at.writer);
  CHECK(broken_rule(at.writer, {}, sound).empty());
  SECTION("W1: a claim that nobody is told of") {
    Head head = sound;
    ++head.claims.next;
    CHECK_THAT(broken_rule(at.writer, {}, head), Contains("ledger writer W1"));
  }
  SECTION("W1: a fresh answer without a claim") {
    const Claim claim;
    Member member{&claim};
    member.status = Status::success();
    member.claim.kind = ClaimAnswer::Kind::fresh;
    Member* const batch[] = {&member};
    CHECK_THAT(broken_rule(at.writer, batch, sound), Contains("ledger writer W1"));
  }
  SECTION("W2") {
    Head earlier = sound, same = sound;
    --earlier.latest.micros;
    --same.serial;
    CHECK_THAT(broken_rule(at.writer, {}, earlier), Contains("ledger writer W2"));
    CHECK_THAT(broken_rule(at.writer, {}, same), Contains("ledger writer W2"));
  }
  SECTION("W3") {
    Head head = sound;
    ++head.entries.next;
    CHECK_THAT(broken_rule(at.writer, {}, head), Contains("ledger writer W3"));
  }
  SECTION("W4") {
    Sabotage::open_unknown_claim(at.writer);
    CHECK_THAT(broken_rule(at.writer, {}, sound), Contains("ledger writer W4"));
    const Member member = at.claim("later");
    CHECK(member.status.code() == Code::store_failed);
    CHECK_THAT(member.status.detail(), Contains("ledger writer W4"));
  }
}

TEST_CASE("A rule that breaks inside a transaction fails its members, and poisons the writer") {
  const BreachesSurvive survive;
  Writer at;
  Sabotage::count_one_key_more(Sabotage::index(at.writer));
  bool failed = false;
  for (int i = 0; i < 10; ++i) {
    const Member member = at.claim("n" + std::to_string(i));
    failed = failed || !member.status.ok();
    CHECK(member.status.ok() == !failed);
    if (failed) CHECK_THAT(member.status.detail(), Contains("key index I1"));
  }
  CHECK(failed);
  CHECK_FALSE(at.writer.knows_its_ledger());
  REQUIRE(at.writer.poison().broken() != nullptr);
}

TEST_CASE("Each invariant of the tree is noticed when it is broken") {
  const BreachesSurvive survive;
  merkle::NoTiles nowhere;
  merkle::Tree tree;
  for (int i = 0; i < 4; ++i) REQUIRE(tree.append(merkle::leaf_hash(std::to_string(i)), nowhere).ok());
  const auto broken_by_append = [&]() -> std::string {
    try {
      (void)tree.append(merkle::leaf_hash("next"), nowhere);
      return {};
    } catch (const Breach& breach) {
      return breach.what();
    }
  };
  SECTION("M1") {
    merkle::Sabotage::drop_edges(tree);
    CHECK_THAT(broken_by_append(), Contains("tree M1"));
  }
  SECTION("M2") {
    merkle::Sabotage::change_edge(tree);
    CHECK(broken_by_append().empty() == !base::checks_slow_rules());
  }
  SECTION("none of them") { CHECK(broken_by_append().empty()); }
  CHECK(merkle::subtree_root({}) == Digest{});
  CHECK(merkle::subtree_root(std::vector<Digest>(3)) == Digest{});
}

TEST_CASE("A ledger with a broken rule answers nothing fresh and shows nothing, and is whole when it is opened anew") {
  const BreachesSurvive survive;
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto open = [&](const SqliteInternals& internals) {
    const auto ledger = open_sqlite(path, {}, internals);
    REQUIRE(ledger.ok());
    return *ledger;
  };
  const auto boundary = [&](const std::shared_ptr<Ledger>& ledger) {
    return assemble({.store = ledger,
                     .log = nullptr,
                     .verifier = std::make_shared<DemoVerifier>(),
                     .hasher = nullptr,
                     .clock = nullptr},
                    echo_table(calls));
  };
  int executed = 0;
  {
    // The flush has to write leaves that hold nothing, which breaks I2.
    const auto ledger = open({.keys = {.leaf = 0, .fences = 2, .flush = 5, .generation = 15, .growth = 2}});
    Executor executor = boundary(ledger);
    openexec::Outcome outcome;
    for (int i = 0; i < 10; ++i) {
      const std::string nonce = "n" + std::to_string(i);
      outcome = executor.execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = {}});
      if (!outcome.ok()) break;
      ++executed;
    }
    CHECK(outcome.code == Code::store_failed);
    CHECK(outcome.verdict == (*calls == executed ? Verdict::refused : Verdict::in_doubt));
    for (int i = 0; i < 2; ++i) {
      const openexec::Outcome later =
          executor.execute({.action = "echo", .payload = "{}", .nonce = "x", .approval_artifact = {}});
      CHECK(later.code == Code::store_failed);
      CHECK_THAT(later.detail, Contains("key index I2"));
    }
    CHECK_THAT(executor.ready().detail(), Contains("key index I2"));
    CHECK_THAT(ledger->find("default", "n0").status().detail(), Contains("key index I2"));
    CHECK_THAT(ledger->size().status().detail(), Contains("key index I2"));
    CHECK(*calls <= executed + 1);
  }
  Executor executor = boundary(open({}));
  CHECK(executor.recovered().in_doubt <= 1);
  CHECK(executor.execute({.action = "echo", .payload = "{}", .nonce = "new", .approval_artifact = {}}).ok());
  CHECK(*calls <= executed + 2);
}
