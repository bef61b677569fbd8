"""The declarations of openexec.h, made by cdef.py: change the header, never this file."""

CDEF = """\
typedef struct openexec_error openexec_error;
typedef struct openexec_buffer openexec_buffer;
typedef struct openexec_proposal openexec_proposal;
typedef struct openexec_config openexec_config;
typedef struct openexec_cancellation openexec_cancellation;
typedef struct openexec_executor openexec_executor;
typedef struct openexec_outcome openexec_outcome;
typedef struct openexec_log openexec_log;
typedef struct openexec_evidence openexec_evidence;
typedef struct openexec_sink openexec_sink;
typedef struct openexec_records openexec_records;
typedef struct openexec_unlogged openexec_unlogged;
typedef struct openexec_lines openexec_lines;
typedef struct openexec_approval openexec_approval;
typedef struct openexec_controls openexec_controls;
typedef struct openexec_str {
  const char* data;
  size_t size;
} openexec_str;
openexec_str openexec_text(const char* text);
typedef struct openexec_digest {
  uint8_t bytes[32];
} openexec_digest;
typedef int32_t openexec_code;
enum {
  OPENEXEC_OK = 0,
  OPENEXEC_HALTED = 100,
  OPENEXEC_NONCE_CONFLICT = 101,
  OPENEXEC_IN_PROGRESS = 102,
  OPENEXEC_ACTION_NOT_ALLOWED = 103,
  OPENEXEC_UNKNOWN_ACTION = 104,
  OPENEXEC_APPROVAL_MISSING = 110,
  OPENEXEC_APPROVAL_MALFORMED = 111,
  OPENEXEC_APPROVAL_KEY_MISSING = 112,
  OPENEXEC_APPROVAL_HASH_MISMATCH = 113,
  OPENEXEC_APPROVAL_TENANT_MISMATCH = 114,
  OPENEXEC_APPROVAL_EXPIRED = 115,
  OPENEXEC_APPROVAL_NOT_YET_VALID = 116,
  OPENEXEC_APPROVAL_SIGNATURE_INVALID = 117,
  OPENEXEC_APPROVAL_THRESHOLD = 118,
  OPENEXEC_APPROVAL_POLICY_MISMATCH = 119,
  OPENEXEC_APPROVAL_AUDIENCE_MISMATCH = 120,
  OPENEXEC_APPROVAL_CONSTRAINT = 121,
  OPENEXEC_APPROVAL_KEY_REVOKED = 122,
  OPENEXEC_APPROVAL_SPENT = 123,
  OPENEXEC_IN_DOUBT = 200,
  OPENEXEC_HANDLER_FAILED = 201,
  OPENEXEC_RESULT_INVALID = 202,
  OPENEXEC_STORE_FAILED = 300,
  OPENEXEC_OVERLOADED = 301,
  OPENEXEC_MALFORMED_REQUEST = 400,
  OPENEXEC_INVALID_ARGUMENT = 401,
  OPENEXEC_UNSUPPORTED_ABI = 402
};
typedef int32_t openexec_kind;
enum {
  OPENEXEC_KIND_OK = 0,
  OPENEXEC_KIND_REFUSED = 1,
  OPENEXEC_KIND_DOUBT = 2,
  OPENEXEC_KIND_FAULT = 3,
  OPENEXEC_KIND_MISUSE = 4
};
typedef int32_t openexec_verdict;
enum {
  OPENEXEC_VERDICT_REFUSED = 0,
  OPENEXEC_VERDICT_EXECUTED = 1,
  OPENEXEC_VERDICT_FAILED = 2,
  OPENEXEC_VERDICT_REPLAYED = 3,
  OPENEXEC_VERDICT_IN_DOUBT = 4,
  OPENEXEC_VERDICT_SUPPRESSED = 5,
  OPENEXEC_VERDICT_CONTROL = 6
};
typedef int32_t openexec_effect;
enum {
  OPENEXEC_EFFECT_NONE = 0,
  OPENEXEC_EFFECT_CONFIRMED = 1,
  OPENEXEC_EFFECT_UNKNOWN = 2
};
openexec_str openexec_code_name(openexec_code code);
openexec_code openexec_code_from_name(openexec_str name, openexec_code* code, openexec_error** error);
int32_t openexec_code_http(openexec_code code);
openexec_kind openexec_code_kind(openexec_code code);
openexec_str openexec_verdict_name(openexec_verdict verdict);
openexec_str openexec_effect_name(openexec_effect effect);
typedef struct openexec_hex {
  char text[65];
} openexec_hex;
openexec_code openexec_digest_to_hex(const openexec_digest* digest, openexec_hex* hex, openexec_error** error);
openexec_code openexec_digest_from_hex(openexec_str hex, openexec_digest* digest, openexec_error** error);
openexec_code openexec_error_code(const openexec_error* error);
openexec_str openexec_error_detail(const openexec_error* error);
void openexec_error_destroy(openexec_error** error);
openexec_str openexec_buffer_view(const openexec_buffer* buffer);
void openexec_buffer_destroy(openexec_buffer** buffer);
openexec_str openexec_version(void);
int32_t openexec_has_feature(openexec_str name);
typedef struct openexec_request {
  size_t size;
  openexec_str action;
  openexec_str payload;
  openexec_str nonce;
  openexec_str approval_artifact;
} openexec_request;
openexec_code openexec_proposal_create(const openexec_request* request, openexec_str tenant,
                                       openexec_proposal** proposal, openexec_error** error);
openexec_code openexec_proposal_create_json(openexec_str request, openexec_str tenant, openexec_proposal** proposal,
                                            openexec_error** error);
void openexec_proposal_destroy(openexec_proposal** proposal);
openexec_str openexec_proposal_tenant(const openexec_proposal* proposal);
openexec_str openexec_proposal_action(const openexec_proposal* proposal);
openexec_str openexec_proposal_nonce(const openexec_proposal* proposal);
openexec_str openexec_proposal_payload(const openexec_proposal* proposal);
openexec_str openexec_proposal_artifact(const openexec_proposal* proposal);
typedef int32_t openexec_hash;
enum {
  OPENEXEC_HASH_REQUEST = 1,
  OPENEXEC_HASH_ACTION = 2,
  OPENEXEC_HASH_PARAMETERS = 3,
  OPENEXEC_HASH_EXEC_ID = 4,
  OPENEXEC_HASH_ARTIFACT = 5
};
openexec_code openexec_proposal_hash(const openexec_proposal* proposal, openexec_hash hash, openexec_digest* digest,
                                     openexec_error** error);
openexec_code openexec_config_create(openexec_config** config, openexec_error** error);
void openexec_config_destroy(openexec_config** config);
openexec_code openexec_config_set_tenant(openexec_config* config, openexec_str tenant, openexec_error** error);
openexec_code openexec_config_set_executor_name(openexec_config* config, openexec_str name, openexec_error** error);
openexec_code openexec_config_set_allowed_actions(openexec_config* config, const openexec_str* actions, size_t count,
                                                  openexec_error** error);
typedef int32_t openexec_limit;
enum {
  OPENEXEC_LIMIT_REQUEST_BYTES = 1,
  OPENEXEC_LIMIT_REQUEST_DEPTH = 2,
  OPENEXEC_LIMIT_RESULT_BYTES = 3,
  OPENEXEC_LIMIT_IN_FLIGHT = 4,
  OPENEXEC_LIMIT_REFUSALS_PER_SECOND = 5,
  OPENEXEC_LIMIT_WAIT_MS = 6,
  OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS = 7
};
openexec_code openexec_config_set_limit(openexec_config* config, openexec_limit limit, uint64_t value,
                                        openexec_error** error);
openexec_code openexec_config_set_ledger_url(openexec_config* config, openexec_str url, openexec_error** error);
openexec_code openexec_config_set_ledger_path(openexec_config* config, openexec_str path, openexec_error** error);
openexec_code openexec_config_set_clawshield_verifier(openexec_config* config, openexec_str public_key_pem,
                                                      openexec_str tenant, openexec_error** error);
openexec_code openexec_config_set_log_key(openexec_config* config, openexec_str private_key_pem,
                                          openexec_error** error);
openexec_code openexec_config_set_log_origin(openexec_config* config, openexec_str origin, openexec_error** error);
openexec_code openexec_config_set_log_anchor(openexec_config* config, openexec_str path, openexec_error** error);
openexec_code openexec_config_set_trust_policy(openexec_config* config, openexec_str policy, openexec_error** error);
openexec_code openexec_config_set_demo_verifier(openexec_config* config, openexec_error** error);
openexec_code openexec_sink_write(openexec_sink* sink, openexec_str bytes);
typedef struct openexec_invocation {
  size_t size;
  openexec_str
      exec_id;
  openexec_str action;
  openexec_str payload;
  openexec_str tenant;
  int64_t
      deadline_ns;
  const openexec_cancellation* cancellation;
} openexec_invocation;
typedef struct openexec_settlement {
  size_t size;
  openexec_str exec_id;
  openexec_str action;
  openexec_str tenant;
} openexec_settlement;
typedef struct openexec_cost_query {
  size_t size;
  openexec_str action;
  openexec_str payload;
  openexec_str tenant;
} openexec_cost_query;
typedef int32_t openexec_answer;
enum {
  OPENEXEC_ANSWER_RESULT = 1,
  OPENEXEC_ANSWER_FAILED = 2,
  OPENEXEC_ANSWER_FAILED_NO_EFFECT = 3,
  OPENEXEC_ANSWER_IN_DOUBT = 4
};
typedef struct openexec_handler_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  openexec_answer (*run)(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail);
  openexec_answer (*reconcile)(void* self, const openexec_settlement* settlement, openexec_sink* result,
                               openexec_sink* detail);
  int64_t deadline_ms;
  openexec_code (*cost)(void* self, const openexec_cost_query* query, int64_t* micro_usd, openexec_sink* detail);
} openexec_handler_table;
openexec_code openexec_config_add_handler(openexec_config* config, openexec_str action,
                                          const openexec_handler_table* handler, openexec_error** error);
typedef struct openexec_new_entry {
  size_t size;
  openexec_str json;
  openexec_digest exec_id;
  openexec_digest attempt;
  int64_t at_us;
} openexec_new_entry;
typedef struct openexec_log_line {
  size_t size;
  uint64_t index;
  openexec_digest leaf_hash;
  openexec_str json;
} openexec_log_line;
openexec_code openexec_lines_put(openexec_lines* lines, const openexec_log_line* line);
typedef struct openexec_log_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  openexec_code (*append)(void* self, const openexec_new_entry* entry, uint64_t* index, openexec_sink* detail);
  openexec_code (*count)(void* self, uint64_t* entries, openexec_sink* detail);
  openexec_code (*read)(void* self, uint64_t first, uint64_t count, openexec_lines* lines, openexec_sink* detail);
  openexec_code (*find)(void* self, const openexec_digest* exec_id, uint64_t count, openexec_lines* lines,
                        openexec_sink* detail);
} openexec_log_table;
openexec_code openexec_config_set_log(openexec_config* config, const openexec_log_table* log, openexec_error** error);
typedef struct openexec_claim {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_str action;
  openexec_digest exec_id;
  openexec_digest request_hash;
  openexec_str approval_id;
  openexec_digest approval_digest;
  openexec_str approval;
  int64_t at_us;
  openexec_str predecessor;
  uint32_t max_per_minute;
  int32_t reserved;
} openexec_claim;
typedef int32_t openexec_claimed;
enum {
  OPENEXEC_CLAIM_EXISTS = 1,
  OPENEXEC_CLAIM_NONCE_CONFLICT = 2,
  OPENEXEC_CLAIM_APPROVAL_SPENT = 3,
  OPENEXEC_CLAIM_FRESH = 4,
  OPENEXEC_CLAIM_OUT_OF_ORDER = 5,
  OPENEXEC_CLAIM_RATE_REACHED = 6
};
typedef int32_t openexec_state;
enum {
  OPENEXEC_STATE_CLAIMED = 1,
  OPENEXEC_STATE_SEALED = 2,
  OPENEXEC_STATE_IN_DOUBT = 3
};
typedef struct openexec_record {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_str action;
  openexec_digest exec_id;
  openexec_digest request_hash;
  openexec_digest approval_digest;
  openexec_str approval;
  openexec_str result;
  int64_t entry;
  openexec_state state;
  openexec_code code;
  openexec_effect effect;
  int32_t reserved;
} openexec_record;
typedef struct openexec_seal {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str result;
  openexec_str entry;
  int64_t at_us;
  openexec_state state;
  openexec_code code;
  openexec_effect effect;
  int32_t reserved;
} openexec_seal;
typedef struct openexec_unlogged_entry {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str entry;
} openexec_unlogged_entry;
openexec_code openexec_records_put(openexec_records* records, const openexec_record* record);
openexec_code openexec_unlogged_put(openexec_unlogged* unlogged, const openexec_unlogged_entry* entry);
typedef int32_t openexec_control;
enum {
  OPENEXEC_CONTROL_HALT = 1,
  OPENEXEC_CONTROL_REVOKE_APPROVAL = 2,
  OPENEXEC_CONTROL_REVOKE_KEY = 3
};
typedef struct openexec_control_name {
  size_t size;
  openexec_control control;
  int32_t reserved;
  openexec_str id;
  openexec_str tenant;
} openexec_control_name;
typedef struct openexec_control_change {
  size_t size;
  openexec_control control;
  int32_t stands;
  openexec_str id;
  openexec_str tenant;
  openexec_str entry;
  int64_t at_us;
} openexec_control_change;
openexec_code openexec_controls_put(openexec_controls* controls, const openexec_control_name* name);
typedef struct openexec_store_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  openexec_code (*claim)(void* self, const openexec_claim* claim, openexec_claimed* claimed, openexec_records* existing,
                         openexec_sink* detail);
  openexec_code (*find)(void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                        openexec_sink* detail);
  openexec_code (*seal)(void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail);
  openexec_code (*orphans)(void* self, openexec_records* orphans, openexec_sink* detail);
  openexec_code (*pin)(void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail);
  openexec_code (*latest)(void* self, int64_t* at_us, openexec_sink* detail);
  openexec_code (*ready)(void* self, openexec_sink* detail);
  const openexec_log_table* log;
  openexec_code (*unlogged)(void* self, openexec_unlogged* unlogged, openexec_sink* detail);
  openexec_code (*logged)(void* self, const openexec_str* tenant, const openexec_str* nonce, uint64_t index,
                          openexec_sink* detail);
  int32_t keeps_terms;
  int32_t reserved;
  openexec_code (*control)(void* self, const openexec_control_change* change, int64_t* entry, openexec_sink* detail);
  openexec_code (*controls)(void* self, openexec_controls* controls, openexec_sink* detail);
} openexec_store_table;
openexec_code openexec_config_set_store(openexec_config* config, const openexec_store_table* store,
                                        openexec_error** error);
openexec_code openexec_approval_set_id(openexec_approval* approval, openexec_str id);
openexec_code openexec_approval_add_key(openexec_approval* approval, openexec_str key);
typedef struct openexec_verifier_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  openexec_str profile;
  openexec_code (*verify)(void* self, const openexec_proposal* proposal, int64_t now_us, openexec_approval* approval,
                          openexec_sink* detail);
  openexec_code (*ready)(void* self, openexec_sink* detail);
} openexec_verifier_table;
openexec_code openexec_config_set_verifier(openexec_config* config, const openexec_verifier_table* verifier,
                                           openexec_error** error);
typedef struct openexec_hasher_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  openexec_str name;
  void (*canonical)(void* self, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes);
  void (*digest)(void* self, const openexec_str* bytes, openexec_digest* digest);
} openexec_hasher_table;
openexec_code openexec_config_set_hasher(openexec_config* config, const openexec_hasher_table* hasher,
                                         openexec_error** error);
typedef struct openexec_clock_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  int64_t (*now_us)(void* self);
  int64_t (*monotonic_ns)(void* self);
} openexec_clock_table;
openexec_code openexec_config_set_clock(openexec_config* config, const openexec_clock_table* clock,
                                        openexec_error** error);
typedef int32_t openexec_happening;
enum {
  OPENEXEC_EVENT_OPENED = 1,
  OPENEXEC_EVENT_ANSWERED = 2,
  OPENEXEC_EVENT_RECOVERED = 3,
  OPENEXEC_EVENT_RELOADED = 4,
  OPENEXEC_EVENT_CLOSED = 5
};
typedef struct openexec_event {
  size_t size;
  openexec_happening happening;
  openexec_code code;
  openexec_verdict verdict;
  openexec_effect effect;
  openexec_str exec_id;
  openexec_str action;
  int64_t entry_index;
  uint64_t count;
} openexec_event;
typedef struct openexec_events_table {
  size_t size;
  void* self;
  void (*close)(void* self);
  void (*tell)(void* self, const openexec_event* event);
} openexec_events_table;
openexec_code openexec_config_set_events(openexec_config* config, const openexec_events_table* events,
                                         openexec_error** error);
openexec_code openexec_executor_create(const openexec_config* config, openexec_executor** executor,
                                       openexec_error** error);
void openexec_executor_destroy(openexec_executor** executor);
openexec_code openexec_cancellation_create(openexec_cancellation** cancellation, openexec_error** error);
openexec_code openexec_cancellation_cancel(openexec_cancellation* cancellation, openexec_error** error);
int32_t openexec_cancellation_cancelled(const openexec_cancellation* cancellation);
void openexec_cancellation_destroy(openexec_cancellation** cancellation);
typedef struct openexec_call_options {
  size_t size;
  int64_t max_wait_ms;
  const openexec_cancellation* cancellation;
  openexec_str nonce;
  int32_t proof;
  int32_t reserved;
} openexec_call_options;
openexec_code openexec_executor_execute(openexec_executor* executor, const openexec_request* request,
                                        const openexec_call_options* options, openexec_outcome** outcome,
                                        openexec_error** error);
openexec_code openexec_executor_execute_json(openexec_executor* executor, openexec_str request,
                                             const openexec_call_options* options, openexec_outcome** outcome,
                                             openexec_error** error);
typedef struct openexec_call {
  size_t size;
  const openexec_request* request;
  openexec_str json;
  const openexec_call_options* options;
} openexec_call;
typedef void (*openexec_lend)(void* self, void (*run)(void* work), void* work);
openexec_code openexec_executor_execute_many(openexec_executor* executor, const openexec_call* const* calls,
                                             size_t count, openexec_lend lend, void* self, openexec_outcome** outcomes,
                                             openexec_error** error);
typedef struct openexec_order {
  size_t size;
  openexec_control control;
  int32_t stands;
  openexec_str id;
  openexec_str tenant;
  openexec_str who;
  openexec_str why;
} openexec_order;
openexec_code openexec_executor_order(openexec_executor* executor, const openexec_order* order,
                                      openexec_outcome** outcome, openexec_error** error);
openexec_code openexec_executor_halt(openexec_executor* executor, openexec_error** error);
openexec_code openexec_executor_resume(openexec_executor* executor, openexec_error** error);
typedef int32_t (*openexec_visit_control)(void* self, const openexec_control_name* name);
openexec_code openexec_executor_controls(const openexec_executor* executor, openexec_visit_control visit, void* self,
                                         openexec_error** error);
int32_t openexec_executor_halted(const openexec_executor* executor);
openexec_code openexec_executor_ready(const openexec_executor* executor, openexec_error** error);
openexec_code openexec_executor_reload_trust_policy(openexec_executor* executor, openexec_str policy,
                                                    openexec_error** error);
typedef struct openexec_recovery {
  size_t size;
  uint64_t in_doubt;
  uint64_t settled;
  uint64_t relogged;
} openexec_recovery;
openexec_code openexec_executor_recovered(const openexec_executor* executor, openexec_recovery* recovery,
                                          openexec_error** error);
openexec_code openexec_executor_recover(openexec_executor* executor, openexec_recovery* recovery,
                                        openexec_error** error);
openexec_code openexec_outcome_code(const openexec_outcome* outcome);
int32_t openexec_outcome_http(const openexec_outcome* outcome);
openexec_verdict openexec_outcome_verdict(const openexec_outcome* outcome);
openexec_effect openexec_outcome_effect(const openexec_outcome* outcome);
int32_t openexec_outcome_replayed(const openexec_outcome* outcome);
openexec_str openexec_outcome_exec_id(const openexec_outcome* outcome);
openexec_str openexec_outcome_action(const openexec_outcome* outcome);
openexec_str openexec_outcome_result(const openexec_outcome* outcome);
openexec_str openexec_outcome_receipt(const openexec_outcome* outcome);
openexec_str openexec_outcome_detail(const openexec_outcome* outcome);
openexec_str openexec_outcome_entry(const openexec_outcome* outcome);
int64_t openexec_outcome_entry_index(const openexec_outcome* outcome);
openexec_str openexec_outcome_proof(const openexec_outcome* outcome);
void openexec_outcome_destroy(openexec_outcome** outcome);
openexec_code openexec_verify_receipt(openexec_str exec_id, openexec_str result, openexec_str receipt,
                                      openexec_error** error);
openexec_code openexec_verify_clawshield_v1(openexec_str public_key_pem, openexec_str tenant, openexec_str action,
                                            openexec_str payload, openexec_str artifact, int64_t now_us,
                                            openexec_buffer** approval, openexec_error** error);
openexec_code openexec_verify_trust_policy(openexec_str policy, openexec_str executor, openexec_str tenant,
                                           const openexec_request* request, int64_t now_us, openexec_buffer** approval,
                                           openexec_error** error);
openexec_code openexec_trust_policy_read(openexec_str policy, openexec_buffer** report, openexec_error** error);
typedef int32_t openexec_form;
enum {
  OPENEXEC_FORM_JCS = 1,
  OPENEXEC_FORM_CLAWSHIELD_V1 = 2,
  OPENEXEC_FORM_DISPLAY = 3
};
openexec_code openexec_canonicalise(openexec_str json, openexec_form form, openexec_buffer** canonical,
                                    openexec_error** error);
openexec_code openexec_sha256(openexec_str bytes, openexec_digest* digest, openexec_error** error);
openexec_code openexec_log_open(openexec_str url, openexec_log** log, openexec_error** error);
openexec_code openexec_executor_log(const openexec_executor* executor, openexec_log** log, openexec_error** error);
void openexec_log_destroy(openexec_log** log);
openexec_code openexec_log_count(const openexec_log* log, uint64_t* entries, openexec_error** error);
typedef int32_t (*openexec_visit)(void* self, const openexec_log_line* line);
openexec_code openexec_log_read(const openexec_log* log, uint64_t first, uint64_t count, openexec_visit visit,
                                void* self, openexec_error** error);
openexec_code openexec_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count,
                                openexec_visit visit, void* self, openexec_error** error);
openexec_code openexec_log_verifier_key(const openexec_log* log, openexec_buffer** key, openexec_error** error);
openexec_code openexec_log_checkpoint(const openexec_log* log, openexec_buffer** note, openexec_error** error);
openexec_code openexec_log_cosigned(const openexec_log* log, openexec_buffer** note, openexec_error** error);
openexec_code openexec_log_keep_cosigned(const openexec_log* log, openexec_str note, openexec_error** error);
openexec_code openexec_log_prove(const openexec_log* log, uint64_t index, openexec_buffer** proof,
                                 openexec_error** error);
openexec_code openexec_log_consistency(const openexec_log* log, uint64_t from, uint64_t to, openexec_buffer** hashes,
                                       openexec_error** error);
openexec_code openexec_log_resource(const openexec_log* log, openexec_str path, openexec_buffer** resource,
                                    openexec_error** error);
typedef struct openexec_evidence_trust {
  size_t size;
  openexec_str log_key;
  openexec_str policy;
} openexec_evidence_trust;
typedef struct openexec_evidence_held {
  size_t size;
  openexec_str exec_id;
  openexec_str action;
  openexec_str nonce;
  openexec_str tenant;
  openexec_str payload;
  openexec_str result;
  openexec_str receipt;
  openexec_str approval;
} openexec_evidence_held;
typedef int32_t openexec_evidence_verdict;
enum {
  OPENEXEC_EVIDENCE_FAIL = 0,
  OPENEXEC_EVIDENCE_INCOMPLETE = 1,
  OPENEXEC_EVIDENCE_PASS = 2
};
typedef int32_t openexec_evidence_step;
enum {
  OPENEXEC_STEP_PROOF = 0,
  OPENEXEC_STEP_ENTRY = 1,
  OPENEXEC_STEP_INCLUSION = 2,
  OPENEXEC_STEP_LOG_SIGNATURE = 3,
  OPENEXEC_STEP_COSIGNATURES = 4,
  OPENEXEC_STEP_EXEC_ID = 5,
  OPENEXEC_STEP_ACTION = 6,
  OPENEXEC_STEP_NONCE = 7,
  OPENEXEC_STEP_TENANT = 8,
  OPENEXEC_STEP_PAYLOAD = 9,
  OPENEXEC_STEP_RESULT = 10,
  OPENEXEC_STEP_RECEIPT = 11,
  OPENEXEC_STEP_APPROVAL = 12
};
typedef int32_t openexec_finding;
enum {
  OPENEXEC_FINDING_UNREACHED = 0,
  OPENEXEC_FINDING_FAILED = 1,
  OPENEXEC_FINDING_INCOMPLETE = 2,
  OPENEXEC_FINDING_NOT_ASKED = 3,
  OPENEXEC_FINDING_PASSED = 4
};
openexec_code openexec_evidence_verify(openexec_str proof, const openexec_evidence_trust* trust,
                                       const openexec_evidence_held* held, openexec_evidence** report,
                                       openexec_error** error);
void openexec_evidence_destroy(openexec_evidence** report);
openexec_evidence_verdict openexec_evidence_answer(const openexec_evidence* report);
openexec_evidence_step openexec_evidence_decided_by(const openexec_evidence* report);
openexec_finding openexec_evidence_finding(const openexec_evidence* report, openexec_evidence_step step);
openexec_str openexec_evidence_detail(const openexec_evidence* report, openexec_evidence_step step);
openexec_str openexec_evidence_entry(const openexec_evidence* report);
int64_t openexec_evidence_index(const openexec_evidence* report);
openexec_str openexec_evidence_origin(const openexec_evidence* report);
openexec_code openexec_evidence_tree(const openexec_evidence* report, uint64_t* entries, openexec_digest* root,
                                     openexec_error** error);
uint64_t openexec_evidence_cosignatures(const openexec_evidence* report);
openexec_code openexec_evidence_cosignature(const openexec_evidence* report, uint64_t number, openexec_str* witness,
                                            uint64_t* time_s, openexec_error** error);
openexec_str openexec_evidence_verdict_name(openexec_evidence_verdict verdict);
openexec_str openexec_evidence_step_name(openexec_evidence_step step);
openexec_str openexec_evidence_finding_name(openexec_finding finding);
"""
