/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies one receipt, and refuses another. */
#include <openexec.h>
#include <stdio.h>

int main(void) {
  const openexec_str exec_id = openexec_text("0ed92254c1e2e9564cad726ac3ed772f979a8246e9dbc3e4a8d3b76b40800a1e");
  const openexec_str receipt = openexec_text("be11db137c00f9300d420fc811c9335d2af6b43e4e5d72ec98243d807c901f30");
  const openexec_code right = openexec_verify_receipt(exec_id, openexec_text("{\"echo\":{}}"), receipt, NULL);
  const openexec_code wrong = openexec_verify_receipt(exec_id, openexec_text("{\"echo\":1}"), receipt, NULL);
  printf("%d %d\n", (int)right, (int)wrong);
  return right == OPENEXEC_OK && wrong != OPENEXEC_OK ? 0 : 1;
}
