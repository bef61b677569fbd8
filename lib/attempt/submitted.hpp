// SPDX-License-Identifier: Apache-2.0
// An attempt that nobody waits for with a thread: it owns its request, and knows whom to tell.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "attempt/attempt.hpp"

namespace openexec::exec {

struct Submitted {
  /// Copies the call: its views end when submit() returns. Throws std::bad_alloc.
  Submitted(const Call& call, Completion completion) : options(call.options), done(std::move(completion)) {
    if (options.nonce) options.nonce = nonce.emplace(*options.nonce);
    if (const auto* text = std::get_if<std::string_view>(&call.request)) {
      bytes = *text;
      arrival = std::string_view(bytes);
      return;
    }
    const auto& request = std::get<Request>(call.request);
    bytes.reserve(request.action.size() + request.payload.size() + request.nonce.size() +
                  request.approval_artifact.size());
    arrival =
        Request{keep(request.action), keep(request.payload), keep(request.nonce), keep(request.approval_artifact)};
  }
  Submitted(const Submitted&) = delete;
  Submitted& operator=(const Submitted&) = delete;

  std::string bytes;
  std::optional<std::string> nonce;
  Arrival arrival;
  CallOptions options;
  Completion done;
  std::optional<Attempt> attempt;

 private:
  /// Appends within the room that was reserved, so that earlier views stay valid.
  std::string_view keep(std::string_view part) {
    const std::size_t from = bytes.size();
    bytes.append(part);
    return std::string_view(bytes).substr(from);
  }
};

}  // namespace openexec::exec
