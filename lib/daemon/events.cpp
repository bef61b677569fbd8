// SPDX-License-Identifier: Apache-2.0
#include "daemon/events.hpp"

#include <exception>
#include <string>

#include <openexec/clock.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/screen.hpp"

namespace openexec::daemon {

void Events::line(std::string_view json) const {
  write_(terminal::shown(json) + "\n");  // still the same JSON
}

/// The detail may hold the value of a setting. JSON escapes its line ends, so that the value cannot begin a line.
void Events::write(std::string_view event, std::string_view detail) const {
  line(canon::JsonObject()
           .text("time", base::format_time(system_clock()->now()))
           .text("event", event)
           .text("detail", terminal::shown(detail))
           .take());
}

void Events::warn(std::string_view finding) const { write("warning", finding); }

int Events::complain(std::string_view what, int exit_code) const noexcept {
  try {
    write(exit_code == exit_settings ? "settings_refused" : "failed", what);
  } catch (const std::exception&) {  // most likely memory ran out, so this path allocates nothing
    write_("{\"event\":\"failed\",\"detail\":\"out of memory\"}\n");
  }
  return exit_code;
}

}  // namespace openexec::daemon
