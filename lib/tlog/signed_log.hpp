// SPDX-License-Identifier: Apache-2.0
// The writer's tree of a log. It grows with a transaction, and then signs a checkpoint.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "merkle/checkpoint.hpp"
#include "merkle/tree.hpp"

namespace openexec::store {

/// The tree of a log and the signer of its checkpoints. Used by one thread at a time.
class SignedLog {
 public:
  /// `checkpoint` is a signed checkpoint of this tree, as check_tree() found it.
  SignedLog(merkle::CheckpointSigner signer, merkle::Tree tree, std::string checkpoint)
      : signer_(std::move(signer)), tree_(std::move(tree)), note_(std::move(checkpoint)) {}

  /// Adds an entry by its leaf hash, and passes finished tiles to `tiles`. Throws StoreFailure.
  void append(const Digest& leaf, merkle::TileSink& tiles);
  /// Returns the signed checkpoint of the current tree. Costs one signature for any number of added entries.
  const std::string& checkpoint();

  /// How many entries it has, those of the transaction included.
  [[nodiscard]] std::uint64_t size() const noexcept { return (grew_ ? growing_ : tree_).size(); }

  void committed() noexcept;
  void rolled_back() noexcept { grew_ = false; }

  /// Returns the checkpoint of the last commit.
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
