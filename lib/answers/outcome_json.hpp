// SPDX-License-Identifier: Apache-2.0
// What an execution came to, as the service and the command line tell it.
#pragma once

#include <string>

#include <openexec/outcome.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::exec {

/// The object that POST /execute answers (docs/formats.md, section 7). `attempt`, `may_retry`, `result_form`, `proof`
/// and `detail` are there only where they say something.
std::string outcome_json(const Outcome& outcome);

/// An entry with its place in the log: {"index": …, "leaf_hash": …, "entry": {…}}.
std::string line_json(const LogLine& line);

}  // namespace openexec::exec
