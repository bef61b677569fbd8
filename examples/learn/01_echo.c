/* SPDX-License-Identifier: Apache-2.0 */
/* One action, one executor, and the same request twice: the second answer is the first one, told again. */
#include <openexec.h>
#include <stdio.h>

static openexec_answer echo(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail) {
  (void)self, (void)detail;
  openexec_sink_write(result, openexec_text("{\"echo\":"));
  openexec_sink_write(result, call->payload);
  openexec_sink_write(result, openexec_text("}"));
  return OPENEXEC_ANSWER_RESULT;
}

static openexec_executor* assemble(openexec_error** error) {
  const openexec_handler_table handler = {.size = sizeof handler, .run = echo};
  openexec_executor* executor = NULL;
  openexec_config* config = NULL;
  /* The demo verifier lets everybody run everything; openexec_config_set_clawshield_verifier asks for a signed
   * approval. */
  if (openexec_config_create(&config, error) == OPENEXEC_OK &&
      openexec_config_set_ledger_url(config, openexec_text("sqlite://"), error) == OPENEXEC_OK &&
      openexec_config_set_demo_verifier(config, error) == OPENEXEC_OK &&
      openexec_config_add_handler(config, openexec_text("echo"), &handler, error) == OPENEXEC_OK)
    openexec_executor_create(config, &executor, error);
  openexec_config_destroy(&config);
  return executor;
}

static void print(const char* before, openexec_str text) { printf("%s%.*s\n", before, (int)text.size, text.data); }

int main(void) {
  openexec_error* error = NULL;
  openexec_executor* executor = assemble(&error);
  if (executor == NULL) {
    print("no executor: ", openexec_error_detail(error));
    openexec_error_destroy(&error);
    return 1;
  }

  const openexec_request request = {.size = sizeof request,
                                    .action = openexec_text("echo"),
                                    .payload = openexec_text("{\"msg\":\"hello world\"}"),
                                    .nonce = openexec_text("unique-1")};
  int ok = 1;
  for (int attempt = 0; attempt < 2; ++attempt) {
    openexec_outcome* outcome = NULL;
    const openexec_code code = openexec_executor_execute(executor, &request, NULL, &outcome, NULL);
    const int replayed = openexec_outcome_replayed(outcome);
    print(replayed ? "replayed " : "executed ", openexec_outcome_result(outcome));
    print("receipt  ", openexec_outcome_receipt(outcome));
    ok = ok && code == OPENEXEC_OK && replayed == (attempt == 1);
    openexec_outcome_destroy(&outcome);
  }
  openexec_executor_destroy(&executor);
  return ok ? 0 : 1;
}
