// SPDX-License-Identifier: Apache-2.0
// Catch2 2.13 or 3, whichever the machine has.
#pragma once

#ifdef OPENEXEC_CATCH_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
