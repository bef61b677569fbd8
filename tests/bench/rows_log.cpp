// SPDX-License-Identifier: Apache-2.0
// Rows about the log in the ledger: what an entry, a proof and an audit cost when millions went before.
#include <algorithm>
#include <optional>
#include <span>

#include <openexec/receipt.hpp>

#include "bench/bench.hpp"
#include "bench/counters.hpp"
#include "crypto/sha256.hpp"
#include "upkeep/log_audit.hpp"

namespace openexec::bench {
namespace {

constexpr std::size_t at_once = 64;  ///< entries of one transaction
constexpr std::size_t small_size = 10'000;
constexpr double micro = 1e6;

Digest id_of(std::uint64_t number) { return crypto::sha256(std::to_string(number)); }

/// A refusal's entry: 300 bytes and a few.
std::string entry_of(std::uint64_t number) {
  Entry entry;
  entry.verdict = Verdict::refused;
  entry.code = Code::approval_missing;
  entry.action = "pay";
  entry.exec_id = entry.receipt = to_hex(id_of(number));
  entry.nonce = "n-" + std::to_string(number);
  entry.tenant = "acme";
  entry.executor = "bench";
  entry.observed_at = {static_cast<std::int64_t>(1'000'000 + number)};
  return entry.to_json();
}

/// Entries, hashed and written before the clock runs.
class Entries {
 public:
  explicit Entries(std::uint64_t first) : next_(first) {}

  void make(std::size_t count) {
    texts_.clear();
    entries_.clear();
    taken_ = 0;
    texts_.reserve(count);
    for (std::size_t i = 0; i < count; ++i, ++next_) {
      texts_.push_back(entry_of(next_));
      const Digest id = id_of(next_);
      entries_.push_back(
          {.json = texts_.back(), .exec_id = id, .attempt = id, .at = {static_cast<std::int64_t>(next_)}});
    }
  }
  /// Appends some, durably. How many; 0 when all are there.
  std::size_t append_to(Ledger& ledger) {
    const std::size_t count = std::min(at_once, entries_.size() - taken_);
    operations_.clear();
    for (std::size_t i = 0; i < count; ++i) operations_.push_back({.what = &entries_[taken_ + i]});
    if (count > 0) ledger.submit(operations_);
    for (const Operation& one : operations_) need(one.status, "an append");
    taken_ += count;
    return count;
  }

