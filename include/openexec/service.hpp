// SPDX-License-Identifier: Apache-2.0
// The boundary over HTTP (OpenExec::service). Not part of the umbrella: whoever links the service includes it.
//
//   auto service = openexec::Service::start(executor, options);
//   ... wait for a signal ...
//   service->drain();
//
// Endpoints: GET / /health /ready /version /receipts/{exec_id} /checkpoint /tile/...; POST /execute /receipts/verify.
// Answers are JSON, but for /checkpoint and /tile/ (C2SP tlog-tiles) and /receipts/{exec_id}?format=tlog-proof.
// POST /execute always answers {"id", "action", "result", "approved", "receipt", "replayed", "code", "verdict",
// "effect", "entry", "result_form"?, "result_hash"?, "proof"?,
// "detail"?}, with the proof where the client sends `Prefer: receipt-proof`. Every other problem is {"error": {"code",
// "detail"}}. Whoever reaches the port reads the log.
//
// What reaches the boundary leaves a log entry. What the service itself turns away (a body over `body_limit`, a wrong
// content type, a full queue, draining) never reaches it: nothing ran, nothing was recorded, and `receipt` is null.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/executor.hpp>
#include <openexec/handler.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// Takes one JSON object, without a line break. Called from any thread, one call at a time; must not throw or block
/// long.
using LogSink = std::function<void(std::string_view line)>;

struct ServiceOptions {
  /// A numeric address, or "localhost" (127.0.0.1). Names are never resolved: that would call out.
  std::string host = "127.0.0.1";
  std::uint16_t port = 5000;  ///< 0: the system picks one, see Service::port()
  /// Names by which clients may call the service (the field Host), besides addresses and localhost. A web page whose
  /// own name leads to this machine calls it by another one, and is answered 421. Names are always checked on a
  /// loopback address and in demo mode, elsewhere only where some are given here.
  std::vector<std::string> allowed_hosts;
  /// Web pages that may use the service from a browser, such as "https://console.example.org": preflights are answered for
  /// them. Every other page (the field Origin) is answered 403 unless its host is one that Host accepts.
  std::vector<std::string> allowed_origins;
  /// A unix socket for the operator: GET /status; POST /halt, /resume, /revoke. For the process's user and root, with
  /// mode 0600. Empty: none.
  std::string admin_socket;
  /// Other users who may order there. Where any is listed the socket's mode is 0666, and the kernel says who connects.
  std::vector<std::uint32_t> admin_uids;
  /// Takes the nonce from the body alone. For gateways that put an Idempotency-Key of their own into every request.
  bool ignore_idempotency_key = false;
  std::string mode;  ///< `exec_mode` of /health; empty: "demo", or the verifier's profile

