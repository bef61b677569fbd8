// SPDX-License-Identifier: Apache-2.0
#include "merkle/policy.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "merkle/lines.hpp"

namespace openexec::merkle {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view none = "none";

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) return words;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// Returns whether a policy may hold the byte. Of the control characters it may hold tab and line feed. All bytes above
/// ASCII are accepted.
bool is_allowed(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7f);
}

/// Reads a key, and refuses one of another type than its role requires.
Result<VerifierKey> read_key(std::string_view text, KeyType type) {
  Result<VerifierKey> key = VerifierKey::parse(text);
  if (key.ok() && key->type() != type)
    return wrong("verifier key: of another type than " + std::to_string(static_cast<int>(type)));
  return key;
}

}  // namespace

/// Reads one line after the other into a policy.
class PolicyReader {
 public:
  Status line(std::string_view text) {
    const std::vector<std::string_view> words = words_of(text);
    if (words.empty() || words[0].starts_with('#')) return Status::success();
    const Words rest = Words(words).subspan(1);
    if (words[0] == "log") return log(rest);
    if (words[0] == "witness") return witness(rest);
    if (words[0] == "group") return group(rest);
    if (words[0] == "quorum") return quorum(rest);
    return wrong("neither log, witness, group nor quorum");
  }

  Result<Policy> finish() {
    if (!has_quorum_) return wrong("no quorum line");
    return std::move(policy_);
  }

 private:
  Status log(Words words) {
    if (words.size() < 1 || words.size() > 2) return wrong("not of the form log KEY [URL]");
    Result<VerifierKey> key = read_key(words[0], KeyType::ed25519);
    if (!key.ok()) return key.status();
    if (!log_keys_.insert(key->key().raw()).second) return wrong("this key is another log's");
    policy_.logs_.push_back(*std::move(key));
    return Status::success();
  }

  Status witness(Words words) {
    if (words.size() < 2 || words.size() > 3) return wrong("not of the form witness NAME KEY [URL]");
    Result<VerifierKey> key = read_key(words[1], KeyType::cosignature_v1);
    if (!key.ok()) return key.status();
    if (!witness_keys_.insert(key->key().raw()).second) return wrong("this key is another witness's");
    Policy::Voter voter;
    voter.witness = policy_.witnesses_.size();
    policy_.witnesses_.push_back({std::string(words[0]), *std::move(key)});
    return define(words[0], std::move(voter));
  }

  Status group(Words words) {
    if (words.size() < 3) return wrong("not of the form group NAME all|any|NUMBER MEMBER...");
    const Words members = words.subspan(2);
    Policy::Voter voter;
    for (const std::string_view name : members) {
      const auto found = places_.find(name);
      if (found == places_.end()) return wrong("a member is not defined above");
      bool& is_member = policy_.voters_[found->second].is_member;
      if (is_member) return wrong("a member is one of a group already");  // each witness counts in one way only
      is_member = true;
      voter.members.push_back(found->second);
    }
    const auto threshold = words[1] == "all"   ? members.size()
                           : words[1] == "any" ? std::optional<std::uint64_t>(1)
                                               : read_number(words[1]);
    if (!threshold || *threshold < 1 || *threshold > members.size())
      return wrong("the threshold is not all, any, or a number from 1 to the number of members");
    voter.threshold = static_cast<std::size_t>(*threshold);
    return define(words[0], std::move(voter));
  }

  Status quorum(Words words) {
    if (words.size() != 1) return wrong("not of the form quorum NAME");
    if (has_quorum_) return wrong("a second quorum");
    has_quorum_ = true;
    policy_.needs_none_ = words[0] == none;
    if (policy_.needs_none_) return Status::success();
    const auto found = places_.find(words[0]);
    if (found == places_.end()) return wrong("the quorum is not defined above");
    policy_.quorum_ = found->second;
    return Status::success();
  }

  Status define(std::string_view name, Policy::Voter voter) {
    if (name == none) return wrong("the name none is taken");
    if (!places_.emplace(name, policy_.voters_.size()).second) return wrong("this name is defined above");
    policy_.voters_.push_back(std::move(voter));
    return Status::success();
  }

  Policy policy_;
  std::map<std::string, std::size_t, std::less<>> places_;  // of names, in voters_
  std::set<std::string> log_keys_;
  std::set<std::string> witness_keys_;
  bool has_quorum_ = false;
};

Result<Policy> Policy::parse(std::string_view text) {
  if (text.size() > max_policy_bytes) return wrong("policy: over " + std::to_string(max_policy_bytes) + " bytes");
  PolicyReader reader;
  Lines lines(text);
  while (const auto line = lines.next()) {
    Status status =
        std::all_of(line->begin(), line->end(), is_allowed) ? reader.line(*line) : wrong("a control character");
    if (!status.ok()) return wrong("policy: line " + std::to_string(lines.number()) + ": " + status.detail());
  }
  // A file that was cut off could require fewer witnesses than the whole one.
  if (!lines.rest().empty()) return wrong("policy: the last line does not end in a line feed");
  Result<Policy> policy = reader.finish();
  if (!policy.ok()) return wrong("policy: " + policy.status().detail());
  return policy;
}

Status Policy::check_quorum(const std::vector<bool>& cosigned) const {
  if (needs_none_) return Status::success();
  if (cosigned.size() != witnesses_.size()) return wrong("not as many answers as witnesses");
  std::vector<bool> agrees(voters_.size());
  for (std::size_t i = 0; i < voters_.size(); ++i) {  // members stand before their groups
    const Voter& voter = voters_[i];
    const auto count =
        std::count_if(voter.members.begin(), voter.members.end(), [&](std::size_t member) { return agrees[member]; });
    agrees[i] = voter.members.empty() ? cosigned[voter.witness] : static_cast<std::size_t>(count) >= voter.threshold;
  }
  if (!agrees[quorum_]) return wrong("the quorum is not met");
  return Status::success();
}

}  // namespace openexec::merkle
