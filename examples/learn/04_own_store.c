/* SPDX-License-Identifier: Apache-2.0 */
/* A nonce store of one's own, over the table of section 4: a program that already has a database would do the same
 * against it. This one keeps everything in memory, under one lock, and is its own log.
 *
 * How durable it is: not at all. "At most once" holds here for as long as the process lives. A store that is to survive
 * it must have written a claim to disk before it answers OPENEXEC_CLAIM_FRESH, and must then give the claims without a
 * seal as orphans when it is opened again.
 */
#define _POSIX_C_SOURCE 200809L
#include <openexec.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that this store owns. */
struct text {
  char* data;
  size_t size;
};

struct nonce {
  struct text tenant, nonce, action, approval_id, approval, result;
  openexec_digest exec_id, request_hash, approval_digest;
  openexec_state state;
  openexec_code code;
  openexec_effect effect;
  int64_t entry;
};

struct line {
  struct text json;
  openexec_digest exec_id, attempt, leaf_hash;
};

struct pin {
  struct text key, value;
};

struct store {
  pthread_mutex_t lock;
  struct nonce* nonces;
  struct line* lines;
  struct pin* pins;
  size_t nonce_count, line_count, pin_count;
  int64_t latest_us;
};

/* --- small tools --- */

static int copy(struct text* to, openexec_str from) {
  to->data = malloc(from.size + 1);
  to->size = from.size;
  if (to->data != NULL && from.size != 0) memcpy(to->data, from.data, from.size);
  return to->data != NULL;
}

static openexec_str view(struct text text) { return (openexec_str){text.data, text.size}; }

static int same(struct text text, openexec_str other) {
  return text.size == other.size && (text.size == 0 || memcmp(text.data, other.data, text.size) == 0);
}

static int same_digest(const openexec_digest* a, const openexec_digest* b) { return memcmp(a, b, sizeof *a) == 0; }

/* Makes room for one more of `size` bytes behind `count`. */
static int grow(void* array, size_t count, size_t size) {
  void* grown = realloc(*(void**)array, (count + 1) * size);
  if (grown != NULL) *(void**)array = grown;
  return grown != NULL;
}

static openexec_code no(openexec_sink* detail, openexec_code code, const char* why) {
  openexec_sink_write(detail, openexec_text(why));
  return code;
}

static openexec_code no_memory(openexec_sink* detail) { return no(detail, OPENEXEC_STORE_FAILED, "out of memory"); }

static void saw(struct store* store, int64_t at_us) {
  if (at_us > store->latest_us) store->latest_us = at_us;
}

static struct nonce* find_nonce(struct store* store, openexec_str tenant, openexec_str nonce) {
  for (size_t i = 0; i < store->nonce_count; ++i)
    if (same(store->nonces[i].tenant, tenant) && same(store->nonces[i].nonce, nonce)) return &store->nonces[i];
  return NULL;
}

static openexec_code give(const struct nonce* nonce, openexec_records* records) {
  const openexec_record record = {.size = sizeof record,
                                  .tenant = view(nonce->tenant),
                                  .nonce = view(nonce->nonce),
                                  .action = view(nonce->action),
                                  .exec_id = nonce->exec_id,
                                  .request_hash = nonce->request_hash,
                                  .approval_digest = nonce->approval_digest,
                                  .approval = view(nonce->approval),
                                  .result = view(nonce->result),
                                  .entry = nonce->entry,
                                  .state = nonce->state,
                                  .code = nonce->code,
                                  .effect = nonce->effect};
  return openexec_records_put(records, &record);
}

/* --- the log; the caller holds the lock --- */

static openexec_code leaf_hash(openexec_str json, openexec_digest* hash) {
  struct text leaf = {malloc(json.size + 1), json.size + 1};
  if (leaf.data == NULL) return OPENEXEC_STORE_FAILED;
  leaf.data[0] = 0;
  memcpy(leaf.data + 1, json.data, json.size);
  const openexec_code code = openexec_sha256(view(leaf), hash, NULL);
  free(leaf.data);
  return code;
}

static int is_entry(openexec_str json) { return json.size >= 1 && json.size <= 65535; }

static openexec_code push(struct store* store, openexec_str json, openexec_digest exec_id, openexec_digest attempt) {
  struct line line = {.exec_id = exec_id, .attempt = attempt};
  if (!grow(&store->lines, store->line_count, sizeof line) || leaf_hash(json, &line.leaf_hash) != OPENEXEC_OK ||
      !copy(&line.json, json))
    return OPENEXEC_STORE_FAILED;
  store->lines[store->line_count++] = line;
  return OPENEXEC_OK;
}

