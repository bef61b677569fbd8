// SPDX-License-Identifier: Apache-2.0
// Every supplied store and log under the suites; and the suites themselves, over stores that are broken on purpose.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <openexec/contract/store_suite.hpp>
#include <openexec/ledger.hpp>

#include "conformance/log_suite.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/split_store.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

void check_passes(const Failures& failures) {
  for (const std::string& failure : failures) UNSCOPED_INFO(failure);
  CHECK(failures.empty());
}

/// Hands out a new file each time, and opens the last one again.
class SqliteFiles {
 public:
  std::shared_ptr<Ledger> create() {
    ++number_;
    return reopen();
  }
  std::shared_ptr<Ledger> reopen() {
    return must(open_ledger("sqlite:///" + folder_.file("ledger-" + std::to_string(number_) + ".db")), "open");
  }

 private:
  TemporaryFolder folder_;
  int number_ = 0;
};

/// A store that is right, for others to break.
class Decorated : public NonceStore {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override { return inner_->claim(claim); }
  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return inner_->find(tenant, nonce);
  }
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return inner_->seal(seal); }
  Result<std::vector<NonceRecord>> orphans() override { return inner_->orphans(); }
  Status pin(std::string_view key, std::string_view value) override { return inner_->pin(key, value); }
  Result<Timestamp> latest() override { return inner_->latest(); }
  Status ready() override { return inner_->ready(); }
  bool keeps_terms() const noexcept override { return inner_->keeps_terms(); }
  bool keeps_attempts() const noexcept override { return inner_->keeps_attempts(); }
  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override { return inner_->control(change); }
  Result<std::vector<ControlName>> controls() override { return inner_->controls(); }
  Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count) override {
    return inner_->doubts(after, count);
  }
  Result<std::uint64_t> doubt_count() override { return inner_->doubt_count(); }
  ReceiptLog* log() noexcept override { return inner_->log(); }

 protected:
  std::shared_ptr<Ledger> inner_ = memory_ledger();
};

class LosesApprovals final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    Claim without = claim;
    without.approval_id = {};
    return inner_->claim(without);
  }
};

class TrustsTheNonceAlone final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    auto answer = inner_->claim(claim);
    if (answer.ok() && answer->kind == ClaimAnswer::Kind::nonce_conflict)
      return ClaimAnswer{ClaimAnswer::Kind::exists, *inner_->find(claim.tenant, claim.nonce).value()};
    return answer;
  }
};

/// Looks, then writes: two claims at once both find nothing.
class LooksBeforeItWrites final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    auto known = inner_->find(claim.tenant, claim.nonce);
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    auto answer = inner_->claim(claim);
    if (known.ok() && !*known && answer.ok() && answer->kind == ClaimAnswer::Kind::exists)
      return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
    return answer;
  }
};

/// Forgets everything with every eighth claim.
class Evicts final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override { return current(true)->claim(claim); }
  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return current(false)->find(tenant, nonce);
  }
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return current(false)->seal(seal); }

 private:
  std::shared_ptr<Ledger> current(bool claiming) {
    const std::lock_guard lock(mutex_);
    if (claiming && ++claims_ % 8 == 0) inner_ = memory_ledger();
    return inner_;
  }
  std::mutex mutex_;
  int claims_ = 0;
};

class SealsTwice final : public Decorated {
 public:
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    auto answer = inner_->seal(seal);
    if (answer.code() == Code::invalid_argument) return std::optional<std::uint64_t>(0);
    return answer;
  }
};

class IgnoresOrder final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    Claim without = claim;
    without.predecessor = {};
    return inner_->claim(without);
  }
};

/// Takes a predecessor that was claimed for one that has executed.
class HurriesSteps final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    const std::lock_guard lock(mutex_);
    Claim next = claim;
    if (spent_.count(std::string(claim.predecessor)) != 0) next.predecessor = {};
    auto answer = inner_->claim(next);
    if (answer.ok() && answer->kind == ClaimAnswer::Kind::fresh) spent_.insert(std::string(claim.approval_id));
    return answer;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> spent_;
};

class AllowsOneMore final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    Claim next = claim;
    if (next.max_per_minute != 0) ++next.max_per_minute;
    return inner_->claim(next);
  }
};

/// Counts, then claims.
class CountsBeforeItClaims final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    if (claim.max_per_minute == 0) return inner_->claim(claim);
    const bool room = claims_ < static_cast<int>(claim.max_per_minute);
    {  // until one more has looked than may claim; a caller who is alone waits in vain
      std::unique_lock lock(mutex_);
      ++looked_;
      changed_.notify_all();
      changed_.wait_for(lock, std::chrono::milliseconds(100),
                        [&] { return looked_ > static_cast<int>(claim.max_per_minute); });
    }
    if (!room) return ClaimAnswer{ClaimAnswer::Kind::rate_reached, std::nullopt};
    Claim next = claim;
    next.max_per_minute = 0;
    auto answer = inner_->claim(next);
    ++claims_;
    return answer;
  }

 private:
  std::atomic<int> claims_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  int looked_ = 0;
};

/// Takes any failure for one that may be tried again.
class RetriesEverything final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    auto answer = inner_->claim(claim);
    if (answer.ok() && answer->kind == ClaimAnswer::Kind::exists && claim.attempt > answer->record->attempt &&
        answer->record->state == NonceState::sealed)
      return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
    return answer;
  }
};

