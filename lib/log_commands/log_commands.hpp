// SPDX-License-Identifier: Apache-2.0
// The commands under `openexec log`. Each adds itself to the command line; the one that is asked for runs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <openexec/ledger.hpp>

#include "commands/command_line.hpp"

namespace openexec::log_commands {

using terminal::CommandLine;

/// The answer of a witness.
struct WitnessReply {
  int status = 0;    ///< HTTP status
  std::string body;  ///< at most 64 KiB
};

/// Sends a checkpoint to the witness at a URL and waits no longer than `patience` for its answer. invalid_argument if
/// the URL is malformed; store_failed if no answer comes. This room opens no connection itself.
using AskWitness = std::function<Result<WitnessReply>(const std::string& url, const std::string& body,
                                                      std::chrono::milliseconds patience)>;

void add_show(CommandLine& line, CLI::App& log);
void add_list(CommandLine& line, CLI::App& log);
void add_verify(CommandLine& line, CLI::App& log);
void add_export(CommandLine& line, CLI::App& log);
void add_key(CommandLine& line, CLI::App& log);
void add_prune(CommandLine& line, CLI::App& log);
void add_proof(CommandLine& line, CLI::App& log);
void add_consistency(CommandLine& line, CLI::App& log);
void add_cosign(CommandLine& line, CLI::App& log, AskWitness ask_witness);
void add_ledger(CommandLine& line, CLI::App& app);  ///< under `openexec` itself

// What they share.

/// Adds the option --ledger, as every command takes it.
void ledger_option(CommandLine& line, CLI::App& command, std::string& url);
/// Opens the ledger for reading, also beside a running executor. Throws Stop(cannot) if it cannot be read.
std::shared_ptr<Ledger> open_to_read(const std::string& url);
/// Returns the path in a URL that open_to_read() accepted.
std::string path_of(const std::string& url);
/// Returns one entry for an index, or all entries of an execution for an exec id. Throws Stop(cannot) for any other
/// text.
std::vector<LogLine> entries_of(Ledger& ledger, const std::string& wanted);
/// Returns the root that the ledger's tree had at `size`. Precondition: the tree has at least `size` entries.
Result<Digest> root_at(Ledger& ledger, std::uint64_t size);
/// Returns 1234567 as 1,234,567.
std::string grouped(std::uint64_t value);

}  // namespace openexec::log_commands
