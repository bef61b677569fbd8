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

/// What a witness answered.
struct WitnessReply {
  int status = 0;    ///< of HTTP
  std::string body;  ///< at most 64 KiB
};

/// Sends a checkpoint to the witness at a URL and waits no longer than `patience` for its answer. invalid_argument if the
/// URL is malformed; store_failed if no answer comes. This room opens no connection itself.
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

/// --ledger, as every command takes it.
void ledger_option(CommandLine& line, CLI::App& command, std::string& url);
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
