// SPDX-License-Identifier: Apache-2.0
// A real openexec-witness, and logs that are honest, broken, or lie.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <openexec/evidence.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "merkle/hash.hpp"
#include "merkle/lines.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/parts.hpp"
#include "support/real_log.hpp"
#include "support/vectors.hpp"
#include "witness/state.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

const std::string program = OPENEXEC_WITNESS;

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  CHECK(::pclose(pipe) == 0);
  return text;
}

/// A witness in a folder: its key and memory, and as many servers as are asked for.
class WitnessHome {
 public:
  WitnessHome() {
    const auto answer =
        output_of(program + " init --json --name witness.example/1 --key " + key() + " --state " + state());
    const auto json = canon::parse(answer).value();
    verifier_key_ = std::string(json.root().find("verifier_key")->string());
  }
  [[nodiscard]] std::string key() { return folder_.file("key.pem"); }
  [[nodiscard]] std::string state() { return folder_.file("state.db"); }
  [[nodiscard]] const std::string& verifier_key() const { return verifier_key_; }
  [[nodiscard]] std::string file(const std::string& name) { return folder_.file(name); }

  [[nodiscard]] std::vector<std::string> flags(const std::vector<std::string>& logs) {
    std::vector<std::string> flags{"serve", "--key", key(), "--state", state()};
    for (const std::string& log : logs) flags.insert(flags.end(), {"--log", log});
    return flags;
  }
  [[nodiscard]] merkle::TreeHead head(const std::string& origin) {
    auto opened = witness::State::open_read_only(state());
    INFO(opened.status().detail());
    REQUIRE(opened.ok());
    auto latest = opened->latest(origin);
    INFO(latest.status().detail());
    REQUIRE(latest.ok());
    return latest->head;
  }

 private:
  TemporaryFolder folder_;
  std::string verifier_key_;
};

HttpAnswer add(HttpClient& client, const std::string& body) { return client.request("POST", "/add-checkpoint", body); }
HttpAnswer add(const Daemon& daemon, const std::string& body) {
  HttpClient client(daemon.port());
  return add(client, body);
}

std::string origin_of(const RealLog& log) { return merkle::VerifierKey::parse(log.verifier_key()).value().name(); }

/// Whether the answer is one line by this witness, over the text of the note.
bool cosigns(const std::string& verifier_key, const std::string& note, const std::string& answer) {
  const auto key = merkle::VerifierKey::parse(verifier_key).value();
  const auto with_it = merkle::Note::parse(note + answer);
  if (!with_it.ok()) return false;
  const auto* signature = key.find_in(*with_it);
  return signature != nullptr && std::count(answer.begin(), answer.end(), '\n') == 1 &&
         key.verify(with_it->text, *signature).ok();
}

/// A request over any tree at all, signed by a log whose key the test holds.
std::string signed_request(std::uint64_t old, const merkle::Hashes& proof, const merkle::TreeHead& head) {
  return add_checkpoint_body(old, proof, merkle::sign_checkpoint({log_name, head, {}}, log_named(log_name)).value());
}

int exit_code(const std::string& command) { return WEXITSTATUS(std::system((command + " >/dev/null 2>&1").c_str())); }

}  // namespace

TEST_CASE("the published requests have the answers of the specification") {
  const auto folder = public_vectors();
  if (!folder) return;
  const auto file = canon::parse(read_file(*folder / "4-merkle-tlog/torchwood_add_checkpoint.json")).value();
  const auto raw = base::unhex(file.root().find("log_ed25519_public_key_hex")->string()).value();
  const auto steps = *file.root().find("in_order");
  const std::string first((*steps.begin()).value.find("request")->string());
  const std::string origin =
      first.substr(first.find("\n\n") + 2, first.find('\n', first.find("\n\n") + 2) - first.find("\n\n") - 2);
  const auto key =
      merkle::VerifierKey::make(origin, merkle::KeyType::ed25519, crypto::PublicKey::from_raw(raw).value()).value();

  WitnessHome home;
  const Daemon daemon(home.flags({key.write()}), {}, program);
  HttpClient client(daemon.port());  // one connection: keep-alive
  std::size_t cases = 0;
  for (const auto& step : steps) {
    const std::string body(step.value.find("request")->string());
    const std::string asserts(step.value.find("asserts")->string());
    int expected = std::stoi(canon::jcs(*step.value.find("http")));
    if (asserts.find("unknown log") != asserts.npos) expected = 404;  // the vectors are older than the rule
    const HttpAnswer answer = add(client, body);
    INFO(body << answer.body);
    CHECK(answer.status == expected);
    if (expected == 200) CHECK(cosigns(home.verifier_key(), body.substr(body.find("\n\n") + 2), answer.body));
    if (expected == 409) {
      CHECK(answer.headers.at("content-type") == "text/x.tlog.size");
      CHECK(asserts.find("body == \"" + answer.body.substr(0, answer.body.size() - 1) + "\\n\"") != asserts.npos);
    }
    ++cases;
  }
  CHECK(cases == 9);
  report("torchwood_add_checkpoint.json", cases);
}

