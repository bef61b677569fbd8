// SPDX-License-Identifier: Apache-2.0
#include "bench/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "bench/report.hpp"

namespace openexec::bench {
namespace {

constexpr double width = 460, height = 340;
constexpr double left = 64, right = 16, top = 64, bottom = 52;

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string text(double x, double y, std::string_view anchor, std::string_view what, std::string_view kind = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + std::string(anchor) + "\"" +
         (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + ">" + std::string(what) + "</text>\n";
}

struct Series {
  std::string name;
  const Curve& curve;
  std::string kind;  ///< of the style sheet
};

/// Both axes end at the data: x at its ends, y at zero (or, where it is logarithmic, at the decades around it).
class Chart {
 public:
  Chart(std::string title, std::string x_name, std::vector<Series> series, bool log_y)
      : title_(std::move(title)), x_name_(std::move(x_name)), series_(std::move(series)), log_y_(log_y) {
    for (const Series& one : series_)
      for (const Point& point : one.curve) {
        x_low_ = std::min(x_low_, point.x);
        x_high_ = std::max(x_high_, point.x);
        y_low_ = std::min(y_low_, point.y);
        y_high_ = std::max(y_high_, point.y);
      }
    if (log_y_) {
      y_low_ = std::pow(10, std::floor(std::log10(y_low_)));
      y_high_ = std::pow(10, std::ceil(std::log10(y_high_)));
    } else {
      y_low_ = 0;
      y_high_ = round_up(y_high_ * 1.05);
    }
  }

  [[nodiscard]] std::string svg(double at) const {
    std::string out = "<g transform=\"translate(" + number(at) + " 0)\">\n";
    out += text(left, 22, "start", title_, "title");
    out += axes();
    double legend = left;
    for (const Series& one : series_) {
      out += "<path class=\"line " + one.kind + "\" d=\"";
      for (const Point& point : one.curve)
        out += (&point == &one.curve.front() ? "M" : " L") + number(x(point.x)) + " " + number(y(point.y));
      out += "\"/>\n";
      for (const Point& point : one.curve)
        out += "<circle class=\"dot " + one.kind + "\" cx=\"" + number(x(point.x)) + "\" cy=\"" + number(y(point.y)) +
               "\" r=\"3\"/>\n";
      out += "<path class=\"line " + one.kind + "\" d=\"M" + number(legend) + " 40 h18\"/>\n";
      out += text(legend + 23, 44, "start", one.name);
      legend += 40 + 6.6 * static_cast<double>(one.name.size());
    }
    return out + "</g>\n";
  }

 private:
  /// 1, 2 or 5 times a power of ten.
  static double round_up(double value) {
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0})
      if (value <= step * power) return step * power;
    return 10 * power;
  }

  [[nodiscard]] double x(double value) const {
    const double span = std::log(x_high_ / x_low_);
    return left + (span > 0 ? std::log(value / x_low_) / span : 0.5) * (width - left - right);
  }
  [[nodiscard]] double y(double value) const {
    const double part = log_y_ ? std::log(value / y_low_) / std::log(y_high_ / y_low_) : value / y_high_;
    return height - bottom - part * (height - top - bottom);
  }

  [[nodiscard]] std::string axes() const {
    std::string out;
    const auto horizontal = [&](double value) {
      out += "<path class=\"grid\" d=\"M" + number(left) + " " + number(y(value)) + " H" + number(width - right) +
             "\"/>\n";
      out += text(left - 8, y(value) + 4, "end", short_number(value));
    };
    if (log_y_)
      for (double value = y_low_; value <= y_high_ * 1.001; value *= 10) horizontal(value);
    else
      for (int i = 0; i <= 5; ++i) horizontal(y_high_ * i / 5);
    for (const Point& point : series_.front().curve)
      out += text(x(point.x), height - bottom + 18, "middle", short_number(point.x));
    return out + text((left + width - right) / 2, height - 10, "middle", x_name_);
  }

  static std::string short_number(double value) {
    std::array<char, 32> text{};
    if (value >= 1e6)
      std::snprintf(text.data(), text.size(), "%gM", value / 1e6);
    else if (value >= 1e4)
      std::snprintf(text.data(), text.size(), "%gk", value / 1e3);
    else
      std::snprintf(text.data(), text.size(), "%g", value);
    return text.data();
  }

  std::string title_;
  std::string x_name_;
  std::vector<Series> series_;
  bool log_y_;
  double x_low_ = HUGE_VAL, x_high_ = 0, y_low_ = HUGE_VAL, y_high_ = 0;
};

// Readable on a light and on a dark page.
constexpr std::string_view style = R"(<style>
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; font-weight: 600; fill: #24292f }
  .grid { stroke: #8c959f; stroke-opacity: .3; fill: none }
  .line { fill: none; stroke-width: 2 }
  .first { stroke: #0969da } .dot.first { fill: #0969da }
  .second { stroke: #bc4c00 } .dot.second { fill: #bc4c00 }
  .limit { stroke: #8c959f; stroke-dasharray: 5 4 } .dot.limit { fill: none; stroke: none }
  @media (prefers-color-scheme: dark) { text { fill: #9198a1 } .title { fill: #f0f6fc } .first { stroke: #4493f8 }
    .dot.first { fill: #4493f8 } .second { stroke: #f0883e } .dot.second { fill: #f0883e } }
</style>
)";

}  // namespace

std::string Plot::svg() const {
  std::vector<Chart> charts;
  if (!throughput.empty())
    charts.emplace_back(
        "Approved, durable executions a second", "submitters (blocking threads)",
        std::vector<Series>{{"executions", throughput, "first"}, {"bare verifications", verifications, "limit"}},
        false);
  if (!latency_p50.empty())
    charts.emplace_back("Latency in milliseconds", "submitters (blocking threads)",
                        std::vector<Series>{{"p50", latency_p50, "first"}, {"p99", latency_p99, "second"}}, true);
  if (!cost_approved.empty())
    charts.emplace_back(
        "Microseconds an execution", "sealed nonces in the ledger",
        std::vector<Series>{{"approved", cost_approved, "first"}, {"not verified", cost_unverified, "second"}}, false);
  const double whole = width * static_cast<double>(std::max<std::size_t>(1, charts.size()));
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(whole) + " " + number(height) +
                    "\" width=\"" + number(whole) + "\" height=\"" + number(height) + "\">\n" + std::string(style);
  for (std::size_t i = 0; i < charts.size(); ++i) out += charts[i].svg(width * static_cast<double>(i));
  return out + "</svg>\n";
}

}  // namespace openexec::bench
