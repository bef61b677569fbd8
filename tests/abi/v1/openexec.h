/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openexec.h - the C interface of OpenExec, complete in this file.
 *
 * An action that an AI agent proposes runs only after an approver signed for it, runs at most once, and leaves
 * evidence.
 *
 *   1 laws       rules that hold for every function
 *   2 values     strings, digests, codes, errors, buffers, requests
 *   3 config     the settings of an executor
 *   4 parts      callbacks: handlers, and stores, logs, verifiers, hashers and clocks of your own
 *   5 execute    running requests, and reading their outcomes
 *   6 evidence   receipt hashes, portable receipts, approvals, canonical JSON and the log, with or without an executor
 *
 * START HERE: examples/learn/01_echo.c, then section 1, then openexec_executor_execute.
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
 * Names. Every name begins with openexec_ or OPENEXEC_. No function is a macro.
 *
 * Order of arguments. The object that the function works on comes first, then the inputs, then the outputs, and
 * `openexec_error **error` comes last.
 *
 * Codes. A function that can fail returns an openexec_code; OPENEXEC_OK (0) is the only success. Decide by the code,
 * since the text is for people only. `error` may be NULL. If it is not, *error is overwritten in every case without
 * being read: with NULL on success, and on failure with an object that the caller destroys (NULL if memory for it could
 * not be allocated).
 * Every function that takes `error` may also return
 *   OPENEXEC_INVALID_ARGUMENT  an argument breaks a rule of this section or of the function: a bug in the caller
 *   OPENEXEC_UNSUPPORTED_ABI   this library does not support a struct's `size`: a bug in the caller
 *   OPENEXEC_OVERLOADED        memory could not be allocated; nothing was done
 *   OPENEXEC_STORE_FAILED      an internal error; no action ran unless an outcome reports that it did
 * The comment of each function names only its other codes. The library has no thread-local and no global state.
 *
 * NULL. A pointer must not be NULL unless the function's comment allows it. A function that is passed NULL anyway
 * returns OPENEXEC_INVALID_ARGUMENT. An accessor, which returns a value instead of a code, returns
 * OPENEXEC_INVALID_ARGUMENT, zero or an empty string for NULL. The library cannot detect an invalid pointer that is not
 * NULL, or a handle that was destroyed: passing one is undefined behaviour.
 *
 * Strings are views, (data, size), not terminated by zero; `data` may be NULL only if `size` is 0. Text is UTF-8.
 *
 * Memory is never handed over between the caller and the library. The library does not keep a view that it is passed:
 * it copies what it needs after the call. The caller destroys each handle with the destroy(T **) of its type, which
 * accepts NULL and a pointer to NULL, and sets the pointer to NULL. A view of a handle's data is valid until the handle
 * is destroyed. A callback writes its answer into an object that it is passed (sink, records, lines, approval), which
 * is valid until the callback returns. An output parameter for a handle is overwritten in every case, with NULL on
 * failure.
 *
 * Sizes. A struct to which members may be added has `size` as its first member: set it to sizeof the struct, and set
 * the members that you do not use to zero. New members are only ever added at the end. A struct shorter than its first
 * version is refused. A struct longer than this library knows is accepted if all of the unknown bytes are zero.
 * Otherwise it is refused, because the library would ignore something that the caller asked for.
 * In a struct that OpenExec passes to a callback, `size` is the number of bytes that this library filled in.
 * Integers have fixed widths, and lengths are size_t. Booleans are int32_t, 1 or 0. The name of a time ends with its
 * unit: _us are microseconds since 1970-01-01T00:00:00Z.
 *
 * Threads. Any number of threads may use one executor at once. Any other handle may be read by several threads at once,
 * but only one thread at a time may change or destroy it. OpenExec starts no thread.
 *
 * Threads that end. A cancellation of a thread (pthread_cancel) is deferred until the OpenExec function that the thread
 * is in has returned. A thread may end inside a callback, by pthread_exit or by a cancellation that the callback
 * allows: its stack is unwound through OpenExec, and the function never returns. The executor stays usable, other
 * threads go on, and the exit code of the process does not change. A claim of that thread stays claimed. It is
 * answered with OPENEXEC_IN_DOUBT from then on, and recorded as in doubt when the store is next opened. If the thread
 * was a worker of a callback executor (openexec_executor_execute_many), its call is in doubt at once. If the last
 * thread inside a destroyed executor ends this way, OPENEXEC_EVENT_CLOSED is not reported. A thread that ends inside
 * `close`, or inside a callback that the end of an executor calls, ends the process. On a platform that does not
 * unwind a thread that ends (musl), its claims and the callers that wait for them are not released.
 *
 * Callbacks run on the thread that called OpenExec, and concurrently if several threads called. A handler runs on the
 * thread that called execute, or on a worker of a callback executor. `self` is passed back unchanged. A callback
 * returns one of the numbers that its comment lists. Any other number counts as a failure. A callback should not
 * throw. A C++ exception that leaves one counts as a failure, except that an exception from a callback which cannot
 * fail (hasher, clock, close) ends the process, and an exception from `on_event` is ignored.
 * A table is copied when it is set. If, and only if, the setter succeeds, OpenExec owns `self` and calls `close`
 * exactly once, after the config and every executor and log reader that uses it are gone. `close` may be NULL.
 *
 * Re-entry. A handler must not execute on the executor that runs it: the attempt is refused with
 * OPENEXEC_INVALID_ARGUMENT. A handler may call every other function, destroy included. The callbacks of the other
 * parts must not call into the executor that they are part of.
 *
 * Fork. Executors and log readers belong to the process that created them. In a child process their functions return
 * OPENEXEC_INVALID_ARGUMENT, and destroy only sets the pointer to NULL.
 */

/* Handles. Opaque; each has its own destroy. */
typedef struct openexec_error openexec_error;               /* the code and the explanation of a failure */
typedef struct openexec_buffer openexec_buffer;             /* bytes that OpenExec allocated */
typedef struct openexec_proposal openexec_proposal;         /* a request after its strict parse */
typedef struct openexec_config openexec_config;             /* the settings of executors */
typedef struct openexec_cancellation openexec_cancellation; /* a flag that handlers can read */
typedef struct openexec_executor openexec_executor;         /* runs approved requests */
typedef struct openexec_outcome openexec_outcome;           /* the answer to one attempt */
typedef struct openexec_log openexec_log;                   /* a reader of a log */
typedef struct openexec_evidence openexec_evidence;         /* the report on a portable receipt */

/* Objects that a callback is passed and writes to. They are valid until the callback returns. */
typedef struct openexec_sink openexec_sink;         /* receives bytes */
typedef struct openexec_records openexec_records;   /* receives records of a store */
typedef struct openexec_unlogged openexec_unlogged; /* receives sealed entries that are not in the log yet */
typedef struct openexec_lines openexec_lines;       /* receives lines of a log */
typedef struct openexec_approval openexec_approval; /* receives what a verifier found */
typedef struct openexec_controls openexec_controls; /* receives active controls */

/* ================================================================================================================== */
/* 2 values                                                                                                           */
/* ================================================================================================================== */

/* A view of bytes. */
typedef struct openexec_str {
  const char* data;
  size_t size;
} openexec_str;

/* Makes a view of a zero-terminated string, without the terminator.
 * Returns: the view, which is valid as long as `text`; an empty view for NULL.
 */
openexec_str openexec_text(const char* text);

/* SHA-256. All zero means "none". */
typedef struct openexec_digest {
  uint8_t bytes[32];
} openexec_digest;

/* The result of a function or an attempt. A number never changes its meaning (docs/errors.md). */
typedef int32_t openexec_code;
enum {
  OPENEXEC_OK = 0,

  /* Refused: decided against; nothing ran. */
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

  /* Doubt: the action ran, or may have run. */
  OPENEXEC_IN_DOUBT = 200,
  OPENEXEC_HANDLER_FAILED = 201,
  OPENEXEC_RESULT_INVALID = 202,

  /* Fault: not decided; no action ran unless an outcome reports that it did. */
  OPENEXEC_STORE_FAILED = 300,
  OPENEXEC_OVERLOADED = 301,
  OPENEXEC_CLOCK_SUSPECT = 302,

  /* Misuse: a bug in the caller. */
  OPENEXEC_MALFORMED_REQUEST = 400,
  OPENEXEC_INVALID_ARGUMENT = 401,
  OPENEXEC_UNSUPPORTED_ABI = 402
};

