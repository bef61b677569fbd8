// SPDX-License-Identifier: Apache-2.0
// The log over HTTP: what strangers read there is what they can verify.
#include <filesystem>
#include <sstream>

#include <sqlite3.h>
#include <openexec/openexec.hpp>

#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/tree.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpAnswer;
using test::HttpClient;
using test::text_at;

std::string request_of(int number, std::string_view action = "echo") {
  return R"({"action":")" + std::string(action) + R"(","payload":{},"nonce":"n-)" + std::to_string(number) + "\"}";
}

/// The verifier key that the service prints when it starts.
std::string log_key(const Daemon& daemon) {
  std::istringstream lines(daemon.greeting());
  for (std::string line; std::getline(lines, line);)
    if (line.find("  log key  ") == 0) return line.substr(11);
  throw std::runtime_error("no log key in: " + daemon.greeting());
}

EvidenceReport verified(const std::string& proof, const std::string& key, const EvidenceHeld& held = {}) {
  return verify_evidence(proof, {.log_key = key, .policy = {}}, held).value();
}

void sql(const std::string& path, const std::string& text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  CHECK(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

TEST_CASE("A client that prefers a proof gets the receipt of its own entry, and it verifies") {
  Daemon daemon({"--db-url", "sqlite://"});
  HttpClient client(daemon.port());
  const HttpAnswer without = client.post("/execute", request_of(1));
  CHECK_FALSE(without.json().root().find("proof"));
  CHECK(without.headers.count("preference-applied") == 0);

  const std::pair<int, const char*> requests[] = {{1, "echo"}, {2, "echo"}, {3, "nobody"}};
  for (const auto& [number, action] : requests) {
    const HttpAnswer answer =
        client.post("/execute", request_of(number, action), {{"Prefer", "wait=9, Receipt-Proof"}});
    CHECK(answer.headers.at("preference-applied") == "receipt-proof");
    const canon::Document document = answer.json();
    const std::string exec_id = text_at(document.root(), "id");
    const std::string receipt = text_at(document.root(), "receipt");
    const EvidenceReport report = verified(text_at(document.root(), "proof"), log_key(daemon),
                                           {.exec_id = exec_id, .payload = "{}", .receipt = receipt});
    CHECK(report.verdict == EvidenceVerdict::pass);
    CHECK(report.entry->code == (std::string_view(action) == "echo" ? Code::ok : Code::unknown_action));
  }
}

TEST_CASE("The receipt of an execution is that of the entry that says what became of it") {
  Daemon daemon({"--db-url", "sqlite://"});
  HttpClient client(daemon.port());
  const std::string exec_id = text_at(client.post("/execute", request_of(1)).json().root(), "id");
  client.post("/execute", request_of(1));  // replayed
  const HttpAnswer answer = client.get("/receipts/" + exec_id + "?format=tlog-proof");
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "text/plain; charset=utf-8");
  const EvidenceReport report = verified(answer.body, log_key(daemon), {.exec_id = exec_id});
  CHECK(report.verdict == EvidenceVerdict::pass);
  CHECK(report.entry->verdict == Verdict::executed);
  CHECK(report.size == 2);

  const std::string refused = text_at(client.post("/execute", request_of(2, "nobody")).json().root(), "id");
  CHECK(client.get("/receipts/" + refused + "?format=tlog-proof").status == 404);  // nothing became of it
  const EvidenceReport no =
      verified(client.get("/receipts/" + refused + "?x=1&format=tlog-proof&index=2").body, log_key(daemon));
  CHECK(no.verdict == EvidenceVerdict::pass);
  CHECK(no.entry->verdict == Verdict::refused);

  CHECK(client.get("/receipts/" + exec_id + "?format=json").body == client.get("/receipts/" + exec_id).body);
  CHECK(client.get("/receipts/" + exec_id + "?format=pdf").status == 422);
  CHECK(client.get("/receipts/" + std::string(64, 'a') + "?format=tlog-proof").status == 404);
}

TEST_CASE("The log is served as C2SP tlog-tiles, and a full tile may be kept for good") {
  Daemon daemon({"--db-url", "sqlite://", "--max-connections", "8"});
  HttpClient client(daemon.port());
  constexpr int size = 300;
  for (int i = 0; i < size; ++i) client.post("/execute", request_of(i, i % 3 == 0 ? "nobody" : "echo"));

  const HttpAnswer checkpoint = client.get("/checkpoint");
  CHECK(checkpoint.status == 200);
  CHECK(checkpoint.headers.at("content-type") == "text/plain; charset=utf-8");
  CHECK(checkpoint.headers.at("cache-control") == "no-store");

  const HttpAnswer full = client.get("/tile/0/000");
  const HttpAnswer partial = client.get("/tile/0/001.p/44");
  CHECK(full.headers.at("content-type") == "application/octet-stream");
  CHECK(full.headers.at("cache-control") == "public, max-age=31536000, immutable");
  CHECK(partial.headers.at("cache-control") == "no-store");
  const std::string hashes = full.body + partial.body;
  REQUIRE(hashes.size() == size * 32);

  merkle::Tree tree;
  merkle::NoTiles tiles;
  const std::string bundles = client.get("/tile/entries/000").body + client.get("/tile/entries/001.p/44").body;
  std::size_t at = 0;
  for (int i = 0; i < size; ++i) {
    const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(bundles.at(at))) << 8U |
                               static_cast<unsigned char>(bundles.at(at + 1));
    const Digest leaf = merkle::leaf_hash(bundles.substr(at + 2, length));
    at += 2 + length;
    CHECK(hashes.compare(static_cast<std::size_t>(i) * 32, 32, reinterpret_cast<const char*>(leaf.data()), 32) == 0);
    REQUIRE(tree.append(leaf, tiles).ok());
  }
  CHECK(at == bundles.size());
  const auto note = merkle::Note::parse(checkpoint.body);
  REQUIRE(note.ok());
  const auto said = merkle::Checkpoint::parse(note->text);
  REQUIRE(said.ok());
  CHECK(said->head.size == size);
  CHECK(said->head.root == tree.root());

  for (const char* path :
       {"/tile/", "/tile/0/001", "/tile/0/001.p/45", "/tile/0/2", "/tile/entries/002", "/tile/../checkpoint"})
    CHECK(client.get(path).status == 404);
  CHECK(client.request("POST", "/checkpoint").status == 405);
  CHECK(client.get("/tile/1/000.p/1").body.size() == 32);
}

