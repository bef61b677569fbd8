// SPDX-License-Identifier: Apache-2.0
// The commands of openexec: exit codes, error texts, and the shapes of what --json answers.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <openexec/openexec.hpp>

#include "base/text.hpp"
#include "cli/console.hpp"
#include "executor_commands/executor_commands.hpp"
#include "merkle/note.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/keys.hpp"
#include "support/parts.hpp"

using namespace openexec;
using test::Arguments;
using test::Names;
using test::names_of;
using test::parse_json;
using test::Said;
using test::TemporaryFolder;
using test::Variables;

namespace {

HandlerTable echo() {
  HandlerTable table;
  const Status added = table.add("echo", [](const Invocation& call) {
    return HandlerResult::result(R"({"echo":)" + std::string(call.payload) + "}");
  });
  if (!added.ok()) throw std::runtime_error(added.detail());
  return table;
}

Result<log_commands::WitnessReply> nobody(const std::string&, const std::string&, std::chrono::milliseconds) {
  return Status(Code::store_failed, "nobody answers");
}

Said openexec_(const Arguments& arguments, const std::string& input = {}, const Variables& variables = {},
               const log_commands::AskWitness& ask = nobody) {
  return test::run(
      [&](const terminal::Console& console, const Arguments& given) {
        return run_openexec(console, given, {.handlers = echo, .ask_witness = ask});
      },
      arguments, input, variables);
}

const std::string request = R"({"action":"echo","payload":{"a":1},"nonce":"n-1"})";

std::string text_of(const std::string& json, const char* name) {
  const auto document = parse_json(json);
  return std::string(test::at(document.root(), name).string());
}

/// A ledger in which `echo` ran once.
struct Place {
  TemporaryFolder folder;
  std::string url = "sqlite:///" + folder.file("ledger.db");
  Said first = run({"execute", "--json"}, request);

  [[nodiscard]] Said run(Arguments arguments, const std::string& input = {}, const Variables& variables = {}) const {
    arguments.insert(arguments.end(), {"--ledger", url});
    return openexec_(arguments, input, variables);
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    test::write_file(folder.file(name), text);
    return folder.file(name);
  }
};

}  // namespace

TEST_CASE("hash answers the names of a request, with and without its nonce") {
  const Said json = openexec_({"hash", "--json"}, request);
  CHECK(json.exit_code == 0);
  CHECK(names_of(json.out) == Names{"request_hash", "action_hash", "parameters_hash", "exec_id", "tenant"});
  CHECK(text_of(json.out, "tenant") == "default");
  const Said without = openexec_({"hash", "--json"}, R"({"action":"echo","payload":{"a":1}})");
  CHECK(without.shows(R"("exec_id":null)"));
  CHECK(openexec_({"hash", "--json", "--nonce", "n-1"}, R"({"action":"echo","payload":{"a":1}})").out == json.out);
  CHECK(text_of(openexec_({"hash", "--json"}, request, {{"CLAWSHIELD_TENANT_ID", "acme"}}).out, "tenant") == "acme");
  CHECK(openexec_({"hash"}, request).shows("parameters hash  " + text_of(json.out, "parameters_hash")));
  const Said wrong = openexec_({"hash"}, "{}");
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.tells("openexec: this is not a request: "));
  CHECK(openexec_({"hash", "/no/such/file"}).exit_code == 2);
}

TEST_CASE("canon writes the bytes and nothing else") {
  CHECK(openexec_({"canon"}, R"( {"b":1.0, "a":"\u00e9"} )").out == "{\"a\":\"\xc3\xa9\",\"b\":1}");
  CHECK(openexec_({"canon", "--form", "clawshield-v1"}, R"({"b":1.0,"a":"\u00e9"})").out ==
        R"({"a":"\u00e9","b":1.0})");
  CHECK(names_of(openexec_({"canon", "--json"}, "[]").out) == Names{"form", "canonical", "sha256"});
  const Said wrong = openexec_({"canon"}, R"({"a":1,"a":2})");
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.tells("this is not strict JSON: "));
  CHECK(openexec_({"canon", "--form", "other"}, "{}").exit_code == 2);
}

TEST_CASE("execute answers an outcome, and says when it verifies nothing") {
  const Place place;
  CHECK(place.first.exit_code == 0);
  CHECK(place.first.err == "openexec: demo mode, no approval is verified\n");
  CHECK(names_of(place.first.out) ==
        Names{"id", "action", "result", "approved", "receipt", "replayed", "code", "verdict", "effect", "entry"});
  const Said again = place.run({"execute"}, request);
  CHECK(again.exit_code == 0);
  CHECK(again.out.starts_with("replayed\n"));
  const Said refused = place.run({"execute", "--allow", ""}, R"({"action":"echo","nonce":"n-2"})");
  CHECK(refused.exit_code == 1);
  CHECK(refused.out.starts_with("refused: action_not_allowed\n"));
  const Said by_variable =
      place.run({"execute"}, R"({"action":"echo","nonce":"n-3"})", {{"OPENEXEC_ALLOWED_ACTIONS", "add,other"}});
  CHECK(by_variable.shows("action_not_allowed"));
}

