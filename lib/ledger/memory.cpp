// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <openexec/ledger.hpp>

#include "base/assert.hpp"
#include "base/mutex.hpp"
#include "base/process.hpp"
#include "ledger/nonce_table.hpp"
#include "rows/rules.hpp"
#include "session/log_key.hpp"
#include "sqlite/guard.hpp"
#include "tlog/log_proofs.hpp"

namespace openexec {
namespace {

using namespace store;

/// Holds entries with their tree. Used by one thread at a time.
class Entries final : public LogSnapshot {
 public:
  /// Adds the entry and returns its index, or changes nothing and throws.
  std::uint64_t push(const NewEntry& entry) {
    OPENEXEC_ASSERT(tree_.size() == rows_.size(), "memory ledger: the tree has a leaf for each entry");
    const std::uint64_t index = rows_.size();
    const Digest leaf = leaf_hash(entry.json);
    rows_.push_back({{index, leaf, std::string(entry.json)}, entry.exec_id});
    try {
      if (Status status = tree_.append(leaf, tiles_); !status.ok()) throw StoreFailure(status.detail());
    } catch (...) {
      rows_.pop_back();
      throw;
    }
    return index;
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return rows_.size(); }
  [[nodiscard]] const std::optional<merkle::CheckpointSigner>& signer() const noexcept { return signer_; }

  std::vector<LogLine> lines(std::uint64_t first, std::size_t count) override {
    std::vector<LogLine> lines;
    for (std::uint64_t i = first; i < rows_.size() && lines.size() < count; ++i)
      lines.push_back(rows_[static_cast<std::size_t>(i)].line);
    return lines;
  }

  [[nodiscard]] std::vector<LogLine> find(const Digest& exec_id, std::size_t count) const {
    std::vector<LogLine> lines;
    if (is_zero(exec_id)) return lines;
    for (const Row& row : rows_) {
      if (lines.size() == count) break;
      if (row.exec_id == exec_id) lines.push_back(row.line);
    }
    return lines;
  }

  [[nodiscard]] std::vector<LogLine> find_before(const Digest& exec_id, std::uint64_t before, std::size_t count) const {
    std::vector<LogLine> lines;
    if (is_zero(exec_id)) return lines;
    for (auto row = rows_.rbegin(); row != rows_.rend() && lines.size() < count; ++row)
      if (row->exec_id == exec_id && row->line.index < before) lines.push_back(row->line);
    return lines;
  }

  /// Signs the checkpoint only when a caller asks for it, since nothing here outlives the process.
  SignedCheckpoint checkpoint() override {
    if (newest_.note.empty() || newest_.size != tree_.size()) {
      newest_.size = tree_.size();
      newest_.root = tree_.root();
      signer_->sign(tree_.head(), newest_.note);
    }
    return newest_;
  }

  Result<std::vector<Digest>> read(const merkle::Tile& tile) override {
    std::vector<Digest> hashes;
    if (tile.level > 0) {
      const auto kept = tiles_.kept.find({tile.level, tile.index});
      if (kept != tiles_.kept.end()) hashes = kept->second;
      hashes.resize(std::min(hashes.size(), tile.width));
    } else {
      for (const LogLine& line : lines(tile.index * merkle::tile_width, tile.width)) hashes.push_back(line.leaf_hash);
    }
    if (hashes.size() != tile.width) return Status(Code::invalid_argument, "the log has no such tile");
    return hashes;
  }

 private:
  struct Row {
    LogLine line;
    Digest exec_id;
  };

  /// The tiles above level 0. Those of level 0 are computed from the rows' leaf hashes.
  class Tiles final : public merkle::TileSink {
   public:
    Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
      if (level > 0) kept[{level, index}].assign(hashes.begin(), hashes.end());
      return Status::success();
    }
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> kept;
  };

  std::deque<Row> rows_;
  merkle::Tree tree_;
  Tiles tiles_;
  const std::optional<merkle::CheckpointSigner> signer_ = passing_signer();
  SignedCheckpoint newest_;
};

/// One lock guards everything. That is enough, since no call waits for a disk.
class MemoryLedger final : public Ledger {
 public:
  MemoryLedger() {
    const base::Lock lock(mutex_);
    if (contents_.entries.signer()) verifier_key_ = contents_.entries.signer()->verifier_key().write();
  }

  Result<ClaimAnswer> claim(const Claim& claim) override {
    return locked([&](Contents& at) -> Result<ClaimAnswer> { return at.nonces.claim(claim); });
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return locked([&](Contents& at) -> Result<std::optional<NonceRecord>> { return at.nonces.find(tenant, nonce); });
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return locked([&](Contents& at) -> Result<std::optional<std::uint64_t>> {
      if (Status status = at.nonces.may_seal(seal); !status.ok()) return status;
      std::string result(seal.result);
      const std::uint64_t index = at.push({seal.entry, seal.exec_id, {}, seal.at});
      at.nonces.seal(seal, std::move(result), index);
      return std::optional(index);
    });
  }

  bool keeps_terms() const noexcept override { return true; }
  bool keeps_attempts() const noexcept override { return true; }

  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return locked([&](Contents& at) -> Result<std::optional<std::uint64_t>> {
      if (Status status = check(change); !status.ok()) return status;
      at.nonces.control(change, change.name);  // done first, since a halt without its entry is better than none at all
      return std::optional(at.push({change.entry, {}, {}, change.at}));
    });
  }

