/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openexec.h - the whole C promise of OpenExec.
 *
 * What an AI agent proposes runs only if somebody else approved it, runs at most once, and leaves evidence.
 *
 *   1 laws       what holds for every function, said once
 *   2 values     strings, digests, codes, errors, buffers, requests
 *   3 config     how an executor is to be
 *   4 parts      callbacks: handlers, and stores, logs, verifiers, hashers and clocks of your own
 *   5 execute    the boundary itself, and what its callers learn
 *   6 evidence   receipt hashes, portable receipts, approvals, canonical JSON and the log, with or without an executor
 *
 * START HERE: examples/01_echo.c, then section 1, then openexec_executor_execute.
 */
#ifndef OPENEXEC_H
#define OPENEXEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ================================================================================================================== */
/* 1 laws                                                                                                             */
/* ================================================================================================================== */
/*
 * Names. Everything is called openexec_ or OPENEXEC_. No macro hides a function.
 *
 * Order of arguments. First the object that the function works on, then what goes in, then what comes out, last
 * `openexec_error **error`.
 *
 * Codes. A function that can fail returns an openexec_code; OPENEXEC_OK (0) is the only success. The code decides; text
 * only explains. `error` may be NULL. Otherwise *error is written in every case, without a look at what was there: NULL
 * on success, on failure an object that the caller destroys (or NULL, where there is no memory for one).
 * Every function that takes `error` may also return
 *   OPENEXEC_INVALID_ARGUMENT  an argument breaks a law of this section or a rule of the function: the caller's bug
 *   OPENEXEC_UNSUPPORTED_ABI   a struct's `size` is not one that this library can serve: the caller's bug
 *   OPENEXEC_OVERLOADED        there was no memory; nothing was done
 *   OPENEXEC_STORE_FAILED      something unforeseen went wrong inside; nothing runs that is not said to have
 * and the functions name only the codes that they give beside these. Nothing is thread-local, nothing is global.
 *
 * NULL. No pointer may be NULL unless its function says so; otherwise the answer is OPENEXEC_INVALID_ARGUMENT.
 * Accessors, which return a value and not a code, answer NULL with OPENEXEC_INVALID_ARGUMENT, zero or an empty string.
 * A pointer that is neither NULL nor valid, and a handle after its destroy, cannot be recognised: both are undefined.
 *
 * Strings are views, (data, size), not terminated by zero; `data` may be NULL only if `size` is 0. Text is UTF-8.
 *
 * Memory never changes its owner. Views go in and are not kept: whatever has to outlive the call is copied. Handles
 * come out and go back through their own destroy(T **), which accepts NULL and a pointer to NULL, and sets the pointer
 * to NULL. A view that comes out of a handle lives as long as the handle. Callbacks write their answers into objects
 * that are lent to them (sinks, records, lines, approvals) for the duration of the callback. An out parameter for a
 * handle is overwritten in every case, with NULL on failure.
 *
 * Sizes. Structs that can grow carry `size` first: set it to sizeof the struct and zero what you do not use. They only
 * ever grow at the end. A struct shorter than its first version is refused; one that is longer than this library knows
 * is accepted if all of the unknown bytes are zero, and refused otherwise: what would be ignored was asked for.
 * In structs that OpenExec hands to a callback, `size` is what this library filled in.
 * Integers have fixed widths; lengths are size_t. Truth is an int32_t, 1 or 0. Times carry their unit in the name:
 * _us are microseconds since 1970-01-01T00:00:00Z.
 *
 * Threads. An executor may be used by any number of threads at once. Any other handle may be read by several threads at
 * once, and changed or destroyed by one alone. OpenExec starts no thread.
 *
 * Threads that end. The cancellation of a thread (pthread_cancel) is put off until the function that it is inside has
 * returned. A thread may end inside a callback of its own accord, by pthread_exit, or by a cancellation that the
 * callback allows: its stack is unwound through OpenExec, and the function never returns. The executor stays usable,
 * other threads go on, and the process keeps its exit code. What the thread had claimed stays claimed. It is answered
 * with OPENEXEC_IN_DOUBT from then on, and recorded as in doubt when the store is opened again. What a thread ran that
 * was lent to openexec_executor_execute_many is in doubt at once. Where the last thread inside a destroyed executor
 * ends so, OPENEXEC_EVENT_CLOSED is not told. In `close`, and in callbacks that the end of an executor calls, it ends
 * the process. Where the platform does not unwind a thread that ends (musl), its claims, and who waits for them, are
 * not released.
 *
 * Callbacks are called from whichever thread called into OpenExec, concurrently where several did; handlers always on
 * the thread that called execute. `self` is handed back untouched. They return one of the numbers they are documented
 * to return; anything else is taken as failure. They should not throw; a C++ exception that leaves one counts as
 * failure, except where a callback cannot fail (hasher, clock, close): there it ends the process. What `tell`
 * throws is forgotten.
 * A table is copied when it is set. If, and only if, the setter succeeds OpenExec owns `self`, and calls `close`
 * exactly once, when the config and every executor and log reader that hold it are gone. `close` may be NULL.
 *
 * Re-entry. A handler must not execute on the executor that runs it: the attempt is refused with
 * OPENEXEC_INVALID_ARGUMENT. Everything else it may call, destroy included. The callbacks of the other
 * parts must not call into the executor that they are part of.
 *
 * Fork. Executors and log readers belong to the process that made them. In a child they answer
 * OPENEXEC_INVALID_ARGUMENT, and destroy sets the pointer to NULL and leaves the rest to the parent.
 */

/* Handles. Opaque; each has its own destroy. */
typedef struct openexec_error openexec_error;               /* why not */
typedef struct openexec_buffer openexec_buffer;             /* bytes that OpenExec made */
typedef struct openexec_proposal openexec_proposal;         /* a request after its one strict parse */
typedef struct openexec_config openexec_config;             /* how an executor is to be */
typedef struct openexec_cancellation openexec_cancellation; /* a flag that handlers can look at */
typedef struct openexec_executor openexec_executor;         /* the boundary */
typedef struct openexec_outcome openexec_outcome;           /* the answer to one attempt */
typedef struct openexec_log openexec_log;                   /* a log, to read */
typedef struct openexec_evidence openexec_evidence;         /* what a portable receipt is worth, step by step */

/* Lent to callbacks, never owned by them. */
typedef struct openexec_sink openexec_sink;         /* takes bytes */
typedef struct openexec_records openexec_records;   /* takes records of a store */
typedef struct openexec_unlogged openexec_unlogged; /* takes sealed entries that are not in the log yet */
typedef struct openexec_lines openexec_lines;       /* takes lines of a log */
typedef struct openexec_approval openexec_approval; /* takes what a verifier found */
typedef struct openexec_controls openexec_controls; /* takes controls that stand */

/* ================================================================================================================== */
/* 2 values                                                                                                           */
/* ================================================================================================================== */

/* A view of bytes. */
typedef struct openexec_str {
  const char* data;
  size_t size;
} openexec_str;

/* The view of a string that ends with zero, without the zero.
 * Returns: the view; it lives as long as `text`. The empty one for NULL.
 */
openexec_str openexec_text(const char* text);

/* SHA-256. All zero means "none". */
typedef struct openexec_digest {
  uint8_t bytes[32];
} openexec_digest;

/* What happened, as a number that never changes its meaning (docs/errors.md). */
typedef int32_t openexec_code;
enum {
  OPENEXEC_OK = 0,

  /* Refused: a decision; nothing ran. */
  OPENEXEC_HALTED = 100,
  OPENEXEC_NONCE_CONFLICT = 101,
  OPENEXEC_IN_PROGRESS = 102,
  OPENEXEC_ACTION_NOT_ALLOWED = 103,
  OPENEXEC_UNKNOWN_ACTION = 104,
  OPENEXEC_PAYLOAD_SCHEMA = 105,
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

  /* Doubt: it ran, or may have. */
  OPENEXEC_IN_DOUBT = 200,
  OPENEXEC_HANDLER_FAILED = 201,
  OPENEXEC_RESULT_INVALID = 202,

  /* Fault: undecided; nothing ran that is not said to have. */
  OPENEXEC_STORE_FAILED = 300,
  OPENEXEC_OVERLOADED = 301,
  OPENEXEC_CLOCK_SUSPECT = 302,

  /* Misuse: the caller's bug. */
  OPENEXEC_MALFORMED_REQUEST = 400,
  OPENEXEC_INVALID_ARGUMENT = 401,
  OPENEXEC_UNSUPPORTED_ABI = 402
};

/* The four kinds of no, and yes. */
typedef int32_t openexec_kind;
enum {
  OPENEXEC_KIND_OK = 0,
  OPENEXEC_KIND_REFUSED = 1,
  OPENEXEC_KIND_DOUBT = 2,
  OPENEXEC_KIND_FAULT = 3,
  OPENEXEC_KIND_MISUSE = 4
};

/* How an attempt ended. */
typedef int32_t openexec_verdict;
enum {
  OPENEXEC_VERDICT_REFUSED = 0,
  OPENEXEC_VERDICT_EXECUTED = 1,
  OPENEXEC_VERDICT_FAILED = 2,
  OPENEXEC_VERDICT_REPLAYED = 3,
  OPENEXEC_VERDICT_IN_DOUBT = 4,
  OPENEXEC_VERDICT_SUPPRESSED = 5, /* in the log only: stands for many refusals */
  OPENEXEC_VERDICT_CONTROL = 6     /* no attempt, but an order: a halt, a resume, a revocation */
};

