/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of openexec.h as Go calls them: strings by _GoString_, whose bytes stay where they are for the call,
 * and answers by value, so that no pointer to Go's memory is ever written by C. Included by preambles of cgo alone. */
#ifndef OPENEXEC_GO_CALLS_H
#define OPENEXEC_GO_CALLS_H

#include <stdlib.h>

#include "shims.h"

/* cgo's own functions, which some of its versions declare only where nothing is exported. */
size_t _GoStringLen(_GoString_ text);
const char* _GoStringPtr(_GoString_ text);

static inline openexec_str oe_view(_GoString_ text) {
  const openexec_str view = {_GoStringPtr(text), _GoStringLen(text)};
  return view;
}

/* One that may be absent, which is not the same as empty. */
static inline openexec_str oe_optional(_GoString_ text, int32_t given) {
  static const char none = 0;
  const openexec_str absent = {NULL, 0}, empty = {&none, 0};
  return !given ? absent : _GoStringLen(text) == 0 ? empty : oe_view(text);
}

static inline oe_answer oe_config(void) {
  oe_answer answer = {0};
  openexec_config* made;
  answer.code = openexec_config_create(&made, &answer.error);
  answer.made = made;
  return answer;
}

typedef openexec_code (*oe_text_setter)(openexec_config*, openexec_str, openexec_error**);
enum { OE_TENANT, OE_NAME, OE_URL, OE_PATH, OE_LOG_KEY, OE_LOG_ORIGIN, OE_LOG_ANCHOR, OE_TRUST_POLICY };

static inline oe_answer oe_set_text(openexec_config* config, int which, _GoString_ value) {
  static const oe_text_setter setters[] = {openexec_config_set_tenant,     openexec_config_set_executor_name,
                                           openexec_config_set_ledger_url, openexec_config_set_ledger_path,
                                           openexec_config_set_log_key,    openexec_config_set_log_origin,
                                           openexec_config_set_log_anchor, openexec_config_set_trust_policy};
  oe_answer answer = {0};
  answer.code = setters[which](config, oe_view(value), &answer.error);
  return answer;
}

/* The names stand one after the other in `joined`, their sizes in `sizes`. */
static inline oe_answer oe_allow(openexec_config* config, _GoString_ joined, const size_t* sizes, size_t count) {
  oe_answer answer = {0};
  openexec_str* views = calloc(count + 1, sizeof *views);
  if (views == NULL) {
    answer.code = OPENEXEC_OVERLOADED;
    return answer;
  }
  const char* place = _GoStringPtr(joined);
  for (size_t i = 0; i < count; place += sizes[i++]) {
    views[i].data = place;
    views[i].size = sizes[i];
  }
  answer.code = openexec_config_set_allowed_actions(config, views, count, &answer.error);
  free(views);
  return answer;
}

static inline oe_answer oe_limit(openexec_config* config, int32_t limit, uint64_t value) {
  oe_answer answer = {0};
  answer.code = openexec_config_set_limit(config, limit, value, &answer.error);
  return answer;
}

static inline oe_answer oe_demo(openexec_config* config) {
  oe_answer answer = {0};
  answer.code = openexec_config_set_demo_verifier(config, &answer.error);
  return answer;
}

static inline oe_answer oe_clawshield(openexec_config* config, _GoString_ key, _GoString_ tenant) {
  oe_answer answer = {0};
  answer.code = openexec_config_set_clawshield_verifier(config, oe_view(key), oe_view(tenant), &answer.error);
  return answer;
}

static inline oe_answer oe_handler(openexec_config* config, _GoString_ action, uintptr_t self, int64_t deadline_ms,
                                   int32_t reconciles, int32_t costs, _GoString_ schema, uint32_t retries) {
  oe_answer answer = {0};
  answer.code = oe_add_handler(config, oe_view(action), self, deadline_ms, reconciles, costs, oe_view(schema), retries,
                               &answer.error);
  return answer;
}

enum { OE_LOG, OE_STORE, OE_VERIFIER, OE_HASHER, OE_CLOCK, OE_EVENTS };

