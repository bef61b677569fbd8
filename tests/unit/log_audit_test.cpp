// SPDX-License-Identifier: Apache-2.0
// A ledger whose log somebody changed: an audit finds each single edit, and opening those on its way.
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <openexec/hasher.hpp>
#include <openexec/ledger.hpp>
#include <openexec/receipt.hpp>

#include "conformance/suite.hpp"
#include "ledger/sqlite.hpp"
#include "support/build.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/ledger_edit.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"
#include "upkeep/log_audit.hpp"
#include "upkeep/prune.hpp"
#include "upkeep/rebuild.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

Digest id_of(std::uint64_t index) { return jcs_sha256()->digest(std::to_string(index)); }

std::string entry_json(std::uint64_t index) {
  Entry entry;
  entry.verdict = Verdict::refused;
  entry.code = Code::approval_missing;
  entry.action = "act-" + std::to_string(index);
  entry.exec_id = to_hex(id_of(index));
  entry.nonce = "n-" + std::to_string(index);
  entry.tenant = "acme";
  entry.request_hash[0] = 1;
  entry.receipt = std::string(64, 'a');
  entry.executor = "test";
  entry.observed_at = {static_cast<std::int64_t>(1'000'000 + index)};
  return entry.to_json();
}

void append(Ledger& ledger, std::uint64_t from, std::uint64_t count) {
  std::vector<std::string> texts;
  std::vector<NewEntry> entries;
  for (std::uint64_t i = from; i < from + count; ++i) texts.push_back(entry_json(i));
  for (std::uint64_t i = 0; i < count; ++i)
    entries.push_back({.json = texts[i],
                       .exec_id = id_of(from + i),
                       .attempt = id_of(from + i),
                       .at = {static_cast<std::int64_t>(from + i)}});
  std::vector<Operation> asked;
  for (const NewEntry& entry : entries) asked.push_back({&entry});
  ledger.submit(asked);
  for (const auto& one : asked) REQUIRE(one.status.ok());
}

std::string made(const TemporaryFolder& folder, std::uint64_t size, const LogOptions& log = {}) {
  const std::string path = folder.file("ledger.db");
  auto ledger = must(sqlite_ledger(path, {.read_only = false, .log = log}), "open");
  for (std::uint64_t from = 0; from < size; from += 1000)
    append(*ledger, from, std::min<std::uint64_t>(1000, size - from));
  return path;
}

/// Opens to write what is a copy of a ledger, and would be refused for that alone.
Result<std::shared_ptr<Ledger>> open_copy(const std::string& path) {
  store::SqliteInternals internals;
  internals.any_file = true;
  return store::open_sqlite(path, {}, internals);
}

/// SQL on a file, as a stranger would run it.
void sql(const std::string& path, const std::string& text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  const int code = sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr);
  INFO(text << ": " << sqlite3_errmsg(db));
  CHECK(code == SQLITE_OK);
  CHECK(sqlite3_total_changes(db) > 0);  // an edit that edits nothing would prove nothing
  sqlite3_close(db);
}

Status is_entry(std::string_view json, const Digest* exec_id) {
  const auto entry = Entry::from_json(json);
  if (!entry.ok()) return entry.status();
  if (entry->exec_id != (exec_id == nullptr ? "" : to_hex(*exec_id))) return {Code::invalid_argument, "exec_id"};
  return Status::success();
}

store::LogAudit audit(const std::string& path, const std::string& anchor = {}) {
  store::AuditOptions options;
  options.well_formed = is_entry;
  options.anchor = anchor;
  return must(store::audit_log(path, options), "audit");
}

std::string all_of(const store::LogAudit& audit) {
  std::string text;
  for (const auto& each : audit.differences) text += each.what + "\n";
  return text;
}

bool names_entry(const store::LogAudit& audit, std::uint64_t index) {
  for (const auto& each : audit.differences)
    if (each.index == index) return true;
  return false;
}

bool names_tile(const store::LogAudit& audit, const std::string& tile) {
  for (const auto& each : audit.differences)
    if (each.tile == tile) return true;
  return false;
}

/// Copies of one ledger, each to be edited once.
class Copies {
 public:
  Copies(const TemporaryFolder& folder, std::string original)
      : original_(std::move(original)), copy_(folder.file("copy.db")) {}
  const std::string& edited(const std::string& edit) {
    sql(fresh(), edit);
    return copy_;
  }
  const std::string& fresh() {
    for (const char* suffix : {"-wal", "-shm", ".lock", ".log-key"}) fs::remove(copy_ + suffix);
    fs::copy_file(original_, copy_, fs::copy_options::overwrite_existing);
    if (fs::exists(original_ + "-wal")) fs::copy_file(original_ + "-wal", copy_ + "-wal");  // as a reader leaves it
    fs::copy_file(original_ + ".log-key", copy_ + ".log-key");
    return copy_;
  }
  [[nodiscard]] const std::string& path() const noexcept { return copy_; }

