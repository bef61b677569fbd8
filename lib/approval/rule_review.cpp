// SPDX-License-Identifier: Apache-2.0
#include "approval/rule_review.hpp"

#include <algorithm>
#include <string>

#include "base/names.hpp"

namespace openexec::approval {
namespace {

using Key = TrustPolicy::Key;
using Rule = TrustPolicy::Rule;
using Terms = TrustPolicy::Terms;
using Strings = std::vector<std::string>;

constexpr std::string_view action_bytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-";

std::string_view stem_of(std::string_view pattern) {
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  return pattern;
}

bool may_sign(const Key& key, const Rule& rule, std::string_view action, const std::string* tenant, bool revoked) {
  if (key.revoked_at && !revoked) return false;
  if (!rule.role.empty() && key.role != rule.role) return false;
  if (key.tenants &&
      (tenant == nullptr || std::find(key.tenants->begin(), key.tenants->end(), *tenant) == key.tenants->end()))
    return false;
  return !key.actions || std::any_of(key.actions->begin(), key.actions->end(),
                                     [&](std::string_view pattern) { return base::matches(pattern, action); });
}

/// Actions of a pattern among which one has the most keys: of those that a longer stem takes, the stem itself has them
/// all.
Strings points_of(const Terms& terms, std::string_view pattern) {
  Strings points{std::string(stem_of(pattern))};
  for (const Key& key : terms.keys)
    if (key.actions)
      for (const std::string& own : *key.actions)
        if (base::matches(pattern, stem_of(own))) points.emplace_back(stem_of(own));
  return points;
}

}  // namespace

void Decided::add(const TrustPolicy::Rule& rule) {
  for (const std::string& pattern : rule.actions)
    (pattern.ends_with('*') ? stems_ : actions_).emplace(stem_of(pattern), rules_);
  ++rules_;
}

std::optional<std::size_t> Decided::by_one(const std::string& pattern) const {
  std::optional<std::size_t> first;
  const auto consider = [&](const std::map<std::string, std::size_t>& places, const std::string& text) {
    if (const auto found = places.find(text); found != places.end())
      first = std::min(first.value_or(found->second), found->second);
  };
  const std::string stem(stem_of(pattern));
  for (std::size_t size = 0; size <= stem.size(); ++size) consider(stems_, stem.substr(0, size));
  if (!pattern.ends_with('*')) consider(actions_, stem);
  return first;
}

std::optional<std::size_t> Decided::by(const std::string& pattern) const {
  if (const auto one = by_one(pattern)) return one;
  if (!pattern.ends_with('*')) return std::nullopt;
  // Several may decide its parts: the action that is the stem itself, and those that go on with each byte.
  const std::string stem(stem_of(pattern));
  const auto begins = [&](const std::map<std::string, std::size_t>& places, const std::string& text) {
    const auto next = places.lower_bound(text);
    return next != places.end() && next->first.starts_with(text);
  };
  std::size_t last = 0;
  const auto decided = [&](const std::string& start, const char* rest) {
    if (!begins(actions_, start) && !begins(stems_, start)) return false;
    const auto rule = by(start + rest);
    last = std::max(last, rule.value_or(0));
    return rule.has_value();
  };
  if (!stem.empty() && !decided(stem, "")) return std::nullopt;
  for (const char byte : action_bytes)
    if (!decided(stem + byte, "*")) return std::nullopt;
  return last;
}

std::size_t most_signers(const TrustPolicy::Terms& terms, RulePlace place, bool revoked) {
  const Rule& rule = terms.rules[place.rule];
  std::vector<const std::string*> tenants{nullptr};  // one that no key names
  for (const Key& key : terms.keys)
    if (key.tenants)
      for (const std::string& tenant : *key.tenants) tenants.push_back(&tenant);
  std::size_t most = 0;
  for (const std::string& action : points_of(terms, rule.actions[place.pattern]))
    for (const std::string* tenant : tenants) {
      std::size_t count = 0;
      for (const Key& key : terms.keys)
        if (may_sign(key, rule, action, tenant, revoked) && ++count == rule.threshold) return count;
      most = std::max(most, count);
    }
  return most;
}

bool is_usable(const TrustPolicy::Terms& terms, const TrustPolicy::Key& key) {
  return std::any_of(terms.rules.begin(), terms.rules.end(), [&](const Rule& rule) {
    if (!rule.role.empty() && key.role != rule.role) return false;
    return !key.actions || std::any_of(rule.actions.begin(), rule.actions.end(), [&](std::string_view a) {
      return std::any_of(key.actions->begin(), key.actions->end(), [&](std::string_view b) {
        return base::matches(a, stem_of(b)) || base::matches(b, stem_of(a));
      });
    });
  });
}

}  // namespace openexec::approval