/* What became of the action in the world, as far as the executor knows. */
typedef int32_t openexec_effect;
enum {
  OPENEXEC_EFFECT_NONE = 0,      /* the handler was not entered, or itself says that nothing happened */
  OPENEXEC_EFFECT_CONFIRMED = 1, /* the handler returned a result */
  OPENEXEC_EFFECT_UNKNOWN = 2    /* everything else */
};

/* What a result is. */
typedef int32_t openexec_result_form;
enum {
  OPENEXEC_RESULT_JSON = 0, /* the JSON value that the handler gave */
  OPENEXEC_RESULT_TEXT = 1, /* an object whose `text` carries output that is not JSON, or is too long */
  OPENEXEC_RESULT_BYTES = 2 /* the same of output that is not UTF-8, as `base64` */
};

/* The code's name as log entries carry it, e.g. "approval_expired".
 * Returns: a view that lives as long as the library; "unknown" for a number that is not in the table.
 */
openexec_str openexec_code_name(openexec_code code);

/* The code that has a name.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT where there is none.
 * In:  name
 * Out: code, unchanged on failure
 */
openexec_code openexec_code_from_name(openexec_str name, openexec_code* code, openexec_error** error);

/* The code's HTTP status.
 * Returns: the status; 0 for codes that never reach HTTP; 500 for a number that is not in the table.
 */
int32_t openexec_code_http(openexec_code code);

/* The code's kind.
 * Returns: one of OPENEXEC_KIND_...; OPENEXEC_KIND_OK for OPENEXEC_OK alone.
 */
openexec_kind openexec_code_kind(openexec_code code);

/* A verdict's name, e.g. "executed".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_verdict_name(openexec_verdict verdict);

/* An effect's name, e.g. "confirmed".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_effect_name(openexec_effect effect);

/* A result form's name, e.g. "text".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_result_form_name(openexec_result_form form);

/* What a model that proposed the action is to be told beside the code: whether it ran, whether it may be tried again,
 * and how. English, of printable ASCII, and the same for every host (docs/errors.md has all of it). A number that this
 * library does not know is treated as one that leaves everything open.
 * Returns: a view that lives as long as the library.
 * In:  code
 *      verdict    as openexec_outcome_verdict
 *      effect     as openexec_outcome_effect
 */
openexec_str openexec_advice(openexec_code code, openexec_verdict verdict, openexec_effect effect);

/* A digest as text: 64 lower-case hexadecimal digits and a zero. */
typedef struct openexec_hex {
  char text[65];
} openexec_hex;

/* Writes a digest as text.
 * Returns: OPENEXEC_OK.
 * In:  digest
 * Out: hex
 */
openexec_code openexec_digest_to_hex(const openexec_digest* digest, openexec_hex* hex, openexec_error** error);

/* Reads a digest from text.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT for anything but exactly 64 lower-case hexadecimal digits.
 * In:  hex
 * Out: digest, unchanged on failure
 */
openexec_code openexec_digest_from_hex(openexec_str hex, openexec_digest* digest, openexec_error** error);

/* Why a function failed.
 * Returns: the code that the function returned.
 */
openexec_code openexec_error_code(const openexec_error* error);

/* The explanation for a person: names the argument, the field, the byte or the setting. Holds no payload, no key and no
 * result.
 * Returns: a view that lives as long as `error`.
 */
openexec_str openexec_error_detail(const openexec_error* error);

/* Ends an error. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_error_destroy(openexec_error** error);

/* The bytes of a buffer.
 * Returns: a view that lives as long as `buffer`.
 */
openexec_str openexec_buffer_view(const openexec_buffer* buffer);

/* Ends a buffer. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_buffer_destroy(openexec_buffer** buffer);

/* The library that is running, e.g. "0.1.0" (semantic versioning).
 * Returns: a view that lives as long as the library.
 */
openexec_str openexec_version(void);

/* Whether this build has something: "sqlite", "clawshield-v1", "trust-policy", "transparency-log", "evidence",
 * "events", "payload-schema", "payload-schema-patterns", "tool-call-nonce". An unknown name is a feature that is
 * absent.
 * Returns: 1 or 0.
 */
int32_t openexec_has_feature(openexec_str name);

/* What an agent proposes. */
typedef struct openexec_request {
  size_t size;                    /* sizeof(openexec_request) */
  openexec_str action;            /* 1 to 128 bytes of [A-Za-z0-9_.:/-] */
  openexec_str payload;           /* JSON text of one object; empty means {} */
  openexec_str nonce;             /* 1 to 255 bytes of UTF-8, no control characters; unique in the tenant, for ever */
  openexec_str approval_artifact; /* JSON text of one object; empty means none */
} openexec_request;

/* Reads a request the way an executor does, without running anything: for hosts that only hash or only verify.
 * One proposal is read by one thread at a time.
 * Returns: OPENEXEC_OK, or OPENEXEC_MALFORMED_REQUEST with the place in the detail.
 * In:  request
 *      tenant     part of the exec_id
 * Out: proposal   the caller destroys it
 */
openexec_code openexec_proposal_create(const openexec_request* request, openexec_str tenant,
                                       openexec_proposal** proposal, openexec_error** error);

/* The same from one JSON object with the members action, payload, nonce and approval_artifact.
 * Returns: OPENEXEC_OK, or OPENEXEC_MALFORMED_REQUEST with the place in the detail.
 * In:  request    JSON text
 *      tenant     part of the exec_id
 * Out: proposal   the caller destroys it
 */
openexec_code openexec_proposal_create_json(openexec_str request, openexec_str tenant, openexec_proposal** proposal,
                                            openexec_error** error);

/* Ends a proposal that was created; not one that is lent to a verifier. Accepts NULL and a pointer to NULL; sets the
 * pointer to NULL.
 */
void openexec_proposal_destroy(openexec_proposal** proposal);

/* Returns: the tenant; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_tenant(const openexec_proposal* proposal);

/* Returns: the action; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_action(const openexec_proposal* proposal);

/* Returns: the nonce; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_nonce(const openexec_proposal* proposal);

/* Returns: the payload in RFC 8785 form, as the handler gets it; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_payload(const openexec_proposal* proposal);

/* Returns: the approval artifact in RFC 8785 form, empty where there is none; a view that lives as long as `proposal`.
 */
openexec_str openexec_proposal_artifact(const openexec_proposal* proposal);

/* The hashes of a proposal (docs/formats.md, section 3). */
typedef int32_t openexec_hash;
enum {
  OPENEXEC_HASH_REQUEST = 1,    /* of the RFC 8785 form of action and payload: names the request */
  OPENEXEC_HASH_ACTION = 2,     /* of their clawshield-v1 form: what a clawshield-v1 artifact carries */
  OPENEXEC_HASH_PARAMETERS = 3, /* of the payload alone */
  OPENEXEC_HASH_EXEC_ID = 4,    /* of action, nonce, payload and tenant: the execution's id */
  OPENEXEC_HASH_ARTIFACT = 5    /* of the approval artifact; zero where there is none */
};

/* Computes one of the hashes of a proposal, with the supplied hasher.
 * Returns: OPENEXEC_OK.
 * In:  proposal
 *      hash       one of OPENEXEC_HASH_...
 * Out: digest     unchanged on failure
 */
openexec_code openexec_proposal_hash(const openexec_proposal* proposal, openexec_hash hash, openexec_digest* digest,
                                     openexec_error** error);

/* ================================================================================================================== */
/* 3 config                                                                                                           */
/* ================================================================================================================== */

/* Makes a config: tenant "default", name "openexec", no allow-list, the default limits, the supplied hasher and clock,
 * and neither a store nor a verifier. Those two have no default.
 * A config may make any number of executors, and may be destroyed as soon as it has made them.
 * Returns: OPENEXEC_OK.
 * Out: config     the caller destroys it
 */
openexec_code openexec_config_create(openexec_config** config, openexec_error** error);

/* Ends a config. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_config_destroy(openexec_config** config);

/* Sets whose nonces and approvals these are.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      tenant     UTF-8, not empty
 */
openexec_code openexec_config_set_tenant(openexec_config* config, openexec_str tenant, openexec_error** error);

/* Sets the executor's own name in log entries.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      name       UTF-8, not empty
 */
openexec_code openexec_config_set_executor_name(openexec_config* config, openexec_str name, openexec_error** error);

/* Sets the allow-list: only these actions run. Without it every registered action may; with an empty one none.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      actions    an array; may be NULL if count is 0
 *      count
 */
openexec_code openexec_config_set_allowed_actions(openexec_config* config, const openexec_str* actions, size_t count,
                                                  openexec_error** error);

/* Bounds. What exceeds one is refused; nothing is dropped in silence. */
typedef int32_t openexec_limit;
enum {
  OPENEXEC_LIMIT_REQUEST_BYTES = 1,        /* the whole request; default 1 MiB */
  OPENEXEC_LIMIT_REQUEST_DEPTH = 2,        /* nesting of objects and arrays; default and maximum 128 */
  OPENEXEC_LIMIT_RESULT_BYTES = 3,         /* of a handler's result; default 1 MiB */
  OPENEXEC_LIMIT_IN_FLIGHT = 4,            /* attempts at once; default 1024 */
  OPENEXEC_LIMIT_REFUSALS_PER_SECOND = 5,  /* entries for refusals; default 1000 */
  OPENEXEC_LIMIT_WAIT_MS = 6,              /* how long a second caller of a running nonce waits; default 30,000 */
  OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS = 7, /* clawshield-v1: how far in the future issued_at may lie; default 60 */
  OPENEXEC_LIMIT_CLOCK_JUMP_SECONDS = 8,   /* how far the wall clock may jump before it is suspect; default 3,600 */
  OPENEXEC_LIMIT_REPLAYS_PER_SECOND = 9    /* entries for replays of one execution; default 10 */
};