/* The kind of a code: success, or one of four kinds of failure. */
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
  OPENEXEC_VERDICT_SUPPRESSED = 5, /* in the log only: counts refusals without entries of their own */
  OPENEXEC_VERDICT_CONTROL = 6     /* not an attempt: an operator's halt, resume or revocation */
};

/* The effect of the action outside OpenExec, as far as the executor knows. */
typedef int32_t openexec_effect;
enum {
  OPENEXEC_EFFECT_NONE = 0,      /* the handler was not entered, or reported that nothing happened */
  OPENEXEC_EFFECT_CONFIRMED = 1, /* the handler returned a result */
  OPENEXEC_EFFECT_UNKNOWN = 2    /* everything else */
};

/* The form of a result. */
typedef int32_t openexec_result_form;
enum {
  OPENEXEC_RESULT_JSON = 0, /* the JSON value that the handler returned */
  OPENEXEC_RESULT_TEXT = 1, /* an object whose `text` holds output that is not JSON, or is too long */
  OPENEXEC_RESULT_BYTES = 2 /* an object whose `base64` holds output that is not UTF-8 */
};

/* The name of a code as log entries spell it, such as "approval_expired".
 * Returns: a view that lives as long as the library; "unknown" for a number that is not in the table.
 */
openexec_str openexec_code_name(openexec_code code);

/* Finds the code of a name.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT if no code has the name.
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

/* The advice for a model that proposed the action: whether the action ran, whether the model may try again, and how.
 * The text is English in printable ASCII, and the same for every host (docs/errors.md lists all of it). For a number
 * that this library does not know, the advice makes no assumption about what happened.
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

/* The code of a failure.
 * Returns: the code that the function returned.
 */
openexec_code openexec_error_code(const openexec_error* error);

/* The explanation of a failure for people. It names the argument, field, byte or setting, and never contains a payload,
 * a key or a result.
 * Returns: a view that lives as long as `error`.
 */
openexec_str openexec_error_detail(const openexec_error* error);

/* Destroys an error. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_error_destroy(openexec_error** error);

/* The bytes of a buffer.
 * Returns: a view that lives as long as `buffer`.
 */
openexec_str openexec_buffer_view(const openexec_buffer* buffer);

/* Destroys a buffer. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_buffer_destroy(openexec_buffer** buffer);

/* The version of the loaded library, such as "0.1.0" (semantic versioning).
 * Returns: a view that lives as long as the library.
 */
openexec_str openexec_version(void);

/* Whether this build has a feature: "sqlite", "clawshield-v1", "trust-policy", "transparency-log", "evidence",
 * "events", "payload-schema", "payload-schema-patterns", "tool-call-nonce". An unknown name is an
 * absent feature.
 * Returns: 1 or 0.
 */
int32_t openexec_has_feature(openexec_str name);

/* An action that an agent proposes. */
typedef struct openexec_request {
  size_t size;          /* sizeof(openexec_request) */
  openexec_str action;  /* 1 to 128 bytes of [A-Za-z0-9_.:/-] */
  openexec_str payload; /* JSON text of one object; empty means {} */
  openexec_str nonce;   /* 1 to 255 bytes of UTF-8, no control characters; unique within its tenant, for ever */
  openexec_str approval_artifact; /* JSON text of one object; empty means none */
} openexec_request;

/* Parses a request as an executor does, and runs nothing: for hosts that only hash or only verify.
 * Only one thread at a time may read a proposal.
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

/* Destroys a proposal that the caller created, but not one that a verifier was passed. Accepts NULL and a pointer to
 * NULL; sets the pointer to NULL.
 */
void openexec_proposal_destroy(openexec_proposal** proposal);

/* Returns: the tenant; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_tenant(const openexec_proposal* proposal);

/* Returns: the action; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_action(const openexec_proposal* proposal);

/* Returns: the nonce; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_nonce(const openexec_proposal* proposal);

/* Returns: the payload in RFC 8785 form, as the handler receives it; a view that lives as long as `proposal`. */
openexec_str openexec_proposal_payload(const openexec_proposal* proposal);

/* Returns: the approval artifact in RFC 8785 form, empty where there is none; a view that lives as long as `proposal`.
 */
openexec_str openexec_proposal_artifact(const openexec_proposal* proposal);

