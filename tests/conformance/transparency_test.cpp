// SPDX-License-Identifier: Apache-2.0
// Every supplied log that keeps a tree under the suite; and the suite itself, over logs that are broken on purpose.
#include <openexec/demo.hpp>
#include <openexec/ledger.hpp>

#include "conformance/transparency_suite.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

void check_passes(const Failures& failures) {
  for (const std::string& failure : failures) UNSCOPED_INFO(failure);
  CHECK(failures.empty());
}

/// A log that is right, for others to break.
class Decorated : public ReceiptLog, public TransparencyLog {
 public:
  Result<std::uint64_t> append(const NewEntry& entry) override { return inner_->append(entry); }
  Result<std::uint64_t> size() override { return inner_->size(); }
  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return inner_->read(first, count);
  }
  Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    return inner_->find_entries(exec_id, count);
  }
  TransparencyLog* transparency() noexcept override { return this; }

  const std::string& verifier_key() const noexcept override { return inner_->verifier_key(); }
  Result<SignedCheckpoint> checkpoint() override { return inner_->checkpoint(); }
  Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() override { return inner_->cosigned_checkpoint(); }
  Result<std::string> prove(std::uint64_t index) override { return inner_->prove(index); }
  Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) override {
    return inner_->prove_consistency(from, to);
  }
  Result<std::optional<std::string>> resource(std::string_view path) override { return inner_->resource(path); }
  Status keep_cosigned(std::string_view note) override { return inner_->keep_cosigned(note); }

 protected:
  std::shared_ptr<Ledger> inner_ = memory_ledger();
};

class ProvesTheEntryBefore final : public Decorated {
 public:
  Result<std::string> prove(std::uint64_t index) override {
    auto proof = inner_->prove(index);
    if (!proof.ok() || index == 0) return proof;
    const std::string said = "index " + std::to_string(index);
    return proof->replace(proof->find(said), said.size(), "index " + std::to_string(index - 1));
  }
};

/// Signs now and then, as a log that batches does which gives out indexes too early.
class LagsBehind final : public Decorated {
 public:
  Result<SignedCheckpoint> checkpoint() override {
    const std::lock_guard lock(mutex_);
    if (!kept_ || ++asked_ % 8 == 0) kept_ = inner_->checkpoint().value();
    return *kept_;
  }

 private:
  std::mutex mutex_;
  std::optional<SignedCheckpoint> kept_;
  int asked_ = 0;
};

class ProvesNoGrowth final : public Decorated {
 public:
  Result<std::vector<Digest>> prove_consistency(std::uint64_t, std::uint64_t) override { return std::vector<Digest>(); }
};

class ServesUnderOtherNames final : public Decorated {
 public:
  Result<std::optional<std::string>> resource(std::string_view path) override {
    return inner_->resource(path == "tile/0/x000/000" ? "tile/0/000" : path);
  }
};

class ServesTilesThatAreNotFull final : public Decorated {
 public:
  Result<std::optional<std::string>> resource(std::string_view path) override {
    auto served = inner_->resource(path);
    return served.ok() && !*served && path == "tile/0/002" ? inner_->resource("tile/0/002.p/88") : std::move(served);
  }
};

class ForgetsCosignatures final : public Decorated {
 public:
  Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() override { return std::optional<SignedCheckpoint>(); }
};

class KeepsAnything final : public Decorated {
 public:
  Status keep_cosigned(std::string_view note) override {
    (void)inner_->keep_cosigned(note);
    return Status::success();
  }
};

template <class Broken>
Failures suite_over() {
  return run_transparency_suite({[] { return std::make_shared<Broken>(); }});
}

bool mentions(const Failures& failures, const std::string& promise) {
  return std::any_of(failures.begin(), failures.end(),
                     [&](const std::string& failure) { return failure.find(promise) != std::string::npos; });
}

}  // namespace

TEST_CASE("The log in memory proves what it says to strangers") {
  check_passes(run_transparency_suite({[] { return memory_ledger(); }}));
}

TEST_CASE("The log in SQLite proves what it says to strangers") {
  TemporaryFolder folder;
  int number = 0;
  check_passes(run_transparency_suite(
      {[&] { return must(sqlite_ledger(folder.file(std::to_string(++number) + ".db")), "open"); }}));
}

TEST_CASE("The suite finds logs that are broken") {
  CHECK(suite_over<Decorated>().empty());
  CHECK(mentions(suite_over<ProvesTheEntryBefore>(), "each entry has a proof that verifies"));
  CHECK(mentions(suite_over<LagsBehind>(), "the checkpoint covers every entry that has an index"));
  CHECK(mentions(suite_over<ProvesNoGrowth>(), "the tree is proved to have grown out of each earlier one"));
  CHECK(mentions(suite_over<ServesUnderOtherNames>(), "nothing is served under any other path"));
  CHECK(mentions(suite_over<ServesTilesThatAreNotFull>(), "nothing is served under any other path"));
  CHECK(mentions(suite_over<ForgetsCosignatures>(), "cosignatures are kept"));
  CHECK(mentions(suite_over<KeepsAnything>(), "another log's checkpoint is not kept"));
}

TEST_CASE("A new entry comes with its portable receipt where the caller asks for it") {
  const auto ledger = memory_ledger();
  Executor executor = assemble({.store = ledger,
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(), {});
  const Request echo{"echo", "{}", "n-1", {}};
  CHECK(executor.execute(echo).proof.empty());
  const CallOptions asking{.max_wait = {}, .cancellation = {}, .nonce = {}, .proof = true};
  const Request refused{"nobody", "{}", "n-2", {}};
  const Call calls[] = {{echo, asking}, {refused, asking}, {refused, {}}};
  const std::vector<Outcome> outcomes = executor.execute_many(calls);
  for (const Outcome& outcome : {outcomes[0], outcomes[1]}) {
    const auto report = verify_evidence(outcome.proof, {.log_key = ledger->verifier_key(), .policy = {}},
                                        {.exec_id = outcome.exec_id, .receipt = outcome.receipt});
    REQUIRE(report.ok());
    CHECK(report->verdict == EvidenceVerdict::pass);
    CHECK(report->index == outcome.entry_index);
    CHECK(report->entry_json == outcome.entry);
  }
  CHECK(outcomes[2].proof.empty());
}
