// SPDX-License-Identifier: Apache-2.0
// The contract of NonceStore as a suite, to be run over every store. It uses the public interface alone, needs no test
// framework, and returns what failed:
//
//   openexec::contract::Failures failures = openexec::contract::StoreSuite({.create = [] { return my_store(); }}).run();
//
// An empty list is a pass. The suite starts threads, and writes a few megabytes into the store.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openexec/contract/judge.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::contract {

struct StoreFactory {
  std::function<std::shared_ptr<NonceStore>()> create;  ///< a new, empty store
  /// What create() made last, opened again as after a restart; everything that pointed to it is gone. Empty: such a
  /// store does not outlive its process.
  std::function<std::shared_ptr<NonceStore>()> reopen = nullptr;
  int threads = 64;
  int rounds = 50;  ///< of contention
};

class StoreSuite {
 public:
  explicit StoreSuite(StoreFactory factory) : factory_(std::move(factory)) {}

  Failures run() {
    judge_.promise("a claim is fresh once and tells its record afterwards", [&] { fresh_once(); });
    judge_.promise("another request under a claimed nonce is a conflict", [&] { conflict(); });
    judge_.promise("an approval is spent once within its tenant", [&] { approval_once(); });
    judge_.promise("a refused claim spends nothing", [&] { refused_spends_nothing(); });
    judge_.promise("names are kept apart byte by byte", [&] { names_apart(); });
    judge_.promise("what was never claimed is not found", [&] { nothing_found(); });
    judge_.promise("a seal is final", [&] { seal_is_final(); });
    judge_.promise("an attempt in doubt can be settled, once", [&] { doubt_is_settled_once(); });
    judge_.promise("sealing what is not claimed changes nothing", [&] { seal_needs_claim(); });
    judge_.promise("large results and entries fit, larger entries are refused", [&] { sizes(); });
    judge_.promise("misuse is refused", [&] { misuse(); });
    judge_.promise("a running claim is no orphan", [&] { running_is_no_orphan(); });
    judge_.promise("a pin holds", [&] { pins(); });
    judge_.promise("the highest time never goes back", [&] { highest_time(); });
    judge_.promise("a store that works is ready", [&] { must(factory_.create()->ready(), "ready"); });
    judge_.promise("each sealed entry is in the log, or in the outbox until it is logged", [&] { entries(); });
    judge_.promise("the members of a batch are judged each alone", [&] { batch(); });
    judge_.promise("what is held to no terms by the store is said not to be", [&] { terms_are_kept_or_not(); });
    if (factory_.create()->keeps_terms()) {
      judge_.promise("a claim waits for its predecessor to have executed", [&] { waits_for_predecessor(); });
      judge_.promise("a token is a single approval or one plan", [&] { token_is_of_one_use(); });
      judge_.promise("a claim above its action's pace spends nothing", [&] { pace_is_kept(); });
      judge_.promise("of concurrent claims as many are fresh as may be within a minute", [&] { pace_for_all(); });
      judge_.promise("of concurrent steps none is fresh before the one before it has executed",
                     [&] { steps_in_order(); });
    }
    if (factory_.create()->keeps_attempts()) {
      judge_.promise("a further attempt follows the newest, and only one that says nothing happened",
                     [&] { next_attempt(); });
      judge_.promise("what was in doubt is never tried again, whatever settled it", [&] { doubt_is_no_retry(); });
      judge_.promise("an attempt's seal does not touch another attempt", [&] { attempts_are_fenced(); });
      judge_.promise("of concurrent claims of the next attempt one is fresh", [&] { one_next_attempt(); });
      if (factory_.create()->keeps_terms())
        judge_.promise("a further attempt is held to the terms of a claim", [&] { attempts_keep_terms(); });
      if (factory_.reopen) judge_.promise("attempts survive a restart", [&] { attempts_survive(); });
    } else {
      judge_.promise("a store that keeps no attempts opens none", [&] { no_next_attempt(); });
    }
    if (factory_.create()->doubt_count().ok())
      judge_.promise("what is in doubt is listed until it is settled", [&] { doubts_are_listed(); });
    judge_.promise("controls stand until they are lifted, revocations for ever", [&] { controls(); });
    judge_.promise("of concurrent equal claims one is fresh", [&] { one_fresh(); });
    judge_.promise("of concurrent claims with one approval one is fresh", [&] { one_approval(); });
    judge_.promise("of concurrent seals one succeeds", [&] { one_seal(); });
    judge_.promise("concurrent attempts of different nonces all succeed", [&] { many_nonces(); });
    if (factory_.reopen) {
      judge_.promise("everything survives a restart", [&] { survives(); });
      judge_.promise("terms and controls survive a restart", [&] { terms_survive(); });
      judge_.promise("claims of a process that is gone are orphans, in order", [&] { orphans_after_restart(); });
    }
    return judge_.failures();
  }

 private:
  using Kind = ClaimAnswer::Kind;

  static Digest digest(std::uint8_t tag, int number = 0) {
    Digest digest{};
    digest[0] = tag;
    for (std::size_t i = 0; i < 4; ++i)
      digest[1 + i] = static_cast<std::uint8_t>(static_cast<unsigned>(number) >> (8 * i));
    digest[31] = 1;
    return digest;
  }

