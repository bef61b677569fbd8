// SPDX-License-Identifier: Apache-2.0
#include <openexec/control.hpp>

#include "evidence/control_names.hpp"

namespace openexec {

std::string_view name(ControlKind kind) noexcept {
  switch (kind) {
    case ControlKind::halt: return control_names::halt;
    case ControlKind::revoke_approval: return control_names::revoke_approval;
    case ControlKind::revoke_key: return control_names::revoke_key;
    case ControlKind::confirm_clock: return control_names::confirm_clock;
  }
  return {};
}

}  // namespace openexec