/* The hashes of a proposal (docs/formats.md, section 3). */
typedef int32_t openexec_hash;
enum {
  OPENEXEC_HASH_REQUEST = 1,    /* of the RFC 8785 form of action and payload: identifies the request */
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

/* Creates a config with tenant "default", executor name "openexec", no allow-list, the default limits, and the supplied
 * hasher and clock. It has no store and no verifier, since those two have no default.
 * Any number of executors may be created from one config. It may be destroyed while they run.
 * Returns: OPENEXEC_OK.
 * Out: config     the caller destroys it
 */
openexec_code openexec_config_create(openexec_config** config, openexec_error** error);

/* Destroys a config. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_config_destroy(openexec_config** config);

/* Sets the tenant, within which nonces and approvals are unique.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      tenant     UTF-8, not empty
 */
openexec_code openexec_config_set_tenant(openexec_config* config, openexec_str tenant, openexec_error** error);

/* Sets the executor's name in log entries, which an approval may name as its audience.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      name       UTF-8, not empty
 */
openexec_code openexec_config_set_executor_name(openexec_config* config, openexec_str name, openexec_error** error);

/* Sets the allow-list: only these actions run. Without an allow-list every registered action may run, and with an empty
 * one no action may run.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      actions    an array; may be NULL if count is 0
 *      count
 */
openexec_code openexec_config_set_allowed_actions(openexec_config* config, const openexec_str* actions, size_t count,
                                                  openexec_error** error);

/* Bounds. A request that exceeds one is refused, never dropped silently. */
typedef int32_t openexec_limit;
enum {
  OPENEXEC_LIMIT_REQUEST_BYTES = 1,        /* the whole request; default 1 MiB */
  OPENEXEC_LIMIT_REQUEST_DEPTH = 2,        /* depth of nested objects and arrays; default and maximum 128 */
  OPENEXEC_LIMIT_RESULT_BYTES = 3,         /* of a handler's result; default 1 MiB */
  OPENEXEC_LIMIT_IN_FLIGHT = 4,            /* attempts at once; default 1024 */
  OPENEXEC_LIMIT_REFUSALS_PER_SECOND = 5,  /* entries for refusals; default 1000 */
  OPENEXEC_LIMIT_WAIT_MS = 6,              /* how long a second caller waits for a running nonce; default 30,000 */
  OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS = 7, /* clawshield-v1: how far in the future issued_at may lie; default 60 */
  OPENEXEC_LIMIT_CLOCK_JUMP_SECONDS = 8,   /* a larger jump of the wall clock makes it suspect; default 3,600 */
  OPENEXEC_LIMIT_REPLAYS_PER_SECOND = 9    /* entries for replays of one execution; default 10 */
};

/* Sets one bound. openexec_executor_create checks that the bounds are usable.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT for an unknown limit or a value of more than 32 bits.
 * In:  config
 *      limit      one of OPENEXEC_LIMIT_...
 *      value
 */
openexec_code openexec_config_set_limit(openexec_config* config, openexec_limit limit, uint64_t value,
                                        openexec_error** error);

/* Sets a supplied ledger (a store that is its own log) by URL: sqlite:///relative.db, sqlite:////absolute.db, or
 * sqlite:// (in memory, lost with the executor). openexec_executor_create opens it, and only one executor at a time can
 * have it open. Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      url
 */
openexec_code openexec_config_set_ledger_url(openexec_config* config, openexec_str url, openexec_error** error);

/* Sets a supplied SQLite ledger by the path of its file, which is created if it does not exist.
 * Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      path
 */
openexec_code openexec_config_set_ledger_path(openexec_config* config, openexec_str path, openexec_error** error);

/* Requires approvals of profile clawshield-v1 (docs/formats.md, section 4). Replaces any verifier that was set before.
 * An empty key or tenant is accepted here, and then every request is refused.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT for a key that is not exactly one strict Ed25519 public key.
 * In:  config
 *      public_key_pem
 *      tenant     the tenant_id that an artifact must carry
 */
openexec_code openexec_config_set_clawshield_verifier(openexec_config* config, openexec_str public_key_pem,
                                                      openexec_str tenant, openexec_error** error);

/* Sets the key with which a supplied ledger's log signs its checkpoints: Ed25519, PKCS#8 PEM without a passphrase, in
 * which the two characters \n stand for a line break. Without this setting the first opening creates PATH.log-key with
 * mode 0600. The config keeps the key until it is destroyed. openexec_executor_create checks it, and fails if a log
 * setting (key, origin or anchor) is combined with a ledger in memory or a store of your own.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      private_key_pem
 */
openexec_code openexec_config_set_log_key(openexec_config* config, openexec_str private_key_pem,
                                          openexec_error** error);

/* Sets the name of a supplied ledger's log, which must be globally unique, without white space and '+'. Without this
 * setting the name is derived from the key. The first opening records the name, and it never changes.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      origin     UTF-8, not empty, such as "example.com/payments"
 */
openexec_code openexec_config_set_log_origin(openexec_config* config, openexec_str origin, openexec_error** error);

/* Sets the anchor: a separate file with the newest checkpoint, replaced after each commit. A ledger that ends before
 * this checkpoint, or contradicts it, was rolled back or replaced, and is not opened for writing. Only one writer at a
 * time may use the file, and it stops with OPENEXEC_STORE_FAILED if another program changes the file.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      path       on storage that is not restored together with the ledger, such as another disk
 */
openexec_code openexec_config_set_log_anchor(openexec_config* config, openexec_str path, openexec_error** error);

/* Requires DSSE approvals under a trust policy (docs/formats.md, section 11), for the config's tenant and executor name
 * as they are when an executor is made. Replaces any verifier that was set before. Without a policy every request is
 * refused with OPENEXEC_APPROVAL_KEY_MISSING until openexec_executor_reload_trust_policy sets one.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the malformed line or member.
 * In:  config
 *      policy     JSON text; empty: no policy yet
 */
openexec_code openexec_config_set_trust_policy(openexec_config* config, openexec_str policy, openexec_error** error);

/* WEAK: verifies nothing, so that every caller may run every action. For demonstrations. Replaces any verifier that was
 * set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 */
openexec_code openexec_config_set_demo_verifier(openexec_config* config, openexec_error** error);

/* ================================================================================================================== */
/* 4 parts                                                                                                            */
/* ================================================================================================================== */
/*
 * Each table is one part. openexec_executor_create tests each part before the executor uses it.
 * The last argument of a callback that can fail is a sink for an explanation, which the callback may leave empty.
 */

/* Appends bytes to a sink. A sink has a limit. A callback that reaches it may stop writing, and truncated output is
 * never treated as complete. If a handler writes its result past the limit, the rest is still counted and hashed.
 * Returns: OPENEXEC_OK, or OPENEXEC_OVERLOADED if some bytes did not fit, in this call or an earlier one.
 * In:  sink       the one that the running callback was passed
 *      bytes
 */
openexec_code openexec_sink_write(openexec_sink* sink, openexec_str bytes);

/* --- handlers: functions that perform approved actions --- */

/* One call of a handler. The views are valid until it returns. */
typedef struct openexec_invocation {
  size_t size;
  openexec_str exec_id; /* 64 hexadecimal digits, the same on every attempt; use as idempotency key downstream */
  openexec_str action;
  openexec_str payload; /* RFC 8785 form of what was approved */
  openexec_str tenant;
  /* When the host no longer needs the result, by the executor's monotonic clock. A handler is never interrupted. */
  int64_t deadline_ns;
  const openexec_cancellation* cancellation;
  uint32_t attempt; /* the number of this attempt, from 1; further ones by retry_none */
  uint32_t reserved;
} openexec_invocation;

/* An interrupted call. A reconcile function determines whether the action took place. */
typedef struct openexec_settlement {
  size_t size;
  openexec_str exec_id;
  openexec_str action;
  openexec_str tenant;
} openexec_settlement;

/* An execution whose cost is wanted. The views are valid until the callback returns. */
typedef struct openexec_cost_query {
  size_t size;
  openexec_str action;
  openexec_str payload; /* RFC 8785 form */
  openexec_str tenant;
} openexec_cost_query;

/* What a handler reports about the action. Any other number, zero included, counts as IN_DOUBT. */
typedef int32_t openexec_answer;
enum {
  OPENEXEC_ANSWER_RESULT = 1,           /* it took place; `result` holds its output, preferably one strict JSON value */
  OPENEXEC_ANSWER_FAILED = 2,           /* it failed, and may have done something; final */
  OPENEXEC_ANSWER_FAILED_NO_EFFECT = 3, /* it failed, and the handler knows that nothing happened; final */
  OPENEXEC_ANSWER_IN_DOUBT = 4          /* it may have taken place; it is never run again */
};

typedef struct openexec_handler_table {
  size_t size; /* sizeof(openexec_handler_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  /* Runs the action, on the thread that called execute; concurrently with itself when several threads call.
   * Output that is not one strict JSON value, or is longer than OPENEXEC_LIMIT_RESULT_BYTES, becomes an object that
   * holds it (openexec_result_form). `detail` explains every answer but RESULT. It is returned to the caller and with
   * each replay, is stored with the outcome, and is never written to a log. */
  openexec_answer (*run)(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail);

  /* Called during recovery to determine whether an interrupted action took place. Must not run the action. Return
   * RESULT for yes, FAILED_NO_EFFECT for no, and any other answer for unknown. May be NULL. */
  openexec_answer (*reconcile)(void* self, const openexec_settlement* settlement, openexec_sink* result,
                               openexec_sink* detail);

  int64_t deadline_ms; /* becomes the invocation's deadline; 0 means 30,000 */

  /* Writes the cost of an execution in millionths of a US dollar. Called before the claim, and only if the approval
   * limits the cost. Any code but OPENEXEC_OK refuses the request. Must not run the action. If it is NULL, requests
   * whose approval limits the cost are refused. */
  openexec_code (*cost)(void* self, const openexec_cost_query* query, int64_t* micro_usd, openexec_sink* detail);

  /* A JSON Schema for the payloads of this action (docs/formats.md, section 12), compiled when the table is set. A
   * payload that does not satisfy it is refused with OPENEXEC_PAYLOAD_SCHEMA before its approval is verified. Empty:
   * every object is accepted. */
  openexec_str payload_schema;

  /* The number of further attempts after one that ended with FAILED_NO_EFFECT or was stopped by a halt: the same
   * request, sent again under the same approval, is admitted again and runs again. At most 1,000; 0: none. A store of
   * your own keeps one attempt only, so that openexec_executor_create fails if it is combined with this. */
  uint32_t retry_none;
  uint32_t reserved; /* 0 */
} openexec_handler_table;

/* Registers the handler of an action.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT if the name breaks the rule for actions or is taken, if `run` is
 *          NULL, or if the schema is malformed or uses an unsupported feature (the detail names the place in it).
 * In:  config
 *      action     its name
 *      handler    copied; `self` is owned from success on
 */
openexec_code openexec_config_add_handler(openexec_config* config, openexec_str action,
                                          const openexec_handler_table* handler, openexec_error** error);

/* --- logs: the append-only record of every attempt --- */

/* An entry to append to a log. */
typedef struct openexec_new_entry {
  size_t size;
  openexec_str json;       /* 1 to 65,535 bytes; the log must refuse any other length */
  openexec_digest exec_id; /* the key of openexec_log_find; zero for a malformed request */
  openexec_digest attempt; /* not zero; a second append of the same attempt returns the first index */
  int64_t at_us;           /* part of the highest time that a store's `latest` writes */
} openexec_new_entry;

/* An entry with its index. */
typedef struct openexec_log_line {
  size_t size; /* sizeof(openexec_log_line) */
  uint64_t index;
  openexec_digest leaf_hash; /* RFC 6962: SHA-256(0x00 || json) */
  openexec_str json;
} openexec_log_line;

/* Adds one line to the answer of a callback.
 * Returns: OPENEXEC_OK; otherwise the line was not added, and the callback counts as failed.
 * In:  lines      the object that the running callback was passed
 *      line       copied
 */
openexec_code openexec_lines_put(openexec_lines* lines, const openexec_log_line* line);

/* A log of your own. Callbacks return OPENEXEC_OK, OPENEXEC_STORE_FAILED or OPENEXEC_INVALID_ARGUMENT.
 *  - append returns only when the entry is durable. Indexes start at 0, have no gaps, and follow the order of commit.
 *  - Entries are never changed or removed.
 *  - append is idempotent per attempt, so that entries can be appended again after a crash.
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

/* Sets a log of your own, separate from the store. The store then works as its outbox: it keeps each entry until the
 * log has it.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      log        copied; `self` is owned from success on
 */
openexec_code openexec_config_set_log(openexec_config* config, const openexec_log_table* log, openexec_error** error);

/* --- stores: the contract behind "at most once" --- */

/* A claim: what it spends is spent in one durable step. */
typedef struct openexec_claim {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_str action;
  openexec_digest exec_id;
  openexec_digest request_hash;
  openexec_str approval_id;        /* spent together with the nonce; empty: no approval is spent */
  openexec_digest approval_digest; /* of the artifact; zero if none was presented */
  openexec_str approval;           /* JSON, kept for the log entry of an interrupted attempt */
  int64_t at_us;

  /* Further conditions, checked in the same step. Only a store that sets `keeps_terms` is passed any. */
  openexec_str predecessor; /* an approval id whose claim must be sealed as OPENEXEC_OK; empty: no condition */
  /* Claims of this action in this tenant within 60 seconds, this one included; 0: any number */
  uint32_t max_per_minute;
  int32_t reserved; /* zero */
} openexec_claim;

/* The answer to a claim. Only FRESH permits running the handler. */
typedef int32_t openexec_claim_answer;
enum {
  OPENEXEC_CLAIM_EXISTS = 1,         /* the nonce was claimed before by the same request: add its record */
  OPENEXEC_CLAIM_NONCE_CONFLICT = 2, /* the nonce was claimed before, by another request */
  OPENEXEC_CLAIM_APPROVAL_SPENT = 3, /* the approval was claimed before, under another nonce */
  OPENEXEC_CLAIM_FRESH = 4,          /* claimed now, durably */
  OPENEXEC_CLAIM_OUT_OF_ORDER = 5,   /* the predecessor has not executed; nothing was spent */
  OPENEXEC_CLAIM_RATE_REACHED = 6    /* max_per_minute is reached; nothing was spent */
};

/* The state of a nonce. */
typedef int32_t openexec_state;
enum {
  OPENEXEC_STATE_CLAIMED = 1, /* an attempt is running, or was interrupted and not yet recovered */
  OPENEXEC_STATE_SEALED = 2,  /* final */
  OPENEXEC_STATE_IN_DOUBT = 3 /* it may have run; it never runs again, but a settlement may seal it */
};

/* The record of one nonce in a store. */
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
  int64_t entry;         /* index of the entry that sealed it or put it in doubt; -1: no entry */
  openexec_state state;
  openexec_code code;     /* as sealed; while claimed OPENEXEC_IN_DOUBT */
  openexec_effect effect; /* as sealed; while claimed OPENEXEC_EFFECT_UNKNOWN */
  int32_t reserved;       /* zero */
} openexec_record;

