// SPDX-License-Identifier: Apache-2.0
// Parts are tested when they are installed, before anything is trusted.
#pragma once

#include <openexec/hasher.hpp>
#include <openexec/status.hpp>

namespace openexec::exec {

/// The known answer for the supplied hasher; for any other: equal input, equal output; different input, different
/// output.
Status self_test(const Hasher& hasher);

}  // namespace openexec::exec
