// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "schema/decimal.hpp"
#include "schema/keywords.hpp"

namespace openexec::schema {
namespace {

using canon::Type;

class TypeKeyword final : public Keyword {
 public:
  explicit TypeKeyword(unsigned types) : types_(types) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    const auto may_be = [this](Type type) { return (types_ >> static_cast<unsigned>(type) & 1U) != 0; };
    if (may_be(value.type()) || (value.is(Type::integer) && may_be(Type::number))) return true;
    if (value.is(Type::number) && may_be(Type::integer) && is_integral(value.number())) return true;
    return run.fail(place, "type");
  }

 private:
  unsigned types_;
};

class ChoiceKeyword final : public Keyword {
 public:
  ChoiceKeyword(std::string_view keyword, std::vector<std::string> forms)
      : keyword_(keyword), forms_(std::move(forms)) {
    std::sort(forms_.begin(), forms_.end());
  }
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    const std::string_view form = run.jcs(value);
    const auto found = std::lower_bound(forms_.begin(), forms_.end(), form);
    return (found != forms_.end() && *found == form) || run.fail(place, keyword_);
  }

 private:
  std::string_view keyword_;  // a literal
  std::vector<std::string> forms_;
};

class BoundKeyword final : public Keyword {
 public:
  BoundKeyword(std::string_view keyword, Bound bound, double limit) : keyword_(keyword), bound_(bound), limit_(limit) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    return !value.is_number() || is_within(value.number()) || run.fail(place, keyword_);
  }

 private:
  [[nodiscard]] bool is_within(double number) const {
    switch (bound_) {
      case Bound::minimum: return number >= limit_;
      case Bound::maximum: return number <= limit_;
      case Bound::exclusive_minimum: return number > limit_;
      case Bound::exclusive_maximum: return number < limit_;
      case Bound::multiple_of: return is_multiple(number, limit_);
    }
    return false;
  }
  std::string_view keyword_;  // a literal
  Bound bound_;
  double limit_;
};

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class SizeKeyword final : public Keyword {
 public:
  SizeKeyword(std::string_view keyword, Measure measure, bool least, std::size_t limit)
      : keyword_(keyword), measure_(measure), least_(least), limit_(limit) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(type_of(measure_))) return true;
    const std::size_t size = size_of(run, value);
    return (least_ ? size >= limit_ : size <= limit_) || run.fail(place, keyword_);
  }

 private:
  static Type type_of(Measure measure) {
    return measure == Measure::length ? Type::string : measure == Measure::items ? Type::array : Type::object;
  }
  [[nodiscard]] std::size_t size_of(Run& run, const Value& value) const {
    if (measure_ != Measure::length) return value.view().size();
    run.read(value.string().size());
    return code_points(value.string());
  }
  std::string_view keyword_;  // a literal
  Measure measure_;
  bool least_;
  std::size_t limit_;
};

// Equal values have equal canonical forms, which are adjacent after sorting.
class UniqueItemsKeyword final : public Keyword {
 public:
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::array) || value.view().size() < 2) return true;
    std::string text;
    std::vector<std::size_t> ends;
    for (const canon::View::Member item : value.view()) {
      const std::size_t before = text.size();
      Value(item.value).append_jcs(text);
      run.read(text.size() - before);
      ends.push_back(text.size());
    }
    std::vector<std::string_view> forms;
    forms.reserve(ends.size());
    for (std::size_t start = 0; const std::size_t end : ends) {
      forms.push_back(std::string_view(text).substr(start, end - start));
      start = end;
    }
    const auto rounds = static_cast<std::size_t>(std::bit_width(forms.size()));
    run.spend((forms.size() + text.size() / 16) * rounds);
    std::sort(forms.begin(), forms.end());
    return std::adjacent_find(forms.begin(), forms.end()) == forms.end() || run.fail(place, "uniqueItems");
  }
};

class PatternKeyword final : public Keyword {
 public:
  explicit PatternKeyword(std::unique_ptr<const Pattern> pattern) : pattern_(std::move(pattern)) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    return !value.is(Type::string) || run.matches(*pattern_, value.string()) || run.fail(place, "pattern");
  }

 private:
  std::unique_ptr<const Pattern> pattern_;
};

bool has_members(Run& run, const Value& value, const Place& place, const std::vector<std::string>& names,
                 std::string_view keyword) {
  for (const std::string& name : names) {
    run.spend(1);
    if (!value.view().find(name)) return run.fail({&place, name}, keyword, "is missing, as asked by");
  }
  return true;
}

class RequiredKeyword final : public Keyword {
 public:
  explicit RequiredKeyword(std::vector<std::string> names) : names_(std::move(names)) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    return !value.is(Type::object) || has_members(run, value, place, names_, "required");
  }

 private:
  std::vector<std::string> names_;
};

class DependentRequiredKeyword final : public Keyword {
 public:
  explicit DependentRequiredKeyword(std::vector<std::pair<std::string, std::vector<std::string>>> rules)
      : rules_(std::move(rules)) {}
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    if (!value.is(Type::object)) return true;
    for (const auto& rule : rules_) {
      run.spend(1);
      if (value.view().find(rule.first) && !has_members(run, value, place, rule.second, "dependentRequired"))
        return false;
    }
    return true;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> rules_;
};

}  // namespace

Made make_type(unsigned types) { return std::make_unique<TypeKeyword>(types); }
Made make_choice(std::string_view keyword, std::vector<std::string> forms) {
  return std::make_unique<ChoiceKeyword>(keyword, std::move(forms));
}
Made make_bound(std::string_view keyword, Bound bound, double limit) {
  return std::make_unique<BoundKeyword>(keyword, bound, limit);
}
Made make_size(std::string_view keyword, Measure measure, bool least, std::size_t limit) {
  return std::make_unique<SizeKeyword>(keyword, measure, least, limit);
}
Made make_unique_items() { return std::make_unique<UniqueItemsKeyword>(); }
Made make_pattern(std::unique_ptr<const Pattern> pattern) {
  return std::make_unique<PatternKeyword>(std::move(pattern));
}
Made make_required(std::vector<std::string> names) { return std::make_unique<RequiredKeyword>(std::move(names)); }
Made make_dependent_required(std::vector<std::pair<std::string, std::vector<std::string>>> rules) {
  return std::make_unique<DependentRequiredKeyword>(std::move(rules));
}

}  // namespace openexec::schema
