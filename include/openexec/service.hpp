// SPDX-License-Identifier: Apache-2.0
// The executor over HTTP (OpenExec::service). The umbrella header does not include it.
//
//   auto service = openexec::Service::start(executor, options);
//   ... wait for a signal ...
//   service->drain();
//
// Endpoints: GET / /health /ready /version /receipts/{exec_id} /checkpoint /tile/...; POST /execute /receipts/verify.
// Answers are JSON, but for /checkpoint and /tile/ (C2SP tlog-tiles) and /receipts/{exec_id}?format=tlog-proof.
// POST /execute always answers {"id", "action", "result", "approved", "receipt", "replayed", "code", "verdict",
// "effect", "entry", "result_form"?, "result_hash"?, "proof"?, "detail"?}, with the proof if the client sends
// `Prefer: receipt-proof`. Every other problem is {"error": {"code", "detail"}}. Every client that reaches the port can
// read the log.
//
// A request that reaches the executor leaves a log entry. A request that the service itself refuses (a body over
// `body_limit`, a wrong content type, a full queue, draining) does not: nothing ran, nothing was recorded, and
// `receipt` is null.
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

/// Receives one JSON object without a line break. Called from any thread, one call at a time; must not throw or block
/// long.
using LogSink = std::function<void(std::string_view line)>;

struct ServiceOptions {
  /// A numeric address, or "localhost" (127.0.0.1). Names are never resolved, since that would need the network.
  std::string host = "127.0.0.1";
  std::uint16_t port = 5000;  ///< 0: the system chooses one, see Service::port()
  /// Names by which clients may call the service (the field Host), besides addresses and localhost. This stops
  /// a web page whose domain resolves to this machine (DNS rebinding): its requests carry another name and are answered
  /// 421. Names are always checked on a loopback address and in demo mode, and elsewhere only if some are given here.
  std::vector<std::string> allowed_hosts;
  /// Web pages that may use the service from a browser, such as "https://console.example.org": preflights are answered
  /// for them. Every other page (the field Origin) is answered 403 unless its host is one that Host accepts.
  std::vector<std::string> allowed_origins;
  /// A unix socket for the operator: GET /status; POST /halt, /resume, /revoke. Only the process's user and root may
  /// use it, and its mode is 0600. Empty: no socket.
  std::string admin_socket;
  /// Other users who may use that socket. If any is listed its mode is 0666, and the kernel tells which user connects.
  std::vector<std::uint32_t> admin_uids;
  /// Reads the nonce from the body only. For gateways that add their own Idempotency-Key to every request.
  bool ignore_idempotency_key = false;
  std::string mode;  ///< `exec_mode` of /health; empty: "demo", or the verifier's profile

