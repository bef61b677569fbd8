// SPDX-License-Identifier: Apache-2.0
#include "rows/ledger_rows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "crypto/sha256.hpp"
#include "rows/rules.hpp"

namespace openexec::store {
namespace {

// The fields that only some members have, and how they are written.
constexpr std::uint8_t has_approval_digest = 1;
constexpr std::uint8_t time_is_highest = 2;
constexpr std::uint8_t is_later_attempt = 4;
constexpr std::uint8_t approval_is_packed = 8;
constexpr std::uint8_t has_exec_id = 1;
constexpr std::uint8_t has_attempt = 2;
constexpr std::uint8_t has_ending = 4;
constexpr std::uint8_t has_result = 8;
constexpr std::uint8_t is_retryable = 16;
constexpr std::uint8_t ended_at_highest = 32;
constexpr std::uint8_t text_is_packed = 64;
constexpr std::uint8_t exec_id_is_in_text = 128;

std::uint8_t flags_of(ByteReader& bytes, std::uint8_t known) {
  const std::uint8_t flags = bytes.byte();
  if ((flags & ~known) != 0) ByteReader::damaged();
  return flags;
}

/// Appends the text behind its size. Returns whether it is packed.
bool append_stored(const StoredText& text, std::string& out) {
  const std::size_t start = out.size();
  bool packed = text.packed;
  if (packed)
    out.append(text.bytes);
  else
    packed = append_packed(text.bytes, out);
  std::string size;  // short: on the stack
  append_number(out.size() - start, size);
  out.insert(start, size);
  return packed;
}

/// The fields of an entry besides those that say how its text is kept.
std::uint8_t parts_of(const StoredEntry& entry) {
  const bool ended_last = entry.ending && entry.ending->ended_at == entry.high_water;
  return static_cast<std::uint8_t>(
      (is_zero(entry.exec_id) ? 0 : has_exec_id) | (is_zero(entry.attempt) ? 0 : has_attempt) |
      (entry.ending ? has_ending : 0) | (entry.ending && entry.ending->result_row ? has_result : 0) |
      (entry.ending && entry.ending->retryable ? is_retryable : 0) | (ended_last ? ended_at_highest : 0));
}

/// Appends what follows text and exec_id.
void append_rest(const StoredEntry& entry, std::uint8_t parts, std::int64_t index, std::string& out) {
  if ((parts & has_attempt) != 0) append_digest(entry.attempt, out);
  append_signed(entry.high_water.micros, out);
  if (!entry.ending) return;
  const Ending& ending = *entry.ending;
  append_number(static_cast<std::uint64_t>(ending.claim), out);
  out += static_cast<char>(ending.state);
  append_signed(static_cast<std::int64_t>(ending.code), out);
  out += static_cast<char>(ending.effect);
  if ((parts & ended_at_highest) == 0) append_signed(ending.ended_at.micros, out);
  if (ending.result_row) append_number(static_cast<std::uint64_t>(index - *ending.result_row), out);
}

/// The form in which a row's hash covers an entry. The leaf hash stands for the text.
void append_outline(const StoredEntry& entry, const Digest& leaf, std::int64_t index, std::string& out) {
  const std::uint8_t parts = parts_of(entry);
  out += static_cast<char>(parts);
  append_digest(leaf, out);
  if ((parts & has_exec_id) != 0) append_digest(entry.exec_id, out);
  append_rest(entry, parts, index, out);
}

std::string outline_of(const RowView& row) {
  std::string outline, json;
  Members<StoredEntry> members(row);
  std::int64_t index = row.first;
  for (StoredEntry entry; members.next(entry); ++index) {
    json.clear();
    entry.text.append_to(json);
    append_outline(entry, leaf_hash(json), index, outline);
  }
  return outline;
}

Ending read_ending(ByteReader& bytes, std::int64_t index, std::uint8_t parts, Timestamp highest) {
  Ending ending;
  ending.retryable = (parts & is_retryable) != 0;
  ending.claim = static_cast<std::int64_t>(bytes.number());
  ending.state = static_cast<NonceState>(bytes.byte());
  if (ending.claim <= 0 || (ending.state != NonceState::sealed && ending.state != NonceState::in_doubt))
    ByteReader::damaged();
  ending.code = static_cast<Code>(bytes.signed_number());
  ending.effect = static_cast<Effect>(bytes.byte());
  if (ending.effect > Effect::unknown) ByteReader::damaged();
  if (ending.retryable && (ending.state != NonceState::sealed || ending.effect != Effect::none)) ByteReader::damaged();
  ending.ended_at = (parts & ended_at_highest) != 0 ? highest : Timestamp{bytes.signed_number()};
  if ((parts & has_result) != 0) {
    const std::uint64_t back = bytes.number();
    if (back > static_cast<std::uint64_t>(index)) ByteReader::damaged();
    ending.result_row = index - static_cast<std::int64_t>(back);
  }
  return ending;
}

}  // namespace

Digest row_hash(RowKind kind, const RowView& row, const Digest& before) {
  const char name = static_cast<char>(kind);
  const std::string first = fixed_number(static_cast<std::uint64_t>(row.first));
  const std::string count = fixed_number(static_cast<std::uint64_t>(row.count));
  return crypto::sha256({{&name, 1}, first, count, bytes_of(before), row.content});
}

Digest row_hash(RowKind kind, const OwnedRow& row, const Digest& before) {
  return row_hash(kind, RowView{row.first, row.count, kind == RowKind::entries ? row.outline : row.content}, before);
}

bool is_whole(RowKind kind, const RowView& row, const Digest& before, const Digest& hash) {
  if (row.count <= 0) return false;
  if (kind != RowKind::entries) return row_hash(kind, row, before) == hash;
  try {
    const std::string outline = outline_of(row);
    return row_hash(kind, RowView{row.first, row.count, outline}, before) == hash;
  } catch (const StoreFailure&) {  // its members cannot be read
    return false;
  }
}

void append_claim(const StoredClaim& stored, std::string& content) {
  const Claim& claim = stored.claim;
  const bool digest = !is_zero(claim.approval_digest);
  const bool highest = stored.high_water == claim.at;
  const bool later = stored.follows != 0;
  const std::size_t start = content.size();
  content += static_cast<char>((digest ? has_approval_digest : 0) | (highest ? time_is_highest : 0) |
                               (later ? is_later_attempt : 0));
  append_text(claim.tenant, content);
  append_text(claim.nonce, content);
  append_text(claim.action, content);
  append_digest(claim.exec_id, content);
  append_digest(claim.request_hash, content);
  append_text(claim.approval_id, content);
  if (digest) append_digest(claim.approval_digest, content);
  if (append_stored(stored.approval, content)) content[start] = static_cast<char>(content[start] | approval_is_packed);
  append_signed(claim.at.micros, content);
  if (!highest) append_signed(stored.high_water.micros, content);
  if (!later) return;
  append_number(claim.attempt, content);
  append_number(static_cast<std::uint64_t>(stored.follows), content);
}

template <>
void Members<StoredClaim>::read(StoredClaim& stored) {
  stored = {};
  Claim& claim = stored.claim;
  const std::uint8_t flags =
      flags_of(bytes_, has_approval_digest | time_is_highest | is_later_attempt | approval_is_packed);
  claim.tenant = bytes_.text();
  claim.nonce = bytes_.text();
  claim.action = bytes_.text();
  claim.exec_id = bytes_.digest();
  claim.request_hash = bytes_.digest();
  claim.approval_id = bytes_.text();
  if ((flags & has_approval_digest) != 0) claim.approval_digest = bytes_.digest();
  stored.approval = {bytes_.text(), (flags & approval_is_packed) != 0};
  claim.at = {bytes_.signed_number()};
  stored.high_water = claim.at;
  if ((flags & time_is_highest) == 0) stored.high_water = {bytes_.signed_number()};
  if ((flags & is_later_attempt) == 0) return;
  const std::uint64_t attempt = bytes_.number();
  const std::uint64_t follows = bytes_.number();
  if (attempt < 2 || attempt > std::numeric_limits<std::uint32_t>::max() || follows == 0 ||
      follows >= static_cast<std::uint64_t>(next_))
    ByteReader::damaged();
  claim.attempt = static_cast<std::uint32_t>(attempt);
  stored.follows = static_cast<std::int64_t>(follows);
}

void append_entry(const StoredEntry& entry, const Digest& leaf, std::int64_t index, OwnedRow& row) {
  std::string& content = row.content;
  const std::uint8_t parts = parts_of(entry);
  const std::size_t start = content.size();
  content += static_cast<char>(parts);
  const auto mark = [&](std::uint8_t flag) { content[start] = static_cast<char>(content[start] | flag); };
  if (append_stored(entry.text, content)) mark(text_is_packed);
  if ((parts & has_exec_id) != 0) {
    const std::size_t at = std::string_view(content).substr(start).find(bytes_of(entry.exec_id));
    if (at != std::string_view::npos) {
      mark(exec_id_is_in_text);
      append_number(at, content);
    } else {
      append_digest(entry.exec_id, content);
    }
  }
  append_rest(entry, parts, index, content);
  append_outline(entry, leaf, index, row.outline);
}

template <>
void Members<StoredEntry>::read(StoredEntry& entry) {
  entry = {};
  constexpr std::uint8_t of_ending = has_result | is_retryable | ended_at_highest;
  const std::string_view member = bytes_.rest();
  const std::uint8_t flags =
      flags_of(bytes_, has_exec_id | has_attempt | has_ending | of_ending | text_is_packed | exec_id_is_in_text);
  if ((flags & has_ending) == 0 && (flags & of_ending) != 0) ByteReader::damaged();
  entry.text = {bytes_.text(), (flags & text_is_packed) != 0};
  if ((flags & exec_id_is_in_text) != 0) {
    const std::uint64_t at = bytes_.number();
    entry.exec_id = ByteReader(member.substr(std::min<std::uint64_t>(at, member.size()))).digest();
  } else if ((flags & has_exec_id) != 0) {
    entry.exec_id = bytes_.digest();
  }
  if (is_zero(entry.exec_id) == ((flags & has_exec_id) != 0)) ByteReader::damaged();
  if ((flags & has_attempt) != 0) entry.attempt = bytes_.digest();
  entry.high_water = {bytes_.signed_number()};
  if ((flags & has_ending) != 0) entry.ending = read_ending(bytes_, next_, flags, entry.high_water);
}

void append_result(const StoredResult& result, std::int64_t row, std::string& content) {
  append_number(static_cast<std::uint64_t>(result.entry - row), content);
  append_text(result.text, content);
}

bool Results::next(StoredResult& result) {
  if (left_ == 0) {
    bytes_.end();
    return false;
  }
  --left_;
  result.entry = row_ + static_cast<std::int64_t>(bytes_.number());
  result.text = bytes_.text();
  return true;
}

OwnedRow& StagedRows::row_for(std::int64_t number, bool alone) {
  if (!alone && has_open_ && rows_[open_].content.size() < full_row_bytes) {
    ++rows_[open_].count;
    return rows_[open_];
  }
  OwnedRow row;
  if (spare_.capacity() == 0) spare_.reserve(8);
  if (!spare_.empty()) {
    row = std::move(spare_.back());
    spare_.pop_back();
  }
  row.first = number;
  row.count = 1;
  row.content.assign(1, row_form);
  row.outline.clear();
  rows_.push_back(std::move(row));
  if (!alone) {
    open_ = rows_.size() - 1;
    has_open_ = true;
  }
  return rows_.back();
}

const OwnedRow* StagedRows::holding(std::int64_t number) const noexcept {
  const auto after = std::upper_bound(rows_.begin(), rows_.end(), number,
                                      [](std::int64_t sought, const OwnedRow& row) { return sought < row.first; });
  if (after == rows_.begin()) return nullptr;
  const OwnedRow& row = *std::prev(after);
  return number < row.end() ? &row : nullptr;
}

const OwnedRow* StagedRows::at(std::int64_t first) const noexcept {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const OwnedRow& row) { return row.first == first; });
  return found == rows_.end() ? nullptr : &*found;
}

void StagedRows::clear() noexcept {
  for (OwnedRow& row : rows_)
    if (spare_.size() < spare_.capacity() && row.content.capacity() < 2 * full_row_bytes)
      spare_.push_back(std::move(row));  // within its capacity, so that nothing is allocated
  rows_.clear();
  has_open_ = false;
}

}  // namespace openexec::store
