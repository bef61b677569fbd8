// SPDX-License-Identifier: Apache-2.0
// The objects of an entry, appended to what there is.
#pragma once

#include <string>

#include <openexec/receipt.hpp>

namespace openexec::exec {

/// As to_json() writes it, but for the digest: a claim has that beside it.
void append_claimed(const ApprovalNote& approval, std::string& out);
/// In RFC 8785 form.
void append_json(const ControlNote& control, std::string& out);

}  // namespace openexec::exec
