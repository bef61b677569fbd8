// SPDX-License-Identifier: Apache-2.0
// Proofs: lib/merkle/proof.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "support/build.hpp"
#include "support/catch.hpp"
#include "support/log.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::leaf;
using test::Log;

namespace {

/// At most two tiles a level, none twice.
bool is_thrifty(const std::vector<Tile>& reads) {
  std::set<std::pair<unsigned, std::uint64_t>> places;
  std::vector<std::size_t> of_level(max_levels);
  for (const Tile& tile : reads)
    if (!places.insert({tile.level, tile.index}).second || ++of_level[tile.level] > 2) return false;
  return true;
}

std::span<const Digest> first(const Log& log, std::uint64_t size) {
  return std::span<const Digest>(log.tiles.leaves).first(size);
}

TreeHead head_at(const Log& log, std::uint64_t size) { return {size, test::defined_root(first(log, size))}; }

Digest flipped(Digest digest, std::size_t bit) {
  digest[bit / 8] = static_cast<std::uint8_t>(digest[bit / 8] ^ 1u << bit % 8);
  return digest;
}

}  // namespace

TEST_CASE("Every entry of every tree up to 300 has the inclusion proof of the definition, and it verifies") {
  Log log = test::log_of(300);
  for (std::uint64_t size = 1; size <= 300; ++size) {
    const TreeHead head = head_at(log, size);
    for (std::uint64_t index = 0; index < size; ++index) {
      log.tiles.reads.clear();
      const auto proof = prove_inclusion(index, size, log.tiles);
      REQUIRE(proof.ok());
      REQUIRE(is_thrifty(log.tiles.reads));
      REQUIRE(verify_inclusion(leaf(index), index, head, *proof).ok());
      if (size <= 64 || size >= 255) REQUIRE(*proof == test::defined_inclusion(index, first(log, size)));
    }
  }
}