static openexec_code give_line(const struct store* store, size_t index, openexec_lines* lines) {
  const struct line* line = &store->lines[index];
  const openexec_log_line given = {sizeof given, index, line->leaf_hash, view(line->json)};
  return openexec_lines_put(lines, &given);
}

/* --- the callbacks of the log --- */

static openexec_code log_append(void* self, const openexec_new_entry* entry, uint64_t* index, openexec_sink* detail) {
  struct store* store = self;
  const openexec_digest none = {{0}};
  if (!is_entry(entry->json)) return no(detail, OPENEXEC_INVALID_ARGUMENT, "entry: must be 1 to 65,535 bytes");
  pthread_mutex_lock(&store->lock);
  size_t known = store->line_count;
  if (!same_digest(&entry->attempt, &none))
    for (known = 0; known < store->line_count; ++known)
      if (same_digest(&store->lines[known].attempt, &entry->attempt)) break;
  *index = known;
  openexec_code code = OPENEXEC_OK;
  if (known == store->line_count) {
    code = push(store, entry->json, entry->exec_id, entry->attempt);
    saw(store, entry->at_us);
  }
  pthread_mutex_unlock(&store->lock);
  return code == OPENEXEC_OK ? code : no_memory(detail);
}

static openexec_code log_count(void* self, uint64_t* entries, openexec_sink* detail) {
  struct store* store = self;
  (void)detail;
  pthread_mutex_lock(&store->lock);
  *entries = store->line_count;
  pthread_mutex_unlock(&store->lock);
  return OPENEXEC_OK;
}

static openexec_code log_read(void* self, uint64_t first, uint64_t count, openexec_lines* lines,
                              openexec_sink* detail) {
  struct store* store = self;
  openexec_code code = OPENEXEC_OK;
  (void)detail;
  pthread_mutex_lock(&store->lock);
  for (uint64_t i = first; i < store->line_count && i - first < count && code == OPENEXEC_OK; ++i)
    code = give_line(store, (size_t)i, lines);
  pthread_mutex_unlock(&store->lock);
  return code;
}

static openexec_code log_find(void* self, const openexec_digest* exec_id, uint64_t count, openexec_lines* lines,
                              openexec_sink* detail) {
  struct store* store = self;
  const openexec_digest none = {{0}};
  openexec_code code = OPENEXEC_OK;
  (void)detail;
  if (same_digest(exec_id, &none)) return OPENEXEC_OK; /* malformed requests have no execution */
  pthread_mutex_lock(&store->lock);
  for (size_t i = 0; i < store->line_count && count != 0 && code == OPENEXEC_OK; ++i)
    if (same_digest(&store->lines[i].exec_id, exec_id)) {
      code = give_line(store, i, lines);
      --count;
    }
  pthread_mutex_unlock(&store->lock);
  return code;
}

/* --- the callbacks of the store --- */

/* Decides, and changes nothing. */
static openexec_claim_answer judge(struct store* store, const openexec_claim* claim, const struct nonce** known) {
  *known = find_nonce(store, claim->tenant, claim->nonce);
  if (*known != NULL)
    return same_digest(&(*known)->exec_id, &claim->exec_id) &&
                   same_digest(&(*known)->request_hash, &claim->request_hash)
               ? OPENEXEC_CLAIM_EXISTS
               : OPENEXEC_CLAIM_NONCE_CONFLICT;
  if (claim->approval_id.size != 0)
    for (size_t i = 0; i < store->nonce_count; ++i)
      if (same(store->nonces[i].tenant, claim->tenant) && same(store->nonces[i].approval_id, claim->approval_id))
        return OPENEXEC_CLAIM_APPROVAL_SPENT;
  return OPENEXEC_CLAIM_FRESH;
}

static void free_nonce(struct nonce* nonce) {
  free(nonce->tenant.data), free(nonce->nonce.data), free(nonce->action.data);
  free(nonce->approval_id.data), free(nonce->approval.data), free(nonce->result.data);
}

