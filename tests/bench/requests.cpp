// SPDX-License-Identifier: Apache-2.0
#include "bench/requests.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <openexec/request.hpp>
#include <thread>
#include <utility>

#include "bench/measure.hpp"
#include "bench/subjects.hpp"
#include "signing/clawshield.hpp"

namespace openexec::bench {
namespace {

constexpr std::int64_t day = 24 * 60 * 60;

/// A UUID of version 4 in form, a number in substance.
std::string uuid(std::uint32_t series, std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "%08x-0000-4000-8000-%012llx", series,
                static_cast<unsigned long long>(number & 0xffff'ffff'ffffULL));
  return text;
}

}  // namespace

std::string Draft::json() const {
  std::string text = R"({"action":")" + action + R"(","payload":)" + payload + R"(,"nonce":")" + nonce + '"';
  if (!artifact.empty()) text += R"(,"approval_artifact":)" + artifact;
  return text += '}';
}

Approver::Approver(crypto::PrivateKey key, std::uint32_t series, Timestamp now)
    : key_(std::move(key)), series_(series), now_(now) {}

Draft Approver::draft(std::uint64_t number) const {
  const std::string n = std::to_string(number);
  return {.payload = R"({"to":"acct-)" + n + R"(","amount":125.5,"currency":"EUR","memo":"Invoice )" + n +
                     R"(","lines":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}]})",
          .nonce = "bench-" + std::to_string(series_) + "-" + n};
}

Draft Approver::approve(Draft draft, std::uint64_t number, std::string_view for_tenant) const {
  return approve(std::move(draft), number, for_tenant, now_, 7 * day);
}

Draft Approver::approve(Draft draft, std::uint64_t number, std::string_view for_tenant, Timestamp issued,
                        std::int64_t seconds) const {
  const Proposal proposal =
      need(Proposal::parse({.action = draft.action, .payload = draft.payload, .nonce = draft.nonce}, for_tenant),
           "a request");
  const std::string id = uuid(series_, number);
  draft.artifact = need(signing::sign_clawshield_v1(key_, proposal,
                                                    {.tenant_id = for_tenant,
                                                     .approval_id = id,
                                                     .issued_at = issued,
                                                     .expires_at = {issued.micros + seconds * 1'000'000}}),
                        "an approval");
  return draft;
}

void Backlog::fill(std::size_t count) {
  const std::size_t used = std::min(next_.load(), requests_.size());
  requests_.erase(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(used));
  next_ = 0;
  if (requests_.size() >= count) return;
  const std::size_t first = requests_.size();
  const std::size_t missing = count - first;
  requests_.resize(count);
  std::vector<std::thread> threads;
  const std::size_t workers = cores();
  for (std::size_t worker = 0; worker < workers; ++worker)
    threads.emplace_back([&, worker] {
      for (std::size_t i = worker; i < missing; i += workers) requests_[first + i] = make_(made_ + i);
    });
  for (std::thread& thread : threads) thread.join();
  made_ += missing;
}

std::span<const std::string> Backlog::take(std::size_t count) noexcept {
  const std::size_t first = next_.fetch_add(count);
  if (first >= requests_.size()) return {};
  return {requests_.data() + first, std::min(count, requests_.size() - first)};
}

}  // namespace openexec::bench
