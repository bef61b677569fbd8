// SPDX-License-Identifier: Apache-2.0
// The nonces of tool calls: the shared vectors, and what the rule promises of them.
#include <openexec/tool_call.hpp>

#include <set>
#include <string>

#include "canon/json.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

using namespace openexec;

namespace {

std::string_view text(canon::View of, std::string_view name) { return of.find(name)->string(); }

ToolCall call_of(canon::View made) {
  return {.conversation = text(made, "conversation"),
          .turn = text(made, "turn"),
          .name = text(made, "name"),
          .arguments = text(made, "arguments"),
          .occurrence = static_cast<std::uint32_t>(made.find("occurrence")->integer())};
}

}  // namespace

TEST_CASE("a tool call has the nonce that the rule gives it, and what breaks a rule has none") {
  const auto document = canon::parse(test::read_file(test::vectors() / "tool_calls.json"));
  REQUIRE(document.ok());
  std::size_t cases = 0;
  for (const auto& [unused, made] : *document->root().find("cases")) {
    INFO(text(made, "id"));
    const Result<std::string> nonce = tool_call_nonce(call_of(made));
    if (made.find("refuse")) {
      CHECK(nonce.code() == Code::malformed_request);
      CHECK(nonce.status().detail().find(": ") != std::string::npos);
    } else {
      REQUIRE(nonce.ok());
      CHECK(*nonce == text(made, "nonce"));
    }
    ++cases;
  }
  test::report("tool calls", cases);
  CHECK(cases > 25);
}

TEST_CASE("a turn counts equal calls, and calls that are spelled otherwise are equal") {
  const auto document = canon::parse(test::read_file(test::vectors() / "tool_calls.json"));
  REQUIRE(document.ok());
  for (const auto& [unused, made] : *document->root().find("turns")) {
    ToolCallTurn turn{std::string(text(made, "conversation")), std::string(text(made, "turn"))};
    ToolCallTurn again = turn;
    CHECK_FALSE(turn.next("pay", "[").ok());  // is not counted
    std::set<std::string> nonces;
    for (const auto& [unused2, call] : *made.find("calls")) {
      const auto nonce = turn.next(text(call, "name"), text(call, "arguments"));
      REQUIRE(nonce.ok());
      CHECK(*nonce == text(call, "nonce"));
      CHECK(again.next(text(call, "name"), text(call, "arguments")).value() == *nonce);  // the turn was sent again
      nonces.insert(*nonce);
    }
    CHECK(nonces.size() == made.find("calls")->size());
  }
}

TEST_CASE("a host without a conversation or a turn gets no nonce") {
  CHECK(ToolCallTurn("", "t").next("pay", "").code() == Code::malformed_request);
  CHECK(ToolCallTurn("c", "").next("pay", "").code() == Code::malformed_request);
}
