// SPDX-License-Identifier: Apache-2.0
// Rows about what needs no execution: replays, refusals, canonical JSON.
#include <simdjson.h>

#include <algorithm>
#include <array>

#include "bench/bench.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec::bench {
namespace {

Line rates(std::string what, const Pairs& pairs, double times_limit, Goal goal) {
  return Line{
      .what = std::move(what),
      .unit = "/s",
      .figure = spread(pairs, [](const Pair& pair) { return pair.subject.rate; }),
      .limit = spread(pairs, [&](const Pair& pair) { return pair.limit.rate * times_limit; }),
      .ratio = spread(pairs, [&](const Pair& pair) { return pair.subject.rate / (pair.limit.rate * times_limit); }),
      .goal = goal}
      .from(pairs);
}

void execute(Executor& executor, const std::vector<std::string>& requests) {
  std::vector<Call> calls(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) calls[i].request = std::string_view(requests[i]);
  for (const Outcome& outcome : executor.execute_many(calls)) check(outcome, {});
}

/// The least that knowing a request again costs: one parse, one canonical form, one hash, with buffers kept.
Workload parse_and_hash(const std::vector<std::string>& requests) {
  struct State {
    canon::Parser parser;
    canon::Document document;
    std::string canonical;
    std::size_t next = 0;
    Digest last{};
  };
  const auto state = std::make_shared<State>();
  return {.step = [state, &requests](std::size_t) -> std::size_t {
    constexpr std::size_t at_once = 16;
    for (std::size_t i = 0; i < at_once; ++i) {
      need(state->parser.parse(requests[state->next++ % requests.size()], {}, state->document), "a request");
      state->canonical.clear();
      canon::append_jcs(state->document.root(), state->canonical);
      state->last = crypto::sha256(state->canonical);
    }
    return at_once;
  }};
}

}  // namespace

void measure_replays(Bench& bench) {
  const std::vector<std::string> requests = bench.approved(256);
  Workload limit = parse_and_hash(requests);
  {
    const std::string what = "replays/s, one thread, no sync";
    Executor executor = make_executor({.store = need(sqlite_ledger(bench.folder.fresh("replays.db")), "the ledger"),
                                       .log = std::make_shared<CountingLog>(),
                                       .verifier = bench.principal.verifier()});
    execute(executor, requests);
    Workload subject = again(executor, requests, 1, 1, {.replayed = true});
    Line line = rates(what, alternate(bench.pairing(what), limit, subject), 1, at_least(0.5));
    line.note = "limit: parse, canonicalise and hash the same request; the log keeps nothing";
    bench.report.add(line);
  }
  const std::string what = "replays/s, 64 in flight, receipts durable";
  Executor executor = make_executor(bench.folder.fresh("replays.db"), bench.principal.verifier());
  execute(executor, requests);
  Workload subject = again(executor, requests, cores(), 64 / cores(), {.replayed = true});
  const Pairs pairs = repeat(bench.pairing(what), subject);
  bench.report.add(
      Line{.what = what, .unit = "/s", .figure = spread(pairs, [](const Pair& pair) { return pair.subject.rate; })}
          .from(pairs));
}

namespace {

/// A way to be refused.
struct Refusal {
  Code code;
  bool verifies;  ///< only after a signature was checked
  std::vector<std::string> requests;
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at == text.npos) throw std::logic_error("nothing to replace");
  return text.replace(at, what.size(), with);
}

constexpr std::size_t sample = 256;

