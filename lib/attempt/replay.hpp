// SPDX-License-Identifier: Apache-2.0
// The outcome of an earlier attempt, told again: from the store's record, or from what was sealed lately.
#pragma once

#include <cstdint>
#include <memory>

#include <openexec/executor.hpp>

#include "answers/ending.hpp"
#include "attempt/attempt.hpp"
#include "gate/recent.hpp"

namespace openexec::exec {

/// Reads what a sealed record has to tell. A result that was removed on purpose is told as null, with the hash and the
/// receipt of the entry that sealed it. store_failed if that entry cannot be read.
Result<std::shared_ptr<const SealedOutcome>> read_sealed(const NonceRecord& record, ReceiptLog& log);

/// Returns what a sealed attempt leaves to be told again, or null if another attempt may follow or it is not sealed.
std::shared_ptr<const SealedOutcome> sealed_outcome_of(const Attempt& attempt, std::uint64_t entry);

/// The ending of an attempt that is told a sealed outcome.
Ending told_again(const SealedOutcome& sealed, const Attempt& attempt);

/// The ending of an attempt that is told of a record in doubt.
Ending still_in_doubt(const NonceRecord& record);

/// Whether another attempt may be opened after the one that the record is of. The store decides it once more when the
/// attempt is claimed. An attempt that waited for an equal one has that one's outcome.
bool may_retry(const Attempt& attempt, const NonceRecord& record) noexcept;

}  // namespace openexec::exec
