// SPDX-License-Identifier: Apache-2.0
// The ledger's index: what was committed is found, whatever was flushed, merged, rolled back or reopened in between.
#include <map>
#include <random>
#include <set>

#include "crypto/sha256.hpp"
#include "index/key_index.hpp"
#include "rows/running.hpp"
#include "rows/schema.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace openexec::store;

namespace {

/// Everything happens many times over in a few hundred keys.
constexpr KeyGeometry tiny{.leaf = 3, .fences = 2, .flush = 5, .generation = 15, .growth = 2};
/// Reads what that one wrote, and does no work of its own.
constexpr KeyGeometry calm{.leaf = 3, .fences = 2, .flush = 1 << 20, .generation = 1 << 20, .growth = 2};

Key key_of(std::uint64_t name, KeyKind kind = KeyKind::nonce) {
  return Key(kind, crypto::sha256(std::to_string(name)));
}

/// An index in a database of its own, and what it has to know.
class House {
 public:
  explicit House(const KeyGeometry& geometry) : geometry_(geometry) {
    Database fresh(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    fresh.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    create_schema(fresh);
    open();
  }

  void open(const KeyGeometry& geometry) {
    geometry_ = geometry;
    open();
  }
  void open() {
    index_.reset();
    database_.reset();
    database_.emplace(path_, SQLITE_OPEN_READWRITE, nullptr);
    database_->execute("PRAGMA synchronous = OFF");
    index_.emplace(
        *database_, geometry_, table_,
        [this](RunQueries::Watermark after, const std::function<void(Key, std::int64_t)>& give) {
          tail_ = 0;
          for (const auto& [row, key] : rows_)
            if (row > after.claims) {
              give(key, row);
              ++tail_;
            }
        },
        state_);
  }

  void begin() { database_->execute("BEGIN IMMEDIATE"); }
  void add(Key key) {
    ++next_;
    index_->add(key, next_);
    staged_.emplace_back(next_, key);
  }
  void commit() {
    index_->advance(next_, next_);
    database_->execute("COMMIT");
    state_ = index_->state();
    index_->committed();
    for (const auto& [row, key] : staged_) rows_.emplace(row, key);
    staged_.clear();
  }
  void advance() { index_->advance(next_, next_); }
  void roll_back(bool after_work) {
    if (after_work) index_->advance(next_, next_);
    if (database_->in_transaction()) database_->execute("ROLLBACK");  // an interrupt may have done it
    index_->rolled_back();
    next_ -= static_cast<std::int64_t>(staged_.size());
    staged_.clear();
  }

  std::multiset<std::int64_t> find(Key key) {
    const auto& found = index_->find(key);
    return {found.begin(), found.end()};
  }
  [[nodiscard]] std::multiset<std::int64_t> expected(Key key) const {
    std::multiset<std::int64_t> rows;
    for (const auto& [row, known] : rows_)
      if (known.hash == key.hash && known.kind == key.kind) rows.insert(row);
    for (const auto& [row, known] : staged_)
      if (known.hash == key.hash && known.kind == key.kind) rows.insert(row);
    return rows;
  }

  /// As a reader finds them: from the table and the deep runs alone, and from the runs and the newest rows alone.
  std::multiset<std::int64_t> find_in(Key key, int min_level) {
    RunQueries queries(*database_, geometry_);
    std::vector<std::int64_t> rows;
    for (const KeyRun& run : queries.live(min_level))
      find_in_run(queries, nullptr, run, key, rows, static_cast<std::size_t>(-1));
    CHECK(std::is_sorted(rows.begin(), rows.end()));
    if (min_level > 0) table_.find(key, rows);
    const RunQueries::Watermark mark = queries.watermark();
    for (const auto& [row, known] : rows_)
      if (min_level == 0 && row > mark.claims && known.hash == key.hash && known.kind == key.kind) rows.push_back(row);
    return {rows.begin(), rows.end()};
  }

  /// Makes SQLite fail after so many steps of its machine; never where negative.
  void interrupt_after(int steps) {
    steps_ = steps;
    const auto count_down = [](void* left) { return (*static_cast<int*>(left))-- == 0 ? 1 : 0; };
    sqlite3_progress_handler(database_->handle(), steps < 0 ? 0 : 1, count_down, &steps_);
  }

  /// Its first leaf, or the directory block that leads there.
  void damage_deepest_run() {
    const std::vector<KeyRun> deep = RunQueries(*database_, geometry_).live(1);
    Statement damage(*database_, "UPDATE blocks SET content = x'00' WHERE slot = ?1");
    damage.execute(Fences(deep.at(0).root).slot(0));
  }

  [[nodiscard]] std::int64_t count(const char* sql) { return database_->integer(sql); }
  [[nodiscard]] std::size_t tail() const { return tail_; }
  [[nodiscard]] std::size_t unread_filters() const { return index_->unread_filters(); }
  [[nodiscard]] const KeyTable& table() const { return table_; }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  KeyGeometry geometry_;
  TemporaryFolder folder_;
  const std::string path_ = folder_.file("index.db");
  KeyTable table_;
  std::optional<Database> database_;
  IndexState state_;  ///< as a ledger's head has it
  std::optional<KeyIndex> index_;
  std::map<std::int64_t, Key> rows_;
  std::vector<std::pair<std::int64_t, Key>> staged_;
  std::int64_t next_ = 0;
  std::size_t tail_ = 0;
  int steps_ = -1;
};

}  // namespace

TEST_CASE("Every key that was committed is found, and no other, through flushes, merges, roll-backs and reopenings") {
  std::minstd_rand random(5);
  House house(tiny);
  std::uint64_t names = 0;
  for (int step = 0; step < 700; ++step) {
    house.begin();
    const int adds = static_cast<int>(random() % 9);
    for (int i = 0; i < adds; ++i) house.add(key_of(++names, random() % 2 == 0 ? KeyKind::nonce : KeyKind::approval));
    if (adds > 0) CHECK(house.find(key_of(names, KeyKind::nonce)) == house.expected(key_of(names, KeyKind::nonce)));
    const auto fate = random() % 10;
    if (fate == 0)
      house.roll_back(random() % 2 == 0);
    else
      house.commit();
    if (fate == 1) house.open();
    for (int look = 0; look < 4; ++look) {
      const Key key = key_of(random() % (names + 3), random() % 2 == 0 ? KeyKind::nonce : KeyKind::approval);
      const auto expected = house.expected(key);
      CHECK(house.find(key) == expected);
      CHECK(house.find_in(key, 0) == expected);
      CHECK(house.find_in(key, 1) == expected);
    }
  }
  // It went through everything: several levels, runs with directory blocks, merges under way.
  CHECK(house.count("SELECT max(level) FROM runs") >= 4);
  CHECK(house.count("SELECT count(*) FROM runs WHERE height = 2") >= 1);
  CHECK(house.size() > 1'500);
  for (std::uint64_t name = 0; name <= names; ++name)
    for (const KeyKind kind : {KeyKind::nonce, KeyKind::approval})
      REQUIRE(house.find(key_of(name, kind)) == house.expected(key_of(name, kind)));
}

TEST_CASE(
    "Filters that were lost with the last opening are read back, a slice with each commit, and let no key through") {
  House house(tiny);
  std::uint64_t names = 0;
  const auto commit = [&](int adds) {
    house.begin();
    for (int i = 0; i < adds; ++i) house.add(key_of(++names));
    house.commit();
  };
  for (int step = 0; step < 300; ++step) commit(3);
  CHECK(house.unread_filters() == 0);  // made with their runs
  house.open();
  const std::size_t lost = house.unread_filters();
  CHECK(lost > 0);
  int steps = 0;
  for (; house.unread_filters() > 0 && steps < 1'000; ++steps) {
    commit(1);
    for (std::uint64_t name = 1; name <= names; name += 7) REQUIRE(house.find(key_of(name)).size() == 1);
    REQUIRE(house.find(key_of(names + 1)).empty());
  }
  CHECK(house.unread_filters() == 0);
  CHECK(steps > 5);  // in slices
  for (std::uint64_t name = 1; name <= names; ++name) REQUIRE(house.find(key_of(name)).size() == 1);
}

TEST_CASE("A read that fails in the middle of a merge loses no key") {
  const bool damaged = GENERATE(true, false);
  std::minstd_rand random(7);
  House house(tiny);
  std::uint64_t names = 0;
  int failures = 0;
  for (int step = 0; step < 1'200; ++step) {
    house.begin();
    if (step % 3 == 0) {
      house.add(key_of(names + 1));
      house.add(key_of(names + 2));
      if (damaged)
        (void)house.count("UPDATE blocks SET content = x'00' RETURNING 1");  // until it is rolled back
      else
        house.interrupt_after(static_cast<int>(random() % 100));
      try {
        house.advance();
      } catch (const StoreFailure&) {
        ++failures;
      }
      house.interrupt_after(-1);
      house.roll_back(false);
    } else {
      house.add(key_of(++names));
      house.commit();
    }
  }
  CHECK(failures > 20);
  for (std::uint64_t name = 1; name <= names; ++name) REQUIRE(house.find(key_of(name)).size() == 1);
  REQUIRE(house.find(key_of(names + 1)).empty());
}

TEST_CASE("A read that fails in the middle of a filter keeps no key from being found") {
  std::minstd_rand random(11);
  House house(tiny);
  std::uint64_t names = 0;
  const auto add_one = [&] {
    house.begin();
    house.add(key_of(++names));
  };
  constexpr const char* merges = "SELECT count(*) FROM runs WHERE state = 2";
  static_assert(static_cast<int>(KeyRun::State::building) == 2);
  for (; names < 2'000 || house.count(merges) > 0; house.commit()) {
    REQUIRE(names < 10'000);
    add_one();
  }
  house.open(calm);  // nothing is flushed or merged: what is read is read for filters
  REQUIRE(house.unread_filters() > 1);
  const std::uint64_t in_runs = names;
  int failures = 0;
  for (int step = 0; house.unread_filters() > 0; ++step) {
    REQUIRE(step < 20'000);
    if (step < 1'500 && step % 50 == 49) {  // then it is let be
      house.begin();
      house.add(key_of(names + 1));
      house.interrupt_after(static_cast<int>(random() % 8));
      try {
        house.advance();
      } catch (const SqliteError&) {
        ++failures;
      }
      house.interrupt_after(-1);
      house.roll_back(false);
    }
    add_one();
    house.commit();
  }
  CHECK(failures > 20);
  for (std::uint64_t name = 1; name <= in_runs; ++name) REQUIRE(house.find(key_of(name)).size() == 1);
}

TEST_CASE("A damaged block keeps a filter from being read back, and nobody's commit from succeeding") {
  House house(tiny);
  std::uint64_t names = 0;
  const auto commit = [&] {
    house.begin();
    house.add(key_of(++names));
    house.commit();
  };
  for (int step = 0; step < 300; ++step) commit();
  house.begin();
  house.damage_deepest_run();
  house.commit();
  house.open();
  CHECK(house.unread_filters() > 0);
  for (int step = 0; step < 3; ++step) REQUIRE_NOTHROW(commit());
}

TEST_CASE("Many rows of one key are all found, in their order, and in the way of nobody") {
  House house(tiny);
  for (int step = 0; step < 100; ++step) {
    house.begin();
    for (int i = 0; i < 7; ++i) house.add(key_of(1, KeyKind::execution));
    house.add(key_of(1'000 + static_cast<std::uint64_t>(step)));
    house.commit();
  }
  CHECK(house.find(key_of(1, KeyKind::execution)).size() == 700);
  CHECK(house.find_in(key_of(1, KeyKind::execution), 0).size() == 700);
  CHECK(house.find_in(key_of(1, KeyKind::execution), 1).size() == 700);
  for (std::uint64_t step = 0; step < 100; ++step) REQUIRE(house.find(key_of(1'000 + step)).size() == 1);
  CHECK(house.find(key_of(1, KeyKind::nonce)).empty());
}

TEST_CASE("Blocks of runs that were merged away are written again: the index takes at most twice its keys' room") {
  House house(tiny);
  for (std::uint64_t name = 0; name < 5'000; ++name) {
    house.begin();
    house.add(key_of(name));
    house.commit();
  }
  const double blocks = static_cast<double>(house.count("SELECT count(*) FROM blocks"));
  const double leaves = 5'000.0 / static_cast<double>(tiny.leaf);
  CHECK(blocks < 2.2 * leaves * (1 + 1.0 / static_cast<double>(tiny.fences)));
  CHECK(house.count("SELECT count(*) FROM runs") < 40);
}

TEST_CASE("Opening reads the same few rows whatever the number of keys, and memory holds no more") {
  House house(tiny);
  std::uint64_t name = 0;
  std::size_t widest = 0;
  for (const std::size_t size : {300U, 3'000U}) {
    for (; house.size() < size;) {
      house.begin();
      house.add(key_of(++name));
      house.commit();
      widest = std::max(widest, house.table().young().size());
    }
    house.open();
    CHECK(house.tail() < tiny.flush);
  }
  CHECK(widest <= tiny.generation + tiny.flush);
}

TEST_CASE("A block of the index that is not whole is found when it is read") {
  House house(tiny);
  for (std::uint64_t name = 0; name < 300; ++name) {
    house.begin();
    house.add(key_of(name));
    house.commit();
  }
  house.begin();
  CHECK(house.count("UPDATE blocks SET content = x'00' RETURNING 1") == 1);
  bool noticed = false;
  for (std::uint64_t name = 0; name < 300 && !noticed; ++name) try {
      (void)house.find(key_of(name));
    } catch (const StoreFailure&) {
      noticed = true;
    }
  CHECK(noticed);
  house.roll_back(false);
}

TEST_CASE("Which claims are running is written in a few bytes and read back, and nothing else is read") {
  std::minstd_rand random(3);
  for (int round = 0; round < 200; ++round) {
    std::set<std::int64_t> rows;
    std::int64_t row = static_cast<std::int64_t>(random() % 1'000'000);
    for (auto count = random() % 50; count > 0; --count)
      rows.insert(row += 1 + (random() % 3 == 0 ? static_cast<std::int64_t>(random() % 9) : 0));
    const std::vector<std::int64_t> list(rows.begin(), rows.end());
    CHECK(read_ranges(write_ranges(list)) == list);
  }
  std::vector<std::int64_t> many(10'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::int64_t>(1'000'000 + i);
  CHECK(write_ranges(many).size() <= 6);
  for (const std::string_view bad :
       {std::string_view("\x80", 1), std::string_view("\x05", 1), std::string_view("\x05\x00", 2),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10),
        std::string_view("\x01\xff\xff\xff\xff\xff\x01", 7)})
    CHECK_FALSE(read_ranges(bad));
}