TEST_CASE("execute never takes demo for what was meant otherwise") {
  const Place place;
  const auto fault = [&](Arguments arguments, const char* text, const Variables& variables = {}) {
    arguments.insert(arguments.begin(), "execute");
    const Said said = place.run(std::move(arguments), request, variables);
    CHECK(said.exit_code == 2);
    CHECK(said.out.empty());
    INFO(said.err);
    CHECK(said.tells(text));
  };
  const std::string policy = place.write("policy", "{}");
  fault({"--mode", "other"}, "the mode must be demo, clawshield or policy");
  fault({}, "the mode must be demo, clawshield or policy", {{"OPENEXEC_MODE", ""}});
  fault({"--tenant", "acme"}, "a tenant given, and no mode");
  fault({}, "a public key given, and no mode", {{"CLAWSHIELD_PUBLIC_KEY", "x"}});
  fault({"--public-key", policy, "--tenant", "acme"}, "a public key and a tenant given, and no mode");
  fault({"--mode", "demo", "--trust-policy", policy}, "a trust policy is given, and the mode is demo");
  fault({"--trust-policy", policy}, "the trust policy ");
  fault({"--trust-policy", place.write("large", std::string((std::size_t{1} << 20) + 1, ' '))}, "the limit is 1048576");
  fault({"--mode", "clawshield", "--public-key", policy}, "the public key: ");
  fault({"--mode", "clawshield", "--public-key", "/no/such/file"}, "cannot open /no/such/file");
  fault({"--tenant", "acme "}, "--tenant: begins or ends with a blank");
  CHECK(openexec_({"execute", "--ledger", "postgres://x"}, request).tells("the ledger postgres://x: "));
}

TEST_CASE("verify-receipt tells a match from a record") {
  const Place place;
  const Said matches = openexec_({"verify-receipt"}, place.first.out);
  CHECK(matches.exit_code == 0);
  CHECK(matches.out.starts_with("the hash matches: "));
  CHECK(openexec_({"verify-receipt", "--json"}, place.first.out).out == "{\"valid\":true}\n");
  std::string forged = place.first.out;
  forged.replace(forged.find("\"a\": 1"), 6, "\"a\": 2");
  const Said wrong = openexec_({"verify-receipt"}, forged);
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.out.starts_with("the hash does NOT match: "));
  CHECK(place.run({"verify-receipt"}, place.first.out)
            .out.starts_with("recorded: entry 0 of the log, executed, code ok"));
  CHECK(place.run({"verify-receipt"}, forged).exit_code == 1);
  const Said neither = openexec_({"verify-receipt"}, "{}");
  CHECK(neither.exit_code == 2);
  CHECK(neither.tells("give an object with id, result and receipt"));
  CHECK(openexec_({"verify-receipt", "--exec-id", "x"}, "{}").tells("--exec-id requires --receipt"));
  CHECK(openexec_({"verify-receipt"}, R"({"id":1,"result":{}})").tells("member \"id\" must be a string"));
}