TEST_CASE("a log whose key has another name than its origin is cosigned under its origin") {
  const auto folder = public_vectors();
  if (!folder) return;
  const auto file = canon::parse(read_file(*folder / "4-merkle-tlog/torchwood_sumdb_checkpoint.json")).value();
  const std::string key(file.root().find("log_vkey")->string());
  WitnessHome home;
  std::size_t cases = 0;
  const canon::View steps = *file.root().find("in_order");
  for (const auto& step : steps) {
    const std::string body(step.value.find("request")->string());
    CHECK(add(Daemon(home.flags({key}), {}, program), body).status == 404);
    const HttpAnswer answer = add(Daemon(home.flags({key + " go.sum database tree"}), {}, program), body);
    CHECK(answer.status == std::stoi(canon::jcs(*step.value.find("http"))));
    CHECK(cosigns(home.verifier_key(), body.substr(body.find("\n\n") + 2), answer.body));
    ++cases;
  }
  CHECK(cases == 1);
  CHECK(home.head("go.sum database tree").size == 35'225'469);
  report("torchwood_sumdb_checkpoint.json", cases);
}

TEST_CASE("it holds no executor code") {
  const std::string own = output_of("nm -C " + program);
  const std::string other = output_of("nm -C " OPENEXECD);
  for (const char* part :
       {"openexec::Executor::", "openexec::HandlerTable::", "openexec::exec::", "openexec::sqlite_ledger"}) {
    CHECK(own.find(part) == std::string::npos);
    CHECK(other.find(part) != std::string::npos);  // the same look at a program that does hold it
  }
}

