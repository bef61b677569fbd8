// WRONG: conflicting return type|different return type
// SPDX-License-Identifier: Apache-2.0
// A verifier answers who approved, never merely yes.
#include <openexec/verifier.hpp>

class Everybody final : public openexec::Verifier {
 public:
  std::string_view profile() const noexcept override { return "everybody"; }
#ifdef WRONG
  bool verify(const openexec::Proposal&, openexec::Timestamp) const override { return true; }
#else
  openexec::Result<openexec::Approval> verify(const openexec::Proposal&, openexec::Timestamp) const override {
    return openexec::Status(openexec::Code::approval_missing, "nobody approves here");
  }
#endif
};
