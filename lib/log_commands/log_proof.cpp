// SPDX-License-Identifier: Apache-2.0
// openexec log proof and log consistency: the proofs with which an outside verifier checks an entry, or that the log
// only grew.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "answers/telling.hpp"
#include "base/text.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/note.hpp"
#include "merkle/proof.hpp"

namespace openexec::log_commands {
namespace {

using canon::JsonObject;
using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto proof_footer = R"(Exit codes:
  0  the proof, on standard output or in --out
  1  there is no such entry, or the execution has no outcome
  2  wrong usage, or the ledger could not be read

Of an execution the entry is proven that sealed it or put it in doubt, never a refusal. To prove another entry, give its
index. Check a proof with openexec receipt verify FILE --log-key KEY.)";

constexpr auto consistency_footer = R"(Exit codes:
  0  the log at NEW grew out of the log at OLD; the hashes prove it
  1  it did not: OLD or NEW is a checkpoint of another history, or of another log
  2  wrong usage, or the ledger could not be read)";

// proof

struct ProofOptions {
  std::string ledger = "sqlite:///openexec.db";
  std::string entry;
  std::string out;
};

/// Returns the index of the named entry, or of the entry with the outcome of the named execution.
std::uint64_t index_of(Ledger& ledger, const std::string& wanted) {
  const std::vector<LogLine> lines = entries_of(ledger, wanted);
  if (lines.empty()) throw Stop(terminal::no, "no such entry; see openexec log list");
  Digest exec_id;
  if (!from_hex(wanted, exec_id)) return lines.front().index;
  const auto outcome = or_cannot(exec::outcome_entry(ledger, ledger, exec_id), "the outcome");
  if (!outcome)
    throw Stop(terminal::no,
               "the execution has no outcome: it was refused, or is still running; "
               "to prove one of its entries, give the entry's index (see openexec log show)");
  return outcome->index;
}

int proof(const ProofOptions& options, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  const std::string text = or_cannot(ledger->prove(index_of(*ledger, options.entry)), "the proof");
  if (options.out.empty())
    console.out << text;
  else
    terminal::write_new_file(options.out, text, 0644);
  return terminal::yes;
}

// consistency

struct ConsistencyOptions {
  std::string ledger = "sqlite:///openexec.db";
  std::string from;
  std::string to;
  bool json = false;
};

struct Named {
  std::uint64_t size = 0;
  std::optional<Digest> root;  ///< the root in the checkpoint, if a checkpoint was given
};

/// Reads a size, or a file with a checkpoint that the log signed.
Named named(const std::string& given, const merkle::VerifierKey& key, const Console& console) {
  const bool digits = !given.empty() && given.size() <= 18 &&
                      std::all_of(given.begin(), given.end(), [](char c) { return '0' <= c && c <= '9'; });
  if (digits && !std::filesystem::exists(given)) return {std::stoull(given), std::nullopt};
  const std::string note = terminal::read_input(console, given);
  const auto opened = merkle::open_note(note, {&key, 1});
  if (!opened.ok())
    throw Stop(terminal::no,
               shown(given) + " is no checkpoint that this log signed: " + shown(opened.status().detail()));
  const auto checkpoint = merkle::Checkpoint::parse(opened->text);
  if (!checkpoint.ok()) throw Stop(terminal::no, shown(given) + ": " + shown(checkpoint.status().detail()));
  return {checkpoint->head.size, checkpoint->head.root};
}

/// Reads tiles from the ledger.
class ShownTiles final : public merkle::TileReader {
 public:
  explicit ShownTiles(Ledger& ledger) : ledger_(ledger) {}
  Result<std::vector<Digest>> read(const merkle::Tile& tile) override {
    Result<std::optional<std::string>> bytes = ledger_.resource(merkle::tile_path(tile));
    if (!bytes.ok()) return bytes.status();
    if (!*bytes || (*bytes)->size() != tile.width * sizeof(Digest))
      return Status(Code::store_failed, "the log shows no " + merkle::tile_path(tile));
    std::vector<Digest> hashes(tile.width);
    for (std::size_t i = 0; i < hashes.size(); ++i)
      std::copy_n((*bytes)->data() + i * sizeof(Digest), sizeof(Digest), hashes[i].begin());
    return hashes;
  }

 private:
  Ledger& ledger_;
};

void check_root(Ledger& ledger, const std::string& given, const Named& named) {
  if (named.root && or_cannot(root_at(ledger, named.size), "the tree") != *named.root)
    throw Stop(terminal::no,
               shown(given) + " is of another history: the log has another root at " + grouped(named.size));
}

