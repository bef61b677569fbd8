// SPDX-License-Identifier: Apache-2.0
#include "answers/recorder.hpp"

#include <string>
#include <utility>

#include "answers/doubts.hpp"
#include "answers/kept_result.hpp"
#include "crypto/sha256.hpp"

namespace openexec::exec {
namespace {

void answer(Operation& operation, const Result<std::uint64_t>& index) {
  operation.status = index.status();
  if (index.ok()) operation.entry = *index;
}

}  // namespace

Timestamp Recorder::stamp(Entry& entry) {
  const Timekeeper::Reading now = time_.read();
  entry.observed_at = now.observed;
  entry.trusted_at.reset();
  if (now.suspect) entry.trusted_at = now.trusted;
  return now.trusted;
}

Entry Recorder::own_entry(Verdict verdict, Code code) const {
  Entry entry;
  entry.verdict = verdict;
  entry.code = code;
  entry.tenant = config_.tenant;
  entry.executor = config_.executor;
  return entry;
}

Ending Recorder::judge(const HandlerResult& said) {
  Ending ending = entered();
  if (said.kind() != HandlerResult::Kind::result) ending.detail = kept_detail(said.text());
  switch (said.kind()) {
    case HandlerResult::Kind::in_doubt: break;
    case HandlerResult::Kind::failed:
      ending.state = NonceState::sealed;
      ending.verdict = Verdict::failed;
      ending.code = Code::handler_failed;
      ending.effect = said.effect();
      break;
    case HandlerResult::Kind::result: judge_result(said, ending);
  }
  return ending;
}

// It took place, whatever it said.
void Recorder::judge_result(const HandlerResult& said, Ending& ending) {
  const Pooled reader(readers_);
  KeptResult kept = keep_output(said, config_.limits.max_result_bytes, *reader);
  ending.result = std::move(kept.display);
  ending.result_hash = kept.hash;
  ending.form = kept.form;
  ending.state = NonceState::sealed;
  ending.verdict = Verdict::executed;
  ending.code = Code::ok;
  ending.effect = Effect::confirmed;
}

void Recorder::submit(std::span<Operation> operations) {
  if (parts_.store->log() == parts_.log.get()) return parts_.store->submit(operations);
  for (Operation& operation : operations) {
    if (const auto* line = std::get_if<const NewEntry*>(&operation.what)) {
      answer(operation, parts_.log->append(**line));
      continue;
    }
    parts_.store->submit({&operation, 1});
    if (const auto* seal = std::get_if<const Seal*>(&operation.what); seal && operation.status.ok())
      answer(operation, feed_log((*seal)->tenant, (*seal)->nonce, (*seal)->exec_id, (*seal)->entry));
  }
}

Result<std::uint64_t> Recorder::feed_log(std::string_view tenant, std::string_view nonce, const Digest& exec_id,
                                         std::string_view entry) {
  const auto index = parts_.log->append(
      {.json = entry, .exec_id = exec_id, .attempt = crypto::sha256(entry), .at = time_.read().trusted});
  if (!index.ok()) return index;
  if (Status noted = parts_.store->logged(tenant, nonce, *index); !noted.ok()) return noted;
  return index;
}

Result<std::optional<std::uint64_t>> Recorder::keep(const ControlChange& change, bool& lasts) {
  Result<std::optional<std::uint64_t>> kept = parts_.store->control(change);
  lasts = kept.code() != Code::invalid_argument;
  const bool own_log = parts_.store->log() == parts_.log.get();
  if (lasts && (!kept.ok() || own_log)) return kept;
  const Result<std::uint64_t> index = lasts ? feed_log(change.name.tenant, {}, {}, change.entry)
                                            : parts_.log->append({.json = change.entry, .at = change.at});
  if (!index.ok()) return index.status();
  return std::optional(*index);
}

void Recorder::append_suppressed(std::uint64_t count) {
  if (count == 0) return;
  Entry entry = own_entry(Verdict::suppressed, Code::overloaded);
  const Timestamp at = stamp(entry);
  entry.count = count;
  entry.receipt = receipt_of({}, error_text(entry.code));
  const std::string json = entry.to_json();
  // It stands for refusals that were answered already: if it cannot be written there is nobody to tell.
  (void)parts_.log->append({.json = json, .at = at});
}

void Recorder::append_suppressed(std::vector<Entry> replays) {
  if (replays.empty()) return;
  std::vector<std::string> texts;
  std::vector<NewEntry> entries;
  std::vector<Operation> operations;
  texts.reserve(replays.size());
  entries.reserve(replays.size());
  for (Entry& replay : replays) {
    const Timestamp at = stamp(replay);
    texts.push_back(replay.to_json());
    Digest exec_id{};
    (void)from_hex(replay.exec_id, exec_id);
    entries.push_back({.json = texts.back(), .exec_id = exec_id, .at = at});
  }
  for (const NewEntry& entry : entries) operations.push_back({.what = &entry});
  submit(operations);  // as above: there is nobody to tell
}

}  // namespace openexec::exec
