// SPDX-License-Identifier: Apache-2.0
// openexec verify-receipt: whether a receipt hash matches, and whether a ledger's log records it.
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "answers/recorded_receipt.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "executor_commands/executor_commands.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

struct Options {
  std::string file = "-";
  bool json = false;
  std::string exec_id;
  std::string receipt;
  std::optional<std::string> ledger;
};

struct Claimed {
  std::string exec_id;
  std::string result;
  std::string receipt;
};

std::string member(canon::View object, std::string_view name) {
  const auto value = object.find(name);
  if (value && value->is(canon::Type::null)) return {};
  if (!value || !value->is(canon::Type::string))
    throw Stop(no, "member \"" + std::string(name) + "\" must be a string");
  return std::string(value->string());
}

/// Reads an answer of POST /execute, whose result is a JSON value, or a body of POST /receipts/verify, whose result may
/// be text.
Claimed read_claim(const std::string& text) {
  const auto document = or_stop(canon::parse(text), no, "this is not strict JSON");
  const canon::View root = document.root();
  const auto result = root.is(canon::Type::object) ? root.find("result") : std::nullopt;
  if (!result) {
    throw Stop(cannot,
               "give an object with id, result and receipt, as POST /execute answers it, "
               "or --exec-id and --receipt and the result alone");
  }
  const bool answer = root.find("id").has_value();
  const bool is_text = !answer && result->is(canon::Type::string);
  return {member(root, answer ? "id" : "exec_id"), is_text ? std::string(result->string()) : canon::display(*result),
          member(root, "receipt")};
}

/// Compares the hash alone. Any program can compute the hash of an execution that never took place.
int say_whether_it_matches(const Status& status, bool as_json, const Console& console) {
  if (as_json) {
    JsonObject json;
    json.boolean("valid", status.ok());
    if (!status.ok()) json.text("detail", status.detail());
    print(console, json.take());
  } else {
    const Style style(console);
    print(console,
          status.ok() ? style.good("the hash matches") +
                            ": this execution id and this result have this receipt hash. Whether it "
                            "took place is shown by a ledger (--ledger) or a portable receipt (openexec receipt verify)"
                      : style.bad("the hash does NOT match") + ": " + shown(status.detail()));
  }
  return status.ok() ? yes : no;
}

/// Checks whether the ledger's log records the execution.
int say_whether_it_is_recorded(const Status& status, const Claimed& claimed, const Options& options,
                               const Console& console) {
  const auto ledger = log_commands::open_to_read(*options.ledger);
  const auto found = or_stop(exec::find_receipt(*ledger, *ledger, claimed.exec_id, claimed.receipt), cannot, "the log");
  const auto value = canon::parse(claimed.result, {.max_bytes = std::max(claimed.result.size(), std::size_t{1})});
  const bool valid = status.ok() || (found && value.ok() && exec::records(found->entry, value->root()));
  const bool recorded = valid && found;
  if (options.json) {
    print(console, exec::recorded_json(valid, recorded ? found : std::nullopt));
  } else {
    const Style style(console);
    if (recorded)
      print(console, style.good("recorded") + ": entry " + std::to_string(found->index) + " of the log, " +
                         std::string(name(found->entry.verdict)) + ", code " + std::string(name(found->entry.code)));
    else if (valid)
      print(console, style.bad("NOT recorded") + ": the hash matches, but the log has no such execution");
    else
      print(console, style.bad("the hash does NOT match") + ": " + shown(status.detail()));
  }
  return recorded ? yes : no;
}

int verify(const Options& options, const Console& console) {
  const std::string input = read_input(console, options.file);
  const Claimed claimed =
      options.receipt.empty() ? read_claim(input) : Claimed{options.exec_id, input, options.receipt};
  const Status status = openexec::verify_receipt(claimed.exec_id, claimed.result, claimed.receipt);
  return options.ledger ? say_whether_it_is_recorded(status, claimed, options, console)
                        : say_whether_it_matches(status, options.json, console);
}

}  // namespace

void add_verify_receipt(CommandLine& line) {
  CLI::App* command =
      line.add(line.app(), "verify-receipt", "Whether a receipt hash matches; with --ledger, whether it is recorded",
               common_exit_codes);
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "An answer of POST /execute; with --receipt, the result alone")
      ->capture_default_str();
  command->add_flag("--json", options->json, "Answer in JSON");
  CLI::Option* receipt = command->add_option("--receipt", options->receipt, "The receipt hash, 64 hexadecimal digits");
  command->add_option("--ledger", options->ledger, "Look into this ledger's log too, by its URL or path");
  command->add_option("--exec-id", options->exec_id, "The execution's id")->needs(receipt);
  line.on(*command, [options, &line] { return verify(*options, line.console()); });
}

}  // namespace openexec::terminal
