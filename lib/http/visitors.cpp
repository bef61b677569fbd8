// SPDX-License-Identifier: Apache-2.0
#include "http/visitors.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace openexec::http {
namespace {

constexpr std::string_view schemes[] = {"http://", "https://"};

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), lower_case(text)) != list.end();
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The host of `host [":" port]`, an IPv6 address without its brackets; nullopt if it is not of this form.
std::optional<std::string> host_in(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == authority.npos || end == 0 || authority.find_first_of("/?#@, \t") != authority.npos) return std::nullopt;
  const std::string_view rest = authority.substr(end + (bracketed ? 1 : 0));
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
  std::string host = lower_case(authority.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0)));
  in6_addr v6{};
  if (bracketed && ::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
  return host;
}

bool is_address(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

/// Returns the text after the scheme, or nullopt for another scheme and for "null", which pages without an origin send.
std::optional<std::string_view> behind_scheme(std::string_view text) {
  for (const std::string_view scheme : schemes)
    if (lower_case(text.substr(0, scheme.size())) == scheme) return text.substr(scheme.size());
  return std::nullopt;
}

}  // namespace

Result<Visitors> Visitors::make(std::vector<std::string> hosts, std::vector<std::string> origins) {
  Visitors made;
  for (const std::string& host : hosts) {
    if (host.empty() || host.find_first_of(":/@[] \t*") != host.npos)
      return Status(Code::invalid_argument, "allowed_hosts: must be names of hosts, without scheme, port and wildcard");
    made.hosts_.push_back(lower_case(host));
  }
  for (const std::string& origin : origins) {
    const auto authority = behind_scheme(origin);
    if (!authority || !host_in(*authority))
      return Status(Code::invalid_argument, "allowed_origins: must be origins such as https://console.example.org");
    made.origins_.push_back(lower_case(origin));
  }
  return made;
}

std::string_view Visitors::host_fault(std::string_view authority) const {
  const auto host = host_in(authority);
  if (!host) return "Host is not a name or an address with an optional port";
  if (*host == "localhost" || is_address(*host) || contains(hosts_, *host)) return {};
  return "Host is not an address, localhost, or a name of --allowed-hosts";
}

std::string_view Visitors::origin_fault(std::string_view origin) const {
  if (invites(origin)) return {};
  const auto authority = behind_scheme(origin);
  if (authority && host_fault(*authority).empty()) return {};
  return "Origin is not of an accepted host, and not one of --allowed-origins";
}

bool Visitors::invites(std::string_view origin) const { return contains(origins_, origin); }

std::optional<std::string_view> authority_of(std::string_view target) {
  const auto rest = behind_scheme(target);
  if (!rest) return std::nullopt;
  return rest->substr(0, rest->find_first_of("/?#"));
}

std::optional<Problem> visitor_problem(const Head& head, const Visitors& visitors, bool checks_names) {
  if (checks_names) {
    for (const std::string_view host : head.all("Host"))
      if (const auto fault = visitors.host_fault(host); !fault.empty()) return Problem{421, std::string(fault)};
    // The name in an absolute target is the one that counts.
    if (const auto authority = authority_of(head.target))
      if (const auto fault = visitors.host_fault(*authority); !fault.empty()) return Problem{421, std::string(fault)};
  }
  for (const std::string_view origin : head.all("Origin"))
    if (const auto fault = visitors.origin_fault(origin); !fault.empty()) return Problem{403, std::string(fault)};
  return std::nullopt;
}

}  // namespace openexec::http
