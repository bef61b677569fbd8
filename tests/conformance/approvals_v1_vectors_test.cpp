// SPDX-License-Identifier: Apache-2.0
// approvals_v1.json: what verification alone says to each artifact.
#include <string>

#include <openexec/clawshield.hpp>

#include "base/time.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using test::at;
using test::text_at;

TEST_CASE("Every clawshield-v1 approval gets its code, as fields and as one text") {
  const auto file = test::read_json(test::vectors() / "approvals_v1.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    INFO(text_at(test, "id"));
    ClawshieldOptions options;
    options.public_key_pem = text_at(file.root(), "public_key");
    options.tenant_id = text_at(test, "tenant");
    const auto verifier = clawshield_v1(options);
    REQUIRE(verifier.ok());
    CHECK((*verifier)->profile() == "clawshield-v1");
    CHECK((*verifier)->ready().ok());

    const std::string action = text_at(test, "action");
    const std::string payload = canon::clawshield_v1(at(test, "payload"));  // the form that keeps 1 and 1.0 apart
    const std::string artifact = canon::clawshield_v1(at(test, "artifact"));
    const Timestamp now = base::parse_time(text_at(test, "now"), base::TimeForm::rfc3339).value();
    const std::string expected = text_at(test, "expect");

    const auto fields = Proposal::parse(Request{action, payload, "n-1", artifact}, options.tenant_id);
    const auto text = Proposal::parse_json(R"({"action":")" + action + R"(","nonce":"n-1","payload":)" + payload +
                                               R"(,"approval_artifact":)" + artifact + "}",
                                           options.tenant_id);
    for (const auto* proposal : {&fields, &text}) {
      REQUIRE(proposal->ok());
      const auto approval = (*verifier)->verify(**proposal, now);
      CHECK(name(approval.code()) == expected);
      if (!approval.ok()) {
        CHECK_FALSE(approval.status().detail().empty());
        continue;
      }
      CHECK(approval->profile == "clawshield-v1");
      CHECK(approval->id == text_at(at(test, "artifact"), "approval_id"));
      CHECK(approval->keys.size() == 1);
    }
  }
  CHECK(cases > 0);
  test::report("approvals_v1", cases);
}
