// SPDX-License-Identifier: Apache-2.0
// The words of a suite, which is installed with the contract of stores, for the suites of this folder and the tests.
#pragma once

#include <openexec/contract/judge.hpp>

namespace openexec::test {

using namespace contract;

}  // namespace openexec::test