 private:
  const std::string original_, copy_;
};

/// A change of one entry, by its name.
struct EntryEdit {
  const char* name;
  std::function<void(LedgerEdit&, std::uint64_t index)> make;
};

// What can be done to one entry of a log of `size`, all of which an audit has to find.
std::vector<EntryEdit> edits_of_entry(std::uint64_t size) {
  const auto other = [size](std::uint64_t index) { return index + 1 < size ? index + 1 : index - 1; };
  return {
      {"a letter",
       [](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).json[edit.entry(i).json.find("act-") + 1] = 'k'; }},
      {"a byte less", [](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).json.pop_back(); }},
      {"a byte more", [](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).json += ' '; }},
      {"no text", [](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).json.clear(); }},
      {"another's text", [=](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).json = edit.entry(other(i)).json; }},
      {"no exec_id", [](LedgerEdit& edit, std::uint64_t i) { edit.entry(i).exec_id = {}; }},
      {"not there",
       [](LedgerEdit& edit, std::uint64_t i) {
         EditedRow& row = edit.row_of(i);
         row.entries.erase(row.entries.begin() +
                           static_cast<std::ptrdiff_t>(i - static_cast<std::uint64_t>(row.first)));
         if (row.entries.empty()) edit.rows.erase(edit.rows.begin() + (&row - edit.rows.data()));
       }},
      {"another's place", [=](LedgerEdit& edit, std::uint64_t i) { std::swap(edit.entry(i), edit.entry(other(i))); }},
      {"a row at a far number", [](LedgerEdit& edit, std::uint64_t i) { edit.row_of(i).first += 1'000'000; }},
      {"a row below 0", [](LedgerEdit& edit, std::uint64_t i) { edit.row_of(i).first = -5; }},
      {"no row", [](LedgerEdit& edit,
                    std::uint64_t i) { edit.rows.erase(edit.rows.begin() + (&edit.row_of(i) - edit.rows.data())); }},
  };
}

std::string edited(Copies& copies, const EntryEdit& edit, std::uint64_t index, Hashes hashes) {
  std::string path = copies.fresh();
  LedgerEdit changed(path);
  edit.make(changed, index);
  changed.write(hashes);
  return path;
}

}  // namespace

TEST_CASE("An audit of a log that nobody touched finds nothing, at every kind of size") {
  for (const std::uint64_t size : {0U, 1U, 2U, 255U, 256U, 257U, 511U, 512U, 700U}) {
    TemporaryFolder folder;
    const std::string path = made(folder, size);
    const auto found = audit(path);
    INFO(size << ": " << all_of(found));
    CHECK(found.difference_count == 0);
    CHECK(found.size == size);
    CHECK(found.entries == size);
    auto ledger = must(sqlite_ledger(path, {.read_only = true, .log = {}}), "open");
    CHECK(ledger->checkpoint()->root == found.root);
  }
}

TEST_CASE("An audit reads beside an executor that appends, and goes as far as the log reached when it began") {
  TemporaryFolder folder;
  const std::string path = made(folder, 5000);
  auto ledger = must(sqlite_ledger(path), "open");
  store::AuditOptions options;
  options.well_formed = is_entry;
  std::uint64_t size = 5000;
  options.progress = [&](std::uint64_t, std::uint64_t of, std::uint64_t) {
    CHECK(of == 5000);
    append(*ledger, size, 300);
    size += 300;
  };
  const auto found = must(store::audit_log(path, options), "audit");
  CHECK(size > 5300);  // it did append meanwhile, more than once
  INFO(all_of(found));
  CHECK(found.difference_count == 0);
  CHECK(found.entries == 5000);
  CHECK(audit(path).size == size);
}

TEST_CASE("A copy that nobody edited opens, where it may: what is refused below is refused for its edit") {
  TemporaryFolder folder;
  Copies copies(folder, made(folder, 600));
  CHECK(open_copy(copies.fresh()).ok());
  CHECK_THAT(sqlite_ledger(copies.fresh()).status().detail(), Contains("ledger adopt"));
}