  // Deadlines of a client. Each covers a whole phase, however slowly the bytes arrive.
  /// Until the first byte of the next request of a connection; longer than the usual 60 s of load balancers
  std::chrono::milliseconds idle_deadline{75'000};
  std::chrono::milliseconds header_deadline{5'000};  ///< from there to the end of its header
  std::chrono::milliseconds body_deadline{15'000};   ///< from there to the end of its body
  std::chrono::milliseconds write_deadline{10'000};  ///< until the client has read the answer
  /// From a request's first byte to its answer. An execution that lasts longer continues. Its client is answered
  /// in_progress and may ask again with the same nonce. Should exceed the longest handler.
  std::chrono::milliseconds request_deadline{120'000};

  // Memory is bounded by max_connections × (body_limit + header_limit + one answer), and by large_body_budget.
  std::size_t header_limit = std::size_t{16} << 10;
  /// The limit of a body. A larger one is answered 413 without a log entry. 0: twice the limit of the executor, so that
  /// a request that is only slightly too large still reaches the executor and leaves a log entry.
  std::size_t body_limit = 0;
  /// The total size of the bodies over 64 KiB that are parsed and executed at once. Parsing needs up to 40 times the
  /// size of a body. Further bodies wait in order, up to four times as many bytes. Beyond that the answer is 429
  /// overloaded.
  std::size_t large_body_budget = std::size_t{8} << 20;
  std::size_t max_connections = 512;  ///< the next is answered 503 and closed

  /// Executions at once. A worker mostly waits for its two shared syncs and its handler, so that there are many more
  /// workers than cores: as many as one group commit should contain.
  std::size_t workers = 64;
  std::size_t queue = 256;  ///< executions that wait for a worker; more are 429 overloaded

  std::chrono::milliseconds drain_timeout{30'000};  ///< how long drain() waits for handlers before it cancels them
  std::chrono::milliseconds cancel_grace{5'000};    ///< and how long it waits after that

  /// Reads the settings that can change at run time, and activates all of them or none. Returns a description of the
  /// active settings for the event log. Called by Service::reload(), one call at a time. Null: there are no such
  /// settings, and a reload succeeds without doing anything.
  std::function<Result<std::string>()> reload;

  /// The registered actions, for the labels of /metrics; other actions are counted without a name.
  std::vector<std::string> actions;
  /// The address that answers GET /metrics (Prometheus' text format 0.0.4) and nothing else. The admin socket answers
  /// it too. If the port is absent there is no such address. If it is 0 the system chooses one, and the event
  /// `metrics_listening` says which. Every client that reaches it can read how often each action runs.
  std::string metrics_host = "127.0.0.1";
  std::optional<std::uint16_t> metrics_port;

  LogSink log;  ///< one line for each request and event, never with a payload, key, nonce or result
};

/// A listening socket, one thread that serves it, and the workers. The executor must outlive it.
class Service {
 public:
  /// Calls listen() and serve(). Returns invalid_argument with the malformed option, and overloaded if the machine cannot
  /// provide the port, descriptors, threads or memory. Does not throw.
  static Result<Service> start(Executor& executor, ServiceOptions options = {});

  /// Answers from now on, but executes nothing: /ready and /health are 503 "starting", so that probes see that the
  /// process recovers. Executions wait for serve() until their request_deadline.
  static Result<Service> listen(ServiceOptions options);
  /// Starts to execute requests. Called once. The executor must outlive the Service, or drain() must have returned 0
  /// before the executor is destroyed.
  Status serve(Executor& executor);

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Calls ServiceOptions::reload and writes the result to the event log: the event `reloaded` with `in_force`, or the
  /// event `reload_failed` with a detail, in which case nothing has changed. Both list in `needs_restart` the settings
  /// that only a restart changes. May be called from any thread.
  Status reload();

  /// Stops accepting requests and starting executions. Running executions finish and are answered. After drain_timeout
  /// they are cancelled (see Cancellation), and after cancel_grace abandoned. Returns the number of abandoned
  /// executions. After 0 the admin socket and the metrics are closed as well, and the Service no longer uses the
  /// executor. Abandoned executions still run: destroying the Service waits for them, and ending the process leaves
  /// their nonces in doubt.
  std::size_t drain();

  Service(Service&&) noexcept;
  Service& operator=(Service&&) noexcept;
  ~Service();  ///< drains

 private:
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// How a handlers file is read.
struct CommandFileOptions {
  bool others_may_write = false;  ///< WEAK: only warns of such a file. For demonstrations
  /// Called with each warning that is not a reason to refuse the file. May be empty. Must not throw.
  std::function<void(const std::string& finding)> warn;
  /// Receives the event `command_stderr` of the actions with `log_stderr`. Called from any thread, concurrently. Must
  /// not throw. May be empty.
  LogSink log;
};

/// Adds the actions of a handlers file: `{"send_email": {"argv": ["/usr/local/bin/send-email"], "timeout_ms": 30000,
/// "max_output": 65536, "env": ["SMTP_URL"], "schema": {"required": ["to"]}, "retry_none": 2, "reconcile":
/// ["/usr/local/bin/was-sent"], "cost": ["/usr/local/bin/price"]}}`. Returns their names. Returns invalid_argument
/// with file and line if any part of the file is malformed or unknown, and then adds nothing.
///
/// `argv` is fixed and starts with the absolute path of an executable. No shell is used, and no part of a request
/// becomes an argument. The command reads the canonical payload from its stdin. Its environment has only
/// OPENEXEC_EXEC_ID, OPENEXEC_ACTION, OPENEXEC_TENANT, OPENEXEC_ATTEMPT and the variables that `env` lists, with the
/// values that they have when the file is read. It inherits no other open file, and leads a process group of its own.
/// Its stderr is discarded, since it may hold secrets; `"log_stderr": true` keeps its last 4 KiB for
/// CommandFileOptions::log, as the event `command_stderr` with the exec id.
///
///   exit 0         stdout is the result: JSON as it is, anything else whole, as text or base64 (ResultForm)
///   exit 65        refused, nothing happened: handler_failed, effect none
///   other ends     handler_failed, effect unknown. The detail tells these apart as well
///   killed, because of `timeout_ms`, for more than `max_output` bytes, or on cancellation: in_doubt
///
/// `retry_none` is HandlerTable::Row::retry_none: after exit 65 the same request may run again, at most that many
/// times.
///
/// `reconcile` and `cost` are commands in the same form and with the same limits. At the start, `reconcile` is run for
/// each interrupted execution, without a payload. One JSON object with exit 0 is the result of the action, exit 65
/// means that nothing happened, and every other end leaves the execution in doubt. `cost` is run if an approval has
/// max_cost_usd. It prints the cost as a decimal number of dollars on one line with exit 0, and every other end refuses
/// the execution.
///
/// Processes that are left in its process group are killed when the command ends.
///
/// Since the file and its commands decide what runs, a file or command that every user of the machine can write, or
/// replace in its folder, is refused.
Result<std::vector<std::string>> add_command_handlers(HandlerTable& table, const std::string& path,
                                                      const CommandFileOptions& options = {});

}  // namespace openexec
