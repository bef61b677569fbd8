// SPDX-License-Identifier: Apache-2.0
// The log of a real ledger, as a witness sees it.
#pragma once

#include <filesystem>
#include <memory>
#include <openexec/ledger.hpp>
#include <string>
#include <utility>

#include "ledger/sqlite.hpp"
#include "merkle/lines.hpp"
#include "support/evidence.hpp"

namespace openexec::test {

/// The body of add-checkpoint: from a tree of `old` entries to the newest, as the log itself proves it.
inline std::string add_checkpoint_body(std::uint64_t old, const std::vector<Digest>& proof, const std::string& note) {
  std::string body = "old " + std::to_string(old) + "\n";
  for (const Digest& hash : proof) body += merkle::hash_text(hash) + "\n";
  return body + "\n" + note;
}

class RealLog {
 public:
  explicit RealLog(std::string path) : path_(std::move(path)), ledger_(open(path_)) {}

  [[nodiscard]] Ledger& ledger() { return *ledger_; }
  [[nodiscard]] std::string verifier_key() const { return ledger_->verifier_key(); }
  [[nodiscard]] std::string note() { return ledger_->checkpoint().value().note; }
  [[nodiscard]] std::uint64_t size() { return ledger_->checkpoint().value().size; }

  /// Appends so many entries, which say whose they are.
  void grow(std::uint64_t entries, std::uint64_t whose = 0) {
    for (std::uint64_t i = 0; i < entries; ++i) {
      const Entry entry = executed(whose * 1'000'000 + size());
      const std::string json = entry.to_json();
      (void)ledger_
          ->append({.json = json, .exec_id = leaf(whose * 1'000'000 + size()), .attempt = {}, .at = entry.observed_at})
          .value();
    }
  }
  [[nodiscard]] std::string request(std::uint64_t old) {
    const std::uint64_t now = size();
    return add_checkpoint_body(old, old > now ? std::vector<Digest>{} : ledger_->prove_consistency(old, now).value(),
                               note());
  }

  /// A copy of it as it is now, key and all: from here on there are two histories.
  [[nodiscard]] RealLog fork(const std::string& path) {
    ledger_.reset();
    for (const char* part : {"", "-wal", ".log-key"})
      if (std::filesystem::exists(path_ + part)) std::filesystem::copy_file(path_ + part, path + part);
    ledger_ = open(path_);
    return RealLog(path);
  }

 private:
  /// Copies too: whoever forks a log does not ask the library.
  static std::shared_ptr<Ledger> open(const std::string& path) {
    store::SqliteInternals internals;
    internals.any_file = true;
    return store::open_sqlite(path, {}, internals).value();
  }
  std::string path_;
  std::shared_ptr<Ledger> ledger_;
};

}  // namespace openexec::test