TEST_CASE("Each single edit of any entry is found, and named where a tile knows better") {
  constexpr std::uint64_t size = 700, edge = 512;
  TemporaryFolder folder;
  Copies copies(folder, made(folder, size));
  for (std::uint64_t index = 0; index < size; index += stride("entries", 79)) {
    for (const Hashes hashes : {Hashes::left, Hashes::forged}) {
      for (const EntryEdit& edit : edits_of_entry(size)) {
        const auto found = audit(edited(copies, edit, index, hashes));
        INFO("entry " << index << ": " << edit.name << (hashes == Hashes::left ? "" : ", hashes forged") << "\n"
                      << all_of(found));
        CHECK(found.difference_count > 0);
        if (index < edge) CHECK(names_entry(found, index));
        // One edit of one entry's bytes accuses nobody else, and its row only where the hash is still that of before.
        if (index >= edge || edit.name != std::string("a letter")) continue;
        std::size_t rows = 0;
        for (const auto& each : found.differences) {
          if (each.part == "row")
            ++rows;
          else
            CHECK(each.index == index);
        }
        CHECK(rows == (hashes == Hashes::left ? 1 : 0));
      }
    }
  }
}

TEST_CASE("Each edit of an entry that no full tile covers is refused by opening to write") {
  constexpr std::uint64_t size = 600, edge = 512;
  TemporaryFolder folder;
  Copies copies(folder, made(folder, size));
  for (std::uint64_t index = edge; index < size; index += stride("edge entries", 23)) {
    for (const Hashes hashes : {Hashes::left, Hashes::forged}) {
      for (const EntryEdit& edit : edits_of_entry(size)) {
        // What only finds an entry is not on opening's way, if the hash is the right one.
        if (hashes == Hashes::forged && edit.name == std::string("no exec_id")) continue;
        INFO("entry " << index << ": " << edit.name << (hashes == Hashes::left ? "" : ", hashes forged"));
        CHECK(open_copy(edited(copies, edit, index, hashes)).code() == Code::store_failed);
      }
    }
  }
}

TEST_CASE("Truncated at any length, the log is found short, and opening says so") {
  constexpr std::uint64_t size = 600;
  TemporaryFolder folder;
  Copies copies(folder, made(folder, size));
  for (std::uint64_t length = 0; length < size; length += stride("lengths", 29)) {
    for (const Hashes hashes : {Hashes::left, Hashes::forged}) {
      const std::string& path = copies.fresh();
      LedgerEdit edit(path);
      while (!edit.rows.empty() && edit.rows.back().first >= static_cast<std::int64_t>(length)) edit.rows.pop_back();
      if (!edit.rows.empty())
        edit.rows.back().entries.resize(length - static_cast<std::uint64_t>(edit.rows.back().first));
      edit.write(hashes);
      const auto found = audit(path);
      INFO(length << ": " << all_of(found));
      CHECK(names_entry(found, length));
      CHECK_THAT(open_copy(path).status().detail(),
                 Contains(hashes == Hashes::left ? "damaged" : "entry " + std::to_string(length) + " is missing"));
    }
  }
}

TEST_CASE("Each edit of any tile is found, by its path") {
  TemporaryFolder folder;
  Copies copies(folder, made(folder, 700));
  const std::string level_1 = std::to_string(std::uint64_t{1} << 56);
  const struct {
    std::string place, path;
    int hashes;
  } tiles[] = {{"0", "tile/0/000", 256}, {"1", "tile/0/001", 256}, {level_1, "tile/1/000", 2}};
  for (const auto& tile : tiles) {
    const std::string at = " WHERE place = " + tile.place;
    std::vector<std::string> edits{"DELETE FROM tiles" + at, "UPDATE tiles SET hashes = x''" + at,
                                   "UPDATE tiles SET hashes = substr(hashes, 1, length(hashes) - 32)" + at,
                                   "UPDATE tiles SET hashes = substr(hashes, 1, length(hashes) - 1)" + at,
                                   "UPDATE tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB)" + at};
    for (int i = 0; i < tile.hashes; i += static_cast<int>(stride("hashes of a tile", 9)))
      edits.push_back("UPDATE tiles SET hashes = CAST(substr(hashes, 1, " + std::to_string(i * 32) +
                      ") || zeroblob(32) || substr(hashes, " + std::to_string(i * 32 + 33) + ") AS BLOB)" + at);
    for (const std::string& edit : edits) {
      const auto found = audit(copies.edited(edit));
      INFO(edit << "\n" << all_of(found));
      CHECK(names_tile(found, tile.path));
      for (const auto& each : found.differences) CHECK(each.part != "entry");
    }
  }
  for (const std::string place : {"2", "-1", "72057594037927937", "144115188075855872", "9223372036854775806"}) {
    const auto found = audit(copies.edited("INSERT INTO tiles VALUES (" + place + ", zeroblob(32))"));
    INFO(place << "\n" << all_of(found));
    CHECK(found.difference_count == 1);
  }
}

