// SPDX-License-Identifier: Apache-2.0
// openexec log export: the log as files that any web server can serve (C2SP tlog-tiles).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"
#include "log_commands/log_progress.hpp"
#include "log_commands/site_folder.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/note.hpp"
#include "merkle/tile.hpp"

namespace openexec::log_commands {
namespace {

using merkle::Tile;
using merkle::tile_width;
using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto footer = R"(Exit codes:
  0  the folder holds the log as it was when this began
  1  the folder holds another log, or a checkpoint that this log has not grown from; nothing was changed
  2  wrong usage, the ledger could not be read, the folder not written, or another export writes it

Run it again to go on where it ended, however it ended: files come under their names when they are whole, and the
checkpoint last. Tiles and entries that are full never change; serve them as immutable. --verify compares every file that
is there with the ledger, and writes those again that differ or are missing. Links in the folder are not followed.)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string folder;
  bool verify = false;
  bool json = false;
};

/// Returns the width that names the file of a partial tile, if the name is such a number.
std::optional<std::size_t> width_in(std::string_view name) {
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), width);
  if (error != std::errc() || end != name.data() + name.size() || width == 0 || width >= tile_width)
    return std::nullopt;
  return name == std::to_string(width) ? std::optional(width) : std::nullopt;
}

class Export {
 public:
  /// Locks the folder before the newest checkpoint is read, so that no other run writes a later one meanwhile.
  Export(Ledger& ledger, const Options& options, const Console& console)
      : ledger_(ledger),
        options_(options),
        console_(console),
        folder_(options.folder),
        newest_(or_cannot(ledger.checkpoint(), "the checkpoint")) {}

