// SPDX-License-Identifier: Apache-2.0
// An approver's program: signs what an agent proposed, and has nothing that could run it.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <openexec/signing.hpp>

namespace {

template <class T>
T or_end(openexec::Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().detail().c_str());
  std::exit(1);
}

}  // namespace

int main() {
  using namespace openexec;
  const auto key = or_end(signing::ApproverKey::generate());
  const auto again = or_end(signing::ApproverKey::from_pem(or_end(key.to_pem("secret")), "secret"));
  if (again.fingerprint() != key.fingerprint() || signing::ApproverKey::from_pem("no key").ok()) return 1;

  const auto proposal = or_end(Proposal::parse_json(R"({"action":"ping","payload":{},"nonce":"n-1"})", "acme"));
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const Timestamp now{std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()};
  const std::string id = or_end(signing::approval_id());
  const Timestamp later{now.micros + 300'000'000};
  const std::string artifact = or_end(signing::sign_clawshield_v1(key, proposal, {"acme", id, now, later}));

  signing::DsseGrant grant;
  grant.token_id = id;
  grant.tenant_id = "acme";
  grant.issued_at = now;
  grant.expires_at = later;
  const std::string statement = or_end(signing::dsse_statement(proposal, grant));
  const std::string envelope = or_end(signing::sign_dsse(key, "alice", statement));
  const auto other = or_end(signing::ApproverKey::generate());
  const std::string both = or_end(signing::add_signature(other, "bob", envelope));
  if (signing::add_signature(key, "alice", both).ok()) return 1;  // once is enough
  std::printf("%zu and %zu bytes of approvals\n", artifact.size(), both.size());
  return 0;
}
