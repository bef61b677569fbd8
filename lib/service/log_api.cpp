// The endpoints of the log: what it holds of an execution, and what C2SP tlog-tiles serves.
#include <algorithm>
#include <utility>

#include <openexec/transparency_log.hpp>

#include "canon/json_object.hpp"
#include "exec/telling.hpp"
#include "service/api.hpp"

namespace openexec::service {
namespace {

using canon::JsonObject;

constexpr std::size_t max_listed_entries = 100;
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view binary_type = "application/octet-stream";
constexpr std::string_view for_good = "public, max-age=31536000, immutable";

/// How the entries of an execution are asked for.
enum class Format : std::uint8_t { json, tlog_proof, unknown };

/// Of the query, `format` alone means something.
Format format_of(std::string_view query) {
  Format format = Format::json;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (!pair.starts_with("format=")) continue;
    format = pair == "format=tlog-proof" ? Format::tlog_proof : pair == "format=json" ? Format::json : Format::unknown;
  }
  return format;
}

Answer listed(std::string_view exec_id, std::vector<LogLine> lines) {
  const bool more = lines.size() > max_listed_entries;
  if (more) lines.pop_back();
  std::string entries = "[";
  for (const LogLine& line : lines) {
    if (entries.size() > 1) entries += ',';
    entries += JsonObject()
                   .number("index", line.index)
                   .text("leaf_hash", to_hex(line.leaf_hash))
                   .raw("entry", line.json)
                   .take();
  }
  JsonObject json;
  json.text("exec_id", exec_id).raw("entries", entries + "]");
  if (more) json.text("note", "only the first " + std::to_string(max_listed_entries) + " entries are listed");
  return answer(200, json.take());
}

/// The executor's log as strangers read it, or the answer instead.
std::pair<TransparencyLog*, Answer> published(const Executor* executor) {
  if (executor == nullptr) return {nullptr, Api::problem(nullptr, 503, "starting")};
  TransparencyLog* const log = executor->log().transparency();
  if (log == nullptr) return {nullptr, Api::problem(nullptr, 404, "this log keeps no tree")};
  return {log, {}};
}

}  // namespace

Answer Api::receipts(const Call& call) const {
  const Executor* executor = executor_.load(std::memory_order_acquire);
  Digest exec_id{};
  if (executor == nullptr) return problem(nullptr, 503, "starting");
  if (!from_hex(call.argument, exec_id)) return problem(nullptr, 404, "an exec_id is 64 lower-case hexadecimal digits");
  const Format format = format_of(call.query);
  if (format == Format::unknown) return problem(nullptr, 422, "format must be json or tlog-proof");

  // A malformed request has no exec_id; its entry is filed under zero, which is nobody's.
  Result<std::vector<LogLine>> found = std::vector<LogLine>{};
  if (exec_id != Digest{}) found = executor->log().find(exec_id, max_listed_entries + 1);
  if (!found.ok()) return problem(nullptr, 503, found.status().detail());
  if (found->empty()) return problem(nullptr, 404, "no entry of this execution");

  Answer done;
  if (format == Format::json) {
    done = listed(call.argument, *std::move(found));
  } else {
    auto [log, refusal] = published(executor);
    if (log == nullptr) return refusal;
    Result<std::string> proof = log->prove(exec::telling(*found).index);
    if (!proof.ok()) return problem(nullptr, 503, proof.status().detail());
    done = answer(200, *std::move(proof));
    done.content_type = text_type;
  }
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
