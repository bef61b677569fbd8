// SPDX-License-Identifier: Apache-2.0
// Who may know nothing learns nothing from what the parts are asked: a used nonce and an unused one make the same
// calls.
#include <openexec/openexec.hpp>

#include <map>
#include <string>

#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

using Calls = std::map<std::string, int>;

/// A ledger that counts what it is asked, and what it found.
class CountingStore final : public NonceStore, public ReceiptLog {
 public:
  CountingStore(std::shared_ptr<Ledger> inner, Calls& calls) : inner_(std::move(inner)), calls_(calls) {}
  using NonceStore::find;
  Result<ClaimAnswer> claim(const Claim& claim) override { return ++calls_["claim"], inner_->claim(claim); }
  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    auto found = inner_->find(tenant, nonce);
    ++calls_[found.ok() && *found ? "find a used nonce" : "find an unused nonce"];
    return found;
  }
  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return ++calls_["seal"], inner_->seal(seal); }
  Result<std::vector<NonceRecord>> orphans() override { return inner_->orphans(); }
  Status pin(std::string_view key, std::string_view value) override { return inner_->pin(key, value); }
  Result<Timestamp> latest() override { return inner_->latest(); }
  Status ready() override { return inner_->ready(); }
  ReceiptLog* log() noexcept override { return this; }
  Result<std::uint64_t> append(const NewEntry& entry) override { return ++calls_["append"], inner_->append(entry); }
  Result<std::uint64_t> size() override { return ++calls_["size"], inner_->size(); }
  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return ++calls_["read"], inner_->read(first, count);
  }
  Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    return ++calls_["find lines"], inner_->find_entries(exec_id, count);
  }

 private:
  std::shared_ptr<Ledger> inner_;
  Calls& calls_;
};

/// Counts its calls; accepts {"id":"right"} and nothing else.
class CountingVerifier final : public Verifier {
 public:
  using Verifier::verify;
  explicit CountingVerifier(Calls& calls) : calls_(calls) {}
  std::string_view profile() const noexcept override { return "counting"; }
  Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    ++calls_["verify"];
    if (proposal.artifact() != R"({"id":"right"})") return Status(Code::approval_signature_invalid, "wrong");
    return Approval{"counting", "right", {"key-1"}};
  }

 private:
  Calls& calls_;
};

struct House {
  explicit House(std::shared_ptr<Ledger> ledger) {
    Config config;
    config.allowed_actions = {"echo"};
    executor.emplace(assemble({.store = std::make_shared<CountingStore>(std::move(ledger), calls),
                               .log = nullptr,
                               .verifier = std::make_shared<CountingVerifier>(calls),
                               .hasher = nullptr,
                               .clock = std::make_shared<SetClock>(1'772'366'400'000'000)},
                              echo_table(), config));
  }
  Outcome execute(const std::string& nonce, const std::string& artifact, const std::string& payload = "{}") {
    calls.clear();
    return executor->execute({.action = "echo", .payload = payload, .nonce = nonce, .approval_artifact = artifact});
  }
  Calls calls;
  std::optional<Executor> executor;
};

void check_alike(House& house) {
  for (const char* artifact : {R"({"id":"wrong"})", ""}) {
    const Outcome unused = house.execute("unused", artifact);
    const Calls calls = house.calls;
    for (const char* payload : {"{}", R"({"another":1})"}) {  // the very request, and another one of its nonce
      const Outcome used = house.execute("used", artifact, payload);
      CHECK(house.calls == calls);
      CHECK(used.code == unused.code);
      CHECK(used.http == unused.http);
      CHECK(used.detail == unused.detail);
      CHECK(used.result == unused.result);
      CHECK(used.entry.size() == unused.entry.size() - 2);  // "used" is shorter than "unused"
    }
  }
}

}  // namespace

TEST_CASE("With a wrong artifact a used nonce and an unused one make the same calls and get the same answer") {
  const auto ledger = memory_ledger();
  {
    House house(ledger);
    REQUIRE(house.execute("used", R"({"id":"right"})").ok());
    check_alike(house);
  }
  House later(ledger);
  check_alike(later);
}
