// SPDX-License-Identifier: Apache-2.0
// A compiled schema's inside, for the executor: it checks the tree of a payload that was parsed already.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include <openexec/payload_schema.hpp>

#include "canon/json.hpp"
#include "schema/node.hpp"

namespace openexec {

struct PayloadSchema::Compiled {
  std::deque<schema::Node> nodes;  ///< never moved: they point at each other. The first one is the whole schema
  canon::Document empty;           ///< {}, which an absent payload stands for
};

namespace schema {

/// The most that one check may take (docs/formats.md, section 12). A step is a schema or a keyword applied to a value,
/// a member looked at, or some 16 bytes read.
constexpr std::size_t max_steps = 1'000'000;
/// Schemas within schemas while a value is checked; they fit into 256 KiB of stack
constexpr std::size_t max_depth = 256;
constexpr std::size_t max_bytes = std::size_t{256} << 10;  ///< of a schema's text
constexpr std::size_t max_chain = 64;  ///< schemas that apply to the same value, each because of the one before

/// As PayloadSchema::check, of a parsed payload; nullopt stands for {}.
Status check(const PayloadSchema& schema, std::optional<canon::View> payload);

}  // namespace schema
}  // namespace openexec
