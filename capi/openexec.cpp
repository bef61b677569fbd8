// SPDX-License-Identifier: Apache-2.0
// The entry points, in the order of the header.
//
// Each has the same shape: one guard, what comes in is looked at, one call into the library.
#pragma GCC visibility push(default)
#include <openexec.h>
#pragma GCC visibility pop

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <openexec/openexec.hpp>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "crypto/sha256.hpp"
#include "evidence/identity.hpp"
#include "handles.hpp"
#include "schema/pattern.hpp"

using namespace openexec;        // NOLINT: the entry points themselves are in the global namespace
using namespace openexec::capi;  // NOLINT

namespace {

std::string text(const openexec_str& given, const char* what) {
  const std::string_view bytes = in(given, what);
  if (bytes.empty() || !base::is_utf8(bytes)) misuse(std::string(what) + ": must be UTF-8, and not empty");
  return std::string(bytes);
}

/// A name that goes to the system, where it ends at the first zero.
std::string location(const openexec_str& given, const char* what) {
  const std::string_view bytes = in(given, what);
  if (bytes.empty() || bytes.find('\0') != std::string_view::npos)
    misuse(std::string(what) + ": must not be empty, nor hold a zero byte");
  return std::string(bytes);
}

/// What an accessor reads; `otherwise` for NULL.
template <class Handle, class Value, class Read>
Value peek(const Handle* handle, Value otherwise, Read&& read) noexcept {
  return handle == nullptr ? otherwise : read(*handle);
}

Request request_of(const openexec_request* given) {
  const openexec_request request = sized(given, "request");
  return {in(request.action, "request.action"), in(request.payload, "request.payload"),
          in(request.nonce, "request.nonce"), in(request.approval_artifact, "request.approval_artifact")};
}

CallOptions options_of(const openexec_call_options* given) {
  CallOptions options;
  if (given == nullptr) return options;
  const openexec_call_options call = sized(given, "options");
  if (call.max_wait_ms > std::numeric_limits<std::uint32_t>::max()) misuse("options.max_wait_ms: above 4294967295");
  if (call.max_wait_ms != 0) options.max_wait = std::chrono::milliseconds(std::max<std::int64_t>(call.max_wait_ms, 0));
  if (call.cancellation != nullptr) options.cancellation = call.cancellation->flag;
  const std::string_view nonce = in(call.nonce, "options.nonce");
  if (!nonce.empty()) options.nonce = nonce;
  if (call.proof != 0 && call.proof != 1) misuse("options.proof: must be 0 or 1");
  if (call.reserved != 0) misuse("options.reserved: must be 0");
  options.proof = call.proof == 1;
  return options;
}

/// Writes as much as the caller's struct has room for.
void fill(openexec_recovery* place, const Recovery& found) {
  openexec_recovery answer{place->size, found.in_doubt, found.settled, found.relogged};
  std::memcpy(place, &answer, std::min(place->size, sizeof answer));
}

/// One call inside an executor, which lives at least as long.
class Visit {
 public:
  explicit Visit(const openexec_executor* executor)
      // NOLINTNEXTLINE: counts the call, changes nothing
      : executor_(const_cast<openexec_executor*>(in(executor, "executor"))) {
    executor_->owner.require_here("executor");
    if (!executor_->enter()) misuse("executor: closed; no call may begin");
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  /// Not noexcept: a thread may end while it is told that the executor is closed.
  ~Visit() noexcept(false) { executor_->leave(!ending_); }
  /// The thread is ending inside a callback.
  void thread_ends() noexcept { ending_ = true; }
  Executor* operator->() const noexcept { return executor_->value.get(); }
  [[nodiscard]] const openexec_executor& handle() const noexcept { return *executor_; }

 private:
  openexec_executor* executor_;
  bool ending_ = false;
};

/// Runs `body` inside an executor.
template <class Body>
OPENEXEC_CATCHES_UNWIND auto visiting(const openexec_executor* executor, Body&& body) {
  Visit inside(executor);
  try {
    return std::forward<Body>(body)(std::as_const(inside));
  } catch (base::ForcedUnwind&) {
    inside.thread_ends();
    throw;
  }
}

openexec_event answered(const Outcome& outcome) noexcept {
  openexec_event event{};
  event.kind = OPENEXEC_EVENT_ANSWERED;
  event.code = number(outcome.code);
  event.verdict = static_cast<openexec_verdict>(outcome.verdict);
  event.effect = static_cast<openexec_effect>(outcome.effect);
  event.exec_id = out(outcome.exec_id);
  event.action = out(outcome.action);
  event.entry_index = outcome.entry_index ? static_cast<std::int64_t>(*outcome.entry_index) : -1;
  return event;
}

template <class Arrival>
openexec_code execute(openexec_executor* executor, const Arrival& arrival, const openexec_call_options* options,
                      Out<openexec_outcome>& outcome) {
  const CallOptions call = options_of(options);
  return visiting(executor, [&](const Visit& inside) {
    auto handle = std::make_unique<openexec_outcome>();  // before anything runs: no outcome is lost for want of memory
    if constexpr (std::is_same_v<Arrival, Request>)
      handle->value = inside->execute(arrival, call);
    else
      handle->value = inside->execute_json(arrival, call);
    const openexec_code code = number(handle->value.code);
    inside.handle().tell(answered(handle->value));
    outcome.give(std::move(handle));
    return code;
  });
}

Call call_of(const openexec_call* given) {
  const openexec_call call = sized(given, "call");
  const std::string_view json = in(call.json, "call.json");
  if (call.request != nullptr && !json.empty()) misuse("call: must have either request or json, not both");
  if (call.request != nullptr) return {request_of(call.request), options_of(call.options)};
  return {json, options_of(call.options)};
}

/// Returns a callback executor that gives pieces of work to the host, which runs them on a thread of its choice.
/// Without memory for a piece, the piece runs here. An exception of `lend` would not say whether the host kept the
/// piece, so it ends the process.
CallbackExecutor lender(openexec_callback_executor lend, void* self) {
  using Work = std::function<void()>;
  if (lend == nullptr) return nullptr;
  return [lend, self](Work work) {
    auto* piece = new (std::nothrow) Work(std::move(work));
    if (piece == nullptr) return work();
    const auto run = [](void* handed) { (*std::unique_ptr<Work>(static_cast<Work*>(handed)))(); };
    call_infallible([&] { lend(self, run, piece); });
  };
}

std::unique_ptr<openexec_proposal> handle_of(Proposal proposal) {
  auto handle = std::make_unique<openexec_proposal>();
  handle->own.emplace(std::move(proposal));
  handle->view = &*handle->own;
  return handle;
}

Digest hash_of(const Proposal& proposal, openexec_hash hash) {
  switch (hash) {
    case OPENEXEC_HASH_REQUEST: return exec::request_hash(proposal, *jcs_sha256());
    case OPENEXEC_HASH_ACTION: return proposal.action_hash();
    case OPENEXEC_HASH_PARAMETERS: return proposal.parameters_hash();
    case OPENEXEC_HASH_EXEC_ID: return exec::exec_id(proposal, *jcs_sha256());
    case OPENEXEC_HASH_ARTIFACT: return proposal.artifact_digest();
    default: misuse("hash: " + std::to_string(hash) + " is not a known hash");
  }
}

std::string form_of(canon::View value, openexec_form form) {
  switch (form) {
    case OPENEXEC_FORM_JCS: return canon::jcs(value);
    case OPENEXEC_FORM_CLAWSHIELD_V1: return canon::clawshield_v1(value);
    case OPENEXEC_FORM_DISPLAY: return canon::display(value);
    default: misuse("form: " + std::to_string(form) + " is not a known form");
  }
}

template <class List, class Read>
openexec_code put(List* list, Read&& read) {
  return guard(nullptr, [&] {
    if (std::exchange(in(list, "list")->failed, true)) refuse(Code::overloaded, "one before was not taken");
    if (list->items.size() >= list->limit) refuse(Code::overloaded, "more than was asked for");
    list->items.push_back(read());
    list->failed = false;
  });
}

/// Takes what a verifier names of an approval. Remembers that something was not accepted, and whether memory ran out.
template <class Take>
openexec_code take_name(openexec_approval* approval, Take&& take) {
  const openexec_code code = guard(nullptr, [&] {
    const bool failed = std::exchange(in(approval, "approval")->failed, true);
    take();
    approval->failed = failed;
  });
  if (code == OPENEXEC_OVERLOADED) approval->without_memory = true;
  return code;
}

/// Visits lines until there are no more or the visitor stops. Returns whether the visitor stopped.
bool visit_all(const std::vector<LogLine>& lines, openexec_visit visit, void* self) {
  return std::any_of(lines.begin(), lines.end(), [&](const LogLine& line) {
    const openexec_log_line seen = line_of(line);
    return visit(self, &seen) != 0;
  });
}

std::shared_ptr<ReceiptLog> log_of(const openexec_log* log) {
  in(log, "log")->owner.require_here("log");
  std::shared_ptr<ReceiptLog> its_log = log->get();
  if (its_log == nullptr) misuse("log: closed");
  return its_log;
}

std::shared_ptr<TransparencyLog> tree_of(const openexec_log* log) {
  std::shared_ptr<ReceiptLog> its_log = log_of(log);
  TransparencyLog* tree = its_log->transparency();
  if (tree == nullptr) misuse("log: keeps no tree");
  return {std::move(its_log), tree};
}

std::unique_ptr<openexec_buffer> buffer_of(std::string bytes) {
  return std::make_unique<openexec_buffer>(openexec_buffer{std::move(bytes)});
}

/// Returns the members of an approval as a receipt's entry has them.
std::unique_ptr<openexec_buffer> note_of(Approval who, const Proposal& proposal) {
  return buffer_of(to_json(
      ApprovalNote{std::move(who.profile), std::move(who.id), proposal.artifact_digest(), std::move(who.keys)}));
}

std::shared_ptr<PolicyVerifier> policy_verifier(std::optional<TrustPolicy> policy, std::string executor,
                                                std::string tenant, std::chrono::seconds max_issued_ahead,
                                                std::shared_ptr<const Clock> clock) {
  TrustPolicyOptions options;
  options.policy = std::move(policy);
  options.executor = std::move(executor);
  options.tenant = std::move(tenant);
  options.max_issued_ahead = max_issued_ahead;
  options.clock = std::move(clock);
  return require(trust_policy_verifier(std::move(options)));
}

/// Returns nullopt if `data` is NULL.
std::optional<std::string_view> given(const openexec_str& text, const char* what) {
  const std::string_view bytes = in(text, what);
  return text.data == nullptr ? std::nullopt : std::optional(bytes);
}

EvidenceTrust trust_of(const openexec_evidence_trust* from) {
  const openexec_evidence_trust trust = sized(from, "trust");
  return {given(trust.log_key, "trust.log_key"), given(trust.policy, "trust.policy")};
}

EvidenceHeld held_of(const openexec_evidence_held* from) {
  if (from == nullptr) return {};
  const openexec_evidence_held held = sized(from, "held");
  return {given(held.exec_id, "held.exec_id"), given(held.action, "held.action"),    given(held.nonce, "held.nonce"),
          given(held.tenant, "held.tenant"),   given(held.payload, "held.payload"),  given(held.result, "held.result"),
          given(held.receipt, "held.receipt"), given(held.approval, "held.approval")};
}

bool is_step(openexec_evidence_step step) noexcept {
  return step >= 0 && step < static_cast<openexec_evidence_step>(evidence_steps);
}

/// Returns one step of a report, or null if there is no report or no such step.
const EvidenceCheck* check_of(const openexec_evidence* report, openexec_evidence_step step) noexcept {
  return report == nullptr || !is_step(step) ? nullptr : &report->value.at(static_cast<EvidenceStep>(step));
}

}  // namespace

std::shared_ptr<NonceStore> openexec_config::make_store() const {
  const SqliteOptions options{.log = ledger_log};
  if (const auto* at = std::get_if<LedgerUrl>(&store)) return require(open_ledger(at->url, options));
  if (const auto* at = std::get_if<LedgerPath>(&store)) return require(sqlite_ledger(at->path, options));
  if (const auto* own = std::get_if<std::shared_ptr<NonceStore>>(&store)) {
    if (!ledger_log.key_pem.empty() || !ledger_log.origin.empty() || !ledger_log.anchor.empty())
      misuse("config: a store of your own does not accept a log key, origin or anchor");
    return *own;
  }
  misuse("config: no store is set");
}

std::shared_ptr<const Verifier> openexec_config::make_verifier() const {
  if (const auto* clawshield = std::get_if<ClawshieldOptions>(&verifier)) {
    ClawshieldOptions options = *clawshield;
    options.max_issued_ahead = max_issued_ahead;
    return require(clawshield_v1(options));
  }
  if (const auto* own = std::get_if<std::shared_ptr<const Verifier>>(&verifier)) return *own;
  misuse("config: no verifier is set");
}

std::shared_ptr<PolicyVerifier> openexec_config::make_policy_verifier() const {
  const auto* by = std::get_if<ByTrustPolicy>(&verifier);
  if (by == nullptr) return nullptr;
  return policy_verifier(by->policy, value.executor, value.tenant, max_issued_ahead, clock);
}

namespace {

/// The order of a halt or resume for which the caller names no operator.
constexpr Order own_order{.who = "the host program", .why = "not said", .tenant = {}};

Status obeyed(const Outcome& outcome) {
  return outcome.ok() ? Status::success() : Status(outcome.code, outcome.detail);
}

Outcome obey(Executor& executor, const openexec_order& given) {
  const Order order{
      .who = in(given.who, "order.who"), .why = in(given.why, "order.why"), .tenant = in(given.tenant, "order.tenant")};
  const std::string_view id = in(given.id, "order.id");
  if (given.active != 0 && given.active != 1) misuse("order.active: must be 1 or 0");
  if (given.control == OPENEXEC_CONTROL_HALT && !id.empty()) misuse("order.id: must be empty for a halt");
  if (given.control != OPENEXEC_CONTROL_HALT && given.active == 0)
    misuse("order.active: must be 1, since a revocation cannot be lifted");
  switch (given.control) {
    case OPENEXEC_CONTROL_HALT: return given.active == 1 ? executor.halt(order) : executor.resume(order);
    case OPENEXEC_CONTROL_REVOKE_APPROVAL: return executor.revoke_approval(id, order);
    case OPENEXEC_CONTROL_REVOKE_KEY: return executor.revoke_key(id, order);
    case OPENEXEC_CONTROL_CONFIRM_CLOCK:
      if (!id.empty()) misuse("order.id: must be empty for a confirmation");
      return executor.confirm_clock(order);
    default: misuse("order.control: " + std::to_string(given.control) + " is not a known control");
  }
}

HandlerTable table_of(const NamedHandlers& handlers, std::size_t max_result_bytes) {
  HandlerTable table;
  for (const auto& [action, handler] : handlers) {
    HandlerTable::Row row;
    row.run = [handler = handler, max_result_bytes](const Invocation& call) {
      return handler->run(call, max_result_bytes);
    };
    if (handler->can_reconcile())
      row.reconcile = [handler = handler, max_result_bytes](const Settlement& settlement) {
        return handler->reconcile(settlement, max_result_bytes);
      };
    row.deadline = handler->deadline();
    row.retry_none = handler->retry_none();
    row.schema = handler->schema();
    if (handler->tells_cost()) row.cost = [handler = handler](const CostQuery& query) { return handler->cost(query); };
    require(table.add(action, std::move(row)));
  }
  return table;
}

}  // namespace

// 2 values

openexec_str openexec_text(const char* text) {
  return text == nullptr ? openexec_str{} : openexec_str{text, std::strlen(text)};
}

openexec_str openexec_code_name(openexec_code code) { return out(name(Code{code})); }

openexec_code openexec_code_from_name(openexec_str name, openexec_code* code, openexec_error** error) {
  return guard(error, [&] {
    const auto found = code_from_name(in(name, "name"));
    if (!found) misuse("name: is not the name of a code");
    *in(code, "code") = number(*found);
  });
}

int32_t openexec_code_http(openexec_code code) { return http_status(Code{code}); }

openexec_kind openexec_code_kind(openexec_code code) { return static_cast<openexec_kind>(kind(Code{code})); }

openexec_str openexec_verdict_name(openexec_verdict verdict) {
  const bool known = verdict >= OPENEXEC_VERDICT_REFUSED && verdict <= OPENEXEC_VERDICT_CONTROL;
  return out(known ? name(static_cast<Verdict>(verdict)) : "unknown");
}

openexec_str openexec_result_form_name(openexec_result_form form) {
  return out(form >= 0 && form <= OPENEXEC_RESULT_BYTES ? name(static_cast<ResultForm>(form)) : "unknown");
}

openexec_str openexec_effect_name(openexec_effect effect) {
  const bool known = effect >= OPENEXEC_EFFECT_NONE && effect <= OPENEXEC_EFFECT_UNKNOWN;
  return out(known ? name(static_cast<Effect>(effect)) : "unknown");
}

openexec_code openexec_error_code(const openexec_error* error) {
  return peek(error, openexec_code{OPENEXEC_INVALID_ARGUMENT}, [](const openexec_error& e) { return e.code; });
}

openexec_str openexec_error_detail(const openexec_error* error) {
  return peek(error, openexec_str{}, [](const openexec_error& e) { return out(e.detail); });
}

void openexec_error_destroy(openexec_error** error) { destroy(error); }

openexec_code openexec_digest_to_hex(const openexec_digest* digest, openexec_hex* hex, openexec_error** error) {
  return guard(error, [&] {
    const std::string digits = to_hex(capi::digest(*in(digest, "digest")));
    std::memcpy(in(hex, "hex")->text, digits.c_str(), sizeof hex->text);
  });
}

openexec_code openexec_digest_from_hex(openexec_str hex, openexec_digest* digest, openexec_error** error) {
  return guard(error, [&] {
    Digest bytes{};
    if (!from_hex(in(hex, "hex"), bytes)) misuse("hex: must be 64 lower-case hexadecimal digits");
    *in(digest, "digest") = capi::digest(bytes);
  });
}

openexec_str openexec_buffer_view(const openexec_buffer* buffer) {
  return peek(buffer, openexec_str{}, [](const openexec_buffer& b) { return out(b.bytes); });
}

void openexec_buffer_destroy(openexec_buffer** buffer) { destroy(buffer); }

openexec_str openexec_version(void) { return out(version()); }

int32_t openexec_has_feature(openexec_str name) {
  constexpr std::array<std::string_view, 8> features{"sqlite",   "clawshield-v1", "trust-policy",   "transparency-log",
                                                     "evidence", "events",        "payload-schema", "tool-call-nonce"};
  if (name.data == nullptr) return 0;
  const std::string_view wanted(name.data, name.size);
  if (wanted == "payload-schema-patterns") return schema::has_patterns() ? 1 : 0;
  return std::find(features.begin(), features.end(), wanted) != features.end();
}

openexec_code openexec_proposal_create(const openexec_request* request, openexec_str tenant,
                                       openexec_proposal** proposal, openexec_error** error) {
  return guard(error, [&] {
    Out place(proposal, "proposal");
    place.give(handle_of(require(Proposal::parse(request_of(request), text(tenant, "tenant")))));
  });
}

openexec_code openexec_proposal_create_json(openexec_str request, openexec_str tenant, openexec_proposal** proposal,
                                            openexec_error** error) {
  return guard(error, [&] {
    Out place(proposal, "proposal");
    place.give(handle_of(require(Proposal::parse_json(in(request, "request"), text(tenant, "tenant")))));
  });
}

void openexec_proposal_destroy(openexec_proposal** proposal) { destroy(proposal); }

openexec_str openexec_proposal_tenant(const openexec_proposal* proposal) {
  return peek(proposal, openexec_str{}, [](const openexec_proposal& p) { return out(p.view->tenant()); });
}

openexec_str openexec_proposal_action(const openexec_proposal* proposal) {
  return peek(proposal, openexec_str{}, [](const openexec_proposal& p) { return out(p.view->action()); });
}

openexec_str openexec_proposal_nonce(const openexec_proposal* proposal) {
  return peek(proposal, openexec_str{}, [](const openexec_proposal& p) { return out(p.view->nonce()); });
}

openexec_str openexec_proposal_payload(const openexec_proposal* proposal) {
  return peek(proposal, openexec_str{}, [](const openexec_proposal& p) { return out(p.view->payload()); });
}

openexec_str openexec_proposal_artifact(const openexec_proposal* proposal) {
  return peek(proposal, openexec_str{}, [](const openexec_proposal& p) { return out(p.view->artifact()); });
}

openexec_code openexec_proposal_hash(const openexec_proposal* proposal, openexec_hash hash, openexec_digest* digest,
                                     openexec_error** error) {
  return guard(error, [&] {
    in(digest, "digest");
    *digest = capi::digest(hash_of(*in(proposal, "proposal")->view, hash));
  });
}

// 3 config

openexec_code openexec_config_create(openexec_config** config, openexec_error** error) {
  return guard(error, [&] { Out(config, "config").give(std::make_unique<openexec_config>()); });
}

void openexec_config_destroy(openexec_config** config) { destroy(config); }

openexec_code openexec_config_set_tenant(openexec_config* config, openexec_str tenant, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->value.tenant = text(tenant, "tenant"); });
}