/* Sets one bound. Whether an executor can work with it is checked when one is made.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT for an unknown limit or a value of more than 32 bits.
 * In:  config
 *      limit      one of OPENEXEC_LIMIT_...
 *      value
 */
openexec_code openexec_config_set_limit(openexec_config* config, openexec_limit limit, uint64_t value,
                                        openexec_error** error);

/* Takes a supplied ledger (a store that is its own log) by URL: sqlite:///relative.db, sqlite:////absolute.db,
 * sqlite:// (memory, forgotten with the executor). Opened, and held alone, by each executor that the config makes.
 * Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      url
 */
openexec_code openexec_config_set_ledger_url(openexec_config* config, openexec_str url, openexec_error** error);

/* Takes a supplied SQLite ledger by the path of its file, which is created where it does not exist.
 * Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      path
 */
openexec_code openexec_config_set_ledger_path(openexec_config* config, openexec_str path, openexec_error** error);

/* Requires approvals of profile clawshield-v1 (docs/formats.md, section 4). Replaces any verifier that was set before.
 * An empty key or tenant is accepted, and then refuses every request: not configured is refused.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT for a key that is not exactly one strict Ed25519 public key.
 * In:  config
 *      public_key_pem
 *      tenant     what an artifact's tenant_id must be
 */
openexec_code openexec_config_set_clawshield_verifier(openexec_config* config, openexec_str public_key_pem,
                                                      openexec_str tenant, openexec_error** error);

/* Names the key of a supplied ledger's log, which signs its checkpoints: Ed25519, PKCS#8 PEM without a passphrase; the
 * two characters \n stand for a line break. Without it the first opening makes PATH.log-key, mode 0600. Looked at when
 * an executor is made; the key is kept in the config until that is destroyed. A ledger in memory takes none of the
 * three settings of a log, and neither does a store of your own: openexec_executor_create then refuses.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      private_key_pem
 */
openexec_code openexec_config_set_log_key(openexec_config* config, openexec_str private_key_pem,
                                          openexec_error** error);

/* Names a supplied ledger's log, as no other log in the world should be named: without white space and '+'. Without it
 * the name is made from the key. Recorded with the first opening, and the ledger's for its life.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      origin     UTF-8, not empty, such as "example.com/payments"
 */
openexec_code openexec_config_set_log_origin(openexec_config* config, openexec_str origin, openexec_error** error);

/* Keeps the newest checkpoint in a file apart, replaced after each commit. A ledger that does not reach as far, or has
 * another history, was rolled back or replaced, and is not opened for writing. One writer has the file, and stops with
 * OPENEXEC_STORE_FAILED if another program changes it.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      path       where a restore of the ledger does not reach it, such as another disk
 */
openexec_code openexec_config_set_log_anchor(openexec_config* config, openexec_str path, openexec_error** error);

/* Requires DSSE approvals under a trust policy (docs/formats.md, section 11), for the config's tenant and executor name
 * as they are when an executor is made. Replaces any verifier that was set before. Without a policy every request is
 * refused with OPENEXEC_APPROVAL_KEY_MISSING until openexec_executor_reload_trust_policy brings one.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the line or the member that is wrong.
 * In:  config
 *      policy     JSON text; empty: none yet
 */
openexec_code openexec_config_set_trust_policy(openexec_config* config, openexec_str policy, openexec_error** error);

/* WEAK: verifies nothing, so that everybody may run everything. For demonstrations. Replaces any verifier that was set
 * before.
 * Returns: OPENEXEC_OK.
 * In:  config
 */
openexec_code openexec_config_set_demo_verifier(openexec_config* config, openexec_error** error);

/* ================================================================================================================== */
/* 4 parts                                                                                                            */
/* ================================================================================================================== */
/*
 * Each table is one part. OpenExec tests a part when an executor is made, before it trusts it.
 * The last argument of a callback that can fail is a sink for the explanation; it may be left empty.
 */

/* Gives bytes to a sink: appends them to what it holds. A sink has a bound; a callback that meets it may stop writing,
 * and what was cut off is never taken for the whole. A handler that goes on writing its result has all of it counted
 * and hashed.
 * Returns: OPENEXEC_OK, or OPENEXEC_OVERLOADED where not all bytes were taken, now or before.
 * In:  sink       the one that was lent to the running callback
 *      bytes
 */
openexec_code openexec_sink_write(openexec_sink* sink, openexec_str bytes);

/* --- handlers: what runs, once it is approved --- */

/* One call of a handler. The views live until it returns. */
typedef struct openexec_invocation {
  size_t size;
  openexec_str
      exec_id; /* 64 hexadecimal digits, the same on every attempt: pass it downstream as the idempotency key */
  openexec_str action;
  openexec_str payload; /* RFC 8785 form of what was approved */
  openexec_str tenant;
  int64_t
      deadline_ns; /* when the host stops caring, on the executor's monotonic clock; a handler is never interrupted */
  const openexec_cancellation* cancellation;
  uint32_t attempt; /* 1, or which further attempt this is (retry_none) */
  uint32_t reserved;
} openexec_invocation;

/* An interrupted call, of which a reconcile function knows or finds out whether it took place. */
typedef struct openexec_settlement {
  size_t size;
  openexec_str exec_id;
  openexec_str action;
  openexec_str tenant;
} openexec_settlement;

/* What is asked for its cost. The views live until the callback returns. */
typedef struct openexec_cost_query {
  size_t size;
  openexec_str action;
  openexec_str payload; /* RFC 8785 form */
  openexec_str tenant;
} openexec_cost_query;

/* What a handler says became of the action. There is no default: any other number, zero included, is IN_DOUBT. */
typedef int32_t openexec_answer;
enum {
  OPENEXEC_ANSWER_RESULT = 1,           /* it took place; `result` holds its output, best one strict JSON value */
  OPENEXEC_ANSWER_FAILED = 2,           /* it failed, and may have done something; final */
  OPENEXEC_ANSWER_FAILED_NO_EFFECT = 3, /* it failed, and the handler knows that nothing happened; final */
  OPENEXEC_ANSWER_IN_DOUBT = 4          /* it may have taken place; never run again */
};

typedef struct openexec_handler_table {
  size_t size; /* sizeof(openexec_handler_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  /* Runs the action, on the thread that called execute; concurrently with itself when several threads call.
   * Output that is not one strict JSON value, or is longer than OPENEXEC_LIMIT_RESULT_BYTES, becomes an object that
   * carries it (openexec_result_form). `detail` explains every answer but RESULT; it is told to the caller and to each
   * replay, is kept with the outcome, and enters no log. */
  openexec_answer (*run)(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail);

  /* Asked on recovery whether an interrupted action took place, and never runs it. RESULT: yes; FAILED_NO_EFFECT: no;
   * everything else: unknown. May be NULL. */
  openexec_answer (*reconcile)(void* self, const openexec_settlement* settlement, openexec_sink* result,
                               openexec_sink* detail);

  int64_t deadline_ms; /* becomes the invocation's deadline; 0 means 30,000 */

  /* Writes what an execution would cost, in millionths of a US dollar. Asked before anything is claimed, and only where
   * the approval names a highest cost; anything but OPENEXEC_OK refuses it. Runs nothing. May be NULL: then no such
   * approval is served. */
  openexec_code (*cost)(void* self, const openexec_cost_query* query, int64_t* micro_usd, openexec_sink* detail);

  /* What a payload of this action has to look like: a JSON Schema (docs/formats.md, section 12), compiled when the
   * table is set. A payload that does not satisfy it is refused with OPENEXEC_PAYLOAD_SCHEMA before its approval is
   * looked at. Empty: any object. */
  openexec_str payload_schema;

  /* How many further attempts an execution has where one ended with FAILED_NO_EFFECT, or found the kill switch on: the
   * same request, sent again under the same approval, is then admitted anew and runs again. At most 1,000; 0: never. A
   * store of your own keeps one attempt only, and openexec_executor_create refuses the two together. */
  uint32_t retry_none;
  uint32_t reserved; /* 0 */
} openexec_handler_table;

/* Registers what an action runs.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT where the name breaks the rule for actions or is taken, `run` is
 *          NULL, or the schema is none, or has something that is not checked (the detail names the place in it).
 * In:  config
 *      action     its name
 *      handler    copied; `self` is owned from success on
 */
openexec_code openexec_config_add_handler(openexec_config* config, openexec_str action,
                                          const openexec_handler_table* handler, openexec_error** error);

/* --- logs: the append-only record of every attempt --- */

/* An entry on its way into a log. */
typedef struct openexec_new_entry {
  size_t size;
  openexec_str json;       /* 1 to 65,535 bytes; anything else is to be refused */
  openexec_digest exec_id; /* finds the entry again; zero for a malformed request */
  openexec_digest attempt; /* not zero: a second append of the same attempt answers the first one's index */
  int64_t at_us;           /* the store's highest time counts it */
} openexec_new_entry;

/* An entry in its place. */
typedef struct openexec_log_line {
  size_t size; /* sizeof(openexec_log_line) */
  uint64_t index;
  openexec_digest leaf_hash; /* RFC 6962: SHA-256(0x00 || json) */
  openexec_str json;
} openexec_log_line;

