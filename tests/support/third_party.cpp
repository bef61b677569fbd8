// SPDX-License-Identifier: Apache-2.0
// Where the vectors of third parties are, and a program that did not find them says so at its end: CTest then counts it
// as skipped. A program in which something failed has failed.
#ifndef OPENEXEC_CATCH_V3
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#endif
#include <cstdlib>
#include <iostream>

#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace openexec::test {
namespace {

bool& absent() {
  static bool is_absent = false;
  return is_absent;
}

#ifdef OPENEXEC_CATCH_V3
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

struct SaysWhatWasAbsent final : Listener {
  using Listener::Listener;
  void testRunEnded(const Catch::TestRunStats& run) override {
    Listener::testRunEnded(run);
    if (absent() && run.totals.assertions.allOk() && run.totals.testCases.allOk())
      std::cout << "SKIPPED: third-party vectors are absent\n" << std::flush;
  }
};

}  // namespace

std::optional<std::filesystem::path> public_vectors() {
  const char* value = std::getenv("OPENEXEC_PUBLIC_VECTORS");
  const std::filesystem::path path = value != nullptr && *value != '\0' ? value : OPENEXEC_PUBLIC_VECTORS_DEFAULT;
  if (std::filesystem::is_directory(path)) return path;
  absent() = true;
  std::cerr << "\n*** NOT RUN: no folder of third-party vectors at " << path << " (OPENEXEC_PUBLIC_VECTORS) ***\n";
  return std::nullopt;
}

}  // namespace openexec::test

using openexec::test::SaysWhatWasAbsent;
CATCH_REGISTER_LISTENER(SaysWhatWasAbsent)
