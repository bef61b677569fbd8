// SPDX-License-Identifier: Apache-2.0
// The kinds of control as entries, the admin API and the commands spell them (docs/formats.md, section 6). No other file
// spells them.
#pragma once

#include <string_view>

namespace openexec::control_names {

inline constexpr std::string_view halt = "halt";
inline constexpr std::string_view resume = "resume";  ///< lifts a halt
inline constexpr std::string_view revoke_approval = "revoke_approval";
inline constexpr std::string_view revoke_key = "revoke_key";
inline constexpr std::string_view adopt = "adopt";    ///< an operator took over a copied or restored ledger
inline constexpr std::string_view settle = "settle";  ///< an operator settled an execution that was in doubt
inline constexpr std::string_view confirm_clock = "confirm_clock";

}  // namespace openexec::control_names
