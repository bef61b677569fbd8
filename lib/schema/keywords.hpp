// SPDX-License-Identifier: Apache-2.0
// The keywords, which the compiler creates. A keyword for one type holds for every value of another type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/node.hpp"

namespace openexec::schema {

using Made = std::unique_ptr<const Keyword>;

// Assertions: checks of a value itself.

/// `type`. Bit i stands for the canon::Type of that number.
Made make_type(unsigned types);
/// `enum` and `const`: the RFC 8785 forms of the values.
Made make_choice(std::string_view keyword, std::vector<std::string> forms);

enum class Bound : std::uint8_t { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of };
Made make_bound(std::string_view keyword, Bound bound, double limit);

enum class Measure : std::uint8_t { length, items, properties };
/// `minLength`, `maxItems` and so on.
Made make_size(std::string_view keyword, Measure measure, bool least, std::size_t limit);
Made make_unique_items();
Made make_pattern(std::unique_ptr<const Pattern> pattern);
Made make_required(std::vector<std::string> names);
/// `dependentRequired`: if the first member is present, the others have to be present too.
Made make_dependent_required(std::vector<std::pair<std::string, std::vector<std::string>>> rules);

// Applicators: schemas for the parts of a value, or for the value itself.

using Named = std::vector<std::pair<std::string, const Node*>>;

/// `properties`, `patternProperties` and `additionalProperties`. `named` is sorted; `others` may be null.
Made make_members(Named named, std::vector<std::pair<std::unique_ptr<const Pattern>, const Node*>> by_pattern,
                  const Node* others);
Made make_property_names(const Node* names);
/// `prefixItems` and `items`. `others` may be null.
Made make_items(std::vector<const Node*> first, const Node* others);
Made make_contains(const Node* what, std::size_t least, std::optional<std::size_t> most);

enum class Combination : std::uint8_t { all_of, any_of, one_of };
Made make_combination(Combination combination, std::vector<const Node*> nodes);
Made make_not(const Node* what);
/// `then` and `otherwise` may be null.
Made make_if(const Node* what, const Node* then, const Node* otherwise);
Made make_dependent_schemas(Named rules);

/// `$ref`. Its target is set after the whole schema was read.
class Reference final : public Keyword {
 public:
  void set(const Node* target) { target_ = target; }
  [[nodiscard]] bool holds(Run& run, const Value& value, const Place& place) const override {
    return run.applies(*target_, value, place);
  }

 private:
  const Node* target_ = nullptr;
};

}  // namespace openexec::schema
