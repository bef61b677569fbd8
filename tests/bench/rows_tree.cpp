// SPDX-License-Identifier: Apache-2.0
// Rows about the Merkle tree alone, without a ledger, and about verifying what it proves.
#include <algorithm>
#include <array>
#include <map>
#include <openexec/evidence.hpp>

#include "bench/bench.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/tlog_proof.hpp"

namespace openexec::bench {
namespace {

constexpr double micro = 1e6;

/// The leaf of each index: what is hashed makes no difference to what hashing costs.
Digest leaf(std::uint64_t index) noexcept {
  Digest digest{};
  for (std::size_t i = 0; i < sizeof index; ++i) digest[i] = static_cast<std::uint8_t>(index >> 8 * i);
  return digest;
}

/// All tiles of a tree of such leaves. It makes those of level 0 when they are asked for.
class Tiles final : public merkle::TileSink, public merkle::TileReader {
 public:
  [[nodiscard]] Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
    if (level > 0) kept_[{level, index}].assign(hashes.begin(), hashes.end());
    return Status::success();
  }
  [[nodiscard]] Result<std::vector<Digest>> read(const merkle::Tile& tile) override {
    std::vector<Digest> hashes(tile.width);
    for (std::size_t i = 0; i < tile.width; ++i)
      hashes[i] =
          tile.level == 0 ? leaf(tile.index * merkle::tile_width + i) : kept_.at({tile.level, tile.index}).at(i);
    return hashes;
  }

 private:
  std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> kept_;
};

struct Grown {
  merkle::Tree tree;
  Tiles tiles;

  void grow_to(std::uint64_t size) {
    while (tree.size() < size) need(tree.append(leaf(tree.size()), tiles), "an append");
  }
};

/// Appends to a copy, as a ledger does for each transaction, and goes back to the original after as many.
Workload appends(const merkle::Tree& tree) {
  struct State {
    merkle::Tree tree;
    merkle::NoTiles tiles;
  };
  return {.step = [&tree, state = std::make_shared<State>()](std::size_t) -> std::size_t {
            constexpr std::size_t at_once = 65'536;
            state->tree = tree;
            for (std::size_t i = 0; i < at_once; ++i) need(state->tree.append(leaf(i), state->tiles), "an append");
            return at_once;
          },
          .expected_rate = 1e6};
}

/// Places all over the tree, the same in every run.
class Places {
 public:
  std::uint64_t below(std::uint64_t size) noexcept {
    state_ = state_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    return (state_ >> 20) % size;
  }

 private:
  std::uint64_t state_ = 1;
};

void add_cpu(Bench& bench, const std::string& what, const Pairs& pairs, Goal goal, std::string note) {
  bench.report.add(Line{.what = what,
                        .unit = "us CPU",
                        .figure = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() * micro; }),
                        .goal = goal,
                        .note = std::move(note)}
                       .from(pairs));
}

void measure_proofs(Bench& bench, Grown& log) {
  const std::uint64_t size = log.tree.size();
  const std::string of_size = ", " + format(static_cast<double>(size)) + " entries";
  const auto places = std::make_shared<Places>();
  Workload inclusion{.step = [&log, size, places](std::size_t) -> std::size_t {
    need(merkle::prove_inclusion(places->below(size), size, log.tiles), "a proof");
    return 1;
  }};
  add_cpu(bench, "inclusion proof" + of_size, repeat(bench.pairing("inclusion proofs"), inclusion), at_most(200),
          "from tiles in memory");
  Workload consistency{.step = [&log, size, places](std::size_t) -> std::size_t {
    need(merkle::prove_consistency(1 + places->below(size), size, log.tiles), "a proof");
    return 1;
  }};
  add_cpu(bench, "consistency proof" + of_size, repeat(bench.pairing("consistency proofs"), consistency), at_most(200),
          "from tiles in memory");
}

Entry an_entry() {
  Entry entry;
  entry.verdict = Verdict::executed;
  entry.effect = Effect::confirmed;
  entry.code = Code::ok;
  entry.exec_id = entry.receipt = to_hex(leaf(1));
  entry.action = "payments:transfer";
  entry.nonce = "order-1001";
  entry.tenant = tenant;
  entry.request_hash = leaf(2);
  entry.result_hash = leaf(3);
  entry.executor = "openexec";
  return entry;
}

void measure_evidence(Bench& bench, const Grown& log) {
  const crypto::PrivateKey key = need(crypto::PrivateKey::from_seed(std::string(32, 'l')), "a key");
  const auto signer = need(merkle::NoteSigner::make("log.example", key), "a signer");
  Grown grown = log;
  const std::string entry = an_entry().to_json();
  const std::uint64_t index = grown.tree.size();
  need(grown.tree.append(merkle::leaf_hash(entry), grown.tiles), "an append");
  const auto note = need(merkle::sign_checkpoint({"log.example", grown.tree.head(), {}}, signer), "a checkpoint");
  const auto hashes = need(merkle::prove_inclusion(index, grown.tree.size(), grown.tiles), "a proof");
  const std::string proof = need(merkle::TlogProof{entry, index, hashes, note}.write(), "a receipt");
  const std::string log_key = signer.verifier_key().write();

  const std::string what = "receipts verified/s, one thread";
  Workload limit = verifications(1);
  Workload subject{.step = [&](std::size_t) -> std::size_t {
    if (need(verify_evidence(proof, {.log_key = log_key}), "a report").verdict != EvidenceVerdict::pass)
      throw std::runtime_error("a receipt does not verify");
    return 1;
  }};
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  bench.report.add(Line{.what = what,
                        .unit = "/s",
                        .figure = spread(pairs, [](const Pair& pair) { return pair.subject.rate; }),
                        .limit = spread(pairs, [](const Pair& pair) { return pair.limit.rate; }),
                        .ratio = spread(pairs, [](const Pair& pair) { return pair.subject.rate / pair.limit.rate; }),
                        .note = "limit: one Ed25519 verification, with a key that is prepared once"}
                       .from(pairs));
}

}  // namespace

void measure_tree(Bench& bench) {
  const std::uint64_t large = 10 * std::max<std::uint64_t>(bench.options.ledger_size, 1'000);
  const std::uint64_t small = std::min<std::uint64_t>(10'000, large);
  Grown grown;
  bench.progress("growing a tree");
  grown.grow_to(small);
  const merkle::Tree early = grown.tree;
  grown.grow_to(large);

  const std::string what = "append to a tree of " + format(static_cast<double>(large));
  Workload limit = appends(early);
  Workload subject = appends(grown.tree);
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  const auto cost = [](const Slice& slice) { return slice.cpu_each() * micro; };
  bench.report.add(
      Line{.what = what,
           .unit = "us CPU",
           .figure = spread(pairs, [&](const Pair& pair) { return cost(pair.subject); }),
           .limit = spread(pairs, [&](const Pair& pair) { return cost(pair.limit); }),
           .ratio = spread(pairs, [&](const Pair& pair) { return cost(pair.subject) / cost(pair.limit); }),
           .goal = at_most(1.3),
           .note = "limit: to a tree of " + format(static_cast<double>(small)) + "; leaf hashes not counted"}
          .from(pairs));
  measure_proofs(bench, grown);
  measure_evidence(bench, grown);
}

}  // namespace openexec::bench
