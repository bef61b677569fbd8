// SPDX-License-Identifier: Apache-2.0
// Compiles the text of a schema to a tree. A keyword that this library does not know is refused.
//
//  1 each schema becomes a Node, identified by its JSON Pointer
//  2 a member that is not in `known` is refused
//  3 the keywords are created in the order of their checks, with cheap ones first
//  4 after all schemas were read, each $ref is resolved
//  5 schemas that apply to the same value, each because of the one before, must not form a loop or a long chain
#include <algorithm>
#include <array>
#include <map>
#include <new>
#include <stdexcept>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "schema/decimal.hpp"
#include "schema/keywords.hpp"
#include "schema/schema.hpp"

namespace openexec {
namespace schema {
namespace {

using canon::Type;
using canon::View;

constexpr std::string_view draft = "https://json-schema.org/draft/2020-12/schema";

constexpr std::array<std::string_view, 44> known{"$comment",
                                                 "$defs",
                                                 "$id",
                                                 "$ref",
                                                 "$schema",
                                                 "additionalProperties",
                                                 "allOf",
                                                 "anyOf",
                                                 "const",
                                                 "contains",
                                                 "default",
                                                 "dependentRequired",
                                                 "dependentSchemas",
                                                 "description",
                                                 "else",
                                                 "enum",
                                                 "examples",
                                                 "exclusiveMaximum",
                                                 "exclusiveMinimum",
                                                 "if",
                                                 "items",
                                                 "maxContains",
                                                 "maxItems",
                                                 "maxLength",
                                                 "maxProperties",
                                                 "maximum",
                                                 "minContains",
                                                 "minItems",
                                                 "minLength",
                                                 "minProperties",
                                                 "minimum",
                                                 "multipleOf",
                                                 "not",
                                                 "oneOf",
                                                 "pattern",
                                                 "patternProperties",
                                                 "prefixItems",
                                                 "properties",
                                                 "propertyNames",
                                                 "required",
                                                 "then",
                                                 "title",
                                                 "type",
                                                 "uniqueItems"};

/// A fault of a schema. Thrown and caught in this file only.
struct Wrong {
  std::string detail;
};

std::string step(std::string_view name) {
  std::string out = "/";
  for (const char c : name) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
  return out;
}

/// A schema that is being read: its value and its path.
struct Here {
  View value;
  std::string path;

  [[noreturn]] void refuse(std::string_view what) const {
    std::string quoted;
    canon::append_clawshield_v1_string(path, quoted);
    std::string place = quoted.substr(1, quoted.size() - 2);
    constexpr std::size_t longest = 160;
    if (place.size() > longest) place.replace(0, place.size() - longest, "...");
    throw Wrong{"schema: " + place + (place.empty() ? "" : ": ") + std::string(what)};
  }
  [[nodiscard]] std::optional<Here> member(std::string_view name) const {
    const auto found = value.find(name);
    if (!found) return std::nullopt;
    return Here{*found, path + step(name)};
  }
  [[nodiscard]] Here at(std::string_view name, View child) const { return {child, path + step(name)}; }
  [[nodiscard]] Here at(std::size_t index, View child) const { return {child, path + "/" + std::to_string(index)}; }

  void need(Type type, std::string_view what) const {
    if (!value.is(type)) refuse("must be " + std::string(what));
  }
  [[nodiscard]] std::string_view text() const {
    need(Type::string, "a string");
    return value.string();
  }
  [[nodiscard]] bool is_number() const { return value.is(Type::integer) || value.is(Type::number); }
  [[nodiscard]] double number() const {
    if (!is_number()) refuse("must be a number");
    return value.number();
  }
  [[nodiscard]] std::size_t count() const {
    if (!is_number() || value.number() < 0 || value.number() > static_cast<double>(canon::max_integer) ||
        !is_integral(value.number()))
      refuse("must be an integer from 0 to 2^53 - 1");
    return static_cast<std::size_t>(value.number());
  }
  /// Reads a list of distinct names.
  [[nodiscard]] std::vector<std::string> names() const {
    need(Type::array, "a list of names");
    std::vector<std::string> names;
    std::size_t index = 0;
    for (const View::Member item : value) names.emplace_back(at(index++, item.value).text());
    std::vector<std::string> sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) refuse("names a member twice");
    return names;
  }
};

/// Returns the bit of the type, or 0 for an unknown name.
unsigned type_bit(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Type>, 7> types{{{"null", Type::null},
                                                                    {"boolean", Type::boolean},
                                                                    {"integer", Type::integer},
                                                                    {"number", Type::number},
                                                                    {"string", Type::string},
                                                                    {"array", Type::array},
                                                                    {"object", Type::object}}};
  for (const auto& type : types)
    if (type.first == name) return 1U << static_cast<unsigned>(type.second);
  return 0;
}

class Compiler {
 public:
  explicit Compiler(std::deque<Node>& nodes) : nodes_(nodes) {}

