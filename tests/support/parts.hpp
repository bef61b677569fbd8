// SPDX-License-Identifier: Apache-2.0
// Parts that tests steer: a clock that is set, a verifier that is told what to say, a store that stops at a step.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <openexec/openexec.hpp>

namespace openexec::test {

/// Civil time that stands still until it is set.
class SetClock final : public Clock {
 public:
  explicit SetClock(std::int64_t micros) : micros_(micros) {}
  void set(std::int64_t micros) { micros_ = micros; }
  [[nodiscard]] Timestamp now() const noexcept override { return {micros_.load()}; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(micros_.load()));
  }

 private:
  std::atomic<std::int64_t> micros_;
};

/// Accepts an artifact {"id": ...} and spends that id; answers `code` instead where one is set.
class ScriptedVerifier final : public Verifier {
 public:
  using Verifier::verify;
  explicit ScriptedVerifier(Code code = Code::ok) : code_(code) {}
  void say(Code code) { code_ = code; }
  [[nodiscard]] std::string_view profile() const noexcept override { return "scripted"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    if (code_ != Code::ok) return Status(code_, "scripted");
    if (proposal.artifact().empty()) return Status(Code::approval_missing, "approval_artifact: missing");
    return Approval{"scripted", std::string(proposal.artifact()), {"key-1"}};
  }

 private:
  std::atomic<Code> code_;
};

/// The steps of an attempt that a store sees.
enum class Step { before_claim, after_claim, before_seal, after_seal };

/// A real store, with a call at each step. The call may throw, kill the process, or answer a Status instead.
class SteppedStore final : public NonceStore {
 public:
  using At = std::function<std::optional<Status>(Step)>;
  SteppedStore(std::shared_ptr<NonceStore> inner, At at) : inner_(std::move(inner)), at_(std::move(at)) {}

  [[nodiscard]] Result<ClaimAnswer> claim(const Claim& claim) override {
    if (auto instead = at_(Step::before_claim)) return *instead;
    auto answer = inner_->claim(claim);
    if (auto instead = at_(Step::after_claim)) return *instead;
    return answer;
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    if (auto instead = at_(Step::before_seal)) return *instead;
    auto answer = inner_->seal(seal);
    if (auto instead = at_(Step::after_seal)) return *instead;
    return answer;
  }
  [[nodiscard]] Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return inner_->find(tenant, nonce);
  }
  [[nodiscard]] Result<std::vector<NonceRecord>> orphans() override { return inner_->orphans(); }
  [[nodiscard]] Status pin(std::string_view key, std::string_view value) override { return inner_->pin(key, value); }
  [[nodiscard]] Result<Timestamp> latest() override { return inner_->latest(); }
  [[nodiscard]] Status ready() override { return inner_->ready(); }
  [[nodiscard]] bool keeps_terms() const noexcept override { return inner_->keeps_terms(); }
  [[nodiscard]] bool keeps_attempts() const noexcept override { return inner_->keeps_attempts(); }
  [[nodiscard]] Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return inner_->control(change);
  }
  [[nodiscard]] Result<std::vector<ControlName>> controls() override { return inner_->controls(); }
  [[nodiscard]] Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after,
                                                        std::size_t count) override {
    return inner_->doubts(after, count);
  }
  [[nodiscard]] Result<std::uint64_t> doubt_count() override { return inner_->doubt_count(); }
  [[nodiscard]] ReceiptLog* log() noexcept override { return inner_->log(); }

 private:
  std::shared_ptr<NonceStore> inner_;
  At at_;
};

/// A table with `echo`, which counts its calls.
inline HandlerTable echo_table(std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0)) {
  HandlerTable table;
  if (!table
           .add("echo",
                [calls](const Invocation& call) {
                  ++*calls;
                  return HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
                })
           .ok())
    std::abort();
  return table;
}

inline Executor assemble(Parts parts, HandlerTable table, Config config = {}) {
  Result<Executor> executor = Executor::assemble(std::move(config), std::move(parts), std::move(table));
  if (!executor.ok()) throw std::runtime_error("assemble: " + executor.status().detail());
  return *std::move(executor);
}

/// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  /// Below `parent` instead of the system's folder for such things.
  explicit TemporaryFolder(const std::string& parent);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace openexec::test
