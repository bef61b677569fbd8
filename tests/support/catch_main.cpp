// SPDX-License-Identifier: Apache-2.0
// Carries Catch2's main where the installed package does not bring it compiled.
#ifndef OPENEXEC_CATCH_HAS_MAIN
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