  void compile(View root) {
    (void)node({root, ""});
    for (const Pending& pending : pending_) resolve(pending);
    refuse_loops();
  }

 private:
  struct Pending {
    Reference* reference;
    Node* from;
    std::string target;
    Here here;
  };

  const Node* node(const Here& here) {
    Node& made = nodes_.emplace_back();
    by_path_.emplace(here.path, &made);
    if (here.value.is(Type::boolean)) {
      made.never = !here.value.boolean();
      return &made;
    }
    here.need(Type::object, "a schema: an object, true or false");
    for (const View::Member member : here.value)
      if (!std::binary_search(known.begin(), known.end(), member.key)) refuse_keyword(here, member.key);
    read_annotations(here);
    read_assertions(here, made);
    read_parts(here, made);
    read_combinations(here, made);
    return &made;
  }

  [[noreturn]] static void refuse_keyword(const Here& here, std::string_view keyword) {
    here.at(keyword, {})
        .refuse(
            "this keyword is not checked here, and an unchecked one would be ignored; remove it, or "
            "say it with the keywords of docs/formats.md");
  }

  /// Compiles a schema that applies to the same value as `by`.
  const Node* in_place(const Here& here, Node& by) {
    const Node* made = node(here);
    by.in_place.push_back(made);
    return made;
  }

  static void read_annotations(const Here& here) {
    for (const std::string_view name : {"title", "description", "$comment"})
      if (const auto member = here.member(name)) (void)member->text();
    if (const auto member = here.member("examples")) member->need(Type::array, "a list");
    if (const auto member = here.member("$schema"); member && (!here.path.empty() || member->text() != draft))
      member->refuse("must be \"" + std::string(draft) + "\", and stand at the root alone");
    if (const auto member = here.member("$id"); member && (!here.path.empty() || member->text().empty()))
      member->refuse("must be a URI, and stand at the root alone");
  }

  static void read_assertions(const Here& here, Node& into) {
    const auto add = [&](Made made) { into.keywords.push_back(std::move(made)); };
    if (const auto member = here.member("type")) add(make_type(types(*member)));
    if (const auto member = here.member("const")) add(make_choice("const", {canon::jcs(member->value)}));
    if (const auto member = here.member("enum")) add(make_choice("enum", forms(*member)));
    read_bounds(here, into);
    read_sizes(here, into);
    if (const auto member = here.member("pattern")) add(make_pattern(pattern(*member, member->text())));
    if (const auto member = here.member("required")) add(make_required(member->names()));
    if (const auto member = here.member("dependentRequired")) {
      member->need(Type::object, "an object: member to names");
      std::vector<std::pair<std::string, std::vector<std::string>>> rules;
      for (const View::Member rule : member->value)
        rules.emplace_back(rule.key, member->at(rule.key, rule.value).names());
      add(make_dependent_required(std::move(rules)));
    }
    if (const auto member = here.member("uniqueItems")) {
      member->need(Type::boolean, "true or false");
      if (member->value.boolean()) add(make_unique_items());
    }
  }

  static unsigned types(const Here& here) {
    if (!here.value.is(Type::array)) return one_type(here);
    unsigned found = 0;
    std::size_t index = 0;
    for (const View::Member item : here.value) {
      const unsigned bit = one_type(here.at(index++, item.value));
      if ((found & bit) != 0) here.refuse("names a type twice");
      found |= bit;
    }
    if (found == 0) here.refuse("must name a type");
    return found;
  }

  static unsigned one_type(const Here& here) {
    const unsigned bit = type_bit(here.text());
    if (bit == 0) here.refuse("must be null, boolean, integer, number, string, array or object");
    return bit;
  }

  static std::vector<std::string> forms(const Here& here) {
    if (!here.value.is(Type::array) || here.value.size() == 0) here.refuse("must be a list of at least one value");
    std::vector<std::string> forms;
    for (const View::Member item : here.value) forms.push_back(canon::jcs(item.value));
    return forms;
  }

  static void read_bounds(const Here& here, Node& into) {
    constexpr std::array<std::pair<std::string_view, Bound>, 5> bounds{{{"minimum", Bound::minimum},
                                                                        {"maximum", Bound::maximum},
                                                                        {"exclusiveMinimum", Bound::exclusive_minimum},
                                                                        {"exclusiveMaximum", Bound::exclusive_maximum},
                                                                        {"multipleOf", Bound::multiple_of}}};
    for (const auto& bound : bounds) {
      const auto member = here.member(bound.first);
      if (!member) continue;
      const double limit = member->number();
      if (bound.second == Bound::multiple_of && !(limit > 0)) member->refuse("must be above 0");
      into.keywords.push_back(make_bound(bound.first, bound.second, limit));
    }
  }