/* A change of state at the end of an attempt: from claimed to sealed or in doubt, or from in doubt to sealed. */
typedef struct openexec_seal {
  size_t size;
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str result; /* display form, then a line feed and what replays also return; stored unchanged */
  openexec_str entry;  /* the log entry; goes into the log in the same durable step, or into the outbox */
  int64_t at_us;
  openexec_state state;
  openexec_code code;
  openexec_effect effect;
  int32_t reserved; /* zero */
} openexec_seal;

/* A sealed attempt whose entry is not yet confirmed to be in the log. */
typedef struct openexec_unlogged_entry {
  size_t size; /* sizeof(openexec_unlogged_entry) */
  openexec_str tenant;
  openexec_str nonce;
  openexec_digest exec_id;
  openexec_str entry;
} openexec_unlogged_entry;

/* Adds one record to the answer of a callback.
 * Returns: OPENEXEC_OK; otherwise the record was not added, and the callback counts as failed.
 * In:  records    the object that the running callback was passed
 *      record     copied
 */
openexec_code openexec_records_put(openexec_records* records, const openexec_record* record);

/* Adds one unlogged entry to the answer of a callback.
 * Returns: OPENEXEC_OK; otherwise the entry was not added, and the callback counts as failed.
 * In:  unlogged   the object that the running callback was passed
 *      entry      copied
 */
openexec_code openexec_unlogged_put(openexec_unlogged* unlogged, const openexec_unlogged_entry* entry);

/* A control: an order of an operator. It is active until it is lifted. */
typedef int32_t openexec_control;
enum {
  OPENEXEC_CONTROL_HALT = 1,            /* no handler is entered */
  OPENEXEC_CONTROL_REVOKE_APPROVAL = 2, /* the approval with this id is no longer accepted */
  OPENEXEC_CONTROL_REVOKE_KEY = 3,      /* the key with this id or fingerprint is no longer counted */
  OPENEXEC_CONTROL_CONFIRM_CLOCK = 4    /* the wall clock was right when the order was given; store the id unchanged */
};

/* Identifies a control. A store holds at most one of each. */
typedef struct openexec_control_name {
  size_t size; /* sizeof(openexec_control_name) */
  openexec_control control;
  int32_t reserved;    /* zero */
  openexec_str id;     /* the id of the approval or key; empty for a halt */
  openexec_str tenant; /* the tenant that it binds; empty: every tenant */
} openexec_control_name;

/* Sets or lifts a control, with the entry that records who ordered it. */
typedef struct openexec_control_change {
  size_t size;
  openexec_control control;
  int32_t active; /* 1: set; 0: lifted, which only a halt can be */
  openexec_str id;
  openexec_str tenant;
  openexec_str entry; /* goes into the log in the same durable step, or into the outbox under an empty nonce */
  int64_t at_us;
} openexec_control_change;

/* Adds one control to the answer of a callback.
 * Returns: OPENEXEC_OK; otherwise the control was not added, and the callback counts as failed.
 * In:  controls   the object that the running callback was passed
 *      name       copied
 */
openexec_code openexec_controls_put(openexec_controls* controls, const openexec_control_name* name);

/* A store of your own. Callbacks return OPENEXEC_OK, OPENEXEC_STORE_FAILED or OPENEXEC_INVALID_ARGUMENT.
 *  - Linearizable per (tenant, nonce) and per (tenant, approval id): across threads, across processes that share the
 *    store, and across restarts. Of any number of concurrent equal claims exactly one is FRESH.
 *  - claim writes FRESH only when the claim is durable. It spends both the nonce and the approval id in one step, or
 *    neither.
 *  - After any code but OPENEXEC_OK the handler does not run. If the store does not know whether a commit succeeded, it
 *    finds out or fails every later call. It never guesses.
 *  - seal succeeds only when the seal is durable. Sealing a nonce that is neither claimed nor in doubt is
 *    OPENEXEC_INVALID_ARGUMENT and changes nothing.
 *  - A record that could be replayed is never removed.
 *  - Called from any thread, concurrently. Calls block until they are durable.
 */
typedef struct openexec_store_table {
  size_t size; /* sizeof(openexec_store_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */

  /* Writes one of OPENEXEC_CLAIM_... to `answer`, and for EXISTS adds one record to `existing`. */
  openexec_code (*claim)(void* self, const openexec_claim* claim, openexec_claim_answer* answer,
                         openexec_records* existing, openexec_sink* detail);
  /* Adds the record of the nonce, or nothing if it was never claimed. */
  openexec_code (*find)(void* self, const openexec_str* tenant, const openexec_str* nonce, openexec_records* found,
                        openexec_sink* detail);
  /* Writes the index of the entry if this store is also the log; otherwise leaves `entry` at -1. */
  openexec_code (*seal)(void* self, const openexec_seal* seal, int64_t* entry, openexec_sink* detail);
  /* Adds the claims whose process ended, in the order in which they were claimed. */
  openexec_code (*orphans)(void* self, openexec_records* orphans, openexec_sink* detail);
  /* Records `value` under `key` on first use; a different value later is OPENEXEC_STORE_FAILED. */
  openexec_code (*pin)(void* self, const openexec_str* key, const openexec_str* value, openexec_sink* detail);
  /* Writes the highest time of any claim, seal or entry; zero for an empty store. */
  openexec_code (*latest)(void* self, int64_t* at_us, openexec_sink* detail);
  /* Returns OPENEXEC_OK if a claim is possible now. */
  openexec_code (*ready)(void* self, openexec_sink* detail);

  /* The log, if this store is also the log. Its callbacks are passed its own `self`, and its `close` is NULL. A seal
   * and its entry are then one durable step. NULL: the log is separate, and this store is its outbox through the next
   * two callbacks. */
  const openexec_log_table* log;

  /* Adds the sealed entries that `logged` has not confirmed. May be NULL only if `log` is not. */
  openexec_code (*unlogged)(void* self, openexec_unlogged* unlogged, openexec_sink* detail);
  /* Confirms that the entry of a sealed nonce is in the log. May be NULL only if `log` is not. */
  openexec_code (*logged)(void* self, const openexec_str* tenant, const openexec_str* nonce, uint64_t index,
                          openexec_sink* detail);

  /* 1 if claim checks `predecessor` and `max_per_minute`. If 0, requests that need one of them are refused. */
  int32_t keeps_terms;
  int32_t reserved; /* zero */
  /* Sets or lifts a control. If the control already has the wanted state, only the entry is added. Writes the index of
   * the entry as `seal` does. May be NULL, together with `controls`: controls then last as long as the executor. */
  openexec_code (*control)(void* self, const openexec_control_change* change, int64_t* entry, openexec_sink* detail);
  /* Adds the active controls, in the order of control, id and tenant. */
  openexec_code (*controls)(void* self, openexec_controls* controls, openexec_sink* detail);

  /* For a store that was copied or restored, and may have lost claims: writes the floor, which is the time up to which
   * issued approvals are no longer accepted. Leaves `floor_us` at INT64_MIN if the store has no floor. Called once for
   * each executor, and a failure fails openexec_executor_create. So does a floor with the demo verifier. NULL: no
   * floor.
   */
  openexec_code (*floor)(void* self, int64_t* floor_us, openexec_sink* detail);
} openexec_store_table;

