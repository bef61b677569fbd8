// SPDX-License-Identifier: Apache-2.0
#include "bench/subjects.hpp"
#include "ledger/sqlite.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <random>

#include "canon/json.hpp"

namespace openexec::bench {

Folder::Folder(const std::string& parent) {
  path_ = std::filesystem::absolute(parent) / "openexec-bench-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + parent);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::fresh(std::string_view what) {
  return path_ + "/" + std::to_string(++given_) + "-" + std::string(what);
}

bool Folder::in_memory() const {
  struct statfs status {};
  return ::statfs(path_.c_str(), &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

void copy_ledger(const std::string& from, const std::string& to) {
  for (const char* part : {"", "-wal", ".log-key"}) {
    if (!std::filesystem::exists(from + part)) continue;
    std::filesystem::copy_file(from + part, to + part);
    const int fd = ::open((to + part).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) throw std::runtime_error("cannot copy a ledger");
    ::close(fd);
  }
}

std::string Copies::next() {
  copy_ledger(of_, made_.emplace_back(folder_.fresh("copy.db")));
  return made_.back();
}

Copies::~Copies() {
  std::error_code ignored;
  for (const std::string& file : made_)
    for (const char* part : {"", "-wal", "-shm", ".log-key", ".lock"}) std::filesystem::remove(file + part, ignored);
}

Principal::Principal(std::uint32_t series)
    : approver_(need(crypto::PrivateKey::generate(), "a key"), series, system_clock()->now()) {}

std::shared_ptr<const Verifier> Principal::verifier() const {
  return need(clawshield_v1({.public_key_pem = approver_.public_key_pem(), .tenant_id = std::string(tenant)}),
              "the verifier");
}

Result<Approval> TrustingVerifier::verify(const Proposal& proposal, Timestamp) const {
  const Result<canon::Document> artifact = canon::parse(proposal.artifact());
  if (!artifact.ok()) return artifact.status();
  const auto id = artifact->root().find("approval_id");
  if (!id) return Status(Code::approval_malformed, "approval_id: missing");
  return Approval{"clawshield-v1", std::string(id->string()), {std::string(64, '0')}};
}

HandlerResult echo(const Invocation& call) {
  return HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
}

std::shared_ptr<Ledger> open_file(const std::string& ledger) {
  store::SqliteInternals internals;
  internals.any_file = true;
  return need(store::open_sqlite(ledger, {}, internals), "the ledger");
}

Executor make_executor(Parts parts, Config config) {
  config.tenant = tenant;
  config.limits.max_in_flight = 1 << 16;
  config.limits.max_refusals_per_second = std::numeric_limits<std::uint32_t>::max();
  config.limits.max_replays_per_second = std::numeric_limits<std::uint32_t>::max();
  HandlerTable table;
  need(table.add("echo", echo), "the handler");
  return need(Executor::assemble(std::move(config), std::move(parts), std::move(table)), "the executor");
}

void check(const Outcome& outcome, Expected expected) {
  if (outcome.code == expected.code && outcome.replayed == expected.replayed && !outcome.entry.empty()) return;
  throw std::runtime_error("an answer was " + std::string(name(outcome.code)) +
                           (outcome.replayed ? " (replayed)" : "") + " and not " + std::string(name(expected.code)) +
                           ": " + outcome.detail);
}

namespace {

/// A caller's own array of calls, used again for every batch.
using Calls = std::vector<Call>;

std::size_t execute_all(Executor& executor, Calls& calls, std::span<const std::string> requests, Expected expected) {
  calls.resize(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) calls[i].request = std::string_view(requests[i]);
  for (const Outcome& outcome : executor.execute_many(calls)) check(outcome, expected);
  return requests.size();
}

}  // namespace

Workload many(Executor& executor, Backlog& backlog, std::size_t threads, std::size_t each, Expected expected) {
  const auto calls = std::make_shared<std::vector<Calls>>(threads);
  return {.threads = threads,
          .step = [&executor, &backlog, calls, each, expected](std::size_t thread) -> std::size_t {
            const auto requests = backlog.take(each);
            return requests.empty() ? 0 : execute_all(executor, (*calls)[thread], requests, expected);
          },
          .prepare = [&backlog](std::size_t operations) { backlog.fill(operations); }};
}

Workload blocking(Executor& executor, Backlog& backlog, std::size_t threads) {
  return {.threads = threads,
          .step = [&executor, &backlog](std::size_t) -> std::size_t {
            const auto request = backlog.take(1);
            if (request.empty()) return 0;
            check(executor.execute_json(request.front()), {});
            return 1;
          },
          .prepare = [&backlog](std::size_t operations) { backlog.fill(operations); }};
}

Workload again(Executor& executor, const std::vector<std::string>& requests, std::size_t threads, std::size_t each,
               Expected expected) {
  struct State {
    std::size_t next = 0;
    Calls calls;
  };
  const auto states = std::make_shared<std::vector<State>>(threads);
  return {.threads = threads,
          .step = [&executor, &requests, states, each, expected](std::size_t thread) -> std::size_t {
            State& state = (*states)[thread];
            if (state.next + each > requests.size()) state.next = 0;
            const std::span<const std::string> batch(requests.data() + state.next, std::min(each, requests.size()));
            state.next += each;
            if (each > 1) return execute_all(executor, state.calls, batch, expected);
            check(executor.execute_json(batch.front()), expected);
            return 1;
          }};
}

Workload verifications(std::size_t threads) {
  struct Signed {
    std::string message;
    std::string signature;
  };
  const crypto::PrivateKey key = need(crypto::PrivateKey::from_seed(std::string(32, 'v')), "a key");
  const auto signatures = std::make_shared<std::vector<Signed>>(256);
  constexpr std::size_t like_an_approval = 36 + tenant.size() + 64 + 2 * 27;
  for (Signed& one : *signatures) {
    one.message = std::to_string(&one - signatures->data());
    one.message.resize(like_an_approval, '.');
    one.signature = key.sign(one.message);
  }
  const auto nexts = std::make_shared<std::vector<std::size_t>>(threads);
  return {.threads = threads,
          .step = [public_key = key.public_key(), signatures, nexts](std::size_t thread) -> std::size_t {
            const Signed& one = (*signatures)[(*nexts)[thread]++ % signatures->size()];
            need(public_key.verify(one.message, one.signature), "a verification");
            return 1;
          }};
}

namespace {

/// A connection as the ledger has it: write-ahead log, every commit synced.
class RawTable {
 public:
  explicit RawTable(const std::string& file) {
    must(sqlite3_open(file.c_str(), &database_));
    must(sqlite3_exec(database_,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                      "CREATE TABLE rows (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT",
                      nullptr, nullptr, nullptr));
    must(sqlite3_prepare_v2(database_, "INSERT INTO rows (json) VALUES (?1)", -1, &insert_, nullptr));
  }
  RawTable(const RawTable&) = delete;
  RawTable& operator=(const RawTable&) = delete;
  ~RawTable() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }

  void insert(std::size_t rows, const std::string& json) {
    must(sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
    for (std::size_t i = 0; i < rows; ++i) {
      must(sqlite3_bind_text(insert_, 1, json.data(), static_cast<int>(json.size()), SQLITE_STATIC));
      if (sqlite3_step(insert_) != SQLITE_DONE) must(SQLITE_ERROR);
      must(sqlite3_reset(insert_));
    }
    must(sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr));
  }

 private:
  void must(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(std::string("raw inserts: ") + sqlite3_errmsg(database_));
  }
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace

Workload raw_inserts(const std::string& file, std::size_t row_bytes) {
  constexpr std::size_t at_once = 64;
  const auto table = std::make_shared<RawTable>(file);
  return {.threads = 1, .step = [table, json = std::string(row_bytes, 'x')](std::size_t) -> std::size_t {
            table->insert(at_once, json);
            return at_once;
          }};
}

}  // namespace openexec::bench
