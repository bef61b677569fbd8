// SPDX-License-Identifier: Apache-2.0
#include "approval/members.hpp"

#include <algorithm>

#include "base/names.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace openexec::approval {

using canon::Type;

std::optional<std::string_view> unknown_member(canon::View object, std::span<const std::string_view> known) {
  for (const auto [key, value] : object)
    if (std::find(known.begin(), known.end(), key) == known.end()) return key;
  return std::nullopt;
}

std::string shown(std::string_view name) {
  constexpr std::size_t most = 64;
  std::string_view part = name.substr(0, most);
  while (!base::is_utf8(part)) part.remove_suffix(1);  // the cut may fall inside a character
  std::string text;
  canon::append_jcs_string(part, text);
  if (part.size() < name.size()) text += "...";
  return text;
}

void Node::refuse(std::string_view what) const {
  if (!breach_->none()) return;
  std::string detail;
  write_path(detail);
  if (!detail.empty()) detail += ": ";
  breach_->say(detail.append(what));
}

void Node::write_path(std::string& out) const {
  if (parent_ != nullptr) parent_->write_path(out);
  if (index_) {
    out.append("[").append(std::to_string(*index_)).append("]");
  } else {
    if (!out.empty()) out += '.';
    out += name_;
  }
}

std::string_view Node::text() const {
  if (value_.is(Type::string)) return value_.string();
  refuse("must be a string");
  return {};
}

std::string_view Node::name_by(Fault fault) const {
  if (!value_.is(Type::string)) return text();
  const std::string_view wrong = fault(value_.string());
  if (wrong.empty()) return value_.string();
  refuse(wrong);
  return {};
}

std::string_view Node::label() const { return name_by(base::label_fault); }
std::string_view Node::tenant() const { return name_by(base::tenant_fault); }
std::string_view Node::action() const { return name_by(base::action_fault); }
std::string_view Node::pattern() const { return name_by(base::pattern_fault); }

Digest Node::digest() const {
  Digest digest{};
  if (!value_.is(Type::string) || !from_hex(value_.string(), digest))
    refuse("must be a string of 64 lower-case hexadecimal digits");
  return digest;
}

Timestamp Node::time() const {
  if (value_.is(Type::string))
    if (const auto time = base::parse_time(value_.string(), base::TimeForm::rfc3339)) return *time;
  refuse("must be a time as RFC 3339 writes it, such as 2026-03-01T12:00:00Z");
  return {};
}

std::uint32_t Node::number(std::uint32_t least, std::uint32_t most) const {
  if (value_.is(Type::integer) && value_.integer() >= least && value_.integer() <= most)
    return static_cast<std::uint32_t>(value_.integer());
  refuse("must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return 0;
}

bool Node::flag() const {
  if (value_.is(Type::boolean)) return value_.boolean();
  refuse("must be true or false");
  return false;
}

bool Node::is_list(std::size_t least, std::size_t most) const {
  if (value_.is(Type::array) && value_.size() >= least && value_.size() <= most) return true;
  std::string rule = "must be a list";
  if (most != any) {
    rule += " of " + std::to_string(least) + " to " + std::to_string(most);
  } else if (least != 0) {
    rule += " of at least " + std::to_string(least);
  }
  refuse(rule);
  return false;
}

Members::Members(const Node& object) : object_(object) {
  if (!object_.value_.is(Type::object)) object_.refuse("must be an object");
}

Members::Members(const Node& object, std::initializer_list<std::string_view> known) : Members(object) {
  if (!object_.value_.is(Type::object)) return;
  if (const auto name = unknown_member(object_.value_, {known.begin(), known.size()}))
    object_.refuse("unknown member: " + shown(*name));
}

Node Members::need(std::string_view name) const {
  if (const auto node = maybe(name)) return *node;
  const Node missing(object_, name, canon::View());
  missing.refuse("missing");
  return missing;
}

std::optional<Node> Members::maybe(std::string_view name) const {
  if (!object_.value_.is(Type::object)) return std::nullopt;
  const auto value = object_.value_.find(name);
  if (!value) return std::nullopt;
  return Node(object_, name, *value);
}

}  // namespace openexec::approval