/* Sets a store of your own. Replaces any store that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      store      copied, with its log; `self` is owned from success on
 */
openexec_code openexec_config_set_store(openexec_config* config, const openexec_store_table* store,
                                        openexec_error** error);

/* --- verifiers: whether a request is approved, and by which keys --- */

/* Sets the id of the verified approval, which is spent together with the nonce.
 * Returns: OPENEXEC_OK.
 * In:  approval   the object that the running callback was passed
 *      id         UTF-8, not empty
 */
openexec_code openexec_approval_set_id(openexec_approval* approval, openexec_str id);

/* Adds the id of one key whose signature verified. OpenExec sorts the keys.
 * Returns: OPENEXEC_OK.
 * In:  approval   the object that the running callback was passed
 *      key        UTF-8, not empty
 */
openexec_code openexec_approval_add_key(openexec_approval* approval, openexec_str key);

/* Sets the time at which the approval was issued, as the verified artifact states it. If the store has a floor, as an
 * adopted ledger has, an approval without this time is refused with OPENEXEC_APPROVAL_SPENT.
 * Returns: OPENEXEC_OK.
 * In:  approval   the object that the running callback was passed
 *      issued_us  microseconds since 1970
 */
openexec_code openexec_approval_set_issued_at(openexec_approval* approval, int64_t issued_us);

/* A verifier of your own.
 *  - Decides only by the artifact, the proposal, its own configuration and `now_us`. Uses no network and no other
 *    clock.
 *  - Does not track use. The store ensures that an approval is used once.
 *  - Called from any thread, concurrently.
 */
typedef struct openexec_verifier_table {
  size_t size; /* sizeof(openexec_verifier_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  openexec_str profile;      /* the name of its rules in log entries; copied; not empty */

  /* Returns OPENEXEC_OK after setting the approval's id (without an id the request is refused with
   * OPENEXEC_APPROVAL_MALFORMED), one of OPENEXEC_APPROVAL_... 110 to 122, or OPENEXEC_OVERLOADED if memory could not
   * be allocated, which spends nothing. Any other number counts as OPENEXEC_APPROVAL_SIGNATURE_INVALID. */
  openexec_code (*verify)(void* self, const openexec_proposal* proposal, int64_t now_us, openexec_approval* approval,
                          openexec_sink* detail);
  /* Returns OPENEXEC_OK if the verifier can accept requests, else the code of the reason. NULL: it always can. */
  openexec_code (*ready)(void* self, openexec_sink* detail);
} openexec_verifier_table;

/* Sets a verifier of your own. Replaces any verifier that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      verifier   copied; `self` is owned from success on
 */
openexec_code openexec_config_set_verifier(openexec_config* config, const openexec_verifier_table* verifier,
                                           openexec_error** error);

/* --- hashers: the request hash --- */

/* A hasher of your own.
 *  - Pure: equal input gives equal output, for ever and on every machine. Different requests give different bytes.
 *  - A ledger that was written with one hasher name does not open with another.
 *  - Called from any thread, concurrently. Its callbacks cannot fail.
 */
typedef struct openexec_hasher_table {
  size_t size; /* sizeof(openexec_hasher_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  openexec_str name;         /* the name of its rules; copied; 1 to 64 bytes of UTF-8 */

  /* Writes the bytes whose digest is the request hash. `payload` is in RFC 8785 form. */
  void (*canonical)(void* self, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes);
  void (*digest)(void* self, const openexec_str* bytes, openexec_digest* digest);
} openexec_hasher_table;

/* Sets a hasher of your own.
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

  /* Civil time, used for the expiry of approvals and for log entries. May be wrong and may jump. */
  int64_t (*now_us)(void* self);
  /* Time for durations and deadlines, from an arbitrary origin. Never goes back. NULL: the system's CLOCK_MONOTONIC. */
  int64_t (*monotonic_ns)(void* self);
} openexec_clock_table;

/* Sets a clock of your own.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      clock      copied; `self` is owned from success on
 */
openexec_code openexec_config_set_clock(openexec_config* config, const openexec_clock_table* clock,
                                        openexec_error** error);

/* --- events: for the log or the metrics of the host --- */

/* The kind of an event. Events have codes and ids, and never a payload, a result, a key, a nonce or a handler's
 * detail. */
typedef int32_t openexec_event_kind;
enum {
  OPENEXEC_EVENT_OPENED = 1,    /* an executor was created; `count`: interrupted claims that it found */
  OPENEXEC_EVENT_ANSWERED = 2,  /* an attempt was answered; all members but `count` */
  OPENEXEC_EVENT_RECOVERED = 3, /* openexec_executor_recover was called; `code`, `count` as for OPENED */
  OPENEXEC_EVENT_RELOADED = 4,  /* openexec_executor_reload_trust_policy was called; `code` */
  OPENEXEC_EVENT_CLOSED = 5     /* the executor is about to end; its last event */
};

/* One event. The views are valid until `on_event` returns. */
typedef struct openexec_event {
  size_t size;
  openexec_event_kind kind;
  openexec_code code;       /* the code of the outcome or of the function */
  openexec_verdict verdict; /* as openexec_outcome_verdict */
  openexec_effect effect;   /* as openexec_outcome_effect */
  openexec_str exec_id;     /* empty if the request was malformed */
  openexec_str action;      /* empty if the request was malformed */
  int64_t entry_index;      /* -1: no entry */
  uint64_t count;
} openexec_event;

/* A listener. It is called after the event, decides nothing, and cannot fail. It runs on the thread that called
 * OpenExec, concurrently if several threads called, before that thread's function returns. A slow listener slows its
 * callers. */
typedef struct openexec_events_table {
  size_t size; /* sizeof(openexec_events_table) */
  void* self;
  void (*close)(void* self); /* may be NULL */
  void (*on_event)(void* self, const openexec_event* event);
} openexec_events_table;

/* Sets a listener. Replaces any listener that was set before.
 * Returns: OPENEXEC_OK.
 * In:  config
 *      events     copied; `self` is owned from success on
 */
openexec_code openexec_config_set_events(openexec_config* config, const openexec_events_table* events,
                                         openexec_error** error);

/* ================================================================================================================== */
/* 5 execute                                                                                                          */
/* ================================================================================================================== */

/* Creates an executor: opens the ledger, checks the parts, and recovers the claims that an earlier process left open.
 * The set of handlers is final from then on. A part that does not pass its checks is a failure, never a weaker
 * executor.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED (ledger in use by another process, damaged, of a newer format, failing),
 *          or OPENEXEC_INVALID_ARGUMENT (no store, no verifier, a part that fails its self test).
 * In:  config     may be used again
 * Out: executor   the caller destroys it
 */
openexec_code openexec_executor_create(const openexec_config* config, openexec_executor** executor,
                                       openexec_error** error);