TEST_CASE("Each edit of the checkpoint is found, and refused by opening to write") {
  TemporaryFolder folder;
  const std::string path = made(folder, 300);
  std::string before;
  {
    auto ledger = must(sqlite_ledger(path), "open");
    before = ledger->checkpoint()->note;
    append(*ledger, 300, 100);
  }
  const std::string now = must(sqlite_ledger(path, {.read_only = true, .log = {}}), "open")->checkpoint()->note;
  Copies copies(folder, path);
  std::vector<std::string> edits{"DELETE FROM head", "DELETE FROM pins WHERE key = 'log'",
                                 "UPDATE head SET hash = zeroblob(32)"};
  std::vector<std::string> notes{"", before};  // with the head's hash, and without
  for (std::size_t i = 0; i < now.size(); i += stride("bytes of a checkpoint", 7)) {
    std::string other = now;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    notes.push_back(other);
  }
  for (const std::string& note : notes) edits.push_back("UPDATE head SET checkpoint = '" + note + "'");
  const auto is_found = [](const std::string& copy) {
    const auto found = store::audit_log(copy, {});
    CHECK((!found.ok() || found->difference_count > 0));
    CHECK(open_copy(copy).code() == Code::store_failed);
  };
  for (const std::string& edit : edits) {
    INFO(edit);
    is_found(copies.edited(edit));
  }
  for (const std::string& note : notes) {
    INFO(note);
    LedgerEdit(copies.fresh()).set_head([&](store::Head& head) { head.checkpoint = note; });
    is_found(copies.path());
  }
}

