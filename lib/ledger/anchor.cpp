// SPDX-License-Identifier: Apache-2.0
#include "ledger/anchor.hpp"

#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/lines.hpp"
#include "merkle/proof.hpp"

namespace openexec::store {

namespace {

constexpr std::string_view claims_word = "openexec-claims ";

/// The end of the claims that the note covers. Returns nullopt if it has no line for them. Throws StoreFailure if the
/// line is malformed or there are two.
std::optional<RowChain::End> covered_claims(const std::string& note) {
  const auto text = merkle::note_text(note);
  const auto said = merkle::Checkpoint::parse(text.value_or(std::string_view()));
  if (!said.ok()) throw StoreFailure("the anchor: " + said.status().detail());
  std::optional<RowChain::End> covered;
  for (const std::string& line : said->extensions) {
    if (line.substr(0, claims_word.size()) != claims_word) continue;
    const std::string_view rest = std::string_view(line).substr(claims_word.size());
    const std::size_t space = rest.find(' ');
    const auto count = merkle::read_number(rest.substr(0, space));
    const auto hash = merkle::read_hash(space == std::string_view::npos ? std::string_view() : rest.substr(space + 1));
    if (covered || !count || !hash || *count > std::uint64_t{1} << 44)
      throw StoreFailure("the anchor: its line for the claims is malformed");
    covered = RowChain::End{static_cast<std::int64_t>(*count) + 1, *hash};
  }
  return covered;
}

constexpr std::size_t slot_bytes = 4096;
constexpr std::size_t file_bytes = 2 * slot_bytes;

bool has_slots(std::string_view file) { return file.size() == file_bytes && file.back() == '\0'; }

std::string_view slot_of(std::string_view file, std::size_t slot) { return file.substr(slot * slot_bytes, slot_bytes); }

std::string padded(const std::string& checkpoint) {
  std::string slot = checkpoint;
  slot.resize(slot_bytes, '\0');
  return slot;
}

/// A checkpoint that the log signed, and how far it reaches.
struct Covering {
  std::string note;
  SignedCheckpoint said;
  std::optional<RowChain::End> claims;

