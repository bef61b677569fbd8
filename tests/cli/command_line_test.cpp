// SPDX-License-Identifier: Apache-2.0
// What all command lines share: arguments, variables, exit codes, messages, tables, files.
#include "commands/command_line.hpp"

#include <sys/stat.h>

#include <streambuf>

#include <CLI/CLI.hpp>

#include "cli/console.hpp"
#include "commands/given_name.hpp"
#include "commands/reading.hpp"
#include "commands/terminal.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

using namespace openexec;
using terminal::CommandLine;
using terminal::Console;
using terminal::Stop;
using terminal::Style;
using test::Arguments;
using test::run;
using test::Said;
using test::TemporaryFolder;

namespace {

const std::string bad = "a\x1b[2J\xe2\x80\xae\nb";

/// A program with one command, `do`, which ends as it is told.
test::Program ending(const std::function<int(const Console&)>& command, int could_not = terminal::cannot) {
  return [=](const Console& console, const Arguments& arguments) {
    CommandLine line(console, "A program", "program");
    line.app().set_version_flag("--version", "1.2.3");
    line.app().require_subcommand(1);
    line.on(*line.add(line.app(), "do", "Does it", "The footer"), [&] { return command(console); });
    return line.run(arguments, could_not);
  };
}

}  // namespace

