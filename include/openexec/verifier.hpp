// Who approved it, or why not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/request.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// A principal's approval of one proposal, as far as it was verified.
struct Approval {
  std::string profile;            ///< the rules it was verified under, e.g. "clawshield-v1"
  std::string id;                 ///< spent together with the nonce; empty only where no approval is needed (DemoVerifier)
  std::vector<std::string> keys;  ///< ids of the keys that verified, sorted
};

/// Checks approvals offline.
///
/// Contract
///  - Answers from the artifact, the proposal, its own configuration and `now` alone: no network, no clock of its own.
///  - Stateless about use: that an approval is used once is the NonceStore's promise.
///  - Anything that is not a verified approval is a Status of 110 to 122; an exception refuses the request as well.
///  - Called from any thread, concurrently.
class Verifier {
 public:
  virtual ~Verifier() = default;

  /// The profile's name, as receipts carry it. Empty means that nothing is verified (demo).
  [[nodiscard]] virtual std::string_view profile() const noexcept = 0;

  [[nodiscard]] virtual Result<Approval> verify(const Proposal& proposal, Timestamp now) const = 0;

  /// Success when the verifier is configured and could accept something; else why not. Readiness checks show it.
  [[nodiscard]] virtual Status ready() const { return Status::success(); }
};

}  // namespace openexec
