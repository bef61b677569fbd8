// SPDX-License-Identifier: Apache-2.0
// Group commit: who leads, who shares a sync, who is refused, and that members do not hurt each other.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "conformance/suite.hpp"
#include "ledger/commit_queue.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/sqlite_writer.hpp"
#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace openexec::store;

namespace {

/// Holds a thread until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void await_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++value_;
    changed_.notify_all();
  }
  void await(int value) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return value_ >= value; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

void succeed(std::span<Member* const> batch) {
  for (Member* member : batch) member->status = Status::success();
}

struct Names {
  std::string nonce, approval;
  Claim claim;
};

/// Claims that own what they view.
class Claims {
 public:
  const Claim& add(const std::string& nonce, const std::string& approval = {}, std::uint8_t id = 1) {
    Names& names = all_.emplace_back(Names{nonce, approval, {}});
    names.claim.tenant = "acme";
    names.claim.nonce = names.nonce;
    names.claim.action = "echo";
    names.claim.exec_id[0] = id;
    names.claim.approval_id = names.approval;
    names.claim.approval = "null";
    names.claim.at = {1};
    return names.claim;
  }

 private:
  std::deque<Names> all_;
};

Seal seal_of(const Claim& claim, std::string_view result = "{}") {
  Seal seal;
  seal.tenant = claim.tenant;
  seal.nonce = claim.nonce;
  seal.exec_id = claim.exec_id;
  seal.state = NonceState::sealed;
  seal.code = Code::ok;
  seal.effect = Effect::confirmed;
  seal.result = result;
  seal.entry = "{}";
  seal.at = {2};
  return seal;
}

std::vector<Member*> pointers(std::vector<Member>& members) {
  std::vector<Member*> all;
  for (Member& member : members) all.push_back(&member);
  return all;
}

/// A ledger's writer on a file of its own.
struct Writer {
  TemporaryFolder folder;
  FaultVfs vfs{"openexec-group"};
  KeyTable newest;
  SqliteWriter writer = make();

  SqliteWriter make() {
    const LedgerPath path = resolve(folder.file("ledger.db"), vfs.name());
    if (!inspect(path)) create(path);
    return SqliteWriter(path, newest, {}, HeldFile(path.database, HeldFile::Access::read).identity());
  }
  void write(std::vector<Member>& members) { writer.write(pointers(members)); }
};

}  // namespace

TEST_CASE("A lone caller leads at once, alone") {
  std::vector<std::size_t> batches;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        batches.push_back(batch.size());
        succeed(batch);
      },
      8);
  for (int i = 0; i < 3; ++i) {
    Member member{Probe{}};
    queue.submit({&member, 1});
    CHECK(member.status.ok());
  }
  CHECK(batches == std::vector<std::size_t>{1, 1, 1});
}

TEST_CASE("What gathers while a leader syncs is written together, and first come is first served") {
  Gate gate;
  std::vector<std::vector<Member*>> batches;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        batches.emplace_back(batch.begin(), batch.end());
        if (batches.size() == 1) gate.pass();
        succeed(batch);
      },
      100);
  Member first{Probe{}};
  std::thread leader([&] { queue.submit({&first, 1}); });
  gate.await_arrival();
  // One after the other, each known to be queued before the next one comes.
  std::deque<std::vector<Member>> waiting;
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i <= 10; ++i) {
    waiting.emplace_back(i, Member{Probe{}});
    threads.emplace_back([&queue, &mine = waiting.back()] { queue.submit(mine); });
    while (queue.queued() < (i * (i + 1)) / 2) std::this_thread::yield();
  }
  gate.open();
  leader.join();
  for (std::thread& thread : threads) thread.join();
  REQUIRE(batches.size() == 2);
  std::vector<Member*> expected;
  for (auto& group : waiting)
    for (Member& member : group) expected.push_back(&member);
  CHECK(batches[1] == expected);
  for (Member* member : expected) CHECK(member->status.ok());
}