TEST_CASE("Every entry of trees of 257 and 65,537 has an inclusion proof that verifies") {
  Log log = test::log_of(65'537);
  const std::size_t step = test::stride("inclusion of every entry of 65,537", 7);
  for (const std::uint64_t size : {257u, 65'537u}) {
    const auto root = root_at(size, log.tiles);
    REQUIRE(root.ok());
    REQUIRE(*root == test::defined_root(first(log, size)));
    for (std::uint64_t index = 0; index < size; index += size == 257 ? 1 : step) {
      log.tiles.reads.clear();
      const auto proof = prove_inclusion(index, size, log.tiles);
      REQUIRE(proof.ok());
      REQUIRE(is_thrifty(log.tiles.reads));
      REQUIRE(verify_inclusion(leaf(index), index, {size, *root}, *proof).ok());
    }
  }
}

TEST_CASE("Every two trees up to 130 have the consistency proof of the definition, and it verifies") {
  Log log = test::log_of(130);
  for (std::uint64_t to = 0; to <= 130; ++to) {
    for (std::uint64_t from = 0; from <= to; ++from) {
      INFO(from << " to " << to);
      const auto proof = prove_consistency(from, to, log.tiles);
      REQUIRE(proof.ok());
      REQUIRE(verify_consistency(head_at(log, from), head_at(log, to), *proof).ok());
      if (from != 0) REQUIRE(*proof == test::defined_consistency(from, first(log, to)));
    }
  }
}

TEST_CASE("Larger trees are consistent with those they grew from") {
  Log log = test::log_of(66'100);
  std::vector<std::uint64_t> sizes{0, 1, 2, 3, 127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 1'000, 4'095, 32'768};
  for (std::uint64_t size = 65'530; size <= 66'100; size += 19) sizes.push_back(size);
  for (const std::uint64_t size : {65'535u, 65'536u, 65'537u, 66'048u, 66'049u}) sizes.push_back(size);
  std::sort(sizes.begin(), sizes.end());
  std::vector<TreeHead> heads;
  for (const std::uint64_t size : sizes) heads.push_back(head_at(log, size));
  for (const TreeHead& to : heads) {
    CHECK(root_at(to.size, log.tiles).value() == to.root);
    for (const TreeHead& from : heads) {
      if (from.size > to.size) continue;
      INFO(from.size << " to " << to.size);
      log.tiles.reads.clear();
      const auto proof = prove_consistency(from.size, to.size, log.tiles);
      REQUIRE(proof.ok());
      REQUIRE(is_thrifty(log.tiles.reads));
      REQUIRE(verify_consistency(from, to, *proof).ok());
    }
  }
}

TEST_CASE("The root of every earlier size comes out of the tiles") {
  Log log = test::log_of(600);
  for (std::uint64_t size = 0; size <= 600; ++size) {
    log.tiles.reads.clear();
    CHECK(root_at(size, log.tiles).value() == test::defined_root(first(log, size)));
    CHECK(log.tiles.reads.size() <= levels_of(size));
  }
}

TEST_CASE("An inclusion proof holds for its own entry, place and tree, and no other") {
  constexpr std::uint64_t most = 40;
  Log log = test::log_of(most);
  for (std::uint64_t size = 1; size <= most; ++size) {
    const TreeHead head = head_at(log, size);
    for (std::uint64_t index = 0; index < size; ++index) {
      INFO(index << " of " << size);
      const Hashes proof = prove_inclusion(index, size, log.tiles).value();
      for (std::uint64_t other = 0; other <= most; ++other)
        REQUIRE(verify_inclusion(leaf(index), other, head, proof).ok() == (other == index));
      REQUIRE_FALSE(verify_inclusion(leaf(index + 1), index, head, proof).ok());
      for (std::uint64_t other = 1; other <= most; ++other) {
        if (other != size) REQUIRE_FALSE(verify_inclusion(leaf(index), index, head_at(log, other), proof).ok());
      }
      REQUIRE_FALSE(verify_inclusion(leaf(index), UINT64_MAX, head, proof).ok());
    }
  }
}

TEST_CASE("A proof with a hash more or less, anywhere, is refused") {
  constexpr std::uint64_t most = 40;
  Log log = test::log_of(most);
  const auto mutants = [](const Hashes& proof, const std::vector<Digest>& strangers) {
    std::vector<Hashes> out;
    for (std::size_t at = 0; at <= proof.size(); ++at)
      for (const Digest& stranger : strangers) {
        out.push_back(proof);
        out.back().insert(out.back().begin() + static_cast<std::ptrdiff_t>(at), stranger);
      }
    for (std::size_t at = 0; at < proof.size(); ++at) {
      out.push_back(proof);
      out.back().erase(out.back().begin() + static_cast<std::ptrdiff_t>(at));
      for (const Digest& stranger : strangers) {
        if (proof[at] == stranger) continue;
        out.push_back(proof);
        out.back()[at] = stranger;
      }
    }
    return out;
  };
  for (std::uint64_t size = 1; size <= most; ++size) {
    const TreeHead head = head_at(log, size);
    for (std::uint64_t index = 0; index < size; ++index)
      for (const Hashes& mutant : mutants(prove_inclusion(index, size, log.tiles).value(),
                                          {Digest{}, leaf(index), leaf(index ^ 1), head.root}))
        REQUIRE_FALSE(verify_inclusion(leaf(index), index, head, mutant).ok());
    for (std::uint64_t from = 0; from <= size; ++from) {
      const TreeHead older = head_at(log, from);
      for (const Hashes& mutant :
           mutants(prove_consistency(from, size, log.tiles).value(), {Digest{}, older.root, head.root, leaf(0)}))
        REQUIRE_FALSE(verify_consistency(older, head, mutant).ok());
    }
  }
}

TEST_CASE("A proof with any one bit changed is refused") {
  Log log = test::log_of(300);
  for (const std::uint64_t size : {2u, 7u, 8u, 31u, 300u}) {
    const TreeHead head = head_at(log, size);
    for (const std::uint64_t place : {std::uint64_t{0}, size / 2, size - 1}) {
      const Hashes inclusion = prove_inclusion(place, size, log.tiles).value();
      const TreeHead older = head_at(log, place);
      const Hashes consistency = prove_consistency(place, size, log.tiles).value();
      for (std::size_t bit = 0; bit < 256; ++bit) {
        REQUIRE_FALSE(verify_inclusion(flipped(leaf(place), bit), place, head, inclusion).ok());
        REQUIRE_FALSE(verify_inclusion(leaf(place), place, {size, flipped(head.root, bit)}, inclusion).ok());
        REQUIRE_FALSE(verify_consistency({place, flipped(older.root, bit)}, head, consistency).ok());
        if (place != 0)  // the empty tree says nothing of the newer one
          REQUIRE_FALSE(verify_consistency(older, {size, flipped(head.root, bit)}, consistency).ok());
        for (std::size_t i = 0; i < inclusion.size(); ++i) {
          Hashes mutant = inclusion;
          mutant[i] = flipped(mutant[i], bit);
          REQUIRE_FALSE(verify_inclusion(leaf(place), place, head, mutant).ok());
        }
        for (std::size_t i = 0; i < consistency.size(); ++i) {
          Hashes mutant = consistency;
          mutant[i] = flipped(mutant[i], bit);
          REQUIRE_FALSE(verify_consistency(older, head, mutant).ok());
        }
      }
    }
  }
}

TEST_CASE("Trees that did not grow from each other are not consistent") {
  Log log = test::log_of(20), other = test::log_of(7);
  REQUIRE(other.append(leaf(99)).ok());
  for (std::uint64_t i = 8; i < 20; ++i) REQUIRE(other.append(leaf(i)).ok());
  for (std::uint64_t from = 8; from <= 20; ++from)
    for (std::uint64_t to = from; to <= 20; ++to) {
      const TreeHead ours = head_at(log, from), theirs = head_at(other, to);
      CHECK_FALSE(verify_consistency(ours, theirs, prove_consistency(from, to, log.tiles).value()).ok());
      CHECK_FALSE(verify_consistency(ours, theirs, prove_consistency(from, to, other.tiles).value()).ok());
    }
  CHECK_FALSE(verify_consistency(head_at(log, 9), head_at(log, 8), {}).ok());
  CHECK_FALSE(verify_consistency({0, leaf(0)}, head_at(log, 8), {}).ok());
}

TEST_CASE("What is not there is not proved") {
  Log log = test::log_of(10);
  CHECK(prove_inclusion(10, 10, log.tiles).code() == Code::invalid_argument);
  CHECK(prove_inclusion(0, 0, log.tiles).code() == Code::invalid_argument);
  CHECK(prove_consistency(11, 10, log.tiles).code() == Code::invalid_argument);
  CHECK(prove_inclusion(0, 11, log.tiles).code() == Code::store_failed);  // the reader's own answer
  CHECK(root_at(11, log.tiles).code() == Code::store_failed);
}

TEST_CASE("A reader that gives another number of hashes is not believed") {
  class Giving final : public TileReader {
   public:
    explicit Giving(int more) : more_(more) {}
    [[nodiscard]] Result<std::vector<Digest>> read(const Tile& tile) override {
      return std::vector<Digest>(static_cast<std::size_t>(static_cast<int>(tile.width) + more_));
    }

   private:
    int more_;
  };
  for (const int more : {-1, 1}) {
    Giving giving(more);
    CHECK(prove_inclusion(3, 70'000, giving).code() == Code::invalid_argument);
    CHECK(prove_consistency(3, 70'000, giving).code() == Code::invalid_argument);
    CHECK(root_at(70'000, giving).code() == Code::invalid_argument);
    CHECK(Tree::open(70'000, giving).code() == Code::invalid_argument);
  }
  Giving giving(0);
  CHECK(prove_inclusion(3, 70'000, giving).ok());
}

TEST_CASE("Proofs of the largest trees there can be are made and verified") {
  class Same final : public TileReader {
   public:
    [[nodiscard]] Result<std::vector<Digest>> read(const Tile& tile) override {
      return std::vector<Digest>(tile.width, leaf(tile.level));
    }
  };
  Same same;
  const auto root = root_at(UINT64_MAX, same);
  REQUIRE(root.ok());
  const std::uint64_t middle = std::uint64_t{1} << 63;
  CHECK(prove_inclusion(0, UINT64_MAX, same).value().size() == 64);
  CHECK(prove_inclusion(0, middle, same).value().size() == 63);
  CHECK(prove_consistency(middle, UINT64_MAX, same).value().size() == 1);
  const Hashes proof = prove_inclusion(UINT64_MAX - 1, UINT64_MAX, same).value();
  CHECK(verify_inclusion(leaf(0), UINT64_MAX - 1, {UINT64_MAX, *root}, proof).ok());
  CHECK_FALSE(verify_inclusion(leaf(0), UINT64_MAX, {UINT64_MAX, *root}, proof).ok());
}
