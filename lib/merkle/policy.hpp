// SPDX-License-Identifier: Apache-2.0
// A policy says which signatures are enough (C2SP tlog-policy). It has logs, witnesses, groups of witnesses, and a
// quorum.
#pragma once

#include <cstddef>
#include <openexec/status.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/note.hpp"

namespace openexec::merkle {

inline constexpr std::size_t max_policy_bytes = std::size_t{1} << 18;

class Policy {
 public:
  struct Witness {
    std::string name;  ///< within the policy; its cosignatures bear the key's name
    VerifierKey key;
  };

  /// Every line must be known and complete, every name defined before its use, each witness or group a member of at
  /// most one group, and exactly one quorum given. Otherwise returns invalid_argument that names the line.
  static Result<Policy> parse(std::string_view text);

  /// Any of these keys may sign a checkpoint. If the list is empty, the reader has to know the log's key by other
  /// means.
  [[nodiscard]] const std::vector<VerifierKey>& logs() const noexcept { return logs_; }
  [[nodiscard]] const std::vector<Witness>& witnesses() const noexcept { return witnesses_; }

  /// Returns success if the witnesses that cosigned are enough, and invalid_argument otherwise. `cosigned[i]` is
  /// whether witnesses()[i] cosigned.
  [[nodiscard]] Status check_quorum(const std::vector<bool>& cosigned) const;

 private:
  friend class PolicyReader;
  Policy() = default;

  /// A witness or a group, in the order of the lines, so that a group's members stand before it.
  struct Voter {
    std::size_t witness = 0;           ///< counts if there are no members
    std::vector<std::size_t> members;  ///< places in voters_
    std::size_t threshold = 0;         ///< how many members of a group are enough
    bool is_member = false;            ///< a group has it as a member already
  };

  std::vector<VerifierKey> logs_;
  std::vector<Witness> witnesses_;
  std::vector<Voter> voters_;
  std::size_t quorum_ = 0;   ///< a place in voters_
  bool needs_none_ = false;  ///< `quorum none`
};

}  // namespace openexec::merkle
