// SPDX-License-Identifier: Apache-2.0
// openexec execute: runs one request, as openexecd would.
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "answers/outcome_json.hpp"
#include "canon/json_object.hpp"
#include "commands/given_name.hpp"
#include "commands/terminal.hpp"
#include "executor_commands/executor_commands.hpp"

namespace openexec::terminal {
namespace {

struct Options {
  std::string file = "-";
  bool json = false;
  std::string tenant;
  std::optional<std::string> nonce;
  std::string ledger = "sqlite:///openexec.db";
  std::optional<std::string> mode;
  std::string trust_policy_file;
  std::string executor;
  std::string public_key_file;
  std::optional<std::string> allowed;
};

/// Reads the settings from the environment. A flag overrides each of them.
Options options_of(const Environment& environment) {
  Options options;
  options.mode = environment("OPENEXEC_MODE");
  options.trust_policy_file = environment("OPENEXEC_TRUST_POLICY").value_or("");
  options.executor = environment("OPENEXEC_EXECUTOR").value_or("openexec");
  options.allowed = environment("OPENEXEC_ALLOWED_ACTIONS");
  return options;
}

/// As in openexecd, demo mode is the default only if no setting that concerns approvals is given.
std::string mode_of(const Options& options, const Console& console) {
  if (options.mode) return *options.mode;
  if (!options.trust_policy_file.empty()) return "policy";
  std::string set;
  if (!options.public_key_file.empty() || console.environment("CLAWSHIELD_PUBLIC_KEY")) set = "a public key";
  if (!options.tenant.empty()) set += set.empty() ? "a tenant" : " and a tenant";
  if (set.empty()) return "demo";
  throw Stop(cannot, set + " given, and no mode: say --mode clawshield (OPENEXEC_MODE) to verify approvals, or " +
                         "--mode demo to run everything");
}

Parts parts_of(const Options& options, const Console& console) {
  const std::string mode = mode_of(options, console);
  if (mode != "demo" && mode != "clawshield" && mode != "policy")
    throw Stop(cannot, "the mode must be demo, clawshield or policy (--mode, OPENEXEC_MODE)");
  if (mode != "policy" && !options.trust_policy_file.empty())
    throw Stop(cannot, "a trust policy is given, and the mode is " + mode + ": set it to policy, or leave it out");
  Parts parts;
  if (mode == "policy") {
    TrustPolicyOptions trust{.policy = std::nullopt, .executor = options.executor, .tenant = options.tenant};
    if (!options.trust_policy_file.empty())
      trust.policy = or_stop(TrustPolicy::parse(read_input(console, options.trust_policy_file)), cannot,
                             "the trust policy " + shown(options.trust_policy_file));
    parts.verifier = or_stop(trust_policy_verifier(std::move(trust)), cannot, "the trust policy");
  } else if (mode == "demo") {
    console.err << "openexec: demo mode, no approval is verified\n";
    parts.verifier = std::make_shared<DemoVerifier>();
  } else {
    ClawshieldOptions clawshield;
    clawshield.public_key_pem = options.public_key_file.empty()
                                    ? console.environment("CLAWSHIELD_PUBLIC_KEY").value_or("")
                                    : read_input(console, options.public_key_file);
    clawshield.tenant_id = options.tenant;
    parts.verifier = or_stop(clawshield_v1(clawshield), cannot, "the public key");
  }
  parts.store = or_stop(open_ledger(options.ledger), cannot, "the ledger " + shown(options.ledger));
  return parts;
}

/// "a,b" names a and b; "" names nothing.
std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');)
    if (!name.empty()) names.push_back(name);
  return names;
}

int execute(const Options& options, const MakeHandlers& handlers, const Console& console) {
  const std::string request = read_input(console, options.file);
  Config config{.executor = options.executor};
  if (options.allowed) config.allowed_actions = names_in(*options.allowed);
  if (!options.tenant.empty()) config.tenant = options.tenant;
  auto executor = or_stop(Executor::assemble(config, parts_of(options, console), handlers()), cannot, "the executor");
  CallOptions call;
  call.nonce = options.nonce;
  const Outcome outcome = executor.execute_json(request, call);

  if (options.json) {
    print(console, exec::outcome_json(outcome));
  } else {
    const Style style(console);
    const std::string verdict(name(outcome.verdict));
    print(console, outcome.ok() ? style.good(verdict) : style.bad(verdict) + ": " + std::string(name(outcome.code)));
    std::vector<std::pair<std::string, std::string>> rows;
    if (!outcome.detail.empty()) rows.emplace_back("detail", shown(outcome.detail));
    rows.emplace_back("action", outcome.action.empty() ? "-" : outcome.action);
    rows.emplace_back("exec id", outcome.exec_id.empty() ? "-" : outcome.exec_id);
    rows.emplace_back("effect", name(outcome.effect));
    rows.emplace_back("result", shown(outcome.result));
    rows.emplace_back("receipt hash", outcome.receipt);
    rows.emplace_back("entry", outcome.entry_index ? std::to_string(*outcome.entry_index) : "-");
    console.out << fields(style, rows);
  }
  return outcome.ok() ? yes : no;
}

}  // namespace

void add_execute(CommandLine& line, MakeHandlers handlers) {
  CLI::App* command =
      line.add(line.app(), "execute", "Run one request, with the demo handlers echo and add", common_exit_codes);
  auto options = std::make_shared<Options>(options_of(line.console().environment));
  command->add_option("file", options->file, "A request, as POST /execute takes it")->capture_default_str();
  command->add_flag("--json", options->json, "Answer in JSON");
  log_commands::ledger_option(line, *command, options->ledger);
  command->add_option("--nonce", options->nonce, "Where the request names none");
  CLI::Option* tenant = command->add_option("--tenant", options->tenant, "The executor's tenant");
  tenant->check([](const std::string& name) { return given_name_fault(name); });
  line.from_environment(*command, *tenant, "CLAWSHIELD_TENANT_ID");
  command->add_option("--mode", options->mode,
                      "demo verifies nothing; clawshield asks for a signed approval, policy for what the trust "
                      "policy asks for [OPENEXEC_MODE, else policy where there is one, else demo]");
  command->add_option("--trust-policy", options->trust_policy_file,
                      "JSON file: who may approve what [OPENEXEC_TRUST_POLICY]");
  command->add_option("--executor", options->executor,
                      "The name that approvals may be bound to [OPENEXEC_EXECUTOR, else openexec]");
  command->add_option("--public-key", options->public_key_file, "PEM file; else CLAWSHIELD_PUBLIC_KEY holds the PEM");
  command->add_option("--allow", options->allowed,
                      "Only these actions, separated by commas; empty: none [OPENEXEC_ALLOWED_ACTIONS]");
  line.on(*command,
          [options, &line, handlers = std::move(handlers)] { return execute(*options, handlers, line.console()); });
}

}  // namespace openexec::terminal
