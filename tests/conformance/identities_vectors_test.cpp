// SPDX-License-Identifier: Apache-2.0
// identities.json: the hashes of a request that approvals carry and that name it.
#include <string>

#include <openexec/request.hpp>

#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using test::at;
using test::text_at;

TEST_CASE("Every identity's action_hash and request_hash come out") {
  const auto file = test::read_json(test::vectors() / "identities.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    const std::string action = text_at(test, "action");
    const std::string nonce = text_at(test, "nonce");
    INFO(nonce);
    const std::string payload = canon::clawshield_v1(at(test, "payload"));
    std::string quoted_nonce;
    canon::append_jcs_string(nonce, quoted_nonce);

    const auto fields = Proposal::parse(Request{action, payload, nonce, {}}, text_at(test, "tenant"));
    const auto text = Proposal::parse_json(
        R"({"payload":)" + payload + R"(,"action":")" + action + R"(","nonce":)" + quoted_nonce + "}",
        text_at(test, "tenant"));
    for (const auto* proposal : {&fields, &text}) {
      REQUIRE(proposal->ok());
      CHECK(to_hex((*proposal)->action_hash()) == text_at(test, "action_hash"));
      CHECK(to_hex(crypto::sha256({R"({"action":")", (*proposal)->action(), R"(","payload":)", (*proposal)->payload(),
                                   "}"})) == text_at(test, "request_hash"));
      CHECK((*proposal)->nonce() == nonce);
    }
  }
  CHECK(cases > 0);
  test::report("identities", cases);
}
