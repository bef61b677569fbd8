// SPDX-License-Identifier: Apache-2.0
// The supplied hasher and clock.
#include <openexec/builtin.hpp>

#include <ctime>

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

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
  }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::now();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point elapsed() const noexcept override {
    timespec time{};
    if (::clock_gettime(CLOCK_BOOTTIME, &time) != 0) return monotonic();
    return std::chrono::steady_clock::time_point(std::chrono::seconds(time.tv_sec) +
                                                 std::chrono::nanoseconds(time.tv_nsec));
  }
};

}  // namespace

std::shared_ptr<const Hasher> jcs_sha256() { return std::make_shared<JcsSha256>(); }
std::shared_ptr<const Clock> system_clock() { return std::make_shared<SystemClock>(); }

}  // namespace openexec
