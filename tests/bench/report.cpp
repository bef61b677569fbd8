// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "canon/json.hpp"

namespace openexec::bench {
namespace {

std::string print(const char* form, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), form, value);
  return text.data();
}

/// Columns on a terminal, for text whose characters are one column wide.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t columns, bool right) {
  const std::string space(columns - std::min(columns, width(text)), ' ');
  return right ? space + text : text + space;
}

std::string quantity(double value, const std::string& unit) {
  if (unit.empty()) return format(value);
  return format(value) + (unit.front() == '/' ? "" : " ") + unit;
}

std::string goal_text(Goal goal) {
  if (goal.is == Goal::Is::none) return "";
  return (goal.is == Goal::Is::at_least ? "≥ " : "≤ ") + print("%g", goal.bound);
}

using Cells = std::array<std::string, 6>;

Cells cells(const Line& line) {
  const auto met = line.met();
  std::string ratio;
  if (line.ratio) {
    ratio = print("%.3f", line.ratio->median);
    if (line.pairs > 1) ratio += print(" (%.3f", line.ratio->low) + print("-%.3f)", line.ratio->high);
    if (line.disturbed) ratio += " ~";
  }
  return {line.what,
          quantity(line.figure.median, line.unit),
          line.limit ? quantity(line.limit->median, line.unit) : "",
          ratio,
          goal_text(line.goal),
          met ? (*met ? "yes" : "NO") : ""};
}

void json_text(std::string_view text, std::string& out) { canon::append_jcs_string(text, out); }

std::string json_spread(const Spread& spread) {
  return R"({"median":)" + print("%.9g", spread.median) + R"(,"low":)" + print("%.9g", spread.low) + R"(,"high":)" +
         print("%.9g", spread.high) + "}";
}

}  // namespace

std::string format(double value) {
  const double size = std::abs(value);
  if (size != 0 && size < 0.01) return print("%.2g", value);
  if (size < 10) return print("%.2f", value);
  if (size < 100) return print("%.1f", value);
  std::string text = print("%.0f", value);
  for (std::size_t i = text.size(); i > 3; i -= 3)
    if (i - 3 > (value < 0 ? 1U : 0U)) text.insert(i - 3, 1, ',');
  return text;
}

std::optional<bool> Line::met() const {
  const double value = ratio ? ratio->median : figure.median;
  switch (goal.is) {
    case Goal::Is::none: break;
    case Goal::Is::at_least: return value >= goal.bound;
    case Goal::Is::at_most: return value <= goal.bound;
  }
  return std::nullopt;
}

std::string Report::table() const {
  std::vector<Cells> rows{{"what", "figure", "limit", "ratio", "goal", "met"}};
  for (const Line& line : lines_) rows.push_back(cells(line));
  std::array<std::size_t, 6> widths{};
  for (const Cells& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));

  std::string out;
  for (const Cells& row : rows) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) text += padded(row[i], widths[i], i == 1 || i == 2) + "  ";
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }

  std::string notes;
  bool disturbed = false;
  std::size_t dropped = 0;
  for (const Line& line : lines_) {
    if (!line.note.empty()) notes += "  " + line.what + ": " + line.note + "\n";
    disturbed = disturbed || line.disturbed;
    dropped += line.dropped;
  }
  if (!notes.empty()) out += "\n" + notes;
  out += "\n";
  if (disturbed) out += "  ~ the machine was not quiet enough: the least disturbed pairs were kept\n";
  if (dropped > 0) out += "  " + std::to_string(dropped) + " pairs were dropped as disturbed by other load\n";
  for (const auto& [name, value] : facts_) out += "  " + name + ": " + value + "\n";
  return out;
}

std::string Report::json() const {
  std::string out = R"({"facts":{)";
  for (const auto& [name, value] : facts_) {
    if (out.back() != '{') out += ',';
    json_text(name, out);
    out += ':';
    json_text(value, out);
  }
  out += R"(},"rows":[)";
  for (const Line& line : lines_) {
    out += out.back() == '[' ? "\n" : ",\n";
    out += R"({"what":)";
    json_text(line.what, out);
    out += R"(,"unit":)";
    json_text(line.unit, out);
    out += R"(,"figure":)" + json_spread(line.figure);
    if (line.limit) out += R"(,"limit":)" + json_spread(*line.limit);
    if (line.ratio) out += R"(,"ratio":)" + json_spread(*line.ratio);
    if (line.goal.is != Goal::Is::none) {
      out += R"(,"goal":)";
      json_text(goal_text(line.goal), out);
      out += std::string(R"(,"met":)") + (*line.met() ? "true" : "false");
    }
    out += R"(,"pairs":)" + std::to_string(line.pairs) + R"(,"dropped":)" + std::to_string(line.dropped) +
           R"(,"disturbed":)" + (line.disturbed ? "true" : "false");
    if (!line.note.empty()) {
      out += R"(,"note":)";
      json_text(line.note, out);
    }
    out += '}';
  }
  return out + "\n]}\n";
}

}  // namespace openexec::bench
