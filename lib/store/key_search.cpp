#include "store/key_search.hpp"

#include <algorithm>
#include <iterator>

#include "store/rules.hpp"

namespace openexec::store {
namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

/// Calls `visit` with the rows that a key may be of, oldest first, up to `most`; then calls `rest` with what no run
/// holds, where that has to be looked through. Both see one snapshot.
template <class Visit, class Rest>
void search(ReadSession& session, const KeyTable* newest, Key key, std::size_t most, Visit&& visit, Rest&& rest) {
  for (;;) {
    const std::uint64_t before = newest != nullptr ? newest->version() : 0;
    const Snapshot snapshot(session.read);
    std::vector<std::int64_t> rows, young;
    const std::vector<KeyRun> runs = session.runs.live(newest != nullptr ? 1 : 0);  // the snapshot begins here
    // Keys leave the table after the commit that puts them into a deep run: no key is missed unless some left between.
    if (newest != nullptr && newest->find(key, young) != before) continue;
    for (const KeyRun& run : runs) find_in_run(session.runs, nullptr, run, key, rows, most);
    std::sort(young.begin(), young.end());
    rows.insert(rows.end(), young.begin(), young.end());
    visit(rows);
    if (newest == nullptr) rest(session.runs.watermark());
    return;
  }
}

}  // namespace

std::optional<NonceRecord> find_claim(ReadSession& session, const KeyTable* newest, std::string_view tenant,
                                      std::string_view nonce) {
  std::optional<StoredRecord> found;
  search(
      session, newest, Key(KeyKind::nonce, pair_key(tenant, nonce)), all,
      [&](const std::vector<std::int64_t>& rows) {
        for (const std::int64_t row : rows) {
          auto known = session.read.record(row);  // none: claimed after the snapshot
          if (known && known->record.tenant == tenant && known->record.nonce == nonce) found = std::move(known);
        }
      },
      [&](RunQueries::Watermark in_runs) {
        if (!found) found = session.read.newest_record(in_runs.claims, tenant, nonce);
      });
  if (!found) return std::nullopt;
  return std::move(found->record);
}

std::vector<LogLine> find_lines(ReadSession& session, const KeyTable* newest, const Digest& exec_id, std::size_t count) {
  constexpr std::size_t strangers = 64;  // whose 48 bits are the same
  std::vector<LogLine> lines;
  search(
      session, newest, Key(KeyKind::execution, exec_id), count + std::min(strangers, ~count),
      [&](const std::vector<std::int64_t>& rows) {
        for (const std::int64_t row : rows) {
          if (lines.size() >= count) return;
          if (auto line = session.read.line_of(row, exec_id)) lines.push_back(*std::move(line));
        }
      },
      [&](RunQueries::Watermark in_runs) {
        if (lines.size() < count) session.read.newest_lines_of(in_runs.entries, exec_id, count - lines.size(), lines);
      });
  return lines;
}

std::vector<LogLine> find_lines_before(ReadSession& session, const KeyTable* newest, const Digest& exec_id,
                                       std::uint64_t before, std::size_t count) {
  std::vector<LogLine> lines, in_no_run;
  search(
      session, newest, Key(KeyKind::execution, exec_id), all,
      [&](const std::vector<std::int64_t>& rows) {
        for (auto row = rows.rbegin(); row != rows.rend() && lines.size() < count; ++row) {
          if (static_cast<std::uint64_t>(*row) >= before) continue;
          if (auto line = session.read.line_of(*row, exec_id)) lines.push_back(*std::move(line));
        }
      },
      [&](RunQueries::Watermark in_runs) {
        session.read.newest_lines_of(in_runs.entries, exec_id, all, in_no_run);
      });
  std::erase_if(in_no_run, [&](const LogLine& line) { return line.index >= before; });
  lines.insert(lines.begin(), std::make_move_iterator(in_no_run.rbegin()), std::make_move_iterator(in_no_run.rend()));
  if (lines.size() > count) lines.resize(count);
  return lines;
}

}  // namespace openexec::store
