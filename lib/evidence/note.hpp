// SPDX-License-Identifier: Apache-2.0
// Writers of the objects of an entry. Each appends to a string.
#pragma once

#include <string>

#include <openexec/receipt.hpp>

namespace openexec::exec {

/// Like to_json(), but without the digest, which a claim has in a member of its own.
void append_claimed(const ApprovalNote& approval, std::string& out);
/// Appends the control in RFC 8785 form.
void append_json(const ControlNote& control, std::string& out);

}  // namespace openexec::exec