/* Closes an executor. The handle stays valid until it is destroyed. Any thread may close while others call: later calls
 * return OPENEXEC_INVALID_ARGUMENT, and calls in progress finish as usual. The last call in progress ends the executor
 * when it leaves: the ledger is closed, and every `close` that is due is called. This is for hosts whose threads cannot
 * agree on when to destroy. May be called again, and from a handler.
 * Returns: OPENEXEC_OK once the executor has ended; OPENEXEC_IN_PROGRESS while a call is in progress.
 * In:  executor
 *      max_wait_ms  how long to wait for calls in progress; 0: do not wait. A handler that waits here waits for itself
 */
openexec_code openexec_executor_close(openexec_executor* executor, int64_t max_wait_ms, openexec_error** error);

/* Destroys an executor. Accepts NULL and a pointer to NULL; sets the pointer to NULL. No call may begin after this.
 * Calls in progress, on other threads or on this one, finish as usual, and the last of them ends the executor when it
 * leaves. If no call is in progress, the ledger is closed and every `close` that is due was called when destroy
 * returns.
 */
void openexec_executor_destroy(openexec_executor** executor);

/* Creates a cancellation flag, which the handlers of the calls that are passed it can read.
 * Returns: OPENEXEC_OK.
 * Out: cancellation   the caller may destroy it at any time, even while calls use it
 */
openexec_code openexec_cancellation_create(openexec_cancellation** cancellation, openexec_error** error);

/* Sets the flag permanently. May be called from any thread. It stops nothing by itself: handlers have to read it.
 * Returns: OPENEXEC_OK.
 * In:  cancellation
 */
openexec_code openexec_cancellation_cancel(openexec_cancellation* cancellation, openexec_error** error);

/* Reads the flag.
 * Returns: 1 if it is set, else 0.
 */
int32_t openexec_cancellation_cancelled(const openexec_cancellation* cancellation);

/* Destroys the caller's handle of a flag. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_cancellation_destroy(openexec_cancellation** cancellation);

/* The options of one call. */
typedef struct openexec_call_options {
  size_t size;         /* sizeof(openexec_call_options) */
  int64_t max_wait_ms; /* for a nonce that another call is running; 0: the configured time; negative: none */
  const openexec_cancellation* cancellation; /* may be NULL */
  openexec_str nonce; /* used if the request has none; a request with a different one is malformed; empty: none */
  int32_t proof;      /* 1: openexec_outcome_proof as well, which costs a few more reads */
  int32_t reserved;   /* zero */
} openexec_call_options;

/* Executes one request. Every attempt has an outcome, refusals included, and an error is written only if there is no
 * outcome. Blocks until the outcome is durable.
 * Returns: the outcome's code: OPENEXEC_OK only if the action was approved, ran and returned a result, now or in the
 *          attempt that this one replays. OPENEXEC_INVALID_ARGUMENT and OPENEXEC_UNSUPPORTED_ABI have no outcome.
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

/* One call of openexec_executor_execute_many: a request in either form, with its own options. */
typedef struct openexec_call {
  size_t size;                     /* sizeof(openexec_call) */
  const openexec_request* request; /* may be NULL: then `json` is the request */
  openexec_str json;               /* JSON text, as openexec_executor_execute_json takes it; empty beside a request */
  const openexec_call_options* options; /* may be NULL */
} openexec_call;

/* A callback executor: arranges that `run(work)` is called exactly once, on this thread or another one, before or after
 * the callback executor returns. If it throws, the library calls run(work) on the calling thread, and a later run(work)
 * does nothing. */
typedef void (*openexec_callback_executor)(void* self, void (*run)(void* work), void* work);

/* Executes many requests from one thread. Each has the meaning of a concurrent call of its own, and they share their
 * durable writes. Handlers run one after the other on this thread, or on the threads of a callback executor.
 * Returns: OPENEXEC_OK only if every outcome is OPENEXEC_OK; otherwise the code of the first that is not. If there are
 *          no outcomes, all of them are NULL and nothing ran.
 * In:  executor
 *      calls      an array of pointers; may be NULL if count is 0
 *      count
 *      callback_executor  may be NULL
 *      self       passed to `callback_executor`; may be NULL
 * Out: outcomes   an array of `count`, in the order of the calls; the caller destroys each
 */
openexec_code openexec_executor_execute_many(openexec_executor* executor, const openexec_call* const* calls,
                                             size_t count, openexec_callback_executor callback_executor, void* self,
                                             openexec_outcome** outcomes, openexec_error** error);

/* An order of an operator, with its reason. All of it goes into the log. */
typedef struct openexec_order {
  size_t size; /* sizeof(openexec_order) */
  openexec_control control;
  int32_t active;      /* 1: set; 0: lift, which is possible for a halt only */
  openexec_str id;     /* of the approval (of a plan: all its steps) or key; empty for a halt or confirmation */
  openexec_str tenant; /* the tenant that it binds; empty: every tenant, as a confirmation requires */
  openexec_str who;    /* the operator: 1 to 255 bytes of UTF-8 without control characters */
  openexec_str why;    /* 1 to 1,024 bytes of UTF-8 */
} openexec_order;

/* Halts, resumes, revokes, or confirms that the wall clock is right now (docs/operations.md). After it has returned, no
 * handler is started against the order. A handler that was started just before may still be entering the host's
 * function. A claim whose handler was not started fails without effect. The store keeps the order, so that it binds
 * every executor that opens the store later. A revocation is permanent. May be called by a handler.
 * Returns: the outcome's code: OPENEXEC_OK; OPENEXEC_INVALID_ARGUMENT for a malformed order; OPENEXEC_STORE_FAILED if
 *          the order could not be made durable: a halt or revocation then still holds in this executor, and nothing is
 *          lifted.
 * In:  executor
 *      order
 * Out: outcome    may be NULL; otherwise the caller destroys it. Its verdict is OPENEXEC_VERDICT_CONTROL, and it has a
 *                 receipt hash and an entry. Its detail says if the order lasts only as long as this executor
 */
openexec_code openexec_executor_order(openexec_executor* executor, const openexec_order* order,
                                      openexec_outcome** outcome, openexec_error** error);

/* Halts every tenant in the name of the host program. Use openexec_executor_order to name an operator.
 * Returns: as openexec_executor_order.
 */
openexec_code openexec_executor_halt(openexec_executor* executor, openexec_error** error);

/* Lifts the halt of every tenant in the name of the host program.
 * Returns: as openexec_executor_order.
 */
openexec_code openexec_executor_resume(openexec_executor* executor, openexec_error** error);

/* Receives one control, which is valid until the function returns. Return 0 to continue, and any other number to
 * stop. */
typedef int32_t (*openexec_visit_control)(void* self, const openexec_control_name* name);

/* Visits the active controls of every tenant.
 * Returns: OPENEXEC_OK, also if `visit` stopped.
 * In:  executor
 *      visit      called for each, on this thread
 *      self       passed to `visit`; may be NULL
 */
openexec_code openexec_executor_controls(const openexec_executor* executor, openexec_visit_control visit, void* self,
                                         openexec_error** error);

/* Whether the executor is halted.
 * Returns: 1 or 0; 1 for NULL, and for an executor that is closed.
 */
int32_t openexec_executor_halted(const openexec_executor* executor);

/* Whether an execution is possible now.
 * Returns: OPENEXEC_OK, or the code of the obstacle: OPENEXEC_HALTED, OPENEXEC_STORE_FAILED, or a code of the verifier.
 */
openexec_code openexec_executor_ready(const openexec_executor* executor, openexec_error** error);

/* Replaces the active trust policy atomically. Each request is judged by the old policy or the new one, and a request
 * that begins after this function has returned is judged by the new one. On failure the old policy stays active.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the malformed line or member, or if the executor was not
 *          created with openexec_config_set_trust_policy.
 * In:  executor
 *      policy     JSON text
 */
openexec_code openexec_executor_reload_trust_policy(openexec_executor* executor, openexec_str policy,
                                                    openexec_error** error);

/* The result of a recovery. */
typedef struct openexec_recovery {
  size_t size;       /* sizeof(openexec_recovery), set by the caller */
  uint64_t in_doubt; /* claims without a seal, now in doubt with a log entry */
  uint64_t settled;  /* of those, settled by a reconcile function */
  uint64_t relogged; /* sealed entries appended again to a log that is separate from its store */
} openexec_recovery;

/* The result of the recovery when the executor was created.
 * Returns: OPENEXEC_OK.
 * In:  executor
 * Out: recovery   its `size` is an input
 */
openexec_code openexec_executor_recovered(const openexec_executor* executor, openexec_recovery* recovery,
                                          openexec_error** error);

