// SPDX-License-Identifier: Apache-2.0
// Entries, read back. What a log holds is read as strictly as it was written: in each version, one entry has one text.
#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <new>
#include <openexec/receipt.hpp>

#include "base/names.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "evidence/control_names.hpp"

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
constexpr std::array effects{Effect::none, Effect::confirmed, Effect::unknown};
constexpr std::array written_forms{ResultForm::text, ResultForm::bytes};  // json is what an absent form means

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

/// Accepts only the spelling that to_json() writes.
bool read_time(View value, Timestamp& out) {
  if (!value.is(Type::string)) return false;
  const auto time = base::parse_time(value.string(), base::TimeForm::rfc3339);
  if (!time || base::format_time(*time) != value.string()) return false;
  out = *time;
  return true;
}

bool is_instance(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Accepts sorted keys without duplicates, so that a set of keys has one text.
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

bool read(View value, std::optional<Timestamp>& out) { return read_time(value, out.emplace()); }

/// The members of a control of one kind besides who and why.
struct ControlRule {
  enum class Part : std::uint8_t { absent, optional, present };
  std::string_view kind;
  std::uint32_t since;  ///< the first version of entries with this kind
  Part id;
  Part tenant;
  Part time;
  Part was;

  [[nodiscard]] bool fits(const ControlNote& note) const {
    const auto as_ruled = [](Part part, bool there) {
      return part == Part::optional || (part == Part::present) == there;
    };
    return as_ruled(id, !note.id.empty()) && as_ruled(tenant, !note.tenant.empty()) &&
           as_ruled(time, note.time.has_value()) && as_ruled(was, note.was.has_value());
  }
};

using Part = ControlRule::Part;
constexpr std::array controls{
    ControlRule{control_names::halt, 1, Part::absent, Part::optional, Part::absent, Part::absent},
    ControlRule{control_names::resume, 1, Part::absent, Part::optional, Part::absent, Part::absent},
    ControlRule{control_names::revoke_approval, 1, Part::present, Part::optional, Part::absent, Part::absent},
    ControlRule{control_names::revoke_key, 1, Part::present, Part::optional, Part::absent, Part::absent},
    ControlRule{control_names::adopt, 2, Part::optional, Part::absent, Part::present, Part::absent},
    ControlRule{control_names::settle, 2, Part::absent, Part::absent, Part::absent, Part::absent},
    ControlRule{control_names::confirm_clock, 2, Part::absent, Part::absent, Part::present, Part::present},
};

bool read_control(View value, std::uint32_t version, ControlNote& out) {
  if (!value.is(Type::object)) return false;
  const auto member = [&](std::string_view key) { return value.find(key).value_or(View()); };
  const auto maybe = [&](std::string_view key, std::optional<Timestamp>& into) {
    const auto found = value.find(key);
    return !found || read(*found, into);
  };
  if (!read_or_null(member("id"), out.id) || !read(member("kind"), out.kind) ||
      !read_or_null(member("tenant"), out.tenant) || !maybe("time", out.time) || !maybe("was", out.was) ||
      !read(member("who"), out.who) || !read(member("why"), out.why))
    return false;
  const auto rule =
      std::find_if(controls.begin(), controls.end(), [&](const auto& each) { return each.kind == out.kind; });
  return rule != controls.end() && rule->since <= version && rule->fits(out);
}

bool is_second(const Entry& entry) { return entry.version == 2; }

/// Whether the entry may be a settlement, which has a control with the operator.
bool may_be_settlement(const Entry& entry) {
  return is_second(entry) &&
         (entry.verdict == Verdict::executed || entry.verdict == Verdict::failed || entry.verdict == Verdict::in_doubt);
}

enum class Presence : std::uint8_t { never, optional, always };
Presence always(const Entry&) { return Presence::always; }
Presence since_second(const Entry& entry) { return is_second(entry) ? Presence::optional : Presence::never; }
Presence of_control(const Entry& entry) {
  if (entry.verdict == Verdict::control) return Presence::always;
  return may_be_settlement(entry) ? Presence::optional : Presence::never;
}
Presence of_suppressed(const Entry& entry) {
  return entry.verdict == Verdict::suppressed ? Presence::always : Presence::never;
}

/// One member of an entry.
struct Member {
  std::string_view name;
  std::string_view rule;
  bool (*read)(View value, Entry& out);
  Presence (*presence)(const Entry& entry) = always;  ///< judged by version and verdict
};

constexpr std::array members{
    // First, because these two decide which other members there are.
    Member{"version", "not 1 or 2",
           [](View value, Entry& out) {
             if (!value.is(Type::integer) || (value.integer() != 1 && value.integer() != 2)) return false;
             out.version = static_cast<std::uint32_t>(value.integer());
             return true;
           }},
    Member{"verdict", "not the name of a verdict",
           [](View value, Entry& out) { return read_name(value, verdicts, out.verdict); }},
    Member{"action", "not an action's name, nor null",
           [](View value, Entry& out) {
             return read_or_null(value, out.action) && (value.is(Type::null) || base::check_action(out.action).ok());
           }},
    Member{"approval", "not an approval's note, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.approval); }},
    Member{"attempt", "not the number of a later attempt",
           [](View value, Entry& out) {
             std::optional<std::uint32_t> number;
             if (!read(value, number) || *number < 2) return false;
             out.attempt = *number;
             return true;
           },
           since_second},
    Member{"code", "not the name of a code", [](View value, Entry& out) { return read_code(value, out.code); }},
    Member{"control", "not an order that was given",
           [](View value, Entry& out) { return read_control(value, out.version, out.control.emplace()); }, of_control},
    Member{"count", "not a count", [](View value, Entry& out) { return read(value, out.count); }, of_suppressed},
    Member{"effect", "not the name of an effect",
           [](View value, Entry& out) { return read_name(value, effects, out.effect); }},
    Member{"epoch", "not a number from 1 on",
           [](View value, Entry& out) { return read(value, out.epoch) && out.epoch != 0; }, since_second},
    Member{"exec_id", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return value.is(Type::null) || read_hex(value, out.exec_id); }},
    Member{"executor", "not a string", [](View value, Entry& out) { return read(value, out.executor); }},
    Member{"instance", "not 32 lower-case hex digits",
           [](View value, Entry& out) { return read(value, out.instance) && is_instance(out.instance); }, since_second},
    Member{"nonce", "not a nonce, nor null",
           [](View value, Entry& out) {
             return read_or_null(value, out.nonce) && (value.is(Type::null) || base::check_nonce(out.nonce).ok());
           }},
    Member{"observed_at", "not a time", [](View value, Entry& out) { return read_time(value, out.observed_at); }},
    Member{"prior", "not an index, nor null", [](View value, Entry& out) { return read_or_null(value, out.prior); }},
    Member{"proposal", "not 64 lower-case hex digits",
           [](View value, Entry& out) { return read(value, out.proposal.emplace()); }, since_second},
    Member{"receipt", "not 64 lower-case hex digits",
           [](View value, Entry& out) { return read_hex(value, out.receipt); }},
    Member{"request_hash", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.request_hash); }},
    Member{"result_form", "neither text nor bytes",
           [](View value, Entry& out) { return read_name(value, written_forms, out.result_form); }, since_second},
    Member{"result_hash", "not 64 lower-case hex digits, nor null",
           [](View value, Entry& out) { return read_or_null(value, out.result_hash); }},
    Member{"session", "not 64 lower-case hex digits",
           [](View value, Entry& out) { return read(value, out.session.emplace()); }, since_second},
    Member{"tenant", "not a string", [](View value, Entry& out) { return read(value, out.tenant); }},
    Member{"trusted_at", "not a time", [](View value, Entry& out) { return read(value, out.trusted_at); },
           since_second},
};

