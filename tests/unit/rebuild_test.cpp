// SPDX-License-Identifier: Apache-2.0
// The index of a ledger, made anew from its rows on command.
#include <openexec/ledger.hpp>

#include "conformance/suite.hpp"
#include "crypto/sha256.hpp"
#include "ledger/sqlite.hpp"
#include "support/catch.hpp"
#include "support/ledger_edit.hpp"
#include "support/parts.hpp"
#include "upkeep/log_audit.hpp"
#include "upkeep/rebuild.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

using Catch::Matchers::Contains;

constexpr int nonces = 3'000;  // enough keys for a run

Claim claim_of(const std::string& nonce) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.action = "echo";
  claim.exec_id = crypto::sha256(nonce);
  claim.approval_id = nonce;
  claim.approval = "null";
  claim.at = {1};
  return claim;
}

std::string nonce_of(int number) { return "n-" + std::to_string(number); }

std::string made(const TemporaryFolder& folder) {
  std::string path = folder.file("ledger.db");
  auto ledger = must(sqlite_ledger(path), "open");
  for (int from = 0; from < nonces; from += 500) {
    std::vector<std::string> names;
    std::vector<Claim> claims;
    for (int i = 0; i < 500; ++i) names.push_back(nonce_of(from + i));
    for (const std::string& name : names) claims.push_back(claim_of(name));
    std::vector<Operation> asked;
    for (const Claim& claim : claims) asked.push_back({&claim});
    ledger->submit(asked);
    for (const Operation& one : asked) REQUIRE((one.status.ok() && one.claim.kind == ClaimAnswer::Kind::fresh));
  }
  return path;
}

void check_all_known(const std::string& path) {
  auto ledger = must(sqlite_ledger(path), "open");
  for (int i = 0; i < nonces; i += 7) {
    const std::string nonce = nonce_of(i);
    CHECK(must(ledger->claim(claim_of(nonce)), "claim").kind == ClaimAnswer::Kind::exists);
  }
  const std::string fresh = "another";
  CHECK(must(ledger->claim(claim_of(fresh)), "claim").kind == ClaimAnswer::Kind::fresh);
}

}  // namespace

TEST_CASE("A damaged index is refused until it is rebuilt from the rows, and knows everything then") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  const char* const damage =
      GENERATE("UPDATE blocks SET content = zeroblob(4032) WHERE slot = 3", "DELETE FROM blocks WHERE slot = 2",
               "DELETE FROM runs", "UPDATE runs SET records = records - 1");
  INFO(damage);
  { store::Database(path, SQLITE_OPEN_READWRITE, nullptr).execute(damage); }
  CHECK(sqlite_ledger(path).code() == Code::store_failed);
  CHECK(must(store::audit_log(path, {}), "audit").difference_count > 0);
  CHECK(must(store::rebuild_index(path, {}), "rebuild") == 2 * nonces);
  CHECK(must(store::audit_log(path, {}), "audit").difference_count == 0);
  check_all_known(path);
}

TEST_CASE("A rebuilding that was interrupted keeps the ledger closed until it is run to its end") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  LedgerEdit(path).set_head([](store::Head& head) { head.index_whole = false; });
  CHECK_THAT(sqlite_ledger(path).status().detail(), Contains("rebuild-index"));
  CHECK(must(store::rebuild_index(path, {}), "rebuild") == 2 * nonces);
  check_all_known(path);
}

TEST_CASE("An index is not rebuilt from rows that are damaged, nor under an executor") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  {
    auto ledger = must(sqlite_ledger(path), "open");
    CHECK_THAT(store::rebuild_index(path, {}).status().detail(), Contains("in use"));
  }
  {
    store::Database(path, SQLITE_OPEN_READWRITE, nullptr)
        .execute("DELETE FROM claims WHERE first = (SELECT max(first) FROM claims)");
  }
  CHECK(store::rebuild_index(path, {}).code() == Code::store_failed);
}
