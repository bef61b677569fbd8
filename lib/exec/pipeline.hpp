// The life of a request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <openexec/executor.hpp>

#include "exec/flights.hpp"
#include "exec/limits.hpp"

namespace openexec::exec {

/// A request in one of the two forms in which it arrives: its parts, or one JSON text.
using Arrival = std::variant<Request, std::string_view>;

/// What one attempt has become so far. Starts as a refusal.
struct Attempt {
  Attempt(const Arrival& from, const CallOptions& with, InFlight::Place taken)
      : arrival(from), options(with), place(std::move(taken)) {}

  const Arrival& arrival;
  const CallOptions& options;
  InFlight::Place place;
  std::chrono::steady_clock::time_point deadline;  // for waiting on another attempt

  std::optional<Proposal> proposal;
  Digest exec_id{};
  const HandlerTable::Row* handler = nullptr;
  std::optional<Approval> approval;
  Entry entry;

  Flights::Seat seat;
  Gate::Passage passage;
  bool claimed = false;
};

class Pipeline {
 public:
  Pipeline(Config config, Parts parts, HandlerTable handlers);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  [[nodiscard]] Outcome run(const Arrival& arrival, const CallOptions& options) noexcept;
  Result<Recovery> recover();

  Gate& gate() noexcept { return gate_; }
  [[nodiscard]] const Gate& gate() const noexcept { return gate_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const Parts& parts() const noexcept { return parts_; }

 private:
  struct Ending;

  Outcome walk(Attempt& attempt);

  // The steps. Each ends the attempt with an answer, or lets it walk on.
  std::optional<Outcome> canonicalise(Attempt& attempt);
  std::optional<Outcome> hold_limits(Attempt& attempt);
  std::optional<Outcome> check_halt(Attempt& attempt);
  std::optional<Outcome> recall(Attempt& attempt);
  std::optional<Outcome> admit(Attempt& attempt);
  std::optional<Outcome> verify(Attempt& attempt);
  std::optional<Outcome> claim(Attempt& attempt);
  HandlerResult handle(Attempt& attempt);
  Outcome seal(Attempt& attempt, const HandlerResult& said);

  // The answers.
  Outcome refuse(Attempt& attempt, const Status& why);
  Outcome tell(Attempt& attempt, const NonceRecord& record);
  Outcome lose(Attempt& attempt, std::string_view why);

  [[nodiscard]] bool may_know(const Attempt& attempt, const NonceRecord& record) const;
  [[nodiscard]] Ending judge(const HandlerResult& said) const;
  void settle_orphan(const NonceRecord& orphan, Recovery& found, Status& failure);
  Result<std::uint64_t> append(const Entry& entry, const std::string& json);
  Result<std::uint64_t> commit(const Seal& seal);
  void append_suppressed(std::uint64_t count);
  [[nodiscard]] Timestamp now();

  const Config config_;
  const Parts parts_;
  const HandlerTable handlers_;
  std::optional<std::set<std::string, std::less<>>> allowed_;
  std::atomic<std::int64_t> latest_{0};

  InFlight in_flight_;
  RefusalMeter refusals_;
  Flights flights_;
  Gate gate_;
  InsideHandlers inside_;
  Lost lost_;

 public:
  /// Called once, before the first attempt: the store's highest time.
  void start_at(Timestamp latest) noexcept { latest_.store(latest.micros); }
};

}  // namespace openexec::exec
