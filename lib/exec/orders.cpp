// SPDX-License-Identifier: Apache-2.0
#include "exec/orders.hpp"

#include <algorithm>
#include <utility>

#include "answers/doubts.hpp"
#include "base/names.hpp"
#include "base/unwind.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/control_names.hpp"
#include "evidence/note.hpp"

namespace openexec::exec {
namespace {

/// An order that lifts a halt has a name of its own; the other controls are never lifted.
std::string_view order_name(ControlKind kind, bool stands) {
  return kind == ControlKind::halt && !stands ? control_names::resume : name(kind);
}

Status check(const ControlName& name, const Order& order) {
  const auto wrong = [](std::string_view member, std::string_view fault) {
    return Status(Code::invalid_argument, std::string(member).append(": ").append(fault));
  };
  if (Status status = check_who_and_why(order); !status.ok()) return status;
  if (const auto fault = base::tenant_fault(order.tenant); !order.tenant.empty() && !fault.empty())
    return wrong("tenant", fault);
  const bool confirms = name.kind == ControlKind::confirm_clock;
  if (confirms && !order.tenant.empty()) return wrong("tenant", "a clock is every tenant's; leave it out");
  if (const auto fault = base::label_fault(name.id); name.kind != ControlKind::halt && !confirms && !fault.empty())
    return wrong("id", fault);
  return Status::success();
}

}  // namespace

// It starts as overloaded, which says that nothing was done, and becomes store_failed when what tightens holds.
Outcome Orders::order(ControlKind kind, std::string_view id, bool stands, const Order& order) {
  Outcome outcome;
  outcome.code = Code::overloaded;
  const auto obey = [&] {
    const ControlName name{kind, std::string(id), std::string(order.tenant)};
    if (const Status no = check(name, order); no.ok()) {
      if (kind == ControlKind::confirm_clock)
        carry_out_confirmation(order, outcome);
      else
        carry_out(name, stands, order, outcome);
    } else {
      outcome.code = no.code();
      outcome.detail = no.detail();
    }
  };
  base::call_foreign(obey, [] {});
  outcome.http = http_status(outcome.code);
  const auto explain = [&] {
    if (outcome.detail.empty())
      outcome.detail = outcome.code == Code::overloaded ? "out of memory; nothing was ordered" : "an internal failure";
    outcome.result = error_text(outcome.code);
    outcome.receipt = receipt_of({}, outcome.result);
  };
  if (outcome.code != Code::ok) base::call_foreign(explain, [] {});
  return outcome;
}

/// An order with the entry that it leaves.
struct Orders::Ordered {
  Entry entry;
  Timestamp at;
  std::string json;
  std::string result;  ///< in display form
  bool lasts = true;

  void tell(std::uint64_t index, Outcome& outcome) {
    outcome.code = Code::ok;
    outcome.verdict = Verdict::control;
    outcome.result = std::move(result);
    outcome.receipt = std::move(entry.receipt);
    outcome.entry = std::move(json);
    outcome.entry_index = index;
    if (!lasts) outcome.detail = "the store keeps no orders: it lasts as long as this executor";
  }
};

Orders::Ordered Orders::write(ControlNote note) {
  Ordered ordered;
  Entry& entry = ordered.entry = recorder_.own_entry(Verdict::control, Code::ok);
  ordered.at = recorder_.stamp(entry);
  entry.control = std::move(note);
  std::string jcs;
  append_json(*entry.control, jcs);
  entry.result_hash = crypto::sha256(jcs);
  const Result<canon::Document> document = canon::parse(jcs);
  ordered.result = canon::display(document.value().root());
  entry.receipt = receipt_of({}, ordered.result);
  ordered.json = entry.to_json();
  return ordered;
}

void Orders::carry_out(const ControlName& name, bool stands, const Order& order, Outcome& outcome) {
  const bool halts = name.kind == ControlKind::halt;
  const bool ours = name.tenant.empty() || name.tenant == tenant_;
  if (halts && stands && ours) gate_.close();  // at once, whatever another order waits for
  const base::Lock lock(controls_.ordering());
  if (stands) {
    controls_.set(name, true);
    if (halts && ours) gate_.close();
    if (!halts) gate_.drain();
  }
  outcome.code = Code::store_failed;

  Ordered ordered = write({std::string(order_name(name.kind, stands)), name.id, name.tenant, std::string(order.who),
                           std::string(order.why)});
  const auto index = recorder_.keep({name, stands, ordered.json, ordered.at}, ordered.lasts);
  if (!index.ok() || !*index) {
    outcome.detail = (index.ok() ? "the store gave no place in the log" : index.status().detail()) +
                     (stands ? "; it holds in this executor all the same" : "; nothing was lifted");
    return;
  }
  if (stands) {
    controls_.recorded(name, **index);
  } else {
    controls_.set(name, false);
    if (!controls_.halted()) gate_.open();
  }
  ordered.tell(**index, outcome);
}

// It makes approvals valid again, so it is durable first, or does not happen.
void Orders::carry_out_confirmation(const Order& order, Outcome& outcome) {
  const base::Lock lock(controls_.ordering());
  const Timekeeper::Proposal proposal = time_.propose();
  const Result<Timestamp> latest = store_.latest();
  if (!latest.ok()) {
    outcome.code = Code::store_failed;
    outcome.detail = latest.status().detail() + "; nothing was confirmed";
    return;
  }
  const Confirmation next{confirmed_.serial + 1, proposal.wall, std::max({*latest, proposal.was, proposal.wall})};
  Ordered ordered = write({std::string(order_name(ControlKind::confirm_clock, true)),
                           {},
                           {},
                           std::string(order.who),
                           std::string(order.why),
                           proposal.wall,
                           proposal.was});
  outcome.code = Code::store_failed;
  const auto index = recorder_.keep({next.name(), true, ordered.json, proposal.wall}, ordered.lasts);
  if (!index.ok() || !*index) {
    outcome.detail =
        (index.ok() ? "the store gave no place in the log" : index.status().detail()) + "; nothing was confirmed";
    return;
  }
  time_.confirm(proposal);
  confirmed_ = next;
  ordered.tell(**index, outcome);
}

}  // namespace openexec::exec
