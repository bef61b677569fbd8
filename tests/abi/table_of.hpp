// SPDX-License-Identifier: Apache-2.0
// A C++ store or log, behind a table of C callbacks: the other way round than capi/foreign.hpp.
#pragma once

#include <openexec.h>

#include <memory>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>
#include <string>
#include <utility>

#include "c.hpp"

namespace openexec::test::c {

inline Digest digest(const openexec_digest& from) {
  Digest to;
  std::copy(std::begin(from.bytes), std::end(from.bytes), to.begin());
  return to;
}
inline openexec_digest digest(const Digest& from) {
  openexec_digest to;
  std::copy(from.begin(), from.end(), std::begin(to.bytes));
  return to;
}
inline std::string_view view(openexec_str from) { return {from.data, from.size}; }

inline openexec_code say(const Status& status, openexec_sink* detail) {
  if (!status.ok()) openexec_sink_write(detail, str(status.detail()));
  return static_cast<openexec_code>(status.code());
}

inline openexec_code give(const NonceRecord& record, openexec_records* to) {
  const openexec_record given{sizeof given,
                              str(record.tenant),
                              str(record.nonce),
                              str(record.action),
                              digest(record.exec_id),
                              digest(record.request_hash),
                              digest(record.approval_digest),
                              str(record.approval),
                              str(record.result),
                              record.entry ? static_cast<std::int64_t>(*record.entry) : -1,
                              static_cast<openexec_state>(record.state),
                              static_cast<openexec_code>(record.code),
                              static_cast<openexec_effect>(record.effect),
                              0};
  return openexec_records_put(to, &given);
}

inline openexec_code give(const Result<std::vector<LogLine>>& lines, openexec_lines* to, openexec_sink* detail) {
  if (!lines.ok()) return say(lines.status(), detail);
  for (const LogLine& line : *lines) {
    const openexec_log_line given{sizeof given, line.index, digest(line.leaf_hash), str(line.json)};
    if (const openexec_code code = openexec_lines_put(to, &given); code != OPENEXEC_OK) return code;
  }
  return OPENEXEC_OK;
}

/// The callbacks of a log; `of` finds it from `self`.
template <ReceiptLog& (*of)(void* self)>
openexec_log_table log_callbacks() {
  openexec_log_table table{};
  table.size = sizeof table;
  table.append = [](void* self, const openexec_new_entry* entry, uint64_t* index, openexec_sink* detail) {
    const auto place =
        of(self).append({view(entry->json), digest(entry->exec_id), digest(entry->attempt), {entry->at_us}});
    if (place.ok()) *index = *place;
    return say(place.status(), detail);
  };
  table.count = [](void* self, uint64_t* entries, openexec_sink* detail) {
    const auto size = of(self).size();
    if (size.ok()) *entries = *size;
    return say(size.status(), detail);
  };
  table.read = [](void* self, uint64_t first, uint64_t count, openexec_lines* lines, openexec_sink* detail) {
    return give(of(self).read(first, count), lines, detail);
  };
  table.find = [](void* self, const openexec_digest* exec_id, uint64_t count, openexec_lines* lines,
                  openexec_sink* detail) {
    return give(of(self).find_entries(digest(*exec_id), count), lines, detail);
  };
  return table;
}

inline ReceiptLog& kept_log(void* self) { return **static_cast<std::shared_ptr<ReceiptLog>*>(self); }

/// A log behind a table, whose `self` is to be a std::shared_ptr<ReceiptLog>*.
inline openexec_log_table log_table() { return log_callbacks<kept_log>(); }

/// A store behind a table. OpenExec owns one reference from set to close.
struct Store : Closable {
  explicit Store(std::shared_ptr<NonceStore> store) : inner(std::move(store)) {}
  std::shared_ptr<NonceStore> inner;
  openexec_log_table its_log{};

  static NonceStore& of(void* self) { return *static_cast<Store*>(self)->inner; }
  static ReceiptLog& log_of(void* self) { return *of(self).log(); }

