// SPDX-License-Identifier: Apache-2.0
// A store of one's own, held to the contract by the installed suite, which has to find a fault in three others.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <openexec/contract/store_suite.hpp>

namespace {

using namespace openexec;

enum class Fault { none, forgets_approvals, takes_empty_nonces, seals_without_an_entry };

/// In memory, under one lock; the log's outbox.
class OwnStore final : public NonceStore {
 public:
  explicit OwnStore(Fault fault) : fault_(fault) {}

  Result<ClaimAnswer> claim(const Claim& claim) override {
    const std::lock_guard lock(mutex_);
    using Kind = ClaimAnswer::Kind;
    if (claim.nonce.empty() && fault_ != Fault::takes_empty_nonces)
      return Status(Code::invalid_argument, "nonce: empty");
    if (const auto known = records_.find(key(claim.tenant, claim.nonce)); known != records_.end()) {
      const NonceRecord& record = known->second;
      if (record.exec_id != claim.exec_id || record.request_hash != claim.request_hash)
        return ClaimAnswer{Kind::nonce_conflict, std::nullopt};
      return ClaimAnswer{Kind::exists, record};
    }
    if (!claim.approval_id.empty() && !spent_.insert(key(claim.tenant, claim.approval_id)).second &&
        fault_ != Fault::forgets_approvals)
      return ClaimAnswer{Kind::approval_spent, std::nullopt};
    NonceRecord record;
    record.state = NonceState::claimed;
    record.tenant = claim.tenant;
    record.nonce = claim.nonce;
    record.action = claim.action;
    record.exec_id = claim.exec_id;
    record.request_hash = claim.request_hash;
    record.approval_digest = claim.approval_digest;
    record.approval = claim.approval;
    records_.emplace(key(claim.tenant, claim.nonce), std::move(record));
    saw(claim.at);
    return ClaimAnswer{Kind::fresh, std::nullopt};
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    const std::lock_guard lock(mutex_);
    const auto known = records_.find(key(tenant, nonce));
    return known == records_.end() ? std::optional<NonceRecord>() : known->second;
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    const std::lock_guard lock(mutex_);
    if (seal.entry.size() > 65'535 || (seal.entry.empty() && fault_ != Fault::seals_without_an_entry))
      return Status(Code::invalid_argument, "entry: must have 1 to 65535 bytes");
    const auto known = records_.find(key(seal.tenant, seal.nonce));
    if (known == records_.end() || known->second.exec_id != seal.exec_id || seal.attempt != known->second.attempt ||
        seal.state == NonceState::claimed || known->second.state == NonceState::sealed ||
        known->second.state == seal.state)
      return Status(Code::invalid_argument, "seal: the nonce is not claimed by this request, or has ended");
    NonceRecord& record = known->second;
    record.state = seal.state;
    record.code = seal.code;
    record.effect = seal.effect;
    record.result = seal.result;
    outbox_.push_back({record.tenant, record.nonce, record.exec_id, std::string(seal.entry)});
    saw(seal.at);
    return std::optional<std::uint64_t>();
  }

  Result<std::vector<NonceRecord>> orphans() override { return std::vector<NonceRecord>(); }
  Status pin(std::string_view name, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    const auto pinned = pins_.emplace(name, value).first;
    return pinned->second == value ? Status::success() : Status(Code::store_failed, "pin: holds another value");
  }
  Result<Timestamp> latest() override {
    const std::lock_guard lock(mutex_);
    return latest_;
  }
  Status ready() override { return Status::success(); }
  Result<std::vector<Unlogged>> unlogged() override {
    const std::lock_guard lock(mutex_);
    return outbox_;
  }
  Status logged(std::string_view tenant, std::string_view nonce, std::uint64_t index) override {
    const std::lock_guard lock(mutex_);
    const auto confirmed = std::find_if(outbox_.begin(), outbox_.end(), [&](const Unlogged& entry) {
      return entry.tenant == tenant && entry.nonce == nonce;
    });
    if (confirmed == outbox_.end()) return Status::success();  // it was confirmed before
    if (const auto record = records_.find(key(tenant, nonce)); record != records_.end()) record->second.entry = index;
    outbox_.erase(confirmed);
    return Status::success();
  }

 private:
  static std::pair<std::string, std::string> key(std::string_view tenant, std::string_view name) {
    return {std::string(tenant), std::string(name)};
  }
  void saw(Timestamp at) {
    if (at.micros > latest_.micros) latest_ = at;
  }

  const Fault fault_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, NonceRecord> records_;
  std::set<std::pair<std::string, std::string>> spent_;
  std::map<std::string, std::string, std::less<>> pins_;
  std::vector<Unlogged> outbox_;
  Timestamp latest_;
};

contract::Failures judge(Fault fault) {
  contract::StoreSuite suite(
      {.create = [fault] { return std::make_shared<OwnStore>(fault); }, .threads = 8, .rounds = 5});
  return suite.run();
}

}  // namespace

int main() {
  const contract::Failures failures = judge(Fault::none);
  for (const std::string& failure : failures) std::cerr << failure << '\n';
  bool noticed = true;
  for (const Fault fault : {Fault::forgets_approvals, Fault::takes_empty_nonces, Fault::seals_without_an_entry}) {
    const contract::Failures found = judge(fault);
    std::cout << (found.empty() ? "nothing was found" : found.front()) << '\n';
    noticed = noticed && !found.empty();
  }
  return failures.empty() && noticed ? 0 : 1;
}
