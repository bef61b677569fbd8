// SPDX-License-Identifier: Apache-2.0
// openexec: hash, canonicalise, verify, execute one request, and look at the log.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "admin_command.hpp"
#include "answers/outcome_json.hpp"
#include "answers/recorded_receipt.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "demo_command.hpp"
#include "demo_handlers.hpp"
#include "evidence/identity.hpp"
#include "given_name.hpp"
#include "log_commands.hpp"
#include "reading.hpp"
#include "receipt_command.hpp"
#include "terminal.hpp"

namespace {

using namespace openexec;
using canon::JsonObject;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto exit_codes = R"(Exit codes:
  0  yes: done, valid, executed or replayed
  1  no: refused, does not match, not found
  2  wrong usage, or it could not be tried (no such file, ledger in use)

Files may be - for standard input. Colours only on a terminal, and not where NO_COLOR is set.)";

/// A variable that is set but empty is not the same as one that is not: an empty allow-list allows nothing.
std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

struct Options {
  std::string file = "-";
  bool json = false;
  std::string tenant;
  std::optional<std::string> nonce;
  std::string form = "jcs";
  std::string exec_id;
  std::string receipt;
  std::string ledger = "sqlite:///openexec.db";
  std::optional<std::string> mode = environment("OPENEXEC_MODE");
  std::string trust_policy_file = environment("OPENEXEC_TRUST_POLICY").value_or("");
  std::string executor = environment("OPENEXEC_EXECUTOR").value_or("openexec");
  std::string public_key_file;
  std::optional<std::string> allowed = environment("OPENEXEC_ALLOWED_ACTIONS");
  std::string entry;
  bool follow = false;
};

void print(const std::string& text) { std::cout << text << '\n'; }

template <class T>
T or_stop(Result<T> result, int exit_code, const std::string& what) {
  if (!result.ok()) throw Stop(exit_code, what + ": " + shown(result.status().detail()));
  return std::move(result).value();
}

// hash

int hash(const Options& options) {
  const std::string tenant = options.tenant.empty() ? Config().tenant : options.tenant;
  const auto request = terminal::read_request(terminal::read_input(options.file), tenant, options.nonce);
  const Proposal& proposal = request.proposal;
  const auto hasher = jcs_sha256();
  const std::string request_hash = to_hex(exec::request_hash(proposal, *hasher));
  const std::string action_hash = to_hex(proposal.action_hash());
  const std::string parameters_hash = to_hex(proposal.parameters_hash());
  const std::string exec_id = request.has_nonce ? to_hex(exec::exec_id(proposal, *hasher)) : "";
  if (options.json) {
    print(JsonObject()
              .text("request_hash", request_hash)
              .text("action_hash", action_hash)
              .text("parameters_hash", parameters_hash)
              .text_or_null("exec_id", exec_id)
              .text("tenant", tenant)
              .take());
  } else {
    std::cout << terminal::fields(Style(STDOUT_FILENO),
                                  {{"request hash", request_hash},
                                   {"action hash", action_hash + "  (what a clawshield-v1 approval carries)"},
                                   {"parameters hash", parameters_hash},
                                   {"exec id", exec_id.empty() ? "-  (needs a nonce)" : exec_id},
                                   {"tenant", shown(tenant)}});
  }
  return terminal::yes;
}

// canon

std::string in_form(const std::string& form, canon::View value) {
  if (form == "clawshield-v1") return canon::clawshield_v1(value);
  if (form == "display") return canon::display(value);
  return canon::jcs(value);
}

int canonicalise(const Options& options) {
  const auto document =
      or_stop(canon::parse(terminal::read_input(options.file)), terminal::no, "this is not strict JSON");
  const std::string bytes = in_form(options.form, document.root());
  if (options.json) {
    print(JsonObject()
              .text("form", options.form)
              .text("canonical", bytes)
              .text("sha256", to_hex(jcs_sha256()->digest(bytes)))
              .take());
  } else if (::isatty(STDOUT_FILENO) == 1) {
    print(shown(bytes));
  } else {
    terminal::write_bytes(bytes);  // nothing but the canonical bytes, so that they can be hashed
  }
  return terminal::yes;
}