TEST_CASE("a key is made with mode 0600, and neither key nor memory is ever overwritten or mixed up") {
  WitnessHome home;
  struct stat status {};
  REQUIRE(::stat(home.key().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  REQUIRE(::stat(home.state().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);

  const std::string init = program + " init --name w.example ";
  CHECK(exit_code(init + "--key " + home.file("k") + " --state " + home.state()) == 2);
  CHECK_FALSE(std::filesystem::exists(home.file("k")));
  CHECK(exit_code(init + "--key " + home.key() + " --state " + home.file("s")) == 2);
  CHECK_FALSE(std::filesystem::exists(home.file("s")));
  CHECK(exit_code(init + "--key " + home.file("k") + " --state " + home.file("s")) == 0);

  // For scripts: the verifier key, and nothing else.
  const std::string line = output_of(init + "--quiet --key " + home.file("q") + " --state " + home.file("q.db"));
  REQUIRE(line.ends_with('\n'));
  const auto told = merkle::VerifierKey::parse(line.substr(0, line.size() - 1));
  REQUIRE(told.ok());
  CHECK(told->name() == "w.example");

  const std::string serve = program + " serve --port 0 --log " + vkey_of_log();
  // Others who can read the key can sign in the witness's name.
  REQUIRE(::chmod(home.key().c_str(), 0640) == 0);
  CHECK(exit_code(serve + " --key " + home.key() + " --state " + home.state()) == 2);
  REQUIRE(::chmod(home.key().c_str(), 0600) == 0);
  CHECK(exit_code(serve + " --key " + home.key() + " --state " + home.file("s")) == 2);  // another's memory
  CHECK(exit_code(serve + " --key " + home.key() + " --state " + home.file("none")) ==
        1);  // none: it forgot everything
  CHECK(exit_code(program + " serve --port 0 --key " + home.key() + " --state " + home.state()) == 2);  // no log
  CHECK(exit_code(serve + "x --key " + home.key() + " --state " + home.state()) == 2);
}

TEST_CASE("the newest checkpoint that was cosigned is served under the hash of its origin, with both signatures") {
  WitnessHome home;
  const Daemon daemon(home.flags({vkey_of_log()}), {}, program);
  HttpClient client(daemon.port());
  const std::string path = "/" + to_hex(crypto::sha256(log_name)) + "/checkpoint";
  CHECK(client.get(path).status == 404);  // nothing was cosigned yet
  const std::string request = signed_request(0, {}, {1, leaf(1)});
  REQUIRE(add(client, request).status == 200);
  const HttpAnswer answer = client.get(path);
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "text/plain; charset=utf-8");
  const auto note = merkle::Note::parse(answer.body);
  REQUIRE(note.ok());
  for (const std::string& name : {vkey_of_log(), home.verifier_key()}) {
    const auto key = merkle::VerifierKey::parse(name).value();
    const auto* signature = key.find_in(*note);
    REQUIRE(signature != nullptr);
    CHECK(key.verify(note->text, *signature).ok());
  }
  CHECK(client.get(path).body == answer.body);
  CHECK(client.get("/" + std::string(64, '0') + "/checkpoint").status == 404);
  CHECK(client.get("/nothing").body.find("/add-checkpoint") != std::string::npos);
  CHECK(client.request("POST", path, "x").status == 405);
}

TEST_CASE("what is not a request is 400, and nothing of it is remembered") {
  WitnessHome home;
  const Daemon daemon(home.flags({vkey_of_log()}), {}, program);
  const merkle::TreeHead head = log_of(5).tree.head();
  const std::string good = signed_request(0, {}, head);
  const std::string hash = merkle::hash_text(leaf(0)) + "\n";
  std::string many = "old 1\n";
  for (int i = 0; i < 64; ++i) many += hash;
  const std::string note = good.substr(good.find("\n\n") + 2);
  for (const std::string& body :
       {std::string(), std::string("\n"), std::string("old\n\n"), "old 00\n\n" + note, "old -1\n\n" + note,
        "old +0\n\n" + note, "old 0 \n\n" + note, "Old 0\n\n" + note, "old 0\r\n\r\n" + note,
        "old 18446744073709551616\n\n" + note, "old 6\n\n" + note, "old 0\n" + hash.substr(1) + "\n" + note,
        "old 0\n" + hash + note, many + "\n" + note, std::string("old 0\n\n"), "old 0\n\n" + note.substr(0, 20),
        " " + good, good.substr(0, good.find("\n\n") + 2) + "\n" + note}) {
    const HttpAnswer answer = add(daemon, body);
    INFO(body << "\n" << answer.body);
    CHECK(answer.status == 400);
  }
  CHECK(home.head(log_name).size == 0);
  CHECK(add(daemon, good).status == 200);
}

TEST_CASE("each refusal of the specification has its status") {
  WitnessHome home;
  Daemon daemon(home.flags({vkey_of_log()}), {}, program);
  Log log = log_of(5);
  const merkle::TreeHead five = log.tree.head();
  const merkle::TreeHead empty{0, merkle::empty_root()};
  for (std::uint64_t i = 5; i < 9; ++i) REQUIRE(log.append(leaf(i)).ok());
  const merkle::TreeHead nine = log.tree.head();
  const auto proof = merkle::prove_consistency(5, 9, log.tiles).value();

  CHECK(add(daemon, signed_request(0, {}, empty)).status == 200);
  CHECK(add(daemon, signed_request(0, {}, {0, leaf(1)})).status == 422);
  CHECK(add(daemon, signed_request(0, {leaf(1)}, five)).status == 422);  // from nothing there is no proof
  CHECK(add(daemon, signed_request(0, {}, five)).status == 200);
  CHECK(add(daemon, signed_request(5, {}, five)).status == 200);  // again, as after a lost answer
  CHECK(add(daemon, signed_request(5, proof, five)).status == 422);
  CHECK(add(daemon, signed_request(5, {}, nine)).status == 422);
  CHECK(add(daemon, signed_request(4, proof, nine)).status == 409);
  CHECK(add(daemon, signed_request(4, proof, nine)).body == "5\n");

  const std::string other = merkle::sign_checkpoint({"other.example", nine, {}}, log_named("other.example")).value();
  CHECK(add(daemon, add_checkpoint_body(5, proof, other)).status == 404);
  // The right name with the wrong key, and a signature that is another checkpoint's.
  const auto impostor = merkle::NoteSigner::make(log_name, key_of("impostor")).value();
  CHECK(add(daemon, add_checkpoint_body(5, proof, merkle::sign_checkpoint({log_name, nine, {}}, impostor).value()))
            .status == 403);
  std::string swapped = signed_request(5, proof, nine);
  const std::string of_five = signed_request(0, {}, five);
  swapped = swapped.substr(0, swapped.rfind("\n\u2014 ")) + of_five.substr(of_five.rfind("\n\u2014 "));
  CHECK(add(daemon, swapped).status == 403);
  const std::string unsigned_note = signed_request(5, proof, nine);
  CHECK(add(daemon, unsigned_note.substr(0, unsigned_note.rfind("\n\u2014 ") + 1)).status == 403);

  CHECK(home.head(log_name) == five);
  CHECK(add(daemon, signed_request(5, proof, nine)).status == 200);
  CHECK(home.head(log_name) == nine);
  CHECK(add(daemon, signed_request(5, {}, five)).status == 409);  // it does not go back

  HttpClient client(daemon.port());
  CHECK(client.get("/health").body == "ok\n");
  CHECK(client.get("/add-checkpoint").status == 405);
  CHECK(client.request("POST", "/add-checkpoint/", "old 0\n").status == 404);
  CHECK(add(daemon, std::string(70'000, 'a')).status == 413);
  CHECK(daemon.log().find("\"answer\":\"unproven\"") != std::string::npos);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("clients that are slow, silent or many hold up nobody") {
  WitnessHome home;
  const Daemon daemon(home.flags({vkey_of_log()}), {}, program);
  std::vector<HttpClient> idle;
  for (int i = 0; i < 100; ++i) {
    idle.emplace_back(daemon.port());
    if (i % 3 == 1) idle.back().send("POST /add-check");
    if (i % 3 == 2)
      idle.back().send("POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nold 0");
  }
  CHECK(add(daemon, signed_request(0, {}, log_of(5).tree.head())).status == 200);
  for (const char* bad :
       {"GET /\r\n\r\n", "POST /add-checkpoint HTTP/1.1\r\n\r\n",
        "POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\nX: a\r\n\tb\r\nContent-Length: 0\r\n\r\n"}) {
    HttpClient client(daemon.port());
    client.send(bad);
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == 400);
  }
}

TEST_CASE("a web page can neither call the witness by a name of its own nor ask from elsewhere") {
  WitnessHome home;
  auto flags = home.flags({vkey_of_log()});
  flags.insert(flags.end(), {"--allowed-hosts", "witness.example"});
  const Daemon daemon(flags, {}, program);
  const auto status = [&](const std::string& fields) {
    HttpClient client(daemon.port());
    client.send("GET /health HTTP/1.1\r\n" + fields + "\r\n");
    const auto answer = client.receive();
    return answer ? answer->status : 0;
  };
  for (const char* host : {"localhost", "127.0.0.1:5100", "[::1]", "witness.example", "WITNESS.example:80"})
    CHECK(status("Host: " + std::string(host) + "\r\n") == 200);
  for (const char* host : {"evil.test", "evil.test:5100", "localhost.evil.test", ""})
    CHECK(status("Host: " + std::string(host) + "\r\n") == 421);
  CHECK(status("Host: localhost\r\nOrigin: http://evil.test\r\n") == 403);
  CHECK(status("Host: localhost\r\nOrigin: null\r\n") == 403);
  CHECK(status("Host: localhost\r\nOrigin: http://localhost:3000\r\n") == 200);
}

TEST_CASE("a client that does not go on is told so and left, and those beyond the limit are told at once") {
  WitnessHome home;
  auto flags = home.flags({vkey_of_log()});
  flags.insert(flags.end(), {"--header-timeout-ms", "50", "--body-timeout-ms", "50", "--max-connections", "2"});
  const Daemon daemon(flags, {}, program);
  std::vector<HttpClient> slow;
  for (int i = 0; i < 6; ++i) {
    slow.emplace_back(daemon.port());
    slow.back().send(i % 2 == 0 ? "POST /add-check"
                                : "POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nold");
  }
  for (HttpClient& client : slow) {
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK((answer->status == 408 || answer->status == 503));
    CHECK(answer->closes());
    CHECK(client.closed());
  }
  // A place is free again as soon as the witness has seen that one left.
  int status = 503;
  while (status == 503) status = add(daemon, signed_request(0, {}, log_of(5).tree.head())).status;
  CHECK(status == 200);
}

TEST_CASE("a port is a whole number in range") {
  WitnessHome home;
  for (const char* port : {"", "-1", "65536", "5100.5", "0x50", "010x", "+1", " 1", "many"}) {
    CAPTURE(port);
    CHECK(exit_code(program + " serve --log '" + vkey_of_log() + "' --key " + home.key() + " --state " + home.state() +
                    " --port '" + port + "'") == 2);
  }
}

TEST_CASE("a real ledger's log is cosigned as it grows, and its receipts then satisfy a policy") {
  WitnessHome home;
  RealLog log(home.file("ledger.db"));
  const Daemon daemon(home.flags({log.verifier_key()}), {}, program);
  std::uint64_t old = 0;
  for (const std::uint64_t more : {1U, 2U, 300U}) {
    log.grow(more);
    const HttpAnswer answer = add(daemon, log.request(old));
    REQUIRE(answer.status == 200);
    REQUIRE(log.ledger().keep_cosigned(log.note() + answer.body).ok());
    old = log.size();
  }
  const std::string policy = "witness w " + home.verifier_key() + "\nquorum w\n";
  const std::string key = log.verifier_key();
  for (const std::uint64_t index : {0U, 1U, 256U, 302U}) {
    const auto report = verify_evidence(log.ledger().prove(index).value(), {key, policy}).value();
    INFO(report.at(report.step).detail);
    CHECK(report.verdict == EvidenceVerdict::pass);
    CHECK(report.cosignatures.size() == 1);
  }
}

TEST_CASE("two ledgers that were forked from one snapshot cannot both be cosigned") {
  WitnessHome home;
  RealLog one(home.file("one.db"));
  const Daemon daemon(home.flags({one.verifier_key()}), {}, program);
  one.grow(10);
  REQUIRE(add(daemon, one.request(0)).status == 200);
  RealLog two = one.fork(home.file("two.db"));
  one.grow(5, 1);
  two.grow(5, 2);
  REQUIRE(add(daemon, one.request(10)).status == 200);

  const HttpAnswer equal = add(daemon, two.request(15));
  CHECK(equal.status == 409);
  CHECK(equal.body == "15\n");
  CHECK(add(daemon, two.request(10)).status == 409);
  two.grow(40, 2);
  CHECK(add(daemon, two.request(10)).status == 409);
  CHECK(add(daemon, two.request(15)).status == 422);  // its own proof, from its own tree of 15
  one.grow(1, 1);
  CHECK(add(daemon, one.request(15)).status == 200);
  CHECK(add(daemon, two.request(16)).status == 422);
  CHECK(home.head(origin_of(one)).size == 16);

  // What proves the lie is kept: two notes of one log, of equal size, with different roots.
  const auto shown = canon::parse(output_of(program + " show --json --state " + home.state())).value();
  const auto kept = merkle::Note::parse(shown.root().find("conflict")->string()).value();
  const auto key = merkle::VerifierKey::parse(one.verifier_key()).value();
  REQUIRE(key.find_in(kept) != nullptr);
  CHECK(key.verify(kept.text, *key.find_in(kept)).ok());
  CHECK(merkle::Checkpoint::parse(kept.text).value().head.size == 15);
  CHECK(daemon.log().find("SPLIT VIEW") != std::string::npos);
}

namespace {

/// Two histories of one log from a common beginning, each with every request that it may need.
class TwoHistories {
 public:
  static constexpr std::uint64_t common = 4, most = 40;

  TwoHistories() {
    for (std::uint64_t which = 0; which < 2; ++which) {
      Log log = log_of(common);
      heads_[which].push_back({0, merkle::empty_root()});
      for (std::uint64_t size = 1; size <= most; ++size) {
        if (size > common) REQUIRE(log.append(leaf(1'000 * (which + 1) + size)).ok());
        heads_[which].push_back({size, merkle::root_at(size, log.tiles).value()});
      }
      for (std::uint64_t from = 0; from <= most; ++from)
        for (std::uint64_t to = from; to <= most; to += 3)
          requests_[which][{from, to}] =
              signed_request(from, merkle::prove_consistency(from, to, log.tiles).value(), heads_[which][to]);
    }
  }
  [[nodiscard]] const std::string& request(std::size_t which, std::uint64_t from, std::uint64_t to) const {
    return requests_[which].at({from, to});
  }
  [[nodiscard]] const merkle::TreeHead& head(std::size_t which, std::uint64_t size) const {
    return heads_[which].at(size);
  }

 private:
  std::vector<merkle::TreeHead> heads_[2];
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> requests_[2];
};

/// What was cosigned, by all clients.
struct Cosigned {
  std::mutex mutex;
  std::set<std::pair<std::size_t, std::uint64_t>> trees;  // history, size
  std::atomic<std::size_t> count{0};

  void add(std::size_t which, std::uint64_t size) {
    const std::lock_guard lock(mutex);
    trees.insert({which, size});
    ++count;
  }
};

/// Pushes one history forward, step by step, from wherever the witness says that it is, until it is done, or gone.
void push(const TwoHistories& histories, std::size_t which, std::uint16_t port, Cosigned& cosigned) try {
  HttpClient client(port);
  std::uint64_t old = 0;
  for (int tries = 0; old < TwoHistories::most - 3 && tries < 200; ++tries) {
    const std::uint64_t to = old + 3;
    const HttpAnswer answer = add(client, histories.request(which, old, to));
    if (answer.status == 200) {
      cosigned.add(which, to);
      old = to;
    } else if (answer.status == 409) {
      old = std::stoull(answer.body);
    } else {
      return;  // 422: the other history has won
    }
  }
} catch (const std::runtime_error&) {
  // The witness was killed.
}

/// The trees that were cosigned belong to one history, and the memory is at least as far.
void check_one_history(const TwoHistories& histories, const Cosigned& cosigned, const merkle::TreeHead& remembered) {
  std::set<std::size_t> beyond;
  std::uint64_t newest = 0;
  for (const auto& [which, size] : cosigned.trees) {
    if (size > TwoHistories::common) beyond.insert(which);
    newest = std::max(newest, size);
  }
  CHECK(beyond.size() <= 1);
  CHECK(remembered.size >= newest);
  if (!beyond.empty()) CHECK(remembered == histories.head(*beyond.begin(), remembered.size));
}

}  // namespace

TEST_CASE(
    "clients at once, of two histories, before one server: one history is cosigned, and no second server starts") {
  const TwoHistories histories;
  for (int round = 0; round < 4; ++round) {
    WitnessHome home;
    const auto flags = home.flags({vkey_of_log()});
    const Daemon server(flags, {}, program);
    CHECK_THROWS(Daemon(flags, {}, program));
    Cosigned cosigned;
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < 8; ++i)
      clients.emplace_back([&, i] { push(histories, i % 2, server.port(), cosigned); });
    for (std::thread& client : clients) client.join();
    CHECK(cosigned.count > 0);
    check_one_history(histories, cosigned, home.head(log_name));
    CHECK(home.head(log_name).size >= TwoHistories::most - 3);
  }
}

TEST_CASE("kill -9 after any answer, with others on their way: never two histories, and the newest is remembered") {
  const TwoHistories histories;
  for (std::size_t deadly = 1; deadly <= 12; ++deadly) {
    WitnessHome home;
    Cosigned cosigned;
    for (int life = 0; life < 3; ++life) {
      Daemon daemon(home.flags({vkey_of_log()}), {}, program);
      const std::size_t before = cosigned.count;
      std::atomic<std::size_t> running{4};
      std::vector<std::thread> clients;
      for (std::size_t i = 0; i < 4; ++i)
        clients.emplace_back([&, i] {
          push(histories, (i + deadly) % 2, daemon.port(), cosigned);
          --running;
        });
      while (cosigned.count < before + deadly && running > 0) std::this_thread::yield();
      daemon.signal(SIGKILL);
      for (std::thread& client : clients) client.join();
      CHECK(daemon.wait() == 128 + SIGKILL);
      check_one_history(histories, cosigned, home.head(log_name));
    }
    CHECK(cosigned.count > 0);
  }
}
