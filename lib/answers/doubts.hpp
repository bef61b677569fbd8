// SPDX-License-Identifier: Apache-2.0
// Executions in doubt: what a person finds out about one, and the entry that says so.
//
// 1. The first settlement of an execution in doubt seals it, and decides what replays tell.
// 2. Every later one is appended, and changes nothing. One that contradicts says so in its answer.
// 3. "Unknown" is appended and leaves the execution in doubt.
// 4. Nothing here makes a nonce or an approval usable again: a seal of a settlement is never retryable.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include <openexec/executor.hpp>

namespace openexec::exec {

/// What a settlement needs of the program that opened the store.
struct DoubtDesk {
  NonceStore& store;
  ReceiptLog& log;
  std::string executor;  ///< its name in entries
  std::size_t max_result_bytes = std::size_t{1} << 20;
  std::function<void(std::span<Operation>)> submit;  ///< makes them durable, with their entries in the log
  std::function<Timestamp(Entry&)> stamp;            ///< says in an entry when it was made; the trusted time
};

/// The result of every no: {"error": "<code>"}.
std::string error_text(Code code);

/// Whether an order says who gave it and why. invalid_argument otherwise.
Status check_who_and_why(const Order& order);

/// The entry of a claim's end, without the end.
Entry entry_of(const NonceRecord& claim, std::string executor);

/// As Executor::settle().
SettlementAnswer settle_doubt(const DoubtDesk& desk, const Digest& exec_id, const HandlerResult& found,
                              const Order& order);

}  // namespace openexec::exec
