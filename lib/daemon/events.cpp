// SPDX-License-Identifier: Apache-2.0
#include "events.hpp"

#include <unistd.h>

#include <exception>
#include <string>

#include <openexec/clock.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "screen.hpp"

namespace openexec::daemon {
namespace {

/// Text that may hold what a setting held. JSON escapes its line ends, so that nobody's text makes a line of its own.
void write_event(std::string_view event, std::string_view detail) {
  write_log(canon::JsonObject()
                .text("time", base::format_time(system_clock()->now()))
                .text("event", event)
                .text("detail", terminal::shown(detail))
                .take());
}

}  // namespace

void write_log(std::string_view line) {
  const std::string text = terminal::shown(line) + "\n";  // still the same JSON
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void warn(std::string_view finding) { write_event("warning", finding); }

int complain(std::string_view what, int exit_code) noexcept {
  try {
    write_event(exit_code == exit_settings ? "settings_refused" : "failed", what);
  } catch (const std::exception&) {  // most likely memory, so that this takes none
    constexpr std::string_view line = "{\"event\":\"failed\",\"detail\":\"out of memory\"}\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }
  return exit_code;
}

}  // namespace openexec::daemon
