#include "store/ledger_rows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "crypto/sha256.hpp"
#include "store/rules.hpp"

namespace openexec::store {
namespace {

// What a member has besides what each has.
constexpr std::uint8_t has_approval_digest = 1;
constexpr std::uint8_t time_is_highest = 2;
constexpr std::uint8_t is_later_attempt = 4;
constexpr std::uint8_t has_exec_id = 1;
constexpr std::uint8_t has_attempt = 2;
constexpr std::uint8_t has_ending = 4;
constexpr std::uint8_t has_result = 8;
constexpr std::uint8_t is_retryable = 16;

std::uint8_t flags_of(ByteReader& bytes, std::uint8_t known) {
  const std::uint8_t flags = bytes.byte();
  if ((flags & ~known) != 0) ByteReader::damaged();
  return flags;
}

void append_ending(const Ending& ending, std::int64_t index, std::string& content) {
  append_number(static_cast<std::uint64_t>(ending.claim), content);
  content += static_cast<char>(ending.state);
  append_signed(static_cast<std::int64_t>(ending.code), content);
  content += static_cast<char>(ending.effect);
  append_signed(ending.ended_at.micros, content);
  if (ending.result_row) append_number(static_cast<std::uint64_t>(index - *ending.result_row), content);
}

Ending read_ending(ByteReader& bytes, std::int64_t index, bool result, bool retryable) {
  Ending ending;
  ending.retryable = retryable;
  ending.claim = static_cast<std::int64_t>(bytes.number());
  ending.state = static_cast<NonceState>(bytes.byte());
  if (ending.claim <= 0 || (ending.state != NonceState::sealed && ending.state != NonceState::in_doubt))
    ByteReader::damaged();
  ending.code = static_cast<Code>(bytes.signed_number());
  ending.effect = static_cast<Effect>(bytes.byte());
  if (ending.effect > Effect::unknown) ByteReader::damaged();
  if (retryable && (ending.state != NonceState::sealed || ending.effect != Effect::none)) ByteReader::damaged();
  ending.ended_at = {bytes.signed_number()};
  if (result) {
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

void append_claim(const StoredClaim& stored, std::string& content) {
  const Claim& claim = stored.claim;
  const bool digest = !is_zero(claim.approval_digest);
  const bool highest = stored.high_water == claim.at;
  const bool later = stored.follows != 0;
  content += static_cast<char>((digest ? has_approval_digest : 0) | (highest ? time_is_highest : 0) |
                               (later ? is_later_attempt : 0));
  append_text(claim.tenant, content);
  append_text(claim.nonce, content);
  append_text(claim.action, content);
  append_digest(claim.exec_id, content);
  append_digest(claim.request_hash, content);
  append_text(claim.approval_id, content);
  if (digest) append_digest(claim.approval_digest, content);
  append_text(claim.approval, content);
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
  const std::uint8_t flags = flags_of(bytes_, has_approval_digest | time_is_highest | is_later_attempt);
  claim.tenant = bytes_.text();
  claim.nonce = bytes_.text();
  claim.action = bytes_.text();
  claim.exec_id = bytes_.digest();
  claim.request_hash = bytes_.digest();
  claim.approval_id = bytes_.text();
  if ((flags & has_approval_digest) != 0) claim.approval_digest = bytes_.digest();
  claim.approval = bytes_.text();
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

void append_entry(const StoredEntry& entry, std::int64_t index, std::string& content) {
  const bool named = !is_zero(entry.exec_id), attempt = !is_zero(entry.attempt);
  const bool result = entry.ending && entry.ending->result_row;
  content += static_cast<char>((named ? has_exec_id : 0) | (attempt ? has_attempt : 0) | (entry.ending ? has_ending : 0) |
                               (result ? has_result : 0) | (entry.ending && entry.ending->retryable ? is_retryable : 0));
  append_text(entry.json, content);
  if (named) append_digest(entry.exec_id, content);
  if (attempt) append_digest(entry.attempt, content);
  append_signed(entry.high_water.micros, content);
  if (entry.ending) append_ending(*entry.ending, index, content);
}

template <>
void Members<StoredEntry>::read(StoredEntry& entry) {
  entry = {};
  const std::uint8_t flags = flags_of(bytes_, has_exec_id | has_attempt | has_ending | has_result | is_retryable);
  entry.json = bytes_.text();
  if ((flags & has_exec_id) != 0) entry.exec_id = bytes_.digest();
  if ((flags & has_attempt) != 0) entry.attempt = bytes_.digest();
  entry.high_water = {bytes_.signed_number()};
  if ((flags & has_ending) != 0)
    entry.ending = read_ending(bytes_, next_, (flags & has_result) != 0, (flags & is_retryable) != 0);
  else if ((flags & (has_result | is_retryable)) != 0)
    ByteReader::damaged();
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

std::string& StagedRows::content_for(std::int64_t number, bool alone) {
  if (!alone && has_open_ && rows_[open_].content.size() < full_row_bytes) {
    ++rows_[open_].count;
    return rows_[open_].content;
  }
  std::string content;
  if (spare_.capacity() == 0) spare_.reserve(8);
  if (!spare_.empty()) {
    content = std::move(spare_.back());
    spare_.pop_back();
  }
  content.assign(1, row_form);
  rows_.push_back({number, 1, std::move(content)});
  if (!alone) {
    open_ = rows_.size() - 1;
    has_open_ = true;
  }
  return rows_.back().content;
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
      spare_.push_back(std::move(row.content));  // within its capacity: nothing is allocated
  rows_.clear();
  has_open_ = false;
}

}  // namespace openexec::store
