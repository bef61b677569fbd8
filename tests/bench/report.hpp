// SPDX-License-Identifier: Apache-2.0
// The table, and the same for machines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.hpp"

namespace openexec::bench {

struct Goal {
  enum class Is { none, at_least, at_most } is = Is::none;
  double bound = 0;
};
inline Goal at_least(double bound) { return {Goal::Is::at_least, bound}; }
inline Goal at_most(double bound) { return {Goal::Is::at_most, bound}; }

/// One line. The goal is about the ratio where there is one, else about the figure.
struct Line {
  std::string what;
  std::string unit;
  Spread figure;
  std::optional<Spread> limit = std::nullopt;
  std::optional<Spread> ratio = std::nullopt;
  Goal goal = {};
  std::size_t pairs = 0;
  std::size_t dropped = 0;
  bool disturbed = false;
  std::string note = {};

  Line& from(const Pairs& measured) {
    pairs = measured.kept.size();
    dropped = measured.dropped;
    disturbed = measured.disturbed;
    return *this;
  }
  [[nodiscard]] std::optional<bool> met() const;
};

/// A single number, measured once or counted.
inline Spread exactly(double value) { return {value, value, value}; }

class Report {
 public:
  void add(Line line) { lines_.push_back(std::move(line)); }
  [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }
  /// What a figure was measured on and under.
  void fact(std::string name, std::string value) { facts_.emplace_back(std::move(name), std::move(value)); }

  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<Line> lines_;
};

/// A number for people: three or four digits that matter, thousands apart.
std::string format(double value);

}  // namespace openexec::bench
