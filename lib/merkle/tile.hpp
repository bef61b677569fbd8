// SPDX-License-Identifier: Apache-2.0
// Tiles (C2SP tlog-tiles): the hashes of a tree, 256 of a level together. Level 0 holds leaf hashes; each hash of a
// higher level is the root of a full tile of the level below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/status.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace openexec::merkle {

inline constexpr unsigned tile_height = 8;
inline constexpr std::size_t tile_width = std::size_t{1} << tile_height;
inline constexpr unsigned max_levels = 8;  ///< of a tree of up to 2^64 - 1 entries

/// A tile's place, and how many of its hashes are meant, 1 to 256 from the left.
struct Tile {
  unsigned level = 0;
  std::uint64_t index = 0;
  std::size_t width = tile_width;
  bool operator==(const Tile&) const = default;
};

/// Returns how many levels have hashes in a tree of so many entries.
unsigned levels_of(std::uint64_t size) noexcept;
/// Returns how many hashes the tile has in a tree of so many entries, 0 to 256.
std::size_t width_of(std::uint64_t size, unsigned level, std::uint64_t index) noexcept;
/// Returns how many hashes the last, partial tile of the level has, 0 to 255. It is 0 if the last tile is full.
std::size_t edge_width(std::uint64_t size, unsigned level) noexcept;

/// A source of tiles, such as a table, a folder or a server.
class TileReader {
 public:
  virtual ~TileReader() = default;
  /// Returns exactly the first `tile.width` hashes of the tile. A tile that has grown since still has these.
  [[nodiscard]] virtual Result<std::vector<Digest>> read(const Tile& tile) = 0;
};

/// Stores tiles, so that they can be read again.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// `hashes` is what the tile holds so far, 1 to 256; valid until put() returns. A later call for the same tile
  /// repeats them and has more. A failure stops the append that wanted this.
  [[nodiscard]] virtual Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) = 0;
};

/// A sink that stores nothing, for a caller that needs only roots.
class NoTiles final : public TileSink {
 public:
  [[nodiscard]] Status put(unsigned, std::uint64_t, std::span<const Digest>) override { return Status::success(); }
};

/// `tile/0/x001/x234/067`, with `.p/WIDTH` for a partial tile.
std::string tile_path(const Tile& tile);
/// `tile/entries/067`: the entries below the level-0 tile of this index.
std::string entries_path(std::uint64_t index, std::size_t width);

/// The tile that a path names. Each tile has exactly one path, and any other text is invalid_argument.
struct TilePath {
  Tile tile;  ///< level 0 for entries
  bool entries = false;
};
Result<TilePath> parse_tile_path(std::string_view path);

inline constexpr std::size_t max_bundled_bytes = 65'535;

/// An entry as a bundle of entries holds it: its length as two bytes, the higher one first, and its bytes.
/// Precondition: at most max_bundled_bytes.
void append_to_bundle(std::string_view entry, std::string& bundle);

}  // namespace openexec::merkle
