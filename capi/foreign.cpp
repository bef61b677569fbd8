// SPDX-License-Identifier: Apache-2.0
#include "foreign.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>

#include "base/text.hpp"

namespace openexec::capi {
namespace {

constexpr std::size_t max_detail = 1024;
constexpr std::size_t unbounded = static_cast<std::size_t>(-1);

template <class Callback>
void needs(Callback* callback, const char* what) {
  if (callback == nullptr) misuse(std::string(what) + ": NULL");
}

/// Text that may end up in a receipt.
std::string utf8(const openexec_str& text, const char* what) {
  const std::string_view bytes = in(text, what);
  if (bytes.empty() || !base::is_utf8(bytes)) misuse(std::string(what) + ": must be UTF-8, and not empty");
  return std::string(bytes);
}

/// Returns the explanation that a callback wrote, as far as it can be shown.
std::string shown(std::string detail) {
  return base::is_utf8(detail) ? std::move(detail) : std::string("an explanation that is not UTF-8, or too long");
}

/// Calls a store or a log. Its code and its explanation become a Status.
template <class Callback>
Status ask(std::string_view who, Callback&& callback) {
  std::string detail;
  openexec_sink sink{detail, max_detail};
  const openexec_code code = call_out(OPENEXEC_STORE_FAILED, [&] { return callback(&sink); });
  if (code == OPENEXEC_OK) return Status::success();
  detail = std::string(who) + ": " + (detail.empty() ? "answered " + std::to_string(code) : shown(std::move(detail)));
  const bool may = code == OPENEXEC_INVALID_ARGUMENT || code == OPENEXEC_OVERLOADED;
  return Status(may ? Code{code} : Code::store_failed, std::move(detail));
}

Status broken(std::string_view who, std::string_view why) {
  return Status(Code::store_failed, std::string(who) + ": " + std::string(why));
}

HandlerResult conclude(openexec_answer answer, openexec_sink& result, std::string detail) {
  detail = shown(std::move(detail));
  switch (answer) {
    case OPENEXEC_ANSWER_RESULT:
      if (result.failed && (!result.whole || result.text.size() != result.limit))
        return HandlerResult::in_doubt("the handler's result could not be taken: out of memory");
      if (result.whole)
        return HandlerResult::beginning(std::move(result.text), result.whole->length, result.whole->hash.finish());
      return HandlerResult::result(std::move(result.text));
    case OPENEXEC_ANSWER_FAILED: return HandlerResult::failed(std::move(detail));
    case OPENEXEC_ANSWER_FAILED_NO_EFFECT: return HandlerResult::failed(std::move(detail), Effect::none);
    case OPENEXEC_ANSWER_IN_DOUBT: return HandlerResult::in_doubt(std::move(detail));
    default:
      return HandlerResult::in_doubt("the handler answered " + std::to_string(answer) +
                                     ", which is not a known answer");
  }
}

}  // namespace

Digest digest(const openexec_digest& bytes) noexcept {
  Digest out;
  std::copy(std::begin(bytes.bytes), std::end(bytes.bytes), out.begin());
  return out;
}

openexec_digest digest(const Digest& bytes) noexcept {
  openexec_digest out;
  std::copy(bytes.begin(), bytes.end(), std::begin(out.bytes));
  return out;
}

openexec_log_line line_of(const LogLine& line) noexcept {
  return {sizeof(openexec_log_line), line.index, digest(line.leaf_hash), out(line.json)};
}

LogLine read_line(const openexec_log_line* given) {
  const openexec_log_line line = sized(given, "line");
  return {line.index, digest(line.leaf_hash), std::string(in(line.json, "line.json"))};
}

NonceRecord read_record(const openexec_record* given) {
  const openexec_record record = sized(given, "record");
  if (record.state < OPENEXEC_STATE_CLAIMED || record.state > OPENEXEC_STATE_IN_DOUBT)
    misuse("record.state: " + std::to_string(record.state) + " is not a known state");
  const bool final_code =
      record.code == OPENEXEC_OK || record.code == OPENEXEC_HANDLER_FAILED || record.code == OPENEXEC_RESULT_INVALID;
  if (record.state == OPENEXEC_STATE_SEALED ? !final_code : record.code != OPENEXEC_IN_DOUBT)
    misuse("record.code: " + std::to_string(record.code) + " does not match the state");
  if (record.effect < OPENEXEC_EFFECT_NONE || record.effect > OPENEXEC_EFFECT_UNKNOWN)
    misuse("record.effect: " + std::to_string(record.effect) + " is not a known effect");
  NonceRecord out;
  out.state = static_cast<NonceState>(record.state);
  out.tenant = in(record.tenant, "record.tenant");
  out.nonce = in(record.nonce, "record.nonce");
  out.action = in(record.action, "record.action");
  out.exec_id = digest(record.exec_id);
  out.request_hash = digest(record.request_hash);
  out.approval_digest = digest(record.approval_digest);
  out.approval = in(record.approval, "record.approval");
  out.code = Code{record.code};
  out.effect = static_cast<Effect>(record.effect);
  out.result = in(record.result, "record.result");
  if (record.entry >= 0) out.entry = static_cast<std::uint64_t>(record.entry);
  return out;
}

Unlogged read_unlogged(const openexec_unlogged_entry* given) {
  const openexec_unlogged_entry entry = sized(given, "entry");
  return {std::string(in(entry.tenant, "entry.tenant")), std::string(in(entry.nonce, "entry.nonce")),
          digest(entry.exec_id), std::string(in(entry.entry, "entry.entry"))};
}

ControlName read_control(const openexec_control_name* given) {
  const openexec_control_name name = sized(given, "name");
  if (name.control < OPENEXEC_CONTROL_HALT || name.control > OPENEXEC_CONTROL_CONFIRM_CLOCK)
    misuse("name.control: " + std::to_string(name.control) + " is not a known control");
  return {static_cast<ControlKind>(name.control), std::string(in(name.id, "name.id")),
          std::string(in(name.tenant, "name.tenant"))};
}

openexec_control_name control_of(const ControlName& name) noexcept {
  return {sizeof(openexec_control_name), static_cast<openexec_control>(name.kind), 0, out(name.id), out(name.tenant)};
}

// Handlers. What they throw is caught by the executor, and leaves the nonce in doubt.

ForeignHandler::ForeignHandler(const openexec_handler_table* table)
    : table_(sized(table, "handler")), self_(table_.self, table_.close) {
  needs(table_.run, "handler.run");
  if (table_.reserved != 0) misuse("handler.reserved: must be 0");
  if (table_.deadline_ms < 0 || table_.deadline_ms > std::numeric_limits<std::uint32_t>::max())
    misuse("handler.deadline_ms: must be 0 to 4294967295");
  const std::string_view schema = in(std::exchange(table_.payload_schema, {}), "handler.payload_schema");
  if (!schema.empty()) schema_ = require(PayloadSchema::compile(schema));
}

std::chrono::milliseconds ForeignHandler::deadline() const noexcept {
  return table_.deadline_ms == 0 ? HandlerTable::Row{}.deadline : std::chrono::milliseconds(table_.deadline_ms);
}

HandlerResult ForeignHandler::run(const Invocation& call, std::size_t max_result_bytes) const {
  const openexec_cancellation cancellation{call.cancellation};
  const auto deadline = std::chrono::duration_cast<std::chrono::nanoseconds>(call.deadline.time_since_epoch());
  const openexec_invocation invocation{sizeof invocation, out(call.exec_id), out(call.action),
                                       out(call.payload), out(call.tenant),  deadline.count(),
                                       &cancellation,     call.attempt,      0};
  std::string text;
  std::string detail;
  openexec_sink result{text, max_result_bytes};
  result.measures = true;
  openexec_sink explanation{detail, max_detail};
  const openexec_answer answer = table_.run(self_.get(), &invocation, &result, &explanation);
  return conclude(answer, result, std::move(detail));
}

HandlerResult ForeignHandler::reconcile(const Settlement& settlement, std::size_t max_result_bytes) const {
  const openexec_settlement call{sizeof call, out(settlement.exec_id), out(settlement.action), out(settlement.tenant)};
  std::string text;
  std::string detail;
  openexec_sink result{text, max_result_bytes};
  result.measures = true;
  openexec_sink explanation{detail, max_detail};
  const openexec_answer answer = table_.reconcile(self_.get(), &call, &result, &explanation);
  // Only the answer that nothing happened settles as a failure. A failure that does not say so leaves the doubt.
  if (answer == OPENEXEC_ANSWER_FAILED) return HandlerResult::in_doubt(shown(std::move(detail)));
  return conclude(answer, result, std::move(detail));
}

Result<Usd> ForeignHandler::cost(const CostQuery& query) const {
  const openexec_cost_query given{sizeof given, out(query.action), out(query.payload), out(query.tenant)};
  Usd cost;
  if (Status no = ask("handler.cost",
                      [&](openexec_sink* detail) { return table_.cost(self_.get(), &given, &cost.micros, detail); });
      !no.ok())
    return no;
  return cost;
}

// Logs.

ForeignLog::ForeignLog(const openexec_log_table* table) : ForeignLog(sized(table, "log")) {}

ForeignLog::ForeignLog(const openexec_log_table& table) : table_(table), self_(table_.self, table_.close) {
  needs(table_.append, "log.append");
  needs(table_.count, "log.count");
  needs(table_.read, "log.read");
  needs(table_.find, "log.find");
}

Result<std::uint64_t> ForeignLog::append(const NewEntry& entry) {
  const openexec_new_entry given{sizeof given, out(entry.json), digest(entry.exec_id), digest(entry.attempt),
                                 entry.at.micros};
  std::uint64_t index = 0;
  if (Status no =
          ask("log.append", [&](openexec_sink* detail) { return table_.append(self_.get(), &given, &index, detail); });
      !no.ok())
    return no;
  return index;
}

Result<std::uint64_t> ForeignLog::size() {
  std::uint64_t entries = 0;
  if (Status no = ask("log.count", [&](openexec_sink* detail) { return table_.count(self_.get(), &entries, detail); });
      !no.ok())
    return no;
  return entries;
}

Result<std::vector<LogLine>> ForeignLog::read(std::uint64_t first, std::size_t count) {
  openexec_lines lines(count);
  if (Status no = ask("log.read",
                      [&](openexec_sink* detail) { return table_.read(self_.get(), first, count, &lines, detail); });
      !no.ok())
    return no;
  if (lines.failed) return broken("log.read", "gave a line that could not be taken");
  for (std::size_t i = 0; i < lines.items.size(); ++i)
    if (lines.items[i].index != first + i) return broken("log.read", "gave lines out of order");
  return std::move(lines.items);
}

Result<std::vector<LogLine>> ForeignLog::find_entries(const Digest& exec_id, std::size_t count) {
  openexec_lines lines(count);
  const openexec_digest id = digest(exec_id);
  if (Status no =
          ask("log.find", [&](openexec_sink* detail) { return table_.find(self_.get(), &id, count, &lines, detail); });
      !no.ok())
    return no;
  if (lines.failed) return broken("log.find", "gave a line that could not be taken");
  return std::move(lines.items);
}

// Stores.

ForeignStore::ForeignStore(const openexec_store_table* table)
    : table_(sized(table, "store")), self_(table_.self, table_.close) {
  needs(table_.claim, "store.claim");
  needs(table_.find, "store.find");
  needs(table_.seal, "store.seal");
  needs(table_.orphans, "store.orphans");
  needs(table_.pin, "store.pin");
  needs(table_.latest, "store.latest");
  needs(table_.ready, "store.ready");
  if (table_.keeps_terms != 0 && table_.keeps_terms != 1) misuse("store.keeps_terms: must be 1 or 0");
  if ((table_.control == nullptr) != (table_.controls == nullptr))
    misuse("store.control, store.controls: must be both NULL or both set");
  if (table_.log != nullptr) {
    openexec_log_table log = sized(table_.log, "store.log");
    if (log.close != nullptr) misuse("store.log.close: must be NULL, since the store closes its log");
    log.self = table_.self;
    log_.emplace(log);
    table_.log = nullptr;  // the host may free it from now on
  } else {
    needs(table_.unlogged, "store.unlogged");
    needs(table_.logged, "store.logged");
  }
}

Result<ClaimAnswer> ForeignStore::claim(const Claim& claim) {
  const openexec_claim given{sizeof given,
                             out(claim.tenant),
                             out(claim.nonce),
                             out(claim.action),
                             digest(claim.exec_id),
                             digest(claim.request_hash),
                             out(claim.approval_id),
                             digest(claim.approval_digest),
                             out(claim.approval),
                             claim.at.micros,
                             out(claim.predecessor),
                             claim.max_per_minute,
                             0};
  openexec_claim_answer claimed = 0;
  openexec_records existing(1);
  if (Status no =
          ask("store.claim",
              [&](openexec_sink* detail) { return table_.claim(self_.get(), &given, &claimed, &existing, detail); });
      !no.ok())
    return no;
  if (claimed < OPENEXEC_CLAIM_EXISTS || claimed > OPENEXEC_CLAIM_RATE_REACHED)
    return broken("store.claim", "answered " + std::to_string(claimed) + ", which is not a known answer");
  ClaimAnswer answer{static_cast<ClaimAnswer::Kind>(claimed), std::nullopt};
  if (claimed != OPENEXEC_CLAIM_EXISTS) return answer;
  if (existing.failed || existing.items.size() != 1) return broken("store.claim", "exists, but without its one record");
  answer.record = std::move(existing.items.front());
  return answer;
}

Result<std::optional<NonceRecord>> ForeignStore::find(std::string_view tenant, std::string_view nonce) {
  const openexec_str of = out(tenant);
  const openexec_str which = out(nonce);
  openexec_records found(1);
  if (Status no = ask("store.find",
                      [&](openexec_sink* detail) { return table_.find(self_.get(), &of, &which, &found, detail); });
      !no.ok())
    return no;
  if (found.failed) return broken("store.find", "gave a record that could not be taken");
  if (found.items.empty()) return std::optional<NonceRecord>();
  return std::optional<NonceRecord>(std::move(found.items.front()));
}

Result<std::optional<std::uint64_t>> ForeignStore::seal(const Seal& seal) {
  const openexec_seal given{sizeof given,
                            out(seal.tenant),
                            out(seal.nonce),
                            digest(seal.exec_id),
                            out(seal.result),
                            out(seal.entry),
                            seal.at.micros,
                            static_cast<openexec_state>(seal.state),
                            number(seal.code),
                            static_cast<openexec_effect>(seal.effect),
                            0};
  std::int64_t entry = -1;
  if (Status no =
          ask("store.seal", [&](openexec_sink* detail) { return table_.seal(self_.get(), &given, &entry, detail); });
      !no.ok())
    return no;
  if ((entry >= 0) != log_.has_value())
    return broken("store.seal", "a store gives an entry's index if, and only if, it is its own log");
  return entry >= 0 ? std::optional(static_cast<std::uint64_t>(entry)) : std::nullopt;
}

Result<std::optional<std::uint64_t>> ForeignStore::control(const ControlChange& change) {
  if (table_.control == nullptr) return NonceStore::control(change);
  const openexec_control_change given{sizeof given,
                                      static_cast<openexec_control>(change.name.kind),
                                      change.stands ? 1 : 0,
                                      out(change.name.id),
                                      out(change.name.tenant),
                                      out(change.entry),
                                      change.at.micros};
  std::int64_t entry = -1;
  if (Status no = ask("store.control",
                      [&](openexec_sink* detail) { return table_.control(self_.get(), &given, &entry, detail); });
      !no.ok())
    return no;
  if ((entry >= 0) != log_.has_value())
    return broken("store.control", "a store gives an entry's index if, and only if, it is its own log");
  return entry >= 0 ? std::optional(static_cast<std::uint64_t>(entry)) : std::nullopt;
}

Result<std::vector<ControlName>> ForeignStore::controls() {
  openexec_controls controls(unbounded);
  if (table_.controls == nullptr) return std::move(controls.items);
  if (Status no =
          ask("store.controls", [&](openexec_sink* detail) { return table_.controls(self_.get(), &controls, detail); });
      !no.ok())
    return no;
  if (controls.failed) return broken("store.controls", "gave a control that could not be taken");
  return std::move(controls.items);
}

Result<std::optional<Timestamp>> ForeignStore::floor() {
  if (table_.floor == nullptr) return NonceStore::floor();
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();
  std::int64_t floor = none;
  if (Status no = ask("store.floor", [&](openexec_sink* detail) { return table_.floor(self_.get(), &floor, detail); });
      !no.ok())
    return no;
  return floor == none ? std::nullopt : std::optional(Timestamp{floor});
}

Result<std::vector<NonceRecord>> ForeignStore::orphans() {
  openexec_records orphans(unbounded);
  if (Status no =
          ask("store.orphans", [&](openexec_sink* detail) { return table_.orphans(self_.get(), &orphans, detail); });
      !no.ok())
    return no;
  if (orphans.failed) return broken("store.orphans", "gave a record that could not be taken");
  return std::move(orphans.items);
}

Status ForeignStore::pin(std::string_view key, std::string_view value) {
  const openexec_str name = out(key);
  const openexec_str pinned = out(value);
  return ask("store.pin", [&](openexec_sink* detail) { return table_.pin(self_.get(), &name, &pinned, detail); });
}

Result<Timestamp> ForeignStore::latest() {
  Timestamp at;
  if (Status no =
          ask("store.latest", [&](openexec_sink* detail) { return table_.latest(self_.get(), &at.micros, detail); });
      !no.ok())
    return no;
  return at;
}

Status ForeignStore::ready() {
  return ask("store.ready", [&](openexec_sink* detail) { return table_.ready(self_.get(), detail); });
}

Result<std::vector<Unlogged>> ForeignStore::unlogged() {
  openexec_unlogged unlogged(unbounded);
  if (table_.unlogged == nullptr) return std::move(unlogged.items);
  if (Status no =
          ask("store.unlogged", [&](openexec_sink* detail) { return table_.unlogged(self_.get(), &unlogged, detail); });
      !no.ok())
    return no;
  if (unlogged.failed) return broken("store.unlogged", "gave an entry that could not be taken");
  return std::move(unlogged.items);
}

Status ForeignStore::logged(std::string_view tenant, std::string_view nonce, std::uint64_t index) {
  if (table_.logged == nullptr) return Status::success();
  const openexec_str of = out(tenant);
  const openexec_str which = out(nonce);
  return ask("store.logged",
             [&](openexec_sink* detail) { return table_.logged(self_.get(), &of, &which, index, detail); });
}

// Verifiers. The executor turns an exception, or a code that a verifier may not return, into a refusal.

ForeignVerifier::ForeignVerifier(const openexec_verifier_table* table)
    : table_(sized(table, "verifier")),
      profile_(utf8(table_.profile, "verifier.profile")),
      self_(table_.self, table_.close) {
  needs(table_.verify, "verifier.verify");
}

Result<Approval> ForeignVerifier::verify(const Proposal& proposal, Timestamp now) const {
  openexec_proposal lent;
  lent.view = &proposal;
  openexec_approval approval;
  approval.value.profile = profile_;
  std::string detail;
  openexec_sink explanation{detail, max_detail};
  const openexec_code code = table_.verify(self_.get(), &lent, now.micros, &approval, &explanation);
  if (code != OPENEXEC_OK) return Status(Code{code}, shown(std::move(detail)));
  if (approval.without_memory) throw std::bad_alloc();  // not the approval's fault
  if (approval.failed) return Status(Code::approval_malformed, "the verifier set a malformed id or key");
  std::sort(approval.value.keys.begin(), approval.value.keys.end());
  return std::move(approval.value);
}

Status ForeignVerifier::ready() const {
  if (table_.ready == nullptr) return Status::success();
  std::string detail;
  openexec_sink explanation{detail, max_detail};
  const openexec_code code = table_.ready(self_.get(), &explanation);
  return code == OPENEXEC_OK ? Status::success() : Status(Code{code}, shown(std::move(detail)));
}

// Hashers and clocks. They cannot fail, since no substitute for their answer would be safe.

ForeignHasher::ForeignHasher(const openexec_hasher_table* table)
    : table_(sized(table, "hasher")), name_(utf8(table_.name, "hasher.name")), self_(table_.self, table_.close) {
  needs(table_.canonical, "hasher.canonical");
  needs(table_.digest, "hasher.digest");
}

void ForeignHasher::canonical(std::string_view action, std::string_view payload, std::string& bytes) const {
  const openexec_str name = out(action);
  const openexec_str parameters = out(payload);
  openexec_sink sink{bytes, unbounded};
  call_infallible([&] { table_.canonical(self_.get(), &name, &parameters, &sink); });
  if (sink.failed) throw std::bad_alloc();
}

Digest ForeignHasher::digest(std::string_view bytes) const {
  const openexec_str given = out(bytes);
  openexec_digest answer{};
  call_infallible([&] { table_.digest(self_.get(), &given, &answer); });
  return capi::digest(answer);
}

ForeignClock::ForeignClock(const openexec_clock_table* table)
    : table_(sized(table, "clock")), self_(table_.self, table_.close) {
  needs(table_.now_us, "clock.now_us");
}

Timestamp ForeignClock::now() const {
  return {call_infallible([&] { return table_.now_us(self_.get()); })};
}

std::chrono::steady_clock::time_point ForeignClock::monotonic() const {
  if (table_.monotonic_ns == nullptr) return std::chrono::steady_clock::now();
  const std::int64_t now = call_infallible([&] { return table_.monotonic_ns(self_.get()); });
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(now));
}

ForeignEvents::ForeignEvents(const openexec_events_table* table)
    : table_(sized(table, "events")), self_(table_.self, table_.close) {
  needs(table_.on_event, "events.on_event");
}

void ForeignEvents::tell(openexec_event event) const {
  event.size = sizeof event;
  (void)call_out(OPENEXEC_OK, [&] {
    table_.on_event(self_.get(), &event);
    return openexec_code{OPENEXEC_OK};
  });
}

}  // namespace openexec::capi
