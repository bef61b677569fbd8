// SPDX-License-Identifier: Apache-2.0
// Witness policies: lib/merkle/policy.
#include <map>
#include <string>
#include <vector>

#include "merkle/policy.hpp"
#include "support/catch.hpp"
#include "support/keys.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::log_named;
using test::witness_named;

namespace {

std::string log_line(const std::string& name) { return "log " + log_named(name).verifier_key().write() + "\n"; }

std::string witness_line(const std::string& name) {
  return "witness " + name + " " + witness_named(name).verifier_key().write() + "\n";
}

/// Who of A, B, C, D, E cosigned, in capitals; the rest in any other letter.
bool agrees(const Policy& policy, const std::string& who) {
  std::vector<bool> cosigned;
  for (const Policy::Witness& witness : policy.witnesses())
    cosigned.push_back(who.find(witness.name) != std::string::npos);
  return policy.check_quorum(cosigned).ok();
}

const std::string five =
    witness_line("A") + witness_line("B") + witness_line("C") + witness_line("D") + witness_line("E");

void check_refused(const std::string& text, std::size_t line, const std::string& why) {
  INFO(text);
  const auto policy = Policy::parse(text);
  REQUIRE(policy.code() == Code::invalid_argument);
  CHECK(policy.status().detail() ==
        "policy: " + (line == 0 ? std::string() : "line " + std::to_string(line) + ": ") + why);
}

}  // namespace

TEST_CASE("A policy names its logs and witnesses, with comments, tabs and URLs") {
  const auto policy =
      Policy::parse("# ours\n\n \t \n \t# indented\n" + log_line("one") + "log\t " +
                    log_named("two").verifier_key().write() + "  https://example.com/ \t\n" + "witness caf\xc3\xa9 " +
                    witness_named("w").verifier_key().write() + " https://\xe4\xbe\x8b.example/\n" + witness_line("A") +
                    "quorum caf\xc3\xa9\n" + log_line("three") + witness_line("B") + "# \xff is opaque\n");
  REQUIRE(policy.ok());
  REQUIRE(policy->logs().size() == 3);
  CHECK(policy->logs()[1].name() == "two");
  REQUIRE(policy->witnesses().size() == 3);
  CHECK(policy->witnesses()[0].name == "caf\xc3\xa9");
  CHECK(policy->witnesses()[0].key.name() == "w");
  CHECK(agrees(*policy, "caf\xc3\xa9"));
  CHECK_FALSE(agrees(*policy, "AB"));
}

TEST_CASE("A quorum of one witness, of none, and of groups") {
  CHECK(agrees(*Policy::parse("quorum none\n"), ""));
  CHECK(agrees(*Policy::parse(five + "quorum none\n"), ""));
  const auto one = Policy::parse(five + "quorum B\n");
  CHECK(agrees(*one, "B"));
  CHECK_FALSE(agrees(*one, "ACDE"));

  const std::map<std::string, std::size_t> thresholds{{"any", 1}, {"1", 1},   {"2", 2}, {"3", 3},
                                                      {"4", 4},   {"all", 5}, {"5", 5}};
  for (const auto& [word, needed] : thresholds) {
    const auto group = Policy::parse(five + "group g " + word + " A B C D E\nquorum g\n");
    REQUIRE(group.ok());
    for (unsigned set = 0; set < 32; ++set) {
      std::string who;
      for (unsigned i = 0; i < 5; ++i)
        if ((set >> i & 1) != 0) who += "ABCDE"[i];
      CHECK(agrees(*group, who) == (who.size() >= needed));
    }
  }
}

TEST_CASE("Groups of groups agree as their members do") {
  const auto policy = Policy::parse(five + "group x 2 A B C\ngroup y any D E\ngroup both all x y\nquorum both\n");
  REQUIRE(policy.ok());
  for (const char* enough : {"ABD", "ACE", "BCD", "ABCDE"}) CHECK(agrees(*policy, enough));
  for (const char* too_few : {"", "AD", "ABC", "DE", "ADE"}) CHECK_FALSE(agrees(*policy, too_few));
}

TEST_CASE("Groups nested as deep as a policy is long are no deeper to evaluate") {
  std::string text = witness_line("A") + "group g0 any A\n";
  std::size_t groups = 1;
  for (; text.size() + 64 < max_policy_bytes; ++groups)
    text += "group g" + std::to_string(groups) + " all g" + std::to_string(groups - 1) + "\n";
  const auto policy = Policy::parse(text + "quorum g" + std::to_string(groups - 1) + "\n");
  REQUIRE(policy.ok());
  CHECK(groups > 10'000);
  CHECK(agrees(*policy, "A"));
  CHECK_FALSE(agrees(*policy, ""));
}

TEST_CASE("A policy may be as large as the specification recommends, and more") {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += log_line("log" + std::to_string(i)) + witness_line("w" + std::to_string(i));
    text += "group g" + std::to_string(i) + " all w" + std::to_string(i) + "\n";
  }
  text += "quorum g99\n";
  const auto policy = Policy::parse(text);
  REQUIRE(policy.ok());
  CHECK(policy->logs().size() == 100);
  CHECK(agrees(*policy, "w99"));
  CHECK_FALSE(agrees(*policy, "w98"));
  check_refused(std::string(max_policy_bytes, '\n') + "\n", 0, "over 262144 bytes");
}