static openexec_code claim_nonce(void* self, const openexec_claim* claim, openexec_claim_answer* claimed,
                                 openexec_records* existing, openexec_sink* detail) {
  struct store* store = self;
  const struct nonce* known = NULL;
  struct nonce fresh = {.exec_id = claim->exec_id,
                        .request_hash = claim->request_hash,
                        .approval_digest = claim->approval_digest,
                        .state = OPENEXEC_STATE_CLAIMED,
                        .code = OPENEXEC_IN_DOUBT,
                        .effect = OPENEXEC_EFFECT_UNKNOWN,
                        .entry = -1};
  openexec_code code = OPENEXEC_OK;
  if (claim->nonce.size == 0) return no(detail, OPENEXEC_INVALID_ARGUMENT, "nonce: empty");
  pthread_mutex_lock(&store->lock);
  const openexec_claim_answer answer = judge(store, claim, &known);
  if (answer == OPENEXEC_CLAIM_EXISTS) {
    code = give(known, existing);
  } else if (answer == OPENEXEC_CLAIM_FRESH) {
    if (copy(&fresh.tenant, claim->tenant) && copy(&fresh.nonce, claim->nonce) && copy(&fresh.action, claim->action) &&
        copy(&fresh.approval_id, claim->approval_id) && copy(&fresh.approval, claim->approval) &&
        grow(&store->nonces, store->nonce_count, sizeof fresh)) {
      store->nonces[store->nonce_count++] = fresh; /* nonce and approval are spent in this one step */
      saw(store, claim->at_us);
    } else {
      free_nonce(&fresh);
      code = no_memory(detail);
    }
  }
  pthread_mutex_unlock(&store->lock);
  if (code == OPENEXEC_OK) *claimed = answer;
  return code;
}

static openexec_code find(void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                          openexec_sink* detail) {
  struct store* store = self;
  openexec_code code = OPENEXEC_OK;
  (void)detail;
  pthread_mutex_lock(&store->lock);
  const struct nonce* known = find_nonce(store, *tenant, *nonce);
  if (known != NULL) code = give(known, found);
  pthread_mutex_unlock(&store->lock);
  return code;
}

/* claimed to sealed or in doubt, in doubt to sealed; by the execution that claimed. */
static int may_seal(const struct nonce* known, const openexec_seal* seal) {
  const int ends = seal->state == OPENEXEC_STATE_SEALED || seal->state == OPENEXEC_STATE_IN_DOUBT;
  return known != NULL && same_digest(&known->exec_id, &seal->exec_id) && ends &&
         (known->state == OPENEXEC_STATE_CLAIMED ||
          (known->state == OPENEXEC_STATE_IN_DOUBT && seal->state == OPENEXEC_STATE_SEALED));
}

static openexec_code seal(void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail) {
  struct store* store = self;
  const openexec_digest none = {{0}};
  struct text result = {NULL, 0};
  openexec_code code = OPENEXEC_OK;
  if (!is_entry(seal->entry)) return no(detail, OPENEXEC_INVALID_ARGUMENT, "entry: must be 1 to 65,535 bytes");
  pthread_mutex_lock(&store->lock);
  struct nonce* known = find_nonce(store, seal->tenant, seal->nonce);
  if (!may_seal(known, seal)) {
    code = no(detail, OPENEXEC_INVALID_ARGUMENT, "not claimed by this execution, or sealed already");
  } else if (!copy(&result, seal->result) || push(store, seal->entry, seal->exec_id, none) != OPENEXEC_OK) {
    free(result.data);
    code = no_memory(detail);
  } else {
    free(known->result.data);
    known->result = result;
    known->state = seal->state;
    known->code = seal->code;
    known->effect = seal->effect;
    known->entry = *entry = (int64_t)store->line_count - 1;
    saw(store, seal->at_us);
  }
  pthread_mutex_unlock(&store->lock);
  return code;
}

/* None: whoever could have left one took the store along. */
static openexec_code orphans(void* self, openexec_records* records, openexec_sink* detail) {
  (void)self, (void)records, (void)detail;
  return OPENEXEC_OK;
}

static openexec_code pin(void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail) {
  struct store* store = self;
  openexec_code code = OPENEXEC_OK;
  size_t i = 0;
  pthread_mutex_lock(&store->lock);
  while (i < store->pin_count && !same(store->pins[i].key, *key)) ++i;
  if (i < store->pin_count) {
    if (!same(store->pins[i].value, *value)) code = no(detail, OPENEXEC_STORE_FAILED, "pinned to another value");
  } else {
    struct pin fresh = {{NULL, 0}, {NULL, 0}};
    if (copy(&fresh.key, *key) && copy(&fresh.value, *value) && grow(&store->pins, store->pin_count, sizeof fresh)) {
      store->pins[store->pin_count++] = fresh;
    } else {
      free(fresh.key.data), free(fresh.value.data);
      code = no_memory(detail);
    }
  }
  pthread_mutex_unlock(&store->lock);
  return code;
}