/* Gives one line to whoever reads.
 * Returns: OPENEXEC_OK; otherwise the line was not taken, and the reading will fail.
 * In:  lines      lent to the running callback
 *      line       copied
 */
openexec_code openexec_lines_put(openexec_lines* lines, const openexec_log_line* line);

/* A log of your own. Callbacks return OPENEXEC_OK, or why not: OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT.
 *  - append is durable before it answers. Indexes start at 0, have no gaps, and are the order of commit.
 *  - Nothing is ever changed or removed.
 *  - Idempotent per attempt, so that it can be fed again after a crash.
 *  - Called from any thread, concurrently.
 */
typedef struct openexec_log_table {
  size_t size; /* sizeof(openexec_log_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  openexec_code (*append)(void* self, const openexec_new_entry* entry, uint64_t* index, openexec_sink* detail);
  openexec_code (*count)(void* self, uint64_t* entries, openexec_sink* detail);
  /* Up to `count` lines from `first` on, in order; fewer at the end. */
  openexec_code (*read)(void* self, uint64_t first, uint64_t count, openexec_lines* lines, openexec_sink* detail);
  /* The lines of one execution, in order; at most `count` of them. */
  openexec_code (*find)(void* self, const openexec_digest* exec_id, uint64_t count, openexec_lines* lines,
                        openexec_sink* detail);
} openexec_log_table;

/* Takes a log of your own, apart from the store. The store is then the log's outbox.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      log        copied; `self` is owned from success on
 */
openexec_code openexec_config_set_log(openexec_config* config, const openexec_log_table* log, openexec_error** error);

/* --- stores: the contract that carries "at most once" --- */

/* What a claim spends, in one durable step. */
typedef struct openexec_claim {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_str action;
  openexec_digest exec_id;
  openexec_digest request_hash;
  openexec_str approval_id;        /* spent with the nonce; empty spends none */
  openexec_digest approval_digest; /* which artifact was spent; zero where none was presented */
  openexec_str approval;           /* JSON, kept for the log entry of an attempt that dies */
  int64_t at_us;

  /* What the claim is held to besides, in the same step; only a store that says `keeps_terms` is ever asked to. */
  openexec_str predecessor; /* something spent as an approval id that must be sealed as OPENEXEC_OK; empty: nothing */
  /* Claims of this action in this tenant within 60 seconds, this one included; 0: any number */
  uint32_t max_per_minute;
  int32_t reserved; /* zero */
} openexec_claim;

/* A claim's answer. Nothing but FRESH permits running the handler. */
typedef int32_t openexec_claimed;
enum {
  OPENEXEC_CLAIM_EXISTS = 1,         /* the nonce was claimed before, by this very request: give its record */
  OPENEXEC_CLAIM_NONCE_CONFLICT = 2, /* the nonce was claimed before, by another request */
  OPENEXEC_CLAIM_APPROVAL_SPENT = 3, /* the approval was claimed before, under another nonce */
  OPENEXEC_CLAIM_FRESH = 4,          /* claimed now, durably */
  OPENEXEC_CLAIM_OUT_OF_ORDER = 5,   /* the predecessor has not executed; nothing was spent */
  OPENEXEC_CLAIM_RATE_REACHED = 6    /* as many claims as may be were made within a minute; nothing was spent */
};

typedef int32_t openexec_state;
enum {
  OPENEXEC_STATE_CLAIMED = 1, /* its first attempt is running, or died and was not recovered yet */
  OPENEXEC_STATE_SEALED = 2,  /* final */
  OPENEXEC_STATE_IN_DOUBT = 3 /* it may have run; never run again; a settlement may still seal it */
};

/* What a store knows of one nonce. */
typedef struct openexec_record {
  size_t size; /* sizeof(openexec_record) */
  openexec_str tenant;
  openexec_str nonce;
  openexec_str action;
  openexec_digest exec_id;
  openexec_digest request_hash;
  openexec_digest approval_digest;
  openexec_str approval; /* as claimed */
  openexec_str result;   /* as sealed; empty while claimed */
  int64_t entry;         /* index of the entry that sealed it or put it in doubt; -1 where there is none */
  openexec_state state;
  openexec_code code;     /* as sealed; while claimed OPENEXEC_IN_DOUBT */
  openexec_effect effect; /* as sealed; while claimed OPENEXEC_EFFECT_UNKNOWN */
  int32_t reserved;       /* zero */
} openexec_record;

/* The end of an attempt: claimed to sealed or in doubt, or in doubt to sealed. */
typedef struct openexec_seal {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str result; /* display form; behind a line feed what replays tell besides; kept as it is */
  openexec_str entry;  /* the log entry; goes into the log in the same durable step, or into the outbox */
  int64_t at_us;
  openexec_state state;
  openexec_code code;
  openexec_effect effect;
  int32_t reserved; /* zero */
} openexec_seal;

/* A sealed attempt whose entry has not been confirmed to be in the log. */
typedef struct openexec_unlogged_entry {
  size_t size; /* sizeof(openexec_unlogged_entry) */
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str entry;
} openexec_unlogged_entry;

/* Gives one record to whoever asked.
 * Returns: OPENEXEC_OK; otherwise the record was not taken, and the callback's answer will count as failed.
 * In:  records    lent to the running callback
 *      record     copied
 */
openexec_code openexec_records_put(openexec_records* records, const openexec_record* record);

/* Gives one unlogged entry to whoever asked.
 * Returns: OPENEXEC_OK; otherwise the entry was not taken, and the callback's answer will count as failed.
 * In:  unlogged   lent to the running callback
 *      entry      copied
 */
openexec_code openexec_unlogged_put(openexec_unlogged* unlogged, const openexec_unlogged_entry* entry);

/* What is ordered while executors run, and stands until it is lifted. */
typedef int32_t openexec_control;
enum {
  OPENEXEC_CONTROL_HALT = 1,            /* nothing starts */
  OPENEXEC_CONTROL_REVOKE_APPROVAL = 2, /* an approval, by its id, counts no more */
  OPENEXEC_CONTROL_REVOKE_KEY = 3,      /* a key, by its id or fingerprint, counts no more */
  OPENEXEC_CONTROL_CONFIRM_CLOCK = 4    /* the wall clock was right when it was given; a store keeps its id as it is */
};

/* A control that stands: at most one of each. */
typedef struct openexec_control_name {
  size_t size; /* sizeof(openexec_control_name) */
  openexec_control control;
  int32_t reserved;    /* zero */
  openexec_str id;     /* of the approval or the key; empty for a halt */
  openexec_str tenant; /* whom it concerns; empty: everybody */
} openexec_control_name;

/* A change of what stands, with the entry that records who ordered it. */
typedef struct openexec_control_change {
  size_t size;
  openexec_control control;
  int32_t stands; /* 1: from now on; 0: lifted, which only a halt can be */
  openexec_str id;
  openexec_str tenant;
  openexec_str entry; /* goes into the log in the same durable step, or into the outbox under an empty nonce */
  int64_t at_us;
} openexec_control_change;

/* Gives one control to whoever asked.
 * Returns: OPENEXEC_OK; otherwise it was not taken, and the callback's answer will count as failed.
 * In:  controls   lent to the running callback
 *      name       copied
 */
openexec_code openexec_controls_put(openexec_controls* controls, const openexec_control_name* name);

/* A store of your own. Callbacks return OPENEXEC_OK, or why not: OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT.
 *  - Linearizable per (tenant, nonce) and per (tenant, approval id): across threads, across processes that share the
 *    store, and across restarts. Of any number of concurrent equal claims exactly one is FRESH.
 *  - claim is durable before it answers FRESH. It spends the nonce and the approval id in one step or not at all.
 *  - Not OPENEXEC_OK means: do not run. If a commit's fate is unknown the store finds out, or fails every later call;
 * it never guesses.
 *  - seal is durable before it succeeds. Sealing what is not claimed (or in doubt) is OPENEXEC_INVALID_ARGUMENT and
 *    changes nothing.
 *  - Nothing that could be replayed is ever evicted.
 *  - Called from any thread, concurrently. Calls block until they are durable.
 */
