// SPDX-License-Identifier: Apache-2.0
// openexec receipt verify: whether a portable receipt is genuine. (A file receipt.hpp here would hide the public one.)
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace openexec::terminal {

/// Its own exit codes, since an auditor has three answers to tell apart: 0 pass, 1 fail, 2 incomplete (the worst of
/// several receipts), 3 where it could not be tried.
inline constexpr int evidence_cannot = 3;

/// Adds `receipt verify` to the program. What is returned runs it, where `*parsed` says that it was asked for.
std::function<int()> add_receipt(CLI::App& app, const CLI::App*& parsed);

}  // namespace openexec::terminal