  Result<std::vector<ControlName>> controls() override {
    return locked([](Contents& at) -> Result<std::vector<ControlName>> { return at.nonces.controls(); });
  }

  Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count) override {
    return locked([&](Contents& at) -> Result<std::vector<NonceRecord>> { return at.nonces.doubts(after, count); });
  }

  Result<std::uint64_t> doubt_count() override {
    return locked([](Contents& at) -> Result<std::uint64_t> { return at.nonces.doubt_count(); });
  }

  /// Always empty, since the claims of an earlier process were lost with its memory.
  Result<std::vector<NonceRecord>> orphans() override {
    return locked([](Contents&) -> Result<std::vector<NonceRecord>> { return std::vector<NonceRecord>{}; });
  }

  Status pin(std::string_view key, std::string_view value) override {
    return locked([&](Contents& at) -> Status { return at.nonces.pin(key, value); });
  }

  Result<Timestamp> latest() override {
    return locked([](Contents& at) -> Result<Timestamp> { return at.nonces.latest(); });
  }

  Status ready() override {
    return locked([](Contents&) { return Status::success(); });
  }

  Result<std::uint64_t> append(const NewEntry& entry) override {
    return locked([&](Contents& at) -> Result<std::uint64_t> {
      if (Status status = check(entry); !status.ok()) return status;
      if (is_zero(entry.attempt)) return at.push(entry);
      const auto [known, first] = at.by_attempt.emplace(entry.attempt, at.entries.size());
      if (!first) return known->second;
      try {
        return at.push(entry);
      } catch (...) {
        at.by_attempt.erase(known);
        throw;
      }
    });
  }

  Result<std::uint64_t> size() override {
    return locked([](Contents& at) -> Result<std::uint64_t> { return at.entries.size(); });
  }

  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return locked([&](Contents& at) -> Result<std::vector<LogLine>> { return at.entries.lines(first, count); });
  }

  Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    return locked([&](Contents& at) -> Result<std::vector<LogLine>> { return at.entries.find(exec_id, count); });
  }

  Result<std::vector<LogLine>> find_before(const Digest& exec_id, std::uint64_t before, std::size_t count) override {
    return locked(
        [&](Contents& at) -> Result<std::vector<LogLine>> { return at.entries.find_before(exec_id, before, count); });
  }

  const std::string& verifier_key() const noexcept override { return verifier_key_; }

  Result<SignedCheckpoint> checkpoint() override {
    return show([](Contents& at) -> Result<SignedCheckpoint> { return at.entries.checkpoint(); });
  }

  Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() override {
    return show([](Contents& at) -> Result<std::optional<SignedCheckpoint>> { return at.cosigned; });
  }

  Result<std::string> prove(std::uint64_t index) override {
    return show([&](Contents& at) { return store::prove(at.entries, index, at.cosigned); });
  }

  Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) override {
    return show([&](Contents& at) { return store::prove_consistency(at.entries, from, to); });
  }

  Result<std::optional<std::string>> resource(std::string_view path) override {
    return show([&](Contents& at) { return store::resource(at.entries, path); });
  }

  Status keep_cosigned(std::string_view note) override {
    return show([&](Contents& at) -> Status {
      Result<SignedCheckpoint> added = check_cosigned(at.entries, note, at.entries.signer()->verifier_key());
      if (added.ok() && at.cosigned) added = merge_cosigned(*at.cosigned, *std::move(added));
      if (!added.ok()) return added.status();
      at.cosigned = *std::move(added);
      return Status::success();
    });
  }

 private:
  struct Contents {
    NonceTable nonces;
    Entries entries;
    std::optional<SignedCheckpoint> cosigned;
    std::map<Digest, std::uint64_t> by_attempt;

    std::uint64_t push(const NewEntry& entry) {
      const std::uint64_t index = entries.push(entry);
      nonces.saw(entry.at);
      return index;
    }
  };

  /// Calls `f`, which returns a Status or a Result, with the contents and under the lock. A child of fork() is refused
  /// before that, because it has copies of what was spent and of a lock that a thread of its parent may hold. A ledger
  /// with a broken invariant refuses every call.
  template <class F>
  auto locked(F&& f) -> decltype(f(std::declval<Contents&>())) {
    using Answer = decltype(f(std::declval<Contents&>()));
    return guarded([&]() -> Answer {
      if (!process_.here())
        return Status(Code::store_failed, "the ledger was opened before fork(); the child has to open its own");
      const base::Lock lock(mutex_);
      if (const base::Rule* const broken = broken_.broken()) return base::refusal(*broken);
      return broken_.watch(f, contents_);
    });
  }

  template <class Query>
  auto show(Query&& query) -> decltype(query(std::declval<Contents&>())) {
    return locked([&](Contents& at) -> decltype(query(at)) {
      if (!at.entries.signer()) return Status(Code::store_failed, "the log has no key: there was no memory for one");
      return query(at);
    });
  }

  const base::OwnProcess process_;
  std::string verifier_key_;
  base::Poison broken_;
  base::Mutex mutex_;
  Contents contents_ OPENEXEC_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<Ledger> memory_ledger() { return std::make_shared<MemoryLedger>(); }

}  // namespace openexec
