// SPDX-License-Identifier: Apache-2.0
// Turns tables of C callbacks into C++ parts. Each part here calls the functions of its table.
#pragma once

#include <openexec.h>

#include <cstddef>
#include <memory>
#include <openexec/clock.hpp>
#include <openexec/handler.hpp>
#include <openexec/hasher.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>
#include <openexec/verifier.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256_plain.hpp"
#include "guard.hpp"

// The objects that callbacks write into. Each lives on the stack of the call that passes it to a callback.

namespace openexec::capi {
/// The length and hash of everything that was written to a sink, once it exceeded its bound.
struct Whole {
  crypto::plain::Sha256 hash;
  std::uint64_t length = 0;
};
}  // namespace openexec::capi

/// Takes bytes up to a bound. After a write that it could not take it takes no more, so that a cut text never passes
/// for the whole.
struct openexec_sink {
  std::string& text;
  std::size_t limit;
  bool failed = false;
  bool measures = false;  ///< set for a handler's output, whose length and hash are recorded if it is cut
  std::optional<openexec::capi::Whole> whole;
};

namespace openexec::capi {

template <class T>
struct Gathered {
  std::vector<T> items;
  std::size_t limit;
  bool failed = false;
  explicit Gathered(std::size_t at_most) : limit(at_most) {}
};

}  // namespace openexec::capi

struct openexec_records : openexec::capi::Gathered<openexec::NonceRecord> {
  using Gathered::Gathered;
};
struct openexec_unlogged : openexec::capi::Gathered<openexec::Unlogged> {
  using Gathered::Gathered;
};
struct openexec_lines : openexec::capi::Gathered<openexec::LogLine> {
  using Gathered::Gathered;
};
struct openexec_controls : openexec::capi::Gathered<openexec::ControlName> {
  using Gathered::Gathered;
};
struct openexec_approval {
  openexec::Approval value;
  bool failed = false;          ///< a value from the callback was not accepted
  bool without_memory = false;  ///< the reason is that memory ran out
};
struct openexec_proposal {
  std::optional<openexec::Proposal> own;
  const openexec::Proposal* view = nullptr;
};
struct openexec_cancellation {
  openexec::Cancellation flag;
};

namespace openexec::capi {

template <>
inline constexpr std::size_t first_size<openexec_handler_table> = offsetof(openexec_handler_table, deadline_ms) +
                                                                  sizeof(std::int64_t);
template <>
inline constexpr std::size_t first_size<openexec_log_table> = offsetof(openexec_log_table, find) + sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_store_table> = offsetof(openexec_store_table, logged) + sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_verifier_table> = offsetof(openexec_verifier_table, ready) +
                                                                   sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_hasher_table> = offsetof(openexec_hasher_table, digest) +
                                                                 sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_clock_table> = offsetof(openexec_clock_table, monotonic_ns) +
                                                                sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_events_table> = offsetof(openexec_events_table, on_event) +
                                                                 sizeof(void*);
template <>
inline constexpr std::size_t first_size<openexec_log_line> = offsetof(openexec_log_line, json) + sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_record> = offsetof(openexec_record, reserved) + sizeof(std::int32_t);
template <>
inline constexpr std::size_t first_size<openexec_control_name> = offsetof(openexec_control_name, tenant) +
                                                                 sizeof(openexec_str);
template <>
inline constexpr std::size_t first_size<openexec_unlogged_entry> = offsetof(openexec_unlogged_entry, entry) +
                                                                   sizeof(openexec_str);

Digest digest(const openexec_digest& bytes) noexcept;
openexec_digest digest(const Digest& bytes) noexcept;

/// A line as a reader sees it; the view lives as long as `line`.
openexec_log_line line_of(const LogLine& line) noexcept;

// These read what callbacks give. Each throws No if it is not acceptable.
LogLine read_line(const openexec_log_line* given);
NonceRecord read_record(const openexec_record* given);
Unlogged read_unlogged(const openexec_unlogged_entry* given);
ControlName read_control(const openexec_control_name* given);

/// A control as a reader sees it; the views live as long as `name`.
openexec_control_name control_of(const ControlName& name) noexcept;

/// A table's `self`, closed exactly once. Belongs to the host until own() is called, which is a setter's last step.
class Self {
 public:
  Self(void* self, void (*close)(void*)) noexcept : self_(self), close_(close) {}
  Self(const Self&) = delete;
  Self& operator=(const Self&) = delete;
  ~Self() {
    if (owned_ && close_ != nullptr) close_(self_);
  }
  void own() noexcept { owned_ = true; }
  [[nodiscard]] void* get() const noexcept { return self_; }

