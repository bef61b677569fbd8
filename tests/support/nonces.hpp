// SPDX-License-Identifier: Apache-2.0
// Nonces that a ledger is asked about, in words.
#pragma once

#include <memory>
#include <string>

#include <openexec/ledger.hpp>

namespace openexec::test {

/// "fresh" where the nonce may run now, "known" where it was spent, and the detail where nothing is decided.
inline std::string spend(Ledger& ledger, std::string_view nonce) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.action = "pay";
  claim.exec_id[0] = 1;
  claim.approval = "null";
  claim.at = {1};
  const Result<ClaimAnswer> answer = ledger.claim(claim);
  if (!answer.ok()) return answer.status().detail();
  return answer->kind == ClaimAnswer::Kind::fresh ? "fresh" : "known";
}

/// The same with a ledger that is opened for it and closed.
inline std::string spend(const std::string& path, std::string_view nonce, const SqliteOptions& options = {}) {
  const auto ledger = sqlite_ledger(path, options);
  return ledger.ok() ? spend(**ledger, nonce) : ledger.status().detail();
}

}  // namespace openexec::test
