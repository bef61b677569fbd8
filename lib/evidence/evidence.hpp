// SPDX-License-Identifier: Apache-2.0
// The two halves of verify_evidence, for those who verify many proofs under one checkpoint.
#pragma once

#include <cstddef>
#include <openexec/evidence.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "merkle/checkpoint.hpp"
#include "merkle/policy.hpp"
#include "merkle/tlog_proof.hpp"

namespace openexec::exec {

/// Trust, read once.
struct Trust {
  std::optional<merkle::VerifierKey> log_key;
  std::optional<merkle::Policy> policy;

  static Result<Trust> read(const EvidenceTrust& texts);
};

/// A checkpoint, and who signed it.
struct JudgedCheckpoint {
  Status form{Code::invalid_argument, "not read"};  ///< whether it is a well-formed one; else nothing follows
  merkle::Checkpoint checkpoint;
  EvidenceCheck log_signature;
  EvidenceCheck quorum;
  std::vector<Cosignature> cosignatures;
  std::size_t witnesses = 0;
};
JudgedCheckpoint judge(std::string_view signed_note, const Trust& trust);

/// The rest of the report. Precondition: `checkpoint` is what judge() makes of the proof's.
EvidenceReport report_on(const merkle::TlogProof& proof, const JudgedCheckpoint& checkpoint, const EvidenceHeld& held);

}  // namespace openexec::exec