// verify-receipt

struct Claimed {
  std::string exec_id;
  std::string result;
  std::string receipt;
};

std::string member(canon::View object, std::string_view name) {
  const auto value = object.find(name);
  if (value && value->is(canon::Type::null)) return {};
  if (!value || !value->is(canon::Type::string))
    throw Stop(terminal::no, "member \"" + std::string(name) + "\" must be a string");
  return std::string(value->string());
}

/// An answer of POST /execute, whose result is a value, or the body of POST /receipts/verify, whose result may be a
/// text.
Claimed read_claim(const std::string& text) {
  const auto document = or_stop(canon::parse(text), terminal::no, "this is not strict JSON");
  const canon::View root = document.root();
  const auto result = root.is(canon::Type::object) ? root.find("result") : std::nullopt;
  if (!result) {
    throw Stop(terminal::cannot,
               "give an object with id, result and receipt, as POST /execute answers it, "
               "or --exec-id and --receipt and the result alone");
  }
  const bool answer = root.find("id").has_value();
  const bool is_text = !answer && result->is(canon::Type::string);
  return {member(root, answer ? "id" : "exec_id"), is_text ? std::string(result->string()) : canon::display(*result),
          member(root, "receipt")};
}

/// The hash alone, which anybody can make of an execution that never was.
int say_whether_it_matches(const Status& status, bool as_json) {
  if (as_json) {
    JsonObject json;
    json.boolean("valid", status.ok());
    if (!status.ok()) json.text("detail", status.detail());
    print(json.take());
  } else {
    const Style style(STDOUT_FILENO);
    print(status.ok() ? style.good("the hash matches") +
                            ": this execution id and this result have this receipt hash. Whether it "
                            "took place is shown by a ledger (--ledger) or a portable receipt (openexec receipt verify)"
                      : style.bad("the hash does NOT match") + ": " + shown(status.detail()));
  }
  return status.ok() ? terminal::yes : terminal::no;
}

/// The log's word for it.
int say_whether_it_is_recorded(const Status& status, const Claimed& claimed, const Options& options) {
  const auto ledger = or_stop(open_ledger(options.ledger, {.read_only = true}), terminal::cannot,
                              "the ledger " + shown(options.ledger));
  const auto found =
      or_stop(exec::find_receipt(*ledger, *ledger, claimed.exec_id, claimed.receipt), terminal::cannot, "the log");
  const auto value = canon::parse(claimed.result, {.max_bytes = std::max(claimed.result.size(), std::size_t{1})});
  const bool valid = status.ok() || (found && value.ok() && exec::records(found->entry, value->root()));
  const bool recorded = valid && found;
  if (options.json) {
    print(exec::recorded_json(valid, recorded ? found : std::nullopt));
  } else {
    const Style style(STDOUT_FILENO);
    if (recorded)
      print(style.good("recorded") + ": entry " + std::to_string(found->index) + " of the log, " +
            std::string(name(found->entry.verdict)) + ", code " + std::string(name(found->entry.code)));
    else if (valid)
      print(style.bad("NOT recorded") + ": the hash matches, but the log has no such execution");
    else
      print(style.bad("the hash does NOT match") + ": " + shown(status.detail()));
  }
  return recorded ? terminal::yes : terminal::no;
}

int verify_receipt(const Options& options, bool has_ledger) {
  const std::string input = terminal::read_input(options.file);
  const Claimed claimed =
      options.receipt.empty() ? read_claim(input) : Claimed{options.exec_id, input, options.receipt};
  const Status status = openexec::verify_receipt(claimed.exec_id, claimed.result, claimed.receipt);
  return has_ledger ? say_whether_it_is_recorded(status, claimed, options)
                    : say_whether_it_matches(status, options.json);
}