TEST_CASE("In a log with two levels of full tiles, an edit anywhere is found and named") {
  constexpr std::uint64_t size = 65'536 + 300;
  TemporaryFolder folder;
  Copies copies(folder, made(folder, size));
  // The slice edits one entry under two full levels and one that no full tile covers, and a tile of each kind.
  const bool whole = campaign(0, 1) == 1;
  std::vector<std::uint64_t> indices{255, 65'536};
  if (whole) indices.insert(indices.end(), {0, 256, 40'000, 65'535, 65'791});
  for (const std::uint64_t index : indices) {
    const auto found = audit(edited(copies, edits_of_entry(size).front(), index, Hashes::forged));
    INFO(all_of(found));
    CHECK(found.difference_count == 1);
    CHECK(names_entry(found, index));
  }
  const std::uint64_t level = std::uint64_t{1} << 56;
  std::vector<std::pair<std::uint64_t, const char*>> tiles{{77, "tile/0/077"}, {2 * level, "tile/2/000"}};
  if (whole) tiles.insert(tiles.end(), {{256, "tile/0/256"}, {level, "tile/1/000"}, {level + 1, "tile/1/001"}});
  for (const auto& [place, name] : tiles) {
    const auto found = audit(
        copies.edited("UPDATE tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE place = " +
                      std::to_string(place)));
    INFO(name << "\n" << all_of(found));
    CHECK(found.difference_count == 1);
    CHECK(names_tile(found, name));
  }
}

TEST_CASE("Every earlier snapshot of a ledger with an anchor is refused, and found by an audit that has the anchor") {
  TemporaryFolder folder;
  const LogOptions log{.key_pem = {}, .origin = {}, .anchor = folder.file("anchor")};
  const std::string path = made(folder, 3, log);
  std::vector<std::string> snapshots;
  for (std::uint64_t size = 3; size < 30; ++size) {
    snapshots.push_back(folder.file("snapshot-" + std::to_string(size)));
    fs::copy_file(path, snapshots.back());
    append(*must(sqlite_ledger(path, {.read_only = false, .log = log}), "open"), size, 1);
  }
  CHECK(audit(path, log.anchor).difference_count == 0);
  CHECK(audit(path, log.anchor).anchored == 30);
  CHECK(audit(path).expects_anchor);
  for (const std::string& snapshot : snapshots) {
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(path + suffix);
    fs::copy_file(snapshot, path, fs::copy_options::overwrite_existing);
    INFO(snapshot);
    CHECK_THAT(sqlite_ledger(path, {.read_only = false, .log = log}).status().detail(), Contains("rolled back"));
    const auto found = audit(path, log.anchor);
    REQUIRE(found.difference_count == 1);
    CHECK(found.differences.front().part == "anchor");
  }
}

namespace {

/// A ledger with an execution that failed twice with nothing and then executed, and one that is done at once.
std::string with_attempts(const TemporaryFolder& folder) {
  const std::string path = folder.file("ledger.db");
  auto ledger = must(sqlite_ledger(path), "open");
  std::uint64_t entries = 0;
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    Claim claim;
    claim.tenant = "acme";
    claim.nonce = "n";
    claim.action = "act";
    claim.exec_id = id_of(1);
    claim.approval_id = "a-1";
    claim.approval = "null";
    claim.at = {1'000};
    claim.attempt = attempt;
    CHECK(must(ledger->claim(claim), "claim").kind == ClaimAnswer::Kind::fresh);
    const std::string json = entry_json(entries++);
    Seal seal;
    seal.tenant = "acme";
    seal.nonce = "n";
    seal.exec_id = claim.exec_id;
    seal.state = NonceState::sealed;
    seal.code = attempt == 3 ? Code::ok : Code::handler_failed;
    seal.effect = attempt == 3 ? Effect::confirmed : Effect::none;
    seal.result = R"({"sent": true})";
    seal.entry = json;
    seal.at = {1'001};
    seal.attempt = attempt;
    seal.retryable = attempt != 3;
    must(ledger->seal(seal), "seal");
  }
  return path;
}

store::LogAudit audit_of(const std::string& path) { return must(store::audit_log(path, {}), "audit"); }

}  // namespace

TEST_CASE("Attempts are claims of their own: an audit reads them, an index is built of them, results are pruned") {
  TemporaryFolder folder;
  const std::string path = with_attempts(folder);
  const store::LogAudit audit = audit_of(path);
  CHECK(audit.differences.empty());
  CHECK(audit.claims == 3);
  CHECK(must(store::rebuild_index(path, {}), "rebuild") == 3 * 2 + 3);
  CHECK(must(store::prune_results(path, {2'000}, {}), "prune").results == 1);
  CHECK(audit_of(path).differences.empty());
  auto ledger = must(sqlite_ledger(path), "open");
  const auto record = *must(static_cast<NonceStore&>(*ledger).find("acme", "n"), "find");
  CHECK(record.attempt == 3);
  CHECK(record.code == Code::ok);
  CHECK(record.result.empty());
}

TEST_CASE("An attempt that nothing permits is found, though all hashes were made to fit") {
  const std::function<void(store::Ending&)> edits[] = {
      [](store::Ending& ending) { ending.retryable = false; },
      [](store::Ending& ending) { ending.claim = 2; },
  };
  for (const auto& edit : edits) {
    TemporaryFolder folder;
    const std::string path = with_attempts(folder);
    {
      LedgerEdit ledger(path);
      edit(*ledger.entry(0).ending);
      ledger.write(Hashes::forged);
    }
    const store::LogAudit audit = audit_of(path);
    const bool found = std::any_of(audit.differences.begin(), audit.differences.end(), [](const auto& difference) {
      return difference.part == "claim" && difference.what.find("does not let be opened") != std::string::npos;
    });
    CHECK(found);
  }
}

TEST_CASE("A doubt that somebody took off the list, or put on it, is found, and the ledger does not open") {
  for (const char* edit : {"DELETE FROM doubts", "INSERT INTO doubts VALUES (0, 2)", "UPDATE doubts SET claim = 1"}) {
    INFO(edit);
    TemporaryFolder folder;
    const std::string path = folder.file("ledger.db");
    {
      auto ledger = must(sqlite_ledger(path), "open");
      for (const char* nonce : {"a", "b"}) {
        Claim claim;
        claim.tenant = "acme";
        claim.nonce = nonce;
        claim.action = "act";
        claim.exec_id = id_of(static_cast<std::uint64_t>(nonce[0]));
        claim.approval = "null";
        REQUIRE(must(ledger->claim(claim), "claim").kind == ClaimAnswer::Kind::fresh);
        const std::string json = entry_json(static_cast<std::uint64_t>(nonce[0]));
        Seal seal;
        seal.tenant = "acme";
        seal.nonce = nonce;
        seal.exec_id = claim.exec_id;
        seal.state = nonce[0] == 'a' ? NonceState::sealed : NonceState::in_doubt;
        seal.code = nonce[0] == 'a' ? Code::ok : Code::in_doubt;
        seal.entry = json;
        must(ledger->seal(seal), "seal");
      }
      CHECK(must(ledger->doubt_count(), "count") == 1);
    }
    CHECK(audit_of(path).differences.empty());
    sql(path, edit);
    const store::LogAudit audit = audit_of(path);
    CHECK(std::any_of(audit.differences.begin(), audit.differences.end(),
                      [](const auto& difference) { return difference.part == "doubt"; }));
    CHECK(sqlite_ledger(path).code() == Code::store_failed);
  }
}