  void run() {
    before_ = judge_checkpoint();
    {
      Progress progress(console_);
      for (std::uint64_t index = first(0); index * tile_width < newest_.size; ++index) {
        const Tile tile{0, index, merkle::width_of(newest_.size, 0, index)};
        copy(tile, true);
        progress.show(index * tile_width + tile.width, newest_.size, bytes_);
      }
    }
    for (unsigned level = 0; level < merkle::levels_of(newest_.size); ++level)
      for (std::uint64_t index = first(level); merkle::width_of(newest_.size, level, index) > 0; ++index)
        copy({level, index, merkle::width_of(newest_.size, level, index)}, false);
    // All tiles under the checkpoint are on the disk before the checkpoint itself. The folder's checkpoint is compared
    // again, in case a process without the lock has replaced it.
    folder_.sync();
    (void)judge_checkpoint();
    folder_.put("checkpoint", newest_.note, true);
    folder_.sync();
    tidy();
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return newest_.size; }
  [[nodiscard]] std::uint64_t before() const noexcept { return before_; }
  [[nodiscard]] std::uint64_t files() const noexcept { return files_; }
  [[nodiscard]] std::uint64_t mended() const noexcept { return mended_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  /// Returns the size of the folder's checkpoint. Refuses a folder whose checkpoint this log has not grown from.
  std::uint64_t judge_checkpoint() {
    const std::string name = shown(options_.folder);
    const auto note = folder_.read("checkpoint", merkle::max_note_bytes);
    if (!note) return 0;
    const auto key = or_cannot(merkle::VerifierKey::parse(ledger_.verifier_key()), "the log's key");
    const auto opened = merkle::open_note(*note, {&key, 1});
    if (!opened.ok()) throw Stop(terminal::no, name + " holds another log: " + shown(opened.status().detail()));
    const auto checkpoint = merkle::Checkpoint::parse(opened->text);
    if (!checkpoint.ok()) throw Stop(terminal::no, name + "/checkpoint: " + shown(checkpoint.status().detail()));
    const std::uint64_t size = checkpoint->head.size;
    if (size > newest_.size)
      throw Stop(terminal::no, name + " reaches to " + grouped(size) + ", and the ledger to " + grouped(newest_.size) +
                                   ": was the ledger set back?");
    if (or_cannot(root_at(ledger_, size), "the tree") != checkpoint->head.root)
      throw Stop(terminal::no, name + " holds another history: the log has another root at " + grouped(size));
    return size;
  }

  /// Returns the first tile that may have to be written.
  [[nodiscard]] std::uint64_t first(unsigned level) const {
    return options_.verify ? 0 : before_ >> (merkle::tile_height * (level + 1));
  }

  /// Writes a tile, or the entries below it. With --verify it compares each existing part of the tile, and leaves a
  /// correct file unchanged.
  void copy(const Tile& tile, bool entries) {
    copy_one(tile, entries);
    if (!options_.verify || tile.width == tile_width) return;
    for (const std::string& name : folder_.list(folder_of_parts(tile, entries)))
      if (const auto width = width_in(name); width && *width < tile.width)
        copy_one({tile.level, tile.index, *width}, entries);
  }

  void copy_one(const Tile& tile, bool entries) {
    const std::string name = entries ? merkle::entries_path(tile.index, tile.width) : merkle::tile_path(tile);
    const auto bytes = or_cannot(ledger_.resource(name), name);
    if (!bytes) throw Stop(terminal::cannot, "the log shows no " + name);
    if (options_.verify && folder_.read(name, bytes->size()) == bytes) return;
    folder_.put(name, *bytes);
    ++files_;
    bytes_ += bytes->size();
    if (tile.width <= merkle::width_of(before_, tile.level, tile.index)) ++mended_;
  }

  static std::string folder_of_parts(const Tile& tile, bool entries) {
    const Tile full{tile.level, tile.index, tile_width};
    return (entries ? merkle::entries_path(full.index, full.width) : merkle::tile_path(full)) + ".p";
  }

  /// Removes the partial tiles of full tiles. Clients read the full tile in their place.
  void tidy() {
    for (unsigned level = 0; level < merkle::levels_of(newest_.size); ++level) {
      for (std::uint64_t index = first(level); merkle::width_of(newest_.size, level, index) == tile_width; ++index) {
        folder_.remove(folder_of_parts({level, index, tile_width}, false));
        if (level == 0) folder_.remove(folder_of_parts({level, index, tile_width}, true));
      }
    }
  }

  Ledger& ledger_;
  const Options& options_;
  const Console& console_;
  SiteFolder folder_;
  const SignedCheckpoint newest_;
  std::uint64_t before_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t mended_ = 0;
  std::uint64_t bytes_ = 0;
};

int run(const Options& options, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  Export log(*ledger, options, console);
  log.run();
  if (options.json) {
    canon::JsonObject json;
    json.number("from", log.before())
        .number("size", log.size())
        .number("files", log.files())
        .number("bytes", log.bytes());
    if (options.verify) json.number("mended", log.mended());
    console.out << json.take() << '\n';
  } else {
    const Style style(console);
    std::vector<std::pair<std::string, std::string>> rows{
        {"folder", shown(options.folder)},
        {"entries", grouped(log.size()) + (log.before() > 0 ? ", " + grouped(log.before()) + " of them before" : "")},
        {"files written", grouped(log.files()) + ", and the checkpoint"}};
    if (options.verify)
      rows.emplace_back("mended",
                        log.mended() > 0 ? grouped(log.mended()) + " that differed or were missing" : "nothing");
    console.out << style.good("exported") << '\n' << terminal::fields(style, rows);
  }
  return terminal::yes;
}

}  // namespace

void add_export(CommandLine& line, CLI::App& log) {
  CLI::App* command =
      log.add_subcommand("export", "The log as a folder that any web server can serve (C2SP tlog-tiles)");
  command->footer(footer);
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  command->add_option("folder", options->folder, "Made, or gone on with")->required();
  command->add_flag("--verify", options->verify, "Compare what is there with the ledger, and mend it");
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line] { return run(*options, line.console()); });
}

}  // namespace openexec::log_commands
