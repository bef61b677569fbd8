// SPDX-License-Identifier: Apache-2.0
// What run.py times: an executor over a ledger in a file, built against one version of the library. Only the public
// headers are used, and only what both versions have. See run.py for what is asked and answered.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <openexec/openexec.hpp>

using namespace openexec;

namespace {

/// Takes the artifact at its word: what is measured is everything but the verification.
class TrustingVerifier final : public Verifier {
 public:
  using Verifier::verify;
  std::string_view profile() const noexcept override { return "clawshield-v1"; }
  Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    const std::string_view artifact = proposal.artifact();
    constexpr std::string_view member = R"("approval_id":")";
    const std::size_t at = artifact.find(member);
    if (at == artifact.npos) return Status(Code::approval_malformed, "approval_id: missing");
    return Approval{"clawshield-v1", std::string(artifact.substr(at + member.size(), 36)), {std::string(64, '0')}};
  }
};

/// As long as a signed one, and as the benchmark's other requests are.
std::string request(std::uint64_t number) {
  char id[37];
  std::snprintf(id, sizeof id, "ffffffff-0000-4000-8000-%012llx", static_cast<unsigned long long>(number));
  const std::string n = std::to_string(number);
  return R"({"action":"echo","payload":{"to":"acct-)" + n + R"(","amount":125.5,"currency":"EUR","memo":"Invoice )" +
         n + R"(","lines":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}]},"nonce":"bench-1-)" + n +
         R"(","approval_artifact":{"action_hash":")" + std::string(64, 'a') + R"(","approval_id":")" + id +
         R"(","expires_at":"2036-03-02T12:00:00.000000Z","issued_at":"2026-03-01T12:00:00.000000Z","signature":")" +
         std::string(86, 'A') + R"(==","tenant_id":"acme"}})";
}

double processor_nanoseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// Time of the whole slice or, one by one, the median call's; and processor time, of each call.
void run(Executor& executor, std::uint64_t& made, std::size_t calls, std::size_t at_once) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < calls; ++i) requests.push_back(request(made++));
  std::vector<Call> batch;
  std::vector<double> took;
  const double before = processor_nanoseconds();
  for (std::size_t first = 0; first < calls; first += at_once) {
    const auto start = Clock::now();
    batch.assign(std::min(at_once, calls - first), {});
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].request = std::string_view(requests[first + i]);
    for (const Outcome& outcome : executor.execute_many(batch))
      if (!outcome.ok()) throw std::runtime_error("an execution ended as " + std::string(name(outcome.code)));
    const auto time = std::chrono::nanoseconds(Clock::now() - start).count();
    took.push_back(static_cast<double>(time) / static_cast<double>(batch.size()));
  }
  const double processor = (processor_nanoseconds() - before) / static_cast<double>(calls);
  std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2), took.end());
  std::cout << took[took.size() / 2] << ' ' << processor << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 4) return 2;
  const double before = processor_nanoseconds();
  SqliteOptions options;
  if (count == 4) options.log.anchor = arguments[3];
  auto store = sqlite_ledger(arguments[1], options);
  HandlerTable handlers;
  const Status added = handlers.add("echo", [](const Invocation& call) {
    return HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
  });
  if (!store.ok() || !added.ok()) {
    std::cerr << store.status().detail() << '\n';
    return 1;
  }
  Config config;
  config.tenant = "acme";
  Parts parts;
  parts.store = *store;
  parts.verifier = std::make_shared<TrustingVerifier>();
  auto executor = Executor::assemble(config, std::move(parts), std::move(handlers));
  if (!executor.ok()) return 1;
  std::cout << processor_nanoseconds() - before << ' ' << 0 << std::endl;  // of the opening
  std::uint64_t made = std::stoull(arguments[2]);
  for (std::size_t calls = 0, at_once = 0; std::cin >> calls >> at_once;) run(*executor, made, calls, at_once);
}
