// SPDX-License-Identifier: Apache-2.0
#include "gate/confirmation.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <openexec/receipt.hpp>

#include "evidence/control_names.hpp"

namespace openexec::exec {
namespace {

constexpr std::size_t newest_entries = 256;  // times of later entries are later, but for those that overtake each other

/// `serial:mark:seen`.
std::optional<Confirmation> read(std::string_view id) {
  std::array<std::int64_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string_view text = id.substr(0, i + 1 < numbers.size() ? id.find(':') : id.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    id.remove_prefix(std::min(text.size() + 1, id.size()));
  }
  if (numbers[0] <= 0) return std::nullopt;
  return Confirmation{static_cast<std::uint64_t>(numbers[0]), {numbers[1]}, {numbers[2]}};
}

}  // namespace

ControlName Confirmation::name() const {
  return {ControlKind::confirm_clock,
          std::to_string(serial) + ":" + std::to_string(mark.micros) + ":" + std::to_string(seen.micros),
          {}};
}

Confirmation take_confirmations(std::vector<ControlName>& standing) {
  Confirmation newest;
  for (const ControlName& name : standing) {
    if (name.kind != ControlKind::confirm_clock) continue;
    const auto confirmation = read(name.id);
    if (confirmation && confirmation->serial > newest.serial) newest = *confirmation;
  }
  std::erase_if(standing, [](const ControlName& name) { return name.kind == ControlKind::confirm_clock; });
  return newest;
}

Result<Timestamp> mark_of(Timestamp latest, const Confirmation& confirmation, ReceiptLog& log) {
  if (confirmation.serial == 0 || latest > confirmation.seen) return latest;
  const Result<std::uint64_t> size = log.size();
  if (!size.ok()) return size.status();
  const std::uint64_t first = *size - std::min<std::uint64_t>(*size, newest_entries);
  const Result<std::vector<LogLine>> lines = log.read(first, newest_entries);
  if (!lines.ok()) return lines.status();
  Timestamp mark = confirmation.mark;
  for (auto line = lines->rbegin(); line != lines->rend(); ++line) {
    const Result<Entry> entry = Entry::from_json(line->json);
    if (!entry.ok()) return latest;  // nothing is revived on the word of a log that cannot be read
    if (entry->control && entry->control->kind == control_names::confirm_clock) break;
    mark = std::max(mark, entry->trusted_at.value_or(entry->observed_at));
  }
  return std::min(mark, latest);
}

}  // namespace openexec::exec