openexec_code openexec_config_set_executor_name(openexec_config* config, openexec_str name, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->value.executor = text(name, "name"); });
}

openexec_code openexec_config_set_allowed_actions(openexec_config* config, const openexec_str* actions, size_t count,
                                                  openexec_error** error) {
  return guard(error, [&] {
    in(config, "config");
    if (count != 0) in(actions, "actions");
    std::vector<std::string> allowed;
    for (size_t i = 0; i < count; ++i) allowed.push_back(text(actions[i], "actions"));
    config->value.allowed_actions = std::move(allowed);
  });
}

openexec_code openexec_config_set_limit(openexec_config* config, openexec_limit limit, uint64_t value,
                                        openexec_error** error) {
  return guard(error, [&] {
    Limits& limits = in(config, "config")->value.limits;
    if (value > std::numeric_limits<std::uint32_t>::max()) misuse("value: above 4294967295");
    const auto number = static_cast<std::uint32_t>(value);
    switch (limit) {
      case OPENEXEC_LIMIT_REQUEST_BYTES: limits.request.max_bytes = number; break;
      case OPENEXEC_LIMIT_REQUEST_DEPTH: limits.request.max_depth = number; break;
      case OPENEXEC_LIMIT_RESULT_BYTES: limits.max_result_bytes = number; break;
      case OPENEXEC_LIMIT_IN_FLIGHT: limits.max_in_flight = number; break;
      case OPENEXEC_LIMIT_REFUSALS_PER_SECOND: limits.max_refusals_per_second = number; break;
      case OPENEXEC_LIMIT_WAIT_MS: limits.max_wait = std::chrono::milliseconds(number); break;
      case OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS: config->max_issued_ahead = std::chrono::seconds(number); break;
      case OPENEXEC_LIMIT_CLOCK_JUMP_SECONDS: limits.max_clock_jump = std::chrono::seconds(number); break;
      case OPENEXEC_LIMIT_REPLAYS_PER_SECOND: limits.max_replays_per_second = number; break;
      default: misuse("limit: " + std::to_string(limit) + " is not a known limit");
    }
  });
}

