// SPDX-License-Identifier: Apache-2.0
#include "witness/witness.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "crypto/sha256.hpp"
#include "merkle/hash.hpp"

namespace openexec::witness {
namespace {

using Kind = Answer::Kind;

Answer refuse(Kind kind, std::string detail) { return {kind, detail + "\n", detail, {}, 0}; }

/// The only text of a conflict is the size to try again from.
Answer conflict(std::uint64_t size, std::string detail) {
  return {Kind::conflict, std::to_string(size) + "\n", std::move(detail), {}, 0};
}

}  // namespace

int http_status(Kind kind) noexcept {
  switch (kind) {
    case Kind::cosigned: return 200;
    case Kind::malformed: return 400;
    case Kind::not_signed: return 403;
    case Kind::unknown_log: return 404;
    case Kind::conflict: return 409;
    case Kind::unproven: return 422;
    case Kind::failed: break;
  }
  return 503;
}

std::string_view name(Kind kind) noexcept {
  switch (kind) {
    case Kind::cosigned: return "cosigned";
    case Kind::malformed: return "malformed";
    case Kind::not_signed: return "not_signed";
    case Kind::unknown_log: return "unknown_log";
    case Kind::conflict: return "conflict";
    case Kind::unproven: return "unproven";
    case Kind::failed: break;
  }
  return "failed";
}

Result<TrustedLog> TrustedLog::parse(std::string_view line) {
  const std::size_t space = line.find(' ');
  auto key = merkle::VerifierKey::parse(line.substr(0, space));
  if (!key.ok()) return key.status();
  if (key->type() != merkle::KeyType::ed25519)
    return Status(Code::invalid_argument, "the key of " + key->name() + " is a witness's, not a log's");
  std::string origin = space == line.npos ? key->name() : std::string(line.substr(space + 1));
  if (origin.empty()) return Status(Code::invalid_argument, "the origin behind the key is empty");
  return TrustedLog{std::move(origin), *std::move(key)};
}

Witness::Witness(merkle::Cosigner key, std::vector<TrustedLog> logs, State state)
    : key_(std::move(key)), logs_(std::move(logs)), state_(std::move(state)) {}

Result<Witness> Witness::make(const crypto::PrivateKey& key, std::vector<TrustedLog> logs, State state) {
  const auto own = merkle::VerifierKey::parse(state.verifier_key());
  if (!own.ok())
    return Status(Code::invalid_argument, "the state is damaged: its witness's key: " + own.status().detail());
  auto cosigner = merkle::Cosigner::make(own->name(), key);
  if (!cosigner.ok()) return cosigner.status();
  if (cosigner->verifier_key().write() != state.verifier_key())
    return Status(Code::invalid_argument,
                  "the key is not the one that the state belongs to, which is " + state.verifier_key());
  return Witness(*std::move(cosigner), std::move(logs), std::move(state));
}

std::optional<Answer> Witness::check_signature(const AddCheckpoint& request) const {
  std::vector<const merkle::VerifierKey*> trusted;
  for (const TrustedLog& log : logs_)
    if (log.origin == request.checkpoint.origin) trusted.push_back(&log.key);
  if (trusted.empty()) return refuse(Kind::unknown_log, "unknown log");

  const auto note = merkle::Note::parse(request.note);
  if (!note.ok()) return refuse(Kind::not_signed, "invalid signature: " + note.status().detail());
  bool is_signed = false;
  for (const merkle::VerifierKey* log : trusted) {
    const merkle::NoteSignature* signature = log->find_in(*note);
    if (signature == nullptr) continue;
    if (!log->verify(note->text, *signature).ok())
      return refuse(Kind::not_signed, "invalid signature of a key that is trusted for this log");
    is_signed = true;
  }
  if (!is_signed) return refuse(Kind::not_signed, "no signature of a key that is trusted for this log");
  return std::nullopt;
}

std::optional<Answer> Witness::check_history(const AddCheckpoint& request, const Remembered& latest) {
  const merkle::TreeHead& next = request.checkpoint.head;
  if (!latest.confirmed)
    return refuse(Kind::failed, "the state was adopted, and the newest checkpoint of this log is not confirmed yet");
  if (request.old_size != latest.head.size)
    return conflict(latest.head.size, "the old size is not that of the newest tree");
  if (next.size == 0 && next.root != merkle::empty_root())
    return refuse(Kind::unproven, "consistency proof: the root of an empty tree is SHA-256 of nothing");
  if (next.size == latest.head.size && next.root != latest.head.root) {
    // Both notes bear the log's signature: they prove to a reader that it has two histories.
    const Status kept = state_.keep_conflict(latest.origin, request.note);
    return conflict(latest.head.size, std::string("SPLIT VIEW: a tree of equal size with another root") +
                                          (kept.ok() ? "" : ", which could not be kept: " + kept.detail()));
  }
  if (!merkle::verify_consistency(latest.head, next, request.proof).ok())
    return refuse(Kind::unproven, "the consistency proof does not verify");
  return std::nullopt;
}

Answer Witness::checkpoint(std::string_view origin_hash) try {
  const auto log = std::find_if(logs_.begin(), logs_.end(), [&](const TrustedLog& each) {
    return to_hex(crypto::sha256(each.origin)) == origin_hash;
  });
  if (log == logs_.end()) return refuse(Kind::unknown_log, "no log with this hash of its origin is cosigned here");
  const auto latest = state_.latest(log->origin);
  if (!latest.ok()) return refuse(Kind::failed, "the state: " + latest.status().detail());
  const auto note = merkle::Note::parse(latest->checkpoint);
  if (!latest->confirmed || !note.ok()) return refuse(Kind::unknown_log, "no checkpoint of this log was cosigned yet");
  Answer answer{Kind::cosigned, note->text + "\n", {}, log->origin, latest->head.size};
  for (const TrustedLog& each : logs_) {
    const auto* signature = each.origin == log->origin ? each.key.find_in(*note) : nullptr;
    if (signature != nullptr && each.key.verify(note->text, *signature).ok())
      merkle::append_signature(*signature, answer.body);
  }
  // The same bytes as the first time: the time is the one that was signed, and Ed25519 has no other input.
  const auto ours = key_.cosign(note->text, static_cast<std::uint64_t>(latest->at.micros / 1'000'000));
  if (!ours.ok()) return refuse(Kind::failed, ours.status().detail());
  merkle::append_signature(*ours, answer.body);
  return answer;
} catch (const std::exception& failed) {
  return refuse(Kind::failed, failed.what());
}

Answer Witness::cosign(const AddCheckpoint& request, Timestamp now) const {
  if (now.micros < 0) return refuse(Kind::failed, "the clock stands before 1970");
  const auto signature =
      key_.cosign(*merkle::note_text(request.note), static_cast<std::uint64_t>(now.micros / 1'000'000));
  if (!signature.ok()) return refuse(Kind::failed, signature.status().detail());
  Answer answer;
  merkle::append_signature(*signature, answer.body);
  answer.kind = Kind::cosigned;
  return answer;
}

Answer Witness::add_checkpoint(std::string_view body, Timestamp now) try {
  const auto request = AddCheckpoint::parse(body);
  if (!request.ok()) return refuse(Kind::malformed, request.status().detail());
  if (auto refused = check_signature(*request)) return *refused;

  // From here on the log is known, and its signature of this checkpoint is verified.
  const auto about_it = [&](Answer answer) {
    answer.origin = request->checkpoint.origin;
    answer.size = request->checkpoint.head.size;
    return answer;
  };
  const auto latest = state_.latest(request->checkpoint.origin);
  if (!latest.ok()) return about_it(refuse(Kind::failed, "the state: " + latest.status().detail()));
  if (auto refused = check_history(*request, *latest)) return about_it(*refused);

  // The same holds if the tree is unchanged. The time of a cosignature never goes back, whatever the clock does.
  const Timestamp at = std::max(now, latest->at);
  const auto advanced = state_.advance(latest->head, {latest->origin, request->checkpoint.head, request->note, at, {}});
  if (!advanced.ok()) return about_it(refuse(Kind::failed, "the state: " + advanced.status().detail()));
  if (*advanced != State::Advance::done) {
    const auto newest = state_.latest(latest->origin);
    if (!newest.ok()) return about_it(refuse(Kind::failed, "the state: " + newest.status().detail()));
    return about_it(conflict(newest->head.size, "another request was faster"));
  }
  return about_it(cosign(*request, at));
} catch (const std::exception& failed) {
  return refuse(Kind::failed, failed.what());
}

}  // namespace openexec::witness