/// Looks, then opens the next attempt: two claims at once both open it.
class OpensAttemptsTwice final : public Decorated {
 public:
  Result<ClaimAnswer> claim(const Claim& claim) override {
    auto known = inner_->find(claim.tenant, claim.nonce);
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    auto answer = inner_->claim(claim);
    const bool was_open = known.ok() && *known && (*known)->retryable && (*known)->attempt + 1 == claim.attempt;
    if (was_open && answer.ok() && answer->kind == ClaimAnswer::Kind::exists)
      return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
    return answer;
  }
};

/// Takes the seal of any attempt for that of the newest.
class IgnoresTheFence final : public Decorated {
 public:
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    Seal newest = seal;
    if (const auto record = inner_->find(seal.tenant, seal.nonce); record.ok() && *record)
      newest.attempt = (*record)->attempt;
    return inner_->seal(newest);
  }
};

class LosesControls final : public Decorated {
 public:
  Result<std::vector<ControlName>> controls() override { return std::vector<ControlName>{}; }
};

class LiftsForEverybody final : public Decorated {
 public:
  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    auto answer = inner_->control(change);
    if (answer.ok() && !change.stands) {
      ControlChange tenants = change;
      tenants.name.tenant = "acme";
      (void)inner_->control(tenants);
    }
    return answer;
  }
};

class ForgetsTime final : public Decorated {
 public:
  Result<Timestamp> latest() override { return Timestamp{}; }
};

template <class Broken>
Failures suite_over() {
  StoreFactory factory{[] { return std::make_shared<Broken>(); }, nullptr};
  factory.threads = 16;
  return run_store_suite(factory);
}

bool mentions(const Failures& failures, const std::string& promise) {
  return std::any_of(failures.begin(), failures.end(),
                     [&](const std::string& failure) { return failure.find(promise) == 0; });
}

}  // namespace

TEST_CASE("The ledger in memory keeps the store's contract") {
  check_passes(run_store_suite({[] { return memory_ledger(); }, nullptr, 64, campaign(20, 200)}));
}

TEST_CASE("The SQLite ledger keeps the store's contract") {
  SqliteFiles files;
  check_passes(run_store_suite({[&] { return files.create(); }, [&] { return files.reopen(); }, 64, campaign(8, 50)}));
}

TEST_CASE("A store apart from its log keeps the contract, and its outbox") {
  auto store = std::make_shared<SplitStore>();
  check_passes(run_store_suite({[&] { return store = std::make_shared<SplitStore>(); },
                                [&] {
                                  store->restart();
                                  return store;
                                },
                                64, 50}));
}

TEST_CASE("The ledger in memory keeps the log's contract") {
  check_passes(run_log_suite({[] { return memory_ledger(); }, nullptr}));
}

TEST_CASE("The SQLite ledger keeps the log's contract") {
  SqliteFiles files;
  check_passes(run_log_suite({[&] { return files.create(); }, [&] { return files.reopen(); }}));
}

TEST_CASE("The store's suite finds stores that break their contract") {
  CHECK(mentions(suite_over<LosesApprovals>(), "an approval is spent once"));
  CHECK(mentions(suite_over<TrustsTheNonceAlone>(), "another request under a claimed nonce"));
  CHECK(mentions(suite_over<LooksBeforeItWrites>(), "of concurrent equal claims"));
  CHECK(mentions(suite_over<SealsTwice>(), "a seal is final"));
  CHECK(mentions(suite_over<ForgetsTime>(), "the highest time"));
  CHECK(mentions(suite_over<Evicts>(), "an approval is spent once"));
  CHECK(mentions(suite_over<IgnoresOrder>(), "a claim waits for its predecessor"));
  CHECK(mentions(suite_over<HurriesSteps>(), "a claim waits for its predecessor"));
  CHECK(mentions(suite_over<HurriesSteps>(), "of concurrent steps none is fresh"));
  CHECK(mentions(suite_over<AllowsOneMore>(), "a claim above its action's pace"));
  CHECK(mentions(suite_over<CountsBeforeItClaims>(), "of concurrent claims as many are fresh"));
  CHECK(mentions(suite_over<RetriesEverything>(), "what was in doubt is never tried again"));
  CHECK(mentions(suite_over<RetriesEverything>(), "a further attempt follows the newest"));
  CHECK(mentions(suite_over<OpensAttemptsTwice>(), "of concurrent claims of the next attempt one is fresh"));
  CHECK(mentions(suite_over<IgnoresTheFence>(), "an attempt's seal does not touch another attempt"));
  CHECK(mentions(suite_over<LosesControls>(), "controls stand until they are lifted"));
  CHECK(mentions(suite_over<LiftsForEverybody>(), "controls stand until they are lifted"));
}

TEST_CASE("The store's suite finds a store that forgets over a restart") {
  check_passes(run_store_suite({[] { return memory_ledger(); }, nullptr, 4, 4}));
  const Failures failures = run_store_suite({[] { return memory_ledger(); }, [] { return memory_ledger(); }, 4, 4});
  CHECK(mentions(failures, "everything survives a restart"));
  CHECK(mentions(failures, "terms and controls survive a restart"));
  CHECK(mentions(failures, "claims of a process that is gone"));
}
