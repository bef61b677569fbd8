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
  canon::Document request;           ///< owns what `payload` and `artifact` view, unless the two below do
  canon::Document payload_document;  ///< where the payload came as a text of its own
  canon::Document artifact_document;
  std::optional<canon::View> payload;   ///< absent stands for {}
  std::optional<canon::View> artifact;  ///< an object; absent where none was presented
  std::string payload_jcs;
  std::string artifact_jcs;
};

}  // namespace openexec
