/* SPDX-License-Identifier: Apache-2.0 */
#include "shims.h"

#include "_cgo_export.h"

/* Go's handles are numbers, never pointers to its memory: C keeps nothing that Go's collector could move or free. */
#define HANDLE(self) ((uintptr_t)(self))
#define SELF(handle) ((void*)(handle))
/* Functions that Go exports know no const. */
#define LOOSE(type, pointer) ((type*)(pointer))

static _Thread_local uintptr_t current;

uintptr_t oe_enter(uintptr_t frame) {
  const uintptr_t before = current;
  current = frame;
  return before;
}

void oe_read(oe_answered* answered) {
  const openexec_outcome* outcome = answered->outcome;
  if (outcome == NULL) {
    return;
  }
  answered->code = openexec_outcome_code(outcome);
  answered->verdict = openexec_outcome_verdict(outcome);
  answered->effect = openexec_outcome_effect(outcome);
  answered->advice = openexec_outcome_advice(outcome);
  answered->result_form = openexec_outcome_result_form(outcome);
  answered->replayed = openexec_outcome_replayed(outcome);
  answered->attempt = openexec_outcome_attempt(outcome);
  answered->may_retry = openexec_outcome_may_retry(outcome);
  answered->entry_index = openexec_outcome_entry_index(outcome);
  answered->exec_id = openexec_outcome_exec_id(outcome);
  answered->action = openexec_outcome_action(outcome);
  answered->result = openexec_outcome_result(outcome);
  answered->receipt = openexec_outcome_receipt(outcome);
  answered->detail = openexec_outcome_detail(outcome);
  answered->entry = openexec_outcome_entry(outcome);
  answered->proof = openexec_outcome_proof(outcome);
}

static void closes(void* self) { oeClose(HANDLE(self)); }

/* --- handlers --- */

static openexec_answer runs(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail) {
  return oeRun(HANDLE(self), current, LOOSE(openexec_invocation, call), result, detail);
}

static openexec_answer reconciles(void* self, const openexec_settlement* settlement, openexec_sink* result,
                                  openexec_sink* detail) {
  return oeReconcile(HANDLE(self), LOOSE(openexec_settlement, settlement), result, detail);
}

static openexec_code costs(void* self, const openexec_cost_query* query, int64_t* micro_usd, openexec_sink* detail) {
  return oeCost(HANDLE(self), LOOSE(openexec_cost_query, query), micro_usd, detail);
}

openexec_code oe_add_handler(openexec_config* config, openexec_str action, uintptr_t self, int64_t deadline_ms,
                             int32_t can_reconcile, int32_t has_cost, openexec_str schema, uint32_t retries,
                             openexec_error** error) {
  const openexec_handler_table table = {.size = sizeof table,
                                        .self = SELF(self),
                                        .close = closes,
                                        .run = runs,
                                        .reconcile = can_reconcile ? reconciles : NULL,
                                        .deadline_ms = deadline_ms,
                                        .cost = has_cost ? costs : NULL,
                                        .payload_schema = schema,
                                        .retry_none = retries};
  return openexec_config_add_handler(config, action, &table, error);
}

/* --- logs --- */

static openexec_code appends(void* self, const openexec_new_entry* entry, uint64_t* index, openexec_sink* detail) {
  return oeAppend(HANDLE(self), LOOSE(openexec_new_entry, entry), index, detail);
}

static openexec_code counts(void* self, uint64_t* entries, openexec_sink* detail) {
  return oeCount(HANDLE(self), entries, detail);
}

static openexec_code reads(void* self, uint64_t first, uint64_t count, openexec_lines* lines, openexec_sink* detail) {
  return oeRead(HANDLE(self), first, count, lines, detail);
}

static openexec_code finds_lines(void* self, const openexec_digest* exec_id, uint64_t count, openexec_lines* lines,
                                 openexec_sink* detail) {
  return oeFindLines(HANDLE(self), LOOSE(openexec_digest, exec_id), count, lines, detail);
}

static openexec_log_table log_table(uintptr_t self) {
  const openexec_log_table table = {
      .size = sizeof table, .self = SELF(self), .append = appends, .count = counts, .read = reads, .find = finds_lines};
  return table;
}

openexec_code oe_set_log(openexec_config* config, uintptr_t self, openexec_error** error) {
  openexec_log_table table = log_table(self);
  table.close = closes;
  return openexec_config_set_log(config, &table, error);
}

/* --- stores --- */

static openexec_code claims(void* self, const openexec_claim* claim, openexec_claim_answer* claimed,
                            openexec_records* existing, openexec_sink* detail) {
  return oeClaim(HANDLE(self), LOOSE(openexec_claim, claim), claimed, existing, detail);
}

static openexec_code finds(void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                           openexec_sink* detail) {
  return oeFind(HANDLE(self), *tenant, *nonce, found, detail);
}

static openexec_code seals(void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail) {
  return oeSeal(HANDLE(self), LOOSE(openexec_seal, seal), entry, detail);
}

static openexec_code orphans(void* self, openexec_records* found, openexec_sink* detail) {
  return oeOrphans(HANDLE(self), found, detail);
}

static openexec_code pins(void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail) {
  return oePin(HANDLE(self), *key, *value, detail);
}

static openexec_code latest(void* self, int64_t* at_us, openexec_sink* detail) {
  return oeLatest(HANDLE(self), at_us, detail);
}

