/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever holds an execution's id, its result and its receipt can check that they belong together: offline, without an
 * executor, and whatever the spacing of the result.
 *
 *   03_verify_receipt EXEC_ID RESULT RECEIPT     exit 0: it belongs; 1: it does not; 2: not a receipt at all
 *   03_verify_receipt                            shows it with a receipt that is known to be right
 */
#include <openexec.h>
#include <stdio.h>

static openexec_code verify(const char* exec_id, const char* result, const char* receipt) {
  openexec_error* error = NULL;
  const openexec_code code =
      openexec_verify_receipt(openexec_text(exec_id), openexec_text(result), openexec_text(receipt), &error);
  const openexec_str why = openexec_error_detail(error);
  if (code == OPENEXEC_OK)
    printf("valid    %s\n", result);
  else
    printf("INVALID  %s\n         %.*s\n", result, (int)why.size, why.data);
  openexec_error_destroy(&error);
  return code;
}

int main(int argc, char** argv) {
  if (argc == 4) {
    const openexec_code code = verify(argv[1], argv[2], argv[3]);
    return code == OPENEXEC_OK ? 0 : code == OPENEXEC_INVALID_ARGUMENT ? 1 : 2;
  }
  if (argc != 1) {
    fprintf(stderr, "usage: %s EXEC_ID RESULT RECEIPT\n", argv[0]);
    return 2;
  }
  const char* exec_id = "369fd5419c992d3fcfd7365c3e604dfe294ec93013bfc2838acc2ecf7985795f";
  const char* receipt = "c4629c4c626104f736cb923aeaee6a7ee8f3d265949892578dacfcc1a669aa8c";
  const openexec_code right = verify(exec_id, "{\"echo\": {\"to0\": 8e-170}}", receipt);
  const openexec_code spaced = verify(exec_id, "{ \"echo\":{\"to0\":\t8E-170} }", receipt);
  const openexec_code changed = verify(exec_id, "{\"echo\": {\"to0\": 9e-170}}", receipt);
  return right == OPENEXEC_OK && spaced == OPENEXEC_OK && changed == OPENEXEC_INVALID_ARGUMENT ? 0 : 1;
}
