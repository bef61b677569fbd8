// SPDX-License-Identifier: Apache-2.0
#include "gate/controls.hpp"

#include <algorithm>
#include <utility>

namespace openexec::exec {

Controls::Controls(std::string tenant, std::vector<ControlName> standing)
    : tenant_(std::move(tenant)), standing_(standing.begin(), standing.end()) {
  const auto revokes = [&](const ControlName& name) { return name.kind != ControlKind::halt && concerns_us(name); };
  if (std::any_of(standing_.begin(), standing_.end(), revokes)) gather();
}

void Controls::set(const ControlName& name, bool stands) {
  const base::Lock lock(mutex_);
  if (stands)
    standing_.insert(name);
  else
    standing_.erase(name);
  // Though it may have stood before: without memory for this, an earlier order stands and does not count yet.
  if (name.kind != ControlKind::halt && concerns_us(name)) gather();
}

void Controls::recorded(const ControlName& name, std::uint64_t entry) {
  const base::Lock lock(mutex_);
  auto node = standing_.extract(name);
  if (node.empty()) return;
  node.value().entry = entry;
  standing_.insert(std::move(node));
}

bool Controls::halted() const {
  const base::Lock lock(mutex_);
  return standing_.count({ControlKind::halt, {}, {}}) != 0 || standing_.count({ControlKind::halt, {}, tenant_}) != 0;
}

std::vector<ControlName> Controls::standing() const {
  const base::Lock lock(mutex_);
  return {standing_.begin(), standing_.end()};
}

Revocations Controls::revocations() const {
  const base::Lock lock(mutex_);
  return revocations_;
}

void Controls::gather() {
  std::vector<std::string> keys;
  std::vector<std::string> approvals;
  for (const ControlName& name : standing_) {
    if (name.kind == ControlKind::halt || !concerns_us(name)) continue;
    (name.kind == ControlKind::revoke_key ? keys : approvals).push_back(name.id);
  }
  revocations_ = Revocations(std::move(keys), std::move(approvals));
  epoch_.fetch_add(1);
}

}  // namespace openexec::exec
