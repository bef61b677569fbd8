#include "store/anchor.hpp"

#include "merkle/proof.hpp"

namespace openexec::store {

void Anchor::check(LogSnapshot& log, const merkle::VerifierKey& key, bool expected) {
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
  kept_ = *std::move(note);
}

void Anchor::hold() {
  lock_ = NoteLock::try_acquire(file_);
  if (!lock_) throw StoreFailure("the anchor is in use: the writer of another ledger, or of a copy of this one, has it");
}

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
