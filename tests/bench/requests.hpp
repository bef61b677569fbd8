// SPDX-License-Identifier: Apache-2.0
// Requests that were approved beforehand: whoever approves is not part of what is measured.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <openexec/clock.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.hpp"

namespace openexec::bench {

inline constexpr std::string_view tenant = "acme";

/// One request as POST /execute takes it, in its parts.
struct Draft {
  std::string action = "echo";
  std::string payload;
  std::string nonce;
  std::string artifact;  ///< empty: none

  [[nodiscard]] std::string json() const;
};

/// Makes requests that differ in payload, nonce and approval id, and signs them.
class Approver {
 public:
  /// `series` tells requests of different runs apart; with the same key, series and time they are the same bytes.
  Approver(crypto::PrivateKey key, std::uint32_t series, Timestamp now);

  [[nodiscard]] std::string public_key_pem() const { return key_.public_key().to_pem(); }
  [[nodiscard]] Draft draft(std::uint64_t number) const;  ///< without an approval
  [[nodiscard]] Draft approved(std::uint64_t number) const { return approve(draft(number), number); }
  /// Signs for the draft as it is; valid from `issued` for `seconds`.
  [[nodiscard]] Draft approve(Draft draft, std::uint64_t number, std::string_view for_tenant = tenant) const;
  [[nodiscard]] Draft approve(Draft draft, std::uint64_t number, std::string_view for_tenant, Timestamp issued,
                              std::int64_t seconds) const;
  [[nodiscard]] Timestamp now() const { return now_; }

 private:
  crypto::PrivateKey key_;
  std::uint32_t series_;
  Timestamp now_;
};

/// Requests in store. Threads take them without waiting for each other.
class Backlog {
 public:
  using Make = std::function<std::string(std::uint64_t number)>;
  explicit Backlog(Make make) : make_(std::move(make)) {}

  /// Makes as many, on every core, that `count` are there. Nobody may be taking.
  void fill(std::size_t count);
  /// The next `count`; fewer, or none, at the end. They live until the next fill().
  std::span<const std::string> take(std::size_t count) noexcept;

 private:
  Make make_;
  std::vector<std::string> requests_;
  std::atomic<std::size_t> next_{0};
  std::uint64_t made_ = 0;
};

}  // namespace openexec::bench
