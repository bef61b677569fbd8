// A proposal's inside: the parsed values, for the supplied verifiers.
#pragma once

#include <optional>
#include <string>

#include <openexec/request.hpp>

#include "canon/json.hpp"

namespace openexec {

struct Proposal::Parts {
  std::string tenant;
  std::string action;
  std::string nonce;
  canon::Document request;            ///< the whole request, or the payload's own text where it came in four parts
  canon::Document payload_document;   ///< the text inside a payload that is a string
  canon::Document artifact_document;  ///< the artifact's own text where the request came in four parts
  std::optional<canon::View> payload;   ///< absent stands for {}
  std::optional<canon::View> artifact;  ///< an object; absent where none was presented
  std::string payload_jcs;
  std::string artifact_jcs;
};

}  // namespace openexec
