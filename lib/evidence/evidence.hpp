// SPDX-License-Identifier: Apache-2.0
// The two halves of verify_evidence, for callers that verify many proofs under one checkpoint.
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

/// The parsed keys and policies of EvidenceTrust.
struct Trust {
  std::optional<merkle::VerifierKey> log_key;
  std::optional<merkle::Policy> policy;

  static Result<Trust> read(const EvidenceTrust& texts);
};

/// A checkpoint, and the findings on its signatures.
struct JudgedCheckpoint {
  /// Success if it is well-formed. Otherwise the other members are not set.
  Status form{Code::invalid_argument, "not read"};
  merkle::Checkpoint checkpoint;
  EvidenceCheck log_signature;
  EvidenceCheck quorum;
  std::vector<Cosignature> cosignatures;
  std::size_t witnesses = 0;
};
JudgedCheckpoint judge(std::string_view signed_note, const Trust& trust);

/// Makes the rest of the report. `checkpoint` is the result of judge() for the checkpoint of the proof.
EvidenceReport report_on(const merkle::TlogProof& proof, const JudgedCheckpoint& checkpoint, const EvidenceHeld& held);

}  // namespace openexec::exec
