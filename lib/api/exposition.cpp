// SPDX-License-Identifier: Apache-2.0
#include "api/exposition.hpp"

#include <charconv>
#include <cstddef>

namespace openexec::service {
namespace {

/// Returns the shortest text that reads back as the same number, so that a large sum still shows its increments.
std::string decimal(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(std::string_view name, std::string_view labels, std::uint64_t value) {
  text_.append(name);
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_.append(" ").append(std::to_string(value)).append("\n");
}

void Exposition::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  begin(name, "counter", help);
  sample(name, {}, value);
}

void Exposition::gauge(std::string_view name, std::string_view help, std::uint64_t value) {
  begin(name, "gauge", help);
  sample(name, {}, value);
}

void Exposition::gauge(std::string_view name, std::string_view help, std::chrono::microseconds value) {
  begin(name, "gauge", help);
  text_.append(name).append(" ").append(decimal(static_cast<double>(value.count()) / 1e6)).append("\n");
}

// The buckets of a Histogram are disjoint. A bucket of Prometheus contains all smaller ones, and the last contains
// every value.
void Exposition::histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
  begin(name, "histogram", help);
  const std::string bucket = std::string(name) + "_bucket";
  std::uint64_t up_to_here = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    up_to_here += histogram.counts[i];
    const std::string bound = i < histogram.bounds.size() ? decimal(histogram.bounds[i]) : std::string("+Inf");
    sample(bucket, "le=\"" + bound + "\"", up_to_here);
  }
  text_.append(name).append("_sum ").append(decimal(histogram.sum)).append("\n");
  sample(std::string(name) + "_count", {}, up_to_here);
}

}  // namespace openexec::service