/* Recovers again: finds the claims that another process of a shared store has left open since.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  executor
 * Out: recovery   its `size` is an input; unchanged on failure
 */
openexec_code openexec_executor_recover(openexec_executor* executor, openexec_recovery* recovery,
                                        openexec_error** error);

/* Returns: the code of the outcome; OPENEXEC_INVALID_ARGUMENT for NULL. */
openexec_code openexec_outcome_code(const openexec_outcome* outcome);

/* Returns: the HTTP status of the outcome. */
int32_t openexec_outcome_http(const openexec_outcome* outcome);

/* Returns: how the attempt ended; OPENEXEC_VERDICT_REFUSED for NULL. */
openexec_verdict openexec_outcome_verdict(const openexec_outcome* outcome);

/* Returns: the effect of the action; OPENEXEC_EFFECT_NONE for NULL. */
openexec_effect openexec_outcome_effect(const openexec_outcome* outcome);

/* Returns: 1 if this repeats the outcome of an earlier attempt, and the handler was not entered; else 0. */
int32_t openexec_outcome_replayed(const openexec_outcome* outcome);

/* Returns: the number of the attempt that ran or is replayed; 1 if there is none. */
uint32_t openexec_outcome_attempt(const openexec_outcome* outcome);

/* Returns: 1 if nothing happened and the handler permits a further attempt (retry_none), so that the same request, sent
 * again under the same approval, may run. Else 0. */
int32_t openexec_outcome_may_retry(const openexec_outcome* outcome);

/* Returns: the execution's id, 64 hexadecimal digits; empty if the request was malformed. */
openexec_str openexec_outcome_exec_id(const openexec_outcome* outcome);

/* Returns: the action; empty if the request was malformed. */
openexec_str openexec_outcome_action(const openexec_outcome* outcome);

/* Returns: the result as JSON, the bytes that the receipt hash covers; {"error": "<code>"} for every code but
 *          OPENEXEC_OK. */
openexec_str openexec_outcome_result(const openexec_outcome* outcome);

/* Returns: the advice for a model on this outcome (openexec_advice). If the handler permits a further attempt, it says
 *          that
 * the same call may be sent again. For NULL it makes no assumption about what happened. A view that lives as long as
 * the library.
 */
openexec_str openexec_outcome_advice(const openexec_outcome* outcome);

/* Returns: the form of the result; OPENEXEC_RESULT_JSON for NULL. */
openexec_result_form openexec_outcome_result_form(const openexec_outcome* outcome);

/* Returns: the receipt hash, 64 hexadecimal digits: SHA-256 of exec_id, ":" and result. */
openexec_str openexec_outcome_receipt(const openexec_outcome* outcome);

/* Returns: the explanation for people; empty on success. A replay has the explanation of the first attempt. The receipt
 * hash does not cover it. */
openexec_str openexec_outcome_detail(const openexec_outcome* outcome);

/* Returns: the log entry of this attempt as JSON; empty if no entry was written. */
openexec_str openexec_outcome_entry(const openexec_outcome* outcome);

/* Returns: the index of that entry in the log; -1 if there is no entry. */
int64_t openexec_outcome_entry_index(const openexec_outcome* outcome);

/* Returns: the portable receipt of that entry (docs/formats.md, section 9) if the call's options asked for it and the
 *          log
 * keeps a Merkle tree; else empty. openexec_log_prove creates it later.
 */
openexec_str openexec_outcome_proof(const openexec_outcome* outcome);

/* Destroys an outcome. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_outcome_destroy(openexec_outcome** outcome);

/* ================================================================================================================== */
/* 6 evidence                                                                                                         */
/* ================================================================================================================== */

/* Checks a receipt hash, offline.
 * Returns: OPENEXEC_OK only if it matches exec_id and result; OPENEXEC_INVALID_ARGUMENT if it does not;
 *          OPENEXEC_MALFORMED_REQUEST if `result` is not strict JSON, or the others are not hexadecimal digests.
 * In:  exec_id    empty for a malformed request's receipt hash
 *      result     JSON text in any spacing
 *      receipt    the receipt hash
 */
openexec_code openexec_verify_receipt(openexec_str exec_id, openexec_str result, openexec_str receipt,
                                      openexec_error** error);

/* Checks an approval of profile clawshield-v1, offline. Does not check whether it was spent.
 * Returns: OPENEXEC_OK, OPENEXEC_MALFORMED_REQUEST, or one of OPENEXEC_APPROVAL_... 110 to 117.
 * In:  public_key_pem
 *      tenant     the tenant_id that the artifact must carry
 *      action
 *      payload    JSON text of one object; empty means {}
 *      artifact   JSON text of one object
 *      now_us     the time at which the approval is judged
 * Out: approval   the approval as a log entry carries it: {"digest", "id", "keys", "profile"}; the caller
 *                 destroys it
 */
openexec_code openexec_verify_clawshield_v1(openexec_str public_key_pem, openexec_str tenant, openexec_str action,
                                            openexec_str payload, openexec_str artifact, int64_t now_us,
                                            openexec_buffer** approval, openexec_error** error);

/* Checks an approval by a trust policy, offline, as an executor does. Does not check whether it was spent.
 * Returns: OPENEXEC_OK, OPENEXEC_MALFORMED_REQUEST, one of OPENEXEC_APPROVAL_... 110 to 122, or
 *          OPENEXEC_INVALID_ARGUMENT for a policy that is malformed.
 * In:  policy     JSON text
 *      executor   the executor's name, which an approval may name as its audience
 *      tenant
 *      request    with its approval_artifact
 *      now_us     the time at which the approval is judged
 * Out: approval   the approval as a log entry carries it: {"digest", "id", "keys", "profile"}; the caller
 *                 destroys it
 */
openexec_code openexec_verify_trust_policy(openexec_str policy, openexec_str executor, openexec_str tenant,
                                           const openexec_request* request, int64_t now_us, openexec_buffer** approval,
                                           openexec_error** error);

/* Checks a trust policy without activating it.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT with the malformed line or member.
 * In:  policy     JSON text
 * Out: report     JSON: {"digest", "policy", "warnings"}: the SHA-256 of its RFC 8785 form, that form, and warnings
 *                 of what is allowed but is probably a mistake; the caller destroys it
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
 * same call has the same nonce each time it is delivered. The provider's id of the call is not part of it, because
 * providers reuse ids, omit them, or change them when a turn is sent again.
 * Returns: OPENEXEC_OK, or OPENEXEC_MALFORMED_REQUEST with the malformed field.
 * In:  conversation  the host's own name for the conversation, the same for ever; 1 to 1,024 bytes of UTF-8
 *      turn          the turn within the conversation, the same when the turn is sent again; 1 to 1,024 bytes of UTF-8
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
 * Returns: OPENEXEC_OK, or OPENEXEC_STORE_FAILED if it is not a readable ledger.
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

/* Closes a reader. The handle stays valid until it is destroyed. Any thread may close while others read: later calls
 * return OPENEXEC_INVALID_ARGUMENT, and the last call in progress ends the reader. May be called again.
 * Returns: OPENEXEC_OK.
 * In:  log
 */
openexec_code openexec_log_close(openexec_log* log, openexec_error** error);

/* Destroys a reader. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_log_destroy(openexec_log** log);

/* Counts the entries.
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 * Out: entries    unchanged on failure
 */
openexec_code openexec_log_count(const openexec_log* log, uint64_t* entries, openexec_error** error);

/* Receives one line, which is valid until the function returns. Return 0 to continue, and any other number to stop. */
typedef int32_t (*openexec_visit)(void* self, const openexec_log_line* line);

/* Reads entries in the order of their index.
 * Returns: OPENEXEC_OK, also if `visit` stopped, or OPENEXEC_STORE_FAILED.
 * In:  log
 *      first      index of the first
 *      count      at most this many; fewer at the end
 *      visit      called for each, on this thread
 *      self       passed to `visit`; may be NULL
 */
openexec_code openexec_log_read(const openexec_log* log, uint64_t first, uint64_t count, openexec_visit visit,
                                void* self, openexec_error** error);

/* Reads the entries of one execution in the order of their index.
 * Returns: OPENEXEC_OK, also if `visit` stopped, or OPENEXEC_STORE_FAILED.
 * In:  log
 *      exec_id
 *      count      at most this many
 *      visit      called for each, on this thread
 *      self       passed to `visit`; may be NULL
 */