typedef struct openexec_store_table {
  size_t size; /* sizeof(openexec_store_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  /* Writes one of OPENEXEC_CLAIM_... to `claimed`, and for EXISTS gives one record to `existing`. */
  openexec_code (*claim)(void* self, const openexec_claim* claim, openexec_claimed* claimed, openexec_records* existing,
                         openexec_sink* detail);
  /* Gives one record, or none. */
  openexec_code (*find)(void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                        openexec_sink* detail);
  /* Writes the index of the entry where this store is the log as well; otherwise leaves `entry` at -1. */
  openexec_code (*seal)(void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail);
  /* Gives the claims whose process died, in the order in which they were claimed. */
  openexec_code (*orphans)(void* self, openexec_records* orphans, openexec_sink* detail);
  /* Records `value` under `key` on first use; a different value later is OPENEXEC_STORE_FAILED. */
  openexec_code (*pin)(void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail);
  /* Writes the highest time of any claim, seal or entry; zero for an empty store. */
  openexec_code (*latest)(void* self, int64_t* at_us, openexec_sink* detail);
  /* OPENEXEC_OK when a claim would be possible now. */
  openexec_code (*ready)(void* self, openexec_sink* detail);

  /* The log, where this store is its own: its callbacks get its own `self`, and its `close` is NULL. Seals and entries
   * then share one durable step. NULL: a log apart, and this store is its outbox by means of the two callbacks below.
   */
  const openexec_log_table* log;

  /* Gives the sealed entries that `logged` has not confirmed. NULL only where `log` is not. */
  openexec_code (*unlogged)(void* self, openexec_unlogged* unlogged, openexec_sink* detail);
  /* Confirms that the entry of a sealed nonce is in the log. NULL only where `log` is not. */
  openexec_code (*logged)(void* self, const openexec_str* tenant, const openexec_str* nonce, uint64_t index,
                          openexec_sink* detail);

  /* 1 where claims are held to `predecessor` and `max_per_minute`. Where they are not, what needs them is refused. */
  int32_t keeps_terms;
  int32_t reserved; /* zero */
  /* Makes a control stand, or lifts it; of one that stands already, or does not, only the entry is new. Writes the
   * index of the entry as `seal` does. May be NULL, together with the next: orders then last as long as the executor.
   * */
  openexec_code (*control)(void* self, const openexec_control_change* change, int64_t* entry, openexec_sink* detail);
  /* Gives what stands, in the order of control, id and tenant. */
  openexec_code (*controls)(void* self, openexec_controls* controls, openexec_sink* detail);

  /* For a store that was copied or restored, and may have lost what was spent: writes the time up to which issued
   * approvals count no more, in microseconds since 1970, and leaves `floor_us` at INT64_MIN where there is none. Asked
   * once, for each executor; a failure keeps the executor from being made. Without a verifier (demo) no executor is
   * made where there is a floor. NULL: the store never lost anything. */
  openexec_code (*floor)(void* self, int64_t* floor_us, openexec_sink* detail);
} openexec_store_table;

/* Takes a store of your own. Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      store      copied, with its log; `self` is owned from success on
 */
openexec_code openexec_config_set_store(openexec_config* config, const openexec_store_table* store,
                                        openexec_error** error);

/* --- verifiers: who approved it, or why not --- */

/* Names the approval that was verified; it is spent together with the nonce.
 * Returns: OPENEXEC_OK.
 * In:  approval   lent to the running callback
 *      id         UTF-8, not empty
 */
openexec_code openexec_approval_set_id(openexec_approval* approval, openexec_str id);

/* Names one key that verified. Keys are sorted by OpenExec.
 * Returns: OPENEXEC_OK.
 * In:  approval   lent to the running callback
 *      key        UTF-8, not empty
 */
openexec_code openexec_approval_add_key(openexec_approval* approval, openexec_str key);

/* Says when the approval was issued, if the artifact says so and was verified. An approval without it is refused as
 * OPENEXEC_APPROVAL_SPENT where the store has a floor, as a ledger has that was adopted.
 * Returns: OPENEXEC_OK.
 * In:  approval   lent to the running callback
 *      issued_us  microseconds since 1970
 */
openexec_code openexec_approval_set_issued_at(openexec_approval* approval, int64_t issued_us);

/* A verifier of your own.
 *  - Answers from the artifact, the proposal, its own configuration and `now_us` alone: no network, no clock of its
 * own.
 *  - Stateless about use: that an approval is used once is the store's promise.
 *  - Called from any thread, concurrently.
 */
typedef struct openexec_verifier_table {
  size_t size; /* sizeof(openexec_verifier_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  openexec_str profile;      /* the name of its rules, as log entries carry it; copied; not empty */

  /* OPENEXEC_OK, after naming the approval: a yes that does not say to what is OPENEXEC_APPROVAL_MALFORMED. Otherwise
   * one of OPENEXEC_APPROVAL_... 110 to 122, or OPENEXEC_OVERLOADED without memory to decide, which spends nothing;
   * any other number is OPENEXEC_APPROVAL_SIGNATURE_INVALID. */
  openexec_code (*verify)(void* self, const openexec_proposal* proposal, int64_t now_us, openexec_approval* approval,
                          openexec_sink* detail);
  /* OPENEXEC_OK when the verifier could accept something; else why not. May be NULL: always. */
  openexec_code (*ready)(void* self, openexec_sink* detail);
} openexec_verifier_table;

/* Takes a verifier of your own. Replaces any verifier that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      verifier   copied; `self` is owned from success on
 */
openexec_code openexec_config_set_verifier(openexec_config* config, const openexec_verifier_table* verifier,
                                           openexec_error** error);

/* --- hashers: how a request becomes bytes, and bytes a digest --- */

/* A hasher of your own.
 *  - Pure: equal input gives equal output, for ever, on every machine; different requests give different bytes.
 *  - A ledger that was written under one name does not open under another.
 *  - Called from any thread, concurrently. Its callbacks cannot fail.
 */
typedef struct openexec_hasher_table {
  size_t size; /* sizeof(openexec_hasher_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  openexec_str name;         /* which rules these are; copied; 1 to 64 bytes of UTF-8 */

  /* Writes the bytes whose digest is the request hash. `payload` is in RFC 8785 form. */
  void (*canonical)(void* self, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes);
  void (*digest)(void* self, const openexec_str* bytes, openexec_digest* digest);
} openexec_hasher_table;

/* Takes a hasher of your own.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      hasher     copied; `self` is owned from success on
 */
openexec_code openexec_config_set_hasher(openexec_config* config, const openexec_hasher_table* hasher,
                                         openexec_error** error);

/* --- clocks --- */

/* A clock of your own. Called from any thread, concurrently. Its callbacks cannot fail. */
typedef struct openexec_clock_table {
  size_t size; /* sizeof(openexec_clock_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  /* Civil time, against which approvals expire and which log entries carry. May be wrong and may jump. */
  int64_t (*now_us)(void* self);
  /* Time for durations and deadlines, from any beginning. Never goes back. May be NULL: the system's CLOCK_MONOTONIC.
   */
  int64_t (*monotonic_ns)(void* self);
} openexec_clock_table;

/* Takes a clock of your own.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      clock      copied; `self` is owned from success on
 */
openexec_code openexec_config_set_clock(openexec_config* config, const openexec_clock_table* clock,
                                        openexec_error** error);

/* --- events: what a host may want to write down --- */

/* What happened. Names codes and ids: never a payload, a result, a key, a nonce, or a handler's explanation. */
typedef int32_t openexec_happening;
enum {
  OPENEXEC_EVENT_OPENED = 1,    /* an executor was made; `count`: claims that it found interrupted */
  OPENEXEC_EVENT_ANSWERED = 2,  /* an attempt was answered; all members but `count` */
  OPENEXEC_EVENT_RECOVERED = 3, /* openexec_executor_recover was called; `code`, `count` as for OPENED */
  OPENEXEC_EVENT_RELOADED = 4,  /* openexec_executor_reload_trust_policy was called; `code` */
  OPENEXEC_EVENT_CLOSED = 5     /* the executor is about to end; the last event it tells of */
};

/* One event. The views live until `tell` returns. */
typedef struct openexec_event {
  size_t size;
  openexec_happening happening;
  openexec_code code;       /* how it ended */
  openexec_verdict verdict; /* as openexec_outcome_verdict */
  openexec_effect effect;   /* as openexec_outcome_effect */
  openexec_str exec_id;     /* empty where the request was malformed */
  openexec_str action;      /* empty where the request was malformed */
  int64_t entry_index;      /* -1 where there is none */
  uint64_t count;
} openexec_event;

/* A listener. It is told after the fact, decides nothing, and cannot fail. Called on the thread that called into
 * OpenExec, concurrently where several did, before the function that it is about returns: a slow one slows its callers.
 */
