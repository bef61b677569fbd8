// SPDX-License-Identifier: Apache-2.0
// The one translation unit that carries Catch2's main.
#ifndef OPENEXEC_CATCH_V3
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
