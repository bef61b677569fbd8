// SPDX-License-Identifier: Apache-2.0
// The command line of openexec-approve.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <openexec/version.hpp>

#include "approver_commands/approver_commands.hpp"
#include "commands/given_name.hpp"

namespace openexec::terminal {
namespace {

using Options = std::shared_ptr<ApproveOptions>;

constexpr auto exit_codes = R"(Exit codes:
  0  yes: made, signed, valid
  1  no: declined, invalid, expired, does not match
  2  wrong usage, or it could not be tried (no such file, no terminal to ask on)

A passphrase is read from the terminal or from a file descriptor, never from an argument.
Files may be - for standard input. Colours only on a terminal, and not where NO_COLOR is set.)";

std::string name_fault(const std::string& name) { return given_name_fault(name); }

void add_passphrase_fd(CLI::App& command, const Options& options) {
  command.add_option("--passphrase-fd", options->passphrase_fd,
                     "Read the passphrase from this file descriptor, one line");
}

CLI::Option* add_tenant(CommandLine& line, CLI::App& command, const Options& options) {
  CLI::Option* option = command.add_option("--tenant", options->tenant, "For which tenant")->check(name_fault);
  line.from_environment(command, *option, "CLAWSHIELD_TENANT_ID");
  return option;
}

void add_keygen(CommandLine& line, const Options& options) {
  CLI::App* command = line.add(line.app(), "keygen", "Make NAME.key.pem (mode 0600) and NAME.pub.pem", exit_codes);
  command->add_option("name", options->name, "Where to; existing files are never overwritten")->capture_default_str();
  command->add_flag("--no-passphrase", options->no_passphrase,
                    "Do not encrypt the private key; otherwise it asks for a passphrase");
  add_passphrase_fd(*command, options);
  command->add_flag("--json", options->json, "Answer in JSON");

  line.on(*command, [options, &line] { return keygen(*options, line.console()); });
}

void add_review(CommandLine& line, const Options& options) {
  CLI::App* command =
      line.add(line.app(), "review", "Show a request or a plan: every parameter, and what changed", exit_codes);
  command->add_option("file", options->file, "A request, or a plan: {\"steps\": [request, ...], \"ordered\"?: true}")
      ->capture_default_str();
  add_tenant(line, *command, options);
  command->add_option("--against", options->before_file, "An earlier version: what changed since is marked");
  command->add_flag("--json", options->json, "Answer in JSON");

  line.on(*command, [options, &line] { return review(*options, line.console()); });
}

void add_dsse_options(CLI::App& command, const Options& options) {
  command.add_option("--key-id", options->key_id, "dsse: the key's id in the trust policy; default: its fingerprint");
  command.add_option("--audience", options->audience, "dsse: only this executor may run it")->check(name_fault);
  command.add_option("--not-before", options->not_before, "dsse: it runs no earlier than this time");
  command.add_option("--max-per-min", options->max_per_min, "dsse: executions of its action a minute, at most");
  command.add_option("--max-cost-usd", options->max_cost_usd, "dsse: what an execution may cost, at most");
  command.add_option("--policy-hash", options->policy_hash, "dsse: the policy bundle that it was given under");
  command.add_option("--constitution", options->constitution, "dsse: the constitution that it was given under");
  command.add_option("--scope", options->scope, "dsse: for the record");
  command.add_option("--trace-id", options->trace_id, "dsse: for the record");
  command.add_option("--request-id", options->request_id, "dsse: for the record");
}

void add_sign(CommandLine& line, const Options& options) {
  CLI::App* command = line.add(line.app(), "sign",
                               "Approve a request or a plan: shows it, asks, prints the artifact (JSON)", exit_codes);
  command
      ->add_option("file", options->file,
                   "A request, or a plan; one that carries a DSSE envelope gets another signature")
      ->capture_default_str();
  command->add_option("--key", options->key_file, "The private key, PEM")->required();
  add_passphrase_fd(*command, options);
  add_tenant(line, *command, options)->required();
  command->add_option("--format", options->format, "clawshield-v1 (the default), or dsse (the default for plans)")
      ->check(CLI::IsMember({"clawshield-v1", "dsse"}));
  command->add_flag("--shared-key", options->shared_key, "Take a private key that others may read");
  command->add_option("--against", options->before_file, "An earlier version: what changed since is marked");
  CLI::Option* policy = command->add_option(
      "--policy", options->policy_file, "The trust policy: says how many have to sign, and so how long it is valid");
  line.from_environment(*command, *policy, "OPENEXEC_TRUST_POLICY");
  command
      ->add_option(
          "--valid-for", options->valid_for,
          "Seconds until it expires; default: 900, or 86400 where the trust policy asks for several signatures")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{366 * 86400}));
  command->add_option("--approval-id", options->approval_id, "A UUID never used before; default: a random one");
  add_dsse_options(*command, options);
  command->add_flag("--yes", options->yes, "Sign without asking, for scripts");
  command->add_flag("--embed", options->embed, "Print the whole request with its approval_artifact, ready to send");
  command->add_option("--out", options->out, "Write to this new file");

  line.on(*command, [options, &line] { return sign(*options, line.console()); });
}

void add_verify(CommandLine& line, const Options& options) {
  CLI::App* command = line.add(
      line.app(), "verify", "Whether a trust policy accepts the approval that a request or a plan carries", exit_codes);
  command->add_option("file", options->file, "The request or the plan, with its approval_artifact")
      ->capture_default_str();
  command->add_option("--policy", options->policy_file, "The trust policy, JSON")->required();
  add_tenant(line, *command, options)->required();
  command->add_option("--handlers", options->handlers_file,
                      "The executor's handlers file, for constraints that its handlers meet");
  command->add_option("--executor", options->executor, "The executor that shall run it")->capture_default_str();
  command->add_option("--at", options->at, "As of this time; default: now");
  command->add_flag("--json", options->json, "Answer in JSON");

  line.on(*command, [options, &line] { return verify(*options, line.console()); });
}

void add_inspect(CommandLine& line, const Options& options) {
  CLI::App* command =
      line.add(line.app(), "inspect", "Look at an artifact, or at a request that carries one", exit_codes);
  command->add_option("file", options->file, "The artifact or the request")->capture_default_str();
  command->add_option("--public-key", options->public_key_file, "PEM; without it the signature is not checked");
  command->add_option("--tenant", options->tenant, "The tenant it should be for");
  command->add_flag("--json", options->json, "Answer in JSON");

  line.on(*command, [options, &line] { return inspect(*options, line.console()); });
}

}  // namespace

int run_approve(const Console& console, const std::vector<std::string>& arguments) {
  CommandLine line(console, "The governance side of OpenExec: makes keys and signed approvals. It executes nothing.",
                   "openexec-approve");
  line.app().set_version_flag("--version", std::string(version()));
  line.app().require_subcommand(1);
  line.app().footer(exit_codes);
  const auto options = std::make_shared<ApproveOptions>();
  add_keygen(line, options);
  add_review(line, options);
  add_sign(line, options);
  add_verify(line, options);
  add_inspect(line, options);
  return line.run(arguments);
}

}  // namespace openexec::terminal
