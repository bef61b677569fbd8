// SPDX-License-Identifier: Apache-2.0
// Orders of operators: halt and resume, revocations, a confirmed clock. What tightens holds at once, what loosens holds
// when it is durable.
#pragma once

#include <string>
#include <string_view>

#include <openexec/executor.hpp>

#include "answers/recorder.hpp"
#include "gate/confirmation.hpp"
#include "gate/controls.hpp"
#include "gate/limits.hpp"
#include "gate/timekeeper.hpp"

namespace openexec::exec {

/// Thread-safe: one order is carried out after the other. Everything that it refers to must outlive it.
class Orders {
 public:
  Orders(std::string_view tenant, NonceStore& store, Recorder& recorder, Timekeeper& time, Gate& gate,
         Controls& controls, const Confirmation& confirmed)
      : tenant_(tenant),
        store_(store),
        recorder_(recorder),
        time_(time),
        gate_(gate),
        controls_(controls),
        confirmed_(confirmed) {}

  /// Makes a control stand or lifts it, and writes down who gave the order. As Executor::halt() and its siblings.
  [[nodiscard]] Outcome order(ControlKind kind, std::string_view id, bool stands, const Order& order);

 private:
  struct Ordered;
  void carry_out(const ControlName& name, bool stands, const Order& order, Outcome& outcome);
  void carry_out_confirmation(const Order& order, Outcome& outcome);
  Ordered write(ControlNote note);

  const std::string tenant_;
  NonceStore& store_;
  Recorder& recorder_;
  Timekeeper& time_;
  Gate& gate_;
  Controls& controls_;
  Confirmation confirmed_;  ///< the newest; one order after the other changes it
};

}  // namespace openexec::exec
