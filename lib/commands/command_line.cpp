// SPDX-License-Identifier: Apache-2.0
#include "commands/command_line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "commands/screen.hpp"

namespace openexec::terminal {

/// A variable, and the option that it sets if the arguments do not set it.
struct CommandLine::Binding {
  const CLI::App* command;
  CLI::Option* option;
  std::string variable;
};

CommandLine::CommandLine(const Console& console, const std::string& about, const std::string& name)
    : console_(console), app_(std::make_unique<CLI::App>(about, name)) {}
CommandLine::~CommandLine() = default;

CLI::App* CommandLine::add(CLI::App& parent, const std::string& name, const std::string& about,
                           const std::string& footer) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->footer(footer);
  return command;
}

void CommandLine::on(CLI::App& command, Command run) {
  command.callback([this, run = std::move(run)] { chosen_ = run; });
}

void CommandLine::from_environment(CLI::App& command, CLI::Option& option, const std::string& variable) {
  option.description(option.get_description() + " [" + variable + "]");
  bindings_.push_back({&command, &option, variable});
  command.preparse_callback([this, &command](std::size_t) { apply(command); });
}

bool CommandLine::is_given(const CLI::Option& option) const {
  const auto end = std::find(arguments_.begin(), arguments_.end(), "--");
  return std::any_of(arguments_.begin(), end, [&](const std::string& argument) {
    const std::string flag = argument.substr(0, argument.find('='));
    return flag.starts_with("--") && option.check_lname(flag.substr(2));
  });
}

void CommandLine::apply(const CLI::App& command) {
  for (const Binding& binding : bindings_) {
    if (binding.command != &command || is_given(*binding.option)) continue;
    const std::optional<std::string> value = console_.environment(binding.variable.c_str());
    if (!value || value->empty()) continue;
    binding.option->required(false);
    binding.option->run_callback_for_default()->default_val(*value);
  }
}

void CommandLine::parse(const std::vector<std::string>& arguments) {
  arguments_ = arguments;
  app_->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the back
}

std::string CommandLine::with_variable(std::string message) const {
  for (const Binding& binding : bindings_)
    if (message.find(binding.option->get_name()) != message.npos) return message + " [" + binding.variable + "]";
  return message;
}

int CommandLine::run(const std::vector<std::string>& arguments, int could_not) {
  const Screen screen(console_);
  const auto complain = [&](std::string_view what) {
    console_.out.flush();
    console_.err << app_->get_name() << ": " << shown(what) << '\n';
  };
  try {
    parse(arguments);
    const int code = chosen_();
    if (!console_.out.flush()) throw Stop(cannot, std::string("cannot write the output: ") + std::strerror(errno));
    return code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)  // --help and --version
      return app_->exit(error, console_.out, console_.err) == 0 ? yes : could_not;
    console_.err << shown(error.what()) << "\nRun with --help for more information.\n";
    return could_not;
  } catch (const Stop& stop) {
    complain(stop.what());
    return stop.exit_code() == cannot ? could_not : stop.exit_code();
  } catch (const std::exception& error) {
    complain(error.what());
    return could_not;
  }
}

}  // namespace openexec::terminal
