// SPDX-License-Identifier: Apache-2.0
#include "attempt/replay.hpp"

#include <string>
#include <utility>

#include "answers/doubts.hpp"
#include "answers/kept_result.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec::exec {
namespace {

// A result that was removed on purpose is told as null. Its hash and its receipt are in the entry that sealed it.
bool recall_removed(SealedOutcome& sealed, ReceiptLog& log) {
  if (!sealed.record.entry) return false;
  const auto lines = log.read(*sealed.record.entry, 1);
  if (!lines.ok() || lines->empty() || lines->front().index != *sealed.record.entry) return false;
  Result<Entry> entry = Entry::from_json(lines->front().json);
  if (!entry.ok() || entry->exec_id != to_hex(sealed.record.exec_id)) return false;
  sealed.record.result = "null";
  sealed.result_hash = entry->result_hash;
  sealed.form = entry->result_form;
  sealed.receipt = std::move(entry->receipt);
  return true;
}

/// What a caller is told of a failure besides its code.
std::string failed_before(const Attempt& attempt, const NonceRecord& record) {
  const bool again = record.retryable && record.attempt <= attempt.action.retry_none();
  if (again) return "the attempt before failed, and nothing happened; sent again, the request may run";
  if (record.attempt == 1) return "the first attempt failed; its outcome is final";
  return "attempt " + std::to_string(record.attempt) + " failed; its outcome is final";
}

}  // namespace

Result<std::shared_ptr<const SealedOutcome>> read_sealed(const NonceRecord& record, ReceiptLog& log) {
  auto sealed = std::make_shared<SealedOutcome>();
  sealed->record = record;
  const auto [result, remark] = read_stored(record.result);
  sealed->record.result = result;
  if (record.code == Code::ok)
    sealed->form = form_of(remark);
  else
    sealed->detail = remark;
  if (record.code == Code::ok && record.result.empty()) {
    if (!recall_removed(*sealed, log))
      return Status(Code::store_failed, "it executed; its result was removed, and its entry cannot be read");
  } else if (record.code == Code::ok) {
    const Result<canon::Document> value = canon::parse(result, {result.size(), 128});
    if (value.ok()) sealed->result_hash = crypto::sha256(canon::jcs(value->root()));
  }
  return std::shared_ptr<const SealedOutcome>(std::move(sealed));
}

std::shared_ptr<const SealedOutcome> sealed_outcome_of(const Attempt& attempt, std::uint64_t entry) {
  const Ending& ending = *attempt.ended;
  if (!attempt.claimed || ending.state != NonceState::sealed || ending.retryable) return nullptr;
  SealedOutcome sealed;
  sealed.record.state = ending.state;
  sealed.record.exec_id = attempt.parsed->exec_id;
  sealed.record.request_hash = attempt.entry.request_hash;
  sealed.record.approval_digest = attempt.parsed->artifact_digest;
  sealed.record.code = ending.code;
  sealed.record.effect = ending.effect;
  sealed.record.result = ending.result;
  sealed.record.entry = entry;
  sealed.record.attempt = attempt.number;
  sealed.result_hash = ending.result_hash;
  sealed.form = ending.form;
  if (ending.code != Code::ok) sealed.detail = ending.detail;
  return std::make_shared<const SealedOutcome>(std::move(sealed));
}

Ending told_again(const SealedOutcome& sealed, const Attempt& attempt) {
  Ending ending;
  ending.retryable = sealed.record.retryable;
  ending.verdict = Verdict::replayed;
  ending.code = sealed.record.code;
  ending.effect = sealed.record.effect;
  ending.result = sealed.record.result;
  ending.result_hash = sealed.result_hash;
  ending.receipt = sealed.receipt;
  ending.form = sealed.form;
  ending.detail = sealed.detail;
  if (ending.code != Code::ok && ending.detail.empty()) ending.detail = failed_before(attempt, sealed.record);
  if (!sealed.receipt.empty()) ending.detail = "it executed; its result was removed, and receipt and log entry remain";
  return ending;
}

Ending still_in_doubt(const NonceRecord& record) {
  Ending ending;
  ending.verdict = Verdict::in_doubt;
  ending.code = Code::in_doubt;
  ending.effect = Effect::unknown;
  ending.result = error_text(ending.code);
  ending.detail = read_stored(record.result).remark;
  if (ending.detail.empty())
    ending.detail = "the handler may have run and no outcome was recorded; it is never run again";
  return ending;
}

bool may_retry(const Attempt& attempt, const NonceRecord& record) noexcept {
  return record.retryable && !attempt.waited && record.attempt <= attempt.action.retry_none() &&
         record.approval_digest == attempt.parsed->artifact_digest;
}

}  // namespace openexec::exec
