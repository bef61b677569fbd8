// SPDX-License-Identifier: Apache-2.0
// A proposal's inside: the parsed values, for the supplied verifiers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/request.hpp>

#include "canon/json.hpp"

namespace openexec {

/// The detail of a request whose own nonce is not the one that was given beside it.
inline constexpr std::string_view two_nonces = "nonce: differs from the one given beside the request";

struct Proposal::Parts {
  std::string tenant;
  std::string action;
  std::string nonce;
  canon::Document request;              ///< the whole request, or the payload's own text where it came in four parts
  canon::Document payload_document;     ///< the text inside a payload that is a string
  canon::Document artifact_document;    ///< the artifact's own text where the request came in four parts
  std::optional<canon::View> payload;   ///< absent stands for {}
  std::optional<canon::View> artifact;  ///< an object; absent where none was presented
  std::string payload_jcs;
  std::string artifact_jcs;
  std::optional<Digest> artifact_digest;  ///< once somebody asked for it: a plan's artifact is large
  mutable std::string scratch;

  // As Proposal::parse and parse_json, with buffers that served before. `parts` is taken on success only.
  static Result<Proposal> read(std::unique_ptr<Parts>& parts, canon::Parser& parser, const Request& request,
                               std::string_view tenant, const RequestLimits& limits);
  static Result<Proposal> read_json(std::unique_ptr<Parts>& parts, canon::Parser& parser, std::string_view text,
                                    std::string_view tenant, const RequestLimits& limits,
                                    std::optional<std::string_view> nonce);
  /// Gives the buffers back.
  static std::unique_ptr<Parts> reclaim(Proposal proposal) noexcept { return std::move(proposal.parts_); }

 private:
  template <class Form>
  static Result<Proposal> read_with(std::unique_ptr<Parts>& parts, std::string_view tenant, const Form& form);
};

}  // namespace openexec
