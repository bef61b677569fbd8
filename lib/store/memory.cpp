#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <openexec/builtin.hpp>

#include "store/guard.hpp"
#include "store/nonce_table.hpp"
#include "store/rules.hpp"

namespace openexec {
namespace {

using namespace store;

/// One lock around everything: nothing here waits for a disk.
class MemoryLedger final : public Ledger {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    return guarded([&]() -> Result<ClaimAnswer> {
      const std::lock_guard lock(mutex_);
      return nonces_.claim(claim);
    });
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return guarded([&]() -> Result<std::optional<NonceRecord>> {
      const std::lock_guard lock(mutex_);
      return nonces_.find(tenant, nonce);
    });
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return guarded([&]() -> Result<std::optional<std::uint64_t>> {
      const std::lock_guard lock(mutex_);
      if (Status status = nonces_.may_seal(seal); !status.ok()) return status;
      std::string result(seal.result);
      const std::uint64_t index = push({seal.entry, seal.exec_id, {}, seal.at});
      nonces_.seal(seal, std::move(result), index);
      return std::optional(index);
    });
  }

  /// Never any: what this ledger knew died with its process.
  Result<std::vector<NonceRecord>> orphans() override { return std::vector<NonceRecord>{}; }

  Status pin(std::string_view key, std::string_view value) override {
    return guarded([&]() -> Status {
      const std::lock_guard lock(mutex_);
      return nonces_.pin(key, value);
    });
  }

  Result<Timestamp> latest() override {
    const std::lock_guard lock(mutex_);
    return nonces_.latest();
  }

  Status ready() override { return Status::success(); }

  Result<std::uint64_t> append(const NewEntry& entry) override {
    return guarded([&]() -> Result<std::uint64_t> {
      if (Status status = check(entry); !status.ok()) return status;
      const std::lock_guard lock(mutex_);
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
    const std::lock_guard lock(mutex_);
    return rows_.size();
  }

  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return guarded([&]() -> Result<std::vector<LogLine>> {
      const std::lock_guard lock(mutex_);
      std::vector<LogLine> lines;
      for (std::uint64_t i = first; i < rows_.size() && lines.size() < count; ++i)
        lines.push_back(rows_[static_cast<std::size_t>(i)].line);
      return lines;
    });
  }

  Result<std::vector<LogLine>> find(const Digest& exec_id, std::size_t count) override {
    return guarded([&]() -> Result<std::vector<LogLine>> {
      const std::lock_guard lock(mutex_);
      std::vector<LogLine> lines;
      if (is_zero(exec_id)) return lines;
      for (const Row& row : rows_) {
        if (lines.size() == count) break;
        if (row.exec_id == exec_id) lines.push_back(row.line);
      }
      return lines;
    });
  }

 private:
  struct Row {
    LogLine line;
    Digest exec_id;
  };

  std::uint64_t push(const NewEntry& entry) {
    const std::uint64_t index = rows_.size();
    rows_.push_back({{index, leaf_hash(entry.json), std::string(entry.json)}, entry.exec_id});
    nonces_.saw(entry.at);
    return index;
  }

  std::mutex mutex_;
  NonceTable nonces_;
  std::deque<Row> rows_;
  std::map<Digest, std::uint64_t> by_attempt_;
};

}  // namespace

std::shared_ptr<Ledger> memory_ledger() { return std::make_shared<MemoryLedger>(); }

}  // namespace openexec
