// SPDX-License-Identifier: Apache-2.0
// What the admin socket answers about executions in doubt.
#pragma once

#include <sys/types.h>

#include <string_view>

#include <openexec/executor.hpp>

#include "service/admin_orders.hpp"

namespace openexec::service {

/// GET /doubt, or /doubt?after=ENTRY for the next page.
inline constexpr std::string_view doubt_target = "/doubt";
inline constexpr std::string_view settle_target = "/doubt/settle";
[[nodiscard]] bool is_doubt_list(std::string_view target) noexcept;

/// GET /doubt/EXEC_ID. The answer has the newest entries of the execution, oldest first, in the member `entries`.
[[nodiscard]] bool is_doubt_show(std::string_view target) noexcept;

AdminAnswer list_doubts(const Executor& executor, std::string_view target);
/// Precondition: is_doubt_show(target).
AdminAnswer show_doubt(const Executor& executor, std::string_view target);
/// `{"exec_id", "found": "done" | "not_done" | "unknown", "result"?, "who", "why"}`, where `result` is any JSON value.
AdminAnswer settle_doubt(Executor& executor, std::string_view body, uid_t uid);

}  // namespace openexec::service
