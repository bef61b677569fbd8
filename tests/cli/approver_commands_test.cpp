// SPDX-License-Identifier: Apache-2.0
// The commands of openexec-approve: exit codes, error texts, and the shapes of what --json answers.
#include <sys/stat.h>

#include <string>
#include <vector>

#include "approver_commands/approver_commands.hpp"
#include "cli/console.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
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

const std::string request = R"({"action":"echo","payload":{"a":1},"nonce":"n-1"})";
const std::string plan =
    R"({"steps":[)" + request + R"(,{"action":"echo","payload":{},"nonce":"n-2"}],"ordered":true})";

Said approve(const Arguments& arguments, const std::string& input = {}, const Variables& variables = {}) {
  return test::run(terminal::run_approve, arguments, input, variables);
}

/// A folder with a key pair in it.
struct Place {
  TemporaryFolder folder;
  std::string name = folder.file("key");
  Said made = approve({"keygen", name, "--no-passphrase", "--json"});

  [[nodiscard]] Said sign(Arguments more, const std::string& input = request) const {
    Arguments arguments{"sign", "--key", name + ".key.pem", "--tenant", "acme"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return approve(arguments, input);
  }
  [[nodiscard]] std::string write(const std::string& file, const std::string& text) const {
    test::write_file(folder.file(file), text);
    return folder.file(file);
  }
  [[nodiscard]] std::string policy(int threshold = 1) const {
    std::string pem = test::read_text(name + ".pub.pem"), escaped;
    for (const char c : pem) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    return write("policy", R"({"keys":[{"id":"k","public_key":")" + escaped +
                               R"("}],"rules":[{"actions":["*"],"threshold":)" + std::to_string(threshold) + "}]}");
  }
};

}  // namespace

