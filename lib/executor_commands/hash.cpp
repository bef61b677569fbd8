// SPDX-License-Identifier: Apache-2.0
// openexec hash and openexec canon: show the canonical bytes and the hashes that identify a request.
#include <unistd.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "commands/reading.hpp"
#include "commands/terminal.hpp"
#include "evidence/identity.hpp"
#include "executor_commands/executor_commands.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

struct Options {
  std::string file = "-";
  bool json = false;
  std::string tenant;
  std::optional<std::string> nonce;
  std::string form = "jcs";
};

int hash(const Options& options, const Console& console) {
  const std::string tenant = options.tenant.empty() ? Config().tenant : options.tenant;
  const auto request = read_request(read_input(console, options.file), tenant, options.nonce);
  const Proposal& proposal = request.proposal;
  const auto hasher = jcs_sha256();
  const std::string request_hash = to_hex(exec::request_hash(proposal, *hasher));
  const std::string action_hash = to_hex(proposal.action_hash());
  const std::string parameters_hash = to_hex(proposal.parameters_hash());
  const std::string exec_id = request.has_nonce ? to_hex(exec::exec_id(proposal, *hasher)) : "";
  if (options.json) {
    print(console, JsonObject()
                       .text("request_hash", request_hash)
                       .text("action_hash", action_hash)
                       .text("parameters_hash", parameters_hash)
                       .text_or_null("exec_id", exec_id)
                       .text("tenant", tenant)
                       .take());
  } else {
    console.out << fields(Style(console), {{"request hash", request_hash},
                                           {"action hash", action_hash + "  (what a clawshield-v1 approval carries)"},
                                           {"parameters hash", parameters_hash},
                                           {"exec id", exec_id.empty() ? "-  (needs a nonce)" : exec_id},
                                           {"tenant", shown(tenant)}});
  }
  return yes;
}

std::string in_form(const std::string& form, canon::View value) {
  if (form == "clawshield-v1") return canon::clawshield_v1(value);
  if (form == "display") return canon::display(value);
  return canon::jcs(value);
}

int canonicalise(const Options& options, const Console& console) {
  const auto document = or_stop(canon::parse(read_input(console, options.file)), no, "this is not strict JSON");
  const std::string bytes = in_form(options.form, document.root());
  if (options.json) {
    print(console, JsonObject()
                       .text("form", options.form)
                       .text("canonical", bytes)
                       .text("sha256", to_hex(jcs_sha256()->digest(bytes)))
                       .take());
  } else if (::isatty(console.out_descriptor) == 1) {
    print(console, shown(bytes));
  } else {
    write_bytes(console, bytes);  // nothing but the canonical bytes, so that they can be hashed
  }
  return yes;
}

CLI::App* add_command(CommandLine& line, const char* name, const char* about, const char* file,
                      const std::shared_ptr<Options>& options) {
  CLI::App* command = line.add(line.app(), name, about, common_exit_codes);
  command->add_option("file", options->file, file)->capture_default_str();
  command->add_flag("--json", options->json, "Answer in JSON");
  return command;
}

}  // namespace

void add_hash(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(line, "hash", "The hashes that name a request",
                                  "A request: {\"action\", \"payload\", \"nonce\"}", options);
  command->add_option("--nonce", options->nonce, "Where the request names none");
  line.from_environment(*command, *command->add_option("--tenant", options->tenant, "The executor's tenant"),
                        "CLAWSHIELD_TENANT_ID");
  line.on(*command, [options, &line] { return hash(*options, line.console()); });
}

void add_canon(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(line, "canon", "The canonical form of strict JSON, without a line end", "JSON", options);
  command->add_option("--form", options->form, "Which form")
      ->check(CLI::IsMember({"jcs", "clawshield-v1", "display"}))
      ->capture_default_str();
  line.on(*command, [options, &line] { return canonicalise(*options, line.console()); });
}

}  // namespace openexec::terminal