TEST_CASE("A full queue refuses claims and entries at once, but lets seals in") {
  Gate gate;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        gate.pass();
        succeed(batch);
      },
      2);
  Member first{Probe{}};
  std::thread leader([&] { queue.submit({&first, 1}); });
  gate.await_arrival();
  Claims claims;
  const Claim& claim = claims.add("n");
  std::vector<Member> members(8, Member{&claim});
  Counter refused;
  std::vector<std::thread> threads;
  for (Member& member : members)
    threads.emplace_back([&] {
      queue.submit({&member, 1});
      if (member.status.code() == Code::overloaded) refused.add();
    });
  refused.await(6);
  const Seal seal = seal_of(claim);
  Member sealing{&seal};
  std::thread sealer([&] { queue.submit({&sealing, 1}); });
  while (queue.queued() < 3) std::this_thread::yield();
  gate.open();
  leader.join();
  sealer.join();
  for (std::thread& thread : threads) thread.join();
  CHECK(sealing.status.ok());
  CHECK(std::count_if(members.begin(), members.end(), [](const Member& member) { return member.status.ok(); }) == 2);
  CHECK(queue.queued() == 0);
}

TEST_CASE("More members than a batch holds are written in several, in order") {
  std::vector<Member*> seen;
  std::size_t batches = 0;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        ++batches;
        seen.insert(seen.end(), batch.begin(), batch.end());
        succeed(batch);
      },
      4);
  std::vector<Member> members(1'300, Member{Probe{}});
  queue.submit(members);
  CHECK(batches == 3);
  CHECK(seen == pointers(members));
}

TEST_CASE("A batch whose writing throws fails, and the queue goes on") {
  int batches = 0;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        succeed(batch);
        if (++batches == 1) throw std::bad_alloc();
      },
      8);
  std::vector<Member> members(3, Member{Probe{}});
  queue.submit(members);
  for (const Member& member : members) CHECK(member.status.code() == Code::store_failed);
  queue.submit(members);
  for (const Member& member : members) CHECK(member.status.ok());
}

