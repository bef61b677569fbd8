#include <openexec/handler.hpp>

#include "base/names.hpp"

namespace openexec {

Status HandlerTable::add(std::string action, Row row) {
  if (Status bad = base::check_action(action); !bad.ok()) return Status(Code::invalid_argument, bad.detail());
  if (!row.run) return Status(Code::invalid_argument, "handler for " + action + ": empty");
  const auto [place, inserted] = rows_.try_emplace(std::move(action), std::move(row));
  if (!inserted) return Status(Code::invalid_argument, "handler for " + place->first + ": the action has one already");
  return Status::success();
}

const HandlerTable::Row* HandlerTable::find(std::string_view action) const {
  const auto place = rows_.find(action);
  return place == rows_.end() ? nullptr : &place->second;
}

}  // namespace openexec
