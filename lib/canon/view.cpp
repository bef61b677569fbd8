// SPDX-License-Identifier: Apache-2.0
#include <base/assert.hpp>
#include <canon/json.hpp>
#include <canon/order.hpp>
#include <canon/tree.hpp>

namespace openexec::canon {
namespace {

char tag_of(const Tree* tree, std::uint32_t node) { return tree == nullptr ? 'n' : tree->tape.tag(node); }

}  // namespace

Type View::type() const {
  if (!tree_) return Type::null;
  switch (tree_->tape.tag(node_)) {
    case '{': return Type::object;
    case '[': return Type::array;
    case '"': return Type::string;
    case 'l': {
      const std::int64_t value = tree_->tape.integer(node_);
      return value >= -max_integer && value <= max_integer ? Type::integer : Type::number;
    }
    case 'u':
    case 'd':
    case Tape::large_integer: return Type::number;
    case 't':
    case 'f': return Type::boolean;
    default: return Type::null;
  }
}

bool View::boolean() const {
  const char found = tag_of(tree_, node_);
  OPENEXEC_ASSERT(found == 't' || found == 'f', "view: a boolean is read from a boolean");
  return found == 't';
}

std::int64_t View::integer() const {
  OPENEXEC_ASSERT(tag_of(tree_, node_) == 'l', "view: an integer is read from an integer");
  return tree_->tape.integer(node_);
}

std::string_view View::string() const {
  OPENEXEC_ASSERT(tag_of(tree_, node_) == '"', "view: a string is read from a string");
  return tree_->tape.string(node_);
}

std::size_t View::size() const {
  const char found = tag_of(tree_, node_);
  OPENEXEC_ASSERT(found == '{' || found == '[', "view: members are counted of an object, elements of an array");
  return tree_->tape.size(node_);
}

double View::number() const {
  switch (tag_of(tree_, node_)) {
    case 'l': return static_cast<double>(tree_->tape.integer(node_));
    case 'u': return static_cast<double>(static_cast<std::uint64_t>(tree_->tape.integer(node_)));
    case 'd':
    case Tape::large_integer: return tree_->tape.number(node_);
    default: OPENEXEC_ASSERT(false, "view: a number is read from a number"); return 0;
  }
}

View::Iterator View::begin() const {
  OPENEXEC_ASSERT(tag_of(tree_, node_) == '{' || tag_of(tree_, node_) == '[',
                  "view: children are those of an object or an array");
  const bool object = tree_->tape.tag(node_) == '{';
  return {tree_, object ? tree_->order[node_].by_utf16 : node_ + 1, object};
}

View::Iterator View::end() const {
  OPENEXEC_ASSERT(tag_of(tree_, node_) == '{' || tag_of(tree_, node_) == '[',
                  "view: children are those of an object or an array");
  const Tape& tape = tree_->tape;
  if (tape.tag(node_) == '{') return {tree_, tree_->order[node_].by_utf16 + tape.size(node_), true};
  return {tree_, tape.behind(node_) - 1, false};
}

View::Member View::Iterator::operator*() const {
  if (!object_) return {std::string_view(), View(tree_, at_)};
  const std::uint32_t key = tree_->keys[at_];
  return {tree_->tape.string(key), View(tree_, key + 1)};
}

View::Iterator& View::Iterator::operator++() {
  at_ = object_ ? at_ + 1 : tree_->tape.after(at_);
  return *this;
}

View::Found View::find(std::string_view key) const {
  OPENEXEC_ASSERT(tag_of(tree_, node_) == '{', "view: a member is looked for in an object");
  const std::uint32_t* low = tree_->keys.data() + tree_->order[node_].by_utf16;
  const std::uint32_t* high = low + tree_->tape.size(node_);
  while (low < high) {
    const std::uint32_t* middle = low + (high - low) / 2;
    const int order = compare_utf16(tree_->tape.string(*middle), key);
    if (order == 0) return View(tree_, *middle + 1);
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return {};
}

Document::Document() = default;
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

View Document::root() const { return tree_ && !tree_->empty ? View(tree_.get(), Tape::root) : View(); }

}  // namespace openexec::canon
