// SPDX-License-Identifier: Apache-2.0
// The commands under `openexec log`. Each adds itself to the command line; the one that was asked for is what to run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <openexec/ledger.hpp>

namespace CLI {
class App;
}

namespace openexec::log_commands {

using Chosen = std::function<int()>;

void add_list(CLI::App& log, Chosen& chosen);
void add_verify(CLI::App& log, Chosen& chosen);
void add_export(CLI::App& log, Chosen& chosen);
void add_key(CLI::App& log, Chosen& chosen);
void add_prune(CLI::App& log, Chosen& chosen);
void add_proof(CLI::App& log, Chosen& chosen);
void add_consistency(CLI::App& log, Chosen& chosen);
void add_doubt(CLI::App& app, Chosen& chosen);   ///< under `openexec` itself
void add_ledger(CLI::App& app, Chosen& chosen);  ///< under `openexec` itself
void add_cosign(CLI::App& log, Chosen& chosen);  ///< only where there is Boost

// What they share.

/// --ledger, as every command takes it.
void ledger_option(CLI::App& command, std::string& url);
/// The ledger, beside a running executor. Stop(cannot) where it cannot be read.
std::shared_ptr<Ledger> open_to_read(const std::string& url);
/// The path in a URL that open_to_read() took.
std::string path_of(const std::string& url);
/// An entry by its index, or all of an execution by its exec id. Stop(cannot) where it is neither.
std::vector<LogLine> entries_of(Ledger& ledger, const std::string& wanted);
/// The root that the ledger's tree had at `size`. Precondition: it reaches as far.
Result<Digest> root_at(Ledger& ledger, std::uint64_t size);
/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t value);

}  // namespace openexec::log_commands
