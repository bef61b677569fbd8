// SPDX-License-Identifier: Apache-2.0
#include "rows/rules.hpp"

#include <array>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "crypto/sha256.hpp"
#include "merkle/hash.hpp"

namespace openexec::store {
namespace {

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

Status check_length(std::string_view field, std::string_view value, std::size_t most) {
  if (value.size() <= most) return Status::success();
  return wrong(std::string(field) + ": over " + std::to_string(most) + " bytes");
}

Status check_entry(std::string_view entry) {
  if (entry.empty()) return wrong("entry: empty");
  return check_length("entry", entry, max_entry_bytes);
}

/// Little-endian, so that a key means the same on every machine.
std::array<char, 8> length_prefix(std::string_view text) noexcept {
  std::array<char, 8> bytes{};
  std::uint64_t size = text.size();
  for (char& byte : bytes) {
    byte = static_cast<char>(size & 0xff);
    size >>= 8;
  }
  return bytes;
}

}  // namespace

Status check(const Claim& claim) {
  if (claim.nonce.empty()) return wrong("nonce: empty");
  if (claim.attempt == 0) return wrong("attempt: the first is 1");
  for (const auto& [field, value] : {std::pair<std::string_view, std::string_view>{"tenant", claim.tenant},
                                     {"nonce", claim.nonce},
                                     {"action", claim.action},
                                     {"approval_id", claim.approval_id},
                                     {"predecessor", claim.predecessor}})
    if (Status status = check_length(field, value, max_name_bytes); !status.ok()) return status;
  return check_length("approval", claim.approval, max_entry_bytes);
}

Status check(const Seal& seal) {
  if (seal.state != NonceState::sealed && seal.state != NonceState::in_doubt)
    return wrong("state: a seal is sealed or in_doubt");
  const bool nothing_happened =
      seal.state == NonceState::sealed && seal.code == Code::handler_failed && seal.effect == Effect::none;
  if (seal.retryable && !nothing_happened) return wrong("retryable: only of a failure whose effect is none");
  if (Status status = check_length("result", seal.result, max_result_bytes); !status.ok()) return status;
  return check_entry(seal.entry);
}

Status check(const NewEntry& entry) { return check_entry(entry.json); }

Status check(const ControlChange& change) {
  const ControlName& name = change.name;
  if (name.id.empty() != (name.kind == ControlKind::halt)) return wrong("id: missing, or a halt has one");
  if (!change.stands && name.kind != ControlKind::halt) return wrong("stands: only a halt can be lifted");
  for (const auto& [field, value] :
       {std::pair<std::string_view, std::string_view>{"id", name.id}, {"tenant", name.tenant}})
    if (Status status = check_length(field, value, max_name_bytes); !status.ok()) return status;
  return check_entry(change.entry);
}

Status check_pin(std::string_view key, std::string_view value) {
  if (key.empty()) return wrong("key: empty");
  if (Status status = check_length("key", key, max_name_bytes); !status.ok()) return status;
  return check_length("value", value, max_name_bytes);
}

std::string_view token_of(std::string_view approval_id) noexcept {
  return approval_id.substr(0, approval_id.find('\n'));
}

bool of_one_plan(std::string_view approval_id, std::string_view other) noexcept {
  const auto plan = [](std::string_view id) {  // behind the second line feed
    const std::size_t first = id.find('\n');
    const std::size_t second = first == id.npos ? first : id.find('\n', first + 1);
    return second == id.npos ? std::string_view() : id.substr(second);
  };
  const std::string_view ours = plan(approval_id);
  return !ours.empty() && ours == plan(other);
}

bool same_request(const NonceRecord& record, const Claim& claim) noexcept {
  return record.exec_id == claim.exec_id && record.request_hash == claim.request_hash;
}

bool opens_next_attempt(const NonceRecord& record, const Claim& claim) noexcept {
  if (claim.attempt <= 1 || !OPENEXEC_HOLDS(same_request(record, claim), "an attempt is of the request before it"))
    return false;
  return claim.attempt - 1 == record.attempt && record.state == NonceState::sealed && record.retryable &&
         record.approval_digest == claim.approval_digest;
}

Status no_attempt_before() { return wrong("attempt: the nonce has no attempt before it"); }

Status check_transition(const NonceRecord& record, const Seal& seal) {
  if (record.exec_id != seal.exec_id) return wrong("exec_id: the nonce was claimed by another request");
  if (record.attempt != seal.attempt) return wrong("attempt: not the newest of its nonce");
  if (seal.retryable && record.state != NonceState::claimed) return wrong("retryable: it was in doubt, or has ended");
  if (record.state == NonceState::claimed) return Status::success();
  if (record.state == NonceState::in_doubt && seal.state == NonceState::sealed) return Status::success();
  return wrong(record.state == NonceState::sealed ? "nonce: already sealed" : "nonce: already in doubt");
}

Status never_claimed() { return wrong("nonce: never claimed"); }

Status not_its_own() { return wrong("retryable: the attempt is not this process's"); }

Status pinned_otherwise(std::string_view key) {
  return {Code::store_failed, "the store was written under another " + std::string(key)};
}

Digest leaf_hash(std::string_view entry) noexcept { return merkle::leaf_hash(entry); }

Digest pair_key(std::string_view tenant, std::string_view id) noexcept {
  const auto tenant_size = length_prefix(tenant);
  const auto id_size = length_prefix(id);
  return crypto::sha256({{tenant_size.data(), tenant_size.size()}, tenant, {id_size.data(), id_size.size()}, id});
}

}  // namespace openexec::store