openexec_code openexec_config_set_ledger_url(openexec_config* config, openexec_str url, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->store = LedgerUrl{location(url, "url")}; });
}

openexec_code openexec_config_set_ledger_path(openexec_config* config, openexec_str path, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->store = LedgerPath{location(path, "path")}; });
}

openexec_code openexec_config_set_clawshield_verifier(openexec_config* config, openexec_str public_key_pem,
                                                      openexec_str tenant, openexec_error** error) {
  return guard(error, [&] {
    ClawshieldOptions options;
    options.public_key_pem = in(public_key_pem, "public_key_pem");
    options.tenant_id = in(tenant, "tenant");
    in(config, "config");
    require(clawshield_v1(options));  // a bad key is told here, not when an executor is made
    config->verifier = std::move(options);
  });
}

openexec_code openexec_config_set_log_key(openexec_config* config, openexec_str private_key_pem,
                                          openexec_error** error) {
  return guard(error, [&] { in(config, "config")->ledger_log.key_pem = text(private_key_pem, "private_key_pem"); });
}

openexec_code openexec_config_set_log_origin(openexec_config* config, openexec_str origin, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->ledger_log.origin = text(origin, "origin"); });
}

openexec_code openexec_config_set_log_anchor(openexec_config* config, openexec_str path, openexec_error** error) {
  return guard(error, [&] { in(config, "config")->ledger_log.anchor = location(path, "path"); });
}

