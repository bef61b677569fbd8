// SPDX-License-Identifier: Apache-2.0
// The contract of ReceiptLog, to be run over every log. It uses the public interface alone.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <openexec/receipt_log.hpp>

#include "conformance/suite.hpp"
#include "crypto/sha256.hpp"

namespace openexec::test {

struct LogFactory {
  std::function<std::shared_ptr<ReceiptLog>()> create;  ///< a new, empty log
  /// What create() made last, opened again as after a restart. Empty: such a log does not outlive its process.
  std::function<std::shared_ptr<ReceiptLog>()> reopen;
  int threads = 64;
};

class LogSuite {
 public:
  explicit LogSuite(LogFactory factory) : factory_(std::move(factory)) {}

  Failures run() {
    judge_.promise("indexes start at 0 and have no gaps", [&] { in_order(); });
    judge_.promise("an attempt is appended once", [&] { once_an_attempt(); });
    judge_.promise("entries are found by their execution", [&] { by_execution(); });
    judge_.promise("reading stops at the end", [&] { ranges(); });
    judge_.promise("bytes come back as they went in", [&] { bytes(); });
    judge_.promise("concurrent appends get indexes of their own", [&] { concurrent(); });
    judge_.promise("of concurrent appends of one attempt one is made", [&] { concurrent_attempt(); });
    if (factory_.reopen) judge_.promise("everything survives a restart", [&] { survives(); });
    return judge_.failures();
  }

 private:
  static Digest digest(std::uint8_t tag, std::uint8_t number) {
    Digest digest{};
    digest[0] = tag;
    digest[1] = number;
    digest[31] = 1;
    return digest;
  }
  static std::string json(int number) { return "{\"n\":" + std::to_string(number) + "}"; }

  std::uint64_t append(ReceiptLog& log, std::string_view text, const Digest& exec_id = {}, const Digest& attempt = {}) {
    return must(log.append({.json = text, .exec_id = exec_id, .attempt = attempt, .at = {1}}), "append");
  }

  /// Size, order, indexes and leaf hashes of the whole log.
  void intact(ReceiptLog& log, const std::vector<std::string>& expected) {
    judge_.expect(must(log.size(), "size") == expected.size(), "the log has another size");
    const auto lines = must(log.read(0, expected.size() + 10), "read");
    if (!judge_.expect(lines.size() == expected.size(), "the log has another number of entries")) return;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      judge_.expect(lines[i].index == i, "there is a gap before index " + std::to_string(lines[i].index));
      judge_.expect(lines[i].json == expected[i], "entry " + std::to_string(i) + " is another");
      judge_.expect(lines[i].leaf_hash == crypto::sha256({std::string_view("\0", 1), lines[i].json}),
                    "a leaf hash is wrong");
    }
  }

  void in_order() {
    auto log = factory_.create();
    std::vector<std::string> expected;
    intact(*log, expected);
    for (int i = 0; i < 300; ++i) {
      expected.push_back(json(i));
      judge_.expect(append(*log, expected.back()) == static_cast<std::uint64_t>(i), "an index was skipped");
    }
    intact(*log, expected);
  }

  void once_an_attempt() {
    auto log = factory_.create();
    judge_.expect(append(*log, json(0), {}, digest(1, 0)) == 0, "the first append has another index");
    judge_.expect(append(*log, json(1), {}, digest(1, 1)) == 1, "the second append has another index");
    judge_.expect(append(*log, json(0), {}, digest(1, 0)) == 0, "an attempt was appended twice");
    judge_.expect(append(*log, json(9), {}, digest(1, 1)) == 1, "an attempt was appended twice");
    judge_.expect(append(*log, json(0)) == 2 && append(*log, json(0)) == 3,
                  "entries without an attempt were taken for one");
    intact(*log, {json(0), json(1), json(0), json(0)});
  }

  void by_execution() {
    auto log = factory_.create();
    for (int i = 0; i < 9; ++i) append(*log, json(i), digest(2, static_cast<std::uint8_t>(i % 3)));
    append(*log, json(9));
    const auto found = must(log->find_entries(digest(2, 1), 10), "find");
    judge_.expect(found.size() == 3 && found[0].index == 1 && found[1].index == 4 && found[2].index == 7 &&
                      found[2].json == json(7),
                  "other entries were found");
    judge_.expect(must(log->find_entries(digest(2, 1), 2), "find").size() == 2, "the count was not kept");
    judge_.expect(must(log->find_entries(digest(2, 1), 0), "find").empty(), "a count of none found some");
    const auto back = must(log->find_before(digest(2, 1), found.back().index, 10), "find_before");
    judge_.expect(back.size() + 1 == found.size(), "find_before gave another number of entries");
    for (std::size_t i = 0; i < back.size(); ++i)
      judge_.expect(back[i].json == found[found.size() - 2 - i].json, "find_before is not newest first");
    judge_.expect(
        must(log->find_before(digest(2, 1), std::uint64_t(-1), 1), "find_before").at(0).index == found.back().index,
        "find_before did not begin with the newest");
    judge_.expect(must(log->find_entries(digest(3, 1), 10), "find").empty(), "an unknown execution was found");
    Digest neighbour = digest(2, 1);
    neighbour[30] = 7;
    judge_.expect(must(log->find_entries(neighbour, 10), "find").empty(),
                  "an execution that differs at its end was found");
    judge_.expect(must(log->find_entries(Digest{}, 10), "find").empty(),
                  "malformed requests were found as an execution");
  }