 private:
  void* self_;
  void (*close_)(void*);
  bool owned_ = false;
};

// The parts. Each constructor checks its table, and throws No if a required callback is null.

class ForeignHandler {
 public:
  explicit ForeignHandler(const openexec_handler_table* table);
  void own() noexcept { self_.own(); }

  [[nodiscard]] HandlerResult run(const Invocation& call, std::size_t max_result_bytes) const;
  [[nodiscard]] bool can_reconcile() const noexcept { return table_.reconcile != nullptr; }
  [[nodiscard]] HandlerResult reconcile(const Settlement& settlement, std::size_t max_result_bytes) const;
  [[nodiscard]] std::chrono::milliseconds deadline() const noexcept;
  [[nodiscard]] std::uint32_t retry_none() const noexcept { return table_.retry_none; }
  [[nodiscard]] bool tells_cost() const noexcept { return table_.cost != nullptr; }
  [[nodiscard]] Result<Usd> cost(const CostQuery& query) const;
  [[nodiscard]] const std::shared_ptr<const PayloadSchema>& schema() const noexcept { return schema_; }

 private:
  openexec_handler_table table_;
  std::shared_ptr<const PayloadSchema> schema_;
  Self self_;
};

class ForeignLog final : public ReceiptLog {
 public:
  explicit ForeignLog(const openexec_log_table* table);
  explicit ForeignLog(const openexec_log_table& checked);
  void own() noexcept { self_.own(); }

  [[nodiscard]] Result<std::uint64_t> append(const NewEntry& entry) override;
  [[nodiscard]] Result<std::uint64_t> size() override;
  [[nodiscard]] Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override;
  [[nodiscard]] Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override;

 private:
  openexec_log_table table_;
  Self self_;
};

class ForeignStore final : public NonceStore {
 public:
  explicit ForeignStore(const openexec_store_table* table);
  void own() noexcept { self_.own(); }

  [[nodiscard]] Result<ClaimAnswer> claim(const Claim& claim) override;
  [[nodiscard]] Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> seal(const Seal& seal) override;
  [[nodiscard]] Result<std::vector<NonceRecord>> orphans() override;
  [[nodiscard]] Status pin(std::string_view key, std::string_view value) override;
  [[nodiscard]] Result<Timestamp> latest() override;
  [[nodiscard]] Status ready() override;
  [[nodiscard]] bool keeps_terms() const noexcept override { return table_.keeps_terms == 1; }
  [[nodiscard]] Result<std::optional<std::uint64_t>> control(const ControlChange& change) override;
  [[nodiscard]] Result<std::vector<ControlName>> controls() override;
  [[nodiscard]] Result<std::optional<Timestamp>> floor() override;
  [[nodiscard]] ReceiptLog* log() noexcept override { return log_ ? &*log_ : nullptr; }
  [[nodiscard]] Result<std::vector<Unlogged>> unlogged() override;
  [[nodiscard]] Status logged(std::string_view tenant, std::string_view nonce, std::uint64_t index) override;

 private:
  openexec_store_table table_;
  Self self_;
  std::optional<ForeignLog> log_;
};

class ForeignVerifier final : public Verifier {
 public:
  using Verifier::verify;

  explicit ForeignVerifier(const openexec_verifier_table* table);
  void own() noexcept { self_.own(); }

  [[nodiscard]] std::string_view profile() const noexcept override { return profile_; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override;
  [[nodiscard]] Status ready() const override;

 private:
  openexec_verifier_table table_;
  std::string profile_;
  Self self_;
};

class ForeignHasher final : public Hasher {
 public:
  explicit ForeignHasher(const openexec_hasher_table* table);
  void own() noexcept { self_.own(); }

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  void canonical(std::string_view action, std::string_view payload, std::string& out) const override;
  [[nodiscard]] Digest digest(std::string_view bytes) const override;

 private:
  openexec_hasher_table table_;
  std::string name_;
  Self self_;
};

class ForeignClock final : public Clock {
 public:
  explicit ForeignClock(const openexec_clock_table* table);
  void own() noexcept { self_.own(); }

  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const override;

 private:
  openexec_clock_table table_;
  Self self_;
};

/// Receives events, and cannot make a call fail.
class ForeignEvents {
 public:
  explicit ForeignEvents(const openexec_events_table* table);
  void own() noexcept { self_.own(); }

  void tell(openexec_event event) const;

 private:
  openexec_events_table table_;
  Self self_;
};

}  // namespace openexec::capi