openexec_code openexec_config_set_trust_policy(openexec_config* config, openexec_str policy, openexec_error** error) {
  return guard(error, [&] {
    const std::string_view json = in(policy, "policy");
    ByTrustPolicy by;
    if (!json.empty()) by.policy = require(TrustPolicy::parse(json));
    in(config, "config")->verifier = std::move(by);
  });
}

openexec_code openexec_config_set_demo_verifier(openexec_config* config, openexec_error** error) {
  return guard(error, [&] {
    in(config, "config")->verifier = std::shared_ptr<const Verifier>(std::make_shared<DemoVerifier>());
  });
}

// 4 parts

namespace {

void measure(Whole& whole, std::string_view bytes) noexcept {
  whole.hash.add(bytes);
  whole.length += bytes.size();
}

}  // namespace

openexec_code openexec_sink_write(openexec_sink* sink, openexec_str bytes) {
  return guard(nullptr, [&] {
    const bool failed = std::exchange(in(sink, "sink")->failed, true);
    const std::string_view given = in(bytes, "bytes");
    if (failed && sink->whole) measure(*sink->whole, given);
    if (failed) refuse(Code::overloaded, "bytes before were not taken");
    const std::size_t room = sink->limit - sink->text.size();
    if (given.size() > room && sink->measures) {
      measure(sink->whole.emplace(), sink->text);
      measure(*sink->whole, given);
    }
    sink->text.append(given.substr(0, room));
    if (given.size() > room) refuse(Code::overloaded, "the sink is full");
    sink->failed = false;
  });
}

openexec_code openexec_config_add_handler(openexec_config* config, openexec_str action,
                                          const openexec_handler_table* handler, openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignHandler>(handler);
    auto handlers = in(config, "config")->handlers;
    handlers.emplace_back(in(action, "action"), part);
    (void)table_of(handlers, 0);  // a bad name is told here, not when an executor is made
    config->handlers = std::move(handlers);
    part->own();
  });
}

