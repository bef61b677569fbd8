// SPDX-License-Identifier: Apache-2.0
#include "merkle/tile.hpp"

#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "merkle/lines.hpp"

namespace openexec::merkle {
namespace {

constexpr unsigned max_path_level = 63;  // as the specification has it

std::uint64_t hashes_of(std::uint64_t size, unsigned level) noexcept {
  return level < max_levels ? size >> (tile_height * level) : 0;
}

/// 1234067 is x001/x234/067, so that no folder has more than 1,000 files, and no file is also a folder.
std::string index_path(std::uint64_t index) {
  std::string path;
  for (bool last = true; last || index > 0; last = false, index /= 1000) {
    const std::string digits = std::to_string(1000 + index % 1000).substr(1);
    path = last ? digits : "x" + digits + "/" + path;
  }
  return path;
}

std::string suffix(std::size_t width) { return width == tile_width ? "" : ".p/" + std::to_string(width); }

/// Removes the text up to and including the next slash, and returns it without the slash.
std::string_view cut(std::string_view& path) {
  const std::size_t slash = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, slash);
  path.remove_prefix(std::min(slash + 1, path.size()));
  return part;
}

/// Three digits.
std::optional<std::uint64_t> group(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || !std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

/// Reads an index and a width. It also takes texts that are no path of a tile, so that the caller compares the text
/// with the path of the tile that it returns.
std::optional<Tile> read_place(std::string_view path) {
  Tile tile;
  for (;;) {
    std::string_view part = cut(path);
    const bool more = part.starts_with('x');
    if (more) part.remove_prefix(1);
    const bool partial = part.ends_with(".p");
    if (partial) part.remove_suffix(2);
    const auto value = group(part);
    if (!value || tile.index > (UINT64_MAX - *value) / 1000) return std::nullopt;
    tile.index = tile.index * 1000 + *value;
    if (more) continue;
    if (!partial) return tile;
    const auto width = read_number(path);
    if (!width || *width == 0 || *width >= tile_width) return std::nullopt;
    tile.width = static_cast<std::size_t>(*width);
    return tile;
  }
}

}  // namespace

unsigned levels_of(std::uint64_t size) noexcept {
  unsigned levels = 0;
  while (hashes_of(size, levels) > 0) ++levels;
  return levels;
}

std::size_t width_of(std::uint64_t size, unsigned level, std::uint64_t index) noexcept {
  const std::uint64_t hashes = hashes_of(size, level);
  if (index > hashes / tile_width) return 0;
  return static_cast<std::size_t>(std::min<std::uint64_t>(hashes - index * tile_width, tile_width));
}

std::size_t edge_width(std::uint64_t size, unsigned level) noexcept {
  return static_cast<std::size_t>(hashes_of(size, level) % tile_width);
}

std::string tile_path(const Tile& tile) {
  return "tile/" + std::to_string(tile.level) + "/" + index_path(tile.index) + suffix(tile.width);
}

std::string entries_path(std::uint64_t index, std::size_t width) {
  return "tile/entries/" + index_path(index) + suffix(width);
}

Result<TilePath> parse_tile_path(std::string_view path) {
  const Status no(Code::invalid_argument, "not the path of a tile");
  std::string_view rest = path;
  if (cut(rest) != "tile") return no;
  const std::string_view kind = cut(rest);
  TilePath found{{}, kind == "entries"};
  const auto level = found.entries ? std::optional<std::uint64_t>(0) : read_number(kind);
  if (!level || *level > max_path_level) return no;
  const auto place = read_place(rest);
  if (!place) return no;
  found.tile = *place;
  found.tile.level = static_cast<unsigned>(*level);
  // Each tile has one path. Leading groups of zeros or trailing text would give it a second one, so they are refused.
  const Tile& tile = found.tile;
  if ((found.entries ? entries_path(tile.index, tile.width) : tile_path(tile)) != path) return no;
  return found;
}

void append_to_bundle(std::string_view entry, std::string& bundle) {
  OPENEXEC_ASSERT(entry.size() <= max_bundled_bytes, "the length of an entry fits into two bytes");
  bundle += static_cast<char>(entry.size() >> 8 & 0xff);
  bundle += static_cast<char>(entry.size() & 0xff);
  bundle += entry;
}

}  // namespace openexec::merkle
