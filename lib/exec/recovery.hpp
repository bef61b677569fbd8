// SPDX-License-Identifier: Apache-2.0
// What an earlier process left unfinished, ended before anything else runs.
#pragma once

#include <openexec/executor.hpp>

#include "answers/recorder.hpp"

namespace openexec::exec {

/// As Executor::recover(): claims whose process died become in doubt, their handlers may say what took place, and
/// entries that the log lacks are appended to it.
Result<Recovery> recover(Recorder& recorder, const Config& config, const Parts& parts, const HandlerTable& handlers);

}  // namespace openexec::exec
