// SPDX-License-Identifier: Apache-2.0
// Test A: a real executor on a real ledger runs, refuses and replays; what leaves the machine is written into a folder,
// and the ledger is destroyed. Beside it, each kind of damage once.
//
//   archive FOLDER    receipts/N.tlog-proof, log.vkey, policy, w1.example.vkey, ..., held/..., bad/...,
//   bad-cosigned/...
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <openexec/openexec.hpp>
#include <stdexcept>
#include <string>

#include "base/text.hpp"
#include "merkle/lines.hpp"
#include "signing/clawshield.hpp"
#include "support/approvals.hpp"
#include "support/evidence.hpp"
#include "support/parts.hpp"

namespace {

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string replaced(std::string text, const std::string& old, const std::string& with) {
  const std::size_t at = text.find(old);
  if (at == text.npos) throw std::runtime_error("no " + old + " to replace");
  return text.replace(at, old.size(), with);
}

std::size_t line_start(const std::string& text, std::size_t number) {  // from 0
  std::size_t at = 0;
  for (; number > 0; --number) at = text.find('\n', at) + 1;
  return at;
}
std::string line(const std::string& text, std::size_t number) {
  const std::size_t at = line_start(text, number);
  return text.substr(at, text.find('\n', at) - at);
}
std::string with_line(const std::string& text, std::size_t number, const std::string& instead) {
  return std::string(text).replace(line_start(text, number), line(text, number).size(), instead);
}
/// One bit of what base64 says, in its one spelling again.
std::string flipped(const std::string& base64, std::size_t byte) {
  std::string bytes = base::unbase64(base64).value();
  bytes.at(byte) = static_cast<char>(bytes.at(byte) ^ 1);
  return base::base64(bytes);
}
/// The last character's unused bits set: another spelling of the same bytes.
std::string respelled(std::string base64) {
  char& last = base64.at(base64.find_last_not_of('='));
  ++last;
  return base64;
}
/// A signature line with one bit of the signature flipped.
std::string forged(const std::string& signature_line, std::size_t byte) {
  const std::size_t space = signature_line.rfind(' ') + 1;
  return signature_line.substr(0, space) + flipped(signature_line.substr(space), byte);
}

struct Machine {
  std::map<std::string, std::string> held;
  std::map<std::uint64_t, std::string> receipts;
  std::string log_key;
};

Machine run_and_destroy() {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  // Always the same machine, so that docs/evidence.md can show what it leaves.
  const auto clock = std::make_shared<SetClock>(1'772'366'400'000'000);
  LogOptions log;
  log.key_pem = key_of("example.com/payments").to_pem().value();
  log.origin = "example.com/payments";
  auto ledger = sqlite_ledger(path, {.log = log}).value();
  HandlerTable table;
  const Status added =
      table.add("pay", [](const Invocation&) { return HandlerResult::result(R"({"paid": 12.5, "to": "bob"})"); });
  if (!added.ok()) throw std::runtime_error(added.detail());
  const auto approver = key_of("approver");
  const auto verifier = clawshield_v1({.public_key_pem = approver.public_key().to_pem(), .tenant_id = "acme"}).value();
  const std::string payload = R"({"to": "bob", "sum": 12.5})";
  const auto approval = [&](const std::string& nonce, int number) {
    const auto proposal =
        Proposal::parse({.action = "pay", .payload = payload, .nonce = nonce, .approval_artifact = {}}, "acme").value();
    const std::string id = "04f85147-ab32-4255-96c6-dbcb57b0229" + std::string(1, "0123456789ab"[number]);
    return signing::sign_clawshield_v1(
               approver, proposal,
               {.tenant_id = "acme", .approval_id = id, .issued_at = {noon.micros}, .expires_at = after_noon(300)})
        .value();
  };
  Machine machine;
  machine.log_key = ledger->verifier_key();
  {
    auto executor =
        Executor::assemble({.tenant = "acme", .executor = "openexecd"},
                           {.store = ledger, .log = nullptr, .verifier = verifier, .hasher = nullptr, .clock = clock},
                           std::move(table))
            .value();
    const std::string first = approval("order-1", 1);
    const auto outcome =
        executor.execute({.action = "pay", .payload = payload, .nonce = "order-1", .approval_artifact = first});
    if (!outcome.ok()) throw std::runtime_error(outcome.detail);
    (void)executor.execute(
        {.action = "pay", .payload = payload, .nonce = "order-1", .approval_artifact = first});  // replayed
    (void)executor.execute(
        {.action = "pay", .payload = payload, .nonce = "order-2", .approval_artifact = {}});  // refused
    for (int i = 3; i < 12; ++i) {
      const std::string nonce = "order-" + std::to_string(i), another = approval(nonce, i);
      (void)executor.execute({.action = "pay", .payload = payload, .nonce = nonce, .approval_artifact = another});
    }
    machine.held = {{"payload.json", payload},    {"result.json", outcome.result},
                    {"approval.json", first},     {"approver.pub.pem", approver.public_key().to_pem()},
                    {"exec_id", outcome.exec_id}, {"receipt", outcome.receipt}};
  }
  const std::string cosigned = SignedLog::cosign(ledger->checkpoint().value().note, {"w1.example", "w2.example"});
  if (const Status kept = ledger->keep_cosigned(cosigned); !kept.ok()) throw std::runtime_error(kept.detail());
  for (const std::uint64_t index : {0U, 1U, 2U, 7U, 11U}) machine.receipts[index] = ledger->prove(index).value();
  return machine;
}

/// Each kind of damage once. What only a witness's key finds stands in bad-cosigned.
void damage(const fs::path& folder, const Machine& machine) {
  const std::string good = machine.receipts.at(7);
  const std::string other = machine.receipts.at(2);
  const std::size_t empty = [&] {
    std::size_t number = 0;
    while (!line(good, number).empty()) ++number;
    return number;
  }();
  const std::size_t origin = empty + 1, size = empty + 2, root = empty + 3, log_signature = empty + 5,
                    first = empty + 6;
  const auto bad = [&](const std::string& name, const std::string& text) {
    if (text == good) throw std::runtime_error(name + " damages nothing");
    write(folder / "bad" / (name + ".tlog-proof"), text);
  };
  bad("empty", "");
  bad("cut-off", good.substr(0, good.size() - 1));
  bad("half", good.substr(0, good.size() / 2));
  bad("more-behind", good + "\n");
  bad("a-byte-0-in-it", std::string(good).insert(good.size() - 5, 1, '\0'));
  bad("carriage-returns", replaced(good, "\n", "\r\n"));
  bad("another-version", with_line(good, 0, "c2sp.org/tlog-proof@v2"));
  bad("entry-bit", with_line(good, 1, "extra " + flipped(line(good, 1).substr(6), 40)));
  bad("entry-of-another", with_line(good, 1, line(other, 1)));
  bad("entry-missing", replaced(good, line(good, 1) + "\n", ""));
  bad("entry-with-a-space", with_line(good, 1, line(good, 1) + " "));
  bad("index-before", with_line(good, 2, "index 6"));
  bad("index-beyond", with_line(good, 2, "index 12"));
  bad("index-respelled", with_line(good, 2, "index 07"));
  bad("index-huge", with_line(good, 2, "index 18446744073709551623"));
  bad("hash-bit", with_line(good, 3, flipped(line(good, 3), 0)));
  bad("hash-respelled", with_line(good, 3, respelled(line(good, 3))));
  bad("hash-missing", replaced(good, line(good, 3) + "\n", ""));
  bad("hash-twice", replaced(good, line(good, 3) + "\n", line(good, 3) + "\n" + line(good, 3) + "\n"));
  bad("hashes-swapped", with_line(with_line(good, 3, line(good, 4)), 4, line(good, 3)));
  bad("origin", with_line(good, origin, "example.com/other"));
  bad("size-less", with_line(good, size, "11"));
  bad("size-more", with_line(good, size, "13"));
  bad("root-bit", with_line(good, root, flipped(line(good, root), 31)));
  bad("extension-line", with_line(good, root, line(good, root) + "\nnobody signed this"));
  bad("log-signature-bit", with_line(good, log_signature, forged(line(good, log_signature), 20)));
  bad("log-signature-last-bit", with_line(good, log_signature, forged(line(good, log_signature), 67)));
  bad("log-signature-missing", replaced(good, line(good, log_signature) + "\n", ""));
  bad("log-signature-with-a-hyphen", with_line(good, log_signature, "-" + line(good, log_signature).substr(3)));
  const auto impostor = merkle::NoteSigner::make("example.com/payments", key_of("impostor")).value();
  const std::string text =
      good.substr(line_start(good, origin), line_start(good, log_signature - 1) - line_start(good, origin));
  std::string another_key;
  merkle::append_signature(impostor.sign(text), another_key);
  bad("another-key", good.substr(0, line_start(good, log_signature)) + another_key);

  const auto bad_cosigned = [&](const std::string& name, const std::string& damaged) {
    write(folder / "bad-cosigned" / (name + ".tlog-proof"), damaged);
  };
  bad_cosigned("no-cosignatures", good.substr(0, line_start(good, first)));
  bad_cosigned("cosignature-time", with_line(good, first, forged(line(good, first), 11)));
  bad_cosigned("cosignature-bit", with_line(good, first, forged(line(good, first), 40)));
  bad_cosigned("one-missing", replaced(good, line(good, first) + "\n", ""));
  bad_cosigned("one-twice", with_line(good, first + 1, line(good, first)));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: archive FOLDER");
  const fs::path folder = argv[1];
  fs::remove_all(folder);
  const Machine machine = run_and_destroy();
  write(folder / "log.vkey", machine.log_key + "\n");
  write(folder / "policy", policy_of("all", {"w1.example", "w2.example"}));
  for (const char* name : {"w1.example", "w2.example"})
    write(folder / (std::string(name) + ".vkey"), witness_named(name).verifier_key().write() + "\n");
  for (const auto& [name, text] : machine.held) write(folder / "held" / name, text);
  for (const auto& [index, text] : machine.receipts)
    write(folder / "receipts" / (std::to_string(index) + ".tlog-proof"), text);
  damage(folder, machine);
  std::cout << machine.receipts.size() << " receipts left the machine\n";
  return 0;
} catch (const std::exception& failed) {
  std::cerr << "archive: " << failed.what() << "\n";
  return 1;
}