typedef struct openexec_events_table {
  size_t size; /* sizeof(openexec_events_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  void (*tell)(void* self, const openexec_event* event);
} openexec_events_table;

/* Takes a listener. Replaces any that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      events     copied; `self` is owned from success on
 */
openexec_code openexec_config_set_events(openexec_config* config, const openexec_events_table* events,
                                         openexec_error** error);

/* ================================================================================================================== */
/* 5 execute                                                                                                          */
/* ================================================================================================================== */

/* Assembles an executor: opens the ledger, checks the parts, seals the handlers, and recovers what an earlier process
 * left behind. Any doubt about a part is a failure, never a weaker executor.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED (held by another process, damaged, newer, failing), or
 *          OPENEXEC_INVALID_ARGUMENT (no store, no verifier, a part that fails its self test).
 * In:  config     may be used again
 * Out: executor   the caller destroys it
 */
openexec_code openexec_executor_create(const openexec_config* config, openexec_executor** executor,
                                       openexec_error** error);

/* Closes an executor, which stays a valid handle until it is destroyed. Any thread may do it, while others call: no
 * call begins any more, a call that tries is answered with OPENEXEC_INVALID_ARGUMENT, and those that are inside finish
 * as usual. The last of them ends the executor on its way out: the ledger is closed, and every `close` that is due is
 * called. For hosts whose threads cannot agree on when to destroy. May be called again, and from a handler.
 * Returns: OPENEXEC_OK once the executor has ended; OPENEXEC_IN_PROGRESS while a call is inside.
 * In:  executor
 *      max_wait_ms  how long to wait for the calls inside; 0: not at all. A handler that waits here waits for itself
 */
openexec_code openexec_executor_close(openexec_executor* executor, int64_t max_wait_ms, openexec_error** error);

/* Ends an executor. Accepts NULL and a pointer to NULL; sets the pointer to NULL. No call may begin any more; those
 * that are inside, on other threads or on this one, finish as usual, and the last of them ends the executor on its way
 * out. Without one inside, the ledger is closed and every `close` that is due has been called when destroy returns.
 */
void openexec_executor_destroy(openexec_executor** executor);

/* Makes a flag that is handed to the handlers of the calls it is given to.
 * Returns: OPENEXEC_OK.
 * Out: cancellation   the caller destroys it, at any time: running calls keep what they need
 */
openexec_code openexec_cancellation_create(openexec_cancellation** cancellation, openexec_error** error);

/* Sets the flag, for ever. May be called from any thread. Stops nothing by itself: handlers look at it.
 * Returns: OPENEXEC_OK.
 * In:  cancellation
 */
openexec_code openexec_cancellation_cancel(openexec_cancellation* cancellation, openexec_error** error);

/* Looks at the flag.
 * Returns: 1 where it is set, else 0.
 */
int32_t openexec_cancellation_cancelled(const openexec_cancellation* cancellation);

/* Ends the caller's hold on a flag. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_cancellation_destroy(openexec_cancellation** cancellation);

/* What one call may ask for. */
typedef struct openexec_call_options {
  size_t size;         /* sizeof(openexec_call_options) */
  int64_t max_wait_ms; /* for a nonce that is running elsewhere; 0: as long as the config says; negative: not at all */
  const openexec_cancellation* cancellation; /* may be NULL */
  openexec_str nonce; /* taken where the request names none; a request that names another is malformed; empty: none */
  int32_t proof;      /* 1: openexec_outcome_proof as well, for some reads more */
  int32_t reserved;   /* zero */
} openexec_call_options;

/* One attempt. Whatever reaches the boundary is answered with an outcome, every no included; an error is given only
 * where there is no outcome. Blocks until the answer is durable.
 * Returns: the outcome's code: OPENEXEC_OK only if the action was approved, ran and returned a result, now or in the
 *          attempt that this one replays. OPENEXEC_INVALID_ARGUMENT and OPENEXEC_UNSUPPORTED_ABI come without outcome.
 * In:  executor
 *      request
 *      options    may be NULL
 * Out: outcome    the caller destroys it
 */
openexec_code openexec_executor_execute(openexec_executor* executor, const openexec_request* request,
                                        const openexec_call_options* options, openexec_outcome** outcome,
                                        openexec_error** error);

/* The same from one JSON object with the members action, payload, nonce and approval_artifact.
 * Returns: as openexec_executor_execute.
 * In:  executor
 *      request    JSON text
 *      options    may be NULL
 * Out: outcome    the caller destroys it
 */
openexec_code openexec_executor_execute_json(openexec_executor* executor, openexec_str request,
                                             const openexec_call_options* options, openexec_outcome** outcome,
                                             openexec_error** error);

/* One of many: a request in either form, with its own options. */
typedef struct openexec_call {
  size_t size;                     /* sizeof(openexec_call) */
  const openexec_request* request; /* may be NULL: then `json` is the request */
  openexec_str json;               /* JSON text, as openexec_executor_execute_json takes it; empty beside a request */
  const openexec_call_options* options; /* may be NULL */
} openexec_call;

/* Runs `run(work)`, here or on another thread, before or after it returns. Each work exactly once. If it throws, the
 * library runs the work on the calling thread; a `run(work)` that comes later does nothing. */
typedef void (*openexec_lend)(void* self, void (*run)(void* work), void* work);

/* Many attempts at once from one thread. Each has the meaning of a concurrent call of its own, and they share what
 * makes them durable. Handlers run one after the other on this thread, or where `lend` runs them.
 * Returns: OPENEXEC_OK only if every outcome is; otherwise the code of the first that is not. Where it comes without
 *          outcomes, all of them are NULL and nothing ran.
 * In:  executor
 *      calls      an array of pointers; may be NULL if count is 0
 *      count
 *      lend       may be NULL
 *      self       handed to `lend`; may be NULL
 * Out: outcomes   an array of `count`, in the order of the calls; the caller destroys each
 */
openexec_code openexec_executor_execute_many(openexec_executor* executor, const openexec_call* const* calls,
                                             size_t count, openexec_lend lend, void* self, openexec_outcome** outcomes,
                                             openexec_error** error);

/* What is ordered, by whom and why. All of it goes into the log. */
typedef struct openexec_order {
  size_t size; /* sizeof(openexec_order) */
  openexec_control control;
  int32_t stands;      /* 1: from now on; 0: no more, which only a halt can be */
  openexec_str id;     /* of the approval (of a plan: all its steps) or the key; empty for a halt and a confirmation */
  openexec_str tenant; /* whom it concerns; empty: everybody. Empty for a confirmation of the clock */
  openexec_str who;    /* 1 to 255 bytes of UTF-8 without control characters */
  openexec_str why;    /* 1 to 1,024 bytes of UTF-8 */
} openexec_order;

/* Halts, resumes, revokes, or confirms that the wall clock is right now (docs/operations.md). Once it has returned no
 * handler is started against the order; one that was started just before may still be on its way into the host's
 * function. What was claimed and not started fails without effect. The store keeps what was ordered, so that whoever
 * opens it next is bound by it; a revocation stands for ever. May be called by a handler.
 * Returns: the outcome's code: OPENEXEC_OK; OPENEXEC_INVALID_ARGUMENT for what is no order; OPENEXEC_STORE_FAILED where
 * it
 *          could not be made durable: what tightens holds in this executor all the same, and nothing is lifted.
 * In:  executor
 *      order
 * Out: outcome    may be NULL: nobody wants it. Otherwise the caller destroys it. Of verdict OPENEXEC_VERDICT_CONTROL,
 *                 with receipt hash and entry; its detail says where the order lasts only as long as this executor
 */
openexec_code openexec_executor_order(openexec_executor* executor, const openexec_order* order,
                                      openexec_outcome** outcome, openexec_error** error);

/* Halts everybody, on the host program's own account: openexec_executor_order where nobody else is to be named.
 * Returns: as openexec_executor_order.
 */
openexec_code openexec_executor_halt(openexec_executor* executor, openexec_error** error);

/* Ends a halt of everybody, on the host program's own account.
 * Returns: as openexec_executor_order.
 */
openexec_code openexec_executor_resume(openexec_executor* executor, openexec_error** error);

/* Gets one control, which lives until it returns. 0: go on; anything else: enough. */
typedef int32_t (*openexec_visit_control)(void* self, const openexec_control_name* name);

/* What was ordered and stands, for whichever tenant.
 * Returns: OPENEXEC_OK, also where `visit` had enough.
 * In:  executor
 *      visit      called for each, on this thread
 *      self       handed to `visit`; may be NULL
 */
openexec_code openexec_executor_controls(const openexec_executor* executor, openexec_visit_control visit, void* self,
                                         openexec_error** error);

/* Whether the executor is halted.
 * Returns: 1 or 0; 1 for NULL, and for an executor that is closed.
 */
int32_t openexec_executor_halted(const openexec_executor* executor);

/* Whether an execution would be possible now.
 * Returns: OPENEXEC_OK, or the code of what is in the way: OPENEXEC_HALTED, OPENEXEC_STORE_FAILED, a verifier's.
 */
openexec_code openexec_executor_ready(const openexec_executor* executor, openexec_error** error);

/* Puts another trust policy in force, at once and whole: each request is judged by the old one or the new one, and one
 * that comes after this has returned, by the new one. Where it fails, the old one stays in force.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the line or the member that is wrong, and where the executor
 *          was not made with openexec_config_set_trust_policy.
 * In:  executor
 *      policy     JSON text
 */
openexec_code openexec_executor_reload_trust_policy(openexec_executor* executor, openexec_str policy,
                                                    openexec_error** error);

/* What a recovery found. */
typedef struct openexec_recovery {
  size_t size;       /* sizeof(openexec_recovery), set by the caller */
  uint64_t in_doubt; /* claims without a seal, now in doubt with a log entry */
  uint64_t settled;  /* of those, settled by a reconcile function */
  uint64_t relogged; /* sealed entries fed again into a log that is apart from its store */
} openexec_recovery;

/* What the executor recovered when it was made.
 * Returns: OPENEXEC_OK.
 * In:  executor
 * Out: recovery   its `size` goes in
 */
openexec_code openexec_executor_recovered(const openexec_executor* executor, openexec_recovery* recovery,
                                          openexec_error** error);

/* Recovers again: finds what another process of a shared store left behind since.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  executor
 * Out: recovery   its `size` goes in; unchanged on failure
 */
openexec_code openexec_executor_recover(openexec_executor* executor, openexec_recovery* recovery,
                                        openexec_error** error);

/* Returns: what happened; OPENEXEC_INVALID_ARGUMENT for NULL. */
openexec_code openexec_outcome_code(const openexec_outcome* outcome);

/* Returns: the HTTP status for it. */
int32_t openexec_outcome_http(const openexec_outcome* outcome);

/* Returns: how the attempt ended; OPENEXEC_VERDICT_REFUSED for NULL. */
openexec_verdict openexec_outcome_verdict(const openexec_outcome* outcome);

/* Returns: what became of the action in the world; OPENEXEC_EFFECT_NONE for NULL. */
openexec_effect openexec_outcome_effect(const openexec_outcome* outcome);

/* Returns: 1 where this is the outcome of an earlier attempt, told again, and the handler was not entered; else 0. */
int32_t openexec_outcome_replayed(const openexec_outcome* outcome);

/* Returns: which attempt of its execution ran, or is told again; 1 where none is. */
uint32_t openexec_outcome_attempt(const openexec_outcome* outcome);

/* Returns: 1 where nothing happened and the handler permits a further attempt (retry_none): the same request, sent
 * again under the same approval, may run. Else 0. */
int32_t openexec_outcome_may_retry(const openexec_outcome* outcome);

/* Returns: the execution's id, 64 hexadecimal digits; empty where the request was malformed. */
openexec_str openexec_outcome_exec_id(const openexec_outcome* outcome);

/* Returns: the action; empty where the request was malformed. */
openexec_str openexec_outcome_action(const openexec_outcome* outcome);

/* Returns: the result as JSON, the bytes that the receipt hash covers; {"error": "<code>"} for every no. */
openexec_str openexec_outcome_result(const openexec_outcome* outcome);

/* Returns: what a model is to be told of this outcome, as openexec_advice has it, and where the handler permits a
 * further attempt that the same call may be sent again. For NULL what is told of an attempt that leaves everything
 * open. A view that lives as long as the library.
 */
openexec_str openexec_outcome_advice(const openexec_outcome* outcome);

/* Returns: what the result is; OPENEXEC_RESULT_JSON for NULL. */
openexec_result_form openexec_outcome_result_form(const openexec_outcome* outcome);

/* Returns: the receipt hash, 64 hexadecimal digits: SHA-256 of exec_id, ":" and result. */
openexec_str openexec_outcome_receipt(const openexec_outcome* outcome);

/* Returns: the explanation for a person; empty on success. A replay has that of the first attempt. Not covered by the
 * receipt hash. */
openexec_str openexec_outcome_detail(const openexec_outcome* outcome);

/* Returns: this attempt's own log entry as JSON; empty where none could be written. */
openexec_str openexec_outcome_entry(const openexec_outcome* outcome);

/* Returns: the index of that entry in the log; -1 where there is none. */
int64_t openexec_outcome_entry_index(const openexec_outcome* outcome);

/* Returns: that entry's portable receipt (docs/formats.md, section 9), where the call's options asked for it and the
 * log keeps a tree; else empty. It can be had later as well: openexec_log_prove.
 */
openexec_str openexec_outcome_proof(const openexec_outcome* outcome);

/* Ends an outcome. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_outcome_destroy(openexec_outcome** outcome);

/* ================================================================================================================== */
/* 6 evidence                                                                                                         */
/* ================================================================================================================== */

/* Checks a receipt hash, offline.
 * Returns: OPENEXEC_OK only if it belongs to exec_id and result; OPENEXEC_INVALID_ARGUMENT where it does not;
 *          OPENEXEC_MALFORMED_REQUEST where `result` is not strict JSON, or the others are not hexadecimal digests.
 * In:  exec_id    empty for a malformed request's receipt hash
 *      result     JSON text in any spacing
 *      receipt    the receipt hash
 */
openexec_code openexec_verify_receipt(openexec_str exec_id, openexec_str result, openexec_str receipt,
                                      openexec_error** error);

/* Checks an approval of profile clawshield-v1, offline. Says nothing about whether it was spent.
 * Returns: OPENEXEC_OK, OPENEXEC_MALFORMED_REQUEST, or one of OPENEXEC_APPROVAL_... 110 to 117.
 * In:  public_key_pem
 *      tenant     what the artifact's tenant_id must be
 *      action
 *      payload    JSON text of one object; empty means {}
 *      artifact   JSON text of one object
 *      now_us     the time to judge it by
 * Out: approval   who approved, as a log entry carries it: {"digest", "id", "keys", "profile"}; the caller
 *                 destroys it
 */
openexec_code openexec_verify_clawshield_v1(openexec_str public_key_pem, openexec_str tenant, openexec_str action,
                                            openexec_str payload, openexec_str artifact, int64_t now_us,
                                            openexec_buffer** approval, openexec_error** error);

/* Checks an approval by a trust policy, offline, as an executor would. Says nothing about whether it was spent.
 * Returns: OPENEXEC_OK, OPENEXEC_MALFORMED_REQUEST, one of OPENEXEC_APPROVAL_... 110 to 122, or
 *          OPENEXEC_INVALID_ARGUMENT for a policy that is malformed.
 * In:  policy     JSON text
 *      executor   the executor's name, which an approval may be meant for
 *      tenant
 *      request    with its approval_artifact
 *      now_us     the time to judge it by
 * Out: approval   who approved, as a log entry carries it: {"digest", "id", "keys", "profile"}; the caller
 *                 destroys it
 */
openexec_code openexec_verify_trust_policy(openexec_str policy, openexec_str executor, openexec_str tenant,
                                           const openexec_request* request, int64_t now_us, openexec_buffer** approval,
                                           openexec_error** error);

/* Reads a trust policy, and puts it in force nowhere.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the line or the member that is wrong.
 * In:  policy     JSON text
 * Out: report     JSON: {"digest", "policy", "warnings"}: the SHA-256 of its RFC 8785 form, that form, and what is
 *                 allowed and yet looks like a mistake; the caller destroys it
 */
openexec_code openexec_trust_policy_read(openexec_str policy, openexec_buffer** report, openexec_error** error);

/* The canonical forms of JSON (docs/formats.md, section 2). */
typedef int32_t openexec_form;
enum {
  OPENEXEC_FORM_JCS = 1,           /* RFC 8785 */
  OPENEXEC_FORM_CLAWSHIELD_V1 = 2, /* what clawshield-v1 signers hash */
  OPENEXEC_FORM_DISPLAY = 3        /* clawshield-v1 with ", " and ": "; what receipt hashes cover */
};

/* Writes JSON in a canonical form, after the strict parse that requests get.
 * Returns: OPENEXEC_OK, or OPENEXEC_MALFORMED_REQUEST with the place in the detail.
 * In:  json       one value of any type
 *      form       one of OPENEXEC_FORM_...
 * Out: canonical  the caller destroys it
 */
openexec_code openexec_canonicalise(openexec_str json, openexec_form form, openexec_buffer** canonical,
                                    openexec_error** error);

/* The nonce of a model's tool call: "tc1-" and the SHA-256 of the call in its place (docs/formats.md, section 13). The
 * same call has the same nonce however often it is delivered. The id that the provider gave the call is not part of it:
 * providers use an id twice, give none, or give another one when a turn is sent again.
 * Returns: OPENEXEC_OK, or OPENEXEC_MALFORMED_REQUEST with the field that breaks its rule.
 * In:  conversation  the host's own name for the conversation, the same for ever; 1 to 1,024 bytes of UTF-8
 *      turn          the turn within it, the same when it is sent again; 1 to 1,024 bytes of UTF-8
 *      name          of the tool: an action's name
 *      arguments     JSON text of one object; empty means {}
 *      occurrence    1 for the first call of this name with equal arguments in the turn, 2 for the second, ...
 * Out: nonce         the caller destroys it
 */
openexec_code openexec_tool_call_nonce(openexec_str conversation, openexec_str turn, openexec_str name,
                                       openexec_str arguments, uint32_t occurrence, openexec_buffer** nonce,
                                       openexec_error** error);

/* SHA-256 of bytes.
 * Returns: OPENEXEC_OK.
 * In:  bytes
 * Out: digest     unchanged on failure
 */
openexec_code openexec_sha256(openexec_str bytes, openexec_digest* digest, openexec_error** error);

/* Opens the log of a ledger for reading only, beside a running executor or an archived file.
 * Returns: OPENEXEC_OK, or OPENEXEC_STORE_FAILED where it is not a ledger that can be read.
 * In:  url        as openexec_config_set_ledger_url
 * Out: log        the caller destroys it
 */
openexec_code openexec_log_open(openexec_str url, openexec_log** log, openexec_error** error);

/* The log of an executor, for reading. It keeps the log open even after the executor is destroyed.
 * Returns: OPENEXEC_OK.
 * In:  executor
 * Out: log        the caller destroys it
 */
openexec_code openexec_executor_log(const openexec_executor* executor, openexec_log** log, openexec_error** error);

/* Closes a reader, which stays a valid handle until it is destroyed. Any thread may do it, while others read: a call
 * that begins later is answered with OPENEXEC_INVALID_ARGUMENT, and the last one inside ends it. May be called again.
 * Returns: OPENEXEC_OK.
 * In:  log
 */
openexec_code openexec_log_close(openexec_log* log, openexec_error** error);

/* Ends a reader. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_log_destroy(openexec_log** log);

/* Counts the entries.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 * Out: entries    unchanged on failure
 */
openexec_code openexec_log_count(const openexec_log* log, uint64_t* entries, openexec_error** error);

/* Gets one line, which lives until it returns. 0: go on; anything else: enough. */
typedef int32_t (*openexec_visit)(void* self, const openexec_log_line* line);

/* Reads entries in the order of their index.
 * Returns: OPENEXEC_OK, also where `visit` had enough, or OPENEXEC_STORE_FAILED.
 * In:  log
 *      first      index of the first
 *      count      at most so many; fewer at the end
 *      visit      called for each, on this thread
 *      self       handed to `visit`; may be NULL
 */
openexec_code openexec_log_read(const openexec_log* log, uint64_t first, uint64_t count, openexec_visit visit,
                                void* self, openexec_error** error);

/* Reads the entries of one execution in the order of their index.
 * Returns: OPENEXEC_OK, also where `visit` had enough, or OPENEXEC_STORE_FAILED.
 * In:  log
 *      exec_id
 *      count      at most so many
 *      visit      called for each, on this thread
 *      self       handed to `visit`; may be NULL
 */
openexec_code openexec_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count,
                                openexec_visit visit, void* self, openexec_error** error);

