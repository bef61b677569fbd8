/* A host as it was written when the C ABI became 1.0. It is compiled against that day's header, which lies beside it,
 * and linked with today's library. Neither this file nor the header is ever adapted: where one of them fails, it is the
 * library that broke its promise. */
#include <stdio.h>
#include <string.h>

#include "openexec.h"

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "BROKEN: %s\n", what);
  ++failures;
}

static int equal(openexec_str text, const char* expected) {
  return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static int contains(openexec_str text, const char* part) {
  const size_t size = strlen(part);
  size_t at;
  for (at = 0; at + size <= text.size; ++at)
    if (memcmp(text.data + at, part, size) == 0) return 1;
  return 0;
}

/* What the parts saw. */
typedef struct host {
  int runs, closed, events, lines, lent, costs;
  int64_t now_us;
} host;

static void on_close(void* self) { ((host*)self)->closed++; }

static openexec_answer run(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail) {
  ((host*)self)->runs++;
  expect(call->size >= sizeof *call, "an invocation is as large as it was");
  expect(call->exec_id.size == 64, "an invocation has an exec id");
  expect(openexec_cancellation_cancelled(call->cancellation) == 0, "nobody cancelled");
  if (equal(call->action, "fail")) {
    openexec_sink_write(detail, openexec_text("as it should"));
    return OPENEXEC_ANSWER_FAILED_NO_EFFECT;
  }
  openexec_sink_write(result, openexec_text("{\"said\":"));
  openexec_sink_write(result, call->payload);
  openexec_sink_write(result, openexec_text("}"));
  return OPENEXEC_ANSWER_RESULT;
}

static openexec_code cost(void* self, const openexec_cost_query* query, int64_t* micro_usd, openexec_sink* detail) {
  (void)detail;
  ((host*)self)->costs++;
  expect(equal(query->tenant, "acme"), "a query has its tenant");
  *micro_usd = 1;
  return OPENEXEC_OK;
}

static int64_t now_us(void* self) { return ((host*)self)->now_us; }
static int64_t monotonic_ns(void* self) { return ((host*)self)->now_us * 1000; }

static void tell(void* self, const openexec_event* event) {
  ((host*)self)->events++;
  expect(event->size >= sizeof *event, "an event is as large as it was");
}

static int32_t visit(void* self, const openexec_log_line* line) {
  host* seen = self;
  expect(line->index == (uint64_t)seen->lines, "lines come in order");
  seen->lines++;
  return 0;
}

static void lend(void* self, void (*work)(void*), void* what) {
  ((host*)self)->lent++;
  work(what);
}

static int32_t visit_control(void* self, const openexec_control_name* name) {
  (void)self;
  expect(name->control == OPENEXEC_CONTROL_HALT && equal(name->tenant, "acme"), "the halt stands");
  return 0;
}

static openexec_executor* assemble(host* self) {
  openexec_handler_table handler = {0};
  openexec_clock_table clock = {0};
  openexec_events_table events = {0};
  const openexec_str allowed[2] = {openexec_text("say"), openexec_text("fail")};
  openexec_config* config = NULL;
  openexec_executor* executor = NULL;
  openexec_error* error = NULL;
  int made;

  handler.size = sizeof handler, handler.self = self, handler.close = on_close, handler.run = run, handler.cost = cost;
  clock.size = sizeof clock, clock.self = self, clock.now_us = now_us, clock.monotonic_ns = monotonic_ns;
  events.size = sizeof events, events.self = self, events.on_event = tell;
  made = openexec_config_create(&config, &error) == OPENEXEC_OK &&
         openexec_config_set_tenant(config, openexec_text("acme"), &error) == OPENEXEC_OK &&
         openexec_config_set_executor_name(config, openexec_text("payments"), &error) == OPENEXEC_OK &&
         openexec_config_set_allowed_actions(config, allowed, 2, &error) == OPENEXEC_OK &&
         openexec_config_set_limit(config, OPENEXEC_LIMIT_IN_FLIGHT, 16, &error) == OPENEXEC_OK &&
         openexec_config_set_ledger_url(config, openexec_text("sqlite://"), &error) == OPENEXEC_OK &&
         openexec_config_set_demo_verifier(config, &error) == OPENEXEC_OK &&
         openexec_config_set_clock(config, &clock, &error) == OPENEXEC_OK &&
         openexec_config_set_events(config, &events, &error) == OPENEXEC_OK &&
         openexec_config_add_handler(config, openexec_text("say"), &handler, &error) == OPENEXEC_OK &&
         openexec_config_add_handler(config, openexec_text("fail"), &handler, &error) == OPENEXEC_OK &&
         openexec_executor_create(config, &executor, &error) == OPENEXEC_OK;
  if (!made) fprintf(stderr, "%.*s\n", (int)openexec_error_detail(error).size, openexec_error_detail(error).data);
  expect(made, "an executor is assembled");
  openexec_error_destroy(&error);
  openexec_config_destroy(&config);
  return executor;
}

static void execute(openexec_executor* executor) {
  openexec_request request = {0};
  openexec_call_options options = {0};
  openexec_outcome *first = NULL, *second = NULL, *other = NULL;
  openexec_log* log = NULL;
  openexec_buffer *key = NULL, *note = NULL;
  openexec_evidence_trust trust = {0};
  openexec_evidence_held held = {0};
  openexec_evidence* report = NULL;

  request.size = sizeof request;
  request.action = openexec_text("say"), request.payload = openexec_text("{\"to\": \"ada\"}");
  request.nonce = openexec_text("call-1");
  options.size = sizeof options, options.proof = 1;
  expect(openexec_executor_execute(executor, &request, &options, &first, NULL) == OPENEXEC_OK, "it executes");
  expect(openexec_outcome_verdict(first) == OPENEXEC_VERDICT_EXECUTED, "it says so");
  expect(openexec_outcome_effect(first) == OPENEXEC_EFFECT_CONFIRMED, "and that it took effect");
  expect(equal(openexec_outcome_result(first), "{\"said\": {\"to\": \"ada\"}}"), "the result is the handler's");
  expect(openexec_outcome_http(first) == 200 && openexec_outcome_entry_index(first) == 0, "it is the first entry");
  expect(openexec_verify_receipt(openexec_outcome_exec_id(first), openexec_outcome_result(first),
                                 openexec_outcome_receipt(first), NULL) == OPENEXEC_OK,
         "the receipt verifies");
  expect(openexec_executor_execute(executor, &request, NULL, &second, NULL) == OPENEXEC_OK, "it is told again");
  expect(openexec_outcome_replayed(second) == 1, "as a replay");
  request.payload = openexec_text("{\"to\": \"mallory\"}");
  expect(openexec_executor_execute(executor, &request, NULL, &other, NULL) == OPENEXEC_NONCE_CONFLICT,
         "a nonce serves one request");
  openexec_outcome_destroy(&other);
  request.action = openexec_text("fail"), request.nonce = openexec_text("call-2");
  expect(openexec_executor_execute(executor, &request, NULL, &other, NULL) == OPENEXEC_HANDLER_FAILED,
         "failure is told");
  expect(contains(openexec_outcome_detail(other), "as it should"), "with the handler's detail");

  expect(openexec_executor_log(executor, &log, NULL) == OPENEXEC_OK, "the log is there");
  expect(openexec_log_verifier_key(log, &key, NULL) == OPENEXEC_OK, "it has a key");
  expect(openexec_log_checkpoint(log, &note, NULL) == OPENEXEC_OK, "and a checkpoint");
  trust.size = sizeof trust, trust.log_key = openexec_buffer_view(key);
  held.size = sizeof held, held.result = openexec_outcome_result(first), held.nonce = openexec_text("call-1");
  expect(openexec_evidence_verify(openexec_outcome_proof(first), &trust, &held, &report, NULL) == OPENEXEC_OK,
         "the receipt is judged without the ledger");
  expect(openexec_evidence_report_verdict(report) == OPENEXEC_EVIDENCE_PASS, "and passes");
  openexec_evidence_destroy(&report);
  held.nonce = openexec_text("call-2");
  openexec_evidence_verify(openexec_outcome_proof(first), &trust, &held, &report, NULL);
  expect(openexec_evidence_report_verdict(report) == OPENEXEC_EVIDENCE_FAIL, "another's does not");
  openexec_evidence_destroy(&report);
  openexec_buffer_destroy(&note);
  openexec_buffer_destroy(&key);
  openexec_log_destroy(&log);
  openexec_outcome_destroy(&other);
  openexec_outcome_destroy(&second);
  openexec_outcome_destroy(&first);
}

static void execute_many(openexec_executor* executor, host* self) {
  openexec_call calls[3] = {{0}, {0}, {0}};
  const openexec_call* pointers[3];
  openexec_outcome* outcomes[3] = {NULL, NULL, NULL};
  const char* requests[3] = {"{\"action\":\"say\",\"payload\":{\"n\":1},\"nonce\":\"m-1\"}",
                             "{\"action\":\"say\",\"payload\":{\"n\":2},\"nonce\":\"m-2\"}",
                             "{\"action\":\"nobody\",\"payload\":{},\"nonce\":\"m-3\"}"};
  int i;
  for (i = 0; i < 3; ++i) {
    calls[i].size = sizeof calls[i], calls[i].json = openexec_text(requests[i]);
    pointers[i] = &calls[i];
  }
  expect(
      openexec_executor_execute_many(executor, pointers, 3, lend, self, outcomes, NULL) == OPENEXEC_ACTION_NOT_ALLOWED,
      "of many at once the first no is told");
  expect(openexec_outcome_code(outcomes[0]) == OPENEXEC_OK && openexec_outcome_code(outcomes[1]) == OPENEXEC_OK &&
             openexec_outcome_code(outcomes[2]) == OPENEXEC_ACTION_NOT_ALLOWED,
         "each with its own outcome");
  expect(self->lent > 0, "handlers run where they are lent to");
  for (i = 0; i < 3; ++i) openexec_outcome_destroy(&outcomes[i]);
}

static void order(openexec_executor* executor) {
  openexec_order halt = {0};
  openexec_outcome* outcome = NULL;
  halt.size = sizeof halt, halt.control = OPENEXEC_CONTROL_HALT, halt.active = 1;
  halt.tenant = openexec_text("acme"), halt.who = openexec_text("ada"), halt.why = openexec_text("drill");
  expect(openexec_executor_order(executor, &halt, &outcome, NULL) == OPENEXEC_OK, "a halt is ordered");
  openexec_outcome_destroy(&outcome);
  expect(openexec_executor_controls(executor, visit_control, NULL, NULL) == OPENEXEC_OK, "and stands");
  expect(openexec_executor_execute_json(executor, openexec_text("{\"action\":\"say\",\"payload\":{},\"nonce\":\"h\"}"),
                                        NULL, &outcome, NULL) == OPENEXEC_HALTED,
         "nothing runs");
  openexec_outcome_destroy(&outcome);
  halt.active = 0;
  expect(openexec_executor_order(executor, &halt, &outcome, NULL) == OPENEXEC_OK, "it is lifted");
  openexec_outcome_destroy(&outcome);
  openexec_executor_halt(executor, NULL);
  expect(openexec_executor_halted(executor) == 1, "the switch works");
  openexec_executor_resume(executor, NULL);
}

static void values(void) {
  openexec_buffer* canonical = NULL;
  openexec_digest digest;
  openexec_hex hex;
  openexec_error* error = NULL;
  openexec_code code = OPENEXEC_OK;
  openexec_proposal* proposal = NULL;
  expect(openexec_canonicalise(openexec_text("{ \"b\": 1.0, \"a\": [] }"), OPENEXEC_FORM_JCS, &canonical, NULL) ==
             OPENEXEC_OK,
         "JSON has a canonical form");
  expect(equal(openexec_buffer_view(canonical), "{\"a\":[],\"b\":1}"), "of RFC 8785");
  openexec_buffer_destroy(&canonical);
  expect(openexec_sha256(openexec_text("abc"), &digest, NULL) == OPENEXEC_OK &&
             openexec_digest_to_hex(&digest, &hex, NULL) == OPENEXEC_OK,
         "SHA-256 of abc");
  expect(memcmp(&hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64) == 0,
         "is the standard's");
  expect(openexec_code_from_name(openexec_text("approval_spent"), &code, NULL) == OPENEXEC_OK &&
             code == OPENEXEC_APPROVAL_SPENT,
         "a code has a name");
  expect(openexec_canonicalise(openexec_text("{\"a\":1,\"a\":2}"), OPENEXEC_FORM_JCS, &canonical, &error) ==
             OPENEXEC_MALFORMED_REQUEST,
         "two readings are none");
  expect(openexec_error_code(error) == OPENEXEC_MALFORMED_REQUEST && openexec_error_detail(error).size > 0,
         "it says why");
  openexec_error_destroy(&error);
  expect(
      openexec_proposal_create_json(openexec_text("{\"action\":\"say\",\"payload\":{\"b\":1,\"a\":2},\"nonce\":\"n\"}"),
                                    openexec_text("acme"), &proposal, NULL) == OPENEXEC_OK,
      "a request is read");
  expect(equal(openexec_proposal_payload(proposal), "{\"a\":2,\"b\":1}"), "into one form");
  openexec_proposal_destroy(&proposal);
  expect(openexec_has_feature(openexec_text("sqlite")) == 1 && openexec_has_feature(openexec_text("magic")) == 0,
         "features are told");
}

int main(void) {
  host self;
  openexec_log* log = NULL;
  uint64_t entries = 0;
  openexec_executor* executor;
  memset(&self, 0, sizeof self);
  self.now_us = INT64_C(1772366400000000);
  values();
  executor = assemble(&self);
  if (executor == NULL) return 1;
  execute(executor);
  execute_many(executor, &self);
  order(executor);
  openexec_executor_log(executor, &log, NULL);
  openexec_log_count(log, &entries, NULL);
  openexec_log_read(log, 0, 100, visit, &self, NULL);
  expect(entries == (uint64_t)self.lines && entries >= 10, "every attempt has its entry");
  openexec_log_destroy(&log);
  openexec_executor_destroy(&executor);
  expect(self.runs == 4, "handlers ran as often as they were allowed to");
  expect(self.closed == 2, "every table was closed once");
  expect(self.events > 0, "events were told");
  if (failures == 0) printf("a host of 1.0 works with %.*s\n", (int)openexec_version().size, openexec_version().data);
  return failures == 0 ? 0 : 1;
}