static inline oe_answer oe_part(openexec_config* config, int which, uintptr_t self, _GoString_ name, int32_t is_log,
                                int32_t keeps_terms, int32_t controls, int32_t monotonic) {
  oe_answer answer = {0};
  switch (which) {
    case OE_LOG: answer.code = oe_set_log(config, self, &answer.error); break;
    case OE_STORE: answer.code = oe_set_store(config, self, is_log, keeps_terms, controls, &answer.error); break;
    case OE_VERIFIER: answer.code = oe_set_verifier(config, oe_view(name), self, &answer.error); break;
    case OE_HASHER: answer.code = oe_set_hasher(config, oe_view(name), self, &answer.error); break;
    case OE_CLOCK: answer.code = oe_set_clock(config, self, monotonic, &answer.error); break;
    default: answer.code = oe_set_events(config, self, &answer.error);
  }
  return answer;
}

static inline oe_answer oe_executor(openexec_config* config) {
  oe_answer answer = {0};
  openexec_executor* made;
  answer.code = openexec_executor_create(config, &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline openexec_request oe_request(_GoString_ action, _GoString_ payload, _GoString_ nonce,
                                          _GoString_ approval) {
  const openexec_request request = {.size = sizeof request,
                                    .action = oe_view(action),
                                    .payload = oe_view(payload),
                                    .nonce = oe_view(nonce),
                                    .approval_artifact = oe_view(approval)};
  return request;
}

static inline oe_answered oe_execute(openexec_executor* executor, uintptr_t frame, _GoString_ json, int32_t is_json,
                                     _GoString_ action, _GoString_ payload, _GoString_ nonce, _GoString_ approval,
                                     int64_t max_wait_ms, int32_t proof) {
  const openexec_request request = oe_request(action, payload, is_json ? (_GoString_){0} : nonce, approval);
  openexec_call_options options = {.size = sizeof options, .max_wait_ms = max_wait_ms, .proof = proof};
  if (is_json) {
    options.nonce = oe_view(nonce);
  }
  oe_answered answered = {0};
  const uintptr_t before = oe_enter(frame);
  answered.code =
      is_json ? openexec_executor_execute_json(executor, oe_view(json), &options, &answered.outcome, &answered.error)
              : openexec_executor_execute(executor, &request, &options, &answered.outcome, &answered.error);
  oe_enter(before);
  oe_read(&answered);
  return answered;
}

/* One of many, in memory of C's that is freed by oe_free_many. `text` is where its copy of the texts begins. */
typedef struct oe_one {
  openexec_request request;
  openexec_call_options options;
  openexec_call call;
} oe_one;

typedef struct oe_many {
  size_t count;
  oe_one* ones;
  const openexec_call** calls;
  openexec_outcome** outcomes;
  char* texts;
} oe_many;

static inline int oe_make_many(oe_many* many, size_t count, size_t bytes) {
  many->count = count;
  many->ones = calloc(count + 1, sizeof *many->ones);
  many->calls = calloc(count + 1, sizeof *many->calls);
  many->outcomes = calloc(count + 1, sizeof *many->outcomes);
  many->texts = malloc(bytes + 1);
  return many->ones != NULL && many->calls != NULL && many->outcomes != NULL && many->texts != NULL;
}

static inline void oe_free_many(oe_many* many) {
  for (size_t i = 0; many->outcomes != NULL && i < many->count; i++) {
    openexec_outcome_destroy(&many->outcomes[i]);
  }
  free(many->ones);
  free(many->calls);
  free(many->outcomes);
  free(many->texts);
}

static inline openexec_str oe_copied(char** place, _GoString_ text) {
  const openexec_str view = {*place, _GoStringLen(text)};
  if (view.size > 0) {
    __builtin_memcpy(*place, _GoStringPtr(text), view.size);
  }
  *place += view.size;
  return view;
}

static inline char* oe_add(oe_many* many, size_t i, char* place, _GoString_ json, int32_t is_json, _GoString_ action,
                           _GoString_ payload, _GoString_ nonce, _GoString_ approval, int64_t max_wait_ms,
                           int32_t proof) {
  oe_one* one = &many->ones[i];
  one->request.size = sizeof one->request;
  one->options.size = sizeof one->options;
  one->call.size = sizeof one->call;
  one->options.max_wait_ms = max_wait_ms;
  one->options.proof = proof;
  if (is_json) {
    one->call.json = oe_copied(&place, json);
    one->options.nonce = oe_copied(&place, nonce);
  } else {
    one->request.action = oe_copied(&place, action);
    one->request.payload = oe_copied(&place, payload);
    one->request.nonce = oe_copied(&place, nonce);
    one->request.approval_artifact = oe_copied(&place, approval);
    one->call.request = &one->request;
  }
  one->call.options = &one->options;
  many->calls[i] = &one->call;
  return place;
}

static inline oe_answer oe_execute_many(openexec_executor* executor, uintptr_t frame, oe_many* many) {
  oe_answer answer = {0};
  const uintptr_t before = oe_enter(frame);
  answer.code =
      openexec_executor_execute_many(executor, many->calls, many->count, NULL, NULL, many->outcomes, &answer.error);
  oe_enter(before);
  return answer;
}

static inline oe_answered oe_taken(oe_many* many, size_t i) {
  oe_answered answered = {0};
  answered.outcome = many->outcomes[i];
  oe_read(&answered);
  return answered;
}

static inline oe_answered oe_order(openexec_executor* executor, int32_t control, int32_t active, _GoString_ id,
                                   _GoString_ tenant, _GoString_ who, _GoString_ why) {
  const openexec_order order = {.size = sizeof order,
                                .control = control,
                                .active = active,
                                .id = oe_view(id),
                                .tenant = oe_view(tenant),
                                .who = oe_view(who),
                                .why = oe_view(why)};
  oe_answered answered = {0};
  answered.code = openexec_executor_order(executor, &order, &answered.outcome, &answered.error);
  oe_read(&answered);
  return answered;
}

enum { OE_HALT, OE_RESUME, OE_READY };

static inline oe_answer oe_operate(openexec_executor* executor, int what) {
  oe_answer answer = {0};
  answer.code = what == OE_HALT     ? openexec_executor_halt(executor, &answer.error)
                : what == OE_RESUME ? openexec_executor_resume(executor, &answer.error)
                                    : openexec_executor_ready(executor, &answer.error);
  return answer;
}

static inline oe_answer oe_reload(openexec_executor* executor, _GoString_ policy) {
  oe_answer answer = {0};
  answer.code = openexec_executor_reload_trust_policy(executor, oe_view(policy), &answer.error);
  return answer;
}

typedef struct oe_recovery {
  oe_answer answer;
  openexec_recovery found;
} oe_recovery;

static inline oe_recovery oe_recover(openexec_executor* executor, int again) {
  oe_recovery recovery = {.found = {.size = sizeof(openexec_recovery)}};
  recovery.answer.code = again ? openexec_executor_recover(executor, &recovery.found, &recovery.answer.error)
                               : openexec_executor_recovered(executor, &recovery.found, &recovery.answer.error);
  return recovery;
}

static inline oe_answer oe_controls_of(openexec_executor* executor, uintptr_t into) {
  oe_answer answer = {0};
  answer.code = oe_controls(executor, into, &answer.error);
  return answer;
}

static inline oe_answer oe_log_of(openexec_executor* executor) {
  oe_answer answer = {0};
  openexec_log* made;
  answer.code = openexec_executor_log(executor, &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline oe_answer oe_open_log(_GoString_ url) {
  oe_answer answer = {0};
  openexec_log* made;
  answer.code = openexec_log_open(oe_view(url), &made, &answer.error);
  answer.made = made;
  return answer;
}

typedef struct oe_counted {
  oe_answer answer;
  uint64_t entries;
} oe_counted;

static inline oe_counted oe_log_count(openexec_log* log) {
  oe_counted counted = {0};
  counted.answer.code = openexec_log_count(log, &counted.entries, &counted.answer.error);
  return counted;
}

static inline oe_answer oe_lines(openexec_log* log, uint64_t first, uint64_t count, uintptr_t into) {
  oe_answer answer = {0};
  answer.code = oe_log_read(log, first, count, into, &answer.error);
  return answer;
}

static inline oe_answer oe_lines_of(openexec_log* log, openexec_digest exec_id, uint64_t count, uintptr_t into) {
  oe_answer answer = {0};
  answer.code = oe_log_find(log, &exec_id, count, into, &answer.error);
  return answer;
}

enum { OE_VERIFIER_KEY, OE_CHECKPOINT, OE_COSIGNED, OE_PROVE, OE_CONSISTENCY, OE_RESOURCE };

/* Answers a buffer. */
static inline oe_answer oe_log_ask(openexec_log* log, int what, uint64_t from, uint64_t to, _GoString_ path) {
  oe_answer answer = {0};
  openexec_buffer* made = NULL;
  openexec_error** why = &answer.error;
  switch (what) {
    case OE_VERIFIER_KEY: answer.code = openexec_log_verifier_key(log, &made, why); break;
    case OE_CHECKPOINT: answer.code = openexec_log_checkpoint(log, &made, why); break;
    case OE_COSIGNED: answer.code = openexec_log_cosigned(log, &made, why); break;
    case OE_PROVE: answer.code = openexec_log_prove(log, from, &made, why); break;
    case OE_CONSISTENCY: answer.code = openexec_log_consistency(log, from, to, &made, why); break;
    default: answer.code = openexec_log_resource(log, oe_view(path), &made, why);
  }
  answer.made = made;
  return answer;
}

static inline oe_answer oe_keep_cosigned(openexec_log* log, _GoString_ note) {
  oe_answer answer = {0};
  answer.code = openexec_log_keep_cosigned(log, oe_view(note), &answer.error);
  return answer;
}

static inline oe_answer oe_canonicalise(_GoString_ json, int32_t form) {
  oe_answer answer = {0};
  openexec_buffer* made;
  answer.code = openexec_canonicalise(oe_view(json), form, &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline oe_answer oe_tool_call_nonce(_GoString_ conversation, _GoString_ turn, _GoString_ name,
                                           _GoString_ arguments, uint32_t occurrence) {
  oe_answer answer = {0};
  openexec_buffer* made;
  answer.code = openexec_tool_call_nonce(oe_view(conversation), oe_view(turn), oe_view(name), oe_view(arguments),
                                         occurrence, &made, &answer.error);
  answer.made = made;
  return answer;
}

typedef struct oe_hashed {
  oe_answer answer;
  openexec_digest digest;
} oe_hashed;

static inline oe_hashed oe_sha256(_GoString_ data) {
  oe_hashed hashed = {0};
  hashed.answer.code = openexec_sha256(oe_view(data), &hashed.digest, &hashed.answer.error);
  return hashed;
}

static inline oe_hashed oe_from_hex(_GoString_ hex) {
  oe_hashed hashed = {0};
  hashed.answer.code = openexec_digest_from_hex(oe_view(hex), &hashed.digest, &hashed.answer.error);
  return hashed;
}

static inline oe_answer oe_proposal(_GoString_ json, int32_t is_json, _GoString_ action, _GoString_ payload,
                                    _GoString_ nonce, _GoString_ approval, _GoString_ tenant) {
  const openexec_request request = oe_request(action, payload, nonce, approval);
  oe_answer answer = {0};
  openexec_proposal* made;
  answer.code = is_json ? openexec_proposal_create_json(oe_view(json), oe_view(tenant), &made, &answer.error)
                        : openexec_proposal_create(&request, oe_view(tenant), &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline oe_hashed oe_proposal_hash(openexec_proposal* proposal, int32_t which) {
  oe_hashed hashed = {0};
  hashed.answer.code = openexec_proposal_hash(proposal, which, &hashed.digest, &hashed.answer.error);
  return hashed;
}

static inline oe_answer oe_verify_receipt(_GoString_ exec_id, _GoString_ result, _GoString_ receipt) {
  oe_answer answer = {0};
  answer.code = openexec_verify_receipt(oe_view(exec_id), oe_view(result), oe_view(receipt), &answer.error);
  return answer;
}

static inline oe_answer oe_verify_clawshield(_GoString_ key, _GoString_ tenant, _GoString_ action, _GoString_ payload,
                                             _GoString_ artifact, int64_t now_us) {
  oe_answer answer = {0};
  openexec_buffer* made;
  answer.code = openexec_verify_clawshield_v1(oe_view(key), oe_view(tenant), oe_view(action), oe_view(payload),
                                              oe_view(artifact), now_us, &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline oe_answer oe_verify_policy(_GoString_ policy, _GoString_ executor, _GoString_ tenant, _GoString_ action,
                                         _GoString_ payload, _GoString_ nonce, _GoString_ approval, int64_t now_us) {
  const openexec_request request = oe_request(action, payload, nonce, approval);
  oe_answer answer = {0};
  openexec_buffer* made;
  answer.code = openexec_verify_trust_policy(oe_view(policy), oe_view(executor), oe_view(tenant), &request, now_us,
                                             &made, &answer.error);
  answer.made = made;
  return answer;
}

static inline oe_answer oe_read_policy(_GoString_ policy) {
  oe_answer answer = {0};
  openexec_buffer* made;
  answer.code = openexec_trust_policy_read(oe_view(policy), &made, &answer.error);
  answer.made = made;
  return answer;
}

/* `given` has a bit for each of the texts after it. */
static inline oe_answer oe_verify_evidence(_GoString_ proof, uint32_t given, _GoString_ log_key, _GoString_ policy,
                                           _GoString_ exec_id, _GoString_ action, _GoString_ nonce, _GoString_ tenant,
                                           _GoString_ payload, _GoString_ result, _GoString_ receipt,
                                           _GoString_ approval) {
  const openexec_evidence_trust trust = {
      .size = sizeof trust, .log_key = oe_optional(log_key, given & 1), .policy = oe_optional(policy, given >> 1 & 1)};
  const openexec_evidence_held held = {.size = sizeof held,
                                       .exec_id = oe_optional(exec_id, given >> 2 & 1),
                                       .action = oe_optional(action, given >> 3 & 1),
                                       .nonce = oe_optional(nonce, given >> 4 & 1),
                                       .tenant = oe_optional(tenant, given >> 5 & 1),
                                       .payload = oe_optional(payload, given >> 6 & 1),
                                       .result = oe_optional(result, given >> 7 & 1),
                                       .receipt = oe_optional(receipt, given >> 8 & 1),
                                       .approval = oe_optional(approval, given >> 9 & 1)};
  oe_answer answer = {0};
  openexec_evidence* made;
  answer.code = openexec_evidence_verify(oe_view(proof), &trust, &held, &made, &answer.error);
  answer.made = made;
  return answer;
}

typedef struct oe_tree {
  uint64_t entries;
  openexec_digest root;
} oe_tree;

static inline oe_tree oe_evidence_tree(openexec_evidence* report) {
  oe_tree tree = {0};
  openexec_evidence_tree(report, &tree.entries, &tree.root, NULL);
  return tree;
}

typedef struct oe_cosignature {
  openexec_code code;
  openexec_str witness;
  uint64_t time_s;
} oe_cosignature;

static inline oe_cosignature oe_evidence_cosignature(openexec_evidence* report, uint64_t number) {
  oe_cosignature found = {0};
  found.code = openexec_evidence_cosignature(report, number, &found.witness, &found.time_s, NULL);
  return found;
}

static inline int32_t oe_has_feature(_GoString_ name) { return openexec_has_feature(oe_view(name)); }
static inline openexec_code oe_write(openexec_sink* sink, _GoString_ text) {
  return openexec_sink_write(sink, oe_view(text));
}

static inline openexec_code oe_approve(openexec_approval* approval, _GoString_ id) {
  return openexec_approval_set_id(approval, oe_view(id));
}

static inline openexec_code oe_approve_key(openexec_approval* approval, _GoString_ key) {
  return openexec_approval_add_key(approval, oe_view(key));
}

static inline openexec_code oe_put_line(openexec_lines* lines, uint64_t index, openexec_digest leaf_hash,
                                        _GoString_ json) {
  const openexec_log_line line = {.size = sizeof line, .index = index, .leaf_hash = leaf_hash, .json = oe_view(json)};
  return openexec_lines_put(lines, &line);
}

static inline void oe_put_record(openexec_records* records, openexec_record record, _GoString_ tenant, _GoString_ nonce,
                                 _GoString_ action, _GoString_ approval, _GoString_ result) {
  record.size = sizeof record;
  record.tenant = oe_view(tenant);
  record.nonce = oe_view(nonce);
  record.action = oe_view(action);
  record.approval = oe_view(approval);
  record.result = oe_view(result);
  openexec_records_put(records, &record);
}

static inline void oe_put_unlogged(openexec_unlogged* unlogged, openexec_digest exec_id, _GoString_ tenant,
                                   _GoString_ nonce, _GoString_ entry) {
  const openexec_unlogged_entry one = {.size = sizeof one,
                                       .tenant = oe_view(tenant),
                                       .nonce = oe_view(nonce),
                                       .exec_id = exec_id,
                                       .entry = oe_view(entry)};
  openexec_unlogged_put(unlogged, &one);
}

static inline void oe_put_control(openexec_controls* controls, int32_t control, _GoString_ id, _GoString_ tenant) {
  const openexec_control_name name = {
      .size = sizeof name, .control = control, .id = oe_view(id), .tenant = oe_view(tenant)};
  openexec_controls_put(controls, &name);
}

#endif
