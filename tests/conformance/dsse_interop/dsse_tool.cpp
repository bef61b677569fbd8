// SPDX-License-Identifier: Apache-2.0
// Our side of the interoperability tests, for programs in other languages. Keys are seeds of 32 bytes in hex.
//   dsse_tool public SEED                            the public key, PEM
//   dsse_tool statement REQUEST                      a statement for a request in JSON
//   dsse_tool sign SEED KEYID STATEMENT              an envelope with one signature
//   dsse_tool add SEED KEYID ENVELOPE                the envelope with one more
//   dsse_tool verify POLICY REQUEST ENVELOPE         the code, and the ids of the keys that approved
// Texts are files. The tenant is "acme" and the clock stands at noon.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "support/approvals.hpp"
#include "support/vectors.hpp"

namespace {

using namespace openexec;

crypto::PrivateKey key_of(const std::string& seed) {
  return crypto::PrivateKey::from_seed(base::unhex(seed).value()).value();
}

Result<Proposal> proposal(const std::string& request) { return Proposal::parse_json(test::read_file(request), "acme"); }

std::string run(const std::vector<std::string>& arguments) {
  const std::string& command = arguments.at(0);
  if (command == "public") return key_of(arguments.at(1)).public_key().to_pem();
  if (command == "statement") {
    signing::DsseGrant grant;
    grant.token_id = "t-1";
    grant.tenant_id = "acme";
    grant.issued_at = test::after_noon(-60);
    grant.expires_at = test::after_noon(240);
    return signing::dsse_statement(proposal(arguments.at(1)).value(), grant).value();
  }
  if (command == "sign")
    return signing::sign_dsse(key_of(arguments.at(1)), arguments.at(2), test::read_file(arguments.at(3))).value();
  if (command == "add")
    return signing::add_signature(key_of(arguments.at(1)), arguments.at(2), test::read_file(arguments.at(3))).value();
  if (command != "verify") throw std::runtime_error("unknown command");

  const TrustPolicy policy = TrustPolicy::parse(test::read_file(arguments.at(1))).value();
  const auto verifier = trust_policy_verifier({.policy = policy, .tenant = "acme"}).value();
  const Proposal bare = proposal(arguments.at(2)).value();
  const std::string envelope = test::read_file(arguments.at(3));
  const auto approval = verifier->verify(
      Proposal::parse({bare.action(), bare.payload(), bare.nonce(), envelope}, "acme").value(), test::noon);
  std::string answer(name(approval.code()));
  if (approval.ok())
    for (const std::string& id : approval->keys) answer.append(" ").append(id);
  return answer;
}

}  // namespace

int main(int count, char** arguments) try {
  std::cout << run({arguments + 1, arguments + count});
  return 0;
} catch (const std::exception& failed) {
  std::cerr << "dsse_tool: " << failed.what() << '\n';
  return 2;
}