Status read_members(View object, Entry& entry) {
  for (const Member& member : members) {
    const auto value = object.find(member.name);
    const Presence presence = member.presence(entry);
    if (!value && presence == Presence::always) return wrong(member.name, "missing");
    if (value && presence == Presence::never) return wrong(member.name, "has no place in such an entry");
    if (value && !member.read(*value, entry)) return wrong(member.name, member.rule);
  }
  return Status::success();
}

/// What the members of version 2 say of each other.
Status check_second(const Entry& entry) {
  const bool names_execution = !entry.exec_id.empty();
  const bool is_control = entry.verdict == Verdict::control;
  if (is_control && names_execution) return wrong("exec_id, action, nonce", "a control names no execution");
  if (entry.control && (entry.control->kind == control_names::settle) == is_control)
    return wrong("control", "a settlement has the verdict that it gives, and every other control is one");
  if (entry.control && !is_control && (!entry.prior || !names_execution))
    return wrong("control", "a settlement names the execution and the entry that it settles");
  if (entry.attempt != 1 && !names_execution) return wrong("attempt", "of no execution");
  if (entry.result_form != ResultForm::json && (!entry.result_hash || is_control))
    return wrong("result_form", "of no result");
  if (entry.instance.empty() != (entry.epoch == 0)) return wrong("instance, epoch", "together or not at all");
  if (entry.verdict != Verdict::suppressed) return Status::success();
  if (entry.count == 0) return wrong("count", "an entry that stands for nothing");
  if ((entry.code == Code::overloaded) == names_execution)
    return wrong("code", "refusals that were suppressed are overloaded, and replays are not");
  if (!names_execution && entry.prior) return wrong("prior", "of no execution");
  return Status::success();
}

}  // namespace

Result<Entry> Entry::from_json(std::string_view json) try {
  const Result<canon::Document> document = canon::parse(json, {max_entry_bytes, max_entry_depth});
  if (!document.ok()) return Status(Code::invalid_argument, "entry: " + document.status().detail());
  const View object = document->root();
  if (!object.is(Type::object)) return Status(Code::invalid_argument, "entry: not an object");
  Entry entry;
  if (Status status = read_members(object, entry); !status.ok()) return status;
  if (entry.exec_id.empty() != entry.action.empty() || entry.exec_id.empty() != entry.nonce.empty())
    return wrong("exec_id, action, nonce", "null together or not at all");
  if (Status status = is_second(entry) ? check_second(entry) : Status::success(); !status.ok()) return status;
  // Another member, another order, another spelling of the same: none of these is what was written.
  if (entry.to_json() != json) return Status(Code::invalid_argument, "entry: not in the one form that an entry has");
  return entry;
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

}  // namespace openexec
