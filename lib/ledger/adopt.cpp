// SPDX-License-Identifier: Apache-2.0
#include "ledger/adopt.hpp"

#include <algorithm>
#include <utility>

#include "ledger/sqlite_writer.hpp"
#include "session/ledger_file.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {

Opening opening_of(const LedgerPath& path, const FileIdentity& identity) {
  Opening opening;
  opening.identity = identity.write();
  opening.device = static_cast<std::int64_t>(identity.device);
  opening.path = path.database;
  return opening;
}

void check_identity(ReadQueries& read, const FileIdentity& identity) {
  const std::optional<Opening> before = read.last_opening();
  if (!before || !before->identity) return;  // never opened, or by a library that did not record it
  const auto recorded = FileIdentity::parse(*before->identity);
  if (!recorded) throw StoreFailure("the ledger is damaged: the identity of its file");
  if (recorded->is_same_file(identity)) return;
  throw StoreFailure("the ledger's file is not the one that was opened last (" + *before->identity + ", and now " +
                     identity.write() + "): a copy or a restored backup has forgotten what was spent since; " +
                     "`openexec ledger adopt` takes it, and refuses the approvals of before");
}

Result<Adopted> adopt_ledger(const std::string& path, const AdoptOptions& options) {
  return guarded([&]() -> Result<Adopted> {
    LedgerPath at = resolve(path, nullptr);
    at.log_may_be_lost = true;
    LedgerLock lock = LedgerLock::acquire(at);
    if (!inspect(at)) return Status(Code::store_failed, "there is no ledger");
    lock.hold(at);
    KeyTable table;
    SqliteWriter writer(at, table, options.log, lock.identity(), SqliteWriter::Takes::any_file);
    const Timestamp now = std::max(wall_clock(), writer.latest());
    const Timestamp floor{now.micros + std::chrono::microseconds(options.issued_ahead).count()};
    const std::string identity = lock.identity().write();
    const std::string entry = options.entry(identity, floor, now);
    Member member{Adopt{entry, floor, now}};
    Member* const batch[] = {&member};
    writer.write(batch);
    if (!member.status.ok()) return member.status;
    return Adopted{identity, floor, member.entry};
  });
}

}  // namespace openexec::store