openexec_code openexec_lines_put(openexec_lines* lines, const openexec_log_line* line) {
  return put(lines, [&] { return read_line(line); });
}

openexec_code openexec_config_set_log(openexec_config* config, const openexec_log_table* log, openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignLog>(log);
    in(config, "config")->log = part;
    part->own();
  });
}

openexec_code openexec_records_put(openexec_records* records, const openexec_record* record) {
  return put(records, [&] { return read_record(record); });
}

openexec_code openexec_unlogged_put(openexec_unlogged* unlogged, const openexec_unlogged_entry* entry) {
  return put(unlogged, [&] { return read_unlogged(entry); });
}

openexec_code openexec_controls_put(openexec_controls* controls, const openexec_control_name* name) {
  return put(controls, [&] { return read_control(name); });
}

openexec_code openexec_config_set_store(openexec_config* config, const openexec_store_table* store,
                                        openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignStore>(store);
    in(config, "config")->store = std::shared_ptr<NonceStore>(part);
    part->own();
  });
}

openexec_code openexec_approval_set_id(openexec_approval* approval, openexec_str id) {
  return take_name(approval, [&] { approval->value.id = text(id, "id"); });
}

openexec_code openexec_approval_add_key(openexec_approval* approval, openexec_str key) {
  return take_name(approval, [&] { approval->value.keys.push_back(text(key, "key")); });
}

openexec_code openexec_approval_set_issued_at(openexec_approval* approval, std::int64_t issued_us) {
  return take_name(approval, [&] { approval->value.issued_at = Timestamp{issued_us}; });
}

openexec_code openexec_config_set_verifier(openexec_config* config, const openexec_verifier_table* verifier,
                                           openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignVerifier>(verifier);
    in(config, "config")->verifier = std::shared_ptr<const Verifier>(part);
    part->own();
  });
}

openexec_code openexec_config_set_hasher(openexec_config* config, const openexec_hasher_table* hasher,
                                         openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignHasher>(hasher);
    in(config, "config")->hasher = part;
    part->own();
  });
}

openexec_code openexec_config_set_clock(openexec_config* config, const openexec_clock_table* clock,
                                        openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignClock>(clock);
    in(config, "config")->clock = part;
    part->own();
  });
}

openexec_code openexec_config_set_events(openexec_config* config, const openexec_events_table* events,
                                         openexec_error** error) {
  return guard(error, [&] {
    const auto part = std::make_shared<ForeignEvents>(events);
    in(config, "config")->events = part;
    part->own();
  });
}

// 5 execute

openexec_code openexec_executor_create(const openexec_config* config, openexec_executor** executor,
                                       openexec_error** error) {
  return guard(error, [&] {
    Out place(executor, "executor");
    const openexec_config& from = *in(config, "config");
    Parts parts;
    std::shared_ptr<PolicyVerifier> policy = from.make_policy_verifier();
    parts.verifier = policy ? policy : from.make_verifier();
    parts.store = from.make_store();
    parts.log = from.log;
    parts.hasher = from.hasher;
    parts.clock = from.clock;
    auto log = parts.log ? parts.log : std::shared_ptr<ReceiptLog>(parts.store, parts.store->log());
    HandlerTable handlers = table_of(from.handlers, from.value.limits.max_result_bytes);
    Executor assembled = require(Executor::assemble(from.value, std::move(parts), std::move(handlers)));
    auto handle =
        std::make_unique<openexec_executor>(std::move(assembled), std::move(log), std::move(policy), from.events);
    openexec_event opened{};
    opened.kind = OPENEXEC_EVENT_OPENED;
    opened.count = handle->value->recovered().in_doubt;
    handle->tell(opened);
    place.give(std::move(handle));
  });
}

void openexec_executor_destroy(openexec_executor** executor) {
  if (executor == nullptr || *executor == nullptr) return;
  openexec_executor* ended = std::exchange(*executor, nullptr);
  const base::CancellationPutOff put_off;
  if (!ended->owner.here()) return;
  const std::unique_ptr<openexec_executor, void (*)(openexec_executor*)> mine(ended, [](auto* of) { of->release(); });
  (void)mine->close({});
}

openexec_code openexec_executor_close(openexec_executor* executor, int64_t max_wait_ms, openexec_error** error) {
  return guard(error, [&] {
    in(executor, "executor")->owner.require_here("executor");
    if (max_wait_ms < 0 || max_wait_ms > std::numeric_limits<std::uint32_t>::max())
      misuse("max_wait_ms: must be 0 to 4294967295");
    if (!executor->close(std::chrono::milliseconds(max_wait_ms))) refuse(Code::in_progress, "a call is still inside");
  });
}

openexec_code openexec_cancellation_create(openexec_cancellation** cancellation, openexec_error** error) {
  return guard(error, [&] { Out(cancellation, "cancellation").give(std::make_unique<openexec_cancellation>()); });
}

openexec_code openexec_cancellation_cancel(openexec_cancellation* cancellation, openexec_error** error) {
  return guard(error, [&] { in(cancellation, "cancellation")->flag.cancel(); });
}

int32_t openexec_cancellation_cancelled(const openexec_cancellation* cancellation) {
  return peek(cancellation, int32_t{0}, [](const openexec_cancellation& c) { return int32_t{c.flag.cancelled()}; });
}

void openexec_cancellation_destroy(openexec_cancellation** cancellation) { destroy(cancellation); }

openexec_code openexec_executor_execute(openexec_executor* executor, const openexec_request* request,
                                        const openexec_call_options* options, openexec_outcome** outcome,
                                        openexec_error** error) {
  return guard(error, [&] {
    Out place(outcome, "outcome");
    return execute(executor, request_of(request), options, place);
  });
}

openexec_code openexec_executor_execute_json(openexec_executor* executor, openexec_str request,
                                             const openexec_call_options* options, openexec_outcome** outcome,
                                             openexec_error** error) {
  return guard(error, [&] {
    Out place(outcome, "outcome");
    return execute(executor, in(request, "request"), options, place);
  });
}

openexec_code openexec_executor_execute_many(openexec_executor* executor, const openexec_call* const* calls,
                                             size_t count, openexec_callback_executor lend, void* self,
                                             openexec_outcome** outcomes, openexec_error** error) {
  return guard(error, [&] {
    if (count == 0) return openexec_code{OPENEXEC_OK};
    std::fill_n(in(outcomes, "outcomes"), count, nullptr);
    in(calls, "calls");
    std::vector<Call> many;
    std::vector<std::unique_ptr<openexec_outcome>> handles;  // before anything runs
    for (size_t i = 0; i < count; ++i) {
      many.push_back(call_of(calls[i]));
      handles.push_back(std::make_unique<openexec_outcome>());
    }
    return visiting(executor, [&](const Visit& inside) {
      std::vector<Outcome> answers = inside->execute_many(many, lender(lend, self));
      openexec_code code = OPENEXEC_OK;
      for (size_t i = 0; i < count; ++i) {
        if (code == OPENEXEC_OK) code = number(answers[i].code);
        handles[i]->value = std::move(answers[i]);
        inside.handle().tell(answered(handles[i]->value));
        outcomes[i] = handles[i].release();
      }
      return code;
    });
  });
}

