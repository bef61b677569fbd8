#include <simdjson.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include <canon/order.hpp>
#include <canon/scan.hpp>
#include <canon/tree.hpp>

namespace openexec::canon {

struct Tree::Source {
  simdjson::dom::document document;
};

Tree::Tree() : source(std::make_unique<Source>()) {}
Tree::~Tree() = default;

namespace {

/// A container that is still open.
struct Frame {
  std::size_t start;  ///< its first child among the pending nodes
  bool object;
};

/// A member while its object is sorted.
struct Candidate {
  std::uint64_t prefix;
  std::size_t at;  ///< its key among the pending nodes
};

/// What building needs besides the tree, kept from parse to parse.
struct Workbench {
  std::vector<Node> pending;  ///< finished nodes whose container is still open
  std::vector<Frame> open;
  std::vector<Candidate> candidates;
};

enum class Verdict { strict, duplicate_key, other };

/// Turns simdjson's tape into a Tree in one walk. The tape is documented in simdjson's doc/tape.md: words with a tag in
/// the highest byte and, depending on it, an offset below or a number in the next word.
class Builder {
 public:
  Builder(const simdjson::dom::document& document, const ParseLimits& limits, Workbench& bench, std::vector<Node>& nodes)
      : tape_(document.tape.get()),
        strings_(reinterpret_cast<const char*>(document.string_buf.get())),
        max_depth_(limits.max_depth),
        pending_(bench.pending),
        open_(bench.open),
        candidates_(bench.candidates),
        nodes_(nodes) {
    pending_.clear();
    open_.clear();
    nodes_.clear();
  }

  Verdict build() {
    for (std::size_t at = 1;; ++at) {
      const std::uint64_t word = tape_[at];
      const char tag = static_cast<char>(word >> 56);
      Node node;
      switch (tag) {
        case '"':
          node = string_at(word & offset_mask);
          break;
        case 'l':
          node.type = Type::integer;
          std::memcpy(&node.integer, &tape_[++at], sizeof node.integer);
          if (node.integer < -max_integer || node.integer > max_integer) return Verdict::other;
          break;
        case 'd':
          node.type = Type::number;
          std::memcpy(&node.number, &tape_[++at], sizeof node.number);
          break;
        case 't':
        case 'f':
          node.type = Type::boolean;
          node.boolean = tag == 't';
          break;
        case 'n':
          break;
        case '{':
        case '[':
          if (open_.size() >= max_depth_) return Verdict::other;
          open_.push_back({pending_.size(), tag == '{'});
          continue;
        case '}':
          if (!close_object(node)) return Verdict::duplicate_key;
          break;
        case ']':
          close_array(node);
          break;
        case 'r':
          nodes_.push_back(pending_.front());
          return Verdict::strict;
        default:  // among them 'u', an integer beyond 2^63 - 1
          return Verdict::other;
      }
      pending_.push_back(node);
    }
  }

  /// Where the duplicate key is: "/payload/3/a", cut at the front if need be. Precondition: build() found one.
  std::string duplicate_path() const {
    std::string path = "/" + printable(string_of(pending_[duplicate_]));
    for (std::size_t depth = open_.size() - 1; depth > 0 && path.size() < max_path; --depth) {
      const Frame& parent = open_[depth - 1];
      const std::size_t start = open_[depth].start;
      path.insert(0, "/" + (parent.object ? printable(string_of(pending_[start - 1])) : std::to_string(start - parent.start)));
    }
    if (path.size() > max_path) path.replace(0, path.size() - max_path, "...");
    return path;
  }

 private:
  static constexpr std::uint64_t offset_mask = (std::uint64_t{1} << 56) - 1;
  static constexpr std::size_t max_path = 160;

  /// The end of a key, short enough for a detail, in printable ASCII.
  static std::string printable(std::string_view key) {
    if (key.size() > max_path) {
      key.remove_prefix(key.size() - max_path);
      while (!key.empty() && (static_cast<unsigned char>(key.front()) & 0xc0) == 0x80) key.remove_prefix(1);
    }
    std::string quoted;
    append_clawshield_v1_string(key, quoted);
    return quoted.substr(1, quoted.size() - 2);
  }

  Node string_at(std::uint64_t offset) const {
    Node node;
    node.type = Type::string;
    std::memcpy(&node.size, strings_ + offset, sizeof node.size);
    node.text = strings_ + offset + sizeof node.size;
    return node;
  }

  void close_array(Node& array) {
    const auto start = static_cast<std::ptrdiff_t>(open_.back().start);
    array.type = Type::array;
    array.size = static_cast<std::uint32_t>(pending_.size() - open_.back().start);
    array.first = static_cast<std::uint32_t>(nodes_.size());
    nodes_.insert(nodes_.end(), pending_.begin() + start, pending_.end());
    pending_.resize(open_.back().start);
    open_.pop_back();
  }

