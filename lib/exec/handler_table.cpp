// SPDX-License-Identifier: Apache-2.0
#include <openexec/handler.hpp>

#include <algorithm>

#include "base/names.hpp"

namespace openexec {
namespace {

constexpr std::uint32_t most_retries = 1'000;

}  // namespace

Status HandlerTable::add(std::string action, Row row) {
  if (Status bad = base::check_action(action); !bad.ok()) return Status(Code::invalid_argument, bad.detail());
  if (!row.run && !row.start) return Status(Code::invalid_argument, "handler for " + action + ": empty");
  if (row.run && row.start)
    return Status(Code::invalid_argument, "handler for " + action + ": has both run and start; give one");
  if (row.retry_none > most_retries)
    return Status(Code::invalid_argument,
                  "handler for " + action + ": retry_none: must be 0 to " + std::to_string(most_retries));
  const auto [place, inserted] = rows_.try_emplace(std::move(action), std::move(row));
  if (!inserted) return Status(Code::invalid_argument, "handler for " + place->first + ": the action has one already");
  return Status::success();
}

bool HandlerTable::any_retries() const noexcept {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.second.retry_none != 0; });
}

const HandlerTable::Row* HandlerTable::find(std::string_view action) const {
  const auto place = rows_.find(action);
  return place == rows_.end() ? nullptr : &place->second;
}

}  // namespace openexec