openexec_code openexec_executor_order(openexec_executor* executor, const openexec_order* order,
                                      openexec_outcome** outcome, openexec_error** error) {
  return guard(error, [&] {
    if (outcome != nullptr) *outcome = nullptr;
    const openexec_order given = sized(order, "order");
    auto handle = std::make_unique<openexec_outcome>();  // before anything is ordered
    handle->value = visiting(executor, [&](const Visit& inside) { return obey(*inside.operator->(), given); });
    if (handle->value.code == Code::invalid_argument) require(obeyed(handle->value));
    const openexec_code code = number(handle->value.code);
    if (outcome != nullptr) *outcome = handle.release();
    return code;
  });
}

openexec_code openexec_executor_halt(openexec_executor* executor, openexec_error** error) {
  return guard(
      error, [&] { require(obeyed(visiting(executor, [](const Visit& inside) { return inside->halt(own_order); }))); });
}

openexec_code openexec_executor_resume(openexec_executor* executor, openexec_error** error) {
  return guard(error, [&] {
    require(obeyed(visiting(executor, [](const Visit& inside) { return inside->resume(own_order); })));
  });
}

openexec_code openexec_executor_controls(const openexec_executor* executor, openexec_visit_control visit, void* self,
                                         openexec_error** error) {
  return guard(error, [&] {
    in(visit, "visit");
    for (const ControlName& name : visiting(executor, [](const Visit& inside) { return inside->controls(); })) {
      const openexec_control_name seen = control_of(name);
      if (visit(self, &seen) != 0) return;
    }
  });
}

int32_t openexec_executor_halted(const openexec_executor* executor) {
  auto* const inside = const_cast<openexec_executor*>(executor);
  if (inside == nullptr || !inside->enter()) return 1;  // nothing starts in one that is closed
  const bool halted = inside->value->halted();
  inside->leave(true);
  return halted ? 1 : 0;
}

openexec_code openexec_executor_ready(const openexec_executor* executor, openexec_error** error) {
  return guard(error, [&] { require(visiting(executor, [](const Visit& inside) { return inside->ready(); })); });
}

openexec_code openexec_executor_recovered(const openexec_executor* executor, openexec_recovery* recovery,
                                          openexec_error** error) {
  return guard(error, [&] {
    (void)sized(recovery, "recovery");
    fill(recovery, visiting(executor, [](const Visit& inside) { return inside->recovered(); }));
  });
}

openexec_code openexec_executor_recover(openexec_executor* executor, openexec_recovery* recovery,
                                        openexec_error** error) {
  return guard(error, [&] {
    (void)sized(recovery, "recovery");
    visiting(executor, [&](const Visit& inside) {
      const Result<Recovery> found = inside->recover();
      openexec_event event{};
      event.kind = OPENEXEC_EVENT_RECOVERED;
      event.code = number(found.status().code());
      if (found.ok()) event.count = found.value().in_doubt;
      inside.handle().tell(event);
      fill(recovery, require(found));
    });
  });
}

openexec_code openexec_executor_reload_trust_policy(openexec_executor* executor, openexec_str policy,
                                                    openexec_error** error) {
  return guard(error, [&] {
    const std::string_view json = in(policy, "policy");
    visiting(executor, [&](const Visit& inside) {
      if (inside.handle().policy == nullptr) misuse("executor: its verifier is not a trust policy");
      const Status reloaded = inside.handle().policy->reload_json(json);
      openexec_event event{};
      event.kind = OPENEXEC_EVENT_RELOADED;
      event.code = number(reloaded.code());
      inside.handle().tell(event);
      require(reloaded);
    });
  });
}

openexec_code openexec_outcome_code(const openexec_outcome* outcome) {
  return peek(outcome, openexec_code{OPENEXEC_INVALID_ARGUMENT},
              [](const openexec_outcome& o) { return number(o.value.code); });
}

int32_t openexec_outcome_http(const openexec_outcome* outcome) {
  return peek(outcome, int32_t{0}, [](const openexec_outcome& o) { return int32_t{o.value.http}; });
}

openexec_verdict openexec_outcome_verdict(const openexec_outcome* outcome) {
  return peek(outcome, openexec_verdict{OPENEXEC_VERDICT_REFUSED},
              [](const openexec_outcome& o) { return static_cast<openexec_verdict>(o.value.verdict); });
}

openexec_effect openexec_outcome_effect(const openexec_outcome* outcome) {
  return peek(outcome, openexec_effect{OPENEXEC_EFFECT_NONE},
              [](const openexec_outcome& o) { return static_cast<openexec_effect>(o.value.effect); });
}

openexec_result_form openexec_outcome_result_form(const openexec_outcome* outcome) {
  return peek(outcome, openexec_result_form{OPENEXEC_RESULT_JSON},
              [](const openexec_outcome& o) { return static_cast<openexec_result_form>(o.value.result_form); });
}

openexec_str openexec_advice(openexec_code code, openexec_verdict verdict, openexec_effect effect) {
  const auto known = [](int32_t number, int32_t last) { return number >= 0 && number <= last; };
  return out(advice(Code{code},
                    known(verdict, OPENEXEC_VERDICT_CONTROL) ? static_cast<Verdict>(verdict) : Verdict::in_doubt,
                    known(effect, OPENEXEC_EFFECT_UNKNOWN) ? static_cast<Effect>(effect) : Effect::unknown));
}

openexec_str openexec_outcome_advice(const openexec_outcome* outcome) {
  return peek(outcome, out(advice(Code::in_doubt, Verdict::in_doubt, Effect::unknown)),
              [](const openexec_outcome& o) { return out(advice(o.value)); });
}

int32_t openexec_outcome_replayed(const openexec_outcome* outcome) {
  return peek(outcome, int32_t{0}, [](const openexec_outcome& o) { return int32_t{o.value.replayed}; });
}

uint32_t openexec_outcome_attempt(const openexec_outcome* outcome) {
  return peek(outcome, uint32_t{1}, [](const openexec_outcome& o) { return o.value.attempt; });
}

int32_t openexec_outcome_may_retry(const openexec_outcome* outcome) {
  return peek(outcome, int32_t{0}, [](const openexec_outcome& o) { return o.value.may_retry ? 1 : 0; });
}

openexec_str openexec_outcome_exec_id(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.exec_id); });
}

openexec_str openexec_outcome_action(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.action); });
}

openexec_str openexec_outcome_result(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.result); });
}