  static void read_sizes(const Here& here, Node& into) {
    struct Row {
      std::string_view name;
      Measure measure;
      bool least;
    };
    constexpr std::array<Row, 6> rows{{{"minLength", Measure::length, true},
                                       {"maxLength", Measure::length, false},
                                       {"minItems", Measure::items, true},
                                       {"maxItems", Measure::items, false},
                                       {"minProperties", Measure::properties, true},
                                       {"maxProperties", Measure::properties, false}}};
    for (const Row& row : rows)
      if (const auto member = here.member(row.name))
        into.keywords.push_back(make_size(row.name, row.measure, row.least, member->count()));
  }

  static std::unique_ptr<const Pattern> pattern(const Here& here, std::string_view text) {
    std::string why;
    auto made = compile_pattern(text, why);
    if (!made) here.refuse(why);
    return made;
  }

  /// Creates the keywords that apply schemas to the parts of a value.
  void read_parts(const Here& here, Node& into) {
    if (const auto member = here.member("propertyNames")) into.keywords.push_back(make_property_names(node(*member)));
    read_members(here, into);
    std::vector<const Node*> first;
    const auto prefix = here.member("prefixItems");
    if (prefix) first = list(*prefix, nullptr);
    const auto items = here.member("items");
    const Node* const others = items ? node(*items) : nullptr;
    if (prefix || items) into.keywords.push_back(make_items(std::move(first), others));
    read_contains(here, into);
    if (const auto member = here.member("$defs")) (void)named(*member, nullptr);
  }

  void read_members(const Here& here, Node& into) {
    const auto properties = here.member("properties");
    const auto patterns = here.member("patternProperties");
    const auto others = here.member("additionalProperties");
    if (!properties && !patterns && !others) return;
    std::vector<std::pair<std::unique_ptr<const Pattern>, const Node*>> by_pattern;
    if (patterns) {
      patterns->need(Type::object, "an object: pattern to schema");
      for (const View::Member entry : patterns->value) {
        const Here at = patterns->at(entry.key, entry.value);
        auto made = pattern(at, entry.key);
        by_pattern.emplace_back(std::move(made), node(at));
      }
    }
    Named by_name = properties ? named(*properties, nullptr) : Named();
    std::sort(by_name.begin(), by_name.end());
    into.keywords.push_back(make_members(std::move(by_name), std::move(by_pattern), others ? node(*others) : nullptr));
  }

  void read_contains(const Here& here, Node& into) {
    const auto what = here.member("contains");
    const auto least = here.member("minContains");
    const auto most = here.member("maxContains");
    if (!what && (least || most)) (least ? *least : *most).refuse("has no effect without contains");
    if (!what) return;
    std::optional<std::size_t> limit;
    if (most) limit = most->count();
    into.keywords.push_back(make_contains(node(*what), least ? least->count() : 1, limit));
  }

  /// Creates the keywords that apply schemas to the value itself.
  void read_combinations(const Here& here, Node& into) {
    const auto add = [&](Made made) { into.keywords.push_back(std::move(made)); };
    if (const auto member = here.member("$ref")) read_reference(*member, into);
    constexpr std::array<std::pair<std::string_view, Combination>, 3> combinations{
        {{"allOf", Combination::all_of}, {"anyOf", Combination::any_of}, {"oneOf", Combination::one_of}}};
    for (const auto& combination : combinations)
      if (const auto member = here.member(combination.first))
        add(make_combination(combination.second, list(*member, &into)));
    if (const auto member = here.member("not")) add(make_not(in_place(*member, into)));
    if (const auto member = here.member("dependentSchemas")) add(make_dependent_schemas(named(*member, &into)));
    const auto condition = here.member("if");
    const auto then = here.member("then");
    const auto otherwise = here.member("else");
    if (!condition && (then || otherwise)) (then ? *then : *otherwise).refuse("has no effect without if");
    if (!condition) return;
    const Node* const what = in_place(*condition, into);
    const Node* const yes = then ? in_place(*then, into) : nullptr;
    add(make_if(what, yes, otherwise ? in_place(*otherwise, into) : nullptr));
  }