  void ranges() {
    auto log = factory_.create();
    for (int i = 0; i < 5; ++i) append(*log, json(i));
    const auto read = [&](std::uint64_t first, std::size_t count) { return must(log->read(first, count), "read"); };
    judge_.expect(read(1, 2).size() == 2 && read(1, 2)[0].index == 1, "a range was not kept");
    judge_.expect(read(3, 10).size() == 2 && read(0, std::numeric_limits<std::size_t>::max()).size() == 5,
                  "the end was passed");
    judge_.expect(
        read(5, 1).empty() && read(std::numeric_limits<std::uint64_t>::max(), 1).empty() && read(0, 0).empty(),
        "nothing was something");
  }

  void bytes() {
    auto log = factory_.create();
    const std::vector<std::string> entries = {std::string(65'535, 'e'), "\"\xF0\x9F\x94\x91 \\u0000 '\"",
                                              std::string("a\0b", 3), "x"};
    for (const std::string& entry : entries) append(*log, entry);
    intact(*log, entries);
    const std::string over(65'536, 'e');
    judge_.refused(log->append({.json = over, .exec_id = {}, .attempt = {}, .at = {}}).status(), Code::invalid_argument,
                   "an entry of 65,536 bytes was not refused");
    judge_.refused(log->append({.json = {}, .exec_id = {}, .attempt = {}, .at = {}}).status(), Code::invalid_argument,
                   "an empty entry was not refused");
    intact(*log, entries);
  }

  void concurrent() {
    auto log = factory_.create();
    constexpr int each = 10;
    const auto total = static_cast<std::size_t>(factory_.threads * each);
    std::vector<std::uint64_t> indexes(total, total);
    on_threads(factory_.threads, [&](int i) {
      for (int j = 0; j < each; ++j) {
        const std::string text = json(i * each + j);
        auto index = log->append({.json = text, .exec_id = {}, .attempt = {}, .at = {}});
        if (index.ok()) indexes[static_cast<std::size_t>(i * each + j)] = *index;
      }
    });
    judge_.expect(std::set<std::uint64_t>(indexes.begin(), indexes.end()).size() == total,
                  "two appends share an index");
    std::vector<std::string> expected(total);
    for (std::size_t i = 0; i < total; ++i) {
      if (judge_.expect(indexes[i] < total, "an append failed or lies beyond the end"))
        expected[indexes[i]] = json(static_cast<int>(i));
    }
    intact(*log, expected);
  }

  void concurrent_attempt() {
    auto log = factory_.create();
    std::vector<std::uint64_t> indexes(static_cast<std::size_t>(factory_.threads), 99);
    on_threads(factory_.threads, [&](int i) {
      auto index = log->append({.json = "{}", .exec_id = {}, .attempt = digest(5, 5), .at = {}});
      if (index.ok()) indexes[static_cast<std::size_t>(i)] = *index;
    });
    judge_.expect(std::all_of(indexes.begin(), indexes.end(), [](std::uint64_t index) { return index == 0; }),
                  "an attempt got two indexes");
    intact(*log, {"{}"});
  }

  void survives() {
    auto log = factory_.create();
    std::vector<std::string> expected;
    for (std::uint8_t i = 0; i < 20; ++i) {
      expected.push_back(json(i));
      append(*log, expected.back(), digest(2, i), digest(1, i));
    }
    log.reset();
    log = factory_.reopen();
    if (!judge_.expect(log != nullptr, "the log did not open again")) return;
    intact(*log, expected);
    judge_.expect(append(*log, json(3), digest(2, 3), digest(1, 3)) == 3, "an attempt was appended twice");
    judge_.expect(must(log->find_entries(digest(2, 7), 10), "find").size() == 1, "an execution was not found");
    judge_.expect(append(*log, json(20)) == 20, "the log went on elsewhere");
  }

  LogFactory factory_;
  Judge judge_;
};

inline Failures run_log_suite(const LogFactory& factory) { return LogSuite(factory).run(); }

}  // namespace openexec::test