/// Requests that are refused in each way, for an executor that ran `executed`.
std::vector<Refusal> refusals(Bench& bench, const std::vector<Draft>& executed) {
  const Approver& approver = bench.principal.approver();
  const Principal stranger(0);
  const std::uint64_t first = bench.numbers();
  const auto requests = [&](auto make) {
    std::vector<std::string> made;
    for (std::uint64_t i = 0; i < sample; ++i) made.push_back(make(i));
    return made;
  };
  const auto after = [&](std::int64_t seconds) { return Timestamp{approver.now().micros + seconds * 1'000'000}; };
  const auto timed = [&](std::int64_t issued, std::int64_t seconds) {
    return requests([&, issued, seconds](std::uint64_t i) {
      return approver.approve(approver.draft(first + i), first + i, tenant, after(issued), seconds).json();
    });
  };
  const auto changed = [&](auto change) {
    return requests([&](std::uint64_t i) {
      Draft draft = approver.approved(first + i);
      change(draft, i);
      return draft.json();
    });
  };
  return {
      {Code::malformed_request, false,
       requests([&](std::uint64_t i) { return replaced(approver.draft(first + i).json(), R"("memo")", R"("to")"); })},
      {Code::action_not_allowed, false, changed([](Draft& draft, std::uint64_t) { draft.action = "forbidden"; })},
      {Code::unknown_action, false, changed([](Draft& draft, std::uint64_t) { draft.action = "unheard-of"; })},
      {Code::approval_missing, false, changed([](Draft& draft, std::uint64_t) { draft.artifact.clear(); })},
      {Code::approval_malformed, false,
       changed([](Draft& draft, std::uint64_t) { draft.artifact = replaced(draft.artifact, "T", " "); })},
      {Code::approval_hash_mismatch, false,
       changed([](Draft& draft, std::uint64_t) { draft.payload = replaced(draft.payload, "125.5", "125.6"); })},
      {Code::approval_tenant_mismatch, false, requests([&](std::uint64_t i) {
         return approver.approve(approver.draft(first + i), first + i, "umbrella").json();
       })},
      {Code::approval_expired, false, timed(-100, 50)},
      {Code::approval_not_yet_valid, false, timed(10'000, 50)},
      {Code::approval_signature_invalid, true, requests([&](std::uint64_t i) {
         Draft draft = stranger.approver().approve(approver.draft(first + i), i);
         return draft.json();
       })},
      {Code::nonce_conflict, true, requests([&](std::uint64_t i) {
         Draft draft = approver.draft(first + i);
         draft.nonce = executed[i].nonce;
         return approver.approve(std::move(draft), first + i).json();
       })},
      {Code::approval_spent, true, requests([&](std::uint64_t i) {
         Draft draft = executed[i];
         draft.nonce = approver.draft(first + i).nonce;
         return draft.json();
       })},
  };
}

}  // namespace

void measure_refusals(Bench& bench) {
  std::vector<Draft> executed;
  std::vector<std::string> requests;
  const std::uint64_t first = bench.numbers();
  for (std::uint64_t i = 0; i < sample; ++i) {
    executed.push_back(bench.principal.approver().approved(first + i));
    requests.push_back(executed.back().json());
  }
  Workload limit = verifications(cores());
  for (const Refusal& refusal : refusals(bench, executed)) {
    const std::string what = "refusals/s, " + std::string(name(refusal.code));
    Config config;
    config.allowed_actions = {{"echo", "unheard-of"}};
    Executor executor = make_executor({.store = need(sqlite_ledger(bench.folder.fresh("refusals.db")), "the ledger"),
                                       .verifier = bench.principal.verifier()},
                                      std::move(config));
    execute(executor, requests);
    Workload subject = again(executor, refusal.requests, cores(), 64 / cores(), {refusal.code});
    const Pairs pairs = alternate(bench.pairing(what), limit, subject);
    bench.report.add(refusal.verifies ? rates(what, pairs, 1, at_least(0.9)) : rates(what, pairs, 8, at_least(1)));
  }
}

namespace {

/// A payload as tools get them, of about so many bytes.
std::string document(std::size_t bytes) {
  std::string text = R"({"account":"acct-000017","amount":125.5,"items":[)";
  constexpr std::string_view tail = R"(],"note":"Größe: 3 µm","when":"2026-03-01T12:00:00Z"})";
  for (std::size_t i = 0; text.size() + tail.size() + 60 < bytes; ++i) {
    if (i > 0) text += ',';
    text += R"({"sku":"A-)" + std::to_string(1000 + i) + R"(","count":)" + std::to_string(i % 17) + R"(,"price":)" +
            std::to_string(i % 90) + ".25,\"gift\":" + (i % 3 == 0 ? "true" : "false") + "}";
  }
  return text.append(tail);
}

}  // namespace

void measure_canonical(Bench& bench) {
  for (const std::size_t size : {std::size_t{300}, std::size_t{64} << 10}) {
    const std::string text = document(size);
    const std::string what =
        "canonicalise, " + (size < 1024 ? std::to_string(size) + " B" : std::to_string(size >> 10) + " KiB");
    const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{64} << 10) / text.size());

    struct Ours {
      canon::Parser parser;
      canon::Document document;
      std::string out;
    };
    Workload subject{.step = [&text, repeats, ours = std::make_shared<Ours>()](std::size_t) -> std::size_t {
      for (std::size_t i = 0; i < repeats; ++i) {
        need(ours->parser.parse(text, {}, ours->document), "a document");
        ours->out.clear();
        canon::append_jcs(ours->document.root(), ours->out);
      }
      return repeats;
    }};

    struct Theirs {
      simdjson::dom::parser parser;
      simdjson::padded_string text;
    };
    const auto theirs = std::make_shared<Theirs>();
    theirs->text = simdjson::padded_string(text);
    Workload limit{.step = [repeats, theirs](std::size_t) -> std::size_t {
      for (std::size_t i = 0; i < repeats; ++i)
        if (theirs->parser.parse(theirs->text).error() != simdjson::SUCCESS)
          throw std::runtime_error("simdjson failed");
      return repeats;
    }};

    const Pairs pairs = alternate(bench.pairing(what), limit, subject);
    Line line = rates(what, pairs, 1, at_least(0.35));
    const double giga = 1e-9 * static_cast<double>(text.size());
    for (Spread* value : {&line.figure, &*line.limit})
      *value = {value->median * giga, value->low * giga, value->high * giga};
    line.unit = "GB/s";
    line.note = "limit: simdjson's DOM parse of the same " + std::to_string(text.size()) + " bytes";
    bench.report.add(line);
  }
}

}  // namespace openexec::bench
