// SPDX-License-Identifier: Apache-2.0
#include "commands/reading.hpp"

#include "canon/json.hpp"
#include "commands/terminal.hpp"

namespace openexec::terminal {

ReadRequest read_request(const std::string& text, const std::string& tenant, const std::optional<std::string>& nonce) {
  const auto document = canon::parse(text);
  const bool named =
      document.ok() && document->root().is(canon::Type::object) && document->root().find("nonce").has_value();
  // Neither request_hash nor action_hash depends on the nonce, so a request without one gets a fixed text in its place.
  const std::string nonce_or_any = nonce.value_or("none");
  const std::optional<std::string_view> beside =
      nonce || !named ? std::optional<std::string_view>(nonce_or_any) : std::nullopt;
  auto proposal = Proposal::parse_json(text, tenant, {}, beside);
  if (!proposal.ok()) throw Stop(no, "this is not a request: " + shown(proposal.status().detail()));
  return {std::move(*proposal), named || nonce.has_value()};
}

}  // namespace openexec::terminal
