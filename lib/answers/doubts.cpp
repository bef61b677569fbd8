// SPDX-License-Identifier: Apache-2.0
#include "answers/doubts.hpp"

#include <utility>

#include "base/names.hpp"
#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/control_names.hpp"

namespace openexec::exec {
namespace {

/// Who approved a claim, as append_claimed() wrote it.
std::optional<ApprovalNote> read_approval(const NonceRecord& record) {
  const Result<canon::Document> document = canon::parse(record.approval);
  if (!document.ok() || !document->root().is(canon::Type::object)) return std::nullopt;
  const auto text = [&](std::string_view key) {
    const auto member = document->root().find(key);
    return std::string(member && member->is(canon::Type::string) ? member->string() : std::string_view());
  };
  ApprovalNote note{text("profile"), text("id"), record.approval_digest, {}};
  note.trace_id = text("trace_id");
  note.request_id = text("request_id");
  note.approval_scope = text("approval_scope");
  if (const auto step = document->root().find("step"); step && step->is(canon::Type::integer))
    note.step = static_cast<std::uint32_t>(step->integer());
  if (const auto keys = document->root().find("keys"); keys && keys->is(canon::Type::array))
    for (const canon::View::Member key : *keys)
      if (key.value.is(canon::Type::string)) note.keys.emplace_back(key.value.string());
  return note;
}

/// A settlement as it will be recorded.
struct Finding {
  NonceState state = NonceState::in_doubt;
  Verdict verdict = Verdict::in_doubt;
  Code code = Code::in_doubt;
  Effect effect = Effect::unknown;
  std::string result;
  std::optional<Digest> result_hash;
};

Result<Finding> finding_of(const HandlerResult& found, std::size_t max_result_bytes) {
  Finding finding;
  if (found.kind() == HandlerResult::Kind::result) {
    const Result<canon::Document> json = canon::parse(found.text(), {max_result_bytes, 128});
    if (!json.ok()) return Status(Code::invalid_argument, "result: " + json.status().detail());
    return Finding{NonceState::sealed,
                   Verdict::executed,
                   Code::ok,
                   Effect::confirmed,
                   canon::display(json->root()),
                   crypto::sha256(canon::jcs(json->root()))};
  }
  if (found.kind() == HandlerResult::Kind::failed && found.effect() == Effect::none) {
    finding.state = NonceState::sealed;
    finding.verdict = Verdict::failed;
    finding.code = Code::handler_failed;
    finding.effect = Effect::none;
  } else if (found.kind() != HandlerResult::Kind::in_doubt) {
    return Status(Code::invalid_argument, "found: it was done, it was not done, or it is unknown");
  }
  finding.result = error_text(finding.code);
  return finding;
}

Status check(const Order& order, const NonceRecord& record) {
  if (Status status = check_who_and_why(order); !status.ok()) return status;
  if (!order.tenant.empty() && order.tenant != record.tenant)
    return {Code::invalid_argument, "tenant: the execution is another tenant's"};
  return Status::success();
}

/// What the store knows of an execution, by any entry that names it.
Result<NonceRecord> record_of(const DoubtDesk& desk, const Digest& exec_id) {
  const Result<std::vector<LogLine>> lines = desk.log.find_entries(exec_id, 1);
  if (!lines.ok()) return lines.status();
  if (exec_id == Digest{} || lines->empty())
    return Status(Code::invalid_argument, "exec_id: the log has no such execution");
  const Result<Entry> entry = Entry::from_json(lines->front().json);
  if (!entry.ok()) return Status(Code::store_failed, "log: an entry of the execution cannot be read");
  auto record = desk.store.find(entry->tenant, entry->nonce);
  if (!record.ok()) return record.status();
  if (!*record || (*record)->exec_id != exec_id)
    return Status(Code::invalid_argument, "exec_id: the execution was refused, and never ran");
  return **std::move(record);
}

/// The entry that sealed an execution. It was in doubt before only if it has a prior one.
Result<Entry> sealing_entry(const DoubtDesk& desk, const NonceRecord& record) {
  if (!record.entry) return Status(Code::store_failed, "log: the entry that sealed the execution is not known");
  const auto lines = desk.log.read(*record.entry, 1);
  if (!lines.ok()) return lines.status();
  if (lines->size() != 1) return Status(Code::store_failed, "log: the entry that sealed the execution is missing");
  return Entry::from_json(lines->front().json);
}

void refuse(Outcome& outcome, const Status& why) {
  outcome.code = why.code();
  outcome.detail = why.detail();
  outcome.result = error_text(outcome.code);
  outcome.receipt = receipt_of({}, outcome.result);
}

/// One settlement on its way.
class Settling {
 public:
  Settling(const DoubtDesk& desk, NonceRecord record, Finding finding, const Order& order)
      : desk_(desk),
        record_(std::move(record)),
        finding_(std::move(finding)),
        entry_(entry_of(record_, desk.executor)) {
    entry_.verdict = finding_.verdict;
    entry_.code = finding_.code;
    entry_.effect = finding_.effect;
    entry_.result_hash = finding_.result_hash;
    entry_.receipt = receipt_of(entry_.exec_id, finding_.result);
    entry_.control =
        ControlNote{std::string(control_names::settle), {}, {}, std::string(order.who), std::string(order.why)};
    entry_.prior = record_.entry;
  }