  [[nodiscard]] std::pair<std::int64_t, std::uint64_t> reach() const { return {claims ? claims->next : 0, said.size}; }
};

Covering covering(std::string note, const merkle::VerifierKey& key) {
  if (const auto opened = merkle::open_note(note, {&key, 1}); !opened.ok())
    throw StoreFailure("the anchor is no checkpoint of this ledger's log: " + opened.status().detail());
  Covering covering{std::move(note), {}, {}};
  covering.said = read_checkpoint(covering.note);
  covering.claims = covered_claims(covering.note);
  return covering;
}

/// The contents of the slots of a file.
struct Slots {
  std::optional<Covering> newest;
  std::size_t at = 0;
  bool torn = false;  ///< one of them was being written when the machine died
};

Slots read_slots(std::string_view file, const merkle::VerifierKey& key) {
  Slots slots;
  for (std::size_t slot = 0; slot < file_bytes / slot_bytes; ++slot) {
    const std::string_view bytes = slot_of(file, slot);
    const std::size_t end = bytes.find('\0');
    if (end == 0 && bytes.find_first_not_of('\0') == std::string_view::npos) continue;  // never written
    std::optional<Covering> here;
    try {
      if (end != std::string_view::npos && bytes.find_first_not_of('\0', end) == std::string_view::npos)
        here = covering(std::string(bytes.substr(0, end)), key);
    } catch (const StoreFailure&) {  // judged below
    }
    slots.torn = slots.torn || !here;
    if (!here || (slots.newest && here->reach() <= slots.newest->reach())) continue;
    slots.newest = std::move(here);
    slots.at = slot;
  }
  if (!slots.newest)
    throw StoreFailure("the anchor is no checkpoint of this ledger's log: neither half of it can be read");
  return slots;
}

void check_claims(const std::optional<RowChain::End>& covered, RowChain& claims, const Head& head) {
  if (!covered) {
    if (head.anchors_claims)
      throw StoreFailure("the anchor does not cover the ledger's claims: it is older than the ledger");
    return;
  }
  const std::string count = std::to_string(covered->next - 1);
  if (covered->next > head.claims.next)
    throw StoreFailure("the ledger was rolled back: it holds " + std::to_string(head.claim_count()) +
                       " claims, and its anchor covers " + count);
  if (!claims.ends_at(*covered))
    throw StoreFailure("the ledger has another history than its anchor: the first " + count + " claims differ");
}

}  // namespace

std::string claims_line(const RowChain::End& claims) {
  return std::string(claims_word) + std::to_string(claims.next - 1) + " " + merkle::hash_text(claims.hash);
}

void Anchor::check(LogSnapshot& log, const merkle::VerifierKey& key, bool expected, RowChain& claims,
                   const Head& head) {
  std::optional<std::string> file = read_note_file(file_);
  if (!file) {
    if (expected) throw StoreFailure("the ledger's anchor is missing: expected in " + file_);
    return;
  }
  const bool in_slots = has_slots(*file);
  Slots slots = in_slots ? read_slots(*file, key) : Slots{covering(*file, key), 0, false};
  const Covering& anchor = *slots.newest;
  const std::uint64_t size = log.checkpoint().size;
  if (anchor.said.size > size)
    throw StoreFailure("the ledger was rolled back: it holds " + std::to_string(size) +
                       " entries, and its anchor covers " + std::to_string(anchor.said.size));
  const Result<Digest> root = merkle::root_at(anchor.said.size, log);
  if (!root.ok()) throw StoreFailure(root.status().detail());
  if (*root != anchor.said.root)
    throw StoreFailure("the ledger has another history than its anchor: the first " + std::to_string(anchor.said.size) +
                       " entries differ");
  check_claims(anchor.claims, claims, head);
  if (slots.torn && anchor.reach() == std::pair(head.claims.next, size))
    throw StoreFailure(
        "half of the anchor cannot be read, and the ledger ends where the other half does: it was rolled "
        "back, or the anchor is damaged");
  covered_ = anchor.said.size;
  if (in_slots) newest_ = slots.at;
  kept_ = *std::move(file);
}

void Anchor::hold() {
  lock_ = NoteLock::try_acquire(file_);
  if (!lock_)
    throw StoreFailure("the anchor is in use: the writer of another ledger, or of a copy of this one, has it");
}

void Anchor::take() {
  OPENEXEC_ASSERT(lock_, "anchor: it is held before it is taken");
  kept_ = lock_->read();
}

std::optional<std::string> Anchor::there() {
  if (!open_ || !open_->is_named()) open_ = OpenNote::open(file_);
  const std::size_t expected = std::max(file_bytes, kept_ ? kept_->size() : 0);
  return open_ ? std::optional(open_->read(expected + 1)) : std::nullopt;  // a longer file differs as well
}

bool Anchor::is_untouched(const std::optional<std::string>& there) const {
  return there == kept_ || (there && attempted_ && *there == *attempted_);
}

void Anchor::keep(const std::string& checkpoint) {
  OPENEXEC_ASSERT(lock_, "anchor: it is held before it is written");
  if (newest_ && slot_of(*kept_, *newest_) == padded(checkpoint)) return;
  if (!is_untouched(there()))
    throw AnchorChanged("the anchor was changed or removed by another program: a copy of the ledger may be running");
  if (checkpoint.size() >= slot_bytes) throw StoreFailure("the anchor: the log's name is too long for it");
  newest_ ? write_slot(1 - *newest_, checkpoint) : write_anew(checkpoint);
  kept_ = std::exchange(attempted_, std::nullopt);
}

void Anchor::write_slot(std::size_t slot, const std::string& checkpoint) {
  const std::string bytes = padded(checkpoint);
  attempted_ = *kept_;
  attempted_->replace(slot * slot_bytes, slot_bytes, bytes);
  open_->overwrite(slot * slot_bytes, bytes);
  newest_ = slot;
}

void Anchor::write_anew(const std::string& checkpoint) {
  attempted_ = padded(checkpoint);
  attempted_->resize(file_bytes, '\0');
  lock_->replace(*attempted_);
  newest_ = 0;
}

}  // namespace openexec::store
