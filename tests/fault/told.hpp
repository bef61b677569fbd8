// SPDX-License-Identifier: Apache-2.0
// What callers were told by a store that fails under them, and what must be true of it afterwards.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <openexec/ledger.hpp>

#include "conformance/suite.hpp"
#include "crypto/sha256.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/note.hpp"
#include "merkle/tree.hpp"
#include "support/catch.hpp"

namespace openexec::test {

inline Digest digest_of(const std::string& text) { return crypto::sha256(text); }

/// What callers asked for and what they were told, from any thread. A process that is going to be killed says it aloud,
/// each time before it goes on; who hears it knows as much.
class Told {
 public:
  struct Nonce {
    bool asked = false;
    int fresh = 0;
    std::optional<std::string> sealed;   ///< the result that was acknowledged last
    std::optional<std::string> sealing;  ///< the result that was asked for last; it may be there unacknowledged
  };

  Told() = default;
  /// `aloud` takes a line, and answers whether it could.
  explicit Told(std::function<bool(const std::string&)> aloud) : aloud_(std::move(aloud)) {}

  void asked(const std::string& nonce) { note({"asked", nonce}); }
  void fresh(const std::string& nonce) { note({"fresh", nonce}); }
  void sealing(const std::string& nonce, const std::string& result) { note({"sealing", nonce, result}); }
  void sealed(const std::string& nonce, const std::string& result, std::uint64_t entry, const std::string& json) {
    note({"sealed", nonce, result, std::to_string(entry), json});
  }
  void appended(std::uint64_t entry, const std::string& json) { note({"appended", std::to_string(entry), json}); }

  /// Takes everything that was said aloud into the pipe, until nobody is left who could say more.
  void hear(int pipe_end) {
    std::vector<std::string> words(1);
    char some[4096];
    for (ssize_t got = 0; (got = ::read(pipe_end, some, sizeof some)) > 0;) {
      for (ssize_t i = 0; i < got; ++i) {
        if (some[i] == end_of_word) {
          words.emplace_back();
        } else if (some[i] == end_of_line) {
          take(words);
          words.assign(1, {});
        } else {
          words.back() += some[i];
        }
      }
    }
  }

  std::map<std::string, Nonce> nonces;
  std::map<std::uint64_t, std::set<std::string>> entries;

 private:
  static constexpr char end_of_word = '\x1f', end_of_line = '\n';

  void note(const std::vector<std::string>& words) {
    const std::lock_guard lock(mutex_);
    take(words);
    if (!aloud_) return;
    std::string line;
    for (const std::string& word : words) line += (line.empty() ? "" : std::string(1, end_of_word)) + word;
    if (!aloud_(line + end_of_line)) ::_exit(9);
  }

  void take(const std::vector<std::string>& words) {
    const std::string& what = words.at(0);
    if (what == "asked") nonces[words.at(1)].asked = true;
    if (what == "fresh") ++nonces[words.at(1)].fresh;
    if (what == "sealing") nonces[words.at(1)].sealing = words.at(2);
    if (what == "sealed") nonces[words.at(1)].sealed = words.at(2);
    if (what == "sealed") entries[std::stoull(words.at(3))].insert(words.at(4));
    if (what == "appended") entries[std::stoull(words.at(1))].insert(words.at(2));
  }

  const std::function<bool(const std::string&)> aloud_;
  std::mutex mutex_;
};

inline Claim claim_of(const std::string& nonce, const std::string& approval, const Digest& id) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.action = "echo";
  claim.exec_id = id;
  claim.request_hash = id;
  claim.approval_id = approval;
  claim.approval = "null";
  claim.at = {1};
  return claim;
}

inline std::string approval_of(const std::string& nonce) { return "approval of " + nonce; }

/// One caller's life with a store that may fail under it: claim, seal, append, and try again where it was told to have
/// failed.
class Caller {
 public:
  /// `enough` is asked before each call whether it is to be made at all.
  Caller(
      NonceStore& store, ReceiptLog& log, Told& told, std::function<bool()> enough = [] { return false; })
      : store_(store), log_(log), told_(told), enough_(std::move(enough)) {}

  void attempt(const std::string& nonce, bool doubtful) {
    if (!claim(nonce)) return;
    append("refusal beside " + nonce);
    if (doubtful) seal(nonce, NonceState::in_doubt);
    seal(nonce, NonceState::sealed);
  }

  void append(const std::string& json) {
    if (enough_()) return;
    for (int i = 0; i < tries; ++i) {
      auto index = log_.append({.json = json, .exec_id = {}, .attempt = digest_of(json), .at = {1}});
      if (!index.ok()) continue;
      return told_.appended(*index, json);
    }
  }

  bool claim(const std::string& nonce) {
    if (enough_()) return false;
    const std::string approval = approval_of(nonce);
    told_.asked(nonce);
    for (int i = 0; i < tries; ++i) {
      auto answer = store_.claim(claim_of(nonce, approval, digest_of(nonce)));
      if (!answer.ok()) continue;
      if (answer->kind == ClaimAnswer::Kind::fresh) told_.fresh(nonce);
      return answer->kind == ClaimAnswer::Kind::fresh;
    }
    return false;
  }