TEST_CASE("Each way to end has its exit code and its message") {
  const auto stop = [](int code) { return [code](const Console&) -> int { throw Stop(code, "why it ends"); }; };
  CHECK(run(ending([](const Console&) { return 0; }), {"do"}).exit_code == 0);
  CHECK(run(ending([](const Console&) { return 7; }), {"do"}).exit_code == 7);
  const Said refused = run(ending(stop(terminal::no)), {"do"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.err == "program: why it ends\n");
  CHECK(refused.out.empty());
  CHECK(run(ending(stop(terminal::cannot)), {"do"}).exit_code == 2);
  CHECK(run(ending(stop(terminal::cannot), 3), {"do"}).exit_code == 3);
  CHECK(run(ending(stop(terminal::no), 3), {"do"}).exit_code == 1);
  const Said thrown = run(ending([](const Console&) -> int { throw std::runtime_error("out of luck"); }, 3), {"do"});
  CHECK(thrown.exit_code == 3);
  CHECK(thrown.err == "program: out of luck\n");
}

TEST_CASE("Wrong usage is told on standard error, and help on standard output") {
  const auto program = ending([](const Console&) { return 0; }, 3);
  for (const Arguments& wrong : {Arguments{}, Arguments{"other"}, Arguments{"do", "--flag"}, Arguments{"do", "more"}}) {
    const Said said = run(program, wrong);
    CHECK(said.exit_code == 3);
    CHECK(said.out.empty());
    CHECK(said.tells("\nRun with --help for more information.\n"));
  }
  for (const Arguments& asked : {Arguments{"--help"}, Arguments{"do", "--help"}}) {
    const Said said = run(program, asked);
    CHECK(said.exit_code == 0);
    CHECK(said.err.empty());
    CHECK(said.shows("Does it"));
  }
  CHECK(run(program, {"do", "--help"}).shows("The footer"));
  CHECK(run(program, {"--version"}).out == "1.2.3\n");
}

TEST_CASE("What a terminal does not plainly show is escaped, in messages, in output and in arguments") {
  const auto prints = ending([](const Console& console) -> int {
    terminal::print(console, bad);
    throw Stop(terminal::no, bad);
  });
  const Said said = run(prints, {"do"});
  CHECK(said.out == "a\\u001b[2J\\u202e\nb\n");  // a line end of the program's own text stays
  CHECK(said.err == "program: a\\u001b[2J\\u202e\\u000ab\n");
  CHECK(run(prints, {"do", "--" + bad}).err.find('\x1b') == std::string::npos);
}

TEST_CASE("Bytes for programs pass as they are, behind the text before them") {
  const Said said = run(ending([](const Console& console) {
                          console.out << "before";
                          terminal::write_bytes(console, std::string_view("\x1b\0\n\xff", 4));
                          return 0;
                        }),
                        {"do"});
  CHECK(said.out == std::string("before\x1b\0\n\xff", 10));
}

TEST_CASE("Output that cannot be written is an error") {
  struct Full : std::streambuf {
    int overflow(int) override { return traits_type::eof(); }
  } full;
  std::ostream out(&full);
  std::ostringstream err;
  const Console console{.out = out, .err = err, .terminal = {}, .environment = test::environment_of({})};
  const auto prints = [](const Console& to) {
    terminal::print(to, "text");
    return 0;
  };
  CHECK(ending(prints)(console, {"do"}) == terminal::cannot);
  CHECK(err.str().starts_with("program: cannot write the output"));
}

namespace {

struct Taken {
  std::string tenant = "none";
  std::vector<std::string> hosts;
};

/// `take` has options that variables set; `other` has none.
test::Program taking(Taken& taken, bool required) {
  return [&taken, required](const Console& console, const Arguments& arguments) {
    CommandLine line(console, "A program", "program");
    line.app().require_subcommand(1);
    CLI::App* take = line.add(line.app(), "take", "Takes", {});
    CLI::Option* tenant = take->add_option("--tenant", taken.tenant, "A tenant");
    tenant->check([](const std::string& name) { return terminal::given_name_fault(name); })->required(required);
    line.from_environment(*take, *tenant, "TENANT");
    line.from_environment(*take, *take->add_option("--hosts", taken.hosts, "Hosts")->delimiter(','), "HOSTS");
    line.on(*take, [] { return 0; });
    line.on(*line.add(line.app(), "other", "Takes nothing", {}), [] { return 0; });
    return line.run(arguments);
  };
}

}  // namespace

TEST_CASE("A variable sets what the arguments leave out, and an empty one sets nothing") {
  const auto taken = [](const Arguments& arguments, const test::Variables& variables) {
    Taken values;
    CHECK(run(taking(values, false), arguments, {}, variables).exit_code == 0);
    return values;
  };
  CHECK(taken({"take"}, {}).tenant == "none");
  CHECK(taken({"take"}, {{"TENANT", "acme"}}).tenant == "acme");
  CHECK(taken({"take"}, {{"TENANT", ""}}).tenant == "none");
  CHECK(taken({"take", "--tenant", "b"}, {{"TENANT", "acme"}}).tenant == "b");
  CHECK(taken({"take", "--tenant=b"}, {{"TENANT", "acme"}}).tenant == "b");
  CHECK(taken({"take"}, {{"HOSTS", "a,b"}}).hosts == std::vector<std::string>{"a", "b"});
  CHECK(taken({"take", "--hosts", "c"}, {{"HOSTS", "a,b"}}).hosts == std::vector<std::string>{"c"});
  CHECK(taken({"take", "--hosts", "c"}, {{"TENANT", "acme"}, {"HOSTS", "a"}}).tenant == "acme");
}

TEST_CASE("A variable satisfies what is required, and is checked as an argument is") {
  Taken taken;
  const auto required = taking(taken, true);
  CHECK(run(required, {"take"}).exit_code == 2);
  CHECK(run(required, {"take"}).tells("--tenant is required"));
  CHECK(run(required, {"take"}, {}, {{"TENANT", ""}}).exit_code == 2);
  CHECK(run(required, {"take"}, {}, {{"TENANT", "acme"}}).exit_code == 0);
  const Said faulty = run(required, {"take"}, {}, {{"TENANT", "acme "}});
  CHECK(faulty.exit_code == 2);
  CHECK(faulty.tells("--tenant: begins or ends"));
  CHECK(run(required, {"take", "--tenant", "b"}, {}, {{"TENANT", "acme "}}).exit_code == 0);
  CHECK(run(required, {"other"}, {}, {{"TENANT", "acme "}}).exit_code == 0);  // it has no tenant
  CHECK(run(required, {"take", "--help"}, {}, {}).shows("[TENANT]"));
}

TEST_CASE("A message about an option names the variable that may have set it") {
  std::ostringstream out;
  const Console console{.out = out, .err = out, .terminal = {}, .environment = test::environment_of({})};
  CommandLine line(console, "A program", "program");
  std::string value;
  line.from_environment(line.app(), *line.app().add_option("--value", value, "A value"), "VALUE");
  CHECK(line.with_variable("--value: is wrong") == "--value: is wrong [VALUE]");
  CHECK(line.with_variable("--other: is wrong") == "--other: is wrong");
}

TEST_CASE("Each fault of a tenant's or executor's name is told") {
  const auto has = [](const std::string& name, const char* fault) {
    return terminal::given_name_fault(name).find(fault) != std::string::npos;
  };
  CHECK(terminal::given_name_fault("acme").empty());
  CHECK(terminal::given_name_fault("executor 1").empty());
  CHECK(terminal::given_name_fault("\"").empty());
  for (const char* name : {" acme", "acme ",
                           "\xc2\xa0"
                           "acme",
                           "acme\xe2\x80\x8b", "acme\n"})
    CHECK(has(name, "begins or ends with a blank"));
  for (const char* name : {"\"acme\"", "'acme'"}) CHECK(has(name, "is between quotes"));
  CHECK(has(std::string(256, 'a'), "255 bytes"));
}

TEST_CASE("Tables and fields are aligned, and nothing from a value begins a line") {
  std::ostringstream out;
  const Console console{.out = out, .err = out, .terminal = {}, .environment = test::environment_of({})};
  const Style style(console);
  CHECK_FALSE(style.columns());
  CHECK(style.bad("x") == "x");  // no colours for a file
  CHECK(terminal::table(style, {"A", "LONG", "C"}, {{"1", "2", "3"}, {"ten", "x", ""}}) ==
        "A    LONG  C\n1    2     3\nten  x\n");
  CHECK(terminal::fields(style, {{"name", "value"}, {"n", "two\nlines"}}) ==
        "  name  value\n  n     two\n        lines\n");
  const std::string wide(200, 'w');
  const std::string text = terminal::fields(style, {{"name", wide}, {"n", "v"}});
  CHECK(text.starts_with("  name\n    | ww"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK((line.starts_with("  ") && line.size() <= 100));
}

TEST_CASE("JSON for people is the same JSON") {
  const auto document = test::parse_json(R"({"a":{},"b":[1,{"c":"\u202e"}]})");
  const std::string text = terminal::pretty(document.root());
  CHECK(text == "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": \"\\u202e\"\n    }\n  ]\n}");
}

TEST_CASE("Input is a regular file or standard input, and each fault is told") {
  const TemporaryFolder folder;
  std::ostringstream out;
  const base::Descriptor in = test::input_of("from the pipe");
  const Console console{
      .out = out, .err = out, .in_descriptor = in.get(), .terminal = {}, .environment = test::environment_of({})};
  const auto fault = [&](const std::string& path, terminal::Readers readers = terminal::Readers::anybody) {
    try {
      (void)terminal::read_input(console, path, readers);
    } catch (const Stop& stop) {
      CHECK(stop.exit_code() == terminal::cannot);
      return std::string(stop.what());
    }
    return std::string();
  };
  CHECK(terminal::read_input(console, "-") == "from the pipe");
  test::write_file(folder.file("a"), "text");
  CHECK(terminal::read_input(console, folder.file("a")) == "text");
  CHECK(fault(folder.file("none")).find("cannot open ") == 0);
  CHECK(fault(folder.file("")).find("is not a regular file") != std::string::npos);
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(fault(folder.file("pipe")).find("is not a regular file") != std::string::npos);  // and it is not waited on
  REQUIRE(::chmod(folder.file("a").c_str(), 0640) == 0);
  CHECK(fault(folder.file("a"), terminal::Readers::owner).find("others may read ") == 0);
  REQUIRE(::chmod(folder.file("a").c_str(), 0600) == 0);
  CHECK(fault(folder.file("a"), terminal::Readers::owner).empty());
  test::write_file(folder.file("large"), std::string((std::size_t{16} << 20) + 1, ' '));
  CHECK(fault(folder.file("large")).find("is larger than 16 MiB") != std::string::npos);
}

TEST_CASE("A new file never replaces one, and has the mode that it is given") {
  const TemporaryFolder folder;
  terminal::write_new_file(folder.file("new"), "text", 0600);
  struct stat status {};
  REQUIRE(::stat(folder.file("new").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_THROWS_WITH(terminal::write_new_file(folder.file("new"), "other", 0600),
                    Catch::Matchers::Contains("exists and is not overwritten"));
  CHECK_THROWS_WITH(terminal::write_new_file(folder.file("no/folder"), "text", 0600),
                    Catch::Matchers::Contains("cannot create "));
  CHECK(test::read_text(folder.file("new")) == "text");
}

TEST_CASE("Without a terminal nothing is asked, and the message says what to do instead") {
  std::ostringstream out;
  const Console console{.out = out, .err = out, .terminal = {}, .environment = test::environment_of({})};
  const auto none = Catch::Matchers::Contains("there is no terminal to ask on; do this");
  CHECK_THROWS_WITH(terminal::confirm(console, "text", "question", "yes", "do this", "declined"), none);
  CHECK_THROWS_WITH(terminal::ask_secret(console, "question", "do this"), none);
  CHECK_THROWS_WITH(terminal::show_on_terminal(console, "text", "do this"), none);
  CHECK_THROWS_WITH(terminal::read_secret(-1), Catch::Matchers::Contains("no passphrase on file descriptor -1"));
  CHECK(terminal::read_secret(test::input_of("first\nsecond").get()) == "first");
}

TEST_CASE("A request may come without its nonce, and what is no request says why") {
  const std::string request = R"({"action":"echo","payload":{}})";
  CHECK_FALSE(terminal::read_request(request, "t", std::nullopt).has_nonce);
  CHECK(terminal::read_request(request, "t", "n").has_nonce);
  CHECK_THROWS_WITH(terminal::read_request("[]", "t", std::nullopt),
                    Catch::Matchers::Contains("this is not a request: "));
}

TEST_CASE("The arguments of main come without the program's name") {
  CHECK(terminal::arguments_of(0, nullptr).empty());
  const char* const argv[] = {"program", "a", "b"};
  CHECK(terminal::arguments_of(3, argv) == Arguments{"a", "b"});
}
