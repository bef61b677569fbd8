// SPDX-License-Identifier: Apache-2.0
// A signed log of entries, and the proofs that stand alone that it gives.
#pragma once

#include <openexec/receipt.hpp>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/tlog_proof.hpp"
#include "support/keys.hpp"
#include "support/log.hpp"

namespace openexec::test {

inline const std::string log_name = "log.example/1";

class SignedLog {
 public:
  std::vector<std::string> entries;

  void append(const std::string& entry) {
    if (!log_.append(merkle::leaf_hash(entry)).ok()) throw std::runtime_error("append");
    entries.push_back(entry);
  }

  /// Signed by the log, and cosigned by these witnesses.
  [[nodiscard]] std::string checkpoint(const std::vector<std::string>& witnesses = {}) const {
    return cosign(merkle::sign_checkpoint({log_name, log_.tree.head(), {}}, log_named(log_name)).value(), witnesses);
  }

  [[nodiscard]] merkle::TlogProof proof(std::uint64_t index, const std::string& checkpoint) {
    return {entries.at(index), index, merkle::prove_inclusion(index, log_.tree.size(), log_.tiles).value(), checkpoint};
  }

  [[nodiscard]] MemoryTiles& tiles() { return log_.tiles; }

  static std::string cosign(const std::string& checkpoint, const std::vector<std::string>& witnesses) {
    merkle::Note note = merkle::Note::parse(checkpoint).value();
    for (const std::string& witness : witnesses)
      note.signatures.push_back(witness_named(witness).cosign(note.text, 1'772'366'400).value());
    return note.write().value();
  }

 private:
  Log log_;
};

inline std::string vkey_of_log(const std::string& name = log_name) { return log_named(name).verifier_key().write(); }

/// A policy whose quorum is one group of these witnesses.
inline std::string policy_of(const std::string& threshold, const std::vector<std::string>& witnesses) {
  std::string text;
  std::string group = "group enough " + threshold;
  for (const std::string& witness : witnesses) {
    text += "witness " + witness + " " + witness_named(witness).verifier_key().write() + "\n";
    group += " " + witness;
  }
  return text + group + "\nquorum enough\n";
}

/// What an executor writes for an executed request; its hashes are those of nothing in particular.
inline Entry executed(std::uint64_t number = 0) {
  const std::string name = std::to_string(number);
  Entry entry;
  entry.verdict = Verdict::executed;
  entry.effect = Effect::confirmed;
  entry.code = Code::ok;
  entry.exec_id = to_hex(leaf(number));
  entry.action = "echo";
  entry.nonce = "nonce-" + name + " \u00e9";
  entry.tenant = "acme";
  entry.request_hash = leaf(number + 1);
  entry.approval = ApprovalNote{"clawshield-v1", "04f85147-ab32-4255-96c6-dbcb57b0229e", leaf(number + 2), {"a", "b"}};
  entry.result_hash = leaf(number + 3);
  entry.receipt = to_hex(leaf(number + 4));
  entry.executor = "executor-1";
  entry.observed_at = base::parse_time("2026-03-01T12:00:00.000001Z", base::TimeForm::rfc3339).value();
  entry.observed_at.micros += static_cast<std::int64_t>(number) * 1'000'000;
  return entry;
}

}  // namespace openexec::test