 private:
  std::uint64_t next_;
  std::vector<std::string> texts_;
  std::vector<NewEntry> entries_;
  std::vector<Operation> operations_;
  std::size_t taken_ = 0;
};

void grow_to(Bench& bench, const std::string& file, std::uint64_t size) {
  const auto ledger = open_file(file);
  for (std::uint64_t there = need(ledger->size(), "the log"); there < size;) {
    bench.progress("filling the log: " + format(static_cast<double>(there)) + " of " +
                   format(static_cast<double>(size)));
    Entries entries(there);
    entries.make(static_cast<std::size_t>(std::min<std::uint64_t>(size - there, 64'000)));
    while (entries.append_to(*ledger) > 0) {
    }
    there = need(ledger->size(), "the log");
  }
}

/// Appends to a ledger. A small one would not stay so: each slice gets a copy.
class Appends {
 public:
  Appends(Bench& bench, std::string file, std::uint64_t size) : file_(std::move(file)), entries_(bench.numbers()) {
    if (size < 1'000'000) copies_.emplace(bench.folder, file_);
  }

  Workload workload() {
    return {.step = [this](std::size_t) { return entries_.append_to(*ledger_); },
            .prepare =
                [this](std::size_t operations) {
                  if (copies_ || !ledger_) {
                    ledger_.reset();
                    ledger_ = open_file(copies_ ? copies_->next() : file_);
                    entries_.make(2'000);  // its cache is warm, as that of one in use is
                    while (entries_.append_to(*ledger_) > 0) {
                    }
                  }
                  entries_.make(operations + at_once);
                },
            .expected_rate = 20'000};
  }

 private:
  const std::string file_;
  std::optional<Copies> copies_;
  std::shared_ptr<Ledger> ledger_;
  Entries entries_;
};

void compare_appends(Bench& bench, const std::string& small, const std::string& large, std::uint64_t size) {
  const std::string what = "an entry appended to a log of " + format(static_cast<double>(size));
  Appends to_small(bench, small, small_size), to_large(bench, large, size);
  Workload limit = to_small.workload(), subject = to_large.workload();
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  const auto cost = [](const Slice& slice) { return micro / slice.rate; };
  bench.report.add(
      Line{.what = what,
           .unit = "µs",
           .figure = spread(pairs, [&](const Pair& pair) { return cost(pair.subject); }),
           .limit = spread(pairs, [&](const Pair& pair) { return cost(pair.limit); }),
           .ratio = spread(pairs, [&](const Pair& pair) { return cost(pair.subject) / cost(pair.limit); }),
           .goal = at_most(1.3),
           .note = "limit: to a log of " + format(small_size) + "; durable, 64 a transaction, with tree and signature"}
          .from(pairs));
}

void measure_proofs(Bench& bench, const std::string& file, std::uint64_t size) {
  const auto ledger = need(sqlite_ledger(file, {.read_only = true, .log = {}}), "the ledger");
  std::uint64_t state = 1;
  Workload proofs{.step = [&](std::size_t) -> std::size_t {
    state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    need(ledger->prove((state >> 20) % size), "a proof");
    return 1;
  }};
  const std::string what = "a receipt's proof, out of a log of " + format(static_cast<double>(size));
  const Pairs pairs = repeat(bench.pairing(what), proofs);
  bench.report.add(Line{.what = what,
                        .unit = "us CPU",
                        .figure = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() * micro; }),
                        .goal = at_most(200),
                        .note = "with its entry and checkpoint, from the file"}
                       .from(pairs));
}

Status is_entry(std::string_view json, const Digest* exec_id) {
  const Result<Entry> entry = Entry::from_json(json);
  if (!entry.ok()) return entry.status();
  return entry->exec_id == (exec_id == nullptr ? std::string() : to_hex(*exec_id))
             ? Status::success()
             : Status(Code::invalid_argument, "exec_id");
}

void measure_audit(Bench& bench, const std::string& file) {
  store::AuditOptions options;
  options.well_formed = is_entry;
  double entry_bytes = 0;
  Workload subject{.step = [&](std::size_t) -> std::size_t {
    const store::LogAudit audit = need(store::audit_log(file, options), "an audit");
    if (audit.difference_count > 0)
      throw std::runtime_error("a log does not verify: " + audit.differences.front().what);
    entry_bytes = static_cast<double>(audit.bytes) / static_cast<double>(audit.entries);
    return audit.entries;
  }};
  Workload limit{.step = [text = std::string(300, 'x')](std::size_t) mutable -> std::size_t {
    for (std::size_t i = 0; i < 1000; ++i) text[i % text.size()] ^= static_cast<char>(crypto::sha256(text)[0]);
    return 1000;
  }};
  const Pairs pairs = alternate(bench.pairing("an audit"), limit, subject);
  bench.report.add(Line{.what = "entries audited/s (log verify), one thread",
                        .unit = "/s",
                        .figure = spread(pairs, [](const Pair& pair) { return pair.subject.rate; }),
                        .limit = spread(pairs, [](const Pair& pair) { return pair.limit.rate; }),
                        .ratio = spread(pairs, [](const Pair& pair) { return pair.subject.rate / pair.limit.rate; }),
                        .goal = at_least(0.6),
                        .note = "limit: SHA-256 of 300 bytes; entries of " + format(entry_bytes) +
                                " bytes, each parsed, hashed and held against its tile"}
                       .from(pairs));
}

}  // namespace

void measure_log(Bench& bench) {
  const std::uint64_t size = std::max<std::uint64_t>(bench.options.ledger_size, 1'000);
  const std::string small = bench.folder.fresh("small-log.db"), large = bench.folder.fresh("large-log.db");
  grow_to(bench, small, std::min<std::uint64_t>(small_size, size));
  copy_ledger(small, large);
  for (std::uint64_t point = std::min<std::uint64_t>(10 * small_size, size); point <= size; point *= 10) {
    grow_to(bench, large, point);
    compare_appends(bench, small, large, point);
    if (point == std::min<std::uint64_t>(10 * small_size, size)) measure_audit(bench, large);
  }
  measure_proofs(bench, large, size);
}

}  // namespace openexec::bench