  /// False where two members have the same key.
  bool close_object(Node& object) {
    const std::size_t start = open_.back().start;
    object.type = Type::object;
    object.size = static_cast<std::uint32_t>((pending_.size() - start) / 2);
    object.first = static_cast<std::uint32_t>(nodes_.size());
    const auto before = [this](const Candidate& a, const Candidate& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : compare_utf16(key(a), key(b)) < 0;
    };
    bool ascending = true, ascii = true;
    candidates_.clear();
    for (std::size_t at = start; at < pending_.size(); at += 2) {
      const std::string_view name = string_of(pending_[at]);
      candidates_.push_back({utf16_prefix(name), at});
      ascii = ascii && is_ascii(name);
      ascending = ascending && (at == start || before(candidates_.end()[-2], candidates_.back()));
    }
    if (ascending) {
      nodes_.insert(nodes_.end(), pending_.begin() + static_cast<std::ptrdiff_t>(start), pending_.end());
    } else {
      std::sort(candidates_.begin(), candidates_.end(), before);
      const auto same = std::adjacent_find(candidates_.begin(), candidates_.end(),
                                           [&](const Candidate& a, const Candidate& b) { return !before(a, b); });
      if (same != candidates_.end()) {
        duplicate_ = same->at;
        return false;
      }
      append_candidates();
    }
    if (!ascii) object.twice = repeat_by_code_point();
    pending_.resize(start);
    open_.pop_back();
    return true;
  }

  /// Where the order by code point differs from the order by UTF-16, appends the members in that order too.
  bool repeat_by_code_point() {
    const auto any_key = [this](std::uint8_t from, std::uint8_t to) {
      return std::any_of(candidates_.begin(), candidates_.end(),
                         [&](const Candidate& c) { return has_byte(key(c), from, to); });
    };
    if (!any_key(0xee, 0xef) || !any_key(0xf0, 0xf4)) return false;
    std::sort(candidates_.begin(), candidates_.end(),
              [this](const Candidate& a, const Candidate& b) { return key(a) < key(b); });
    append_candidates();
    return true;
  }

  void append_candidates() {
    for (const Candidate& candidate : candidates_) {
      nodes_.push_back(pending_[candidate.at]);
      nodes_.push_back(pending_[candidate.at + 1]);
    }
  }

  std::string_view key(const Candidate& candidate) const { return string_of(pending_[candidate.at]); }

  const std::uint64_t* tape_;
  const char* strings_;
  std::size_t max_depth_;
  std::vector<Node>& pending_;
  std::vector<Frame>& open_;
  std::vector<Candidate>& candidates_;
  std::vector<Node>& nodes_;
  std::size_t duplicate_ = 0;
};

Status malformed(std::string detail, int http = 0) { return {Code::malformed_request, std::move(detail), http}; }

Status too_large(std::size_t size, std::size_t limit) {
  return malformed("JSON text of " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit), 413);
}

Status say_where(std::string_view text, const ParseLimits& limits) {
  const std::optional<Fault> fault = first_fault(text, limits);
  if (!fault) return malformed("not strict JSON");
  return malformed("byte " + std::to_string(fault->offset) + ": " + std::string(fault->reason));
}

}  // namespace

struct Parser::Impl {
  simdjson::dom::parser simd;
  Workbench bench;
  std::unique_ptr<char[]> padded;
  std::size_t capacity = 0;

  /// The text with the padding that simdjson reads beyond it.
  const char* pad(std::string_view text) {
    const std::size_t needed = text.size() + simdjson::SIMDJSON_PADDING;
    if (needed > capacity) {
      capacity = 0;
      padded = std::make_unique_for_overwrite<char[]>(std::bit_ceil(needed));
      capacity = std::bit_ceil(needed);
    }
    std::copy(text.begin(), text.end(), padded.get());
    std::fill_n(padded.get() + text.size(), simdjson::SIMDJSON_PADDING, ' ');
    return padded.get();
  }

  bool read(std::string_view text, const ParseLimits& limits, simdjson::dom::document& document) {
    // simdjson's own limit must not be the tighter one; a text cannot be nested deeper than it is long.
    const std::size_t depth = std::min(limits.max_depth, text.size()) + 1;
    simdjson::error_code error = simdjson::SUCCESS;
    if (depth > simd.max_depth()) error = simd.allocate(std::max(simd.capacity(), text.size()), depth);
    if (error == simdjson::SUCCESS) error = simd.parse_into_document(document, pad(text), text.size(), false).error();
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    return error == simdjson::SUCCESS;
  }
};

Parser::Parser() : impl_(std::make_unique<Impl>()) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Status Parser::parse(std::string_view text, const ParseLimits& limits, Document& out) {
  if (out.tree_) out.tree_->nodes.clear();
  const std::size_t max_bytes = std::min(limits.max_bytes, simdjson::SIMDJSON_MAXSIZE_BYTES);
  if (text.size() > max_bytes) return too_large(text.size(), max_bytes);
  if (!out.tree_) out.tree_ = std::make_unique<Tree>();

  Tree& tree = *out.tree_;
  const bool has_mark = text.starts_with("\xef\xbb\xbf");  // newer versions of simdjson skip it
  if (has_mark || !impl_->read(text, limits, tree.source->document)) return say_where(text, limits);

  Builder builder(tree.source->document, limits, impl_->bench, tree.nodes);
  const Verdict verdict = builder.build();
  if (verdict == Verdict::strict) return Status::success();
  tree.nodes.clear();
  return verdict == Verdict::duplicate_key ? malformed("duplicate key at " + builder.duplicate_path())
                                           : say_where(text, limits);
}

Result<Document> parse(std::string_view text, const ParseLimits& limits) {
  Document document;
  if (Status status = Parser().parse(text, limits, document); !status.ok()) return status;
  return document;
}

}  // namespace openexec::canon