TEST_CASE("keygen makes two new files, or none") {
  const Place place;
  REQUIRE(place.made.exit_code == 0);
  CHECK(names_of(place.made.out) == Names{"private_key", "public_key", "fingerprint", "encrypted"});
  CHECK(place.made.shows(R"("encrypted":false)"));
  struct stat status {};
  REQUIRE(::stat((place.name + ".key.pem").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const Said again = approve({"keygen", place.name, "--no-passphrase"});
  CHECK(again.exit_code == 2);
  CHECK(again.tells("exists and is not overwritten; choose another name, or move it away"));
  const std::string other = place.folder.file("other");
  CHECK(approve({"keygen", other}).tells("give the passphrase with --passphrase-fd"));
  const base::Descriptor empty = test::input_of("\n");
  CHECK(approve({"keygen", other, "--passphrase-fd", std::to_string(empty.get())})
            .tells("an empty passphrase protects nothing"));
  CHECK(::access((other + ".key.pem").c_str(), F_OK) != 0);
  const base::Descriptor secret = test::input_of("secret\n");
  const Said encrypted = approve({"keygen", other, "--json", "--passphrase-fd", std::to_string(secret.get())});
  CHECK(encrypted.shows(R"("encrypted":true)"));
  CHECK_FALSE(encrypted.shows("secret"));
}

TEST_CASE("Nothing is signed without an answer or an explicit yes") {
  const Place place;
  const Said asked = place.sign({});
  CHECK(asked.exit_code == 2);
  CHECK(asked.out.empty());
  CHECK(asked.tells("there is no terminal to ask on; --yes signs without asking"));
  const Said said = place.sign({"--yes"});
  CHECK(said.exit_code == 0);
  CHECK(said.tells("To be approved, for one execution:"));
  CHECK(names_of(said.out) == Names{"approval_id", "tenant_id", "action_hash", "issued_at", "expires_at", "signature"});
  const Said embedded = place.sign({"--yes", "--embed"});
  CHECK(names_of(embedded.out) == Names{"action", "payload", "nonce", "approval_artifact"});
  const std::string out = place.folder.file("out");
  CHECK(place.sign({"--yes", "--out", out}).out == "signed: " + out + "\n");
  CHECK(place.sign({"--yes", "--out", out}).exit_code == 2);
}

TEST_CASE("What cannot be signed says why") {
  const Place place;
  const auto fault = [&](int exit_code, const Arguments& more, const std::string& input, const char* text) {
    Arguments arguments{"--yes"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Said said = place.sign(arguments, input);
    INFO(said.err);
    CHECK(said.exit_code == exit_code);
    CHECK(said.out.empty());
    CHECK(said.tells(text));
  };
  fault(1, {}, "{", "this is not strict JSON");
  fault(1, {}, R"({"steps":[]})", "steps: must be an array, and not empty");
  fault(1, {}, R"({"steps":[{"action":"a","payload":{}}]})", "steps[0]: a step needs its nonce");
  fault(1, {}, R"({"steps":[)" + request + R"(],"ordered":1})", "ordered: must be true or false");
  fault(1, {}, R"({"steps":[)" + request + R"(],"more":1})", "unknown member \"more\" of a plan");
  fault(1, {"--format", "dsse"}, R"({"action":"a","payload":{}})", "a DSSE approval is bound to its request's nonce");
  fault(2, {"--format", "clawshield-v1"}, plan, "clawshield-v1 has neither plans nor several signers");
  fault(2, {"--format", "dsse", "--not-before", "soon"}, request, "--not-before: expected a time such as");
  fault(2, {"--format", "dsse", "--max-cost-usd", "much"}, request, "--max-cost-usd: expected dollars such as 12.5");
  fault(2, {}, R"({"action":"a","payload":{},"nonce":"n","approval_artifact":{}})",
        "carries an approval_artifact already");
  fault(2, {"--valid-for", "0"}, request, "--valid-for");
  fault(2, {"--audience", "x "}, request, "--audience: begins or ends");
  fault(2, {"--policy", "/no/such/file"}, request, "cannot open /no/such/file");
  fault(2, {"--policy", place.write("bad", "{}")}, request, "the trust policy ");
  CHECK(approve({"sign", "-", "--key", "-", "--tenant", "acme"}).tells("cannot both come from standard input"));
  CHECK(approve({"sign", "--key", "x"}, request).tells("--tenant is required"));
  REQUIRE(::chmod((place.name + ".key.pem").c_str(), 0644) == 0);
  fault(2, {}, request, "others may read ");
  CHECK(place.sign({"--yes", "--shared-key"}).exit_code == 0);
}

TEST_CASE("review shows every parameter, and marks what changed") {
  const Said json = approve({"review", "--json"}, plan);
  CHECK(json.exit_code == 0);
  CHECK(names_of(json.out) == Names{"tenant", "plan", "ordered", "steps"});
  CHECK(names_of(approve({"review", "--json"}, request).out) == Names{"tenant", "plan", "steps"});
  CHECK(approve({"review"}, plan).out.starts_with("A plan of 2 steps, one after the other\n"));
  const Place place;
  const std::string before = place.write("before", R"({"action":"echo","payload":{"a":2,"b":3},"nonce":"n-1"})");
  const Said changed = approve({"review", "--against", before}, request);
  CHECK(changed.shows("~ a"));
  CHECK(changed.shows("was 2"));
  CHECK(changed.shows("- b"));
}

TEST_CASE("verify answers for each step whether the policy accepts it") {
  const Place place;
  const std::string policy = place.policy();
  const std::string approved = place.sign({"--yes", "--embed"}, plan).out;
  const auto verify = [&](const std::string& input, Arguments more = {}) {
    Arguments arguments{"verify", "--policy", policy, "--tenant", "acme"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return approve(arguments, input);
  };
  const Said good = verify(approved, {"--json"});
  INFO(good.out << good.err);
  CHECK(good.exit_code == 0);
  CHECK(names_of(good.out) == Names{"approved", "steps"});
  CHECK(verify(approved).shows("STEP  ACTION  NONCE"));
  const Said later = verify(approved, {"--json", "--at", "2999-01-01T00:00:00Z"});
  CHECK(later.exit_code == 1);
  CHECK(later.shows("approval_expired"));
  CHECK(verify(request).tells("it carries no approval_artifact"));
  CHECK(verify(approved, {"--at", "soon"}).tells("--at: expected a time such as"));
  CHECK(verify(approved, {"--handlers", place.write("handlers", "[]")}).tells("is not one JSON object"));
  CHECK(approve({"verify", "--tenant", "acme"}, approved).tells("--policy is required"));

  const std::string costly = place.sign({"--yes", "--embed", "--format", "dsse", "--max-cost-usd", "5"}).out;
  CHECK(verify(costly, {"--json"}).shows("the executor's handlers file was not given"));
  const std::string handlers = place.write("handlers", R"({"echo":{"argv":["/bin/true"]}})");
  CHECK(verify(costly, {"--json", "--handlers", handlers}).shows("has no cost command"));
  const std::string priced = place.write("priced", R"({"echo":{"argv":["/bin/true"],"cost":["/bin/true"]}})");
  CHECK(verify(costly, {"--handlers", priced}).exit_code == 0);
}

TEST_CASE("inspect tells what was checked from what was not") {
  const Place place;
  const std::string artifact = place.sign({"--yes"}).out;
  const auto checks = [&](Arguments more, const std::string& input) {
    Arguments arguments{"inspect", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return approve(arguments, input);
  };
  const Said nothing = checks({}, artifact);
  CHECK(nothing.exit_code == 0);
  CHECK(names_of(nothing.out) == Names{"artifact", "checks", "valid"});
  CHECK(nothing.shows(R"("checks":{"signature":null,"time":true,"tenant":null,"request":null},"valid":null)"));
  const Said all = checks({"--public-key", place.name + ".pub.pem", "--tenant", "acme"}, artifact);
  CHECK(all.shows(R"("signature":true,"time":true,"tenant":true,"request":null},"valid":true)"));
  CHECK(checks({"--tenant", "other"}, artifact).exit_code == 1);
  CHECK(checks({}, "[]").tells("this is neither an artifact nor a request with one"));
  CHECK(checks({}, "{}").tells("malformed: "));
  const Said dsse = checks({}, place.sign({"--yes", "--format", "dsse"}).out);
  CHECK(names_of(dsse.out) == Names{"statement", "signatures", "expired"});
}

TEST_CASE("How far a time is from now is told in words") {
  const auto from = [](std::int64_t seconds) { return terminal::from_now({seconds * 1'000'000}, {0}); };
  CHECK(from(5) == "in 5 s");
  CHECK(from(-300) == "5 min ago");
  CHECK(from(3 * 3600) == "in 3 h");
  CHECK(from(-72 * 3600) == "3 days ago");
}

TEST_CASE("A yes is too little for plans, money and deletion") {
  const auto weighty = [](const std::string& text) { return terminal::is_weighty(terminal::read_subject(text, "t")); };
  CHECK_FALSE(weighty(request));
  CHECK(weighty(plan));
  CHECK(weighty(R"({"action":"Send_Payment","payload":{},"nonce":"n"})"));
  CHECK(weighty(R"({"action":"a","payload":{"x":[{"DELETE_all":1}]},"nonce":"n"})"));
}