static openexec_code floors(void* self, int64_t* floor_us, openexec_sink* detail) {
  return oeFloor(HANDLE(self), floor_us, detail);
}

static openexec_code ready(void* self, openexec_sink* detail) { return oeReady(HANDLE(self), detail); }

static openexec_code unlogged(void* self, openexec_unlogged* found, openexec_sink* detail) {
  return oeUnlogged(HANDLE(self), found, detail);
}

static openexec_code logged(void* self, const openexec_str* tenant, const openexec_str* nonce, uint64_t index,
                            openexec_sink* detail) {
  return oeLogged(HANDLE(self), *tenant, *nonce, index, detail);
}

static openexec_code control(void* self, const openexec_control_change* change, int64_t* entry, openexec_sink* detail) {
  return oeControl(HANDLE(self), LOOSE(openexec_control_change, change), entry, detail);
}

static openexec_code controls(void* self, openexec_controls* found, openexec_sink* detail) {
  return oeControls(HANDLE(self), found, detail);
}

openexec_code oe_set_store(openexec_config* config, uintptr_t self, int32_t is_log, int32_t keeps_terms,
                           int32_t keeps_controls, openexec_error** error) {
  const openexec_log_table own = log_table(self);
  const openexec_store_table table = {.size = sizeof table,
                                      .self = SELF(self),
                                      .close = closes,
                                      .claim = claims,
                                      .find = finds,
                                      .seal = seals,
                                      .orphans = orphans,
                                      .pin = pins,
                                      .latest = latest,
                                      .ready = ready,
                                      .log = is_log ? &own : NULL,
                                      .unlogged = is_log ? NULL : unlogged,
                                      .logged = is_log ? NULL : logged,
                                      .keeps_terms = keeps_terms,
                                      .control = keeps_controls ? control : NULL,
                                      .controls = keeps_controls ? controls : NULL,
                                      .floor = floors};
  return openexec_config_set_store(config, &table, error);
}

/* --- verifiers, hashers, clocks, events --- */

static openexec_code verifies(void* self, const openexec_proposal* proposal, int64_t now_us,
                              openexec_approval* approval, openexec_sink* detail) {
  return oeVerify(HANDLE(self), LOOSE(openexec_proposal, proposal), now_us, approval, detail);
}

static openexec_code verifier_ready(void* self, openexec_sink* detail) { return oeVerifierReady(HANDLE(self), detail); }

openexec_code oe_set_verifier(openexec_config* config, openexec_str profile, uintptr_t self, openexec_error** error) {
  const openexec_verifier_table table = {.size = sizeof table,
                                         .self = SELF(self),
                                         .close = closes,
                                         .profile = profile,
                                         .verify = verifies,
                                         .ready = verifier_ready};
  return openexec_config_set_verifier(config, &table, error);
}

static void canonical(void* self, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes) {
  oeCanonical(HANDLE(self), *action, *payload, bytes);
}

static void digests(void* self, const openexec_str* bytes, openexec_digest* digest) {
  oeDigest(HANDLE(self), *bytes, digest);
}

openexec_code oe_set_hasher(openexec_config* config, openexec_str name, uintptr_t self, openexec_error** error) {
  const openexec_hasher_table table = {.size = sizeof table,
                                       .self = SELF(self),
                                       .close = closes,
                                       .name = name,
                                       .canonical = canonical,
                                       .digest = digests};
  return openexec_config_set_hasher(config, &table, error);
}

static int64_t now_us(void* self) { return oeNow(HANDLE(self)); }
static int64_t monotonic_ns(void* self) { return oeMonotonic(HANDLE(self)); }

openexec_code oe_set_clock(openexec_config* config, uintptr_t self, int32_t monotonic, openexec_error** error) {
  const openexec_clock_table table = {.size = sizeof table,
                                      .self = SELF(self),
                                      .close = closes,
                                      .now_us = now_us,
                                      .monotonic_ns = monotonic ? monotonic_ns : NULL};
  return openexec_config_set_clock(config, &table, error);
}

static void tells(void* self, const openexec_event* event) { oeTell(HANDLE(self), LOOSE(openexec_event, event)); }

openexec_code oe_set_events(openexec_config* config, uintptr_t self, openexec_error** error) {
  const openexec_events_table table = {.size = sizeof table, .self = SELF(self), .close = closes, .on_event = tells};
  return openexec_config_set_events(config, &table, error);
}

/* --- visitors --- */

static int32_t visits_line(void* into, const openexec_log_line* line) {
  return oeVisitLine(HANDLE(into), LOOSE(openexec_log_line, line));
}

static int32_t visits_control(void* into, const openexec_control_name* name) {
  return oeVisitControl(HANDLE(into), LOOSE(openexec_control_name, name));
}

openexec_code oe_log_read(const openexec_log* log, uint64_t first, uint64_t count, uintptr_t into,
                          openexec_error** error) {
  return openexec_log_read(log, first, count, visits_line, SELF(into), error);
}

openexec_code oe_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count, uintptr_t into,
                          openexec_error** error) {
  return openexec_log_find(log, exec_id, count, visits_line, SELF(into), error);
}

openexec_code oe_controls(const openexec_executor* executor, uintptr_t into, openexec_error** error) {
  return openexec_executor_controls(executor, visits_control, SELF(into), error);
}
