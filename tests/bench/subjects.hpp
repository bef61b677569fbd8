// SPDX-License-Identifier: Apache-2.0
// What is measured, and the limits beside it, as workloads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <openexec/openexec.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.hpp"
#include "bench/requests.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::bench {

template <class T>
T need(Result<T> result, std::string_view what) {
  if (!result.ok()) throw std::runtime_error(std::string(what) + ": " + result.status().detail());
  return *std::move(result);
}
inline void need(const Status& status, std::string_view what) {
  if (!status.ok()) throw std::runtime_error(std::string(what) + ": " + status.detail());
}

/// A folder that is removed at the end.
class Folder {
 public:
  explicit Folder(const std::string& parent);
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  /// A name in it that nobody was given before.
  std::string fresh(std::string_view what);
  [[nodiscard]] bool in_memory() const;  ///< a sync costs nothing there
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  unsigned given_ = 0;
};

/// With its write-ahead log: closing a ledger does not move that into the file, opening does.
void copy_ledger(const std::string& from, const std::string& to);

/// Copies of a ledger, none of which is removed before the last is done with. A file that is removed leaves its memory
/// to the next one; a ledger that grows gets none that way, and on a virtual machine a page that was not used before
/// can cost ten times one that was. So both sides of a comparison write pages that are new.
class Copies {
 public:
  Copies(Folder& folder, std::string of) : folder_(folder), of_(std::move(of)) {}
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;
  ~Copies();
  [[nodiscard]] std::string next();

 private:
  Folder& folder_;
  const std::string of_;
  std::vector<std::string> made_;
};

/// The approver and the requests of one run.
class Principal {
 public:
  explicit Principal(std::uint32_t series);  ///< a new key, and the time of now
  Principal(crypto::PrivateKey key, std::uint32_t series, Timestamp now) : approver_(std::move(key), series, now) {}
  [[nodiscard]] const Approver& approver() const { return approver_; }
  [[nodiscard]] std::shared_ptr<const Verifier> verifier() const;  ///< clawshield-v1 under the approver's key

 private:
  Approver approver_;
};

/// Takes any clawshield-v1 artifact at its word and spends its id. For filling ledgers, and nothing else.
class TrustingVerifier final : public Verifier {
 public:
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return "clawshield-v1"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override;
};

/// A log that keeps nothing: what is left is the work before any disk.
class CountingLog final : public ReceiptLog {
 public:
  [[nodiscard]] Result<std::uint64_t> append(const NewEntry&) override { return size_.fetch_add(1); }
  [[nodiscard]] Result<std::uint64_t> size() override { return size_.load(); }
  [[nodiscard]] Result<std::vector<LogLine>> read(std::uint64_t, std::size_t) override {
    return std::vector<LogLine>{};
  }
  [[nodiscard]] Result<std::vector<LogLine>> find_entries(const Digest&, std::size_t) override {
    return std::vector<LogLine>{};
  }

 private:
  std::atomic<std::uint64_t> size_{0};
};

/// An executor whose handler costs next to nothing.
/// A ledger, or a copy of one as if it were the ledger.
std::shared_ptr<Ledger> open_file(const std::string& ledger);
Executor make_executor(Parts parts, Config config = {});
inline Executor make_executor(const std::string& ledger, std::shared_ptr<const Verifier> verifier) {
  return make_executor({.store = open_file(ledger), .verifier = std::move(verifier)});
}
/// What it runs.
HandlerResult echo(const Invocation& call);

/// What an answer has to be. A benchmark of failures would be fast.
struct Expected {
  Code code = Code::ok;
  bool replayed = false;
};
void check(const Outcome& outcome, Expected expected);

// Workloads. They refer to what they are given, which has to outlive them.

/// `threads` callers of execute_many, each with `each` requests at a time.
Workload many(Executor& executor, Backlog& backlog, std::size_t threads, std::size_t each, Expected expected = {});
/// `threads` callers of execute_json, which blocks until the answer is durable.
Workload blocking(Executor& executor, Backlog& backlog, std::size_t threads);
/// The same requests again and again, `each` at a time; 1: by execute_json.
Workload again(Executor& executor, const std::vector<std::string>& requests, std::size_t threads, std::size_t each,
               Expected expected);

/// Strict verifications of approvals, on every core.
Workload verifications(std::size_t threads);
/// Inserts into a table with one index, its row number: 64 of them in each durable transaction.
Workload raw_inserts(const std::string& file, std::size_t row_bytes);

}  // namespace openexec::bench
