/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the example, for the suite. */
#define main example_main
#include "04_own_store.c"
#undef main

openexec_code set_example_store(openexec_config* config);
openexec_code set_example_store(openexec_config* config) { return set_own_store(config); }
