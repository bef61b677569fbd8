// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <openexec/ledger.hpp>

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

/// One lock around everything: nothing here waits for a disk.
class MemoryLedger final : public Ledger {
 public:
  MemoryLedger() {
    if (signer_) verifier_key_ = signer_->verifier_key().write();
  }

  Result<ClaimAnswer> claim(const Claim& claim) override {
    return locked([&]() -> Result<ClaimAnswer> { return nonces_.claim(claim); });
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return locked([&]() -> Result<std::optional<NonceRecord>> { return nonces_.find(tenant, nonce); });
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return locked([&]() -> Result<std::optional<std::uint64_t>> {
      if (Status status = nonces_.may_seal(seal); !status.ok()) return status;
      std::string result(seal.result);
      const std::uint64_t index = push({seal.entry, seal.exec_id, {}, seal.at});
      nonces_.seal(seal, std::move(result), index);
      return std::optional(index);
    });
  }

  bool keeps_terms() const noexcept override { return true; }
  bool keeps_attempts() const noexcept override { return true; }

  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return locked([&]() -> Result<std::optional<std::uint64_t>> {
      if (Status status = check(change); !status.ok()) return status;
      nonces_.control(change, change.name);  // first: a halt without its entry is better than an entry without its halt
      return std::optional(push({change.entry, {}, {}, change.at}));
    });
  }

  Result<std::vector<ControlName>> controls() override {
    return locked([&]() -> Result<std::vector<ControlName>> { return nonces_.controls(); });
  }

  Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count) override {
    return locked([&]() -> Result<std::vector<NonceRecord>> { return nonces_.doubts(after, count); });
  }

  Result<std::uint64_t> doubt_count() override {
    return locked([&]() -> Result<std::uint64_t> { return nonces_.doubt_count(); });
  }

  /// Never any: what this ledger knew died with its process.
  Result<std::vector<NonceRecord>> orphans() override {
    return locked([]() -> Result<std::vector<NonceRecord>> { return std::vector<NonceRecord>{}; });
  }

  Status pin(std::string_view key, std::string_view value) override {
    return locked([&]() -> Status { return nonces_.pin(key, value); });
  }

  Result<Timestamp> latest() override {
    return locked([&]() -> Result<Timestamp> { return nonces_.latest(); });
  }

  Status ready() override {
    return locked([] { return Status::success(); });
  }

  Result<std::uint64_t> append(const NewEntry& entry) override {
    return locked([&]() -> Result<std::uint64_t> {
      if (Status status = check(entry); !status.ok()) return status;
      if (is_zero(entry.attempt)) return push(entry);
      const auto [known, first] = by_attempt_.emplace(entry.attempt, rows_.size());
      if (!first) return known->second;
      try {
        return push(entry);
      } catch (...) {
        by_attempt_.erase(known);
        throw;
      }
    });
  }

  Result<std::uint64_t> size() override {
    return locked([&]() -> Result<std::uint64_t> { return rows_.size(); });
  }

  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return locked([&]() -> Result<std::vector<LogLine>> { return lines(first, count); });
  }

  Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    return locked([&]() -> Result<std::vector<LogLine>> {
      std::vector<LogLine> lines;
      if (is_zero(exec_id)) return lines;
      for (const Row& row : rows_) {
        if (lines.size() == count) break;
        if (row.exec_id == exec_id) lines.push_back(row.line);
      }
      return lines;
    });
  }

  Result<std::vector<LogLine>> find_before(const Digest& exec_id, std::uint64_t before, std::size_t count) override {
    return guarded([&]() -> Result<std::vector<LogLine>> {
      const base::Lock lock(mutex_);
      std::vector<LogLine> lines;
      if (is_zero(exec_id)) return lines;
      for (auto row = rows_.rbegin(); row != rows_.rend() && lines.size() < count; ++row)
        if (row->exec_id == exec_id && row->line.index < before) lines.push_back(row->line);
      return lines;
    });
  }

  const std::string& verifier_key() const noexcept override { return verifier_key_; }

  Result<SignedCheckpoint> checkpoint() override {
    return show([&](LogSnapshot& log) -> Result<SignedCheckpoint> { return log.checkpoint(); });
  }

  Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() override {
    return show([&](LogSnapshot&) -> Result<std::optional<SignedCheckpoint>> { return cosigned_; });
  }

  Result<std::string> prove(std::uint64_t index) override {
    return show([&](LogSnapshot& log) { return store::prove(log, index, cosigned_); });
  }

  Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) override {
    return show([&](LogSnapshot& log) { return store::prove_consistency(log, from, to); });
  }

  Result<std::optional<std::string>> resource(std::string_view path) override {
    return show([&](LogSnapshot& log) { return store::resource(log, path); });
  }

  Status keep_cosigned(std::string_view note) override {
    return show([&](LogSnapshot& log) -> Status {
      Result<SignedCheckpoint> added = check_cosigned(log, note, signer_->verifier_key());
      if (added.ok() && cosigned_) added = merge_cosigned(*cosigned_, *std::move(added));
      if (!added.ok()) return added.status();
      cosigned_ = *std::move(added);
      return Status::success();
    });
  }

 private:
  /// Calls `f`, which answers a Status or a Result, with the lock. A child of fork() is refused before that: it has a
  /// copy of what was spent, and of a lock that a thread of its parent may hold.
  template <class F>
  auto locked(F&& f) -> decltype(f()) {
    return guarded([&]() -> decltype(f()) {
      if (!process_.here())
        return Status(Code::store_failed, "the ledger was opened before fork(); the child has to open its own");
      const base::Lock lock(mutex_);
      return f();
    });
  }

  struct Row {
    LogLine line;
    Digest exec_id;
  };

  /// Tiles above level 0: those of level 0 are the rows' leaf hashes.
  class Tiles final : public merkle::TileSink {
   public:
    Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
      if (level > 0) kept[{level, index}].assign(hashes.begin(), hashes.end());
      return Status::success();
    }
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> kept;
  };

  class Shown final : public LogSnapshot {
   public:
    explicit Shown(MemoryLedger& ledger) noexcept : ledger_(ledger) {}

    /// Signed when somebody asks: nothing here outlives the process that would have to keep it.
    SignedCheckpoint checkpoint() override {
      SignedCheckpoint& newest = ledger_.newest_;
      if (newest.note.empty() || newest.size != ledger_.tree_.size()) {
        newest.size = ledger_.tree_.size();
        newest.root = ledger_.tree_.root();
        ledger_.signer_->sign(ledger_.tree_.head(), newest.note);
      }
      return newest;
    }
    std::vector<LogLine> lines(std::uint64_t first, std::size_t count) override { return ledger_.lines(first, count); }

    Result<std::vector<Digest>> read(const merkle::Tile& tile) override {
      std::vector<Digest> hashes;
      if (tile.level > 0) {
        const auto kept = ledger_.tiles_.kept.find({tile.level, tile.index});
        if (kept != ledger_.tiles_.kept.end()) hashes = kept->second;
        hashes.resize(std::min(hashes.size(), tile.width));
      } else {
        for (const LogLine& line : lines(tile.index * merkle::tile_width, tile.width)) hashes.push_back(line.leaf_hash);
      }
      if (hashes.size() != tile.width) return Status(Code::invalid_argument, "the log has no such tile");
      return hashes;
    }

   private:
    MemoryLedger& ledger_;
  };

  template <class Query>
  auto show(Query&& query) -> decltype(query(std::declval<LogSnapshot&>())) {
    return locked([&]() -> decltype(query(std::declval<LogSnapshot&>())) {
      if (!signer_) return Status(Code::store_failed, "the log has no key: there was no memory for one");
      Shown log(*this);
      return query(log);
    });
  }

  std::vector<LogLine> lines(std::uint64_t first, std::size_t count) const {
    std::vector<LogLine> lines;
    for (std::uint64_t i = first; i < rows_.size() && lines.size() < count; ++i)
      lines.push_back(rows_[static_cast<std::size_t>(i)].line);
    return lines;
  }

  std::uint64_t push(const NewEntry& entry) {
    const std::uint64_t index = rows_.size();
    const Digest leaf = leaf_hash(entry.json);
    rows_.push_back({{index, leaf, std::string(entry.json)}, entry.exec_id});
    try {
      if (Status status = tree_.append(leaf, tiles_); !status.ok()) throw StoreFailure(status.detail());
    } catch (...) {
      rows_.pop_back();
      throw;
    }
    nonces_.saw(entry.at);
    return index;
  }

  const base::OwnProcess process_;
  base::Mutex mutex_;
  NonceTable nonces_;
  std::deque<Row> rows_;
  merkle::Tree tree_;
  Tiles tiles_;
  const std::optional<merkle::CheckpointSigner> signer_ = passing_signer();
  std::string verifier_key_;
  SignedCheckpoint newest_;
  std::optional<SignedCheckpoint> cosigned_;
  std::map<Digest, std::uint64_t> by_attempt_;
};

}  // namespace

std::shared_ptr<Ledger> memory_ledger() { return std::make_shared<MemoryLedger>(); }

}  // namespace openexec