  static Claim claim_of(std::string_view nonce, int number = 0) {
    Claim claim;
    claim.tenant = "acme";
    claim.nonce = nonce;
    claim.action = "payments:send";
    claim.exec_id = digest(1, number);
    claim.request_hash = digest(2, number);
    claim.approval = "null";
    claim.at = {1'000};
    return claim;
  }

  static Seal seal_of(const Claim& claim, NonceState state, std::string_view entry = R"({"version":1})") {
    Seal seal;
    seal.tenant = claim.tenant;
    seal.nonce = claim.nonce;
    seal.exec_id = claim.exec_id;
    seal.state = state;
    seal.code = state == NonceState::sealed ? Code::ok : Code::in_doubt;
    seal.effect = state == NonceState::sealed ? Effect::confirmed : Effect::unknown;
    seal.result = state == NonceState::sealed ? R"({"sent": true})" : R"({"error": "in_doubt"})";
    seal.entry = entry;
    seal.at = {2'000};
    return seal;
  }

  static Kind claim(NonceStore& store, const Claim& claim) { return must(store.claim(claim), "claim").kind; }
  static std::optional<NonceRecord> find(NonceStore& store, std::string_view nonce) {
    return must(store.find("acme", nonce), "find");
  }
  static NonceRecord found(NonceStore& store, std::string_view nonce) {
    auto record = find(store, nonce);
    if (!record) throw std::runtime_error("the record is gone");
    return *record;
  }

  void same(const NonceRecord& record, const Claim& claim) {
    judge_.expect(record.tenant == claim.tenant && record.nonce == claim.nonce && record.action == claim.action,
                  "the record's names differ from the claim's");
    judge_.expect(record.exec_id == claim.exec_id && record.request_hash == claim.request_hash &&
                      record.approval_digest == claim.approval_digest,
                  "the record's digests differ from the claim's");
    judge_.expect(record.approval == claim.approval, "the record's approval differs from the claim's");
  }
  void same(const NonceRecord& record, const Seal& seal) {
    judge_.expect(record.state == seal.state && record.code == seal.code && record.effect == seal.effect &&
                      record.result == seal.result,
                  "the record differs from its seal");
  }

  void fresh_once() {
    auto store = factory_.create();
    Claim first = claim_of("n-1");
    first.approval_id = "a-1";
    first.approval_digest = digest(3);
    first.approval = R"({"profile":"p","id":"a-1"})";
    judge_.expect(claim(*store, first) == Kind::fresh, "the first claim was not fresh");
    for (int i = 0; i < 3; ++i) {
      auto answer = must(store->claim(first), "claim");
      judge_.expect(answer.kind == Kind::exists, "the same claim again did not answer exists");
      if (!judge_.expect(answer.record.has_value(), "exists came without a record")) continue;
      same(*answer.record, first);
      judge_.expect(answer.record->state == NonceState::claimed, "the record was not claimed");
    }
    const NonceRecord record = found(*store, "n-1");
    same(record, first);
    judge_.expect(record.state == NonceState::claimed && record.result.empty() && !record.entry,
                  "a claimed record had an end");
  }

  void conflict() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1", 1);
    claim(*store, first);
    Claim other = claim_of("n-1", 2);
    judge_.expect(claim(*store, other) == Kind::nonce_conflict, "another request was not a conflict");
    other = first;
    other.request_hash = digest(9);
    judge_.expect(claim(*store, other) == Kind::nonce_conflict, "another request hash alone was not a conflict");
    other = first;
    other.exec_id = digest(9);
    auto answer = must(store->claim(other), "claim");
    judge_.expect(answer.kind == Kind::nonce_conflict && !answer.record, "another exec_id alone was not a conflict");
    same(found(*store, "n-1"), first);
    must(store->seal(seal_of(first, NonceState::sealed)), "seal");
    judge_.expect(claim(*store, other) == Kind::nonce_conflict, "a sealed nonce was no conflict for another request");
    judge_.expect(claim(*store, first) == Kind::exists, "a sealed nonce did not exist for its own request");
  }

  void approval_once() {
    auto store = factory_.create();
    for (int i = 0; i < 20; ++i) {
      const std::string nonce = "n-" + std::to_string(i);
      Claim next = claim_of(nonce, i);
      next.approval_id = "a-1";
      const Kind kind = claim(*store, next);
      judge_.expect(kind == (i == 0 ? Kind::fresh : Kind::approval_spent), "one approval served claim " + nonce);
      if (i == 5) must(store->seal(seal_of(claim_of("n-0", 0), NonceState::sealed)), "seal");
    }
    Claim elsewhere = claim_of("n-0", 0);
    elsewhere.tenant = "other";
    elsewhere.approval_id = "a-1";
    judge_.expect(claim(*store, elsewhere) == Kind::fresh, "another tenant's approval was spent");
    for (int i = 100; i < 103; ++i)
      judge_.expect(claim(*store, claim_of("n-" + std::to_string(i), i)) == Kind::fresh,
                    "no approval was spent as one");
  }

  void refused_spends_nothing() {
    auto store = factory_.create();
    Claim first = claim_of("n-1", 1);
    first.approval_id = "a-1";
    claim(*store, first);
    Claim second = claim_of("n-2", 2);
    second.approval_id = "a-1";
    judge_.expect(claim(*store, second) == Kind::approval_spent, "the approval was not spent");
    judge_.expect(!find(*store, "n-2"), "a claim refused for its approval left its nonce");
    Claim third = claim_of("n-1", 3);
    third.approval_id = "a-2";
    judge_.expect(claim(*store, third) == Kind::nonce_conflict, "the nonce was not a conflict");
    second.approval_id = "a-2";
    judge_.expect(claim(*store, second) == Kind::fresh, "a claim refused for its nonce spent its approval");
  }

  void names_apart() {
    auto store = factory_.create();
    const std::string zero("a\0b", 3);
    const std::string longest(255, 'x');
    const std::vector<std::string> nonces = {"a",
                                             "A",
                                             "a ",
                                             " a",
                                             "a\xCC\x81",
                                             "\xC3\xA1",
                                             "'",
                                             "\"",
                                             "%",
                                             "a;--",
                                             "?1",
                                             "null",
                                             "0",
                                             "00",
                                             zero,
                                             "a",
                                             longest,
                                             longest + "x",
                                             "\xF0\x9F\x94\x91",
                                             "\\u0061",
                                             "nonce-\xE2\x80\xA8"};
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < nonces.size(); ++i) {
      const bool again = std::find(seen.begin(), seen.end(), nonces[i]) != seen.end();
      const Claim next = claim_of(nonces[i], static_cast<int>(i));
      judge_.expect(claim(*store, next) == (again ? Kind::nonce_conflict : Kind::fresh),
                    "nonce number " + std::to_string(i) + " was mixed up");
      if (!again) same(found(*store, nonces[i]), next);
      seen.push_back(nonces[i]);
    }
    Claim left = claim_of("bc", 1);
    left.tenant = "a";
    left.approval_id = "yz";
    Claim right = claim_of("c", 2);
    right.tenant = "ab";
    right.approval_id = "z";
    judge_.expect(claim(*store, left) == Kind::fresh && claim(*store, right) == Kind::fresh,
                  "tenant and nonce ran together");
    Claim crossed = claim_of("cc", 3);
    crossed.tenant = "ay";
    crossed.approval_id = "z";
    judge_.expect(claim(*store, crossed) == Kind::fresh, "tenant and approval ran together");
    Claim empty_tenant = claim_of("n", 4);
    empty_tenant.tenant = "";
    judge_.expect(claim(*store, empty_tenant) == Kind::fresh && must(store->find("", "n"), "find").has_value(),
                  "the empty tenant was lost");
  }

  void nothing_found() {
    auto store = factory_.create();
    judge_.expect(!find(*store, "n-1"), "an empty store found something");
    claim(*store, claim_of("n-1"));
    judge_.expect(!find(*store, "n-2"), "another nonce was found");
    judge_.expect(!must(store->find("other", "n-1"), "find"), "another tenant's nonce was found");
    judge_.expect(must(store->orphans(), "orphans").empty(), "there were orphans");
  }

