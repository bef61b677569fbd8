// SPDX-License-Identifier: Apache-2.0
// A host whose threads end inside its callbacks, where a test says so.
#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <memory>
#include <openexec/openexec.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "c.hpp"
#include "support/parts.hpp"
#include "table_of.hpp"

namespace openexec::test::c {

enum class How { exits, allows_cancellation, is_cancelled };

inline void end_this_thread(How how) {
  if (how == How::exits) ::pthread_exit(nullptr);
  ::pthread_cancel(::pthread_self());
  if (how == How::allows_cancellation) ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
  ::pthread_testcancel();
}

/// Ends the thread that comes to the armed place first.
struct Trap {
  std::string armed;
  How how = How::exits;
  std::atomic<bool> sprung{false};
  void at(std::string_view place) {
    if (place == armed && !sprung.exchange(true)) end_this_thread(how);
  }
};

/// Runs `work` on a thread of its own, which is joined. Returns whether the thread came back from it.
template <class Work>
bool comes_back(Work&& work) {
  struct Task {
    Work& work;
    bool back = false;
  } task{work};
  pthread_t thread{};
  const auto begin = [](void* given) -> void* {
    auto* mine = static_cast<Task*>(given);
    mine->work();
    mine->back = true;
    ::pthread_testcancel();
    return nullptr;
  };
  if (::pthread_create(&thread, nullptr, begin, &task) != 0 || ::pthread_join(thread, nullptr) != 0)
    throw std::runtime_error("pthread");
  return task.back;
}

class TrapLog final : public ReceiptLog {
 public:
  TrapLog(ReceiptLog& inner, Trap& trap) : inner_(inner), trap_(trap) {}
  [[nodiscard]] Result<std::uint64_t> append(const NewEntry& entry) override {
    trap_.at("append");
    return inner_.append(entry);
  }
  [[nodiscard]] Result<std::uint64_t> size() override {
    trap_.at("count");
    return inner_.size();
  }
  [[nodiscard]] Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    trap_.at("read");
    return inner_.read(first, count);
  }
  [[nodiscard]] Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    trap_.at("find line");
    return inner_.find_entries(exec_id, count);
  }

 private:
  ReceiptLog& inner_;
  Trap& trap_;
};

/// A ledger with a trap before and behind each call that changes it.
class TrapStore final : public NonceStore {
  template <class Call>
  auto trapped(const std::string& name, Call&& call) {
    trap_.at("before " + name);
    auto answer = call();
    trap_.at("after " + name);
    return answer;
  }

 public:
  TrapStore(std::shared_ptr<NonceStore> inner, Trap& trap)
      : inner_(std::move(inner)), trap_(trap), log_(*inner_->log(), trap) {}
  [[nodiscard]] Result<ClaimAnswer> claim(const Claim& claim) override {
    return trapped("claim", [&] { return inner_->claim(claim); });
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return trapped("seal", [&] { return inner_->seal(seal); });
  }
  [[nodiscard]] Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return trapped("find", [&] { return inner_->find(tenant, nonce); });
  }
  [[nodiscard]] Result<std::vector<NonceRecord>> orphans() override {
    return trapped("orphans", [&] { return inner_->orphans(); });
  }
  [[nodiscard]] Status pin(std::string_view key, std::string_view value) override {
    return trapped("pin", [&] { return inner_->pin(key, value); });
  }
  [[nodiscard]] Result<Timestamp> latest() override {
    return trapped("latest", [&] { return inner_->latest(); });
  }
  [[nodiscard]] Status ready() override {
    return trapped("ready", [&] { return inner_->ready(); });
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return trapped("control", [&] { return inner_->control(change); });
  }
  [[nodiscard]] Result<std::vector<ControlName>> controls() override {
    return trapped("controls", [&] { return inner_->controls(); });
  }
  [[nodiscard]] ReceiptLog* log() noexcept override { return &log_; }

 private:
  std::shared_ptr<NonceStore> inner_;
  Trap& trap_;
  TrapLog log_;
};

