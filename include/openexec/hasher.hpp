// SPDX-License-Identifier: Apache-2.0
// The hasher of requests.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec {

/// Computes the request hash. The supplied hasher (jcs_sha256) is SHA-256 over RFC 8785, section 3 of docs/formats.md.
///
/// Contract
///  - Pure: equal input gives equal output, for ever and on every machine. Different requests give different bytes.
///  - name() is stored with the data. A ledger that was written with one name does not open with another.
///  - Called from any thread. Does not throw.
///  - Assembly runs a known-answer test on the supplied hasher and a self test on any other, and refuses one that
///    fails.
class Hasher {
 public:
  virtual ~Hasher() = default;

  /// The name of the rules, such as "jcs-sha256". At most 64 bytes.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Appends the bytes whose digest is the request hash. `action` is the bare name; `payload` is in RFC 8785 form.
  virtual void canonical(std::string_view action, std::string_view payload, std::string& out) const = 0;

  [[nodiscard]] virtual Digest digest(std::string_view bytes) const = 0;
};

/// Returns the supplied hasher, "jcs-sha256" (docs/formats.md, section 3).
std::shared_ptr<const Hasher> jcs_sha256();

}  // namespace openexec