/* What follows needs a log that keeps a Merkle tree: the supplied ledgers do, a log of your own does not, and is
 * answered with OPENEXEC_INVALID_ARGUMENT.
 */

/* The key that strangers verify the log's checkpoints with: `name+id+key`. They have to get it over another channel.
 * Returns: OPENEXEC_OK.
 * In:  log
 * Out: key        the caller destroys it
 */
openexec_code openexec_log_verifier_key(const openexec_log* log, openexec_buffer** key, openexec_error** error);

/* The newest checkpoint: every entry that has an index is covered by it.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 * Out: note       the signed C2SP checkpoint, byte for byte; the caller destroys it
 */
openexec_code openexec_log_checkpoint(const openexec_log* log, openexec_buffer** note, openexec_error** error);

/* The newest checkpoint that witnesses cosigned.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 * Out: note       the checkpoint with its cosignatures, which the caller destroys; NULL where there is none yet
 */
openexec_code openexec_log_cosigned(const openexec_log* log, openexec_buffer** note, openexec_error** error);

/* Keeps the cosignatures of a checkpoint of this log, beside those that are kept for the same one. Whose they are is
 * for their readers to judge. The log has to be an executor's: one that was opened for reading only keeps nothing.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT for a note that this log did not sign, that
 *          is untrue, that nobody else signed, or that is older than the one that is kept.
 * In:  log
 *      note       a checkpoint with cosignatures
 */
