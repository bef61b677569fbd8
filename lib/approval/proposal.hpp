// SPDX-License-Identifier: Apache-2.0
// The internals of a Proposal: its parsed values, for the supplied verifiers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/request.hpp>

#include "canon/json.hpp"

namespace openexec {

/// The detail for a request whose nonce differs from the one in the call options.
inline constexpr std::string_view two_nonces = "nonce: differs from the one given beside the request";

struct Proposal::Parts {
  std::string tenant;
  std::string action;
  std::string nonce;
  canon::Document request;              ///< the whole request, or the payload if the request has four parts
  canon::Document payload_document;     ///< the text inside a payload that is a string
  canon::Document artifact_document;    ///< the artifact if the request has four parts
  std::optional<canon::View> payload;   ///< absent means {}
  std::optional<canon::View> artifact;  ///< an object; absent if none was presented
  std::string payload_jcs;
  std::string artifact_jcs;
  std::optional<Digest> artifact_digest;  ///< computed on first use, since the artifact of a plan is large
  mutable std::string scratch;

  // Like Proposal::parse and parse_json, with reused buffers. `parts` is moved from on success only.
  static Result<Proposal> read(std::unique_ptr<Parts>& parts, canon::Parser& parser, const Request& request,
                               std::string_view tenant, const RequestLimits& limits);
  static Result<Proposal> read_json(std::unique_ptr<Parts>& parts, canon::Parser& parser, std::string_view text,
                                    std::string_view tenant, const RequestLimits& limits,
                                    std::optional<std::string_view> nonce);
  /// Returns the buffers for reuse.
  static std::unique_ptr<Parts> reclaim(Proposal proposal) noexcept { return std::move(proposal.parts_); }

 private:
  template <class Form>
  static Result<Proposal> read_with(std::unique_ptr<Parts>& parts, std::string_view tenant, const Form& form);
};

}  // namespace openexec
