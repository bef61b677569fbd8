#include <canon/tree.hpp>

#include <algorithm>

#include <canon/order.hpp>

namespace openexec::canon {

Type View::type() const { return tree_ ? tree_->nodes[node_].type : Type::null; }
bool View::boolean() const { return tree_->nodes[node_].boolean; }
std::int64_t View::integer() const { return tree_->nodes[node_].integer; }
std::string_view View::string() const { return string_of(tree_->nodes[node_]); }
std::size_t View::size() const { return tree_->nodes[node_].size; }

double View::number() const {
  const Node& node = tree_->nodes[node_];
  return node.type == Type::integer ? static_cast<double>(node.integer) : node.number;
}

View::Iterator View::begin() const {
  const Node& node = tree_->nodes[node_];
  return node.type == Type::object ? Iterator(tree_, node.first + 1, 2) : Iterator(tree_, node.first, 1);
}

View::Iterator View::end() const {
  Iterator end = begin();
  end.node_ += tree_->nodes[node_].size * end.step_;
  return end;
}

View::Member View::Iterator::operator*() const {
  return {step_ == 2 ? string_of(tree_->nodes[node_ - 1]) : std::string_view(), View(tree_, node_)};
}

View::Found View::find(std::string_view key) const {
  const Node& object = tree_->nodes[node_];
  std::uint32_t low = 0, high = object.size;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const std::uint32_t at = object.first + 2 * middle;
    const int order = compare_utf16(string_of(tree_->nodes[at]), key);
    if (order == 0) return View(tree_, at + 1);
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return {};
}

Document::Document() = default;
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

View Document::root() const {
  if (!tree_ || tree_->nodes.empty()) return {};
  return {tree_.get(), static_cast<std::uint32_t>(tree_->nodes.size() - 1)};
}

}  // namespace openexec::canon