openexec_str openexec_outcome_receipt(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.receipt); });
}

openexec_str openexec_outcome_detail(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.detail); });
}

openexec_str openexec_outcome_entry(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.entry); });
}

int64_t openexec_outcome_entry_index(const openexec_outcome* outcome) {
  return peek(outcome, int64_t{-1}, [](const openexec_outcome& o) {
    return o.value.entry_index ? static_cast<int64_t>(*o.value.entry_index) : int64_t{-1};
  });
}

openexec_str openexec_outcome_proof(const openexec_outcome* outcome) {
  return peek(outcome, openexec_str{}, [](const openexec_outcome& o) { return out(o.value.proof); });
}

void openexec_outcome_destroy(openexec_outcome** outcome) { destroy(outcome); }

// 6 evidence

openexec_code openexec_verify_receipt(openexec_str exec_id, openexec_str result, openexec_str receipt,
                                      openexec_error** error) {
  return guard(error,
               [&] { require(verify_receipt(in(exec_id, "exec_id"), in(result, "result"), in(receipt, "receipt"))); });
}

openexec_code openexec_verify_clawshield_v1(openexec_str public_key_pem, openexec_str tenant, openexec_str action,
                                            openexec_str payload, openexec_str artifact, int64_t now_us,
                                            openexec_buffer** approval, openexec_error** error) {
  return guard(error, [&] {
    Out place(approval, "approval");
    ClawshieldOptions options;
    options.public_key_pem = in(public_key_pem, "public_key_pem");
    options.tenant_id = in(tenant, "tenant");
    const auto verifier = require(clawshield_v1(options));
    constexpr std::string_view any_nonce = "-";  // a clawshield-v1 approval is for no nonce in particular
    const Proposal proposal = require(Proposal::parse(
        {in(action, "action"), in(payload, "payload"), any_nonce, in(artifact, "artifact")}, options.tenant_id));
    place.give(note_of(require(verifier->verify(proposal, {now_us})), proposal));
  });
}

openexec_code openexec_verify_trust_policy(openexec_str policy, openexec_str executor, openexec_str tenant,
                                           const openexec_request* request, int64_t now_us, openexec_buffer** approval,
                                           openexec_error** error) {
  return guard(error, [&] {
    Out place(approval, "approval");
    const auto verifier = policy_verifier(require(TrustPolicy::parse(in(policy, "policy"))), text(executor, "executor"),
                                          text(tenant, "tenant"), TrustPolicyOptions{}.max_issued_ahead, nullptr);
    const Proposal proposal = require(Proposal::parse(request_of(request), text(tenant, "tenant")));
    place.give(note_of(require(verifier->verify(proposal, {now_us})), proposal));
  });
}

openexec_code openexec_trust_policy_read(openexec_str policy, openexec_buffer** report, openexec_error** error) {
  return guard(error, [&] {
    Out place(report, "report");
    const TrustPolicy read = require(TrustPolicy::parse(in(policy, "policy")));
    std::string warnings = "[";
    for (const std::string& warning : read.warnings()) {
      if (warnings.size() > 1) warnings += ',';
      canon::append_jcs_string(warning, warnings);
    }
    place.give(buffer_of(canon::JsonObject()
                             .text("digest", to_hex(read.digest()))
                             .raw("policy", read.to_json())
                             .raw("warnings", warnings + "]")
                             .take()));
  });
}

openexec_code openexec_canonicalise(openexec_str json, openexec_form form, openexec_buffer** canonical,
                                    openexec_error** error) {
  return guard(error, [&] {
    Out place(canonical, "canonical");
    const canon::Document document = require(canon::parse(in(json, "json")));
    place.give(std::make_unique<openexec_buffer>(openexec_buffer{form_of(document.root(), form)}));
  });
}

openexec_code openexec_tool_call_nonce(openexec_str conversation, openexec_str turn, openexec_str name,
                                       openexec_str arguments, uint32_t occurrence, openexec_buffer** nonce,
                                       openexec_error** error) {
  return guard(error, [&] {
    Out place(nonce, "nonce");
    const ToolCall call{.conversation = in(conversation, "conversation"),
                        .turn = in(turn, "turn"),
                        .name = in(name, "name"),
                        .arguments = in(arguments, "arguments"),
                        .occurrence = occurrence};
    place.give(std::make_unique<openexec_buffer>(openexec_buffer{require(tool_call_nonce(call))}));
  });
}

openexec_code openexec_sha256(openexec_str bytes, openexec_digest* digest, openexec_error** error) {
  return guard(error, [&] { *in(digest, "digest") = capi::digest(crypto::sha256(in(bytes, "bytes"))); });
}

openexec_code openexec_log_open(openexec_str url, openexec_log** log, openexec_error** error) {
  return guard(error, [&] {
    Out place(log, "log");
    auto ledger = require(open_ledger(location(url, "url"), {.read_only = true}));
    place.give(std::make_unique<openexec_log>(std::move(ledger)));
  });
}

openexec_code openexec_executor_log(const openexec_executor* executor, openexec_log** log, openexec_error** error) {
  return guard(error, [&] {
    Out place(log, "log");
    const auto its_log = visiting(executor, [](const Visit& inside) { return inside.handle().log; });
    place.give(std::make_unique<openexec_log>(its_log));
  });
}

void openexec_log_destroy(openexec_log** log) {
  if (log == nullptr || *log == nullptr) return;
  openexec_log* ended = std::exchange(*log, nullptr);
  const base::CancellationPutOff put_off;
  if (ended->owner.here()) delete ended;
}

openexec_code openexec_log_close(openexec_log* log, openexec_error** error) {
  return guard(error, [&] {
    in(log, "log")->owner.require_here("log");
    (void)log->close();
  });
}

openexec_code openexec_log_count(const openexec_log* log, uint64_t* entries, openexec_error** error) {
  return guard(error, [&] {
    in(entries, "entries");
    *entries = require(log_of(log)->size());
  });
}

openexec_code openexec_log_read(const openexec_log* log, uint64_t first, uint64_t count, openexec_visit visit,
                                void* self, openexec_error** error) {
  return guard(error, [&] {
    constexpr std::uint64_t at_once = 256;  // an entry is at most 64 KiB: what is in memory stays small
    const std::shared_ptr<ReceiptLog> from = log_of(log);
    in(visit, "visit");
    while (count != 0) {
      const auto lines = require(from->read(first, static_cast<std::size_t>(std::min(count, at_once))));
      if (lines.empty() || visit_all(lines, visit, self)) return;
      first += lines.size();
      count -= lines.size();
    }
  });
}

openexec_code openexec_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count,
                                openexec_visit visit, void* self, openexec_error** error) {
  return guard(error, [&] {
    in(visit, "visit");
    const Digest id = capi::digest(*in(exec_id, "exec_id"));
    (void)visit_all(require(log_of(log)->find_entries(id, static_cast<std::size_t>(count))), visit, self);
  });
}

