// SPDX-License-Identifier: Apache-2.0
// The tree and its tiles: lib/merkle/{hash,tile,tree}.
#include <string>
#include <vector>

#include "base/text.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/log.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::leaf;
using test::Log;
using test::MemoryTiles;

namespace {

std::string hex(const Digest& digest) { return to_hex(digest); }

std::vector<std::vector<Digest>> edge_of(const Tree& tree) {
  std::vector<std::vector<Digest>> edge;
  for (unsigned level = 0; level < levels_of(tree.size()); ++level)
    edge.emplace_back(tree.edge(level).begin(), tree.edge(level).end());
  return edge;
}

/// Says no the n-th time it is told of a tile.
class FailingSink final : public TileSink {
 public:
  explicit FailingSink(std::size_t when) : left_(when) {}
  [[nodiscard]] Status put(unsigned, std::uint64_t, std::span<const Digest>) override {
    return left_-- == 0 ? Status(Code::store_failed, "no") : Status::success();
  }

 private:
  std::size_t left_;
};

bool same(const Tree& a, const Tree& b) { return a.head() == b.head() && edge_of(a) == edge_of(b); }

}  // namespace

TEST_CASE("Leaves, nodes and the empty tree hash as RFC 6962 says") {
  CHECK(hex(empty_root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(leaf_hash("abc") == crypto::sha256(std::string_view("\0abc", 4)));
  const Digest left = leaf(1), right = leaf(2);
  const std::string bytes = '\x01' + std::string(left.begin(), left.end()) + std::string(right.begin(), right.end());
  CHECK(node_hash(left, right) == crypto::sha256(bytes));
  CHECK(node_hash(left, right) != node_hash(right, left));
}

TEST_CASE("The root over a whole subtree is that of the definition, for each of its sizes") {
  const auto log = test::log_of(tile_width);
  for (std::size_t size = 1; size <= tile_width; size *= 2) {
    const auto hashes = std::span<const Digest>(log.tiles.leaves).first(size);
    CHECK(subtree_root(hashes) == test::defined_root(hashes));
  }
}

TEST_CASE("The root is that of the definition at every size up to 300, at 65,537 and around") {
  Log log;
  CHECK(log.tree.root() == empty_root());
  for (std::uint64_t size = 1; size <= 65'537; ++size) {
    REQUIRE(log.append(leaf(size - 1)).ok());
    if (size > 300 && size < 65'535) continue;
    INFO(size);
    CHECK(log.tree.size() == size);
    REQUIRE(log.tree.root() == test::defined_root(log.tiles.leaves));
  }
}

TEST_CASE("A level-0 tile is told of once, when it is full, and a higher one whenever it gains a hash") {
  class Recorder final : public TileSink {
   public:
    std::vector<Tile> told;
    [[nodiscard]] Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
      told.push_back({level, index, hashes.size()});
      return Status::success();
    }
  };
  constexpr std::uint64_t size = 3 * 65'536 + 2 * 256 + 7;
  Tree tree;
  Recorder recorder;
  for (std::uint64_t i = 0; i < size; ++i) REQUIRE(tree.append(leaf(i), recorder).ok());
  std::vector<Tile> expected;
  for (std::uint64_t full = 1; full <= size / 256; ++full) {
    expected.push_back({0, full - 1, 256});
    expected.push_back({1, (full - 1) / 256, (full - 1) % 256 + 1});
    if (full % 256 == 0) expected.push_back({2, 0, full / 256});
  }
  CHECK(recorder.told == expected);
}

TEST_CASE("Every tile holds the roots of the full tiles below it") {
  const auto log = test::log_of(65'536 + 3 * 256 + 5);
  std::size_t tiles = 0;
  for (const auto& [place, hashes] : log.tiles.tiles) {
    const auto [level, index] = place;
    CHECK(hashes.size() == width_of(log.tree.size(), level, index));
    for (std::size_t i = 0; level > 0 && i < hashes.size(); ++i)
      CHECK(hashes[i] == subtree_root(log.tiles.tiles.at({level - 1, index * tile_width + i})));
    ++tiles;
  }
  CHECK(tiles == 259 + 2 + 1);
}

TEST_CASE("An append whose sink fails leaves the tree as it was, and may be tried again") {
  for (const std::uint64_t size : {255u, 511u, 65'535u}) {
    const Log log = test::log_of(size);
    for (std::size_t when = 0; when < (size == 65'535 ? 3u : 2u); ++when) {
      INFO(size << " " << when);
      Tree tree = log.tree;
      FailingSink failing(when);
      CHECK(tree.append(leaf(size), failing).code() == Code::store_failed);
      CHECK(same(tree, log.tree));
      Tree expected = log.tree;
      NoTiles nowhere;
      for (std::uint64_t i = size; i < size + 300; ++i) {
        REQUIRE(tree.append(leaf(i), nowhere).ok());
        REQUIRE(expected.append(leaf(i), nowhere).ok());
        REQUIRE(same(tree, expected));
      }
    }
  }
}

TEST_CASE("A copy grows by itself, and the original is what it was") {
  const Log log = test::log_of(65'500);
  Tree copy = log.tree;
  NoTiles nowhere;
  for (std::uint64_t i = 0; i < 600; ++i) REQUIRE(copy.append(leaf(i), nowhere).ok());
  CHECK(log.tree.root() == test::defined_root(log.tiles.leaves));
  copy = log.tree;
  CHECK(same(copy, log.tree));
}

TEST_CASE("A tree opened from its right edge has the same future, at every size up to 600") {
  const Log whole = test::log_of(900);
  Log log;
  for (std::uint64_t size = 0; size <= 600; ++size) {
    INFO(size);
    const auto opened = Tree::open(size, edge_of(log.tree));
    REQUIRE(opened.ok());
    REQUIRE(same(*opened, log.tree));
    Log again{*opened, log.tiles};
    for (std::uint64_t i = size; i < 900; ++i) REQUIRE(again.append(leaf(i)).ok());
    REQUIRE(same(again.tree, whole.tree));
    REQUIRE(again.tiles.tiles == whole.tiles.tiles);
    REQUIRE(log.append(leaf(size)).ok());
  }
}

TEST_CASE("A tree is opened from its tiles, one read a level") {
  Log log = test::log_of(3 * 65'536);
  for (int i = 0; i < 700; ++i) {
    log.tiles.reads.clear();
    const auto opened = Tree::open(log.tree.size(), log.tiles);
    REQUIRE(opened.ok());
    REQUIRE(same(*opened, log.tree));
    REQUIRE(log.tiles.reads.size() <= 3);
    REQUIRE(log.append(leaf(log.tree.size())).ok());
  }
}

TEST_CASE("A right edge of any other shape than its size has is refused") {
  const Log log = test::log_of(65'536 + 256 + 9);
  const auto edge = edge_of(log.tree);
  const std::uint64_t size = log.tree.size();
  REQUIRE(edge.size() == 3);
  CHECK(Tree::open(size, edge).ok());
  for (std::size_t level = 0; level < edge.size(); ++level) {
    auto longer = edge, shorter = edge;
    longer[level].push_back(leaf(0));
    shorter[level].pop_back();
    CHECK(Tree::open(size, longer).code() == Code::invalid_argument);
    CHECK(Tree::open(size, shorter).code() == Code::invalid_argument);
  }
  auto higher = edge, lower = edge;
  higher.emplace_back();
  lower.pop_back();
  CHECK(Tree::open(size, higher).code() == Code::invalid_argument);
  CHECK(Tree::open(size, lower).code() == Code::invalid_argument);
  CHECK(Tree::open(size + 1, edge).code() == Code::invalid_argument);
  using Edge = std::vector<std::vector<Digest>>;
  CHECK(Tree::open(0, Edge{}).ok());
  CHECK(Tree::open(0, Edge(1)).code() == Code::invalid_argument);
  CHECK(Tree::open(256, Edge{{}, {leaf(0)}}).ok());
  CHECK(Tree::open(256, Edge{std::vector<Digest>(256), {leaf(0)}}).code() == Code::invalid_argument);
}

TEST_CASE("A full tree takes no more") {
  std::vector<std::vector<Digest>> edge(max_levels, std::vector<Digest>(255));
  auto tree = Tree::open(UINT64_MAX, edge);
  REQUIRE(tree.ok());
  NoTiles nowhere;
  CHECK(tree->append(leaf(0), nowhere).code() == Code::invalid_argument);
  edge[0].pop_back();
  tree = Tree::open(UINT64_MAX - 1, edge);
  REQUIRE(tree.ok());
  CHECK(tree->append(Digest{}, nowhere).ok());
  CHECK(tree->append(Digest{}, nowhere).code() == Code::invalid_argument);
}

TEST_CASE("Widths follow from the size, as the specification's examples have them") {
  CHECK(levels_of(0) == 0);
  CHECK(levels_of(255) == 1);
  CHECK(levels_of(256) == 2);
  CHECK(levels_of(UINT64_MAX) == max_levels);
  CHECK(width_of(256, 0, 0) == 256);
  CHECK(width_of(256, 1, 0) == 1);
  CHECK(edge_width(256, 0) == 0);
  for (const std::uint64_t index : {0u, 272u}) CHECK(width_of(70'000, 0, index) == 256);
  CHECK(width_of(70'000, 0, 273) == 112);
  CHECK(width_of(70'000, 0, 274) == 0);
  CHECK(width_of(70'000, 1, 0) == 256);
  CHECK(width_of(70'000, 1, 1) == 17);
  CHECK(width_of(70'000, 2, 0) == 1);
  CHECK(width_of(70'000, 3, 0) == 0);
  CHECK(width_of(UINT64_MAX, 0, UINT64_MAX) == 0);
  CHECK(width_of(UINT64_MAX, 63, 0) == 0);
}

TEST_CASE("A tile has one path, which reads back") {
  const auto check = [](const Tile& tile, const std::string& path) {
    CHECK(tile_path(tile) == path);
    const auto read = parse_tile_path(path);
    REQUIRE(read.ok());
    CHECK(read->tile == tile);
    CHECK_FALSE(read->entries);
  };
  check({0, 0, 256}, "tile/0/000");
  check({1, 1'234'067, 256}, "tile/1/x001/x234/067");
  check({7, 5, 1}, "tile/7/005.p/1");
  check({63, 1'000, 255}, "tile/63/x001/000.p/255");
  check({0, UINT64_MAX, 256}, "tile/0/x018/x446/x744/x073/x709/x551/615");
  CHECK(entries_path(1'001, 256) == "tile/entries/x001/001");
  const auto entries = parse_tile_path("tile/entries/x001/001.p/3");
  REQUIRE(entries.ok());
  CHECK(entries->entries);
  CHECK(entries->tile == Tile{0, 1'001, 3});
}

TEST_CASE("What is not exactly a tile's path is refused") {
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "/tile/0/000",
                           "tiles/0/000",
                           "tile/00/000",
                           "tile/64/000",
                           "tile/-1/000",
                           "tile/+1/000",
                           "tile/data/000",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000/000",
                           "tile/0/x000/001",
                           "tile/0/001/002",
                           "tile/0/x001",
                           "tile/0/x001/",
                           "tile/0/000/",
                           "tile/0/000.p",
                           "tile/0/000.p/",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/01",
                           "tile/0/000.p/1/",
                           "tile/0/000.p/1/2",
                           "tile/0/000.q/1",
                           "tile/0/x001.p/000",
                           "tile/0/0 0",
                           "tile/0/-00",
                           "tile/0/x018/x446/x744/x073/x709/x551/616",
                           "tile/0/x999/x999/x999/x999/x999/x999/999",
                           "tile/entries",
                           "tile/entries/",
                           "tile/entries/0/000",
                           "tile/0/000\n",
                           "tile/0/000 "}) {
    INFO(path);
    CHECK(parse_tile_path(path).code() == Code::invalid_argument);
  }
}

TEST_CASE("A bundle has each entry behind its length in two bytes") {
  std::string bundle;
  append_to_bundle("ab", bundle);
  append_to_bundle("", bundle);
  append_to_bundle(std::string(65'535, 'x'), bundle);
  CHECK(bundle == std::string("\0\2ab\0\0\xff\xff", 8) + std::string(65'535, 'x'));
}