  /// Seals what is in doubt. Where another settlement came first the status is invalid_argument.
  Status decide(SettlementAnswer& answer) {
    const Timestamp at = desk_.stamp(entry_);
    const std::string json = entry_.to_json();
    const Seal seal{.tenant = record_.tenant,
                    .nonce = record_.nonce,
                    .exec_id = record_.exec_id,
                    .state = finding_.state,
                    .code = finding_.code,
                    .effect = finding_.effect,
                    .result = finding_.result,
                    .entry = json,
                    .at = at,
                    .attempt = record_.attempt};
    Operation operation{.what = &seal};
    if (Status status = submit(operation, json, answer.outcome); !status.ok()) return status;
    answer.decides = true;
    return Status::success();
  }

  Status append(SettlementAnswer& answer) {
    const Timestamp at = desk_.stamp(entry_);
    const std::string json = entry_.to_json();
    const NewEntry line{.json = json, .exec_id = record_.exec_id, .at = at};
    Operation operation{.what = &line};
    return submit(operation, json, answer.outcome);
  }

 private:
  Status submit(Operation& operation, const std::string& json, Outcome& outcome) {
    desk_.submit({&operation, 1});
    if (!operation.status.ok()) return operation.status;
    outcome.code = Code::ok;
    outcome.verdict = finding_.verdict;
    outcome.effect = finding_.effect;
    outcome.attempt = record_.attempt;
    outcome.exec_id = entry_.exec_id;
    outcome.action = entry_.action;
    outcome.result = finding_.result;
    outcome.receipt = entry_.receipt;
    outcome.entry = json;
    outcome.entry_index = operation.entry;
    return Status::success();
  }

  const DoubtDesk& desk_;
  const NonceRecord record_;
  const Finding finding_;
  Entry entry_;
};

/// A settlement of what is settled already.
Status settle_again(const DoubtDesk& desk, const NonceRecord& record, const Finding& finding, const Order& order,
                    SettlementAnswer& answer) {
  const Result<Entry> decided = sealing_entry(desk, record);
  if (!decided.ok()) return decided.status();
  if (!decided->prior)
    return {Code::invalid_argument, "exec_id: the execution was never in doubt; its own outcome is recorded"};
  if (Status status = Settling(desk, record, finding, order).append(answer); !status.ok()) return status;
  const bool same =
      finding.code == record.code && finding.effect == record.effect && finding.result_hash == decided->result_hash;
  answer.contradicts = finding.state == NonceState::sealed && !same;
  answer.outcome.detail = answer.contradicts
                              ? "it contradicts the settlement in entry " + std::to_string(*record.entry) +
                                    ", which still decides what replays tell"
                              : "an earlier settlement decides what replays tell";
  return Status::success();
}

Status settle(const DoubtDesk& desk, const Digest& exec_id, const HandlerResult& found, const Order& order,
              SettlementAnswer& answer) {
  const Result<Finding> finding = finding_of(found, desk.max_result_bytes);
  if (!finding.ok()) return finding.status();
  for (;;) {
    const Result<NonceRecord> record = record_of(desk, exec_id);
    if (!record.ok()) return record.status();
    if (Status status = check(order, *record); !status.ok()) return status;
    if (record->state == NonceState::claimed)
      return {Code::in_progress,
              "the execution has no end yet: it runs, or its process died and nobody opened the ledger since"};
    if (record->state == NonceState::sealed) return settle_again(desk, *record, *finding, order, answer);
    Settling settling(desk, *record, *finding, order);
    if (finding->state == NonceState::in_doubt) return settling.append(answer);
    Status status = settling.decide(answer);
    if (status.code() != Code::invalid_argument) return status;
    // Another settlement came first, unless the store refuses this one for a reason of its own.
    const auto now = desk.store.find(record->tenant, record->nonce);
    if (!now.ok() || !*now || (*now)->state == NonceState::in_doubt) return status;
  }
}

}  // namespace

std::string error_text(Code code) { return std::string(R"({"error": ")").append(name(code)).append("\"}"); }

Status check_who_and_why(const Order& order) {
  if (const auto fault = base::label_fault(order.who); !fault.empty())
    return {Code::invalid_argument, std::string("who: ").append(fault)};
  if (order.why.empty() || order.why.size() > 1024 || !base::is_utf8(order.why))
    return {Code::invalid_argument, "why: must be 1 to 1,024 bytes of UTF-8"};
  return Status::success();
}

Entry entry_of(const NonceRecord& claim, std::string executor) {
  Entry entry;
  entry.exec_id = to_hex(claim.exec_id);
  entry.action = claim.action;
  entry.nonce = claim.nonce;
  entry.tenant = claim.tenant;
  entry.request_hash = claim.request_hash;
  entry.approval = read_approval(claim);
  entry.executor = std::move(executor);
  entry.attempt = claim.attempt;
  return entry;
}

SettlementAnswer settle_doubt(const DoubtDesk& desk, const Digest& exec_id, const HandlerResult& found,
                              const Order& order) {
  SettlementAnswer answer;
  if (const Status status = settle(desk, exec_id, found, order, answer); !status.ok()) {
    answer = {};
    refuse(answer.outcome, status);
  }
  answer.outcome.http = http_status(answer.outcome.code);
  return answer;
}

}  // namespace openexec::exec
