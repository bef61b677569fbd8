#include "store/anchor.hpp"

#include <optional>

#include "merkle/checkpoint.hpp"
#include "merkle/lines.hpp"
#include "merkle/proof.hpp"

namespace openexec::store {

namespace {

constexpr std::string_view claims_word = "openexec-claims ";

/// The end of the claims that the note covers; nothing where it has no line for them. Throws StoreFailure where the line
/// is malformed, or there are two.
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

void check_claims(const std::string& note, RowChain& claims, const Head& head) {
  const auto covered = covered_claims(note);
  if (!covered) {
    if (head.anchors_claims) throw StoreFailure("the anchor does not cover the ledger's claims: it is older than the ledger");
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

void Anchor::check(LogSnapshot& log, const merkle::VerifierKey& key, bool expected, RowChain& claims, const Head& head) {
  std::optional<std::string> note = read_note_file(file_);
  if (!note) {
    if (expected) throw StoreFailure("the ledger's anchor is missing: expected in " + file_);
    return;
  }
  if (const auto opened = merkle::open_note(*note, {&key, 1}); !opened.ok())
    throw StoreFailure("the anchor is no checkpoint of this ledger's log: " + opened.status().detail());
  const SignedCheckpoint said = read_checkpoint(*note);
  const std::uint64_t size = log.checkpoint().size;
  if (said.size > size)
    throw StoreFailure("the ledger was rolled back: it holds " + std::to_string(size) + " entries, and its anchor covers " +
                       std::to_string(said.size));
  const Result<Digest> root = merkle::root_at(said.size, log);
  if (!root.ok()) throw StoreFailure(root.status().detail());
  if (*root != said.root)
    throw StoreFailure("the ledger has another history than its anchor: the first " + std::to_string(said.size) +
                       " entries differ");
  check_claims(*note, claims, head);
  kept_ = *std::move(note);
}

void Anchor::hold() {
  lock_ = NoteLock::try_acquire(file_);
  if (!lock_) throw StoreFailure("the anchor is in use: the writer of another ledger, or of a copy of this one, has it");
}

void Anchor::take() { kept_ = lock_->read(); }

bool Anchor::is_untouched(const std::optional<std::string>& there) const {
  return there == kept_ || (there && attempted_ && *there == *attempted_);
}

void Anchor::keep(const std::string& checkpoint) {
  if (checkpoint == kept_) return;
  if (!is_untouched(lock_->read()))
    throw AnchorChanged("the anchor was changed or removed by another program: a copy of the ledger may be running");
  attempted_ = checkpoint;
  lock_->replace(checkpoint);
  kept_ = std::exchange(attempted_, std::nullopt);
}

}  // namespace openexec::store
