// SPDX-License-Identifier: Apache-2.0
// A verifier for demonstrations, which permits everything.
#pragma once

#include <string_view>

#include <openexec/verifier.hpp>

namespace openexec {

/// WEAK: verifies nothing, so that every caller may run every action. For demonstrations.
class DemoVerifier final : public Verifier {
 public:
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return {}; }
  [[nodiscard]] Result<Approval> verify(const Proposal&, Timestamp) const override { return Approval{}; }
};

}  // namespace openexec
