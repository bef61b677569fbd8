// SPDX-License-Identifier: Apache-2.0
// The commands of openexec-witness: exit codes, error texts, and the shapes of what --json answers.
#include "witness_commands/witness_commands.hpp"

#include <string>
#include <vector>

#include "cli/console.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/keys.hpp"
#include "support/parts.hpp"

using namespace openexec;
using test::Arguments;
using test::Names;
using test::names_of;
using test::Said;
using test::TemporaryFolder;

namespace {

/// A witness with a key and an empty memory.
struct Place {
  TemporaryFolder folder;
  std::string key = folder.file("key");
  Said made = run({"init", "--name", "witness.example", "--key", key, "--json"});

  [[nodiscard]] Said run(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--state", folder.file("state.db")});
    return test::run(witness_commands::run_witness, arguments);
  }
};

const std::string log_key = test::log_named("log.example").verifier_key().write();

}  // namespace

TEST_CASE("init makes a key and a memory, both or neither") {
  const Place place;
  REQUIRE(place.made.exit_code == 0);
  CHECK(names_of(place.made.out) == Names{"verifier_key", "key", "state"});
  const Said again = place.run({"init", "--name", "witness.example", "--key", place.folder.file("other")});
  CHECK(again.exit_code == 2);
  CHECK(again.tells("the state: "));
  const auto init = [](Arguments more) {
    more.insert(more.begin(), "init");
    return test::run(witness_commands::run_witness, more);
  };
  CHECK(init({}).tells("--name is required"));
  CHECK(init({"--name", "a b", "--key", place.key, "--state", place.folder.file("new")}).tells("--name: "));
  CHECK(init({"--name", "w", "--key", place.key, "--state", place.folder.file("new")})
            .tells("exists and is not overwritten"));
  CHECK(::access(place.folder.file("new").c_str(), F_OK) != 0);
  CHECK(init({"--name", "w", "--json", "--quiet"}).exit_code == 2);
}

TEST_CASE("serve refuses settings before it listens") {
  const Place place;
  const auto fault = [&](Arguments arguments, int exit_code, const char* text) {
    arguments.insert(arguments.begin(), {"serve", "--key", place.key});
    const Said said = place.run(arguments);
    INFO(said.err);
    CHECK(said.exit_code == exit_code);
    CHECK(said.out.empty());
    CHECK(said.tells(text));
  };
  fault({}, 2, "no log is named: give --log KEY or --logs FILE");
  fault({"--log", "nonsense"}, 2, "the log nonsense: ");
  fault({"--logs", "/no/such/file"}, 2, "cannot open /no/such/file");
  fault({"--log", log_key, "--max-connections", "0"}, 2, "--max-connections");
  fault({"--log", log_key, "--header-timeout-ms", "0"}, 2, "--header-timeout-ms");
  fault({"--log", log_key, "--host", "example.com"}, 1, "openexec-witness: ");
  test::write_file(place.folder.file("logs"), "# a comment\n\n" + log_key + "\nnonsense\n");
  fault({"--logs", place.folder.file("logs")}, 2, "the log nonsense: ");
  const Said no_state = test::run(witness_commands::run_witness, {"serve", "--key", place.key, "--log", log_key,
                                                                  "--state", place.folder.file("none")});
  CHECK(no_state.exit_code == 1);
  CHECK(no_state.tells("the state (openexec-witness init makes it): "));
}

TEST_CASE("adopt, confirm and show have their exit codes") {
  const Place place;
  CHECK(place.run({"adopt"}).tells("--why is required"));
  CHECK(place.run({"adopt", "--why", "restored"}).out.starts_with("adopted "));
  CHECK(place.run({"confirm", "--log", "nonsense", "--checkpoint", "x"}).exit_code == 2);
  CHECK(place.run({"confirm", "--log", log_key, "--checkpoint", "/no/such/file"}).exit_code == 2);
  test::write_file(place.folder.file("note"), "no note\n");
  CHECK(place.run({"confirm", "--log", log_key, "--checkpoint", place.folder.file("note")}).tells("the checkpoint: "));
  const Said shown = place.run({"show"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.shows("ORIGIN  SIZE  ROOT  TIME  CONFLICT"));
  CHECK(place.run({"show", "--json"}).out.empty());
  CHECK(test::run(witness_commands::run_witness, {"show", "--state", place.folder.file("none")}).exit_code == 1);
}