openexec_code openexec_log_verifier_key(const openexec_log* log, openexec_buffer** key, openexec_error** error) {
  return guard(error, [&] {
    Out place(key, "key");
    place.give(buffer_of(tree_of(log)->verifier_key()));
  });
}

openexec_code openexec_log_checkpoint(const openexec_log* log, openexec_buffer** note, openexec_error** error) {
  return guard(error, [&] {
    Out place(note, "note");
    place.give(buffer_of(require(tree_of(log)->checkpoint()).note));
  });
}

openexec_code openexec_log_cosigned(const openexec_log* log, openexec_buffer** note, openexec_error** error) {
  return guard(error, [&] {
    Out place(note, "note");
    std::optional<SignedCheckpoint> kept = require(tree_of(log)->cosigned_checkpoint());
    if (kept) place.give(buffer_of(std::move(kept->note)));
  });
}

openexec_code openexec_log_keep_cosigned(const openexec_log* log, openexec_str note, openexec_error** error) {
  return guard(error, [&] { require(tree_of(log)->keep_cosigned(in(note, "note"))); });
}

openexec_code openexec_log_prove(const openexec_log* log, uint64_t index, openexec_buffer** proof,
                                 openexec_error** error) {
  return guard(error, [&] {
    Out place(proof, "proof");
    place.give(buffer_of(require(tree_of(log)->prove(index))));
  });
}

openexec_code openexec_log_consistency(const openexec_log* log, uint64_t from, uint64_t to, openexec_buffer** hashes,
                                       openexec_error** error) {
  return guard(error, [&] {
    Out place(hashes, "hashes");
    std::string bytes;
    for (const Digest& hash : require(tree_of(log)->prove_consistency(from, to)))
      bytes.append(hash.begin(), hash.end());
    place.give(buffer_of(std::move(bytes)));
  });
}

openexec_code openexec_log_resource(const openexec_log* log, openexec_str path, openexec_buffer** resource,
                                    openexec_error** error) {
  return guard(error, [&] {
    Out place(resource, "resource");
    std::optional<std::string> bytes = require(tree_of(log)->resource(in(path, "path")));
    if (bytes) place.give(buffer_of(std::move(*bytes)));
  });
}

openexec_code openexec_evidence_verify(openexec_str proof, const openexec_evidence_trust* trust,
                                       const openexec_evidence_held* held, openexec_evidence** report,
                                       openexec_error** error) {
  return guard(error, [&] {
    Out place(report, "report");
    auto found = std::make_unique<openexec_evidence>();
    found->value = require(verify_evidence(in(proof, "proof"), trust_of(trust), held_of(held)));
    const EvidenceReport& what = found->value;
    std::string decided;
    if (what.verdict != EvidenceVerdict::pass)
      decided.append(name(what.verdict))
          .append(": ")
          .append(name(what.step))
          .append(": ")
          .append(what.at(what.step).detail);
    place.give(std::move(found));
    if (!decided.empty()) misuse(std::move(decided));
  });
}

void openexec_evidence_destroy(openexec_evidence** report) { destroy(report); }

openexec_evidence_verdict openexec_evidence_report_verdict(const openexec_evidence* report) {
  return peek(report, openexec_evidence_verdict{OPENEXEC_EVIDENCE_FAIL},
              [](const openexec_evidence& r) { return static_cast<openexec_evidence_verdict>(r.value.verdict); });
}

openexec_evidence_step openexec_evidence_decided_by(const openexec_evidence* report) {
  return peek(report, openexec_evidence_step{-1}, [](const openexec_evidence& r) {
    return r.value.verdict == EvidenceVerdict::pass ? -1 : static_cast<openexec_evidence_step>(r.value.step);
  });
}

openexec_finding openexec_evidence_finding(const openexec_evidence* report, openexec_evidence_step step) {
  return peek(check_of(report, step), openexec_finding{OPENEXEC_FINDING_UNREACHED},
              [](const EvidenceCheck& check) { return static_cast<openexec_finding>(check.finding); });
}

openexec_str openexec_evidence_detail(const openexec_evidence* report, openexec_evidence_step step) {
  return peek(check_of(report, step), openexec_str{}, [](const EvidenceCheck& check) { return out(check.detail); });
}

openexec_str openexec_evidence_entry(const openexec_evidence* report) {
  return peek(report, openexec_str{}, [](const openexec_evidence& r) { return out(r.value.entry_json); });
}

int64_t openexec_evidence_index(const openexec_evidence* report) {
  return peek(report, int64_t{-1}, [](const openexec_evidence& r) {
    return r.value.entry ? static_cast<int64_t>(r.value.index) : int64_t{-1};
  });
}

openexec_str openexec_evidence_origin(const openexec_evidence* report) {
  return peek(report, openexec_str{}, [](const openexec_evidence& r) { return out(r.value.origin); });
}

openexec_code openexec_evidence_tree(const openexec_evidence* report, uint64_t* entries, openexec_digest* root,
                                     openexec_error** error) {
  return guard(error, [&] {
    const EvidenceReport& what = in(report, "report")->value;
    in(entries, "entries");
    *in(root, "root") = capi::digest(what.root);
    *entries = what.size;
  });
}

uint64_t openexec_evidence_cosignatures(const openexec_evidence* report) {
  return peek(report, uint64_t{0}, [](const openexec_evidence& r) { return uint64_t{r.value.cosignatures.size()}; });
}

openexec_code openexec_evidence_cosignature(const openexec_evidence* report, uint64_t number, openexec_str* witness,
                                            uint64_t* time_s, openexec_error** error) {
  return guard(error, [&] {
    const auto& all = in(report, "report")->value.cosignatures;
    in(witness, "witness");
    in(time_s, "time_s");
    if (number >= all.size()) misuse("number: must be below " + std::to_string(all.size()));
    const Cosignature& which = all[static_cast<std::size_t>(number)];
    *witness = out(which.witness);
    *time_s = which.time;
  });
}

openexec_str openexec_evidence_verdict_name(openexec_evidence_verdict verdict) {
  const bool known = verdict >= OPENEXEC_EVIDENCE_FAIL && verdict <= OPENEXEC_EVIDENCE_PASS;
  return out(known ? name(static_cast<EvidenceVerdict>(verdict)) : "unknown");
}

openexec_str openexec_evidence_step_name(openexec_evidence_step step) {
  return out(is_step(step) ? name(static_cast<EvidenceStep>(step)) : "unknown");
}

openexec_str openexec_evidence_finding_name(openexec_finding finding) {
  const bool known = finding >= OPENEXEC_FINDING_UNREACHED && finding <= OPENEXEC_FINDING_PASSED;
  return out(known ? name(static_cast<Finding>(finding)) : "unknown");
}