// execute

/// Demo is chosen silently only where nothing was set that means approvals, as in openexecd.
std::string mode_of(const Options& options) {
  if (options.mode) return *options.mode;
  if (!options.trust_policy_file.empty()) return "policy";
  std::string set;
  if (!options.public_key_file.empty() || environment("CLAWSHIELD_PUBLIC_KEY")) set = "a public key";
  if (!options.tenant.empty()) set += set.empty() ? "a tenant" : " and a tenant";
  if (set.empty()) return "demo";
  throw Stop(terminal::cannot,
             set + " given, and no mode: say --mode clawshield (OPENEXEC_MODE) to verify approvals, or " +
                 "--mode demo to run everything");
}

Parts parts_of(const Options& options) {
  const std::string mode = mode_of(options);
  if (mode != "demo" && mode != "clawshield" && mode != "policy")
    throw Stop(terminal::cannot, "the mode must be demo, clawshield or policy (--mode, OPENEXEC_MODE)");
  if (mode != "policy" && !options.trust_policy_file.empty())
    throw Stop(terminal::cannot,
               "a trust policy is given, and the mode is " + mode + ": set it to policy, or leave it out");
  Parts parts;
  if (mode == "policy") {
    TrustPolicyOptions trust{.policy = std::nullopt, .executor = options.executor, .tenant = options.tenant};
    if (!options.trust_policy_file.empty())
      trust.policy = or_stop(TrustPolicy::parse(terminal::read_input(options.trust_policy_file)), terminal::cannot,
                             "the trust policy " + shown(options.trust_policy_file));
    parts.verifier = or_stop(trust_policy_verifier(std::move(trust)), terminal::cannot, "the trust policy");
  } else if (mode == "demo") {
    std::cerr << "openexec: demo mode, no approval is verified\n";
    parts.verifier = std::make_shared<DemoVerifier>();
  } else {
    ClawshieldOptions clawshield;
    clawshield.public_key_pem = options.public_key_file.empty() ? environment("CLAWSHIELD_PUBLIC_KEY").value_or("")
                                                                : terminal::read_input(options.public_key_file);
    clawshield.tenant_id = options.tenant;
    parts.verifier = or_stop(clawshield_v1(clawshield), terminal::cannot, "the public key");
  }
  parts.store = or_stop(open_ledger(options.ledger), terminal::cannot, "the ledger " + shown(options.ledger));
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

int execute(const Options& options) {
  const std::string request = terminal::read_input(options.file);
  Config config{.executor = options.executor};
  if (options.allowed) config.allowed_actions = names_in(*options.allowed);
  if (!options.tenant.empty()) config.tenant = options.tenant;
  auto executor =
      or_stop(Executor::assemble(config, parts_of(options), demo_handlers()), terminal::cannot, "the executor");
  CallOptions call;
  call.nonce = options.nonce;
  const Outcome outcome = executor.execute_json(request, call);

  if (options.json) {
    print(exec::outcome_json(outcome));
  } else {
    const Style style(STDOUT_FILENO);
    const std::string verdict(name(outcome.verdict));
    print(outcome.ok() ? style.good(verdict) : style.bad(verdict) + ": " + std::string(name(outcome.code)));
    std::vector<std::pair<std::string, std::string>> rows;
    if (!outcome.detail.empty()) rows.emplace_back("detail", shown(outcome.detail));
    rows.emplace_back("action", outcome.action.empty() ? "-" : outcome.action);
    rows.emplace_back("exec id", outcome.exec_id.empty() ? "-" : outcome.exec_id);
    rows.emplace_back("effect", name(outcome.effect));
    rows.emplace_back("result", shown(outcome.result));
    rows.emplace_back("receipt hash", outcome.receipt);
    rows.emplace_back("entry", outcome.entry_index ? std::to_string(*outcome.entry_index) : "-");
    std::cout << terminal::fields(style, rows);
  }
  return outcome.ok() ? terminal::yes : terminal::no;
}

// log

std::shared_ptr<Ledger> open_log(const Options& options) {
  return or_stop(open_ledger(options.ledger, {.read_only = true}), terminal::cannot,
                 "the ledger " + shown(options.ledger));
}

/// A member of an entry for a person: a string as itself, null as "-", anything else as JSON.
std::string cell(canon::View entry, std::string_view name) {
  const auto value = entry.find(name);
  if (!value || value->is(canon::Type::null)) return "-";
  return value->is(canon::Type::string) ? shown(value->string()) : terminal::pretty(*value);
}

canon::Document parse_entry(const LogLine& line) {
  return or_stop(canon::parse(line.json), terminal::cannot, "entry " + std::to_string(line.index));
}

void show_entry(const LogLine& line, bool json) {
  if (json) return print(exec::line_json(line));
  const Style style(STDOUT_FILENO);
  const canon::Document document = parse_entry(line);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : document.root()) rows.emplace_back(key, cell(document.root(), key));
  rows.emplace_back("leaf hash", to_hex(line.leaf_hash));
  print(style.strong("entry " + std::to_string(line.index)));
  std::cout << terminal::fields(style, rows);
}

