// SPDX-License-Identifier: Apache-2.0
#include <openexec/hasher.hpp>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec {
namespace {

class JcsSha256 final : public Hasher {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "jcs-sha256"; }
  void canonical(std::string_view action, std::string_view payload, std::string& out) const override {
    out += R"({"action":)";
    canon::append_jcs_string(action, out);
    out += R"(,"payload":)";
    out += payload;
    out += '}';
  }
  [[nodiscard]] Digest digest(std::string_view bytes) const noexcept override { return crypto::sha256(bytes); }
};

}  // namespace

std::shared_ptr<const Hasher> jcs_sha256() { return std::make_shared<JcsSha256>(); }

}  // namespace openexec
