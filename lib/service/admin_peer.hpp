// SPDX-License-Identifier: Apache-2.0
// One connection to the admin socket. It never blocks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/descriptor.hpp"
#include "http/reader.hpp"
#include "service/admin_orders.hpp"

namespace openexec::service {

/// The listener polls the descriptor and calls proceed() when it is ready. Nothing here blocks.
class AdminPeer {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class State : std::uint8_t { asking, asked, answering, gone };

  AdminPeer(base::Descriptor socket, uid_t uid, pid_t pid, Time deadline);

  /// Reads or writes as much as the socket allows now.
  void proceed() noexcept;
  /// Begins to send the answer. Precondition: the state is asking or asked.
  void answer(const AdminAnswer& answer);
  /// Answers 408 to a request that was not complete in time, and drops an answer that the client did not read.
  void expire() noexcept;
  void give_up() noexcept { state_ = State::gone; }

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const AdminRequest& request() const noexcept { return request_; }  ///< whole once asked
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] uid_t uid() const noexcept { return uid_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] Time deadline() const noexcept { return deadline_; }

 private:
  void receive();
  /// Parses the bytes so far. Answers a request that is refused, and accepts one that is complete.
  void look();
  void refuse(const http::Problem& problem);
  void send() noexcept;

  const base::Descriptor socket_;
  const uid_t uid_;
  const pid_t pid_;
  Time deadline_;
  State state_ = State::asking;
  http::Reader reader_;
  AdminRequest request_;
  std::string answer_;
  std::size_t sent_ = 0;
};

}  // namespace openexec::service
