// openexec log export: the log as files that any web server can serve (C2SP tlog-tiles).
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "canon/json_object.hpp"
#include "log_commands.hpp"
#include "log_progress.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/note.hpp"
#include "merkle/tile.hpp"
#include "terminal.hpp"

namespace openexec::log_commands {
namespace {

namespace fs = std::filesystem;
using merkle::tile_width;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto footer = R"(Exit codes:
  0  the folder holds the log as it was when this began
  1  the folder holds another log, or a checkpoint that this log has not grown from; nothing was changed
  2  wrong usage, the ledger could not be read, or the folder not written

Run it again to go on where it ended, however it ended: files come under their names when they are whole, and the
checkpoint last. Tiles and entries that are full never change; serve them as immutable.)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string folder;
  bool json = false;
};

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  throw Stop(terminal::cannot, "cannot write " + shown(path.string()) + ": " + std::generic_category().message(error));
}

template <class T>
T or_cannot(Result<T> result, const std::string& what) {
  if (!result.ok()) throw Stop(terminal::cannot, what + ": " + shown(result.status().detail()));
  return *std::move(result);
}

/// Whole, or not there: written under another name first.
void put(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) cannot_write(path, error.value());
  const std::string draft = path.string() + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) cannot_write(path, errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int why = errno;
      ::close(fd);
      cannot_write(path, why);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(fd);
  if (std::rename(draft.c_str(), path.c_str()) != 0) cannot_write(path, errno);
}

class Export {
 public:
  Export(Ledger& ledger, fs::path folder) : ledger_(ledger), folder_(std::move(folder)) {}

  void run() {
    newest_ = or_cannot(ledger_.checkpoint(), "the checkpoint");
    look_at_what_is_there();
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) cannot_write(folder_, error.value());
    {
      Progress progress(::isatty(STDERR_FILENO) == 1);
      for (std::uint64_t index = before_ / tile_width; index * tile_width < newest_.size; ++index) {
        const std::size_t width = merkle::width_of(newest_.size, 0, index);
        copy(merkle::entries_path(index, width));
        progress.show(index * tile_width + width, newest_.size, bytes_);
      }
    }
    for (unsigned level = 0; level < merkle::levels_of(newest_.size); ++level) {
      const std::uint64_t first = before_ >> (merkle::tile_height * (level + 1));
      for (std::uint64_t index = first; merkle::width_of(newest_.size, level, index) > 0; ++index)
        copy(merkle::tile_path({level, index, merkle::width_of(newest_.size, level, index)}));
    }
    // What the checkpoint promises is on the disk before it.
    sync();
    put(folder_ / "checkpoint", newest_.note);
    sync();
    tidy();
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return newest_.size; }
  [[nodiscard]] std::uint64_t before() const noexcept { return before_; }
  [[nodiscard]] std::uint64_t files() const noexcept { return files_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  /// Only what this log has grown from is gone on with.
  void look_at_what_is_there() {
    const fs::path path = folder_ / "checkpoint";
    if (!fs::exists(path)) return;
    const std::string note = terminal::read_input(path.string());
    const auto key = or_cannot(merkle::VerifierKey::parse(ledger_.verifier_key()), "the log's key");
    const auto opened = merkle::open_note(note, {&key, 1});
    if (!opened.ok())
      throw Stop(terminal::no, shown(folder_.string()) + " holds another log: " + shown(opened.status().detail()));
    const auto checkpoint = merkle::Checkpoint::parse(opened->text);
    if (!checkpoint.ok()) throw Stop(terminal::no, shown(path.string()) + ": " + shown(checkpoint.status().detail()));
    before_ = checkpoint->head.size;
    if (before_ > newest_.size)
      throw Stop(terminal::no, shown(folder_.string()) + " reaches to " + grouped(before_) + ", and the ledger to " +
                                   grouped(newest_.size) + ": was the ledger set back?");
    if (or_cannot(root_at(ledger_, before_), "the tree") != checkpoint->head.root)
      throw Stop(terminal::no,
                 shown(folder_.string()) + " holds another history: the log has another root at " + grouped(before_));
  }

  void copy(const std::string& name) {
    const auto bytes = or_cannot(ledger_.resource(name), name);
    if (!bytes) throw Stop(terminal::cannot, "the log shows no " + name);
    put(folder_ / name, *bytes);
    ++files_;
    bytes_ += bytes->size();
  }

  void sync() const {
    const int fd = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = fd >= 0 && ::syncfs(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!done) cannot_write(folder_, error);
  }

  /// Partial tiles that became full: clients have to make do with the full one.
  void tidy() {
    for (unsigned level = 0; level < merkle::levels_of(newest_.size); ++level) {
      const std::uint64_t edge = before_ >> (merkle::tile_height * (level + 1));
      if (merkle::width_of(newest_.size, level, edge) < tile_width) continue;
      drop(merkle::tile_path({level, edge, tile_width}) + ".p");
      if (level == 0) drop(merkle::entries_path(edge, tile_width) + ".p");
    }
  }
  void drop(const std::string& name) const {
    std::error_code ignored;  // it does no harm where it stays
    fs::remove_all(folder_ / name, ignored);
  }

  Ledger& ledger_;
  const fs::path folder_;
  SignedCheckpoint newest_;
  std::uint64_t before_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

int run(const Options& options) {
  const auto ledger = open_to_read(options.ledger);
  Export log(*ledger, options.folder);
  log.run();
  if (options.json) {
    std::cout << canon::JsonObject()
                     .number("from", log.before())
                     .number("size", log.size())
                     .number("files", log.files())
                     .number("bytes", log.bytes())
                     .take()
              << '\n';
  } else {
    const Style style(STDOUT_FILENO);
    std::cout << style.good("exported") << '\n'
              << terminal::fields(
                     style,
                     {{"folder", shown(options.folder)},
                      {"entries", grouped(log.size()) +
                                      (log.before() > 0 ? ", " + grouped(log.before()) + " of them before" : "")},
                      {"files written", grouped(log.files()) + ", and the checkpoint"}});
  }
  return terminal::yes;
}

}  // namespace

void add_export(CLI::App& log, Chosen& chosen) {
  CLI::App* command =
      log.add_subcommand("export", "The log as a folder that any web server can serve (C2SP tlog-tiles)");
  command->footer(footer);
  auto options = std::make_shared<Options>();
  ledger_option(*command, options->ledger);
  command->add_option("folder", options->folder, "Made, or gone on with")->required();
  command->add_flag("--json", options->json, "Answer in JSON");
  command->callback([&chosen, options] { chosen = [options] { return run(*options); }; });
}

}  // namespace openexec::log_commands