TEST_CASE("A thousand threads get through the queue, each with its own answer") {
  std::atomic<int> at_once = 0;
  std::atomic<bool> two_leaders = false;
  std::size_t written = 0;
  CommitQueue queue(
      [&](std::span<Member* const> batch) {
        if (++at_once != 1) two_leaders = true;
        written += batch.size();
        succeed(batch);
        --at_once;
      },
      10'000);
  std::vector<Member> members(1'000, Member{Probe{}});
  on_threads(1'000, [&](int i) { queue.submit({&members[static_cast<std::size_t>(i)], 1}); });
  CHECK_FALSE(two_leaders);
  CHECK(written == members.size());
  CHECK(std::all_of(members.begin(), members.end(), [](const Member& member) { return member.status.ok(); }));
}

TEST_CASE("Members of one batch are judged in order, each alone") {
  Writer ledger;
  Claims claims;
  const Claim& claim = claims.add("a", "approval");
  const Claim& other = claims.add("a", "", 2);
  const Claim& thief = claims.add("b", "approval");
  const Claim& third = claims.add("c");
  const Seal sealed = seal_of(claim);
  const Seal unclaimed = seal_of(thief);
  const NewEntry entry{.json = "{}", .exec_id = {}, .attempt = {7}, .at = {3}};
  std::vector<Member> batch = {Member{&claim},       Member{&claim}, Member{&other},  Member{&thief},
                               Member{&unclaimed},   Member{&third}, Member{&sealed}, Member{&sealed},
                               Member{&claim},       Member{&entry}, Member{&entry},  Member{Pin{"k", "v"}},
                               Member{Pin{"k", "w"}}};
  ledger.write(batch);
  using Kind = ClaimAnswer::Kind;
  for (std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U, 10U, 11U}) {
    INFO(i << ": " << batch[i].status.detail());
    CHECK(batch[i].status.ok());
  }
  CHECK(batch[0].claim.kind == Kind::fresh);
  CHECK(batch[1].claim.kind == Kind::exists);
  CHECK(batch[2].claim.kind == Kind::nonce_conflict);
  CHECK(batch[3].claim.kind == Kind::approval_spent);
  CHECK(batch[4].status.code() == Code::invalid_argument);
  CHECK(batch[5].claim.kind == Kind::fresh);
  CHECK(batch[6].entry == 0);
  CHECK(batch[7].status.code() == Code::invalid_argument);
  REQUIRE(batch[8].claim.record);
  CHECK(batch[8].claim.record->state == NonceState::sealed);
  CHECK(batch[9].entry == 1);
  CHECK(batch[10].entry == 1);
  CHECK(batch[12].status.code() == Code::store_failed);
}

TEST_CASE("A batch is one sync, whatever its size, and a batch without rows is none") {
  Writer ledger;
  Claims claims;
  for (int size : {1, 64, 512}) {
    std::vector<Member> batch;
    for (int i = 0; i < size; ++i) batch.push_back(Member{&claims.add(std::to_string(size) + "-" + std::to_string(i))});
    ledger.vfs.arm({});
    ledger.write(batch);
    CHECK(ledger.vfs.syncs() == 1);
    CHECK(std::all_of(batch.begin(), batch.end(),
                      [](const Member& o) { return o.claim.kind == ClaimAnswer::Kind::fresh; }));
    ledger.vfs.arm({});
    ledger.write(batch);
    CHECK(ledger.vfs.syncs() == 0);
    CHECK(std::all_of(batch.begin(), batch.end(),
                      [](const Member& o) { return o.status.ok() && o.claim.kind == ClaimAnswer::Kind::exists; }));
  }
}

TEST_CASE("A member for which the disk has no room fails alone") {
  Writer ledger;
  Claims claims;
  const Claim& large = claims.add("large");
  std::vector<Member> first = {Member{&large}};
  ledger.write(first);
  REQUIRE(first[0].status.ok());
  const std::string result(4'000'000, 'r');
  const Seal seal = seal_of(large, result);
  std::vector<Member> batch = {Member{&claims.add("a")}, Member{&seal}, Member{&claims.add("b")}};
  ledger.vfs.limit_files(1'000'000);
  ledger.write(batch);
  CHECK(batch[0].status.ok());
  CHECK(batch[1].status.code() == Code::store_failed);
  CHECK_THAT(batch[1].status.detail(), Catch::Matchers::Contains("full"));
  CHECK(batch[2].status.ok());
  ledger.vfs.limit_files(std::nullopt);
  std::vector<Member> again = {Member{&seal}};
  ledger.write(again);
  CHECK(again[0].status.ok());
}

TEST_CASE("Callers on many threads share syncs") {
  TemporaryFolder folder;
  FaultVfs vfs("openexec-group");
  SqliteInternals internals;
  internals.vfs = vfs.name();
  auto ledger = must(open_sqlite(folder.file("ledger.db"), {}, internals), "open");
  Gate gate;
  std::atomic<int> syncs = 0;
  vfs.at_sync([&] {
    if (++syncs == 1) gate.pass();  // the first leader waits until everybody else has arrived
  });
  Claims claims;
  std::vector<const Claim*> mine;
  for (int i = 0; i < 32; ++i) mine.push_back(&claims.add("n-" + std::to_string(i)));
  std::atomic<int> fresh = 0;
  Counter coming;
  std::thread opener([&] {
    coming.await(32);
    gate.await_arrival();
    gate.open();
  });
  on_threads(32, [&](int i) {
    coming.add();
    auto answer = ledger->claim(*mine[static_cast<std::size_t>(i)]);
    if (answer.ok() && answer->kind == ClaimAnswer::Kind::fresh) ++fresh;
  });
  opener.join();
  vfs.at_sync(nullptr);
  CHECK(fresh == 32);
  CHECK(syncs < 32);
  ledger.reset();
}
