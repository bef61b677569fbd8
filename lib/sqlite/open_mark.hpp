// SPDX-License-Identifier: Apache-2.0
// The open mark: the main file of a database says whether the rest of it may be in its write-ahead log.
//
// A database in WAL mode is two files, and SQLite opens the main file alone without a word. The mark prevents that:
// 1. Opening recovers the log, commits the mark to it, and then writes the mark into the main file and syncs it.
// 2. From then on the log is never empty: nothing empties it while the mark is set, and a connection that closes for
// any
//    other reason than step 3 leaves it as it is.
// 3. A clean close moves everything into the main file, then commits the mark's end and moves that too.
// So a marked main file without a log has lost commits, and is refused. The mark is one bit of the header's user
// version (bytes 60 to 63, within one sector), which holds the schema's number otherwise.
#pragma once

#include <cstdint>
#include <string>

#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

inline constexpr std::uint32_t open_mark = 0x4000'0000;

/// What the first bytes of a main file say, whatever is in its log.
struct Header {
  std::uint32_t application_id = 0;
  std::uint32_t user_version = 0;  ///< without the mark
  std::uint32_t page_size = 0;
  bool is_marked = false;
};

/// Reads through SQLite's own handle. `what` names the database in a message, such as "the ledger". Throws StoreFailure
/// if the file is not an SQLite database.
Header read_header(Database& database, const std::string& what);

/// Throws StoreFailure if the main file is marked and its log is missing, or too short for a commit. What is in the log
/// does not count: its first commit after everything was moved overwrites its beginning, and a crash may cut that
/// short.
void check_log_is_there(const Header& header, const std::string& path, const std::string& what);

/// Step 1, first half, for a connection in WAL mode. Everything that is read afterwards is durable, also while a
/// reader's transaction keeps the log from being moved.
void recover(Database& database, const std::string& what);
/// Step 1, second half: a database that is refused in between is left without the mark. Nothing that a caller was told
/// to have failed comes back after this.
void mark(Database& database, const std::string& what);

/// Step 3. Returns false, and leaves the mark and the log in place, while a reader keeps the log from being moved.
bool unmark(Database& database);

}  // namespace openexec::store