TEST_CASE("A log keeps its name and key, and says where another is given") {
  test::TemporaryFolder folder;
  const std::vector<std::string> flags{"--db-url", "sqlite:///" + folder.file("ledger.db")};
  std::string key;
  {
    Daemon daemon(flags, {{"OPENEXEC_LOG_ORIGIN", "example.com/payments"}});
    key = log_key(daemon);
    CHECK(key.find("example.com/payments+") == 0);
    HttpClient client(daemon.port());
    CHECK(client.get("/checkpoint").body.find("example.com/payments\n0\n") == 0);
  }
  {
    Daemon daemon(flags);
    CHECK(log_key(daemon) == key);
  }
  const test::Refusal renamed = test::refused_start(flags, {{"OPENEXEC_LOG_ORIGIN", "example.com/mail"}});
  CHECK(renamed.exit_code == 1);
  CHECK(renamed.text.find("origin") != std::string::npos);

  namespace fs = std::filesystem;
  fs::rename(folder.file("ledger.db.log-key"), folder.file("elsewhere"));
  const test::Refusal lost = test::refused_start(flags);
  CHECK(lost.exit_code == 1);
  CHECK(lost.text.find("key is missing") != std::string::npos);
  {
    Daemon daemon(flags, {{"OPENEXEC_LOG_KEY", test::read_file(folder.file("elsewhere"))}});
    CHECK(log_key(daemon) == key);
  }
  const test::Refusal other = test::refused_start({"--db-url", "sqlite://", "--log-origin", "a"});
  CHECK(other.exit_code == 2);  // a setting that can never work
  CHECK(other.text.find("in memory") != std::string::npos);
}

TEST_CASE("A ledger that was set back as a whole does not start where an anchor tells") {
  test::TemporaryFolder folder;
  namespace fs = std::filesystem;
  const std::string path = folder.file("ledger.db");
  const std::vector<std::string> flags{"--db-url", "sqlite:///" + path};
  const test::Environment anchored{{"OPENEXEC_LOG_ANCHOR", folder.file("anchor")}};
  const auto run = [&](int from) {
    Daemon daemon(flags, anchored);
    HttpClient client(daemon.port());
    for (int i = from; i < from + 3; ++i) CHECK(client.post("/execute", request_of(i)).status == 200);
    // The anchor's note is one of its own: the same tree, and a line for the claims.
    const std::string checkpoint = client.get("/checkpoint").body, anchor = test::read_file(folder.file("anchor"));
    const std::string tree = checkpoint.substr(0, checkpoint.find("\n\n") + 1);
    CHECK(anchor.substr(0, tree.size()) == tree);
    CHECK(anchor.find("openexec-claims " + std::to_string(from + 3) + " ") == tree.size());
    CHECK(daemon.terminate() == 0);
  };
  const auto copy = [&](const std::string& from, const std::string& to) {
    for (const char* part : {"", "-wal"}) {
      if (fs::exists(from + part))
        // the file stays the file that it was
        fs::copy_file(from + part, to + part, fs::copy_options::overwrite_existing);
      else
        fs::remove(to + part);
    }
  };
  run(0);
  copy(path, folder.file("snapshot"));
  run(3);
  copy(path, folder.file("newest"));
  copy(folder.file("snapshot"), path);
  const test::Refusal refusal = test::refused_start(flags, anchored);
  CHECK(refusal.exit_code == 1);
  CHECK(refusal.text.find("anchor") != std::string::npos);
  CHECK(test::refused_start(flags).exit_code == 1);  // nor without naming it
  copy(folder.file("newest"), path);
  run(6);
}

TEST_CASE("The service is not ready while its log cannot be verified") {
  test::TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  Daemon daemon({"--db-url", "sqlite:///" + path});
  HttpClient client(daemon.port());
  for (int i = 0; i < 3; ++i) client.post("/execute", request_of(i));
  CHECK(client.get("/ready").status == 200);
  sql(path, "UPDATE entries SET content = CAST(replace(content, 'echo', 'ecHo') AS BLOB) WHERE first = 2");
  const HttpAnswer answer = client.get("/ready");
  CHECK(answer.status == 503);
  CHECK(answer.body.find("store_failed") != std::string::npos);
}

}  // namespace
}  // namespace openexec
