// Entries, read back. What a log holds is read as strictly as it was written: one entry, one text.
#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <new>
#include <openexec/receipt.hpp>

#include "base/names.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"

namespace openexec {
namespace {

using canon::Type;
using canon::View;

constexpr std::size_t max_entry_bytes = 65'535;
constexpr std::size_t max_entry_depth = 3;  // the keys of an approval

Status wrong(std::string_view member, std::string_view breach) {
  return {Code::invalid_argument, std::string("entry: ").append(member).append(": ").append(breach)};
}

// Readers of one value each: whether it has the type, and then the value.

bool read(View value, std::string& out) {
  if (value.is(Type::string)) out = value.string();
  return value.is(Type::string);
}

bool read(View value, Digest& out) { return value.is(Type::string) && from_hex(value.string(), out); }

bool read(View value, std::uint64_t& out) {
  if (!value.is(Type::integer) || value.integer() < 0) return false;
  out = static_cast<std::uint64_t>(value.integer());
  return true;
}

bool read(View value, std::optional<std::uint32_t>& out) {
  std::uint64_t number = 0;
  if (!read(value, number) || number > std::numeric_limits<std::uint32_t>::max()) return false;
  out = static_cast<std::uint32_t>(number);
  return true;
}

bool read_hex(View value, std::string& out) {
  Digest digest;
  return read(value, digest) && read(value, out);
}

bool read(View value, ApprovalNote& out);

/// Null leaves the member as it is: empty, zero or absent, which is written as null.
template <class T>
bool read_or_null(View value, T& out) {
  return value.is(Type::null) || read(value, out);
}

template <class T>
bool read_or_null(View value, std::optional<T>& out) {
  return value.is(Type::null) || read(value, out.emplace());
}

constexpr std::array verdicts{Verdict::refused,  Verdict::executed,   Verdict::failed, Verdict::replayed,
                              Verdict::in_doubt, Verdict::suppressed, Verdict::control};
constexpr std::array<std::string_view, 4> controls{"halt", "resume", "revoke_approval", "revoke_key"};
constexpr std::array effects{Effect::none, Effect::confirmed, Effect::unknown};

template <class Enum, std::size_t count>
bool read_name(View value, const std::array<Enum, count>& all, Enum& out) {
  if (!value.is(Type::string)) return false;
  const auto found = std::find_if(all.begin(), all.end(), [&](Enum each) { return name(each) == value.string(); });
  if (found != all.end()) out = *found;
  return found != all.end();
}

bool read_code(View value, Code& out) {
  const auto code = value.is(Type::string) ? code_from_name(value.string()) : std::nullopt;
  out = code.value_or(out);
  return code.has_value();
}

bool read_time(View value, Timestamp& out) {
  const auto time = value.is(Type::string) ? base::parse_time(value.string(), base::Offset::required) : std::nullopt;
  out = time.value_or(out);
  return time.has_value();
}

/// Sorted, so that a set of keys has one text; and each once, so that none counts twice.
bool read_keys(View value, std::vector<std::string>& out) {
  if (!value.is(Type::array)) return false;
  for (const auto [unused, key] : value)
    if (!read(key, out.emplace_back())) return false;
  return std::adjacent_find(out.begin(), out.end(), std::greater_equal<>()) == out.end();
}

bool read(View value, ApprovalNote& out) {
  if (!value.is(Type::object)) return false;
  const auto member = [&](std::string_view key) { return value.find(key).value_or(View()); };
  const auto maybe = [&](std::string_view key, auto& into) {
    const auto found = value.find(key);
    return !found || read(*found, into);
  };
  return read_or_null(member("digest"), out.digest) && read_or_null(member("id"), out.id) &&
         read_keys(member("keys"), out.keys) && read(member("profile"), out.profile) &&
         maybe("approval_scope", out.approval_scope) && maybe("request_id", out.request_id) &&
         maybe("step", out.step) && maybe("trace_id", out.trace_id);
}

bool read(View value, ControlNote& out) {
  if (!value.is(Type::object)) return false;
  const auto member = [&](std::string_view key) { return value.find(key).value_or(View()); };
  return read_or_null(member("id"), out.id) && read(member("kind"), out.kind) &&
         read_or_null(member("tenant"), out.tenant) && read(member("who"), out.who) && read(member("why"), out.why) &&
         std::find(controls.begin(), controls.end(), out.kind) != controls.end() &&
         out.id.empty() == (out.kind == "halt" || out.kind == "resume");
}

/// One member of an entry.
struct Member {
  std::string_view name;
  std::string_view rule;
  bool (*read)(View value, Entry& out);
  bool (*is_of)(const Entry& entry) = [](const Entry&) { return true; };  ///< which entries have it
};

constexpr std::array members{
    // First, because it decides which others there are.
    Member{"verdict", "not the name of a verdict",
           [](View value, Entry& out) { return read_name(value, verdicts, out.verdict); }},
    Member{"action", "not an action's name, nor null",
           [](View value, Entry& out) {
             return read_or_null(value, out.action) && (value.is(Type::null) || base::check_action(out.action).ok());
           }},
    Member{"approval", "not an approval's note, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.approval); }},
    Member{"code", "not the name of a code", [](View value, Entry& out) { return read_code(value, out.code); }},
    Member{"control", "not an order that was given", [](View value, Entry& out) { return read(value, out.control.emplace()); },
           [](const Entry& entry) { return entry.verdict == Verdict::control; }},
    Member{"count", "not a count", [](View value, Entry& out) { return read(value, out.count); },
           [](const Entry& entry) { return entry.verdict == Verdict::suppressed; }},
    Member{"effect", "not the name of an effect",
           [](View value, Entry& out) { return read_name(value, effects, out.effect); }},
    Member{"exec_id", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return value.is(Type::null) || read_hex(value, out.exec_id); }},
    Member{"executor", "not a string", [](View value, Entry& out) { return read(value, out.executor); }},
    Member{"nonce", "not a nonce, nor null",
           [](View value, Entry& out) {
             return read_or_null(value, out.nonce) && (value.is(Type::null) || base::check_nonce(out.nonce).ok());
           }},
    Member{"observed_at", "not a time", [](View value, Entry& out) { return read_time(value, out.observed_at); }},
    Member{"prior", "not an index, nor null", [](View value, Entry& out) { return read_or_null(value, out.prior); }},
    Member{"receipt", "not 64 lower-case hex digits",
           [](View value, Entry& out) { return read_hex(value, out.receipt); }},
    Member{"request_hash", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.request_hash); }},
    Member{"result_hash", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.result_hash); }},
    Member{"tenant", "not a string", [](View value, Entry& out) { return read(value, out.tenant); }},
    Member{"version", "not 1", [](View value, Entry&) { return value.is(Type::integer) && value.integer() == 1; }},
};

}  // namespace

Result<Entry> Entry::from_json(std::string_view json) try {
  const Result<canon::Document> document = canon::parse(json, {max_entry_bytes, max_entry_depth});
  if (!document.ok()) return Status(Code::invalid_argument, "entry: " + document.status().detail());
  const View object = document->root();
  if (!object.is(Type::object)) return Status(Code::invalid_argument, "entry: not an object");
  Entry entry;
  for (const Member& member : members) {
    if (!member.is_of(entry)) continue;
    const auto value = object.find(member.name);
    if (!value) return wrong(member.name, "missing");
    if (!member.read(*value, entry)) return wrong(member.name, member.rule);
  }
  if (entry.exec_id.empty() != entry.action.empty() || entry.exec_id.empty() != entry.nonce.empty())
    return wrong("exec_id, action, nonce", "null together or not at all");
  // Another member, another order, another spelling of the same: none of these is what was written.
  if (entry.to_json() != json) return Status(Code::invalid_argument, "entry: not in the one form that an entry has");
  return entry;
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

}  // namespace openexec