  void seal(const std::string& nonce, NonceState state) {
    if (enough_()) return;
    const std::string json = (state == NonceState::sealed ? "seal of " : "doubt of ") + nonce;
    const std::string result = std::string(3'000, 'r') + json;
    Seal seal;
    seal.tenant = "acme";
    seal.nonce = nonce;
    seal.exec_id = digest_of(nonce);
    seal.state = state;
    seal.code = Code::ok;
    seal.effect = Effect::confirmed;
    seal.result = result;
    seal.entry = json;
    seal.at = {2};
    told_.sealing(nonce, result);
    for (int i = 0; i < tries; ++i) {
      auto sealed = store_.seal(seal);
      if (sealed.ok() && *sealed) told_.sealed(nonce, result, **sealed, json);
      if (sealed.ok() || sealed.code() == Code::invalid_argument) return;
    }
  }

 private:
  static constexpr int tries = 2;
  NonceStore& store_;
  ReceiptLog& log_;
  Told& told_;
  std::function<bool()> enough_;
};

/// What the log signed covers every entry that it holds, and nothing else.
inline void check_checkpoint(Judge& judge, Ledger& ledger, const std::vector<LogLine>& lines) {
  const SignedCheckpoint checkpoint = must(ledger.checkpoint(), "checkpoint");
  const merkle::VerifierKey key = must(merkle::VerifierKey::parse(ledger.verifier_key()), "verifier key");
  const merkle::OpenedNote note = must(merkle::open_note(checkpoint.note, {&key, 1}), "the checkpoint's signature");
  const merkle::Checkpoint said = must(merkle::Checkpoint::parse(note.text), "the checkpoint's text");
  struct Nowhere final : merkle::TileSink {
    Status put(unsigned, std::uint64_t, std::span<const Digest>) override { return Status::success(); }
  } nowhere;
  merkle::Tree tree;
  for (const LogLine& line : lines) judge.expect(tree.append(merkle::leaf_hash(line.json), nowhere).ok(), "append");
  judge.expect(said.head == tree.head(), "the checkpoint covers " + std::to_string(said.head.size) + " entries of " +
                                             std::to_string(lines.size()) + ", or other ones");
}

/// Everything that must be true of a ledger that went through `told`, where nobody else appended.
inline Failures check_ledger(Ledger& ledger, const Told& told) {
  Judge judge;
  judge.promise("the log", [&] {
    const std::uint64_t size = must(ledger.size(), "size");
    const auto lines = must(ledger.read(0, static_cast<std::size_t>(size) + 10), "read");
    judge.expect(lines.size() == size, "the log's size is not its number of entries");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      judge.expect(lines[i].index == i, "a gap before entry " + std::to_string(lines[i].index));
      judge.expect(lines[i].leaf_hash == crypto::sha256({std::string_view("\0", 1), lines[i].json}),
                   "a wrong leaf hash");
      judge.expect(seen.insert(lines[i].json).second, "an entry is there twice: " + lines[i].json);
    }
    check_checkpoint(judge, ledger, lines);
    for (const auto& [index, texts] : told.entries) {
      judge.expect(texts.size() == 1, "two entries were told the index " + std::to_string(index));
      judge.expect(index < lines.size() && lines[index].json == *texts.begin(),
                   "an acknowledged entry is not there: " + *texts.begin());
    }
  });
  judge.promise("the nonces", [&] {
    std::set<std::string> unfinished;
    for (const auto& [nonce, was] : told.nonces) {
      judge.expect(was.fresh <= 1, nonce + " was fresh " + std::to_string(was.fresh) + " times");
      const auto record = must(ledger.find("acme", nonce), "find");
      if (was.fresh > 0) judge.expect(record.has_value(), "an acknowledged claim is not there: " + nonce);
      if (was.sealed)
        judge.expect(record && (record->result == *was.sealed || record->result == was.sealing),
                     "an acknowledged seal is not there: " + nonce);
      if (record && record->state != NonceState::claimed)
        judge.expect(record->entry && must(ledger.read(*record->entry, 1), "read").size() == 1,
                     "a sealed record has no entry: " + nonce);
      if (record && record->state == NonceState::claimed) unfinished.insert(nonce);
    }
    for (const NonceRecord& orphan : must(ledger.orphans(), "orphans")) unfinished.erase(orphan.nonce);
    judge.expect(unfinished.empty(), "a claim of a process that is gone is no orphan");
  });
  judge.promise("what is spent", [&] {
    for (const auto& [nonce, was] : told.nonces) {
      const bool there = must(ledger.find("acme", nonce), "find").has_value();
      const std::string approval = approval_of(nonce);
      const std::string thief = "thief of " + nonce;
      const ClaimAnswer::Kind stolen = must(ledger.claim(claim_of(thief, approval, digest_of(thief))), "claim").kind;
      judge.expect(stolen == (there ? ClaimAnswer::Kind::approval_spent : ClaimAnswer::Kind::fresh),
                   "nonce and approval were not spent together: " + nonce + (there ? " is there" : " is not there"));
      const ClaimAnswer::Kind again = must(ledger.claim(claim_of(nonce, "", digest_of(nonce))), "claim").kind;
      judge.expect(again == (there ? ClaimAnswer::Kind::exists : ClaimAnswer::Kind::fresh),
                   "a spent nonce was fresh again: " + nonce);
    }
  });
  return judge.failures();
}

inline void check_passes(const Failures& failures) {
  std::size_t shown = 0;
  for (const std::string& failure : failures)
    if (++shown <= 10) UNSCOPED_INFO(failure);
  CHECK(failures.empty());
}

/// Thousands of ledgers come and go, and what their disk does is played: memory is disk enough.
inline std::string folder_in_memory() {
  const std::string memory = "/dev/shm";
  return ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path().string();
}

}  // namespace openexec::test
