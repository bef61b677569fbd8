// Turns batches into transactions, and finds out what became of one whose commit failed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "store/operation.hpp"
#include "store/sqlite_session.hpp"

namespace openexec::store {

/// Used by one thread at a time: the queue's leader.
class SqliteWriter {
 public:
  /// Opens the ledger and starts a new opening. Precondition: the ledger's lock is held. Throws where that fails.
  /// `release_readers` makes this process's other connections let go of the ledger: while one is open, SQLite trusts the
  /// shared memory between them and does not look at what the files really hold.
  SqliteWriter(LedgerPath path, std::function<void()> release_readers);

  /// Writes the batch in one transaction and sets every status. Members are judged in order, each alone.
  void write(std::span<Operation* const> batch);

  /// Claims of lower openings belong to processes that are gone.
  [[nodiscard]] std::int64_t epoch() const noexcept { return epoch_; }

  /// False while nothing can be said about what the ledger holds: after a failure, until a write has found out.
  [[nodiscard]] bool knows_its_ledger() const noexcept { return knows_.load(std::memory_order_acquire); }

 private:
  enum class Fate { committed, not_committed };

  void transact(std::span<Operation* const> batch);
  bool stage(std::span<Operation* const> batch, Position& at);
  void begin();
  void commit(const Position& after);
  void abandon(const SqliteError* error) noexcept;

  // Each judges one operation and adds its rows. True where there are rows to make durable.
  bool apply(Operation& operation, Position& at);
  bool apply(const Probe&, Operation& operation, Position& at);
  bool apply(const Claim* claim, Operation& operation, Position& at);
  bool apply(const Seal* seal, Operation& operation, Position& at);
  bool apply(const NewEntry* entry, Operation& operation, Position& at);
  bool apply(const Pin& pin, Operation& operation, Position& at);

  void revive();
  Fate reopen();
  void drop_session() noexcept;
  [[noreturn]] void give_up(std::string why);

  const LedgerPath path_;
  const std::function<void()> release_readers_;
  std::optional<WriteSession> session_;  ///< none after a failure, until reopen() has found out what is true
  std::atomic<bool> knows_{false};       ///< whether there is a session
  std::int64_t epoch_ = 0;
  Position end_;                      ///< of what is known to be durable
  std::optional<Position> in_doubt_;  ///< where the ledger ends if a commit that failed took place all the same
  std::optional<std::string> dead_;   ///< why no write will ever succeed again
};

}  // namespace openexec::store
