// SPDX-License-Identifier: Apache-2.0
// The host names by which clients may address the service, and the web origins that may use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/status.hpp>

#include "http/reader.hpp"

namespace openexec::http {

/// Defends against DNS rebinding: a web page can make its own host name resolve to this machine, so that the browser of
/// a visitor treats the service as part of the page. The browser sends the requested name (Host) and the page (Origin).
class Visitors {
 public:
  /// Returns invalid_argument with the option and its rule.
  static Result<Visitors> make(std::vector<std::string> hosts, std::vector<std::string> origins);

  /// Returns the fault of a Host field, or of the authority of a target in absolute form; empty if it is accepted. An
  /// address, localhost and a listed name are accepted.
  [[nodiscard]] std::string_view host_fault(std::string_view host) const;
  /// Returns the fault of an Origin field; empty if it is listed or its host is accepted.
  [[nodiscard]] std::string_view origin_fault(std::string_view origin) const;
  /// Whether CORS permits pages of this origin to read answers and to send preflighted requests.
  [[nodiscard]] bool invites(std::string_view origin) const;

  [[nodiscard]] bool names_hosts() const noexcept { return !hosts_.empty(); }

 private:
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
};

/// Returns the authority of a target in absolute form, or nullopt for another form.
std::optional<std::string_view> authority_of(std::string_view target);

/// Returns why a request may not be answered, or nullopt. A client may call the server by the name that it uses, and the
/// page behind the request may ask at all. Host is looked at only if `checks_names`.
std::optional<Problem> visitor_problem(const Head& head, const Visitors& visitors, bool checks_names);

}  // namespace openexec::http
