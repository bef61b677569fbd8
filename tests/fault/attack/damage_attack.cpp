// SPDX-License-Identifier: Apache-2.0
// A ledger whose file is damaged while nobody has it open: bits, bytes, sectors, pages, and pages that are whole but
// old. Afterwards it is opened, and what it spent is offered again. It may refuse, and it may fail; no handler may run.
//
// Nothing is approved here, so that a nonce has no second line of defence.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include <openexec/openexec.hpp>

#include "fault/told.hpp"
#include "ledger/sqlite.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/undo_vfs.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t page_size = 4096;

enum class Damage { bit, byte, zero_sector, wrong_sector, random_sector, zero_page, wrong_page, random_page, old_page };
constexpr Damage every_damage[] = {Damage::bit,          Damage::byte,          Damage::zero_sector,
                                   Damage::wrong_sector, Damage::random_sector, Damage::zero_page,
                                   Damage::wrong_page,   Damage::random_page,   Damage::old_page};

std::string nonce_of(std::size_t number) {
  std::string digits = std::to_string(number);
  return "nonce-" + std::string(8 - digits.size(), '0') + digits + ".";
}

/// The nonces that are spelled in some bytes.
std::set<std::size_t> nonces_in(const std::string& bytes) {
  std::set<std::size_t> found;
  for (std::size_t at = bytes.find("nonce-"); at != std::string::npos; at = bytes.find("nonce-", at + 1)) {
    std::size_t number = 0;
    bool whole = at + 15 <= bytes.size();
    for (std::size_t i = at + 6; whole && i < at + 14; ++i) {
      whole = bytes[i] >= '0' && bytes[i] <= '9';
      number = number * 10 + static_cast<std::size_t>(bytes[i] - '0');
    }
    if (whole && bytes[at + 14] == '.') found.insert(number);
  }
  return found;
}

/// Bytes of a file at a place.
class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) { REQUIRE(fd_ >= 0); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }
  [[nodiscard]] std::string read(std::int64_t offset, std::int64_t size) const {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(::pread(fd_, bytes.data(), bytes.size(), offset), 0)));
    return bytes;
  }
  void write(std::int64_t offset, const std::string& bytes) const {
    REQUIRE(::pwrite(fd_, bytes.data(), bytes.size(), offset) == static_cast<ssize_t>(bytes.size()));
  }

 private:
  int fd_;
};

struct Tally {
  int damages = 0, refused = 0, noticed = 0, silent = 0;
};

class Campaign {
 public:
  Campaign(std::size_t nonces, const store::KeyGeometry& keys, std::uint32_t seed)
      : nonces_(nonces), random_(seed), undo_(fs::canonical(folder_.file("")).string() + "/ledger.db") {
    internals_.keys = keys;
    internals_.vfs = undo_.name();
    path_ = fs::canonical(folder_.file("")).string() + "/ledger.db";
    fill();
  }

  Tally run(int damages) {
    for (int i = 0; i < damages; ++i) once(every_damage[static_cast<std::size_t>(i) % std::size(every_damage)]);
    return tally_;
  }

 private:
  Result<Executor> open() {
    auto ledger = store::open_sqlite(path_, {}, internals_);
    if (!ledger.ok()) return ledger.status();
    HandlerTable table;
    (void)table.add("pay", [this](const Invocation&) {
      ++calls_;
      return HandlerResult::result(R"({"paid":true})");
    });
    Config config;
    config.tenant = "acme";
    Parts parts;
    parts.store = *ledger;
    parts.verifier = std::make_shared<DemoVerifier>();
    return Executor::assemble(std::move(config), std::move(parts), std::move(table));
  }

  /// Offers nonces; each runs where it was not spent. Answers how many handlers ran.
  int offer(Executor& executor, const std::vector<std::size_t>& numbers, bool* all_answered = nullptr) {
    std::vector<std::string> names;
    for (const std::size_t number : numbers) names.push_back(nonce_of(number));
    std::vector<Call> calls;
    for (const std::string& name : names)
      calls.push_back({Request{.action = "pay", .payload = R"({"n":1})", .nonce = name, .approval_artifact = {}}, {}});
    const int before = calls_;
    for (const Outcome& outcome : executor.execute_many(calls))
      if (all_answered != nullptr && outcome.code != Code::ok) *all_answered = false;
    return calls_ - before;
  }

