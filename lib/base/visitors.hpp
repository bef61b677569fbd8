// SPDX-License-Identifier: Apache-2.0
// Which names a client may call the service by, and which pages may speak to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/status.hpp>

namespace openexec::base {

/// A web page can make its own name lead to this machine, and its visitor's browser then reaches the service as if the
/// page came from here. The browser says which name was meant (Host), and which page asks (Origin).
class Visitors {
 public:
  /// invalid_argument names the option and what it must be.
  static Result<Visitors> make(std::vector<std::string> hosts, std::vector<std::string> origins);

  /// What is wrong with a Host field, or with the authority of a target in absolute form; empty if it is accepted. An
  /// address, localhost and a listed name are.
  [[nodiscard]] std::string_view host_fault(std::string_view host) const;
  /// What is wrong with an Origin field; empty if it is listed or its host is accepted.
  [[nodiscard]] std::string_view origin_fault(std::string_view origin) const;
  /// Whether pages of this origin may read answers, and send what a page may not send unasked.
  [[nodiscard]] bool invites(std::string_view origin) const;

  [[nodiscard]] bool names_hosts() const noexcept { return !hosts_.empty(); }

 private:
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
};

/// The authority of a target in absolute form; nullopt in any other form.
std::optional<std::string_view> authority_of(std::string_view target);

}  // namespace openexec::base
