// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format, version 0.0.4.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <openexec/measures.hpp>

namespace openexec::service {

/// Composes the text of one scrape. Names, labels and help texts come from the caller and are written unchanged.
class Exposition {
 public:
  /// Begins a metric, whose samples follow.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  /// `labels` is the text between the braces. If it is empty, no braces are written.
  void sample(std::string_view name, std::string_view labels, std::uint64_t value);

  // These write a metric with one sample.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  void gauge(std::string_view name, std::string_view help, std::uint64_t value);
  /// In seconds.
  void gauge(std::string_view name, std::string_view help, std::chrono::microseconds value);

  void histogram(std::string_view name, std::string_view help, const Histogram& histogram);

  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace openexec::service