TEST_CASE("log show and log list have one line or one object an entry") {
  const Place place;
  CHECK(place.run({"log", "show", "0"}).out.starts_with("entry 0\n  action "));
  const std::string id = text_of(place.first.out, "id");
  CHECK(place.run({"log", "show", id, "--json"}).out == place.run({"log", "show", "0", "--json"}).out);
  CHECK(place.run({"log", "show"}).tells("give an entry, or --follow for those to come"));
  CHECK(place.run({"log", "show", "7"}).exit_code == 1);
  CHECK(place.run({"log", "show", "x"}).tells("give an entry's index, or an exec id of 64 hexadecimal digits"));
  CHECK(names_of(place.run({"log", "list", "--json"}).out) == Names{"index", "leaf_hash", "entry"});
  const Said table = place.run({"log", "list"});
  CHECK(table.out.starts_with("INDEX  TIME "));
  CHECK(table.out.ends_with("1 of 1 entries\n"));
  CHECK(place.run({"log", "list", "--action", "add", "--json"}).out.empty());
  CHECK(place.run({"log", "list"}, {}, {{"OPENEXEC_DB_URL", "sqlite:////no/such/file"}}).exit_code ==
        0);  // the flag wins
  const auto fault = [&](const Arguments& filter, const char* text) {
    Arguments arguments{"log", "list"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    const Said said = place.run(arguments);
    CHECK(said.exit_code == 2);
    CHECK(said.tells(text));
  };
  fault({"--verdict", "maybe"}, "--verdict: must be one of refused, executed, ");
  fault({"--code", "maybe"}, "--code: must be the name of a code (docs/errors.md)");
  fault({"--exec-id", "maybe"}, "--exec-id: must be 64 lower-case hexadecimal digits");
  fault({"--since", "maybe"}, "--since: must be a time such as ");
  fault({"--count", "0"}, "--count");
}

TEST_CASE("The log's key, proofs and audit have their shapes and exit codes") {
  const Place place;
  const std::string key = place.run({"log", "key"}).out;
  CHECK(names_of(place.run({"log", "key", "--json"}).out) == Names{"origin", "verifier_key"});
  const Said audit = place.run({"log", "verify", "--json"});
  CHECK(audit.exit_code == 0);
  CHECK(names_of(audit.out) == Names{"verified", "size", "root", "entries", "bytes", "tiles", "cosigned", "anchored",
                                     "anchor_missing", "milliseconds", "difference_count", "differences"});
  CHECK(place.run({"log", "verify"}).out.starts_with("verified\n"));
  const Said proof = place.run({"log", "proof", "0", "--out", place.folder.file("proof")});
  CHECK(proof.exit_code == 0);
  CHECK(proof.out.empty());
  CHECK(place.run({"log", "proof", "0", "--out", place.folder.file("proof")}).tells("exists and is not overwritten"));
  CHECK(place.run({"log", "proof", "9"}).exit_code == 1);
  CHECK(names_of(place.run({"log", "consistency", "0", "--json"}).out) == Names{"consistent", "from", "to", "proof"});
  CHECK(place.run({"log", "consistency", "5"}).exit_code == 2);
  CHECK(place.run({"log", "consistency", "/no/such/file"}).exit_code == 2);

  const auto verify = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), {"receipt", "verify", place.folder.file("proof")});
    return openexec_(arguments).exit_code;
  };
  const std::string id = text_of(place.first.out, "id");
  CHECK(verify({"--log-key", place.write("key", key), "--exec-id", id}) == 0);
  CHECK(verify({"--log-key", place.folder.file("key"), "--exec-id", std::string(64, '0')}) == 1);
  CHECK(verify({}) == 2);  // whose log, nobody said
  CHECK(verify({"--log-key", "/no/such+file"}) == terminal::evidence_cannot);
  CHECK(openexec_({"receipt", "verify"}).exit_code == terminal::evidence_cannot);
  CHECK(openexec_({"receipt", "verify", "-", "--payload", "-"}).tells("only one file can be standard input"));
  CHECK(openexec_({"receipt", "verify", "a", "b", "--nonce", "n"}).tells("belongs to one portable receipt"));
}

TEST_CASE("What is done to a ledger has its shapes and exit codes") {
  const Place place;
  const std::string copy = place.folder.file("copy.db");
  const Said backup = place.run({"ledger", "backup", copy, "--json"});
  CHECK(backup.exit_code == 0);
  CHECK(names_of(backup.out) == Names{"verified", "file", "entries", "root", "anchor_missing"});
  CHECK(place.run({"ledger", "backup", copy}).exit_code == 2);
  const Said moved = openexec_({"ledger", "adopt", "--why", "a copy", "--json", "--ledger", "sqlite:///" + copy});
  CHECK(moved.exit_code == 0);
  CHECK(names_of(moved.out) == Names{"identity", "floor", "entry"});
  CHECK(place.run({"ledger", "adopt"}).tells("--why is required"));
  CHECK(place.run({"ledger", "adopt", "--why", std::string(1025, 'w')}).tells("--why: must be 1 to 1,024 bytes"));
  CHECK(names_of(place.run({"ledger", "rebuild-index", "--json"}).out) == Names{"keys"});
  CHECK(place.run({"log", "prune", "--before", "never"}).tells("--before: expected a time such as"));
  CHECK(place.run({"log", "prune", "--before", "2999-01-01T00:00:00Z"}).tells("there is no terminal to ask on"));
  const Said pruned = place.run({"log", "prune", "--before", "2999-01-01T00:00:00Z", "--yes", "--json"});
  CHECK(pruned.exit_code == 0);
  CHECK(names_of(pruned.out) == Names{"results", "bytes"});
  const Said exported = place.run({"log", "export", place.folder.file("site"), "--json"});
  CHECK(names_of(exported.out) == Names{"from", "size", "files", "bytes"});
  CHECK(place.run({"log", "export", place.folder.file("site"), "--verify", "--json"}).shows(R"("mended":0)"));
}

