// SPDX-License-Identifier: Apache-2.0
// A check: its budget, and the report on a payload that does not satisfy the schema.
#include <algorithm>

#include "schema/node.hpp"
#include "schema/schema.hpp"

namespace openexec::schema {
namespace {

constexpr std::size_t max_path = 160;

/// Returns the end of the name of a member, escaped for a JSON Pointer, in printable ASCII.
std::string printable(std::string_view name) {
  if (name.size() > max_path) {
    name.remove_prefix(name.size() - max_path);
    while (!name.empty() && (static_cast<unsigned char>(name.front()) & 0xc0) == 0x80) name.remove_prefix(1);
  }
  std::string escaped;
  for (const char c : name) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  std::string quoted;
  canon::append_clawshield_v1_string(escaped, quoted);
  return quoted.substr(1, quoted.size() - 2);
}

/// Returns the JSON Pointer of a path, cut at the front if it is too long.
std::string path_of(const Place& place) {
  std::string path;
  for (const Place* at = &place; at->parent != nullptr && path.size() < max_path; at = at->parent)
    path = "/" + (at->is_element ? std::to_string(at->element) : printable(at->member)) + path;
  if (path.size() > max_path) path.replace(0, path.size() - max_path, "...");
  return path;
}

/// Increments a counter for the lifetime of the object.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

bool Run::applies(const Node& node, const Value& value, const Place& place) {
  spend(1);
  const Counted level(depth_);
  if (depth_ > max_depth) throw Exhausted();
  if (node.never) return fail(place, "false", "is not allowed by");
  for (const auto& keyword : node.keywords) {
    spend(1);
    if (!keyword->holds(*this, value, place)) return false;
  }
  return true;
}

bool Run::would_apply(const Node& node, const Value& value, const Place& place) {
  const Counted trial(trials_);
  return applies(node, value, place);
}

bool Run::matches(const Pattern& pattern, std::string_view text) {
  spend(1 + text.size() * pattern.size() / 64);
  return pattern.found_in(text);
}

std::string_view Run::jcs(const Value& value) {
  scratch_.clear();
  value.append_jcs(scratch_);
  read(scratch_.size());
  return scratch_;
}

bool Run::fail(const Place& place, std::string_view keyword, std::string_view how) {
  if (trials_ != 0 || !failure_.empty()) return false;
  const std::string path = path_of(place);
  failure_.append("payload: ").append(path.empty() ? "it" : path).append(" ").append(how);
  failure_.append(" \"").append(keyword).append("\" of the action's schema");
  return false;
}

Status check(const PayloadSchema& schema, std::optional<canon::View> payload) {
  const PayloadSchema::Compiled& compiled = schema.compiled();
  Run run(max_steps);
  try {
    const Value value(payload ? *payload : compiled.empty.root());
    if (run.applies(compiled.nodes.front(), value, {})) return Status::success();
  } catch (const Run::Exhausted&) {
    return {Code::payload_schema, "payload: checking it against the action's schema takes more than " +
                                      std::to_string(max_steps) + " steps or " + std::to_string(max_depth) +
                                      " levels; send a smaller one"};
  }
  return {Code::payload_schema, run.failure()};
}

}  // namespace openexec::schema
