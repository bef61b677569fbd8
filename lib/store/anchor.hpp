// The newest checkpoint outside the ledger, so that a ledger that was rolled back as a whole is noticed.
#pragma once

#include <string>
#include <utility>

#include "store/log_proofs.hpp"

namespace openexec::store {

class Anchor {
 public:
  explicit Anchor(std::string file) : file_(std::move(file)) {}

  /// Throws StoreFailure where the file holds something else than a checkpoint of this log's past or present. `expected`:
  /// the ledger had an anchor before, so that there has to be one.
  void check(LogSnapshot& log, const merkle::VerifierKey& key, bool expected);
  /// Writes the checkpoint, unless it is what was written last. Throws StoreFailure.
  void keep(const std::string& checkpoint);

 private:
  std::string file_;
  std::string kept_;
};

}  // namespace openexec::store
