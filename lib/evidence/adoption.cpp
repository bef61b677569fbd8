// SPDX-License-Identifier: Apache-2.0
#include "evidence/adoption.hpp"

#include <utility>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/note.hpp"

namespace openexec::exec {

std::string adoption_entry(ControlNote note, std::string tenant, std::string executor, Timestamp at) {
  Entry entry;
  entry.verdict = Verdict::control;
  entry.code = Code::ok;
  entry.tenant = std::move(tenant);
  entry.executor = std::move(executor);
  entry.observed_at = at;
  entry.control = std::move(note);
  std::string jcs;
  append_json(*entry.control, jcs);
  entry.result_hash = crypto::sha256(jcs);
  entry.receipt = receipt_of({}, canon::display(canon::parse(jcs).value().root()));
  return entry.to_json();
}

}  // namespace openexec::exec
