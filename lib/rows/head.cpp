// SPDX-License-Identifier: Apache-2.0
#include "rows/head.hpp"

#include "crypto/sha256.hpp"
#include "index/key_record.hpp"
#include "index/row_bytes.hpp"

namespace openexec::store {
namespace {

constexpr char head_form = 1;
constexpr std::uint8_t index_is_whole = 1;
constexpr std::uint8_t has_anchor = 2;
constexpr std::uint8_t has_floor = 4;
constexpr std::uint8_t has_doubts = 8;

/// Returns a number that differs for each pair, unless a pair was chosen to collide.
std::uint64_t mixed(std::int64_t entry, std::int64_t claim) noexcept {
  KeyRecord record;
  record.hash = static_cast<std::uint64_t>(entry);
  record.place = static_cast<std::uint64_t>(claim);
  return record.mixed();
}

void append_end(const RowChain::End& end, std::string& out) {
  append_number(static_cast<std::uint64_t>(end.next), out);
  append_digest(end.hash, out);
}

RowChain::End read_end(ByteReader& bytes) {
  RowChain::End end;
  end.next = static_cast<std::int64_t>(bytes.number());
  end.hash = bytes.digest();
  return end;
}

}  // namespace

void Head::Doubts::add(std::int64_t entry, std::int64_t claim) noexcept {
  ++count;
  sum += mixed(entry, claim);
}

void Head::Doubts::remove(std::int64_t entry, std::int64_t claim) noexcept {
  --count;
  sum -= mixed(entry, claim);
}

std::string write_head(const Head& head) {
  std::string out(1, head_form);
  out += static_cast<char>((head.index_whole ? index_is_whole : 0) | (head.anchors_claims ? has_anchor : 0) |
                           (head.floor ? has_floor : 0) | (head.doubts.count != 0 ? has_doubts : 0));
  append_number(static_cast<std::uint64_t>(head.serial), out);
  append_number(static_cast<std::uint64_t>(head.epoch), out);
  append_end(head.claims, out);
  append_end(head.entries, out);
  append_signed(head.latest.micros, out);
  append_number(head.index.keys, out);
  append_number(head.index.sum, out);
  append_number(static_cast<std::uint64_t>(head.index.last_run), out);
  for (const Digest& digest : {head.index.runs, head.openings, head.pins, head.controls}) append_digest(digest, out);
  if (head.floor) append_signed(head.floor->micros, out);
  append_number(static_cast<std::uint64_t>(head.adopted_claims), out);
  if (head.doubts.count != 0) {
    append_number(head.doubts.count, out);
    append_number(head.doubts.sum, out);
  }
  append_text(head.running, out);
  return out;
}

Head read_head(std::string_view content, std::string checkpoint) {
  ByteReader bytes(content);
  if (bytes.byte() != head_form) ByteReader::damaged();
  const std::uint8_t flags = bytes.byte();
  if ((flags & ~(index_is_whole | has_anchor | has_floor | has_doubts)) != 0) ByteReader::damaged();
  Head head;
  head.index_whole = (flags & index_is_whole) != 0;
  head.anchors_claims = (flags & has_anchor) != 0;
  head.serial = static_cast<std::int64_t>(bytes.number());
  head.epoch = static_cast<std::int64_t>(bytes.number());
  head.claims = read_end(bytes);
  head.entries = read_end(bytes);
  head.latest = {bytes.signed_number()};
  head.index.keys = bytes.number();
  head.index.sum = bytes.number();
  head.index.last_run = static_cast<std::int64_t>(bytes.number());
  for (Digest* digest : {&head.index.runs, &head.openings, &head.pins, &head.controls}) *digest = bytes.digest();
  if ((flags & has_floor) != 0) head.floor = Timestamp{bytes.signed_number()};
  head.adopted_claims = static_cast<std::int64_t>(bytes.number());
  if ((flags & has_doubts) != 0) {
    head.doubts.count = bytes.number();
    head.doubts.sum = bytes.number();
    if (head.doubts.count == 0) ByteReader::damaged();
  }
  head.running = bytes.text();
  bytes.end();
  head.checkpoint = std::move(checkpoint);
  return head;
}

Digest head_hash(std::string_view content, std::string_view checkpoint) {
  return crypto::sha256({"openexec head", fixed_number(content.size()), content, checkpoint});
}

}  // namespace openexec::store