static openexec_code latest(void* self, int64_t* at_us, openexec_sink* detail) {
  struct store* store = self;
  (void)detail;
  pthread_mutex_lock(&store->lock);
  *at_us = store->latest_us;
  pthread_mutex_unlock(&store->lock);
  return OPENEXEC_OK;
}

static openexec_code ready(void* self, openexec_sink* detail) {
  (void)self, (void)detail;
  return OPENEXEC_OK;
}

static void close_store(void* self) {
  struct store* store = self;
  for (size_t i = 0; i < store->nonce_count; ++i) free_nonce(&store->nonces[i]);
  for (size_t i = 0; i < store->line_count; ++i) free(store->lines[i].json.data);
  for (size_t i = 0; i < store->pin_count; ++i) free(store->pins[i].key.data), free(store->pins[i].value.data);
  free(store->nonces), free(store->lines), free(store->pins);
  pthread_mutex_destroy(&store->lock);
  free(store);
  printf("the store is closed\n");
}

static openexec_code set_own_store(openexec_config* config) {
  const openexec_log_table log = {
      .size = sizeof log, .append = log_append, .count = log_count, .read = log_read, .find = log_find};
  openexec_store_table table = {.size = sizeof table,
                                .close = close_store,
                                .claim = claim_nonce,
                                .find = find,
                                .seal = seal,
                                .orphans = orphans,
                                .pin = pin,
                                .latest = latest,
                                .ready = ready,
                                .log = &log};
  struct store* store = calloc(1, sizeof *store);
  if (store == NULL) return OPENEXEC_STORE_FAILED;
  pthread_mutex_init(&store->lock, NULL);
  table.self = store;
  const openexec_code code = openexec_config_set_store(config, &table, NULL);
  if (code != OPENEXEC_OK) close_store(store); /* otherwise it is OpenExec's, which will close it */
  return code;
}

/* --- a program that uses it --- */

static int sent = 0;

static openexec_answer send_email(void* self, const openexec_invocation* call, openexec_sink* result,
                                  openexec_sink* detail) {
  (void)self, (void)call, (void)detail;
  ++sent;
  openexec_sink_write(result, openexec_text("{\"sent\":true}"));
  return OPENEXEC_ANSWER_RESULT;
}

static openexec_code attempt(openexec_executor* executor, const char* nonce, const char* payload) {
  const openexec_request request = {.size = sizeof request,
                                    .action = openexec_text("send_email"),
                                    .payload = openexec_text(payload),
                                    .nonce = openexec_text(nonce)};
  openexec_outcome* outcome = NULL;
  const openexec_code code = openexec_executor_execute(executor, &request, NULL, &outcome, NULL);
  const openexec_str name = openexec_code_name(code);
  printf("%-8s %-16s -> %.*s%s, entry %d\n", nonce, payload, (int)name.size, name.data,
         openexec_outcome_replayed(outcome) ? " (replayed)" : "", (int)openexec_outcome_entry_index(outcome));
  openexec_outcome_destroy(&outcome);
  return code;
}

int main(void) {
  const openexec_handler_table handler = {.size = sizeof handler, .run = send_email};
  openexec_config* config = NULL;
  openexec_executor* executor = NULL;
  if (openexec_config_create(&config, NULL) != OPENEXEC_OK || set_own_store(config) != OPENEXEC_OK ||
      openexec_config_set_demo_verifier(config, NULL) != OPENEXEC_OK ||
      openexec_config_add_handler(config, openexec_text("send_email"), &handler, NULL) != OPENEXEC_OK ||
      openexec_executor_create(config, &executor, NULL) != OPENEXEC_OK)
    return 1;
  openexec_config_destroy(&config);

  const openexec_code first = attempt(executor, "call-1", "{\"to\":\"ada\"}");
  const openexec_code again = attempt(executor, "call-1", "{\"to\":\"ada\"}");
  const openexec_code changed = attempt(executor, "call-1", "{\"to\":\"mallory\"}");
  const openexec_code second = attempt(executor, "call-2", "{\"to\":\"ada\"}");
  printf("sent %d emails\n", sent);
  openexec_executor_destroy(&executor);
  return first == OPENEXEC_OK && again == OPENEXEC_OK && changed == OPENEXEC_NONCE_CONFLICT && second == OPENEXEC_OK &&
                 sent == 2
             ? 0
             : 1;
}
