// SPDX-License-Identifier: Apache-2.0
// The tree of a compiled schema. A Node is one schema, a list of keywords that each accept or reject a value.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "canon/json.hpp"
#include "schema/pattern.hpp"

namespace openexec::schema {

/// A value of the payload, or the name of a member.
class Value {
 public:
  explicit Value(canon::View view) : view_(view), type_(view.type()) {}
  static Value name_of(std::string_view member) { return Value(member); }

  [[nodiscard]] canon::Type type() const { return type_; }
  [[nodiscard]] bool is(canon::Type type) const { return type_ == type; }
  [[nodiscard]] bool is_number() const { return is(canon::Type::integer) || is(canon::Type::number); }

  // Preconditions: the type fits.
  [[nodiscard]] double number() const {
    OPENEXEC_ASSERT(is_number(), "schema: a number is read from a number");
    return view_.number();
  }
  [[nodiscard]] std::string_view string() const {
    OPENEXEC_ASSERT(is(canon::Type::string), "schema: a string is read from a string");
    return view_.is(canon::Type::string) ? view_.string() : name_;
  }
  [[nodiscard]] canon::View view() const { return view_; }

  void append_jcs(std::string& out) const {
    if (view_.is(type_))
      canon::append_jcs(view_, out);
    else
      canon::append_jcs_string(name_, out);
  }

 private:
  explicit Value(std::string_view name) : name_(name), type_(canon::Type::string) {}
  canon::View view_;  // null if this is a name
  std::string_view name_;
  canon::Type type_;
};

/// The path of a value in the payload: a linked list from the value up to the whole payload.
struct Place {
  const Place* parent = nullptr;
  std::string_view member;
  std::size_t element = 0;
  bool is_element = false;
};

class Run;

class Keyword {
 public:
  Keyword() = default;
  Keyword(const Keyword&) = delete;
  Keyword& operator=(const Keyword&) = delete;
  virtual ~Keyword() = default;
  /// Returns whether the keyword holds, and reports to `run` if it does not.
  [[nodiscard]] virtual bool holds(Run& run, const Value& value, const Place& place) const = 0;
};

struct Node {
  bool never = false;  ///< the schema `false`
  std::vector<std::unique_ptr<const Keyword>> keywords;
  std::vector<const Node*> in_place;  ///< the schemas that its keywords apply to the same value
};

/// One check of a payload. Throws Exhausted if the check exceeds its budget.
class Run {
 public:
  struct Exhausted {};

  [[nodiscard]] bool applies(const Node& node, const Value& value, const Place& place);
  /// Checks without reporting, if a rejection is not yet a failure.
  [[nodiscard]] bool would_apply(const Node& node, const Value& value, const Place& place);

  void spend(std::size_t steps) {
    if (steps > left_) throw Exhausted();
    left_ -= steps;
  }
  void read(std::size_t bytes) { spend(1 + bytes / 16); }
  [[nodiscard]] bool matches(const Pattern& pattern, std::string_view text);
  /// Returns the RFC 8785 form of the value, which is equal for equal values. Valid until the next call.
  [[nodiscard]] std::string_view jcs(const Value& value);

  /// Reports the keyword that does not hold and the path, and returns false. Only the first report is kept.
  bool fail(const Place& place, std::string_view keyword, std::string_view how = "does not satisfy");
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  std::size_t left_;
  std::size_t depth_ = 0;
  std::size_t trials_ = 0;  ///< above 0 during a check without reports
  std::string scratch_;
  std::string failure_;

 public:
  explicit Run(std::size_t steps) : left_(steps) {}
};

}  // namespace openexec::schema
