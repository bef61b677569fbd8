// SPDX-License-Identifier: Apache-2.0
#include "tlog/signed_log.hpp"

#include "sqlite/guard.hpp"

namespace openexec::store {

void SignedLog::append(const Digest& leaf, merkle::TileSink& tiles) {
  if (!grew_) growing_ = tree_;
  grew_ = true;
  if (Status status = growing_.append(leaf, tiles); !status.ok()) throw StoreFailure(status.detail());
}

const std::string& SignedLog::checkpoint() {
  if (!grew_) return note_;
  signer_.sign(growing_.head(), growing_note_);
  return growing_note_;
}

void SignedLog::committed() noexcept {
  if (!grew_) return;
  std::swap(tree_, growing_);
  std::swap(note_, growing_note_);
  grew_ = false;
}

}  // namespace openexec::store
