// SPDX-License-Identifier: Apache-2.0
// Whose signatures are enough (C2SP tlog-policy): logs, witnesses, groups of witnesses, and a quorum.
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

  /// Every line known and whole, every name defined before it is used, each a member once, exactly one quorum.
  /// invalid_argument that names the line.
  static Result<Policy> parse(std::string_view text);

  /// Any of them may sign a checkpoint. If there are none, the reader knows the log from elsewhere.
  [[nodiscard]] const std::vector<VerifierKey>& logs() const noexcept { return logs_; }
  [[nodiscard]] const std::vector<Witness>& witnesses() const noexcept { return witnesses_; }

  /// Success where those that cosigned are enough; else invalid_argument. `cosigned[i]` says it of witnesses()[i].
  [[nodiscard]] Status check_quorum(const std::vector<bool>& cosigned) const;

 private:
  friend class PolicyReader;
  Policy() = default;

  /// A witness or a group, in the order of the lines: a group's members stand before it.
  struct Voter {
    std::size_t witness = 0;           ///< counts if there are no members
    std::vector<std::size_t> members;  ///< places in voters_
    std::size_t threshold = 0;         ///< of a group
    bool is_member = false;            ///< of some group already
  };

  std::vector<VerifierKey> logs_;
  std::vector<Witness> witnesses_;
  std::vector<Voter> voters_;
  std::size_t quorum_ = 0;   ///< a place in voters_
  bool needs_none_ = false;  ///< `quorum none`
};

}  // namespace openexec::merkle
