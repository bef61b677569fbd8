// SPDX-License-Identifier: Apache-2.0
// openexec-witness init, adopt, confirm and show: the key and the memory of a witness.
#include <unistd.h>

#include <chrono>
#include <ostream>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "crypto/ed25519.hpp"
#include "merkle/note.hpp"
#include "witness/witness.hpp"
#include "witness_commands/witness_commands.hpp"

namespace openexec::witness_commands {

using canon::JsonObject;
using terminal::Console;
using terminal::or_stop;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

Timestamp now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

/// The key and the memory are made together: a key that has lost its memory could sign a second history.
int init(const Options& options, const Console& console) {
  const auto key = or_stop(crypto::PrivateKey::generate(), machine, "the key");
  const auto cosigner = or_stop(merkle::Cosigner::make(options.name, key), terminal::cannot, "--name");
  const std::string verifier_key = cosigner.verifier_key().write();
  if (const Status made = witness::State::create(options.state, verifier_key); !made.ok())
    throw Stop(terminal::cannot, "the state: " + shown(made.detail()));
  try {
    terminal::write_new_file(options.key, or_stop(key.to_pem(), machine, "the key"), 0600);
  } catch (...) {
    ::unlink(options.state.c_str());  // nobody's memory
    throw;
  }
  if (options.quiet) {
    console.out << verifier_key << '\n';
  } else if (options.json) {
    console.out
        << JsonObject().text("verifier_key", verifier_key).text("key", options.key).text("state", options.state).take()
        << '\n';
  } else {
    console.out << terminal::fields(Style(console),
                                    {{"verifier key", verifier_key + "\n(give it to those who rely on this witness)"},
                                     {"private key", shown(options.key) + "  (mode 0600)"},
                                     {"state", shown(options.state) + "  (never restore an older copy of it)"}});
  }
  return terminal::yes;
}

int adopt(const Options& options, const Console& console) {
  if (const Status adopted = witness::State::adopt(options.state, options.why, now()); !adopted.ok())
    throw Stop(machine, "the state: " + shown(adopted.detail()));
  console.out
      << "adopted " << shown(options.state)
      << "\nNo log is cosigned until openexec-witness confirm has named the newest checkpoint of it that anybody can "
         "show.\n";
  return terminal::yes;
}

/// The checkpoint is believed as the newest, since its log signed it and the operator brings it.
int confirm(const Options& options, const Console& console) {
  const auto log = or_stop(witness::TrustedLog::parse(options.log), terminal::cannot, "the log " + shown(options.log));
  const std::string note = terminal::read_input(console, options.checkpoint);
  const auto opened = or_stop(merkle::open_note(note, {&log.key, 1}), terminal::cannot, "the checkpoint");
  const auto checkpoint = or_stop(merkle::Checkpoint::parse(opened.text), terminal::cannot, "the checkpoint");
  if (checkpoint.origin != log.origin) throw Stop(terminal::cannot, "the checkpoint: it is of another log");
  auto state = or_stop(witness::State::open(options.state), machine, "the state");
  if (const Status confirmed = state.confirm({checkpoint.origin, checkpoint.head, note, now(), {}}); !confirmed.ok())
    throw Stop(terminal::cannot, "the state: " + shown(confirmed.detail()));
  console.out << "confirmed " << shown(checkpoint.origin) << " at size " << checkpoint.head.size << "\n";
  return terminal::yes;
}

int show(const Options& options, const Console& console) {
  auto state = or_stop(witness::State::open_read_only(options.state), machine, "the state");
  const auto all = or_stop(state.all(), machine, "the state");
  const Style style(console);
  std::vector<std::vector<std::string>> rows;
  for (const witness::Remembered& log : all) {
    if (options.json) {
      console.out << JsonObject()
                         .text("origin", log.origin)
                         .number("size", log.head.size)
                         .text("root", to_hex(log.head.root))
                         .text("time", base::format_time(log.at))
                         .text("checkpoint", log.checkpoint)
                         .text_or_null("conflict", log.conflict)
                         .take()
                  << '\n';
    } else {
      rows.push_back({shown(log.origin), std::to_string(log.head.size), to_hex(log.head.root).substr(0, 16),
                      base::format_time(log.at),
                      log.conflict.empty() ? style.good("none") : style.bad("SPLIT VIEW, see --json")});
    }
  }
  if (options.json) return terminal::yes;
  console.out << terminal::fields(style, {{"verifier key", state.verifier_key()}});
  console.out << terminal::table(style, {"ORIGIN", "SIZE", "ROOT", "TIME", "CONFLICT"}, rows);
  return terminal::yes;
}

}  // namespace openexec::witness_commands