  // What a client may take. Each runs from its start to its end, however the bytes dribble in.
  /// Until the first byte of a connection's next request; above the usual balancer's 60 s
  std::chrono::milliseconds idle_deadline{75'000};
  std::chrono::milliseconds header_deadline{5'000};  ///< from there to the end of its header
  std::chrono::milliseconds body_deadline{15'000};   ///< from there to the end of its body
  std::chrono::milliseconds write_deadline{10'000};  ///< for the answer to be taken
  /// From a request's first byte to its answer. An execution that lasts longer goes on; its client is told in_progress
  /// and may ask again with the same nonce. Should exceed the longest handler.
  std::chrono::milliseconds request_deadline{120'000};

  // Memory is bounded by max_connections × (body_limit + header_limit + one answer), and by what large_body_budget
  // says.
  std::size_t header_limit = std::size_t{16} << 10;
  /// Of a body; more is 413 without a log entry. 0: twice the executor's own limit, so that a request that is merely
  /// too large still reaches the boundary and leaves its log entry.
  std::size_t body_limit = 0;
  /// Bytes of the bodies over 64 KiB that are read as JSON and executed at once. A body becomes up to 40 times as large
  /// while it is. More wait in their order, up to four times as many bytes; beyond them the answer is 429 overloaded.
  std::size_t large_body_budget = std::size_t{8} << 20;
  std::size_t max_connections = 512;  ///< the next is answered 503 and closed

  /// Executions at once. A worker sleeps in its two shared syncs and in its handler, so there are many more than
  /// cores: as many as one group commit should carry.
  std::size_t workers = 64;
  std::size_t queue = 256;  ///< executions that wait for a worker; more are 429 overloaded

  std::chrono::milliseconds drain_timeout{30'000};  ///< how long drain() waits for handlers before it cancels them
  std::chrono::milliseconds cancel_grace{5'000};    ///< and how long after that

  /// Reads the settings that can change while it runs, puts them in force or leaves all as it was, and answers what is
  /// in force now, for the log. Called by Service::reload(), one call at a time. Null: there are none, and a reload
  /// succeeds without doing anything.
  std::function<Result<std::string>()> reload;

  /// The registered actions, for the labels of /metrics; an action that is not here is counted without a name.
  std::vector<std::string> actions;
  /// Where GET /metrics (Prometheus' text format 0.0.4) is answered, and nothing else; the admin socket has it too. The
  /// port is absent: nowhere; 0: the system picks one, and the event `metrics_listening` says which. Whoever reaches it
  /// reads how often each action runs.
  std::string metrics_host = "127.0.0.1";
  std::optional<std::uint16_t> metrics_port;

  LogSink log;  ///< one line a request and an event; no payload, key, nonce or result is ever in it
};

/// A listening socket, one thread that serves it, and the workers. The executor must outlive it.
class Service {
 public:
  /// listen() and serve(). invalid_argument names the option that cannot be, or why the port cannot be had.
  /// overloaded if there is no memory for it. Throws nothing.
  static Result<Service> start(Executor& executor, ServiceOptions options = {});

  /// Answers from now on, but executes nothing: /ready and /health are 503 "starting", so that probes see a process
  /// that recovers. Executions wait for serve() within their request_deadline.
  static Result<Service> listen(ServiceOptions options);
  /// Opens for executions. Called once. The executor must outlive the Service, or drain() must have returned 0 before
  /// the executor is destroyed.
  Status serve(Executor& executor);

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Calls ServiceOptions::reload, and says in the log what became of it: the event `reloaded` with `in_force`, or
  /// `reload_failed` with a detail, and then nothing has changed; either names in `needs_restart` what was sealed at
  /// the start. From any thread.
  Status reload();

  /// Stops accepting and starting executions; those that run finish and are answered. After drain_timeout they are
  /// cancelled (see Cancellation), after cancel_grace given up. Returns how many were given up: 0 is a clean end, after
  /// which the admin socket and the metrics are closed as well, and nothing of the Service uses the executor.
  /// Those still run; destroying the Service waits for them, ending the process leaves their nonces in doubt.
  std::size_t drain();

  Service(Service&&) noexcept;
  Service& operator=(Service&&) noexcept;
  ~Service();  ///< drains

 private:
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

struct CommandFileOptions {
  bool others_may_write = false;  ///< WEAK: only warns of such a file. For demonstrations
  /// Told of each finding that is no reason to refuse. May be empty; must not throw.
  std::function<void(const std::string& finding)> warn;
  /// Takes the event `command_stderr` of the actions with `log_stderr`. From any thread, several calls at once; must
  /// not throw. May be empty.
  LogSink log;
};

/// Adds the actions of a handlers file: `{"send_email": {"argv": ["/usr/local/bin/send-email"], "timeout_ms": 30000,
/// "max_output": 65536, "env": ["SMTP_URL"], "schema": {"required": ["to"]}, "retry_none": 2, "reconcile":
/// ["/usr/local/bin/was-sent"], "cost": ["/usr/local/bin/price"]}}`. Returns their names. invalid_argument, with file
/// and line, for anything
/// that is not exactly understood: then nothing was added.
///
/// `argv` is fixed, starts with the absolute path of an executable, and no shell and nothing of a request enters it.
/// The command finds the canonical payload on its stdin; OPENEXEC_EXEC_ID, OPENEXEC_ACTION, OPENEXEC_TENANT,
/// OPENEXEC_ATTEMPT and the variables that `env` lists (those that are set now, with their values of now) in its
/// environment, and nothing else there; no other open file. It leads a process group of its own. Its stderr is
/// discarded, since it may hold secrets; `"log_stderr": true` keeps its last 4 KiB for CommandFileOptions::log, as the
/// event `command_stderr` with the exec id.
///
///   exit 0         stdout is the result: JSON as it is, anything else whole, as text or base64 (ResultForm)
///   exit 65        refused, nothing happened: handler_failed, effect none
///   other ends     handler_failed, effect unknown. The detail tells these apart as well
///   had to be killed, for `timeout_ms`, for more than `max_output` bytes, or on cancellation: in_doubt
///
/// `retry_none` is HandlerTable::Row::retry_none: after exit 65 the same request may run again, so many times at most.
///
/// `reconcile` and `cost` are commands in the same form and with the same limits. The first is asked at the start about
/// each execution that was interrupted, without a payload: one JSON object with exit 0 is the result of what was done,
/// exit 65 says that nothing was, and all else leaves it in doubt. The second is asked what an execution would cost
/// where its approval names max_cost_usd: a decimal number of dollars on one line with exit 0; all else refuses the
/// execution.
///
/// What the command leaves running in its process group is killed when it ends.
///
/// The file and its commands decide what runs: each of them that every user of the machine may write, or replace in its
/// folder, is refused.
Result<std::vector<std::string>> add_command_handlers(HandlerTable& table, const std::string& path,
                                                      const CommandFileOptions& options = {});

}  // namespace openexec
