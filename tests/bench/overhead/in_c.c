/* SPDX-License-Identifier: Apache-2.0 */
/* What run.py times, in C. */
#include <inttypes.h>
#include <openexec.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static openexec_answer sent(void* self, const openexec_invocation* call, openexec_sink* result, openexec_sink* detail) {
  (void)self, (void)call, (void)detail;
  openexec_sink_write(result, openexec_text("{\"sent\":true}"));
  return OPENEXEC_ANSWER_RESULT;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int count, char** arguments) {
  openexec_config* config = NULL;
  openexec_executor* executor = NULL;
  const openexec_handler_table handler = {.size = sizeof handler, .run = sent};
  if (count != 2 || openexec_config_create(&config, NULL) != OPENEXEC_OK ||
      openexec_config_set_ledger_url(config, openexec_text(arguments[1]), NULL) != OPENEXEC_OK ||
      openexec_config_set_demo_verifier(config, NULL) != OPENEXEC_OK ||
      openexec_config_add_handler(config, openexec_text("send"), &handler, NULL) != OPENEXEC_OK ||
      openexec_executor_create(config, &executor, NULL) != OPENEXEC_OK) {
    return 1;
  }
  char what[16];
  uint64_t made = 0;
  for (size_t calls; scanf("%15s %zu", what, &calls) == 2;) {
    const int64_t start = now_ns();
    for (size_t i = 0; i < calls; i++) {
      char nonce[32] = "same";
      if (strcmp(what, "replay") != 0) {
        snprintf(nonce, sizeof nonce, "n-%" PRIu64, made++);
      }
      const openexec_request request = {.size = sizeof request,
                                        .action = openexec_text("send"),
                                        .payload = openexec_text("{\"amount\":42,\"to\":\"ada@example.com\"}"),
                                        .nonce = openexec_text(nonce)};
      openexec_outcome* outcome = NULL;
      const openexec_code code = openexec_executor_execute(executor, &request, NULL, &outcome, NULL);
      if (code != OPENEXEC_OK || openexec_outcome_receipt(outcome).size != 64) {
        return 1;
      }
      openexec_outcome_destroy(&outcome);
    }
    printf("%" PRId64 "\n", now_ns() - start);
    fflush(stdout);
  }
  openexec_executor_destroy(&executor);
  openexec_config_destroy(&config);
  return 0;
}