/// A host all of whose callbacks have a trap.
struct Host {
  Host() {
    handler.run = [this](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
      if (inside) inside();
      trap.at("handler");
      openexec_sink_write(result, str("1"));
      return openexec_answer{OPENEXEC_ANSWER_RESULT};
    };
  }

  static Trap& trap_of(void* self) { return static_cast<Host*>(self)->trap; }

  void set_verifier(openexec_config* config) {
    openexec_verifier_table table = verifier.table();
    table.self = this;
    table.close = nullptr;
    table.verify = [](void* self, const openexec_proposal* proposal, int64_t, openexec_approval* approval,
                      openexec_sink*) -> openexec_code {
      trap_of(self).at("verify");
      if (openexec_proposal_artifact(proposal).size == 0) return OPENEXEC_APPROVAL_MISSING;
      openexec_approval_set_id(approval, openexec_proposal_artifact(proposal));
      return OPENEXEC_OK;
    };
    table.ready = [](void* self, openexec_sink*) -> openexec_code {
      trap_of(self).at("verifier ready");
      return OPENEXEC_OK;
    };
    must(openexec_config_set_verifier(config, &table, nullptr), {});
  }

  void set_hasher(openexec_config* config) {
    openexec_hasher_table table{};
    table.size = sizeof table;
    table.self = this;
    table.name = str("trapped");
    table.canonical = [](void* self, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes) {
      trap_of(self).at("canonical");
      openexec_sink_write(bytes, *action);
      openexec_sink_write(bytes, str("\n"));
      openexec_sink_write(bytes, *payload);
    };
    table.digest = [](void* self, const openexec_str* bytes, openexec_digest* digest) {
      trap_of(self).at("digest");
      openexec_sha256(*bytes, digest, nullptr);
    };
    must(openexec_config_set_hasher(config, &table, nullptr), {});
  }

  void set_clock_and_events(openexec_config* config) {
    openexec_clock_table clock{};
    clock.size = sizeof clock;
    clock.self = this;
    clock.now_us = [](void* self) {
      trap_of(self).at("now");
      return int64_t{1'772'366'400'000'000};
    };
    clock.monotonic_ns = [](void* self) {
      trap_of(self).at("monotonic");
      return int64_t{1};
    };
    must(openexec_config_set_clock(config, &clock, nullptr), {});
    openexec_events_table events{};
    events.size = sizeof events;
    events.self = this;
    events.on_event = [](void* self, const openexec_event* event) {
      trap_of(self).at(event->kind == OPENEXEC_EVENT_CLOSED ? "tell closed" : "tell");
    };
    must(openexec_config_set_events(config, &events, nullptr), {});
  }

  /// A config over the ledger, which is opened anew.
  Config config() {
    store.inner = nullptr;
    store.inner = std::make_shared<TrapStore>(sqlite_ledger(folder.file("ledger.db")).value(), trap);
    Config made = demo_config();
    openexec_handler_table table = handler.table();
    table.reconcile = [](void* self, const openexec_settlement*, openexec_sink* result, openexec_sink* detail) {
      (void)static_cast<Handler*>(self)->run({}, result, detail);
      return openexec_answer{OPENEXEC_ANSWER_IN_DOUBT};
    };
    must(openexec_config_add_handler(made, str("echo"), &table, nullptr), {});
    set_verifier(made);
    set_hasher(made);
    set_clock_and_events(made);
    store.set_on(made);
    must(openexec_config_set_limit(made, OPENEXEC_LIMIT_IN_FLIGHT, in_flight, nullptr), {});
    return made;
  }

  TemporaryFolder folder;
  Trap trap;
  Handler handler;
  Verifier verifier;
  Store store{nullptr};
  std::uint64_t in_flight = 1;   ///< places have to be given back
  std::function<void()> inside;  ///< called in each handler
};

}  // namespace openexec::test::c
