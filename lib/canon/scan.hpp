// Where a text breaks the rules. simdjson says whether, not where; this says where, and only runs after a no.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <canon/json.hpp>

namespace openexec::canon {

struct Fault {
  std::size_t offset;  ///< of the first byte that cannot be right; the text's size where it ends too early
  std::string_view reason;
};

/// The first breach of the rules of Parser::parse, duplicate keys and max_bytes excepted; nothing where there is none.
std::optional<Fault> first_fault(std::string_view text, const ParseLimits& limits);

}  // namespace openexec::canon
