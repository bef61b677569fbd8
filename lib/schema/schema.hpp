// SPDX-License-Identifier: Apache-2.0
// The internals of a PayloadSchema. The executor checks a payload that is parsed already.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include <openexec/payload_schema.hpp>

#include "canon/json.hpp"
#include "schema/node.hpp"

namespace openexec {

struct PayloadSchema::Compiled {
  std::deque<schema::Node> nodes;  ///< not moved, since they point to each other; the first is the whole schema
  canon::Document empty;           ///< {}, the value of an absent payload
};

namespace schema {

/// The budget of one check (docs/formats.md, section 12). A step is the application of a schema or keyword to a value,
/// a lookup of a member, or reading about 16 bytes.
constexpr std::size_t max_steps = 1'000'000;
/// The depth of nested schemas during a check; the stack for it is at most 256 KiB
constexpr std::size_t max_depth = 256;
constexpr std::size_t max_bytes = std::size_t{256} << 10;  ///< the size of the text of a schema
constexpr std::size_t max_chain = 64;  ///< schemas that apply to the same value, each because of the one before

/// Like PayloadSchema::check, for a parsed payload. nullopt means {}.
Status check(const PayloadSchema& schema, std::optional<canon::View> payload);

}  // namespace schema
}  // namespace openexec
