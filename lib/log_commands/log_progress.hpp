// SPDX-License-Identifier: Apache-2.0
// Shows the progress of long work in one line of the terminal, which is overwritten a few times a second.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "log_commands/log_commands.hpp"

namespace openexec::log_commands {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Progress {
 public:
  explicit Progress(const terminal::Console& console)
      : descriptor_(console.err_descriptor), on_(::isatty(descriptor_) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void show(std::uint64_t done, std::uint64_t of, std::uint64_t bytes) {
    if (!on_ || of == 0) return;
    const double now = seconds_since(start_);
    if (drawn_ && now - last_ < 0.2) return;
    last_ = now;
    drawn_ = true;
    constexpr std::uint64_t width = 24;
    const std::uint64_t full = std::min(done, of) * width / of;
    const double rate = now > 0 ? static_cast<double>(done) / now : 0;
    const double left = rate > 0 ? static_cast<double>(of - std::min(done, of)) / rate : 0;
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, "%3d %%  %s/s  %.0f MB/s  %.0f s left",
                  static_cast<int>(std::min(done, of) * 100 / of), grouped(static_cast<std::uint64_t>(rate)).c_str(),
                  now > 0 ? static_cast<double>(bytes) / now / 1e6 : 0, left);
    draw("\r\x1b[K[" + std::string(full, '#') + std::string(width - full, '.') + "] " + numbers);
  }

 private:
  void clear() {
    if (drawn_) draw("\r\x1b[K");
  }
  /// Writes to the descriptor itself, because the streams let no control character through. A line that is lost is
  /// drawn again.
  void draw(const std::string& text) const { (void)!::write(descriptor_, text.data(), text.size()); }
  const int descriptor_;
  const bool on_;
  bool drawn_ = false;
  double last_ = 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace openexec::log_commands