int consistency(const ConsistencyOptions& options, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  const auto key = or_cannot(merkle::VerifierKey::parse(ledger->verifier_key()), "the log's key");
  const SignedCheckpoint newest = or_cannot(ledger->checkpoint(), "the checkpoint");
  const Named from = named(options.from, key, console);
  const Named to = options.to.empty() ? Named{newest.size, std::nullopt} : named(options.to, key, console);
  if (from.size > to.size || to.size > newest.size) {
    throw Stop(options.to.empty() && from.root ? terminal::no : terminal::cannot,
               "the log has " + grouped(newest.size) + " entries: it cannot have grown from " + grouped(from.size) +
                   " to " + grouped(to.size));
  }
  check_root(*ledger, options.from, from);
  check_root(*ledger, options.to, to);
  const auto hashes = or_cannot(ledger->prove_consistency(from.size, to.size), "the proof");
  std::string list;
  for (const Digest& hash : hashes) {
    const std::string text = base::base64({reinterpret_cast<const char*>(hash.data()), hash.size()});
    list += options.json ? (list.empty() ? "\"" : ",\"") + text + "\"" : text + "\n";
  }
  if (options.json) {
    console.out << JsonObject()
                       .boolean("consistent", true)
                       .number("from", from.size)
                       .number("to", to.size)
                       .raw("proof", "[" + list + "]")
                       .take()
                << '\n';
  } else {
    console.err << Style(console, terminal::Shown::as_message).good("consistent") << ": " << grouped(to.size)
                << " entries grew out of " << grouped(from.size) << '\n';
    console.out << list;  // as C2SP tlog-witness writes them
  }
  return terminal::yes;
}

// key

struct KeyOptions {
  std::string ledger = "sqlite:///openexec.db";
  bool json = false;
};

int key(const KeyOptions& options, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  const auto parsed = or_cannot(merkle::VerifierKey::parse(ledger->verifier_key()), "the log's key");
  if (options.json)
    console.out << JsonObject().text("origin", parsed.name()).text("verifier_key", ledger->verifier_key()).take()
                << '\n';
  else
    console.out << ledger->verifier_key() << '\n';
  return terminal::yes;
}

}  // namespace

Result<Digest> root_at(Ledger& ledger, std::uint64_t size) {
  ShownTiles tiles(ledger);
  return merkle::root_at(size, tiles);
}

std::vector<LogLine> entries_of(Ledger& ledger, const std::string& wanted) {
  constexpr std::size_t most = 1000;
  Digest exec_id;
  if (from_hex(wanted, exec_id)) {
    auto lines = or_cannot(ledger.find_before(exec_id, std::numeric_limits<std::uint64_t>::max(), most), "the log");
    std::reverse(lines.begin(), lines.end());
    return lines;
  }
  const bool digits = !wanted.empty() && wanted.size() <= 18 &&
                      std::all_of(wanted.begin(), wanted.end(), [](char c) { return '0' <= c && c <= '9'; });
  if (!digits) throw Stop(terminal::cannot, "give an entry's index, or an exec id of 64 hexadecimal digits");
  return or_cannot(ledger.read(std::stoull(wanted), 1), "the log");
}

void add_key(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("key", "The log's verifier key, for those who check its portable receipts");
  command->footer("Hand it over by a way that whoever could forge the log cannot change.");
  auto options = std::make_shared<KeyOptions>();
  ledger_option(line, *command, options->ledger);
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line] { return key(*options, line.console()); });
}

void add_proof(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("proof", "The portable receipt of an entry (C2SP tlog-proof)");
  command->footer(proof_footer);
  auto options = std::make_shared<ProofOptions>();
  ledger_option(line, *command, options->ledger);
  command->add_option("entry", options->entry, "An index, or an exec id")->required();
  command->add_option("--out", options->out, "A file to make; else standard output");
  line.on(*command, [options, &line] { return proof(*options, line.console()); });
}

void add_consistency(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("consistency", "That the log only grew since an older checkpoint");
  command->footer(consistency_footer);
  auto options = std::make_shared<ConsistencyOptions>();
  ledger_option(line, *command, options->ledger);
  command->add_option("old", options->from, "A size, or a file with a checkpoint")->required();
  command->add_option("new", options->to, "The same; else the newest checkpoint");
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line] { return consistency(*options, line.console()); });
}

}  // namespace openexec::log_commands
