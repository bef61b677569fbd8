/* SPDX-License-Identifier: Apache-2.0 */
/* What C does for Go: tables of callbacks whose `self` is a cgo.Handle, and structs that cross in one call. */
#ifndef OPENEXEC_GO_SHIMS_H
#define OPENEXEC_GO_SHIMS_H

#include <openexec.h>

/* The answer of a function that makes something, or of one that makes nothing. */
typedef struct oe_answer {
  openexec_code code;
  void* made;
  openexec_error* error;
} oe_answer;

/* The answer of an attempt, with everything that Go copies out of it. */
typedef struct oe_answered {
  openexec_code code;
  openexec_error* error;
  openexec_outcome* outcome;
  openexec_verdict verdict;
  openexec_effect effect;
  openexec_str advice;
  openexec_result_form result_form;
  int32_t replayed;
  uint32_t attempt;
  int32_t may_retry;
  int64_t entry_index;
  openexec_str exec_id, action, result, receipt, detail, entry, proof;
} oe_answered;

/* Reads an outcome into `answered`. */
void oe_read(oe_answered* answered);

/* Which call of Go's this thread is in, for the handler that it runs: a cgo.Handle, or 0. */
uintptr_t oe_enter(uintptr_t frame); /* returns the one before */

/* Each takes a part that a handle stands for. From success on C owns the handle. */
openexec_code oe_add_handler(openexec_config* config, openexec_str action, uintptr_t self, int64_t deadline_ms,
                             int32_t reconciles, int32_t costs, openexec_str schema, uint32_t retries,
                             openexec_error** error);
openexec_code oe_set_log(openexec_config* config, uintptr_t self, openexec_error** error);
openexec_code oe_set_store(openexec_config* config, uintptr_t self, int32_t is_log, int32_t keeps_terms,
                           int32_t controls, openexec_error** error);
openexec_code oe_set_verifier(openexec_config* config, openexec_str profile, uintptr_t self, openexec_error** error);
openexec_code oe_set_hasher(openexec_config* config, openexec_str name, uintptr_t self, openexec_error** error);
openexec_code oe_set_clock(openexec_config* config, uintptr_t self, int32_t monotonic, openexec_error** error);
openexec_code oe_set_events(openexec_config* config, uintptr_t self, openexec_error** error);

/* Visitors that hand on to Go. */
openexec_code oe_log_read(const openexec_log* log, uint64_t first, uint64_t count, uintptr_t into,
                          openexec_error** error);
openexec_code oe_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count, uintptr_t into,
                          openexec_error** error);
openexec_code oe_controls(const openexec_executor* executor, uintptr_t into, openexec_error** error);

#endif
