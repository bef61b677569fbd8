// SPDX-License-Identifier: Apache-2.0
// The event log of the service. It consists of JSON lines without payloads, keys, nonces or results.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/clock.hpp>
#include <openexec/service.hpp>

#include "base/mutex.hpp"
#include "base/time.hpp"
#include "canon/json_object.hpp"

namespace openexec::service {

using canon::JsonObject;

/// Thread-safe.
class EventLog {
 public:
  explicit EventLog(LogSink sink) : sink_(std::move(sink)) {}

  /// Begins a line with the time and the event's name. write() ends it.
  [[nodiscard]] static JsonObject line(std::string_view event) {
    JsonObject json;
    json.text("time", base::format_time(system_clock()->now())).text("event", event);
    return json;
  }
  void write(JsonObject& line) {
    if (!sink_) return;
    const std::string text = line.take();
    const base::Lock lock(mutex_);
    sink_(text);
  }
  void write(JsonObject&& line) { write(line); }
  /// Writes a line, for callers that must not throw. If memory runs out, the line is not written.
  void write_if_possible(std::string_view event) noexcept {
    try {
      write(line(event));
    } catch (const std::exception&) {
    }
  }

 private:
  LogSink sink_;
  base::Mutex mutex_;
};

}  // namespace openexec::service
