// SPDX-License-Identifier: Apache-2.0
// Writes a log into a folder, for others to read: go_tlog_writer FOLDER. What the files are, go_tlog/main.go tells.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "merkle/lines.hpp"
#include "merkle/tile.hpp"
#include "support/evidence.hpp"

namespace {

using namespace openexec;
using namespace openexec::merkle;

constexpr std::uint64_t small = 300;     // every size up to this one
constexpr std::uint64_t large = 65'537;  // and this one, which has a tile of level 2

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string bytes_of(const std::vector<Digest>& hashes) {
  std::string bytes;
  for (const Digest& hash : hashes) bytes.append(hash.begin(), hash.end());
  return bytes;
}

/// All hashes of the tree at this size: full tiles, and the partial ones at its right edge.
void write_tiles(const std::filesystem::path& folder, std::uint64_t size, TileReader& tiles) {
  for (unsigned level = 0; level < levels_of(size); ++level)
    for (std::uint64_t index = 0; width_of(size, level, index) > 0; ++index) {
      const Tile tile{level, index, width_of(size, level, index)};
      if (!std::filesystem::exists(folder / tile_path(tile)))
        write(folder / tile_path(tile), bytes_of(tiles.read(tile).value()));
    }
}

void write_entries(const std::filesystem::path& folder, const std::vector<std::string>& entries) {
  for (std::size_t first = 0; first < entries.size(); first += tile_width) {
    const std::size_t width = width_of(entries.size(), 0, first / tile_width);
    std::string bundle;
    for (std::size_t i = first; i < first + width; ++i) append_to_bundle(entries[i], bundle);
    write(folder / entries_path(first / tile_width, width), bundle);
  }
}

void write_proof(std::ostream& out, const char* kind, std::uint64_t a, std::uint64_t b, const Hashes& proof) {
  out << kind << ' ' << a << ' ' << b;
  for (const Digest& hash : proof) out << ' ' << hash_text(hash);
  out << '\n';
}

void write_log(const std::filesystem::path& folder) {
  const std::vector<std::string> witness{"witness.example/1"};
  write(folder / "log.vkey", test::vkey_of_log() + "\n");
  write(folder / "witness.vkey", test::witness_named(witness[0]).verifier_key().write() + "\n");

  test::SignedLog log;
  for (std::uint64_t size = 0; size <= large; ++size) {
    if (size > 0) log.append(test::executed(size - 1).to_json());
    if (size > small && size != large) continue;
    write(folder / "checkpoints" / std::to_string(size), log.checkpoint(witness));
    write_tiles(folder, size, log.tiles());
    if (size == small)
      for (std::uint64_t index = 0; index < size; ++index)
        write(folder / "receipts" / (std::to_string(index) + ".tlog-proof"),
              log.proof(index, log.checkpoint(witness)).write().value());
  }
  write_entries(folder, log.entries);

  std::ofstream leaves(folder / "leaves.txt");
  for (const std::string& entry : log.entries) leaves << hash_text(leaf_hash(entry)) << '\n';
  std::ofstream proofs(folder / "proofs.txt");
  for (std::uint64_t size = 0; size <= large; size = size == small ? large : size + 1) {
    for (std::uint64_t index = 0; index < size; index += size == large ? 37 : 1)
      write_proof(proofs, "inclusion", index, size, prove_inclusion(index, size, log.tiles()).value());
    for (std::uint64_t from = 0; from <= size; from = size == large && from == small ? large : from + 1)
      write_proof(proofs, "consistency", from, size, prove_consistency(from, size, log.tiles()).value());
  }
  if (!leaves.flush() || !proofs.flush()) throw std::runtime_error("cannot write proofs");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: go_tlog_writer FOLDER");
  write_log(argv[1]);
  return 0;
} catch (const std::exception& failure) {
  std::cerr << "go_tlog_writer: " << failure.what() << '\n';
  return 1;
}
