// How a Document holds its value: nodes in one array, so that reading and writing are loops over indices.
//
// The children of a container lie side by side: an array's elements in order; an object's members as key, value, key,
// value in jcs order of the keys (UTF-16 code units), with no two keys equal. Where the order by code point differs
// from that (some key has a character beyond U+FFFF and another one from U+E000 to U+FFFF), the members follow once
// more in that order.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <canon/json.hpp>

namespace openexec::canon {

struct Node {
  Type type = Type::null;
  bool twice = false;       ///< an object whose members follow once more, by code point
  std::uint32_t size = 0;   ///< bytes of a string, elements or members of a container
  union {
    std::int64_t integer = 0;
    bool boolean;
    double number;
    const char* text;
    std::uint32_t first;    ///< the first child
  };
};
static_assert(sizeof(Node) == 16);

inline std::string_view string_of(const Node& node) { return {node.text, node.size}; }

struct Tree {
  Tree();
  ~Tree();

  struct Source;
  std::unique_ptr<Source> source;  ///< what simdjson made; the strings lie in it
  std::vector<Node> nodes;         ///< the root comes last
};

}  // namespace openexec::canon
