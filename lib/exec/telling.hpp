// Which of an execution's entries says what became of it.
#pragma once

#include <span>

#include <openexec/receipt_log.hpp>

namespace openexec::exec {

/// The newest entry that repeats no other and is no refusal. Where there is none, the newest. Precondition: not empty.
const LogLine& telling(std::span<const LogLine> lines);

}  // namespace openexec::exec