  std::vector<const Node*> list(const Here& here, Node* by) {
    if (!here.value.is(Type::array) || here.value.size() == 0) here.refuse("must be a list of at least one schema");
    std::vector<const Node*> nodes;
    std::size_t index = 0;
    for (const View::Member item : here.value) {
      const Here at = here.at(index++, item.value);
      nodes.push_back(by != nullptr ? in_place(at, *by) : node(at));
    }
    return nodes;
  }

  Named named(const Here& here, Node* by) {
    here.need(Type::object, "an object: name to schema");
    Named nodes;
    for (const View::Member member : here.value) {
      const Here at = here.at(member.key, member.value);
      nodes.emplace_back(member.key, by != nullptr ? in_place(at, *by) : node(at));
    }
    return nodes;
  }

  void read_reference(const Here& here, Node& into) {
    const std::string_view text = here.text();
    if (!text.starts_with('#') || (text.size() > 1 && text[1] != '/'))
      here.refuse("must be \"#\" or \"#/\" and a JSON Pointer into this schema; nothing is fetched");
    auto made = std::make_unique<Reference>();
    pending_.push_back({made.get(), &into, decoded(here, text.substr(1)), here});
    into.keywords.push_back(std::move(made));
  }

  /// Decodes the percent-encoding of a fragment.
  static std::string decoded(const Here& here, std::string_view fragment) {
    const auto digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < fragment.size(); ++i) {
      if (fragment[i] != '%') {
        out += fragment[i];
        continue;
      }
      const int high = i + 2 < fragment.size() ? digit(fragment[i + 1]) : -1;
      const int low = i + 2 < fragment.size() ? digit(fragment[i + 2]) : -1;
      if (high < 0 || low < 0) here.refuse("is not percent-encoded as a URI's fragment is");
      out += static_cast<char>(16 * high + low);
      i += 2;
    }
    return out;
  }

  void resolve(const Pending& pending) {
    const auto found = by_path_.find(pending.target);
    if (found == by_path_.end()) pending.here.refuse("points at no schema");
    pending.reference->set(found->second);
    pending.from->in_place.push_back(found->second);
  }

  // A topological sort of the graph of `in_place`: it removes schemas whose predecessors are all removed. The remaining
  // schemas are in a loop, or follow one.
  void refuse_loops() const {
    std::map<const Node*, std::size_t> waiting;
    std::map<const Node*, std::size_t> chain;
    for (const Node& node : nodes_)
      for (const Node* next : node.in_place) ++waiting[next];
    std::vector<const Node*> ready;
    for (const Node& node : nodes_)
      if (waiting.find(&node) == waiting.end()) ready.push_back(&node);
    std::size_t taken = 0;
    while (!ready.empty()) {
      const Node* const node = ready.back();
      ready.pop_back();
      ++taken;
      for (const Node* next : node->in_place) {
        chain[next] = std::max(chain[next], chain[node] + 1);
        if (chain[next] >= max_chain)
          throw Wrong{"schema: more than " + std::to_string(max_chain) + " schemas in a chain apply to one value"};
        if (--waiting[next] == 0) ready.push_back(next);
      }
    }
    if (taken != nodes_.size()) throw Wrong{"schema: a loop of $ref consumes nothing of the value, so it has no end"};
  }

  std::deque<Node>& nodes_;
  std::map<std::string, const Node*, std::less<>> by_path_;
  std::vector<Pending> pending_;
};

Status invalid(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

}  // namespace
}  // namespace schema

PayloadSchema::PayloadSchema(std::unique_ptr<const Compiled> compiled) noexcept : compiled_(std::move(compiled)) {}
PayloadSchema::~PayloadSchema() = default;

Result<std::shared_ptr<const PayloadSchema>> PayloadSchema::compile(std::string_view text) try {
  const Result<canon::Document> document = canon::parse(text, {.max_bytes = schema::max_bytes});
  if (!document.ok()) return schema::invalid("schema: " + document.status().detail());
  auto compiled = std::make_unique<Compiled>();
  schema::Compiler(compiled->nodes).compile(document->root());
  compiled->empty = std::move(canon::parse("{}").value());
  return std::shared_ptr<const PayloadSchema>(new PayloadSchema(std::move(compiled)));
} catch (const schema::Wrong& wrong) {
  return schema::invalid(wrong.detail);
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Status PayloadSchema::check(std::string_view payload) const try {
  const Result<canon::Document> document = canon::parse(payload.empty() ? "{}" : payload);
  if (!document.ok())
    return Status(document.code(), "payload: " + document.status().detail(), document.status().http());
  if (!document->root().is(canon::Type::object))
    return Status(Code::malformed_request, "payload: must be an object", 422);
  return schema::check(*this, document->root());
} catch (const std::bad_alloc&) {
  return {Code::overloaded, "out of memory"};
}

}  // namespace openexec
