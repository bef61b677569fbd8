// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schema/keywords.hpp"

namespace openexec::schema {
namespace {

using canon::Type;

class MembersKeyword final : public Keyword {
 public:
  using ByPattern = std::vector<std::pair<std::unique_ptr<const Pattern>, const Node*>>;
  MembersKeyword(Named named, ByPattern by_pattern, const Node* others)
      : named_(std::move(named)), by_pattern_(std::move(by_pattern)), others_(others) {}

  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::object)) return true;
    for (const canon::View::Member member : value.view()) {
      run.read(member.key.size());
      if (!member_holds(run, member.key, Value(member.value), {&place, member.key})) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool member_holds(Run& run, std::string_view name, const Value& value, const Place& place) const {
    bool known = false;
    const auto at = std::lower_bound(named_.begin(), named_.end(), name,
                                     [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
    if (at != named_.end() && at->first == name) {
      known = true;
      if (!run.applies(*at->second, value, place)) return false;
    }
    for (const auto& entry : by_pattern_) {
      if (!run.matches(*entry.first, name)) continue;
      known = true;
      if (!run.applies(*entry.second, value, place)) return false;
    }
    if (known || others_ == nullptr) return true;
    if (others_->never) return run.fail(place, "additionalProperties", "is not allowed by");
    return run.applies(*others_, value, place);
  }

  Named named_;
  ByPattern by_pattern_;
  const Node* others_;
};

class PropertyNamesKeyword final : public Keyword {
 public:
  explicit PropertyNamesKeyword(const Node* names) : names_(names) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::object)) return true;
    for (const canon::View::Member member : value.view()) {
      const Place at{&place, member.key};
      if (!run.would_apply(*names_, Value::name_of(member.key), at)) return run.fail(at, "propertyNames");
    }
    return true;
  }

 private:
  const Node* names_;
};

class ItemsKeyword final : public Keyword {
 public:
  ItemsKeyword(std::vector<const Node*> first, const Node* others) : first_(std::move(first)), others_(others) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::array)) return true;
    std::size_t index = 0;
    for (const canon::View::Member item : value.view()) {
      const Node* const node = index < first_.size() ? first_[index] : others_;
      if (node == nullptr) break;
      if (!run.applies(*node, Value(item.value), {&place, {}, index, true})) return false;
      ++index;
    }
    return true;
  }

 private:
  std::vector<const Node*> first_;
  const Node* others_;
};

class ContainsKeyword final : public Keyword {
 public:
  ContainsKeyword(const Node* what, std::size_t least, std::optional<std::size_t> most)
      : what_(what), least_(least), most_(most) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::array)) return true;
    std::size_t index = 0;
    std::size_t found = 0;
    for (const canon::View::Member item : value.view()) {
      if (run.would_apply(*what_, Value(item.value), {&place, {}, index, true})) ++found;
      ++index;
      if (most_ && found > *most_) return run.fail(place, "maxContains");
      if (!most_ && found >= least_) return true;
    }
    return found >= least_ || run.fail(place, least_ == 1 ? "contains" : "minContains");
  }

 private:
  const Node* what_;
  std::size_t least_;
  std::optional<std::size_t> most_;
};

class CombinationKeyword final : public Keyword {
 public:
  CombinationKeyword(Combination combination, std::vector<const Node*> nodes)
      : combination_(combination), nodes_(std::move(nodes)) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    switch (combination_) {
      case Combination::all_of: return all(run, value, place);
      case Combination::any_of: return matching(run, value, place, 1) == 1 || run.fail(place, "anyOf");
      case Combination::one_of: return matching(run, value, place, 2) == 1 || run.fail(place, "oneOf");
    }
    return false;
  }

 private:
  /// A plain loop, because the stack frames of a standard algorithm would be repeated for each level of the payload.
  [[nodiscard]] bool all(Run& run, const Value& value, const Place& place) const {
    for (const Node* node : nodes_)
      if (!run.applies(*node, value, place)) return false;
    return true;
  }
  /// Returns the number of schemas that hold, counted up to `enough`.
  [[nodiscard]] std::size_t matching(Run& run, const Value& value, const Place& place, std::size_t enough) const {
    std::size_t found = 0;
    for (const Node* node : nodes_)
      if (found < enough && run.would_apply(*node, value, place)) ++found;
    return found;
  }
  Combination combination_;
  std::vector<const Node*> nodes_;
};

class NotKeyword final : public Keyword {
 public:
  explicit NotKeyword(const Node* what) : what_(what) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    return !run.would_apply(*what_, value, place) || run.fail(place, "not");
  }

 private:
  const Node* what_;
};

class IfKeyword final : public Keyword {
 public:
  IfKeyword(const Node* what, const Node* then, const Node* otherwise)
      : what_(what), then_(then), otherwise_(otherwise) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    const Node* const next = run.would_apply(*what_, value, place) ? then_ : otherwise_;
    return next == nullptr || run.applies(*next, value, place);
  }

 private:
  const Node* what_;
  const Node* then_;
  const Node* otherwise_;
};

class DependentSchemasKeyword final : public Keyword {
 public:
  explicit DependentSchemasKeyword(Named rules) : rules_(std::move(rules)) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::object)) return true;
    for (const auto& rule : rules_) {
      run.spend(1);
      if (value.view().find(rule.first) && !run.applies(*rule.second, value, place)) return false;
    }
    return true;
  }

 private:
  Named rules_;
};

}  // namespace

Made make_members(Named named, std::vector<std::pair<std::unique_ptr<const Pattern>, const Node*>> by_pattern,
                  const Node* others) {
  return std::make_unique<MembersKeyword>(std::move(named), std::move(by_pattern), others);
}
Made make_property_names(const Node* names) { return std::make_unique<PropertyNamesKeyword>(names); }
Made make_items(std::vector<const Node*> first, const Node* others) {
  return std::make_unique<ItemsKeyword>(std::move(first), others);
}
Made make_contains(const Node* what, std::size_t least, std::optional<std::size_t> most) {
  return std::make_unique<ContainsKeyword>(what, least, most);
}
Made make_combination(Combination combination, std::vector<const Node*> nodes) {
  return std::make_unique<CombinationKeyword>(combination, std::move(nodes));
}
Made make_not(const Node* what) { return std::make_unique<NotKeyword>(what); }
Made make_if(const Node* what, const Node* then, const Node* otherwise) {
  return std::make_unique<IfKeyword>(what, then, otherwise);
}
Made make_dependent_schemas(Named rules) { return std::make_unique<DependentSchemasKeyword>(std::move(rules)); }

}  // namespace openexec::schema
