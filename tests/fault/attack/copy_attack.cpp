// SPDX-License-Identifier: Apache-2.0
// A ledger that was copied, and whose copy is put in its place after more was spent: it has forgotten that.
#include <filesystem>

#include <openexec/openexec.hpp>

#include "conformance/suite.hpp"
#include "evidence/adoption.hpp"
#include "ledger/adopt.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"
#include "upkeep/log_audit.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

constexpr std::int64_t second = 1'000'000;

/// Accepts an artifact that is the number of the second at which it was issued, and its own id.
class DatedVerifier final : public Verifier {
 public:
  using Verifier::verify;
  explicit DatedVerifier(bool says_when = true) : says_when_(says_when) {}
  [[nodiscard]] std::string_view profile() const noexcept override { return "dated"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    Approval approval{"dated", std::string(proposal.artifact()), {"key-1"}};
    const std::string text(proposal.artifact());
    if (says_when_) approval.issued_at = Timestamp{std::stoll(text.substr(text.find(':') + 1)) * second};
    return approval;
  }

 private:
  bool says_when_;
};

class House {
 public:
  Result<Executor> open(std::shared_ptr<const Verifier> verifier, const std::string& tenant = "acme") {
    Result<std::shared_ptr<Ledger>> ledger = sqlite_ledger(path);
    if (!ledger.ok()) return ledger.status();
    HandlerTable table;
    (void)table.add("pay", [this](const Invocation&) {
      ++paid;
      return HandlerResult::result(R"({"paid":true})");
    });
    Config config;
    config.tenant = tenant;
    Parts parts;
    parts.store = *ledger;
    parts.verifier = std::move(verifier);
    return Executor::assemble(std::move(config), std::move(parts), std::move(table));
  }

  static Outcome pay(Executor& executor, const std::string& nonce, const std::string& artifact = {}) {
    return executor.execute(
        Request{.action = "pay", .payload = R"({"n":1})", .nonce = nonce, .approval_artifact = artifact});
  }

  void copy(const std::string& from, const std::string& to) const {
    fs::remove(to);
    fs::copy_file(from, to);
  }

  Result<store::Adopted> adopt() {
    store::AdoptOptions options;
    options.entry = [](const std::string& identity, Timestamp floor, Timestamp now) {
      return exec::adoption_entry(
          {.kind = "adopt", .id = identity, .tenant = {}, .who = "alice", .why = "the disk died", .time = floor},
          "acme", "openexec", now);
    };
    return store::adopt_ledger(path, options);
  }

  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  int paid = 0;
};

std::string issued(std::int64_t micros) { return R"({"at":)" + std::to_string(micros / second) + "}"; }

}  // namespace

TEST_CASE("What was spent after a copy was made runs no second time, also when the copy is adopted") {
  House house;
  const auto verifier = std::make_shared<DatedVerifier>();
  const std::int64_t now = system_clock()->now().micros;
  const std::string first = issued(now - 20 * second), second_one = issued(now - 10 * second);
  {
    Executor executor = must(house.open(verifier), "open");
    CHECK(House::pay(executor, "n-1", first).code == Code::ok);
  }
  const std::string backup = house.folder.file("backup.db");
  house.copy(house.path, backup);
  {
    Executor executor = must(house.open(verifier), "open");
    CHECK(House::pay(executor, "n-2", second_one).code == Code::ok);
  }
  CHECK(house.paid == 2);
  house.copy(backup, house.path);

  const auto refused = house.open(verifier);
  CHECK(refused.code() == Code::store_failed);
  CHECK_THAT(refused.status().detail(), Contains("ledger adopt"));

  const store::Adopted adopted = must(house.adopt(), "adopt");
  CHECK(adopted.floor.micros >= now);
  {
    Executor executor = must(house.open(verifier), "open");
    for (const char* nonce : {"n-2", "n-3"}) {  // under its nonce, and under another
      const Outcome outcome = House::pay(executor, nonce, second_one);
      CHECK(outcome.code == Code::approval_spent);
      CHECK_THAT(outcome.detail, Contains("adopted"));
    }
    CHECK(House::pay(executor, "n-4", issued(adopted.floor.micros)).code == Code::approval_spent);  // at the floor
    CHECK(house.paid == 2);
    CHECK(House::pay(executor, "n-5", issued(adopted.floor.micros + 2 * second)).code == Code::ok);
    CHECK(House::pay(executor, "n-1", first).code == Code::ok);  // a replay of what it remembers
    CHECK(house.paid == 3);
    const auto line = must(executor.log().read(adopted.entry, 1), "read");
    REQUIRE(line.size() == 1);
    const Entry entry = must(Entry::from_json(line.front().json), "entry");
    REQUIRE(entry.control);
    CHECK(entry.control->kind == "adopt");
    CHECK(entry.control->who == "alice");
    CHECK(entry.control->time == adopted.floor);
  }
  CHECK(must(house.open(std::make_shared<DatedVerifier>(false)), "open")
            .execute(Request{.action = "pay",
                             .payload = "{}",
                             .nonce = "n-6",
                             .approval_artifact = issued(adopted.floor.micros + 5 * second)})
            .code == Code::approval_spent);
  const auto audit = must(store::audit_log(house.path, {}), "audit");
  CHECK(audit.difference_count == 0);

  // It was valid for that file alone.
  house.copy(house.path, backup);
  house.copy(backup, house.path);
  CHECK(house.open(verifier).code() == Code::store_failed);
}

TEST_CASE("In demo mode an adopted ledger takes no tenant that it had before") {
  House house;
  const auto demo = std::make_shared<DemoVerifier>();
  {
    Executor executor = must(house.open(demo), "open");
    CHECK(House::pay(executor, "n-1").code == Code::ok);
  }
  const std::string backup = house.folder.file("backup.db");
  house.copy(house.path, backup);
  {
    Executor executor = must(house.open(demo), "open");
    CHECK(House::pay(executor, "n-2").code == Code::ok);
  }
  house.copy(backup, house.path);
  CHECK(house.open(demo).code() == Code::store_failed);
  must(house.adopt(), "adopt");
  CHECK_THAT(house.open(demo).status().detail(), Contains("new tenant"));
  CHECK(house.paid == 2);
  Executor executor = must(house.open(demo, "another"), "open");
  CHECK(House::pay(executor, "n-2").code == Code::ok);
}

TEST_CASE("A ledger that is renamed within its file system stays what it is") {
  House house;
  const auto demo = std::make_shared<DemoVerifier>();
  {
    Executor executor = must(house.open(demo), "open");
    CHECK(House::pay(executor, "n-1").code == Code::ok);
  }
  const std::string elsewhere = house.folder.file("elsewhere.db");
  fs::rename(house.path, elsewhere);
  fs::rename(house.path + ".log-key", elsewhere + ".log-key");
  CHECK(sqlite_ledger(elsewhere).ok());
}