TEST_CASE("doubt and admin say what is wrong before they ask anybody") {
  const Place place;
  CHECK(place.run({"doubt", "list"}).exit_code == 0);
  const auto settle = [&](const std::string& id, const std::string& found) {
    return place.run({"doubt", "settle", id, "--found", found, "--why", "seen"});
  };
  CHECK(settle("00", "unknown").tells("the exec id must be 64 lower-case hex digits"));
  CHECK(settle(std::string(64, '0'), "perhaps").exit_code == 2);
  CHECK(settle(std::string(64, '0'), "unknown").exit_code == 1);
  const Said nobody_there = openexec_({"admin", "status", "--socket", place.folder.file("none")});
  CHECK(nobody_there.exit_code == 2);
  CHECK(nobody_there.tells("is openexecd running with --admin-socket?"));
  CHECK(openexec_({"admin", "status"}).tells("--socket is required"));
  CHECK(openexec_({"admin", "status"}, {}, {{"OPENEXEC_ADMIN_SOCKET", std::string(200, 's')}})
            .tells("no path of a socket"));
  CHECK(openexec_({"admin", "halt", "--socket", "x"}).tells("--why is required"));
  CHECK(openexec_({"doubt", "list", "--socket", place.folder.file("none")}).exit_code == 2);
}

TEST_CASE("log cosign keeps what verifies, and counts nothing else") {
  const Place place;
  std::string key = place.run({"log", "key"}).out;
  key.pop_back();
  const merkle::Cosigner witness = test::witness_named("witness.example");
  const std::string policy =
      place.write("policy", "log " + key + "\nwitness w " + witness.verifier_key().write() + "\nquorum w\n");
  const auto cosign = [&](const log_commands::AskWitness& ask, Arguments more = {"--json"}) {
    Arguments arguments{"log", "cosign", "--policy", policy, "--witness", "http://w", "--ledger", place.url};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return openexec_(arguments, {}, {}, ask);
  };
  const auto answering = [](int status, std::string body) -> log_commands::AskWitness {
    return [=](const std::string&, const std::string&, std::chrono::milliseconds) {
      return Result<log_commands::WitnessReply>(log_commands::WitnessReply{status, body});
    };
  };
  const auto counts_none = [&](const log_commands::AskWitness& ask, const char* why) {
    const Said said = cosign(ask);
    CHECK(said.exit_code == 1);
    CHECK(names_of(said.out) == Names{"quorum", "size", "cosignatures", "witnesses"});
    CHECK(said.shows(R"("cosignatures":0)"));
    INFO(said.out);
    CHECK(said.shows(why));
  };
  counts_none(nobody, "nobody answers");
  counts_none(answering(500, ""), "answered 500");
  counts_none(answering(409, "far\n"), "409, and not how far it came");
  counts_none(answering(409, "99\n"), "another history, or a longer one");
  counts_none(answering(200, "nonsense"), "no cosignatures");
  CHECK(cosign([](const auto&, const auto&, auto) {
          return Result<log_commands::WitnessReply>(Status(Code::invalid_argument, "no such URL"));
        }).tells("--witness http://w: no such URL"));

  const Said signed_ = cosign([&](const std::string&, const std::string& body, std::chrono::milliseconds patience) {
    CHECK(patience == std::chrono::seconds(10));
    const auto note = merkle::Note::parse(body.substr(body.find("\n\n") + 2)).value();
    const auto signature = witness.cosign(note.text, 1'700'000'000).value();
    const std::string whole = merkle::Note{note.text, {signature}}.write().value();
    return Result<log_commands::WitnessReply>(log_commands::WitnessReply{200, whole.substr(note.text.size() + 1)});
  });
  INFO(signed_.out << signed_.err);
  CHECK(signed_.exit_code == 0);
  CHECK(signed_.shows(R"("cosignatures":1)"));
  // A later run still has it, though the witness is gone.
  CHECK(cosign(nobody).exit_code == 0);
}

TEST_CASE("Without somebody to ask there is no log cosign") {
  CHECK(openexec_({"log", "--help"}).shows("cosign"));
  CHECK_FALSE(openexec_({"log", "--help"}, {}, {}, {}).shows("cosign"));
}

TEST_CASE("demo answers each step as it should") {
  const Said said = openexec_({"demo", "--json"});
  CHECK(said.exit_code == 0);
  CHECK(std::count(said.out.begin(), said.out.end(), '\n') == 7);
  CHECK(names_of(said.out.substr(0, said.out.find('\n'))) ==
        Names{"step", "tried", "answer", "why", "handler_entered", "receipt", "as_expected"});
}