  void seal_is_final() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1");
    claim(*store, first);
    Seal seal = seal_of(first, NonceState::sealed);
    must(store->seal(seal), "seal");
    for (NonceState state : {NonceState::sealed, NonceState::in_doubt}) {
      Seal again = seal_of(first, state);
      again.result = "\"other\"";
      again.code = Code::handler_failed;
      judge_.refused(store->seal(again).status(), Code::invalid_argument, "a second seal was not refused");
      const NonceRecord record = found(*store, "n-1");
      same(record, seal);
      same(record, first);
    }
    auto answer = must(store->claim(first), "claim");
    if (judge_.expect(answer.kind == Kind::exists && answer.record, "the sealed record is not told"))
      same(*answer.record, seal);
    for (auto [code, effect] :
         {std::pair{Code::handler_failed, Effect::none}, {Code::result_invalid, Effect::unknown}}) {
      const std::string nonce = std::string(name(code));
      const Claim failed = claim_of(nonce, static_cast<int>(code));
      claim(*store, failed);
      seal = seal_of(failed, NonceState::sealed);
      seal.code = code;
      seal.effect = effect;
      seal.result = "{\"error\": \"x\"}";
      must(store->seal(seal), "seal");
      same(found(*store, nonce), seal);
    }
  }

  void doubt_is_settled_once() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1");
    claim(*store, first);
    const Seal doubt = seal_of(first, NonceState::in_doubt, R"({"n":1})");
    must(store->seal(doubt), "in doubt");
    same(found(*store, "n-1"), doubt);
    judge_.expect(claim(*store, first) == Kind::exists, "a nonce in doubt could be claimed again");
    judge_.expect(must(store->orphans(), "orphans").empty(), "an attempt in doubt was an orphan");
    judge_.refused(store->seal(doubt).status(), Code::invalid_argument, "in doubt twice was not refused");
    const Seal settled = seal_of(first, NonceState::sealed, R"({"n":2})");
    must(store->seal(settled), "settle");
    same(found(*store, "n-1"), settled);
    judge_.refused(store->seal(doubt).status(), Code::invalid_argument, "a settled nonce went back into doubt");
    judge_.refused(store->seal(settled).status(), Code::invalid_argument, "a nonce was settled twice");
    same(found(*store, "n-1"), settled);
  }

  void seal_needs_claim() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1", 1);
    judge_.refused(store->seal(seal_of(first, NonceState::sealed)).status(), Code::invalid_argument,
                   "a seal without a claim was not refused");
    judge_.expect(!find(*store, "n-1"), "a seal without a claim left a record");
    claim(*store, first);
    judge_.refused(store->seal(seal_of(claim_of("n-1", 2), NonceState::sealed)).status(), Code::invalid_argument,
                   "another request's seal was not refused");
    judge_.refused(store->seal(seal_of(first, NonceState::claimed)).status(), Code::invalid_argument,
                   "a seal that claims was not refused");
    judge_.expect(found(*store, "n-1").state == NonceState::claimed, "a refused seal changed the record");
    if (store->log() != nullptr)
      judge_.expect(must(store->log()->size(), "size") == 0, "a refused seal left an entry");
    else
      judge_.expect(must(store->unlogged(), "unlogged").empty(), "a refused seal left an entry");
  }

  void sizes() {
    auto store = factory_.create();
    const std::string result = '"' + std::string(3'000'000, 'r') + '"';
    const std::string entry(65'535, 'e');
    const Claim large = claim_of("large", 1);
    claim(*store, large);
    Seal seal = seal_of(large, NonceState::sealed, entry);
    seal.result = result;
    must(store->seal(seal), "a large seal");
    same(found(*store, "large"), seal);
    const Claim larger = claim_of("larger", 2);
    claim(*store, larger);
    const std::string over(65'536, 'e');
    judge_.refused(store->seal(seal_of(larger, NonceState::sealed, over)).status(), Code::invalid_argument,
                   "an entry of 65,536 bytes was not refused");
    judge_.expect(found(*store, "larger").state == NonceState::claimed, "a refused seal changed the record");
    Seal silent = seal_of(larger, NonceState::sealed);
    silent.result = "";
    must(store->seal(silent), "a seal with an empty result");
    same(found(*store, "larger"), silent);
  }

  void misuse() {
    auto store = factory_.create();
    judge_.refused(store->claim(claim_of("")).status(), Code::invalid_argument, "an empty nonce was not refused");
    const Claim first = claim_of("n-1");
    claim(*store, first);
    judge_.refused(store->seal(seal_of(first, NonceState::sealed, "")).status(), Code::invalid_argument,
                   "a seal without an entry was not refused");
  }

  void running_is_no_orphan() {
    auto store = factory_.create();
    claim(*store, claim_of("n-1"));
    judge_.expect(must(store->orphans(), "orphans").empty(), "a claim of this very process was an orphan");
  }

  void pins() {
    auto store = factory_.create();
    must(store->pin("hasher", "jcs-sha256"), "pin");
    must(store->pin("hasher", "jcs-sha256"), "the same pin again");
    judge_.refused(store->pin("hasher", "other"), Code::store_failed, "another value was not refused");
    must(store->pin("hasher", "jcs-sha256"), "the first pin after a refusal");
    must(store->pin("other key", "other"), "another key");
  }

  void highest_time() {
    auto store = factory_.create();
    const auto latest = [&] { return must(store->latest(), "latest").micros; };
    judge_.expect(latest() == 0, "an empty store has seen a time");
    Claim first = claim_of("n-1", 1);
    first.at = {5'000};
    claim(*store, first);
    judge_.expect(latest() == 5'000, "a claim's time was not seen");
    Seal seal = seal_of(first, NonceState::sealed);
    seal.at = {9'000};
    must(store->seal(seal), "seal");
    judge_.expect(latest() == 9'000, "a seal's time was not seen");
    Claim earlier = claim_of("n-2", 2);
    earlier.at = {100};
    claim(*store, earlier);
    judge_.expect(latest() == 9'000, "an earlier claim turned time back");
    if (ReceiptLog* log = store->log()) {
      must(log->append({.json = "{}", .exec_id = {}, .attempt = {}, .at = {12'000}}), "append");
      judge_.expect(latest() == 12'000, "an entry's time was not seen");
      must(log->append({.json = "{}", .exec_id = {}, .attempt = {}, .at = {11'000}}), "append");
      judge_.expect(latest() == 12'000, "an earlier entry turned time back");
    }
  }

  void entries() {
    auto store = factory_.create();
    std::vector<std::string> expected;
    for (int i = 0; i < 5; ++i) {
      const std::string nonce = "n-" + std::to_string(i);
      expected.push_back("{\"n\":" + std::to_string(i) + "}");
      const Claim next = claim_of(nonce, i);
      claim(*store, next);
      const NonceState state = i == 2 ? NonceState::in_doubt : NonceState::sealed;
      const auto index = must(store->seal(seal_of(next, state, expected.back())), "seal");
      if (store->log() != nullptr) {
        judge_.expect(index == static_cast<std::uint64_t>(i), "the seal did not tell its entry's index");
        judge_.expect(found(*store, nonce).entry == index, "the record does not name its entry");
      } else {
        judge_.expect(!index, "a store without a log told an index");
      }
    }
    if (ReceiptLog* log = store->log()) {
      const auto lines = must(log->read(0, 100), "read");
      judge_.expect(lines.size() == expected.size(), "the log has another number of entries");
      for (std::size_t i = 0; i < std::min(lines.size(), expected.size()); ++i)
        judge_.expect(lines[i].json == expected[i] && lines[i].index == i,
                      "the log has other entries than were sealed");
      judge_.expect(must(log->find_entries(digest(1, 3), 10), "find").size() == 1,
                    "an entry is not found by its execution");
      return;
    }
    const auto waiting = must(store->unlogged(), "unlogged");
    judge_.expect(waiting.size() == expected.size(), "the outbox has another number of entries");
    for (std::size_t i = 0; i < std::min(waiting.size(), expected.size()); ++i)
      judge_.expect(waiting[i].entry == expected[i] && waiting[i].tenant == "acme" &&
                        waiting[i].nonce == "n-" + std::to_string(i) &&
                        waiting[i].exec_id == digest(1, static_cast<int>(i)),
                    "the outbox has other entries than were sealed");
    must(store->logged("acme", "n-1", 1), "logged");
    must(store->logged("acme", "n-1", 1), "logged twice");
    const auto left = must(store->unlogged(), "unlogged");
    judge_.expect(left.size() == expected.size() - 1 && left[1].nonce == "n-2",
                  "logged() did not confirm that entry alone");
  }

  void batch() {
    auto store = factory_.create();
    Claim first = claim_of("n-1", 1);
    first.approval_id = "a-1";
    Claim thief = claim_of("n-2", 2);
    thief.approval_id = "a-1";
    const Claim other = claim_of("n-1", 3);
    const Claim nameless = claim_of("");
    const Claim last = claim_of("n-3", 4);
    const Seal unclaimed = seal_of(thief, NonceState::sealed);
    std::vector<Operation> claims = {{&first}, {&first}, {&thief}, {&other}, {&nameless}, {&unclaimed}, {&last}};
    store->submit(claims);
    int fresh = 0;
    for (std::size_t i : {0U, 1U})
      if (judge_.expect(claims[i].status.ok(), "an equal claim failed") && claims[i].claim.kind == Kind::fresh) ++fresh;
    judge_.expect(fresh == 1, std::to_string(fresh) + " of two equal claims were fresh");
    judge_.expect(claims[2].status.ok() && claims[2].claim.kind == Kind::approval_spent,
                  "a spent approval was not refused");
    judge_.expect(claims[3].status.ok() && claims[3].claim.kind == Kind::nonce_conflict, "a conflict was not one");
    judge_.refused(claims[4].status, Code::invalid_argument, "an empty nonce was not refused");
    judge_.refused(claims[5].status, Code::invalid_argument, "a seal without a claim was not refused");
    judge_.expect(claims[6].status.ok() && claims[6].claim.kind == Kind::fresh,
                  "a good claim suffered from its neighbours");

    const Seal good = seal_of(first, NonceState::sealed, R"({"n":1})");
    const Seal better = seal_of(last, NonceState::in_doubt, R"({"n":2})");
    std::vector<Operation> seals = {{&good}, {&good}, {&better}};
    store->submit(seals);
    judge_.expect(seals[0].status.ok() != seals[1].status.ok(), "of two equal seals not one succeeded");
    judge_.expect(seals[2].status.ok(), "a good seal suffered from its neighbours");
    same(found(*store, "n-1"), good);
    same(found(*store, "n-3"), better);
    for (const Operation& seal : seals)
      if (seal.status.ok())
        judge_.expect(seal.entry.has_value() == (store->log() != nullptr), "a seal's index is not told");
    store->submit({});
    if (store->log() == nullptr) return;
    const NewEntry entry{.json = R"({"n":3})", .exec_id = {}, .attempt = {}, .at = {1}};
    std::vector<Operation> appended = {{&entry}};
    store->submit(appended);
    judge_.expect(appended[0].status.ok() && appended[0].entry == 2U, "an entry in a batch has another index");
  }

  void one_fresh() {
    auto store = factory_.create();
    for (int round = 0; round < factory_.rounds; ++round) {
      const std::string nonce = "n-" + std::to_string(round);
      std::atomic<int> fresh = 0;
      std::atomic<int> others = 0;
      on_threads(factory_.threads, [&](int) {
        auto answer = store->claim(claim_of(nonce, round));
        if (answer.ok() && answer->kind == Kind::fresh) ++fresh;
        if (answer.ok() && answer->kind == Kind::exists) ++others;
      });
      judge_.expect(fresh == 1, std::to_string(fresh) + " were fresh");
      judge_.expect(fresh + others == factory_.threads, "an equal claim got another answer");
    }
  }

  void one_approval() {
    auto store = factory_.create();
    for (int round = 0; round < std::max(1, factory_.rounds / 10); ++round) {
      const std::string approval = "a-" + std::to_string(round);
      std::atomic<int> fresh = 0;
      std::atomic<int> spent = 0;
      on_threads(factory_.threads, [&](int i) {
        const std::string nonce = "n-" + std::to_string(round) + "-" + std::to_string(i);
        Claim next = claim_of(nonce, i);
        next.approval_id = approval;
        auto answer = store->claim(next);
        if (answer.ok() && answer->kind == Kind::fresh) ++fresh;
        if (answer.ok() && answer->kind == Kind::approval_spent) ++spent;
      });
      judge_.expect(fresh == 1, std::to_string(fresh) + " were fresh");
      judge_.expect(fresh + spent == factory_.threads, "a claim got another answer");
    }
  }

  static Claim step_of(std::string_view nonce, int number, std::string_view approval, std::string_view predecessor) {
    Claim claim = claim_of(nonce, number);
    claim.approval_id = approval;
    claim.predecessor = predecessor;
    return claim;
  }

  static Claim paced(std::string_view nonce, int number, std::int64_t at, std::uint32_t most) {
    Claim claim = claim_of(nonce, number);
    claim.at = {at};
    claim.max_per_minute = most;
    return claim;
  }

  /// Refuses, or says that it does not know how: a claim with terms is never simply fresh.
  void terms_are_kept_or_not() {
    auto store = factory_.create();
    if (store->keeps_terms())
      judge_.expect(claim(*store, step_of("n-2", 2, "p\n1\nplan", "p\n0\nplan")) == Kind::out_of_order,
                    "a claim was fresh whose predecessor was never claimed");
  }

  void waits_for_predecessor() {
    auto store = factory_.create();
    const Claim first = step_of("n-0", 0, "p\n0\nplan", "");
    const Claim second = step_of("n-1", 1, "p\n1\nplan", "p\n0\nplan");
    judge_.expect(claim(*store, second) == Kind::out_of_order, "fresh before its predecessor was claimed");
    judge_.expect(!find(*store, "n-1"), "a claim refused for its order left its nonce");
    judge_.expect(claim(*store, first) == Kind::fresh, "the first step was not fresh");
    judge_.expect(claim(*store, second) == Kind::out_of_order, "fresh while its predecessor runs");
    must(store->seal(seal_of(first, NonceState::in_doubt)), "in doubt");
    judge_.expect(claim(*store, second) == Kind::out_of_order, "fresh while its predecessor is in doubt");
    must(store->seal(seal_of(first, NonceState::sealed)), "seal");
    Claim elsewhere = second;
    elsewhere.tenant = "other";
    judge_.expect(claim(*store, elsewhere) == Kind::out_of_order, "another tenant's step counted");
    Claim other_plan = step_of("n-9", 9, "q\n1\nplan", "q\n0\nplan");
    judge_.expect(claim(*store, other_plan) == Kind::out_of_order, "another plan's step counted");
    judge_.expect(claim(*store, second) == Kind::fresh, "not fresh though its predecessor executed");
    judge_.expect(claim(*store, second) == Kind::exists, "a step that was claimed does not exist");
    judge_.expect(claim(*store, step_of("n-7", 7, "p\n1\nplan", "p\n0\nplan")) == Kind::approval_spent,
                  "a step was spent twice");
    Seal failed = seal_of(second, NonceState::sealed);
    failed.code = Code::handler_failed;
    failed.effect = Effect::none;
    must(store->seal(failed), "seal");
    judge_.expect(claim(*store, step_of("n-2", 2, "p\n2\nplan", "p\n1\nplan")) == Kind::out_of_order,
                  "fresh though its predecessor failed");
  }

  /// The first claim of a token decides what it is: a single approval, or one plan.
  void token_is_of_one_use() {
    auto store = factory_.create();
    judge_.expect(claim(*store, step_of("s-1", 1, "single", "")) == Kind::fresh, "a single approval was not fresh");
    judge_.expect(claim(*store, step_of("s-2", 2, "single\n0\nplan", "")) == Kind::approval_spent,
                  "a plan of a token that was a single approval");
    judge_.expect(claim(*store, step_of("p-1", 3, "p\n1\nplan", "")) == Kind::fresh, "a step was not fresh");
    judge_.expect(claim(*store, step_of("p-2", 4, "p", "")) == Kind::approval_spent,
                  "a single approval of a token that was a plan");
    judge_.expect(claim(*store, step_of("p-3", 5, "p\n0\nother", "")) == Kind::approval_spent,
                  "another plan of a token that was a plan");
    judge_.expect(claim(*store, step_of("p-4", 6, "p\n0", "")) == Kind::approval_spent, "a plan without a name");
    judge_.expect(!find(*store, "p-2") && !find(*store, "p-3"), "a claim that was refused left its nonce");
    Claim elsewhere = step_of("p-5", 7, "p\n0\nother", "");
    elsewhere.tenant = "other";
    judge_.expect(claim(*store, elsewhere) == Kind::fresh, "another tenant's token counted");
    judge_.expect(claim(*store, step_of("p-6", 8, "p\n0\nplan", "")) == Kind::fresh, "the plan did not go on");
    judge_.expect(claim(*store, step_of("p-7", 9, "p\n0\nplan", "")) == Kind::approval_spent, "a step was spent twice");
  }

  void pace_is_kept() {
    constexpr std::int64_t minute = 60'000'000;
    auto store = factory_.create();
    judge_.expect(claim(*store, paced("free", 0, 5, 0)) == Kind::fresh, "a claim without a pace was not fresh");
    judge_.expect(claim(*store, paced("n-1", 1, 10, 3)) == Kind::fresh, "the second of three was not fresh");
    judge_.expect(claim(*store, paced("n-2", 2, 20, 3)) == Kind::fresh, "the third of three was not fresh");
    judge_.expect(claim(*store, paced("n-3", 3, 30, 3)) == Kind::rate_reached, "the fourth of three was not refused");
    judge_.expect(!find(*store, "n-3"), "a claim refused for its pace left its nonce");
    judge_.expect(claim(*store, paced("n-3", 3, 30, 4)) == Kind::fresh, "the fourth of four was not fresh");
    judge_.expect(claim(*store, paced("n-3", 3, 31, 1)) == Kind::exists, "a nonce was hidden by the pace");
    Claim other = paced("o-1", 10, 40, 1);
    other.action = "payments:refund";
    judge_.expect(claim(*store, other) == Kind::fresh, "another action's claims counted");
    other = paced("o-2", 11, 40, 1);
    other.tenant = "other";
    judge_.expect(claim(*store, other) == Kind::fresh, "another tenant's claims counted");
    // Those at 5, 10, 20 and 30 are over when a minute has passed, and not a moment before.
    judge_.expect(claim(*store, paced("n-4", 4, 5 + minute - 1, 4)) == Kind::rate_reached, "a minute was too short");
    judge_.expect(claim(*store, paced("n-4", 4, 5 + minute, 4)) == Kind::fresh, "a minute was too long");
    judge_.expect(claim(*store, paced("n-5", 5, 1, 3)) == Kind::rate_reached, "a clock set back made room");
    judge_.expect(claim(*store, paced("n-6", 6, 20 + minute, 3)) == Kind::fresh, "what was over counted");
  }

  void pace_for_all() {
    auto store = factory_.create();
    const auto most = static_cast<std::uint32_t>(factory_.threads / 2);
    std::atomic<int> fresh = 0;
    std::atomic<int> refused = 0;
    on_threads(factory_.threads, [&](int i) {
      const std::string nonce = "n-" + std::to_string(i);
      auto answer = store->claim(paced(nonce, i, 1'000, most));
      if (answer.ok() && answer->kind == Kind::fresh) ++fresh;
      if (answer.ok() && answer->kind == Kind::rate_reached) ++refused;
    });
    judge_.expect(fresh == static_cast<int>(most) && fresh + refused == factory_.threads,
                  std::to_string(fresh) + " were fresh of " + std::to_string(most) + " that might");
  }

  /// Every thread tries every step until it is not out of order any more. When a step is fresh, all before it have
  /// executed; when all before it have been sealed, it is not out of order. No step is sealed before somebody has tried
  /// the next one, too early.
  void steps_in_order() {
    auto store = factory_.create();
    constexpr int steps = 20;
    std::atomic<int> executed = 0;
    std::atomic<int> sealing = 0;  // counted before the store can know
    std::atomic<int> sealed = 0;   // and after it has said so
    std::atomic<int> tried = 0;    // the furthest step that was asked for
    std::atomic<int> wrong = 0;
    const auto raise = [](std::atomic<int>& mark, int to) {
      for (int now = mark; now < to && !mark.compare_exchange_weak(now, to);) {
      }
      mark.notify_all();
    };
    const auto give_up = [&] {
      ++wrong;
      raise(sealed, steps);  // nobody waits for what will not come
      raise(tried, steps);
    };
    const int threads = std::min(factory_.threads, 16);
    on_threads(threads, [&](int) {
      for (int step = 0; step < steps && wrong == 0;) {
        const std::string nonce = "n-" + std::to_string(step);
        const std::string own = "p\n" + std::to_string(step) + "\nplan";
        const std::string before = step == 0 ? "" : "p\n" + std::to_string(step - 1) + "\nplan";
        const Claim next = step_of(nonce, step, own, before);
        const int done = sealed;
        auto answer = store->claim(next);
        if (!answer.ok()) return give_up();
        raise(tried, step);
        if (answer->kind == Kind::out_of_order) {
          if (done >= step) return give_up();
          sealed.wait(done);
          continue;
        }
        if (answer->kind == Kind::fresh) {
          if (sealing < step) return give_up();
          if (executed++ != step) return give_up();
          const int next_step = threads > 1 ? std::min(step + 1, steps - 1) : step;
          for (int seen = tried; seen < next_step; seen = tried) tried.wait(seen);
          ++sealing;
          if (!store->seal(seal_of(next, NonceState::sealed)).ok()) return give_up();
          ++sealed;
          sealed.notify_all();
        }
        ++step;
      }
    });
    judge_.expect(wrong == 0 && executed == steps, "a step went wrong");
  }

  static ControlChange change_of(ControlKind kind, std::string id, std::string tenant, bool stands = true,
                                 std::string_view entry = R"({"control":1})") {
    return {{kind, std::move(id), std::move(tenant)}, stands, entry, {3'000}};
  }

  static std::vector<ControlName> standing(NonceStore& store) { return must(store.controls(), "controls"); }

  void controls() {
    auto store = factory_.create();
    const ControlChange halt = change_of(ControlKind::halt, "", "");
    const auto kept = store->control(halt);
    if (!kept.ok()) {  // then it keeps none, and says so
      judge_.refused(kept.status(), Code::invalid_argument, "a control was lost");
      judge_.expect(standing(*store).empty(), "a control stands that was refused");
      return;
    }
    const std::vector<ControlChange> changes = {
        halt,
        change_of(ControlKind::halt, "", "acme"),
        change_of(ControlKind::revoke_approval, "a-1", ""),
        change_of(ControlKind::revoke_approval, "a-1", "acme"),
        change_of(ControlKind::revoke_key, "a-1", ""),
    };
    for (std::size_t i = 1; i < changes.size(); ++i) must(store->control(changes[i]), "control");
    std::vector<ControlName> expected;
    for (const ControlChange& change : changes) expected.push_back(change.name);
    judge_.expect(standing(*store) == expected, "what was ordered does not stand, or not in order");
    must(store->control(halt), "a control that stands already");
    judge_.expect(standing(*store) == expected, "what was ordered twice stands twice");
    must(store->control(change_of(ControlKind::halt, "", "", false)), "lift");
    expected.erase(expected.begin());
    judge_.expect(standing(*store) == expected, "what was lifted stands, or more was lifted");
    must(store->control(change_of(ControlKind::halt, "", "", false)), "lift again");
    judge_.refused(store->control(change_of(ControlKind::revoke_key, "a-1", "", false)).status(),
                   Code::invalid_argument, "a revocation was lifted");
    judge_.refused(store->control(change_of(ControlKind::revoke_key, "", "")).status(), Code::invalid_argument,
                   "a revocation of nothing was taken");
    judge_.refused(store->control(change_of(ControlKind::halt, "x", "")).status(), Code::invalid_argument,
                   "a halt of an approval was taken");
    judge_.refused(store->control(change_of(ControlKind::halt, "", "", true, "")).status(), Code::invalid_argument,
                   "a control without an entry was taken");
    judge_.expect(standing(*store) == expected, "what was refused changed what stands");
    judge_.expect(must(store->latest(), "latest").micros == 3'000, "a control's time was not seen");
    const std::size_t entries = 8;
    if (ReceiptLog* log = store->log())
      judge_.expect(must(log->size(), "size") == entries, "the controls' entries are not in the log");
    else
      judge_.expect(must(store->unlogged(), "unlogged").size() == entries,
                    "the controls' entries are not in the outbox");
  }

  void terms_survive() {
    auto store = factory_.create();
    if (store->keeps_terms()) {
      const Claim first = step_of("n-0", 0, "p\n0\nplan", "");
      claim(*store, first);
      must(store->seal(seal_of(first, NonceState::sealed)), "seal");
      claim(*store, paced("n-1", 1, 2'000, 2));
    }
    const bool keeps_controls = store->control(change_of(ControlKind::halt, "", "acme")).ok();
    const auto before = standing(*store);
    const bool terms = store->keeps_terms();
    store.reset();
    store = factory_.reopen();
    if (!judge_.expect(store != nullptr, "the store did not open again")) return;
    judge_.expect(store->keeps_terms() == terms, "the store keeps terms only now and then");
    judge_.expect(standing(*store) == before && before.empty() != keeps_controls, "a control was forgotten");
    if (!terms) return;
    judge_.expect(claim(*store, paced("n-2", 2, 2'000, 2)) == Kind::rate_reached, "the pace was forgotten");
    judge_.expect(claim(*store, step_of("n-3", 3, "p\n3\nplan", "p\n2\nplan")) == Kind::out_of_order,
                  "the order was forgotten");
    judge_.expect(claim(*store, step_of("n-4", 4, "p\n1\nplan", "p\n0\nplan")) == Kind::fresh,
                  "a step's end was forgotten");
  }

  static Seal nothing_happened(const Claim& claim, std::string_view entry = R"({"none":1})") {
    Seal seal = seal_of(claim, NonceState::sealed, entry);
    seal.code = Code::handler_failed;
    seal.effect = Effect::none;
    seal.result = R"({"error": "handler_failed"})";
    seal.attempt = claim.attempt;
    seal.retryable = true;
    return seal;
  }
  static Claim attempt_of(const Claim& claim, std::uint32_t attempt) {
    Claim next = claim;
    next.attempt = attempt;
    return next;
  }
  static Claim approved(std::string_view nonce, int number = 0) {
    Claim claim = claim_of(nonce, number);
    claim.approval_id = "a-1";
    claim.approval_digest = digest(3);
    return claim;
  }
  NonceRecord told(NonceStore& store, const Claim& claim, std::string_view why) {
    auto answer = must(store.claim(claim), "claim");
    judge_.expect(answer.kind == Kind::exists && answer.record, std::string(why));
    return answer.record.value_or(NonceRecord{});
  }

  void next_attempt() {
    auto store = factory_.create();
    const Claim first = approved("n-1");
    judge_.refused(store->claim(attempt_of(first, 2)).status(), Code::invalid_argument, "a second attempt came first");
    judge_.refused(store->claim(attempt_of(first, 0)).status(), Code::invalid_argument, "there was an attempt 0");
    claim(*store, first);
    (void)told(*store, attempt_of(first, 2), "a second attempt was opened beside a running first");
    must(store->seal(nothing_happened(first)), "seal");
    const NonceRecord ended = found(*store, "n-1");
    judge_.expect(ended.attempt == 1 && ended.retryable, "the record does not say that nothing happened");
    (void)told(*store, first, "the first attempt was opened again");
    (void)told(*store, attempt_of(first, 3), "an attempt was left out");
    Claim other = attempt_of(first, 2);
    other.approval_digest = digest(4);
    (void)told(*store, other, "an attempt was opened under another approval");
    other = attempt_of(first, 2);
    other.request_hash = digest(4);
    judge_.expect(claim(*store, other) == Kind::nonce_conflict, "an attempt was opened for another request");
    judge_.expect(claim(*store, attempt_of(first, 2)) == Kind::fresh, "the second attempt was not opened");
    const NonceRecord running = found(*store, "n-1");
    judge_.expect(running.state == NonceState::claimed && running.attempt == 2 && !running.retryable &&
                      !running.entry && running.result.empty(),
                  "the record is not of the second attempt");
    (void)told(*store, attempt_of(first, 2), "the second attempt was opened twice");
    Claim thief = claim_of("n-2", 2);
    thief.approval_id = "a-1";
    judge_.expect(claim(*store, thief) == Kind::approval_spent, "the approval was given back");
    Seal seal = seal_of(first, NonceState::sealed, R"({"done":1})");
    seal.attempt = 2;
    must(store->seal(seal), "seal the second attempt");
    judge_.expect(told(*store, attempt_of(first, 3), "an attempt followed one that executed").attempt == 2,
                  "the newest attempt is not told");
    same(found(*store, "n-1"), seal);
    if (ReceiptLog* log = store->log())
      judge_.expect(must(log->find_entries(first.exec_id, 10), "find").size() == 2, "an attempt's entry is gone");
  }

  void doubt_is_no_retry() {
    auto store = factory_.create();
    const Claim doubtful = claim_of("n-1", 1), final = claim_of("n-2", 2);
    claim(*store, doubtful);
    must(store->seal(seal_of(doubtful, NonceState::in_doubt)), "in doubt");
    (void)told(*store, attempt_of(doubtful, 2), "an attempt followed one in doubt");
    judge_.refused(store->seal(nothing_happened(doubtful)).status(), Code::invalid_argument, "doubt became a retry");
    Seal settled = nothing_happened(doubtful);
    settled.retryable = false;
    must(store->seal(settled), "settle");
    (void)told(*store, attempt_of(doubtful, 2), "an attempt followed a settlement");
    claim(*store, final);
    for (const auto& [code, effect] : {std::pair{Code::ok, Effect::none}, {Code::handler_failed, Effect::unknown}}) {
      Seal wrong = nothing_happened(final);
      wrong.code = code;
      wrong.effect = effect;
      judge_.refused(store->seal(wrong).status(), Code::invalid_argument, "what may have happened became a retry");
    }
    Seal failed = nothing_happened(final);
    failed.retryable = false;
    must(store->seal(failed), "seal");
    (void)told(*store, attempt_of(final, 2), "an attempt followed a failure that is final");
  }

  void attempts_are_fenced() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1");
    claim(*store, first);
    must(store->seal(nothing_happened(first)), "seal");
    claim(*store, attempt_of(first, 2));
    for (const std::uint32_t attempt : {0U, 1U, 3U}) {
      Seal late = seal_of(first, NonceState::sealed);
      late.attempt = attempt;
      judge_.refused(store->seal(late).status(), Code::invalid_argument, "a seal of another attempt was taken");
      late = seal_of(first, NonceState::in_doubt);
      late.attempt = attempt;
      judge_.refused(store->seal(late).status(), Code::invalid_argument, "a doubt of another attempt was taken");
    }
    judge_.expect(found(*store, "n-1").state == NonceState::claimed, "another attempt's seal changed the record");
    Seal own = seal_of(first, NonceState::in_doubt);
    own.attempt = 2;
    must(store->seal(own), "in doubt");
    own = seal_of(first, NonceState::sealed);
    judge_.refused(store->seal(own).status(), Code::invalid_argument, "a settlement of the first settled the second");
    own.attempt = 2;
    must(store->seal(own), "settle");
  }

  void one_next_attempt() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1");
    claim(*store, first);
    for (std::uint32_t attempt = 1; attempt <= 5; ++attempt) {
      must(store->seal(nothing_happened(attempt_of(first, attempt))), "seal");
      std::atomic<int> fresh = 0;
      std::atomic<int> exist = 0;
      on_threads(factory_.threads, [&](int) {
        auto answer = store->claim(attempt_of(first, attempt + 1));
        if (answer.ok() && answer->kind == Kind::fresh) ++fresh;
        if (answer.ok() && answer->kind == Kind::exists) ++exist;
      });
      judge_.expect(fresh == 1 && fresh + exist == factory_.threads, std::to_string(fresh) + " attempts were opened");
    }
  }

  void attempts_keep_terms() {
    auto store = factory_.create();
    Claim first = paced("n-1", 1, 1'000, 2);
    claim(*store, first);
    must(store->seal(nothing_happened(first)), "seal");
    Claim second = attempt_of(first, 2);
    judge_.expect(claim(*store, second) == Kind::fresh, "the second attempt was not opened");
    must(store->seal(nothing_happened(second)), "seal");
    judge_.expect(claim(*store, attempt_of(first, 3)) == Kind::rate_reached, "attempts are not counted as claims");
    const NonceRecord record = found(*store, "n-1");
    judge_.expect(record.attempt == 2 && record.retryable, "an attempt that was turned away changed the record");
    const Claim step = step_of("n-2", 2, "p\n0\nplan", ""), next = step_of("n-3", 3, "p\n1\nplan", "p\n0\nplan");
    claim(*store, step);
    must(store->seal(nothing_happened(step)), "seal");
    judge_.expect(claim(*store, next) == Kind::out_of_order, "a step went on behind one where nothing happened");
    claim(*store, attempt_of(step, 2));
    Seal done = seal_of(step, NonceState::sealed);
    done.attempt = 2;
    must(store->seal(done), "seal");
    judge_.expect(claim(*store, next) == Kind::fresh, "a step that executed at its second attempt does not count");
  }

  void attempts_survive() {
    auto store = factory_.create();
    const Claim ended = approved("ended", 1), running = claim_of("running", 2);
    for (const Claim& next : {ended, running}) {
      claim(*store, next);
      must(store->seal(nothing_happened(next)), "seal");
    }
    claim(*store, attempt_of(running, 2));
    store.reset();
    store = factory_.reopen();
    if (!judge_.expect(store != nullptr, "the store did not open again")) return;
    const auto orphans = must(store->orphans(), "orphans");
    judge_.expect(orphans.size() == 1 && orphans[0].nonce == "running" && orphans[0].attempt == 2,
                  "the second attempt that died is no orphan");
    judge_.refused(store->seal(nothing_happened(attempt_of(running, 2))).status(), Code::invalid_argument,
                   "another process said that nothing happened");
    judge_.expect(found(*store, "ended").retryable, "that nothing happened was forgotten");
    judge_.expect(claim(*store, attempt_of(ended, 2)) == Kind::fresh, "the second attempt was not opened");
    must(store->seal(nothing_happened(attempt_of(ended, 2))), "seal");
    store.reset();
    store = factory_.reopen();
    if (!judge_.expect(store != nullptr, "the store did not open again")) return;
    judge_.expect(found(*store, "ended").attempt == 2, "the attempts were not counted on");
    judge_.expect(claim(*store, attempt_of(ended, 2)) == Kind::exists, "the second attempt was opened twice");
    judge_.expect(claim(*store, attempt_of(ended, 3)) == Kind::fresh, "the third attempt was not opened");
  }

  /// The nonces that are listed, over several pages.
  static std::vector<std::string> doubts(NonceStore& store) {
    std::vector<std::string> nonces;
    std::optional<std::uint64_t> after;
    for (;;) {
      const auto page = must(store.doubts(after, 2), "doubts");
      for (const NonceRecord& record : page) nonces.push_back(record.nonce);
      if (page.empty()) return nonces;
      after = page.back().entry;
    }
  }

  void doubts_are_listed() {
    auto store = factory_.create();
    judge_.expect(doubts(*store).empty(), "an empty store has doubts");
    const std::vector<std::string> names{"e", "d", "c", "b", "a"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Claim next = claim_of(names[i], static_cast<int>(i));
      claim(*store, next);
      if (i != 2) must(store->seal(seal_of(next, NonceState::in_doubt)), "in doubt");
    }
    const auto check = [&](const std::vector<std::string>& expected, const std::string& when) {
      judge_.expect(doubts(*store) == expected, "the doubts are not those that there are, in order, " + when);
      judge_.expect(must(store->doubt_count(), "count") == expected.size(), "the doubts are miscounted " + when);
    };
    check({"e", "d", "b", "a"}, "before a settlement");
    const auto page = must(store->doubts(std::nullopt, 1), "doubts");
    if (judge_.expect(page.size() == 1 && page[0].entry, "a page of one has not one")) {
      same(page[0], claim_of("e", 0));
      same(page[0], seal_of(claim_of("e", 0), NonceState::in_doubt));
    }
    must(store->seal(seal_of(claim_of("d", 1), NonceState::sealed)), "settle");
    check({"e", "b", "a"}, "after a settlement");
    if (factory_.reopen) {
      store.reset();
      store = factory_.reopen();
      if (!judge_.expect(store != nullptr, "the store did not open again")) return;
      check({"e", "b", "a"}, "after a restart");
      must(store->seal(seal_of(claim_of("a", 4), NonceState::sealed)), "settle");
      must(store->seal(seal_of(claim_of("c", 2), NonceState::in_doubt)), "an orphan in doubt");
      check({"e", "b", "c"}, "of another process");
    }
  }

  void no_next_attempt() {
    auto store = factory_.create();
    const Claim first = claim_of("n-1");
    claim(*store, first);
    Seal seal = nothing_happened(first);
    (void)store->seal(seal);
    const auto answer = store->claim(attempt_of(first, 2));
    judge_.expect(!answer.ok() || answer->kind != Kind::fresh, "a further attempt was opened");
  }

  void one_seal() {
    auto store = factory_.create();
    for (int round = 0; round < std::max(1, factory_.rounds / 10); ++round) {
      const std::string nonce = "n-" + std::to_string(round);
      const Claim next = claim_of(nonce, round);
      claim(*store, next);
      std::atomic<int> sealed = 0;
      std::atomic<int> refused = 0;
      on_threads(factory_.threads, [&](int i) {
        const std::string result = std::to_string(i);
        Seal seal = seal_of(next, NonceState::sealed);
        seal.result = result;
        auto answer = store->seal(seal);
        if (answer.ok()) ++sealed;
        if (answer.code() == Code::invalid_argument) ++refused;
      });
      judge_.expect(sealed == 1 && sealed + refused == factory_.threads, std::to_string(sealed) + " seals succeeded");
    }
  }

  void many_nonces() {
    auto store = factory_.create();
    constexpr int each = 5;
    std::atomic<int> wrong = 0;
    on_threads(factory_.threads, [&](int i) {
      for (int j = 0; j < each; ++j) {
        const std::string nonce = "n-" + std::to_string(i) + "-" + std::to_string(j);
        const Claim next = claim_of(nonce, i * each + j);
        auto answer = store->claim(next);
        if (!answer.ok() || answer->kind != Kind::fresh) ++wrong;
        if (!store->seal(seal_of(next, NonceState::sealed)).ok()) ++wrong;
        auto record = store->find("acme", nonce);
        if (!record.ok() || !*record || (*record)->state != NonceState::sealed) ++wrong;
      }
    });
    judge_.expect(wrong == 0, std::to_string(wrong) + " calls went wrong");
    if (ReceiptLog* log = store->log())
      judge_.expect(must(log->size(), "size") == static_cast<std::uint64_t>(factory_.threads * each),
                    "the log has another size");
  }

  void survives() {
    auto store = factory_.create();
    const bool own_log = store->log() != nullptr;
    Claim sealed = claim_of("sealed", 1);
    sealed.approval_id = "a-1";
    sealed.approval = R"({"id":"a-1"})";
    sealed.approval_digest = digest(3);
    const Claim doubtful = claim_of("doubtful", 2);
    const Claim running = claim_of("running", 3);
    for (const Claim& next : {sealed, doubtful, running}) claim(*store, next);
    const Seal seal = seal_of(sealed, NonceState::sealed, R"({"n":1})");
    const Seal doubt = seal_of(doubtful, NonceState::in_doubt, R"({"n":2})");
    must(store->seal(seal), "seal");
    must(store->seal(doubt), "in doubt");
    must(store->pin("hasher", "jcs-sha256"), "pin");
    for (int time = 0; time < 2; ++time) {
      store.reset();
      store = factory_.reopen();
      if (!judge_.expect(store != nullptr, "the store did not open again")) return;
      same(found(*store, "sealed"), seal);
      same(found(*store, "sealed"), sealed);
      same(found(*store, "doubtful"), doubt);
      same(found(*store, "running"), running);
      for (const Claim& next : {sealed, doubtful, running})
        judge_.expect(claim(*store, next) == Kind::exists, "a nonce was fresh again after a restart");
      Claim thief = claim_of("thief", 4);
      thief.approval_id = "a-1";
      judge_.expect(claim(*store, thief) == Kind::approval_spent, "an approval was fresh again after a restart");
      judge_.refused(store->pin("hasher", "other"), Code::store_failed, "a pin was lost");
      judge_.expect(must(store->latest(), "latest").micros == 2'000, "the highest time was lost");
      judge_.refused(store->seal(seal).status(), Code::invalid_argument, "a seal was lost");
      if (own_log) {
        const auto lines = must(store->log()->read(0, 10), "read");
        judge_.expect(lines.size() == 2 && lines[0].json == seal.entry && lines[1].json == doubt.entry,
                      "the log was lost");
      } else {
        judge_.expect(must(store->unlogged(), "unlogged").size() == 2, "the outbox was lost");
      }
    }
  }

  void orphans_after_restart() {
    auto store = factory_.create();
    std::vector<std::string> nonces;
    for (int i = 0; i < 6; ++i) nonces.push_back("n-" + std::to_string(9 - i));  // names in another order than claims
    for (int i = 0; i < 6; ++i) claim(*store, claim_of(nonces[static_cast<std::size_t>(i)], i));
    must(store->seal(seal_of(claim_of(nonces[1], 1), NonceState::sealed)), "seal");
    must(store->seal(seal_of(claim_of(nonces[3], 3), NonceState::in_doubt)), "in doubt");
    store.reset();
    store = factory_.reopen();
    if (!judge_.expect(store != nullptr, "the store did not open again")) return;
    claim(*store, claim_of("new", 100));
    auto orphans = must(store->orphans(), "orphans");
    std::vector<std::string> found_nonces;
    for (const NonceRecord& orphan : orphans) found_nonces.push_back(orphan.nonce);
    judge_.expect(found_nonces == std::vector<std::string>{nonces[0], nonces[2], nonces[4], nonces[5]},
                  "the orphans are not the claims that died, in order");
    if (!orphans.empty()) same(orphans[0], claim_of(nonces[0], 0));
    must(store->seal(seal_of(claim_of(nonces[0], 0), NonceState::in_doubt)), "an orphan in doubt");
    judge_.expect(must(store->orphans(), "orphans").size() == 3, "an orphan in doubt stayed an orphan");
    store.reset();
    store = factory_.reopen();
    if (!judge_.expect(store != nullptr, "the store did not open again")) return;
    judge_.expect(must(store->orphans(), "orphans").size() == 4,
                  "orphans were lost, or the second process's claim was not one");
  }

  StoreFactory factory_;
  Judge judge_;
};

inline Failures run_store_suite(const StoreFactory& factory) { return StoreSuite(factory).run(); }

}  // namespace openexec::contract
