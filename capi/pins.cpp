// What must never change. A static_assert that fails here is a broken promise, not a test to be adapted.
#include <openexec.h>

#include <cstddef>
#include <openexec/builtin.hpp>
#include <openexec/evidence.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>

#include "guard.hpp"

namespace openexec::capi {

// The codes.
static_assert(OPENEXEC_OK == 0 && number(Code::ok) == 0);
static_assert(OPENEXEC_HALTED == 100 && number(Code::halted) == 100);
static_assert(OPENEXEC_NONCE_CONFLICT == 101 && number(Code::nonce_conflict) == 101);
static_assert(OPENEXEC_IN_PROGRESS == 102 && number(Code::in_progress) == 102);
static_assert(OPENEXEC_ACTION_NOT_ALLOWED == 103 && number(Code::action_not_allowed) == 103);
static_assert(OPENEXEC_UNKNOWN_ACTION == 104 && number(Code::unknown_action) == 104);
static_assert(OPENEXEC_APPROVAL_MISSING == 110 && number(Code::approval_missing) == 110);
static_assert(OPENEXEC_APPROVAL_MALFORMED == 111 && number(Code::approval_malformed) == 111);
static_assert(OPENEXEC_APPROVAL_KEY_MISSING == 112 && number(Code::approval_key_missing) == 112);
static_assert(OPENEXEC_APPROVAL_HASH_MISMATCH == 113 && number(Code::approval_hash_mismatch) == 113);
static_assert(OPENEXEC_APPROVAL_TENANT_MISMATCH == 114 && number(Code::approval_tenant_mismatch) == 114);
static_assert(OPENEXEC_APPROVAL_EXPIRED == 115 && number(Code::approval_expired) == 115);
static_assert(OPENEXEC_APPROVAL_NOT_YET_VALID == 116 && number(Code::approval_not_yet_valid) == 116);
static_assert(OPENEXEC_APPROVAL_SIGNATURE_INVALID == 117 && number(Code::approval_signature_invalid) == 117);
static_assert(OPENEXEC_APPROVAL_THRESHOLD == 118 && number(Code::approval_threshold) == 118);
static_assert(OPENEXEC_APPROVAL_POLICY_MISMATCH == 119 && number(Code::approval_policy_mismatch) == 119);
static_assert(OPENEXEC_APPROVAL_AUDIENCE_MISMATCH == 120 && number(Code::approval_audience_mismatch) == 120);
static_assert(OPENEXEC_APPROVAL_CONSTRAINT == 121 && number(Code::approval_constraint) == 121);
static_assert(OPENEXEC_APPROVAL_KEY_REVOKED == 122 && number(Code::approval_key_revoked) == 122);
static_assert(OPENEXEC_APPROVAL_SPENT == 123 && number(Code::approval_spent) == 123);
static_assert(OPENEXEC_IN_DOUBT == 200 && number(Code::in_doubt) == 200);
static_assert(OPENEXEC_HANDLER_FAILED == 201 && number(Code::handler_failed) == 201);
static_assert(OPENEXEC_RESULT_INVALID == 202 && number(Code::result_invalid) == 202);
static_assert(OPENEXEC_STORE_FAILED == 300 && number(Code::store_failed) == 300);
static_assert(OPENEXEC_OVERLOADED == 301 && number(Code::overloaded) == 301);
static_assert(OPENEXEC_MALFORMED_REQUEST == 400 && number(Code::malformed_request) == 400);
static_assert(OPENEXEC_INVALID_ARGUMENT == 401 && number(Code::invalid_argument) == 401);
static_assert(OPENEXEC_UNSUPPORTED_ABI == 402 && number(Code::unsupported_abi) == 402);

// Kinds, verdicts and effects.
static_assert(OPENEXEC_KIND_OK == 0 && static_cast<int>(Kind::ok) == 0);
static_assert(OPENEXEC_KIND_REFUSED == 1 && static_cast<int>(Kind::refused) == 1);
static_assert(OPENEXEC_KIND_DOUBT == 2 && static_cast<int>(Kind::doubt) == 2);
static_assert(OPENEXEC_KIND_FAULT == 3 && static_cast<int>(Kind::fault) == 3);
static_assert(OPENEXEC_KIND_MISUSE == 4 && static_cast<int>(Kind::misuse) == 4);
static_assert(OPENEXEC_VERDICT_REFUSED == 0 && static_cast<int>(Verdict::refused) == 0);
static_assert(OPENEXEC_VERDICT_EXECUTED == 1 && static_cast<int>(Verdict::executed) == 1);
static_assert(OPENEXEC_VERDICT_FAILED == 2 && static_cast<int>(Verdict::failed) == 2);
static_assert(OPENEXEC_VERDICT_REPLAYED == 3 && static_cast<int>(Verdict::replayed) == 3);
static_assert(OPENEXEC_VERDICT_IN_DOUBT == 4 && static_cast<int>(Verdict::in_doubt) == 4);
static_assert(OPENEXEC_VERDICT_SUPPRESSED == 5 && static_cast<int>(Verdict::suppressed) == 5);
static_assert(OPENEXEC_EFFECT_NONE == 0 && static_cast<int>(Effect::none) == 0);
static_assert(OPENEXEC_EFFECT_CONFIRMED == 1 && static_cast<int>(Effect::confirmed) == 1);
static_assert(OPENEXEC_EFFECT_UNKNOWN == 2 && static_cast<int>(Effect::unknown) == 2);

// A store's numbers.
static_assert(OPENEXEC_STATE_CLAIMED == 1 && static_cast<int>(NonceState::claimed) == 1);
static_assert(OPENEXEC_STATE_SEALED == 2 && static_cast<int>(NonceState::sealed) == 2);
static_assert(OPENEXEC_STATE_IN_DOUBT == 3 && static_cast<int>(NonceState::in_doubt) == 3);
static_assert(OPENEXEC_CLAIM_EXISTS == 1 && static_cast<int>(ClaimAnswer::Kind::exists) == 1);
static_assert(OPENEXEC_CLAIM_NONCE_CONFLICT == 2 && static_cast<int>(ClaimAnswer::Kind::nonce_conflict) == 2);
static_assert(OPENEXEC_CLAIM_APPROVAL_SPENT == 3 && static_cast<int>(ClaimAnswer::Kind::approval_spent) == 3);
static_assert(OPENEXEC_CLAIM_FRESH == 4 && static_cast<int>(ClaimAnswer::Kind::fresh) == 4);

// Evidence.
static_assert(OPENEXEC_EVIDENCE_FAIL == 0 && static_cast<int>(EvidenceVerdict::fail) == 0);
static_assert(OPENEXEC_EVIDENCE_INCOMPLETE == 1 && static_cast<int>(EvidenceVerdict::incomplete) == 1);
static_assert(OPENEXEC_EVIDENCE_PASS == 2 && static_cast<int>(EvidenceVerdict::pass) == 2);
static_assert(OPENEXEC_STEP_PROOF == 0 && static_cast<int>(EvidenceStep::proof) == 0);
static_assert(OPENEXEC_STEP_ENTRY == 1 && static_cast<int>(EvidenceStep::entry) == 1);
static_assert(OPENEXEC_STEP_INCLUSION == 2 && static_cast<int>(EvidenceStep::inclusion) == 2);
static_assert(OPENEXEC_STEP_LOG_SIGNATURE == 3 && static_cast<int>(EvidenceStep::log_signature) == 3);
static_assert(OPENEXEC_STEP_COSIGNATURES == 4 && static_cast<int>(EvidenceStep::cosignatures) == 4);
static_assert(OPENEXEC_STEP_EXEC_ID == 5 && static_cast<int>(EvidenceStep::exec_id) == 5);
static_assert(OPENEXEC_STEP_ACTION == 6 && static_cast<int>(EvidenceStep::action) == 6);
static_assert(OPENEXEC_STEP_NONCE == 7 && static_cast<int>(EvidenceStep::nonce) == 7);
static_assert(OPENEXEC_STEP_TENANT == 8 && static_cast<int>(EvidenceStep::tenant) == 8);
static_assert(OPENEXEC_STEP_PAYLOAD == 9 && static_cast<int>(EvidenceStep::payload) == 9);
static_assert(OPENEXEC_STEP_RESULT == 10 && static_cast<int>(EvidenceStep::result) == 10);
static_assert(OPENEXEC_STEP_RECEIPT == 11 && static_cast<int>(EvidenceStep::receipt) == 11);
static_assert(OPENEXEC_STEP_APPROVAL == 12 && static_cast<int>(EvidenceStep::approval) == 12);
static_assert(OPENEXEC_FINDING_UNREACHED == 0 && static_cast<int>(Finding::unreached) == 0);
static_assert(OPENEXEC_FINDING_FAILED == 1 && static_cast<int>(Finding::failed) == 1);
static_assert(OPENEXEC_FINDING_INCOMPLETE == 2 && static_cast<int>(Finding::incomplete) == 2);
static_assert(OPENEXEC_FINDING_NOT_ASKED == 3 && static_cast<int>(Finding::not_asked) == 3);
static_assert(OPENEXEC_FINDING_PASSED == 4 && static_cast<int>(Finding::passed) == 4);
static_assert(evidence_steps == 13);

// Numbers that are C's own.
static_assert(OPENEXEC_HASH_REQUEST == 1);
static_assert(OPENEXEC_HASH_ACTION == 2);
static_assert(OPENEXEC_HASH_PARAMETERS == 3);
static_assert(OPENEXEC_HASH_EXEC_ID == 4);
static_assert(OPENEXEC_HASH_ARTIFACT == 5);
static_assert(OPENEXEC_LIMIT_REQUEST_BYTES == 1);
static_assert(OPENEXEC_LIMIT_REQUEST_DEPTH == 2);
static_assert(OPENEXEC_LIMIT_RESULT_BYTES == 3);
static_assert(OPENEXEC_LIMIT_IN_FLIGHT == 4);
static_assert(OPENEXEC_LIMIT_REFUSALS_PER_SECOND == 5);
static_assert(OPENEXEC_LIMIT_WAIT_MS == 6);
static_assert(OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS == 7);
static_assert(OPENEXEC_ANSWER_RESULT == 1);
static_assert(OPENEXEC_ANSWER_FAILED == 2);
static_assert(OPENEXEC_ANSWER_FAILED_NO_EFFECT == 3);
static_assert(OPENEXEC_ANSWER_IN_DOUBT == 4);
static_assert(OPENEXEC_FORM_JCS == 1);
static_assert(OPENEXEC_FORM_CLAWSHIELD_V1 == 2);
static_assert(OPENEXEC_FORM_DISPLAY == 3);
static_assert(OPENEXEC_EVENT_OPENED == 1);
static_assert(OPENEXEC_EVENT_ANSWERED == 2);
static_assert(OPENEXEC_EVENT_RECOVERED == 3);
static_assert(OPENEXEC_EVENT_RELOADED == 4);
static_assert(OPENEXEC_EVENT_CLOSED == 5);

// Layouts, on machines of 64 bits. Members are only ever added at the end.
#if defined(__LP64__)
#define PIN(type, member, at) static_assert(offsetof(type, member) == (at))
static_assert(sizeof(openexec_str) == 16);
PIN(openexec_str, data, 0);
PIN(openexec_str, size, 8);
static_assert(sizeof(openexec_digest) == 32);
PIN(openexec_digest, bytes, 0);
static_assert(sizeof(openexec_hex) == 65);
PIN(openexec_hex, text, 0);
static_assert(sizeof(openexec_request) == 72);
PIN(openexec_request, size, 0);
PIN(openexec_request, action, 8);
PIN(openexec_request, payload, 24);
PIN(openexec_request, nonce, 40);
PIN(openexec_request, approval_artifact, 56);
static_assert(sizeof(openexec_invocation) == 88);
PIN(openexec_invocation, size, 0);
PIN(openexec_invocation, exec_id, 8);
PIN(openexec_invocation, action, 24);
PIN(openexec_invocation, payload, 40);
PIN(openexec_invocation, tenant, 56);
PIN(openexec_invocation, deadline_ns, 72);
PIN(openexec_invocation, cancellation, 80);
static_assert(sizeof(openexec_settlement) == 56);
PIN(openexec_settlement, size, 0);
PIN(openexec_settlement, exec_id, 8);
PIN(openexec_settlement, action, 24);
PIN(openexec_settlement, tenant, 40);
static_assert(sizeof(openexec_handler_table) == 48);
PIN(openexec_handler_table, size, 0);
PIN(openexec_handler_table, self, 8);
PIN(openexec_handler_table, close, 16);
PIN(openexec_handler_table, run, 24);
PIN(openexec_handler_table, reconcile, 32);
PIN(openexec_handler_table, deadline_ms, 40);
static_assert(sizeof(openexec_new_entry) == 96);
PIN(openexec_new_entry, size, 0);
PIN(openexec_new_entry, json, 8);
PIN(openexec_new_entry, exec_id, 24);
PIN(openexec_new_entry, attempt, 56);
PIN(openexec_new_entry, at_us, 88);
static_assert(sizeof(openexec_log_line) == 64);
PIN(openexec_log_line, size, 0);
PIN(openexec_log_line, index, 8);
PIN(openexec_log_line, leaf_hash, 16);
PIN(openexec_log_line, json, 48);
static_assert(sizeof(openexec_log_table) == 56);
PIN(openexec_log_table, size, 0);
PIN(openexec_log_table, self, 8);
PIN(openexec_log_table, close, 16);
PIN(openexec_log_table, append, 24);
PIN(openexec_log_table, count, 32);
PIN(openexec_log_table, read, 40);
PIN(openexec_log_table, find, 48);
static_assert(sizeof(openexec_claim) == 192);
PIN(openexec_claim, size, 0);
PIN(openexec_claim, tenant, 8);
PIN(openexec_claim, nonce, 24);
PIN(openexec_claim, action, 40);
PIN(openexec_claim, exec_id, 56);
PIN(openexec_claim, request_hash, 88);
PIN(openexec_claim, approval_id, 120);
PIN(openexec_claim, approval_digest, 136);
PIN(openexec_claim, approval, 168);
PIN(openexec_claim, at_us, 184);
static_assert(sizeof(openexec_record) == 208);
PIN(openexec_record, size, 0);
PIN(openexec_record, tenant, 8);
PIN(openexec_record, nonce, 24);
PIN(openexec_record, action, 40);
PIN(openexec_record, exec_id, 56);
PIN(openexec_record, request_hash, 88);
PIN(openexec_record, approval_digest, 120);
PIN(openexec_record, approval, 152);
PIN(openexec_record, result, 168);
PIN(openexec_record, entry, 184);
PIN(openexec_record, state, 192);
PIN(openexec_record, code, 196);
PIN(openexec_record, effect, 200);
PIN(openexec_record, reserved, 204);
static_assert(sizeof(openexec_seal) == 128);
PIN(openexec_seal, size, 0);
PIN(openexec_seal, tenant, 8);
PIN(openexec_seal, nonce, 24);
PIN(openexec_seal, exec_id, 40);
PIN(openexec_seal, result, 72);
PIN(openexec_seal, entry, 88);
PIN(openexec_seal, at_us, 104);
PIN(openexec_seal, state, 112);
PIN(openexec_seal, code, 116);
PIN(openexec_seal, effect, 120);
PIN(openexec_seal, reserved, 124);
static_assert(sizeof(openexec_unlogged_entry) == 88);
PIN(openexec_unlogged_entry, size, 0);
PIN(openexec_unlogged_entry, tenant, 8);
PIN(openexec_unlogged_entry, nonce, 24);
PIN(openexec_unlogged_entry, exec_id, 40);
PIN(openexec_unlogged_entry, entry, 72);
static_assert(sizeof(openexec_store_table) == 104);
PIN(openexec_store_table, size, 0);
PIN(openexec_store_table, self, 8);
PIN(openexec_store_table, close, 16);
PIN(openexec_store_table, claim, 24);
PIN(openexec_store_table, find, 32);
PIN(openexec_store_table, seal, 40);
PIN(openexec_store_table, orphans, 48);
PIN(openexec_store_table, pin, 56);
PIN(openexec_store_table, latest, 64);
PIN(openexec_store_table, ready, 72);
PIN(openexec_store_table, log, 80);
PIN(openexec_store_table, unlogged, 88);
PIN(openexec_store_table, logged, 96);
static_assert(sizeof(openexec_verifier_table) == 56);
PIN(openexec_verifier_table, size, 0);
PIN(openexec_verifier_table, self, 8);
PIN(openexec_verifier_table, close, 16);
PIN(openexec_verifier_table, profile, 24);
PIN(openexec_verifier_table, verify, 40);
PIN(openexec_verifier_table, ready, 48);
static_assert(sizeof(openexec_hasher_table) == 56);
PIN(openexec_hasher_table, size, 0);
PIN(openexec_hasher_table, self, 8);
PIN(openexec_hasher_table, close, 16);
PIN(openexec_hasher_table, name, 24);
PIN(openexec_hasher_table, canonical, 40);
PIN(openexec_hasher_table, digest, 48);
static_assert(sizeof(openexec_clock_table) == 40);
PIN(openexec_clock_table, size, 0);
PIN(openexec_clock_table, self, 8);
PIN(openexec_clock_table, close, 16);
PIN(openexec_clock_table, now_us, 24);
PIN(openexec_clock_table, monotonic_ns, 32);
static_assert(sizeof(openexec_call_options) == 48);
PIN(openexec_call_options, size, 0);
PIN(openexec_call_options, max_wait_ms, 8);
PIN(openexec_call_options, cancellation, 16);
PIN(openexec_call_options, nonce, 24);
PIN(openexec_call_options, proof, 40);
PIN(openexec_call_options, reserved, 44);
static_assert(sizeof(openexec_call) == 40);
PIN(openexec_call, size, 0);
PIN(openexec_call, request, 8);
PIN(openexec_call, json, 16);
PIN(openexec_call, options, 32);
static_assert(sizeof(openexec_recovery) == 32);
PIN(openexec_recovery, size, 0);
PIN(openexec_recovery, in_doubt, 8);
PIN(openexec_recovery, settled, 16);
PIN(openexec_recovery, relogged, 24);
static_assert(sizeof(openexec_event) == 72);
PIN(openexec_event, size, 0);
PIN(openexec_event, happening, 8);
PIN(openexec_event, code, 12);
PIN(openexec_event, verdict, 16);
PIN(openexec_event, effect, 20);
PIN(openexec_event, exec_id, 24);
PIN(openexec_event, action, 40);
PIN(openexec_event, entry_index, 56);
PIN(openexec_event, count, 64);
static_assert(sizeof(openexec_events_table) == 32);
PIN(openexec_events_table, size, 0);
PIN(openexec_events_table, self, 8);
PIN(openexec_events_table, close, 16);
PIN(openexec_events_table, tell, 24);
static_assert(sizeof(openexec_evidence_trust) == 40);
PIN(openexec_evidence_trust, size, 0);
PIN(openexec_evidence_trust, log_key, 8);
PIN(openexec_evidence_trust, policy, 24);
static_assert(sizeof(openexec_evidence_held) == 136);
PIN(openexec_evidence_held, size, 0);
PIN(openexec_evidence_held, exec_id, 8);
PIN(openexec_evidence_held, action, 24);
PIN(openexec_evidence_held, nonce, 40);
PIN(openexec_evidence_held, tenant, 56);
PIN(openexec_evidence_held, payload, 72);
PIN(openexec_evidence_held, result, 88);
PIN(openexec_evidence_held, receipt, 104);
PIN(openexec_evidence_held, approval, 120);
#undef PIN
#endif

}  // namespace openexec::capi
