// SPDX-License-Identifier: Apache-2.0
// The open mark: a bit in the main file of a database that says that commits may be in its write-ahead log (WAL).
//
// A database in WAL mode has two files, and SQLite opens the main file alone without a warning. The mark prevents that:
// 1. Opening recovers the WAL, commits the mark to it, and then writes the mark into the main file and syncs that.
// 2. From then on the WAL is never empty: nothing empties it while the mark is set, and a connection that closes for
// any
//    other reason than step 3 leaves it unchanged.
// 3. A clean close moves everything into the main file, then commits the removal of the mark and moves that too.
// A marked main file without a WAL has therefore lost commits, and is refused. The mark is one bit of the user version
// in the header (bytes 60 to 63, within one sector), whose other bits hold the number of the schema.
#pragma once

#include <cstdint>
#include <string>

#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

inline constexpr std::uint32_t open_mark = 0x4000'0000;

/// The content of the first bytes of a main file, without its WAL.
struct Header {
  std::uint32_t application_id = 0;
  std::uint32_t user_version = 0;  ///< without the mark
  std::uint32_t page_size = 0;
  bool is_marked = false;
};

/// Reads through SQLite's own handle. `what` names the database in a message, such as "the ledger". Throws StoreFailure
/// if the file is not an SQLite database.
Header read_header(Database& database, const std::string& what);

/// Throws StoreFailure if the main file is marked and its WAL is missing, or too short for a commit. The content of the
/// WAL is not checked, because the first commit after a complete move overwrites its beginning, and a crash may
/// interrupt that.
void check_log_is_there(const Header& header, const std::string& path, const std::string& what);

/// Step 1, first half, for a connection in WAL mode. Everything that is read afterwards is durable, even while a
/// transaction of a reader prevents the WAL from being moved.
void recover(Database& database, const std::string& what);
/// Step 1, second half. A database that is refused between the halves stays without the mark. After this no commit that
/// was reported as failed can reappear.
void mark(Database& database, const std::string& what);

/// Step 3. Returns false, and leaves the mark and the WAL in place, if a reader prevents the WAL from being moved.
bool unmark(Database& database);

}  // namespace openexec::store
