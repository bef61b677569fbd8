// The objects of an entry, appended to what there is.
#pragma once

#include <optional>
#include <string>

#include <openexec/receipt.hpp>

namespace openexec::exec {

/// As to_json() writes it.
void append_json(const std::optional<ApprovalNote>& approval, std::string& out);
/// In RFC 8785 form.
void append_json(const ControlNote& control, std::string& out);

}  // namespace openexec::exec
