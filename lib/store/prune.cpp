#include "store/prune.hpp"

#include <algorithm>

#include "sqlite/guard.hpp"
#include "store/ledger_file.hpp"
#include "store/sqlite_session.hpp"

namespace openexec::store {
namespace {

constexpr std::int64_t slice = 4096;  // claims a transaction

// Sealed as ok: what else there is in the column is our own text, from which nobody learns anything.
constexpr const char* chosen =
    " FROM outcomes WHERE claim > ?1 AND claim <= ?2 AND ended_at < ?3 AND state = ?4 AND code = ?5 AND result <> ''";

constexpr std::int64_t sealed = static_cast<int>(NonceState::sealed);
constexpr std::int64_t executed = static_cast<int>(Code::ok);

class Counting {
 public:
  explicit Counting(const Database& database)
      : statement_(database, std::string("SELECT count(*), coalesce(sum(length(CAST(result AS BLOB))), 0)") + chosen) {}

  Prunable count(std::int64_t after, std::int64_t upto, Timestamp before) {
    Rows rows = statement_.run(after, upto, before.micros, sealed, executed);
    rows.next();
    return {static_cast<std::uint64_t>(rows.integer(0)), static_cast<std::uint64_t>(rows.integer(1))};
  }

 private:
  Statement statement_;
};

LedgerPath existing(const std::string& path) {
  LedgerPath resolved = resolve(path, nullptr);
  if (!inspect(resolved)) throw StoreFailure("there is no ledger");
  return resolved;
}

}  // namespace

Result<Prunable> prunable_results(const std::string& path, Timestamp before) {
  return guarded([&]() -> Result<Prunable> {
    ReadSession session(existing(path));
    const Snapshot snapshot(session.read);
    return Counting(session.database).count(0, session.read.position().claims, before);
  });
}

Result<Prunable> prune_results(const std::string& path, Timestamp before,
                               const std::function<void(std::uint64_t claims, std::uint64_t of)>& progress) {
  return guarded([&]() -> Result<Prunable> {
    const LedgerPath resolved = existing(path);
    LedgerLock lock = LedgerLock::acquire(resolved);
    lock.hold(resolved);
    KeyTable table;
    WriteSession session(resolved, table);
    // What is removed leaves no bytes behind in the file.
    if (session.database.integer("PRAGMA secure_delete = ON") != 1)
      throw StoreFailure("SQLite refused secure_delete = ON");
    Counting counting(session.database);
    Statement remove(session.database,
                     std::string("UPDATE outcomes SET result = '' WHERE claim IN (SELECT claim") + chosen + ")");
    // An executor that still takes the ledger for its own, because somebody removed the lock's file, finds another
    // epoch.
    session.write.begin();
    const std::int64_t epoch = session.write.new_epoch();
    session.write.commit();

    Prunable removed;
    const std::int64_t claims = session.read.position().claims;
    for (std::int64_t after = 0; after < claims; after += slice) {
      const std::int64_t upto = std::min(after + slice, claims);
      session.write.begin();
      if (session.write.last_epoch() != epoch)
        throw StoreFailure("the ledger was opened for writing by another process");
      const Prunable here = counting.count(after, upto, before);
      remove.execute(after, upto, before.micros, sealed, executed);
      session.write.commit();
      removed.results += here.results;
      removed.bytes += here.bytes;
      if (progress) progress(static_cast<std::uint64_t>(upto), static_cast<std::uint64_t>(claims));
    }
    if (!session.close_cleanly())
      throw StoreFailure("the results are removed, but a reader keeps them in the write-ahead log; prune again later");
    return removed;
  });
}

}  // namespace openexec::store
