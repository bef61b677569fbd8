// SPDX-License-Identifier: Apache-2.0
// JSON of a fixed shape: what is unknown is refused, so that nothing unapproved slips by unread.
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

/// The first member of `object` that is not in `known`.
std::optional<std::string_view> unknown_member(canon::View object, std::span<const std::string_view> known);

/// A stranger's name for a member, as a detail may carry it: quoted, escaped and cut to 64 bytes.
std::string shown(std::string_view name);

/// The first thing that is wrong with a text while it is read. What is read after it is of no use.
class Breach {
 public:
  explicit Breach(Code code) : code_(code) {}

  void say(std::string detail) {
    if (status_.ok()) status_ = Status(code_, std::move(detail));
  }
  [[nodiscard]] bool none() const { return status_.ok(); }
  [[nodiscard]] const Status& status() const { return status_; }  ///< success where nothing is wrong

 private:
  Code code_;
  Status status_ = Status::success();
};

/// A value, and where it stands: `keys[2].public_key`. Lives no longer than the node or the Members it came from, and
/// than the document.
class Node {
 public:
  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

  /// A text's outermost value. Details call it `name`; where that is empty they name its members alone.
  Node(Breach& breach, std::string_view name, canon::View value) : breach_(&breach), name_(name), value_(value) {}

  /// Says what is wrong here, unless something was wrong before.
  void refuse(std::string_view what) const;
  [[nodiscard]] canon::View value() const { return value_; }

  // The value as what it has to be. Where it is not that, the breach says so, and the answer is empty.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] std::string_view label() const;    ///< base::label_fault
  [[nodiscard]] std::string_view tenant() const;   ///< base::tenant_fault
  [[nodiscard]] std::string_view action() const;   ///< base::action_fault
  [[nodiscard]] std::string_view pattern() const;  ///< base::pattern_fault
  [[nodiscard]] Digest digest() const;             ///< 64 lower-case hexadecimal digits
  [[nodiscard]] Timestamp time() const;            ///< RFC 3339 with an offset
  [[nodiscard]] std::uint32_t number(std::uint32_t least, std::uint32_t most) const;  ///< an integer
  [[nodiscard]] bool flag() const;

  /// The elements of a list of `least` to `most`, until something is wrong.
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

/// An object's members. What is not an object is a breach.
class Members {
 public:
  /// One that has a member that is not `known` is a breach as well.
  Members(const Node& object, std::initializer_list<std::string_view> known);
  /// Members of any name: for who has something else to say of the unknown ones.
  explicit Members(const Node& object);
  Members(const Members&) = delete;  // nodes point into it
  Members& operator=(const Members&) = delete;

  /// One that has to be there.
  [[nodiscard]] Node need(std::string_view name) const;
  /// One that may be absent. null is not absent.
  [[nodiscard]] std::optional<Node> maybe(std::string_view name) const;

 private:
  Node object_;
};

}  // namespace openexec::approval