  void fill() {
    // In several openings, each of which leaves an older state of the file behind.
    const std::size_t openings = nonces_ > 100'000 ? 4 : 12;
    for (std::size_t opening = 0; opening < openings; ++opening) {
      {
        Executor executor = must(open(), "open");
        const std::size_t end = nonces_ * (opening + 1) / openings;
        for (std::size_t from = nonces_ * opening / openings; from < end;) {
          const std::size_t count = std::min<std::size_t>(end - from, nonces_ > 10'000 ? 256 : 1 + random_() % 12);
          std::vector<std::size_t> numbers;
          for (std::size_t i = 0; i < count; ++i) numbers.push_back(from + i);
          REQUIRE(offer(executor, numbers) == static_cast<int>(count));
          from += count;
        }
      }
      if (opening + 1 == openings) break;
      const bool kept = nonces_ <= 100'000 || opening + 2 == openings;
      if (!kept) continue;
      old_.push_back(folder_.file("old-" + std::to_string(opening)));
      fs::copy_file(path_, old_.back());
    }
    size_ = static_cast<std::int64_t>(fs::file_size(path_));
    undo_.forget();
  }

  std::string random_bytes(std::int64_t size) {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>((std::uint64_t{random_()} << 31 | random_()) % static_cast<std::uint64_t>(end));
  }

  /// What is to be written where; nothing where this place cannot be damaged so.
  std::string damaged(const File& file, Damage damage, std::int64_t& at) {
    const std::int64_t size = damage <= Damage::byte ? 1 : (damage <= Damage::random_sector ? 512 : page_size);
    at = below(size_ / size) * size;
    const std::string before = file.read(at, size);
    switch (damage) {
      case Damage::bit: return {static_cast<char>(before[0] ^ (1 << below(8)))};
      case Damage::byte: return {static_cast<char>(before[0] + 1 + below(255))};
      case Damage::zero_sector:
      case Damage::zero_page: return std::string(static_cast<std::size_t>(size), '\0');
      case Damage::wrong_sector:
      case Damage::wrong_page: return file.read(below(size_ / size) * size, size);
      case Damage::random_sector:
      case Damage::random_page: return random_bytes(size);
      case Damage::old_page: break;
    }
    for (int tries = 0; tries < 2'000; ++tries) {
      const std::string& source = old_[random_() % old_.size()];
      at = below(static_cast<std::int64_t>(fs::file_size(source)) / page_size) * page_size;
      const File old(source);
      std::string page = old.read(at, page_size);
      if (page != file.read(at, page_size)) return page;
    }
    return {};
  }

  void once(Damage damage) {
    std::int64_t at = 0;
    std::vector<std::size_t> numbers;
    std::string before;
    {
      const File file(path_);
      const std::string bytes = damaged(file, damage, at);
      before = file.read(at, static_cast<std::int64_t>(bytes.size()));
      if (bytes == before) return;
      const std::int64_t page = at / page_size * page_size;
      std::set<std::size_t> chosen = nonces_in(file.read(std::max<std::int64_t>(page - page_size, 0), 3 * page_size));
      file.write(at, bytes);
      if (nonces_ <= 200)
        for (std::size_t i = 0; i < nonces_; ++i) chosen.insert(i);
      for (int i = 0; i < 60; ++i) chosen.insert(static_cast<std::size_t>(below(static_cast<std::int64_t>(nonces_))));
      numbers.assign(chosen.begin(), chosen.end());
    }
    ++tally_.damages;
    {
      Result<Executor> executor = open();
      if (!executor.ok()) {
        ++tally_.refused;
      } else {
        bool all_answered = true;
        const int ran = offer(*executor, numbers, &all_answered);
        if (!all_answered) ++tally_.noticed;
        if (ran > 0) {
          ++tally_.silent;
          std::cout << "silent: damage " << static_cast<int>(damage) << " at byte " << at << ": " << ran
                    << " ran again\n";
        }
      }
    }
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(path_ + suffix);
    undo_.undo(size_);
    File(path_).write(at, before);
  }

  const std::size_t nonces_;
  std::minstd_rand random_;
  TemporaryFolder folder_{folder_in_memory()};
  std::string path_;
  UndoVfs undo_;
  store::SqliteInternals internals_;
  std::vector<std::string> old_;  ///< the file, as it was
  std::int64_t size_ = 0;
  int calls_ = 0;
  Tally tally_;
};

/// Several levels of the index in a few hundred keys.
constexpr store::KeyGeometry small_index{.leaf = 24, .fences = 16, .flush = 32, .generation = 96, .growth = 3};
/// Blocks of a page, and several levels in a few thousand.
constexpr store::KeyGeometry pages{.leaf = 336, .fences = 224, .flush = 512, .generation = 1536, .growth = 3};

void check_no_silent_run(std::size_t nonces, const store::KeyGeometry& keys, int damages, std::uint32_t seed) {
  const Tally tally = Campaign(nonces, keys, seed).run(damages);
  std::cout << "damage: " << nonces << " nonces, " << tally.damages << " damages: " << tally.refused
            << " refused at opening, " << tally.noticed << " noticed later, " << tally.silent << " silent\n";
  CHECK(tally.silent == 0);
  CHECK(tally.damages > damages / 2);
}

}  // namespace

TEST_CASE("Whatever is damaged in a ledger of 200 nonces, none of them runs again") {
  check_no_silent_run(200, small_index, campaign(180, 10'000), 1);
}

TEST_CASE(
    "Whatever is damaged in a ledger of 6,000 nonces, none of those in the damaged area runs again, nor of a sample") {
  check_no_silent_run(6'000, pages, campaign(90, 10'000), 2);
}

TEST_CASE(
    "Whatever is damaged in a ledger of a million nonces, none of those in the damaged area runs again, nor of a sample") {
  const int damages = campaign(0, 10'000);
  if (damages == 0) return;
  check_no_silent_run(1'000'000, {}, damages, 3);
}
