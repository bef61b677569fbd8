// SPDX-License-Identifier: Apache-2.0
// One run of a program: its arguments, the variables that stand in for flags, and the command that was asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "commands/console.hpp"
#include "commands/stop.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace openexec::terminal {

/// What the --help of a command of openexec ends with, unless it has exit codes of its own.
inline constexpr auto common_exit_codes = R"(Exit codes:
  0  yes: done, valid, executed or replayed
  1  no: refused, does not match, not found
  2  wrong usage, or it could not be tried (no such file, ledger in use)

Files may be - for standard input. Colours only on a terminal, and not where NO_COLOR is set.)";

/// 1. The program adds its commands to app(), each with the function to run. 2. It calls run() or parse() once, which
/// reads the arguments.
class CommandLine {
 public:
  using Command = std::function<int()>;

  /// The console must outlive the command line.
  CommandLine(const Console& console, const std::string& about, const std::string& name);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  [[nodiscard]] CLI::App& app() noexcept { return *app_; }
  [[nodiscard]] const Console& console() const noexcept { return console_; }

  /// Adds a command whose --help ends with `footer`.
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about, const std::string& footer);
  /// Sets the function that runs if the arguments ask for `command`.
  void on(CLI::App& command, Command run);
  /// Lets a variable of the environment set an option of `command` that the arguments leave out. The value is checked
  /// as an argument's is, once `command` is asked for. An empty variable sets nothing.
  void from_environment(CLI::App& command, CLI::Option& option, const std::string& variable);

  /// Reads the arguments, without the program's name. Throws CLI::ParseError; --help and --version are such errors too.
  void parse(const std::vector<std::string>& arguments);
  /// The message of a ParseError, with the variable that may have set the option that it names.
  [[nodiscard]] std::string with_variable(std::string message) const;

  /// Reads the arguments, runs the command that they ask for, and turns every failure into a message and an exit code.
  /// All output passes a Screen. `could_not` stands for `cannot` where a command's own answers need that number.
  int run(const std::vector<std::string>& arguments, int could_not = cannot);

 private:
  struct Binding;

  void apply(const CLI::App& command);
  [[nodiscard]] bool is_given(const CLI::Option& option) const;

  const Console& console_;
  std::unique_ptr<CLI::App> app_;
  std::vector<Binding> bindings_;
  std::vector<std::string> arguments_;
  Command chosen_;
};

}  // namespace openexec::terminal
