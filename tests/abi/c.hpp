// SPDX-License-Identifier: Apache-2.0
// What the tests of the C ABI share: handles that end themselves, and hosts whose callbacks are C++ functions.
#pragma once

#include <openexec.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace openexec::test::c {

inline openexec_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string text(openexec_str view) {
  return view.data == nullptr ? std::string() : std::string(view.data, view.size);
}

template <class T, void (*destroy)(T**)>
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() { destroy(&handle_); }
  T** out() {
    destroy(&handle_);
    return &handle_;
  }
  operator T*() const { return handle_; }  // NOLINT: as C sees it

 private:
  T* handle_ = nullptr;
};

using Error = Handle<openexec_error, openexec_error_destroy>;
using Buffer = Handle<openexec_buffer, openexec_buffer_destroy>;
using Proposal = Handle<openexec_proposal, openexec_proposal_destroy>;
using Config = Handle<openexec_config, openexec_config_destroy>;
using Cancellation = Handle<openexec_cancellation, openexec_cancellation_destroy>;
using Executor = Handle<openexec_executor, openexec_executor_destroy>;
using Outcome = Handle<openexec_outcome, openexec_outcome_destroy>;
using Log = Handle<openexec_log, openexec_log_destroy>;

/// For what a test takes for granted.
inline void must(openexec_code code, const Error& error) {
  if (code != OPENEXEC_OK) throw std::runtime_error(std::to_string(code) + " " + text(openexec_error_detail(error)));
}

/// Counts how often OpenExec closes something.
struct Closable {
  std::atomic<int> closes{0};
};

/// A handler whose `run` is a C++ function. Lives longer than what it is added to.
struct Handler : Closable {
  using Run = std::function<openexec_answer(const openexec_invocation&, openexec_sink* result, openexec_sink* detail)>;
  Run run = [](const openexec_invocation& call, openexec_sink* result, openexec_sink*) {
    openexec_sink_write(result, str("{\"echo\":"));
    openexec_sink_write(result, call.payload);
    openexec_sink_write(result, str("}"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  };
  std::atomic<int> calls{0};

  Handler() = default;
  explicit Handler(Run does) : run(std::move(does)) {}

  openexec_handler_table table() {
    openexec_handler_table table{};
    table.size = sizeof table;
    table.self = this;
    table.close = [](void* self) { ++static_cast<Handler*>(self)->closes; };
    table.run = [](void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail) {
      auto* handler = static_cast<Handler*>(self);
      ++handler->calls;
      return handler->run(*call, result, detail);
    };
    return table;
  }

  void add_to(openexec_config* config, std::string_view action = "echo") {
    const openexec_handler_table row = table();
    Error error;
    must(openexec_config_add_handler(config, str(action), &row, error.out()), error);
  }
};

/// A verifier that says what it is told; its approval is named by the artifact.
struct Verifier : Closable {
  std::atomic<openexec_code> says{OPENEXEC_OK};
  bool names = true;

  openexec_verifier_table table() {
    openexec_verifier_table table{};
    table.size = sizeof table;
    table.self = this;
    table.close = [](void* self) { ++static_cast<Verifier*>(self)->closes; };
    table.profile = str("scripted");
    table.verify = [](void* self, const openexec_proposal* proposal, int64_t, openexec_approval* approval,
                      openexec_sink* detail) -> openexec_code {
      const auto* verifier = static_cast<Verifier*>(self);
      if (verifier->says != OPENEXEC_OK) {
        openexec_sink_write(detail, str("scripted"));
        return verifier->says;
      }
      if (openexec_proposal_artifact(proposal).size == 0) {
        openexec_sink_write(detail, str("no artifact"));
        return OPENEXEC_APPROVAL_MISSING;
      }
      if (verifier->names) openexec_approval_set_id(approval, openexec_proposal_artifact(proposal));
      openexec_approval_add_key(approval, str("key-1"));
      return OPENEXEC_OK;
    };
    return table;
  }

  void set_on(openexec_config* config) {
    const openexec_verifier_table parts = table();
    Error error;
    must(openexec_config_set_verifier(config, &parts, error.out()), error);
  }
};

/// A config with a ledger in memory and the demo verifier.
inline Config demo_config() {
  Config config;
  Error error;
  must(openexec_config_create(config.out(), error.out()), error);
  must(openexec_config_set_ledger_url(config, str("sqlite://"), error.out()), error);
  must(openexec_config_set_demo_verifier(config, error.out()), error);
  return config;
}

inline Executor assemble(const openexec_config* config) {
  Executor executor;
  Error error;
  must(openexec_executor_create(config, executor.out(), error.out()), error);
  return executor;
}

inline openexec_request request(std::string_view nonce, std::string_view payload = "{}",
                                std::string_view action = "echo", std::string_view artifact = {}) {
  return {sizeof(openexec_request), str(action), str(payload), str(nonce), str(artifact)};
}

inline openexec_code execute(openexec_executor* executor, const openexec_request& what, Outcome& outcome) {
  return openexec_executor_execute(executor, &what, nullptr, outcome.out(), nullptr);
}

inline openexec_code execute(openexec_executor* executor, const openexec_request& what) {
  Outcome outcome;
  return execute(executor, what, outcome);
}

}  // namespace openexec::test::c
