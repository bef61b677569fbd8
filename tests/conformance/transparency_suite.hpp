// SPDX-License-Identifier: Apache-2.0
// The contract of TransparencyLog, as a function over the interface.
#pragma once

#include <functional>
#include <memory>
#include <openexec/evidence.hpp>
#include <openexec/receipt_log.hpp>
#include <openexec/transparency_log.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/suite.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/proof.hpp"
#include "support/evidence.hpp"

namespace openexec::test {

struct TransparencySuite {
  std::function<std::shared_ptr<ReceiptLog>()> create;  ///< an empty log that keeps a tree, with a key of its own
};

/// Appends executed(first), executed(first + 1), ...; false where one does not get the index that is next.
inline bool append_executed(ReceiptLog& log, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    const std::string json = executed(i).to_json();
    const auto index = log.append({json, leaf(i), {}, {static_cast<std::int64_t>(i + 1)}});
    if (!index.ok() || *index != i) return false;
  }
  return true;
}

inline Digest root_over(std::uint64_t size) {
  merkle::Tree tree;
  merkle::NoTiles tiles;
  for (std::uint64_t i = 0; i < size; ++i)
    if (!tree.append(merkle::leaf_hash(executed(i).to_json()), tiles).ok()) throw std::runtime_error("append");
  return tree.root();
}

/// The newest checkpoint, cosigned by a witness.
inline std::string cosigned(TransparencyLog& log, const std::vector<std::string>& witnesses) {
  return SignedLog::cosign(log.checkpoint().value().note, witnesses);
}

