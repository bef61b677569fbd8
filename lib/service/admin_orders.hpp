// SPDX-License-Identifier: Apache-2.0
// The requests of the admin socket, without sockets. Each is turned into an answer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include <openexec/executor.hpp>

namespace openexec::service {

constexpr std::size_t max_admin_request = std::size_t{16} << 10;  // bytes of a body
constexpr std::size_t max_admin_head = std::size_t{8} << 10;

struct AdminRequest {
  std::string method;
  std::string target;
  std::string body;

  [[nodiscard]] bool is_halt() const noexcept { return target == "/halt"; }
  /// Returns the target if the socket serves it, and an empty text otherwise.
  [[nodiscard]] std::string_view known_target() const noexcept;
};

struct AdminAnswer {
  int status = 500;
  std::string body;
  std::string_view content_type = "application/json";
  std::string contradicted = {};  ///< the execution whose settlement this order contradicts, or empty
};

/// Returns the answer as bytes of HTTP.
std::string to_http(const AdminAnswer& answer);

AdminAnswer admin_problem(int status, std::string_view code, std::string_view detail);

/// Carries out a request of the user `uid`, as the kernel names the peer.
AdminAnswer answer_admin(Executor& executor, const AdminRequest& request, uid_t uid);

}  // namespace openexec::service