openexec_code openexec_log_keep_cosigned(const openexec_log* log, openexec_str note, openexec_error** error);

/* The portable receipt of an entry, under the newest cosigned checkpoint where that covers it, else under the newest.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT where there is no such entry.
 * In:  log
 *      index
 * Out: proof      the text of a .tlog-proof, for openexec_evidence_verify; the caller destroys it
 */
openexec_code openexec_log_prove(const openexec_log* log, uint64_t index, openexec_buffer** proof,
                                 openexec_error** error);

/* The hashes that show that the tree of `to` entries grew out of that of `from` (RFC 9162, 2.1.4).
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT unless from <= to <= the size of the newest
 *          checkpoint.
 * In:  log
 *      from
 *      to
 * Out: hashes     32 bytes each, one after the other; may be none; the caller destroys it
 */
openexec_code openexec_log_consistency(const openexec_log* log, uint64_t from, uint64_t to, openexec_buffer** hashes,
                                       openexec_error** error);

/* What C2SP tlog-tiles serves under a path: checkpoint, tile/0/000, tile/entries/000.p/7, ...
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 *      path       without a slash before it
 * Out: resource   which the caller destroys; NULL where the newest checkpoint covers no such thing, or the path has
 *                 another spelling
 */
openexec_code openexec_log_resource(const openexec_log* log, openexec_str path, openexec_buffer** resource,
                                    openexec_error** error);

/* --- whether a portable receipt is genuine: offline, by anybody, with nothing but the log's public key --- */

/* Whom the caller trusts. `data` NULL is absent, which is not the same as empty: an empty policy is a malformed one. */
typedef struct openexec_evidence_trust {
  size_t size;          /* sizeof(openexec_evidence_trust) */
  openexec_str log_key; /* the log's verifier key, `name+id+key`; absent: one of the policy's logs has to have signed */
  openexec_str policy;  /* a C2SP tlog-policy; absent: cosignatures are not asked for */
} openexec_evidence_trust;

/* What the caller holds, and wants to know of: is it what the entry names? `data` NULL: not asked. */
typedef struct openexec_evidence_held {
  size_t size;          /* sizeof(openexec_evidence_held) */
  openexec_str exec_id; /* 64 hexadecimal digits */
  openexec_str action;
  openexec_str nonce;
  openexec_str tenant;
  openexec_str payload;  /* JSON in any spacing */
  openexec_str result;   /* JSON in any spacing */
  openexec_str receipt;  /* 64 hexadecimal digits */
  openexec_str approval; /* the artifact: JSON in any spacing */
} openexec_evidence_held;

/* The answer. Only PASS is one to rely on. */
typedef int32_t openexec_evidence_verdict;
enum {
  OPENEXEC_EVIDENCE_FAIL = 0,       /* something does not hold */
  OPENEXEC_EVIDENCE_INCOMPLETE = 1, /* nothing failed, but something that was needed was not given */
  OPENEXEC_EVIDENCE_PASS = 2        /* everything that was asked holds */
};

/* What is looked at, in this order (docs/formats.md, section 9). */
typedef int32_t openexec_evidence_step;
enum {
  OPENEXEC_STEP_PROOF = 0,         /* the text is a tlog-proof, and holds a well-formed checkpoint */
  OPENEXEC_STEP_ENTRY = 1,         /* it carries an entry, in its one form */
  OPENEXEC_STEP_INCLUSION = 2,     /* the entry is at its index in the tree of the checkpoint */
  OPENEXEC_STEP_LOG_SIGNATURE = 3, /* the log signed the checkpoint */
  OPENEXEC_STEP_COSIGNATURES = 4,  /* so many witnesses cosigned it as the policy wants, and none of them falsely */
  OPENEXEC_STEP_EXEC_ID = 5,       /* what the caller holds is what the entry names: from here on */
  OPENEXEC_STEP_ACTION = 6,
  OPENEXEC_STEP_NONCE = 7,
  OPENEXEC_STEP_TENANT = 8,
  OPENEXEC_STEP_PAYLOAD = 9,
  OPENEXEC_STEP_RESULT = 10,
  OPENEXEC_STEP_RECEIPT = 11,
  OPENEXEC_STEP_APPROVAL = 12
};

/* What one step found. */
typedef int32_t openexec_finding;
enum {
  OPENEXEC_FINDING_UNREACHED = 0, /* an earlier step left nothing to look at */
  OPENEXEC_FINDING_FAILED = 1,
  OPENEXEC_FINDING_INCOMPLETE = 2, /* needed, and not given; or asked about, and the entry says nothing of it */
  OPENEXEC_FINDING_NOT_ASKED = 3,
  OPENEXEC_FINDING_PASSED = 4
};

/* Reads and verifies a portable receipt. Needs no executor, no network and no clock: the same arguments give the same
 * report, always. Hashes are those of the supplied hasher.
 * Returns: OPENEXEC_OK only if the verdict is PASS. OPENEXEC_INVALID_ARGUMENT with a report where it is not, and the
 *          deciding step in the error; without a report where a key, a policy or an argument is malformed.
 * In:  proof      the text of a .tlog-proof
 *      trust
 *      held       may be NULL: nothing
 * Out: report     the caller destroys it
 */
openexec_code openexec_evidence_verify(openexec_str proof, const openexec_evidence_trust* trust,
                                       const openexec_evidence_held* held, openexec_evidence** report,
                                       openexec_error** error);

/* Ends a report. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_evidence_destroy(openexec_evidence** report);

/* Returns: the verdict; OPENEXEC_EVIDENCE_FAIL for NULL. */
openexec_evidence_verdict openexec_evidence_answer(const openexec_evidence* report);

/* Returns: the first step that failed, or else the first that is incomplete; -1 where the verdict is PASS, and for
 * NULL.
 */
openexec_evidence_step openexec_evidence_decided_by(const openexec_evidence* report);

/* Returns: what a step found; OPENEXEC_FINDING_UNREACHED for NULL and for a step that is none. */
openexec_finding openexec_evidence_finding(const openexec_evidence* report, openexec_evidence_step step);

/* Returns: why a step failed or is incomplete, for a person; else empty. A view that lives as long as `report`. */
openexec_str openexec_evidence_detail(const openexec_evidence* report, openexec_evidence_step step);

/* Returns: the entry as JSON, empty where there is none; a view that lives as long as `report`. Believe it, and what
 * the next four functions say, where the verdict is PASS, and not otherwise.
 */
openexec_str openexec_evidence_entry(const openexec_evidence* report);

/* Returns: the entry's index; -1 where there is none. */
int64_t openexec_evidence_index(const openexec_evidence* report);

/* Returns: the log's name; a view that lives as long as `report`. */
openexec_str openexec_evidence_origin(const openexec_evidence* report);

/* The tree of the checkpoint.
 * Returns: OPENEXEC_OK.
 * In:  report
 * Out: entries    how many it has; unchanged on failure
 *      root       unchanged on failure
 */
openexec_code openexec_evidence_tree(const openexec_evidence* report, uint64_t* entries, openexec_digest* root,
                                     openexec_error** error);

/* Returns: how many cosignatures verified. */
uint64_t openexec_evidence_cosignatures(const openexec_evidence* report);

/* One cosignature that verified, in the order of the policy's witnesses.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT where there is none of that number.
 * In:  report
 *      number     from 0 on
 * Out: witness    its name in the policy; a view that lives as long as `report`
 *      time_s     when the witness says it signed: seconds since 1970
 */
openexec_code openexec_evidence_cosignature(const openexec_evidence* report, uint64_t number, openexec_str* witness,
                                            uint64_t* time_s, openexec_error** error);

/* A verdict's name: "FAIL", "INCOMPLETE", "PASS".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_evidence_verdict_name(openexec_evidence_verdict verdict);

/* A step's name, e.g. "log_signature".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_evidence_step_name(openexec_evidence_step step);

/* A finding's name, e.g. "not_asked".
 * Returns: a view that lives as long as the library; "unknown" for any other number.
 */
openexec_str openexec_evidence_finding_name(openexec_finding finding);

#ifdef __cplusplus
}
#endif

#endif /* OPENEXEC_H */