TEST_CASE("Each rule of a policy refuses what breaks it, and names the line") {
  const std::string log_key = log_named("A").verifier_key().write();
  const std::string witness_key = witness_named("A").verifier_key().write();
  check_refused("", 0, "no quorum line");
  check_refused("# nothing\n", 0, "no quorum line");
  check_refused(five, 0, "no quorum line");
  check_refused(five + "quorum A", 0, "the last line does not end in a line feed");
  check_refused("quorum none", 0, "the last line does not end in a line feed");
  check_refused(five + "quorum A\nquorum A\n", 7, "a second quorum");
  check_refused("quorum none\nquorum none\n", 2, "a second quorum");
  check_refused("quorum A\n" + five, 1, "the quorum is not defined above");
  check_refused(five + "quorum F\n", 6, "the quorum is not defined above");
  check_refused(five + "quorum a\n", 6, "the quorum is not defined above");
  for (const char* line : {"quorum\n", "quorum A B\n"}) check_refused(five + line, 6, "not of the form quorum NAME");
  for (const char* line : {"Quorum none\n", "quorum, none\n", "qu\xc3\xb6rum none\n", "none\n", "logs\n"})
    check_refused(line, 1, "neither log, witness, group nor quorum");
  check_refused("log\n", 1, "not of the form log KEY [URL]");
  check_refused("log " + log_key + " u v\n", 1, "not of the form log KEY [URL]");
  check_refused("log " + witness_key + "\n", 1, "verifier key: of another type than 1");
  check_refused("log x\n", 1, "verifier key: not of the form name+id+key");
  check_refused("log " + log_key + "\n# again\nlog " + log_key + "\n", 3, "this key is another log's");
  check_refused("log " + log_key + "\nlog " +
                    VerifierKey::make("B", KeyType::ed25519, test::key_of("A").public_key())->write() + "\n",
                2, "this key is another log's");
  check_refused("witness A\n", 1, "not of the form witness NAME KEY [URL]");
  check_refused("witness A " + witness_key + " u v\n", 1, "not of the form witness NAME KEY [URL]");
  check_refused("witness A " + log_key + "\n", 1, "verifier key: of another type than 4");
  check_refused("witness none " + witness_key + "\n", 1, "the name none is taken");
  check_refused("witness A " + witness_key + "\nwitness B " + witness_key + "\n", 2, "this key is another witness's");
  check_refused(witness_line("A") + "witness A " + witness_named("B").verifier_key().write() + "\n", 2,
                "this name is defined above");
  for (const char* line : {"group\n", "group g\n", "group g all\n"})
    check_refused(five + line, 6, "not of the form group NAME all|any|NUMBER MEMBER...");
  for (const char* k : {"0", "3", "01", "-1", "+1", "1.0", "ANY", "none", "18446744073709551617"})
    check_refused(five + "group g " + k + " A B\n", 6,
                  "the threshold is not all, any, or a number from 1 to the number of members");
  check_refused(five + "group g all F\n", 6, "a member is not defined above");
  check_refused(five + "group g all g\n", 6, "a member is not defined above");
  check_refused(five + "group g all none\n", 6, "a member is not defined above");
  check_refused(five + "group g all A A\n", 6, "a member is one of a group already");
  check_refused(five + "group g all A\ngroup h any A B\n", 7, "a member is one of a group already");
  check_refused(five + "group g all A\ngroup h all g\ngroup i all g\n", 8, "a member is one of a group already");
  check_refused(five + "group A all B\n", 6, "this name is defined above");
  check_refused(five + "group none all B\n", 6, "the name none is taken");
  for (const char* bad : {"quorum\rnone\n", "quorum none\r\n", "quorum none\x7f\n", "# \x01\n", "quorum\vnone\n"})
    check_refused(bad, 1, "a control character");
  check_refused(std::string("# \0\n", 4), 1, "a control character");
}

TEST_CASE("Answers for another number of witnesses meet no quorum") {
  const auto policy = Policy::parse(five + "group g any A B C D E\nquorum g\n");
  CHECK(policy->check_quorum({true, true, true, true, true}).ok());
  CHECK_FALSE(policy->check_quorum({true, true, true, true}).ok());
  CHECK_FALSE(policy->check_quorum({true, true, true, true, true, true}).ok());
  CHECK_FALSE(policy->check_quorum({}).ok());
}
