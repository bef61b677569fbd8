// SPDX-License-Identifier: Apache-2.0
#include "upkeep/rebuild.hpp"

#include "index/key_index.hpp"
#include "ledger/adopt.hpp"
#include "session/ledger_file.hpp"
#include "session/sqlite_session.hpp"
#include "sqlite/guard.hpp"
#include "sqlite/open_mark.hpp"

namespace openexec::store {
namespace {

constexpr std::int64_t members_at_once = 2048;

class Rebuilding {
 public:
  using Progress = std::function<void(std::uint64_t done, std::uint64_t of)>;

  Rebuilding(const LedgerPath& path, const FileIdentity& identity, const Progress& progress)
      : path_(path),
        progress_(progress),
        database_(open_to_write(path)),
        read_(database_),
        write_(database_, read_),
        at_(read_.head()) {
    read_.check(at_);
    check_identity(read_, identity);
    begin(opening_of(path, identity));
  }

  std::uint64_t run() {
    index_.emplace(
        database_, path_.keys, table_, [](RunQueries::Watermark, const auto&) {}, built_);
    const auto add = [this](Key key, std::int64_t number) { index_->add(key, number); };
    while (claims_ < at_.claims.next - 1)
      step(
          read_.claims(), claims_ + 1, at_.claims.next, [&](const RowView& row) { give_keys(row, 0, add); },
          [this](std::int64_t next) { claims_ = next - 1; });
    while (entries_ < at_.entries.next)
      step(
          read_.entries(), entries_, at_.entries.next, [&](const RowView& row) { give_entry_keys(row, 0, add); },
          [this](std::int64_t next) { entries_ = next; });
    finish();
    return built_.keys;
  }

 private:
  /// Makes every opening fail until the rebuild is complete. The head keeps the number of keys that the index must
  /// have.
  void begin(Opening opening) {
    write_.begin();
    database_.execute("DELETE FROM runs; DELETE FROM blocks");
    at_.index.runs = {};
    at_.index_whole = false;
    write_.add_opening(std::move(opening), at_);
    built_.last_run = at_.index.last_run;
    commit();
  }

  template <class Add, class Took>
  void step(RowChain& chain, std::int64_t from, std::int64_t end, Add&& add, Took&& took) {
    write_.begin();
    std::int64_t next = from;
    chain.walk(from, [&](const RowView& row) {
      add(row);
      next = row.end();
      return next < end && next - from < members_at_once;
    });
    took(next);
    index_->advance(claims_, entries_);
    built_ = index_->state();
    at_.index.last_run = built_.last_run;
    at_.index.runs = built_.runs;
    commit();
    index_->committed();
    if (progress_)
      progress_(static_cast<std::uint64_t>(claims_ + entries_),
                static_cast<std::uint64_t>(at_.claim_count()) + at_.entry_count());
  }

  void finish() {
    if (built_.keys != at_.index.keys || built_.sum != at_.index.sum)
      throw StoreFailure("the ledger is damaged: its rows do not make the keys that its head counts");
    write_.begin();
    at_.index_whole = true;
    commit();
    (void)unmark(database_);
  }

  void commit() {
    ++at_.serial;
    write_.set_head(at_);
    write_.commit();
  }

  const LedgerPath& path_;
  const Progress& progress_;
  Database database_;
  ReadQueries read_;
  WriteQueries write_;
  Head at_;
  KeyTable table_;
  IndexState built_;
  std::optional<KeyIndex> index_;
  std::int64_t claims_ = 0, entries_ = 0;
};

}  // namespace

Result<std::uint64_t> rebuild_index(const std::string& path,
                                    const std::function<void(std::uint64_t done, std::uint64_t of)>& progress) {
  return guarded([&]() -> Result<std::uint64_t> {
    const LedgerPath at = resolve(path, nullptr);
    LedgerLock lock = LedgerLock::acquire(at);
    if (!inspect(at)) return Status(Code::store_failed, "there is no ledger");
    lock.hold(at);
    return Rebuilding(at, lock.identity(), progress).run();
  });
}

}  // namespace openexec::store
