// SPDX-License-Identifier: Apache-2.0
// The endpoints of the log. They serve the entries of an execution, and the files of C2SP tlog-tiles.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <openexec/transparency_log.hpp>

#include "answers/outcome_json.hpp"
#include "api/api.hpp"
#include "canon/json_object.hpp"

namespace openexec::service {
namespace {

using canon::JsonObject;

constexpr std::size_t max_listed_entries = 100;
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view binary_type = "application/octet-stream";
constexpr std::string_view for_good = "public, max-age=31536000, immutable";

/// The query of a request for the entries of an execution.
struct Asked {
  bool proof = false;                                                ///< format=tlog-proof
  std::size_t limit = max_listed_entries;                            ///< limit=1..100
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();  ///< before=INDEX
  std::optional<std::uint64_t> index;                                ///< index=INDEX: this entry's proof
  std::string fault;                                                 ///< not empty: the query is malformed
};

std::optional<std::uint64_t> number_in(std::string_view text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text) number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  return number;
}

void read_pair(std::string_view name, std::string_view value, Asked& asked) {
  const auto number = number_in(value);
  if (name == "format") {
    asked.proof = value == "tlog-proof";
    if (!asked.proof && value != "json") asked.fault = "format must be json or tlog-proof";
  } else if (name == "limit") {
    asked.limit = static_cast<std::size_t>(number.value_or(0));
    if (asked.limit == 0 || asked.limit > max_listed_entries) asked.fault = "limit must be 1 to 100";
  } else if (name == "before") {
    asked.before = number.value_or(0);
    if (!number) asked.fault = "before must be the index of an entry";
  } else if (name == "index") {
    asked.index = number;
    if (!number) asked.fault = "index must be the index of an entry";
  }
}

/// Reads the query. Parameters with other names are ignored.
Asked asked_in(std::string_view query) {
  Asked asked;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    read_pair(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())), asked);
  }
  return asked;
}

Answer no_outcome() {
  constexpr std::string_view code = "no_outcome";
  return answer(
      404,
      JsonObject()
          .raw("error", JsonObject()
                            .text("code", code)
                            .text("detail", "the execution has no outcome: it was refused, or is still running")
                            .take())
          .take(),
      code);
}

/// Returns a page of the execution's entries, newest first, and in a member of its own the entry with its outcome.
Answer list_entries(const Executor& executor, std::string_view exec_id, const Digest& digest, const Asked& asked) {
  Result<std::vector<LogLine>> lines = executor.log().find_before(digest, asked.before, asked.limit + 1);
  if (!lines.ok()) return Api::problem(nullptr, 503, lines.status().detail());
  const Result<std::optional<LogLine>> outcome = executor.outcome_entry(digest);
  if (!outcome.ok()) return Api::problem(nullptr, 503, outcome.status().detail());
  const bool more = lines->size() > asked.limit;
  if (more) lines->pop_back();
  std::string entries = "[";
  for (const LogLine& line : *lines) {
    if (entries.size() > 1) entries += ',';
    entries += exec::line_json(line);
  }
  JsonObject json;
  json.text("exec_id", exec_id)
      .raw("outcome", *outcome ? exec::line_json(**outcome) : "null")
      .raw("entries", entries + "]");
  if (more) json.number("next", lines->back().index);
  return answer(200, json.take());
}

/// Returns whether the entry with this index belongs to the execution.
Result<bool> is_of(ReceiptLog& log, std::uint64_t index, std::string_view exec_id) {
  const Result<std::vector<LogLine>> lines = log.read(index, 1);
  if (!lines.ok()) return lines.status();
  if (lines->empty() || lines->front().index != index) return false;
  const Result<Entry> entry = Entry::from_json(lines->front().json);
  return entry.ok() && entry->exec_id == exec_id;
}

/// Returns the executor's log with its tree, or the answer that is given without it.
std::pair<TransparencyLog*, Answer> published(const Executor* executor) {
  if (executor == nullptr) return {nullptr, Api::problem(nullptr, 503, "starting")};
  TransparencyLog* const log = executor->log().transparency();
  if (log == nullptr) return {nullptr, Api::problem(nullptr, 404, "this log keeps no tree")};
  return {log, {}};
}

}  // namespace

namespace {

/// Returns the portable receipt of the entry that the query names, or else of the entry with the outcome. The entry of
/// a refusal is never used in place of an outcome.
Answer prove_entry(const Executor& executor, std::string_view exec_id, const Digest& digest, const Asked& asked) {
  auto [log, refusal] = published(&executor);
  if (log == nullptr) return refusal;
  std::uint64_t index = asked.index.value_or(0);
  if (asked.index) {
    const Result<bool> found = is_of(executor.log(), index, exec_id);
    if (!found.ok()) return Api::problem(nullptr, 503, found.status().detail());
    if (!*found) return Api::problem(nullptr, 404, "the execution has no entry with this index");
  } else {
    const Result<std::optional<LogLine>> outcome = executor.outcome_entry(digest);
    if (!outcome.ok()) return Api::problem(nullptr, 503, outcome.status().detail());
    if (!*outcome) return no_outcome();
    index = (*outcome)->index;
  }
  Result<std::string> proof = log->prove(index);
  if (!proof.ok()) return Api::problem(nullptr, 503, proof.status().detail());
  Answer done = answer(200, *std::move(proof));
  done.content_type = text_type;
  return done;
}

}  // namespace

Answer Api::receipts(const Call& call) const {
  const Executor* executor = executor_.load(std::memory_order_acquire);
  Digest exec_id{};
  if (executor == nullptr) return problem(nullptr, 503, "starting");
  if (!from_hex(call.argument, exec_id)) return problem(nullptr, 404, "an exec_id is 64 lower-case hexadecimal digits");
  const Asked asked = asked_in(call.query);
  if (!asked.fault.empty()) return problem(nullptr, 422, asked.fault);

  // A malformed request has no exec_id. Its entry is stored under zero, which belongs to no execution.
  Result<std::vector<LogLine>> first = std::vector<LogLine>{};
  if (exec_id != Digest{}) first = executor->log().find_entries(exec_id, 1);
  if (!first.ok()) return problem(nullptr, 503, first.status().detail());
  if (first->empty()) return problem(nullptr, 404, "no entry of this execution");

  Answer done = asked.proof ? prove_entry(*executor, call.argument, exec_id, asked)
                            : list_entries(*executor, call.argument, exec_id, asked);
  done.exec_id = call.argument;
  return done;
}

Answer Api::checkpoint(const Call&) const {
  auto [log, refusal] = published(executor_.load(std::memory_order_acquire));
  if (log == nullptr) return refusal;
  Result<SignedCheckpoint> checkpoint = log->checkpoint();
  if (!checkpoint.ok()) return problem(nullptr, 503, checkpoint.status().detail());
  Answer done = answer(200, std::move(checkpoint->note));
  done.content_type = text_type;
  return done;
}

Answer Api::tile(const Call& call) const {
  auto [log, refusal] = published(executor_.load(std::memory_order_acquire));
  if (log == nullptr) return refusal;
  Result<std::optional<std::string>> tile = log->resource("tile/" + std::string(call.argument));
  if (!tile.ok()) return problem(nullptr, 503, tile.status().detail());
  if (!*tile) return problem(nullptr, 404, "the newest checkpoint covers no such tile");
  Answer done = answer(200, **std::move(tile));
  done.content_type = binary_type;
  if (call.argument.find(".p/") == call.argument.npos) done.cache_control = for_good;
  return done;
}

}  // namespace openexec::service
