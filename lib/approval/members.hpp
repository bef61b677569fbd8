// SPDX-License-Identifier: Apache-2.0
// A strict reader of JSON objects with fixed members. It refuses unknown members, so that no part of an approval is
// ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>

#include "canon/json.hpp"

namespace openexec::approval {

/// Returns the first member of `object` that is not in `known`.
std::optional<std::string_view> unknown_member(canon::View object, std::span<const std::string_view> known);

/// Returns the name of an unknown member in a form for details: quoted, escaped and cut to 64 bytes.
std::string shown(std::string_view name);

/// The first fault of a text that is being read. Values that are read after it are not used.
class Breach {
 public:
  explicit Breach(Code code) : code_(code) {}

  void say(std::string detail) {
    if (status_.ok()) status_ = Status(code_, std::move(detail));
  }
  [[nodiscard]] bool none() const { return status_.ok(); }
  [[nodiscard]] const Status& status() const { return status_; }  ///< success if there is no fault

 private:
  Code code_;
  Status status_ = Status::success();
};

/// A value with its path, such as `keys[2].public_key`. Valid as long as the node or Members that returned it, and the
/// document.
class Node {
 public:
  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

  /// Wraps the outermost value of a text. Details begin with `name`, unless that is empty.
  Node(Breach& breach, std::string_view name, canon::View value) : breach_(&breach), name_(name), value_(value) {}

  /// Records a fault of this value, unless there is an earlier fault.
  void refuse(std::string_view what) const;
  [[nodiscard]] canon::View value() const { return value_; }

  // Each returns the value in the required form. If it has another form, it records a fault and returns an empty value.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] std::string_view label() const;    ///< base::label_fault
  [[nodiscard]] std::string_view tenant() const;   ///< base::tenant_fault
  [[nodiscard]] std::string_view action() const;   ///< base::action_fault
  [[nodiscard]] std::string_view pattern() const;  ///< base::pattern_fault
  [[nodiscard]] Digest digest() const;             ///< 64 lower-case hexadecimal digits
  [[nodiscard]] Timestamp time() const;            ///< RFC 3339 with an offset
  [[nodiscard]] std::uint32_t number(std::uint32_t least, std::uint32_t most) const;  ///< an integer
  [[nodiscard]] bool flag() const;

  /// Visits the elements of a list of `least` to `most` elements, until there is a fault.
  template <class Read>
  void each(std::size_t least, std::size_t most, const Read& read) const {
    if (!is_list(least, most)) return;
    std::size_t index = 0;
    for (const auto [unused, element] : value_) {
      read(Node(*this, index++, element));
      if (!breach_->none()) return;
    }
  }

 private:
  friend class Members;
  Node(const Node& parent, std::string_view name, canon::View value)
      : breach_(parent.breach_), parent_(&parent), name_(name), value_(value) {}
  Node(const Node& parent, std::size_t index, canon::View value)
      : breach_(parent.breach_), parent_(&parent), index_(index), value_(value) {}

  using Fault = std::string_view (*)(std::string_view);
  [[nodiscard]] std::string_view name_by(Fault fault) const;
  [[nodiscard]] bool is_list(std::size_t least, std::size_t most) const;
  void write_path(std::string& out) const;

  Breach* breach_;
  const Node* parent_ = nullptr;
  std::string_view name_;
  std::optional<std::size_t> index_;  ///< of an element
  canon::View value_;
};

/// The members of an object. Another type is a fault.
class Members {
 public:
  /// An unknown member is a fault too.
  Members(const Node& object, std::initializer_list<std::string_view> known);
  /// Accepts all names, for callers that treat unknown members in another way.
  explicit Members(const Node& object);
  Members(const Members&) = delete;  // nodes point into it
  Members& operator=(const Members&) = delete;

  /// Returns a required member.
  [[nodiscard]] Node need(std::string_view name) const;
  /// Returns an optional member. A null is not absent.
  [[nodiscard]] std::optional<Node> maybe(std::string_view name) const;

 private:
  Node object_;
};

}  // namespace openexec::approval
