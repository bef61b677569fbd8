// SPDX-License-Identifier: Apache-2.0
#include "exec/recovery.hpp"

#include <string>

#include "answers/doubts.hpp"
#include "base/unwind.hpp"

namespace openexec::exec {
namespace {

struct Recovering {
  Recorder& recorder;
  const Config& config;
  const HandlerTable& handlers;
};

// A claim whose process died becomes in doubt, with a receipt; then its handler may say what took place.
Status settle_orphan(const Recovering& with, const NonceRecord& orphan, Recovery& found) {
  Entry entry = entry_of(orphan, with.config.executor);
  const auto end = [&](const HandlerResult& said) {
    Ending ending = with.recorder.judge(said);
    std::string json;
    const Timestamp at = with.recorder.stamp(entry);
    write_entry(entry, ending, json);
    add_remark(ending);
    const Seal seal{.tenant = orphan.tenant,
                    .nonce = orphan.nonce,
                    .exec_id = orphan.exec_id,
                    .state = ending.state,
                    .code = ending.code,
                    .effect = ending.effect,
                    .result = text_for_store(ending),
                    .entry = json,
                    .at = at,
                    .attempt = orphan.attempt};
    Operation operation{.what = &seal};
    with.recorder.submit({&operation, 1});
    entry.prior = operation.entry;
    return operation.status;
  };
  if (Status failed = end(HandlerResult::in_doubt({})); !failed.ok()) return failed;
  ++found.in_doubt;

  const HandlerTable::Row* handler = with.handlers.find(orphan.action);
  if (handler == nullptr || !handler->reconcile) return Status::success();
  const HandlerResult said = base::call_foreign(
      [&] {
        return handler->reconcile(
            {.exec_id = entry.exec_id, .action = orphan.action, .tenant = orphan.tenant, .attempt = orphan.attempt});
      },
      [] { return HandlerResult::in_doubt("the reconcile function threw"); });
  if (said.kind() == HandlerResult::Kind::in_doubt) return Status::success();
  if (Status failed = end(said); !failed.ok()) return failed;
  ++found.settled;
  return Status::success();
}

}  // namespace

Result<Recovery> recover(Recorder& recorder, const Config& config, const Parts& parts, const HandlerTable& handlers) {
  Recovery found;
  auto orphans = parts.store->orphans();
  if (!orphans.ok()) return orphans.status();
  for (const NonceRecord& orphan : *orphans)
    if (Status failed = settle_orphan({recorder, config, handlers}, orphan, found); !failed.ok()) return failed;

  auto unlogged = parts.store->unlogged();
  if (!unlogged.ok()) return unlogged.status();
  for (const Unlogged& line : *unlogged) {
    if (const auto index = recorder.feed_log(line.tenant, line.nonce, line.exec_id, line.entry); !index.ok())
      return index.status();
    ++found.relogged;
  }
  return found;
}

}  // namespace openexec::exec