openexec_code openexec_log_find(const openexec_log* log, const openexec_digest* exec_id, uint64_t count,
                                openexec_visit visit, void* self, openexec_error** error);

/* The following functions need a log that keeps a Merkle tree. The supplied ledgers do. For a log of your own they
 * return OPENEXEC_INVALID_ARGUMENT.
 */

/* The key with which readers verify the log's checkpoints: `name+id+key`. They must receive it over another channel.
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
 * Out: note       the checkpoint with its cosignatures, which the caller destroys; NULL if there is none yet
 */
openexec_code openexec_log_cosigned(const openexec_log* log, openexec_buffer** note, openexec_error** error);

/* Stores the cosignatures of a checkpoint of this log, in addition to those already stored for the same checkpoint.
 * They are not verified here, since the log does not know the witnesses' keys: readers verify them. The log has to be
 * that of an executor, not one opened for reading only.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT for a note that this log did not sign, that
 *          does not match its tree, that has no other signature, or that is older than the stored checkpoint.
 * In:  log
 *      note       a checkpoint with cosignatures
 */
openexec_code openexec_log_keep_cosigned(const openexec_log* log, openexec_str note, openexec_error** error);

/* The portable receipt of an entry, under the newest cosigned checkpoint if that covers it, else under the newest.
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT if there is no such entry.
 * In:  log
 *      index
 * Out: proof      the text of a .tlog-proof, for openexec_evidence_verify; the caller destroys it
 */
openexec_code openexec_log_prove(const openexec_log* log, uint64_t index, openexec_buffer** proof,
                                 openexec_error** error);

/* The consistency proof that the tree of `from` entries is a prefix of the tree of `to` entries (RFC 9162, 2.1.4).
 * Returns: OPENEXEC_OK, OPENEXEC_STORE_FAILED, or OPENEXEC_INVALID_ARGUMENT unless from <= to <= the size of the newest
 *          checkpoint.
 * In:  log
 *      from
 *      to
 * Out: hashes     32 bytes each, one after the other; may be empty; the caller destroys it
 */
openexec_code openexec_log_consistency(const openexec_log* log, uint64_t from, uint64_t to, openexec_buffer** hashes,
                                       openexec_error** error);

/* The resource that C2SP tlog-tiles defines for a path: checkpoint, tile/0/000, tile/entries/000.p/7, ...
 * Returns: OPENEXEC_OK or OPENEXEC_STORE_FAILED.
 * In:  log
 *      path       without a leading slash
 * Out: resource   which the caller destroys; NULL if the newest checkpoint does not cover the resource, or the path
 *                 is not spelled exactly
 */
openexec_code openexec_log_resource(const openexec_log* log, openexec_str path, openexec_buffer** resource,
                                    openexec_error** error);

/* --- verification of portable receipts: offline, with only the log's public key --- */

/* The keys and witnesses that the caller trusts. `data` NULL means absent. Absent and empty differ: an empty policy is
 * malformed. */
typedef struct openexec_evidence_trust {
  size_t size;          /* sizeof(openexec_evidence_trust) */
  openexec_str log_key; /* the log's verifier key, `name+id+key`; absent: a log of the policy must have signed */
  openexec_str policy;  /* a C2SP tlog-policy; absent: no cosignature is required */
} openexec_evidence_trust;

/* Values that the caller has, each compared with the entry. `data` NULL: not compared. */
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

/* The verdict of a verification. Only PASS is evidence. */
typedef int32_t openexec_evidence_verdict;
enum {
  OPENEXEC_EVIDENCE_FAIL = 0,       /* a check failed */
  OPENEXEC_EVIDENCE_INCOMPLETE = 1, /* no check failed, but a check lacked an input */
  OPENEXEC_EVIDENCE_PASS = 2        /* every requested check passed */
};

/* The steps of a verification, in this order (docs/formats.md, section 9). */
typedef int32_t openexec_evidence_step;
enum {
  OPENEXEC_STEP_PROOF = 0,         /* the text is a tlog-proof, and holds a well-formed checkpoint */
  OPENEXEC_STEP_ENTRY = 1,         /* it carries an entry in its canonical form */
  OPENEXEC_STEP_INCLUSION = 2,     /* the entry is at its index in the tree of the checkpoint */
  OPENEXEC_STEP_LOG_SIGNATURE = 3, /* the log signed the checkpoint */
  OPENEXEC_STEP_COSIGNATURES = 4,  /* as many witnesses cosigned as the policy requires, all validly */
  OPENEXEC_STEP_EXEC_ID = 5,       /* from here on: the value of openexec_evidence_held equals the entry's */
  OPENEXEC_STEP_ACTION = 6,
  OPENEXEC_STEP_NONCE = 7,
  OPENEXEC_STEP_TENANT = 8,
  OPENEXEC_STEP_PAYLOAD = 9,
  OPENEXEC_STEP_RESULT = 10,
  OPENEXEC_STEP_RECEIPT = 11,
  OPENEXEC_STEP_APPROVAL = 12
};

/* The finding of one step. */
typedef int32_t openexec_finding;
enum {
  OPENEXEC_FINDING_UNREACHED = 0, /* an earlier step failed, so that this one could not run */
  OPENEXEC_FINDING_FAILED = 1,
  OPENEXEC_FINDING_INCOMPLETE = 2, /* an input is missing, or the entry lacks the member to compare */
  OPENEXEC_FINDING_NOT_ASKED = 3,
  OPENEXEC_FINDING_PASSED = 4
};

/* Reads and verifies a portable receipt. Needs no executor, network or clock: the same arguments always give the same
 * report. Hashes are those of the supplied hasher.
 * Returns: OPENEXEC_OK only if the verdict is PASS. OPENEXEC_INVALID_ARGUMENT with a report if it is not, and the
 *          deciding step in the error; without a report if a key, a policy or an argument is malformed.
 * In:  proof      the text of a .tlog-proof
 *      trust
 *      held       may be NULL: no value is compared
 * Out: report     the caller destroys it
 */
openexec_code openexec_evidence_verify(openexec_str proof, const openexec_evidence_trust* trust,
                                       const openexec_evidence_held* held, openexec_evidence** report,
                                       openexec_error** error);

/* Destroys a report. Accepts NULL and a pointer to NULL; sets the pointer to NULL. */
void openexec_evidence_destroy(openexec_evidence** report);

/* Returns: the verdict; OPENEXEC_EVIDENCE_FAIL for NULL. */
openexec_evidence_verdict openexec_evidence_report_verdict(const openexec_evidence* report);

/* Returns: the first step that failed, or else the first that is incomplete; -1 if the verdict is PASS, and
 * for NULL.
 */
openexec_evidence_step openexec_evidence_decided_by(const openexec_evidence* report);

/* Returns: the finding of a step; OPENEXEC_FINDING_UNREACHED for NULL and for an unknown step. */
openexec_finding openexec_evidence_finding(const openexec_evidence* report, openexec_evidence_step step);

/* Returns: why a step failed or is incomplete, for people; else empty. A view that lives as long as `report`. */
openexec_str openexec_evidence_detail(const openexec_evidence* report, openexec_evidence_step step);

/* Returns: the entry as JSON, or empty; a view that lives as long as `report`. Rely on it, and on the next five
 *          functions,
 * only if the verdict is PASS.
 */
openexec_str openexec_evidence_entry(const openexec_evidence* report);

/* Returns: the index of the entry; -1 if there is none. */
int64_t openexec_evidence_index(const openexec_evidence* report);

/* Returns: the log's name; a view that lives as long as `report`. */
openexec_str openexec_evidence_origin(const openexec_evidence* report);

/* The tree of the checkpoint.
 * Returns: OPENEXEC_OK.
 * In:  report
 * Out: entries    the number of entries; unchanged on failure
 *      root       unchanged on failure
 */
openexec_code openexec_evidence_tree(const openexec_evidence* report, uint64_t* entries, openexec_digest* root,
                                     openexec_error** error);

/* Returns: how many cosignatures verified. */
uint64_t openexec_evidence_cosignatures(const openexec_evidence* report);

/* One cosignature that verified, in the order of the policy's witnesses.
 * Returns: OPENEXEC_OK, or OPENEXEC_INVALID_ARGUMENT if there is no cosignature of that number.
 * In:  report
 *      number     from 0
 * Out: witness    its name in the policy; a view that lives as long as `report`
 *      time_s     when the witness states that it signed: seconds since 1970
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