  /// Views this object. Where the store is its own log, so is the table.
  openexec_store_table table() {
    openexec_store_table table{};
    table.size = sizeof table;
    table.self = this;
    table.close = [](void* self) { ++static_cast<Store*>(self)->closes; };
    table.claim = [](void* self, const openexec_claim* claim, openexec_claim_answer* claimed,
                     openexec_records* existing, openexec_sink* detail) {
      const auto answer = of(self).claim({.tenant = view(claim->tenant),
                                          .nonce = view(claim->nonce),
                                          .action = view(claim->action),
                                          .exec_id = digest(claim->exec_id),
                                          .request_hash = digest(claim->request_hash),
                                          .approval_id = view(claim->approval_id),
                                          .approval_digest = digest(claim->approval_digest),
                                          .approval = view(claim->approval),
                                          .at = {claim->at_us},
                                          .predecessor = view(claim->predecessor),
                                          .max_per_minute = claim->max_per_minute});
      if (!answer.ok()) return say(answer.status(), detail);
      *claimed = static_cast<openexec_claim_answer>(answer->kind);
      return answer->record ? give(*answer->record, existing) : openexec_code{OPENEXEC_OK};
    };
    table.find = [](void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                    openexec_sink* detail) {
      const auto record = of(self).find(view(*tenant), view(*nonce));
      if (!record.ok()) return say(record.status(), detail);
      return record->has_value() ? give(**record, found) : openexec_code{OPENEXEC_OK};
    };
    table.seal = [](void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail) {
      const auto index = of(self).seal({view(seal->tenant),
                                        view(seal->nonce),
                                        digest(seal->exec_id),
                                        static_cast<NonceState>(seal->state),
                                        Code{seal->code},
                                        static_cast<Effect>(seal->effect),
                                        view(seal->result),
                                        view(seal->entry),
                                        {seal->at_us}});
      if (index.ok() && index->has_value()) *entry = static_cast<std::int64_t>(**index);
      return say(index.status(), detail);
    };
    table.orphans = [](void* self, openexec_records* orphans, openexec_sink* detail) {
      const auto records = of(self).orphans();
      if (!records.ok()) return say(records.status(), detail);
      for (const NonceRecord& record : *records)
        if (const openexec_code code = give(record, orphans); code != OPENEXEC_OK) return code;
      return openexec_code{OPENEXEC_OK};
    };
    table.pin = [](void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail) {
      return say(of(self).pin(view(*key), view(*value)), detail);
    };
    table.latest = [](void* self, int64_t* at_us, openexec_sink* detail) {
      const auto latest = of(self).latest();
      if (latest.ok()) *at_us = latest->micros;
      return say(latest.status(), detail);
    };
    table.ready = [](void* self, openexec_sink* detail) { return say(of(self).ready(), detail); };
    table.unlogged = [](void* self, openexec_unlogged* unlogged, openexec_sink* detail) {
      const auto entries = of(self).unlogged();
      if (!entries.ok()) return say(entries.status(), detail);
      for (const Unlogged& entry : *entries) {
        const openexec_unlogged_entry given{sizeof given, str(entry.tenant), str(entry.nonce), digest(entry.exec_id),
                                            str(entry.entry)};
        if (const openexec_code code = openexec_unlogged_put(unlogged, &given); code != OPENEXEC_OK) return code;
      }
      return openexec_code{OPENEXEC_OK};
    };
    table.logged = [](void* self, const openexec_str* tenant, const openexec_str* nonce, uint64_t index,
                      openexec_sink* detail) {
      return say(of(self).logged(view(*tenant), view(*nonce), index), detail);
    };
    table.keeps_terms = inner->keeps_terms() ? 1 : 0;
    table.control = [](void* self, const openexec_control_change* change, int64_t* entry, openexec_sink* detail) {
      const auto index = of(self).control({{static_cast<ControlKind>(change->control), std::string(view(change->id)),
                                            std::string(view(change->tenant))},
                                           change->active == 1,
                                           view(change->entry),
                                           {change->at_us}});
      if (index.ok() && index->has_value()) *entry = static_cast<std::int64_t>(**index);
      return say(index.status(), detail);
    };
    table.controls = [](void* self, openexec_controls* controls, openexec_sink* detail) {
      const auto standing = of(self).controls();
      if (!standing.ok()) return say(standing.status(), detail);
      for (const ControlName& name : *standing) {
        const openexec_control_name given{sizeof given, static_cast<openexec_control>(name.kind), 0, str(name.id),
                                          str(name.tenant)};
        if (const openexec_code code = openexec_controls_put(controls, &given); code != OPENEXEC_OK) return code;
      }
      return openexec_code{OPENEXEC_OK};
    };
    table.floor = [](void* self, int64_t* floor_us, openexec_sink* detail) {
      const auto floor = of(self).floor();
      if (!floor.ok()) return say(floor.status(), detail);
      if (*floor) *floor_us = (*floor)->micros;
      return openexec_code{OPENEXEC_OK};
    };
    if (inner->log() == nullptr) return table;

    its_log = log_callbacks<log_of>();  // they get the store's `self`, and find the log through it
    table.log = &its_log;
    return table;
  }

  void set_on(openexec_config* config) {
    const openexec_store_table callbacks = table();
    Error error;
    must(openexec_config_set_store(config, &callbacks, error.out()), error);
  }
};

}  // namespace openexec::test::c
