// SPDX-License-Identifier: Apache-2.0
// A log's tree while it is written: it grows with a transaction, and signs what the transaction made of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "merkle/checkpoint.hpp"
#include "merkle/tree.hpp"

namespace openexec::store {

/// One thread at a time.
class SignedLog {
 public:
  /// Precondition: `checkpoint` is one of this tree's, signed.
  SignedLog(merkle::CheckpointSigner signer, merkle::Tree tree, std::string checkpoint)
      : signer_(std::move(signer)), tree_(std::move(tree)), note_(std::move(checkpoint)) {}

  /// Adds an entry by its leaf hash. Tells `tiles` what to keep. Throws StoreFailure.
  void append(const Digest& leaf, merkle::TileSink& tiles);
  /// The checkpoint over everything so far: one signature, however many entries were added.
  const std::string& checkpoint();

  void committed() noexcept;
  void rolled_back() noexcept { grew_ = false; }

  /// Of what is committed.
  [[nodiscard]] const std::string& committed_checkpoint() const noexcept { return note_; }
  [[nodiscard]] const merkle::CheckpointSigner& signer() const noexcept { return signer_; }

 private:
  merkle::CheckpointSigner signer_;
  merkle::Tree tree_;
  std::string note_;
  // What the transaction makes of them; kept for their memory where there is none.
  merkle::Tree growing_;
  std::string growing_note_;
  bool grew_ = false;
};

}  // namespace openexec::store
