// SPDX-License-Identifier: Apache-2.0
// A ledger that is set back behind a claim which nothing has sealed yet: the log's own checkpoint covers entries alone,
// and a claim has none before its end.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <openexec/openexec.hpp>

#include "conformance/suite.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"
#include "upkeep/log_audit.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

/// A ledger with an anchor, and a handler whose effects are bytes of a file.
class Payments {
 public:
  Result<Executor> open(bool dies_when_paid = false) {
    SqliteOptions options;
    options.log.anchor = anchor;
    Result<std::shared_ptr<Ledger>> ledger = sqlite_ledger(path, options);
    if (!ledger.ok()) return ledger.status();
    HandlerTable table;
    (void)table.add("pay", [=, this](const Invocation&) {
      pay();
      if (dies_when_paid) ::kill(::getpid(), SIGKILL);
      return HandlerResult::result(R"({"paid":true})");
    });
    Parts parts;
    parts.store = *ledger;
    parts.verifier = std::make_shared<DemoVerifier>();
    return Executor::assemble({}, std::move(parts), std::move(table));
  }

  static Request request(std::string_view nonce) {
    return {.action = "pay", .payload = R"({"n":1})", .nonce = nonce, .approval_artifact = {}};
  }

  /// Pays in a process that is killed before it can seal.
  void pay_and_die(std::string_view nonce) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto executor = open(true);
      if (executor.ok()) (void)executor->execute(request(nonce));
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
  }

  /// The ledger as it is on the disk, with what an executor of an older version leaves in the write-ahead log.
  [[nodiscard]] std::string snapshot() const {
    std::string copy = folder.file("snapshot.db");
    for (const char* suffix : {"", "-wal"})
      if (fs::exists(path + suffix)) fs::copy_file(path + suffix, copy + suffix);
    return copy;
  }
  void set_back_to(const std::string& snapshot) const {
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(path + suffix);
    if (fs::exists(snapshot + "-wal")) fs::copy_file(snapshot + "-wal", path + "-wal");
    // In place, so that the file stays the file that it was.
    std::ifstream from(snapshot, std::ios::binary);
    std::ofstream to(path, std::ios::binary | std::ios::trunc);
    to << from.rdbuf();
  }

  [[nodiscard]] std::size_t paid() const { return fs::exists(payments_) ? fs::file_size(payments_) : 0; }

  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const std::string anchor = folder.file("elsewhere/anchor");

 private:
  void pay() const {
    const int fd = ::open(payments_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, "x", 1) != 1) std::abort();
    ::close(fd);
  }
  const std::string payments_ = folder.file("payments");
};

}  // namespace

TEST_CASE("A ledger that is set back behind a claim without an entry does not open, and pays nothing twice") {
  Payments payments;
  fs::create_directory(payments.folder.file("elsewhere"));
  for (const char* nonce : {"n-1", "n-2"})
    CHECK(must(payments.open(), "open").execute(Payments::request(nonce)).code == Code::ok);
  const std::string snapshot = payments.snapshot();
  payments.pay_and_die("n-3");
  REQUIRE(payments.paid() == 3);
  payments.set_back_to(snapshot);
  {
    auto executor = payments.open();
    CHECK(executor.code() == Code::store_failed);
    if (executor.ok())
      (void)executor->execute(Payments::request("n-3"));
    else
      CHECK_THAT(executor.status().detail(), Contains("rolled back") && Contains("2 claims"));
  }
  CHECK(payments.paid() == 3);
  store::AuditOptions options;
  options.anchor = payments.anchor;
  const auto audit = must(store::audit_log(payments.path, options), "audit");
  REQUIRE(audit.difference_count == 1);
  CHECK(audit.differences.front().part == "anchor");
}

TEST_CASE("No handler is entered before an anchor that covers its claim is written, and the claim stays spent") {
  Payments payments;
  const std::string elsewhere = payments.folder.file("elsewhere");
  fs::create_directory(elsewhere);
  {
    Executor executor = must(payments.open(), "open");
    CHECK(executor.execute(Payments::request("n-1")).code == Code::ok);
    fs::rename(elsewhere, elsewhere + "-away");
    CHECK(executor.execute(Payments::request("n-2")).code == Code::store_failed);
    CHECK(executor.execute(Payments::request("n-3")).code == Code::store_failed);
    CHECK(payments.paid() == 1);
    fs::rename(elsewhere + "-away", elsewhere);
    // who takes an anchor away stops its writer
    CHECK(executor.execute(Payments::request("n-4")).code == Code::store_failed);
    CHECK(payments.paid() == 1);
  }
  Executor executor = must(payments.open(), "open");
  CHECK(executor.execute(Payments::request("n-2")).code == Code::in_doubt);  // it was spent, by nobody who ran
  CHECK(payments.paid() == 1);
  CHECK(executor.execute(Payments::request("n-4")).code == Code::ok);
  CHECK(payments.paid() == 2);
}

TEST_CASE("Half of an anchor that a dying machine tore hides no rollback, and stops nobody whose ledger is whole") {
  Payments payments;
  fs::create_directory(payments.folder.file("elsewhere"));
  std::string snapshot;
  {
    Executor executor = must(payments.open(), "open");
    CHECK(executor.execute(Payments::request("n-1")).code == Code::ok);
    snapshot = payments.snapshot();  // of what the other half of the anchor covers from the next commit on
    fs::copy_file(payments.anchor, payments.anchor + ".before");
  }
  payments.pay_and_die("n-2");  // one commit, its claim
  const std::string before = read_file(payments.anchor + ".before"), after = read_file(payments.anchor);
  REQUIRE(before.size() == after.size());
  const auto [mine, theirs] = std::mismatch(after.begin(), after.end(), before.begin());
  REQUIRE(mine != after.end());
  std::string torn = after;
  torn[static_cast<std::size_t>(mine - after.begin())] = '#';
  std::ofstream(payments.anchor, std::ios::trunc) << torn;
  SECTION("the ledger has the commit whose half is torn") {
    Executor executor = must(payments.open(), "open");
    CHECK(executor.execute(Payments::request("n-2")).code == Code::in_doubt);
    CHECK(payments.paid() == 2);
  }
  SECTION("the ledger was set back to where the other half ends") {
    payments.set_back_to(snapshot);
    CHECK_THAT(payments.open().status().detail(), Contains("half of the anchor cannot be read"));
    CHECK(payments.paid() == 2);
  }
  SECTION("both halves are torn") {
    std::ofstream(payments.anchor, std::ios::trunc) << std::string(after.size() - 1, 'x') << '\0';
    CHECK_THAT(payments.open().status().detail(), Contains("neither half"));
  }
}

TEST_CASE("An anchor without a line for the claims is taken once, from before there was one, and never again") {
  Payments payments;
  fs::create_directory(payments.folder.file("elsewhere"));
  CHECK(must(payments.open(), "open").execute(Payments::request("n-1")).code == Code::ok);
  SqliteOptions options;
  options.read_only = true;
  const std::string old = must(must(sqlite_ledger(payments.path, options), "read")->checkpoint(), "checkpoint").note;
  CHECK_THAT(read_file(payments.anchor), Contains("\nopenexec-claims 1 "));
  std::ofstream(payments.anchor, std::ios::trunc) << old;
  CHECK_THAT(payments.open().status().detail(), Contains("does not cover the ledger's claims"));
}