/// Until it is interrupted, or nobody reads any more.
[[noreturn]] void follow(Ledger& ledger, std::uint64_t next, bool json) {
  for (;;) {
    const auto lines = or_stop(ledger.read(next, 256), terminal::cannot, "the log");
    for (const LogLine& line : lines) show_entry(line, json);
    next += lines.size();
    std::cout << std::flush;
    if (!std::cout) throw Stop(terminal::cannot, "nobody reads what is shown");
    if (lines.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int log_show(const Options& options) {
  const auto ledger = open_log(options);
  std::vector<LogLine> lines;
  if (!options.entry.empty()) lines = log_commands::entries_of(*ledger, options.entry);
  for (const LogLine& line : lines) show_entry(line, options.json);
  if (options.follow)
    follow(*ledger, lines.empty() ? or_stop(ledger->size(), terminal::cannot, "the log") : lines.back().index + 1,
           options.json);
  if (options.entry.empty()) throw Stop(terminal::cannot, "give an entry, or --follow for those to come");
  if (lines.empty()) throw Stop(terminal::no, "no such entry; see openexec log list");
  return terminal::yes;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("OpenExec: what an agent proposes runs only if somebody else approved it, once, and leaves evidence.",
               "openexec");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  app.footer(exit_codes);
  Options options;

  const auto command = [&](CLI::App& parent, const char* name, const char* what) {
    CLI::App* sub = parent.add_subcommand(name, what);
    sub->footer(exit_codes);
    return sub;
  };
  const auto input = [&](CLI::App* sub, const char* what) {
    sub->add_option("file", options.file, what)->capture_default_str();
    sub->add_flag("--json", options.json, "Answer in JSON");
  };
  const auto ledger = [&](CLI::App* sub) {
    sub->add_option("--ledger", options.ledger, "sqlite:///relative.db, sqlite:////absolute.db")
        ->envname("OPENEXEC_DB_URL")
        ->capture_default_str();
  };
  const auto tenant = [&](CLI::App* sub) {
    return sub->add_option("--tenant", options.tenant, "The executor's tenant")->envname("CLAWSHIELD_TENANT_ID");
  };
  const auto nonce = [&](CLI::App* sub) { sub->add_option("--nonce", options.nonce, "Where the request names none"); };

  CLI::App* hash_command = command(app, "hash", "The hashes that name a request");
  input(hash_command, "A request: {\"action\", \"payload\", \"nonce\"}");
  nonce(hash_command);
  tenant(hash_command);

  CLI::App* canon_command = command(app, "canon", "The canonical form of strict JSON, without a line end");
  input(canon_command, "JSON");
  canon_command->add_option("--form", options.form, "Which form")
      ->check(CLI::IsMember({"jcs", "clawshield-v1", "display"}))
      ->capture_default_str();

  CLI::App* verify_command =
      command(app, "verify-receipt", "Whether a receipt hash matches; with --ledger, whether it is recorded");
  input(verify_command, "An answer of POST /execute; with --receipt, the result alone");
  CLI::Option* receipt =
      verify_command->add_option("--receipt", options.receipt, "The receipt hash, 64 hexadecimal digits");
  const CLI::Option* in_ledger =
      verify_command->add_option("--ledger", options.ledger, "Look into this ledger's log too, by its URL or path");
  verify_command->add_option("--exec-id", options.exec_id, "The execution's id")->needs(receipt);

  const CLI::App* receipt_command = nullptr;
  const auto receipt_verify = terminal::add_receipt(app, receipt_command);

  CLI::App* execute_command = command(app, "execute", "Run one request, with the demo handlers echo and add");
  input(execute_command, "A request, as POST /execute takes it");
  ledger(execute_command);
  nonce(execute_command);
  tenant(execute_command)->check([](const std::string& name) { return terminal::given_name_fault(name); });
  execute_command->add_option("--mode", options.mode,
                              "demo verifies nothing; clawshield asks for a signed approval, policy for what the trust "
                              "policy asks for [OPENEXEC_MODE, else policy where there is one, else demo]");
  execute_command->add_option("--trust-policy", options.trust_policy_file,
                              "JSON file: who may approve what [OPENEXEC_TRUST_POLICY]");
  execute_command->add_option("--executor", options.executor,
                              "The name that approvals may be bound to [OPENEXEC_EXECUTOR, else openexec]");
  execute_command->add_option("--public-key", options.public_key_file,
                              "PEM file; else CLAWSHIELD_PUBLIC_KEY holds the PEM");
  execute_command->add_option("--allow", options.allowed,
                              "Only these actions, separated by commas; empty: none [OPENEXEC_ALLOWED_ACTIONS]");

  CLI::App* log_command = command(app, "log", "Look at the log, also beside a running executor");
  log_command->require_subcommand(1);
  CLI::App* show_command = command(*log_command, "show", "All of an entry");
  ledger(show_command);
  show_command->add_flag("--json", options.json, "One JSON object a line");
  show_command->add_option("entry", options.entry, "An index, or an exec id: all entries of that execution");
  show_command->add_flag("--follow", options.follow, "And every entry that comes after it, as it comes");

  log_commands::Chosen log_chosen;
  log_commands::add_list(*log_command, log_chosen);
  log_commands::add_verify(*log_command, log_chosen);
  log_commands::add_key(*log_command, log_chosen);
  log_commands::add_prune(*log_command, log_chosen);
  log_commands::add_proof(*log_command, log_chosen);
  log_commands::add_consistency(*log_command, log_chosen);
  log_commands::add_export(*log_command, log_chosen);
  log_commands::add_ledger(app, log_chosen);
  log_commands::add_doubt(app, log_chosen);
#ifdef OPENEXEC_COSIGN
  log_commands::add_cosign(*log_command, log_chosen);
#endif

  std::function<int()> admin_chosen;
  terminal::add_admin(app, admin_chosen);
  terminal::add_demo(app, admin_chosen);

  // Also where its arguments are wrong, so that nobody takes that for an answer about the evidence.
  const bool about_evidence = argc > 1 && std::string_view(argv[1]) == "receipt";
  const auto run = [&] {
    if (log_chosen) return log_chosen();
    if (admin_chosen) return admin_chosen();
    if (hash_command->parsed()) return hash(options);
    if (canon_command->parsed()) return canonicalise(options);
    if (verify_command->parsed()) return verify_receipt(options, in_ledger->count() > 0);
    if (receipt_command->parsed()) return receipt_verify();
    if (execute_command->parsed()) return execute(options);
    return log_show(options);
  };
  return terminal::run(app, argc, argv, run, about_evidence ? terminal::evidence_cannot : terminal::cannot);
}