inline Failures run_transparency_suite(const TransparencySuite& suite) {
  Judge judge;
  const auto expect = [&](bool holds, const std::string& what) { judge.expect(holds, what); };
  const auto verdict = [](TransparencyLog& log, const std::string& proof, std::string_view policy = {}) {
    EvidenceTrust trust{.log_key = log.verifier_key(), .policy = {}};
    if (!policy.empty()) trust.policy = policy;
    const auto report = verify_evidence(proof, trust);
    return report.ok() ? report->verdict : EvidenceVerdict::fail;
  };

  judge.promise("what it proves verifies", [&] {  // at sizes around those where tiles fill up
    const auto ledger = suite.create();
    TransparencyLog& log = *ledger->transparency();
    expect(log.checkpoint().ok() && log.checkpoint()->size == 0 && log.checkpoint()->root == merkle::empty_root(),
           "an empty log has a checkpoint, of no entries");
    expect(log.prove(0).code() == Code::invalid_argument, "what is not there is not proved");
    std::uint64_t size = 0;
    for (const std::uint64_t next : {1U, 2U, 3U, 255U, 256U, 257U, 300U, 512U, 600U}) {
      expect(append_executed(*ledger, size, next - size), "an append takes the next index");
      size = next;
      const auto checkpoint = log.checkpoint();
      expect(checkpoint.ok() && checkpoint->size == size && checkpoint->root == root_over(size),
             "the checkpoint covers every entry that has an index");
      for (const std::uint64_t index : {std::uint64_t{0}, size / 2, size - 1}) {
        const auto proof = log.prove(index);
        expect(proof.ok() && verdict(log, *proof) == EvidenceVerdict::pass, "each entry has a proof that verifies");
      }
      expect(log.prove(size).code() == Code::invalid_argument, "what is not there is not proved");
      for (const std::uint64_t from : {std::uint64_t{0}, size / 3, size}) {
        const auto proof = log.prove_consistency(from, size);
        expect(proof.ok() && merkle::verify_consistency({from, root_over(from)}, {size, checkpoint->root}, *proof).ok(),
               "the tree is proved to have grown out of each earlier one");
      }
      expect(log.prove_consistency(0, size + 1).code() == Code::invalid_argument &&
                 log.prove_consistency(size, size - 1).code() == Code::invalid_argument,
             "sizes that are not there, or the wrong way round, are refused");
    }

    const auto served = [&](const char* path) { return log.resource(path).value(); };
    std::string leaves;
    std::string bundle;
    for (std::uint64_t i = 0; i < 256; ++i) {
      const std::string entry = executed(i).to_json();
      const Digest hash = merkle::leaf_hash(entry);
      leaves.append(reinterpret_cast<const char*>(hash.data()), hash.size());
      merkle::append_to_bundle(entry, bundle);
    }
    expect(served("checkpoint") == log.checkpoint()->note, "the checkpoint is served as it was signed");
    expect(served("tile/0/000") == leaves, "a full tile is served");
    expect(served("tile/0/000.p/7") == leaves.substr(0, 7 * 32), "a part of a tile that is full by now is served");
    expect(served("tile/entries/000") == bundle, "entries are served in bundles");
    expect(served("tile/0/002.p/88")->size() == 88 * 32 && served("tile/1/000.p/2")->size() == 64,
           "partial tiles are served as far as the checkpoint covers them");
    for (const char* path :
         {"tile/0/002", "tile/0/002.p/89", "tile/1/000", "tile/2/000.p/1", "tile/0/0", "tile/0/x000/000",
          "tile/entries/003", "", "tile", "../checkpoint", "tile/8/000", "tile/0/000.p/0"})
      expect(!served(path), "nothing is served under any other path");
  });
  judge.promise("cosignatures are kept", [&] {
    const auto ledger = suite.create();
    const auto other = suite.create();
    TransparencyLog& log = *ledger->transparency();
    append_executed(*ledger, 0, 5);
    append_executed(*other, 0, 5);
    const std::string policy = policy_of("2", {"w1", "w2"});
    const auto kept = [&] { return log.cosigned_checkpoint().value(); };
    expect(!kept(), "at first nobody has cosigned");
    expect(log.keep_cosigned(log.checkpoint()->note).code() == Code::invalid_argument,
           "the log's own signature is none");
    expect(log.keep_cosigned(cosigned(*other->transparency(), {"w1"})).code() == Code::invalid_argument,
           "another log's checkpoint is not kept");
    std::string untrue = cosigned(log, {"w1"});
    untrue.replace(untrue.find("\n5\n") + 1, 1, "4");
    expect(log.keep_cosigned(untrue).code() == Code::invalid_argument, "an altered checkpoint is not kept");
    expect(log.keep_cosigned("").code() == Code::invalid_argument, "what is no note is not kept");
    expect(!kept(), "and nothing of these left a trace");

    expect(log.keep_cosigned(cosigned(log, {"w1"})).ok(), "a cosigned checkpoint is kept");
    expect(verdict(log, log.prove(4).value(), policy) == EvidenceVerdict::fail, "one of two is not enough");
    expect(log.keep_cosigned(cosigned(log, {"w2"})).ok(), "and a second witness's cosignature beside the first");
    expect(verdict(log, log.prove(4).value(), policy) == EvidenceVerdict::pass,
           "receipts asked for after cosigning carry the cosigned checkpoint");
    const std::string before = cosigned(log, {"w3"});
    append_executed(*ledger, 5, 3);
    expect(verdict(log, log.prove(4).value(), policy) == EvidenceVerdict::pass &&
               verdict(log, log.prove(7).value()) == EvidenceVerdict::pass,
           "an entry behind it is proved under the newest checkpoint");
    expect(log.keep_cosigned(before).ok(), "a cosignature that comes late is kept");
    expect(log.keep_cosigned(cosigned(log, {"w1", "w2"})).ok() && kept()->size == 8, "a later one replaces it");
    expect(log.keep_cosigned(before).code() == Code::invalid_argument && kept()->size == 8, "an earlier one does not");
    expect(verdict(log, log.prove(7).value(), policy) == EvidenceVerdict::pass, "and covers what came after the first");
  });
  judge.promise("it may be asked while others write", [&] {
    const auto ledger = suite.create();
    TransparencyLog& log = *ledger->transparency();
    append_executed(*ledger, 0, 1);
    std::vector<std::thread> readers;
    std::vector<std::string> wrong(4);
    for (std::string& one : wrong)
      readers.emplace_back([&ledger, &log, &verdict, &one] {
        for (int i = 0; i < 60; ++i) {
          const auto size = ledger->size();
          const auto checkpoint = log.checkpoint();
          if (!size.ok() || !checkpoint.ok() || checkpoint->size < *size)
            one = "an entry is covered once it has an index";
          const auto proof = log.prove(size.ok() ? *size - 1 : 0);
          if (!proof.ok() || verdict(log, *proof) != EvidenceVerdict::pass) one = "a proof verifies while others write";
        }
      });
    append_executed(*ledger, 1, 400);
    for (std::thread& reader : readers) reader.join();
    for (const std::string& one : wrong) expect(one.empty(), one);
  });
  return judge.failures();
}

}  // namespace openexec::test
