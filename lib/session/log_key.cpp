// SPDX-License-Identifier: Apache-2.0
#include "session/log_key.hpp"

#include <utility>

#include "base/assert.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/pem.hpp"
#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

Result<crypto::PrivateKey> read_key(std::string_view pem) {
  return crypto::PrivateKey::from_pem(crypto::with_line_breaks(pem));
}

/// Derives a unique name from the key, for a log whose options name none.
std::string origin_of(const crypto::PublicKey& key) { return "openexec/" + key.fingerprint().substr(0, 16); }

Result<merkle::CheckpointSigner> signer_of(const crypto::PrivateKey& key, const std::string& origin) {
  Result<merkle::NoteSigner> log = merkle::NoteSigner::make(origin.empty() ? origin_of(key.public_key()) : origin, key);
  if (!log.ok()) return log.status();
  return merkle::CheckpointSigner::make(*std::move(log));
}

template <class T>
T or_throw(Result<T> result, std::string_view what) {
  if (!result.ok()) throw StoreFailure(std::string(what) + ": " + result.status().detail());
  return *std::move(result);
}

crypto::PrivateKey new_key(const std::string& file) {
  crypto::PrivateKey key = or_throw(crypto::PrivateKey::generate(), "the log's key");
  const std::string pem = or_throw(key.to_pem(), "the log's key");
  if (!create_file(file, pem)) throw StoreFailure("the log's key: another process made one just now");
  return key;
}

crypto::PrivateKey key_of(const LogOptions& options, const LedgerPath& path, bool recorded) {
  if (!options.key_pem.empty()) return or_throw(read_key(options.key_pem), "the log's key");
  const std::string file = path.log_key();
  std::string pem;
  if (read_file(file, crypto::max_pem_bytes, pem)) return or_throw(read_key(pem), "the log's key in " + file);
  if (recorded) throw StoreFailure("the log's key is missing: expected in " + file);
  return new_key(file);
}

}  // namespace

Status check(const LogOptions& options) {
  if (!options.origin.empty()) {
    const auto any_key = crypto::PrivateKey::from_seed(std::string(32, '\1'));
    if (!any_key.ok()) return {Code::store_failed, any_key.status().detail()};
    if (const auto signer = signer_of(*any_key, options.origin); !signer.ok())
      return {Code::invalid_argument, "log.origin: " + signer.status().detail()};
  }
  if (options.key_pem.empty()) return Status::success();
  if (const auto key = read_key(options.key_pem); !key.ok())
    return {Code::invalid_argument, "log.key_pem: " + key.status().detail()};
  return Status::success();
}

merkle::CheckpointSigner open_signer(const LogOptions& options, const LedgerPath& path,
                                     const std::optional<std::string>& recorded) {
  OPENEXEC_ASSERT(check(options).ok(), "log key: the options were checked");
  const crypto::PrivateKey key = key_of(options, path, recorded.has_value());
  if (!recorded) return or_throw(signer_of(key, options.origin), "the log's key");
  const auto known = or_throw(merkle::VerifierKey::parse(*recorded), "the ledger is damaged: its log's verifier key");
  if (!options.origin.empty() && options.origin != known.name())
    throw StoreFailure("the ledger's log has another origin: " + known.name());
  merkle::CheckpointSigner signer = or_throw(signer_of(key, known.name()), "the log's key");
  if (signer.verifier_key().write() != *recorded) throw StoreFailure("the ledger's log has another key: " + *recorded);
  return signer;
}

std::optional<merkle::CheckpointSigner> passing_signer() {
  const auto key = crypto::PrivateKey::generate();
  if (!key.ok()) return std::nullopt;
  auto signer = signer_of(*key, {});
  if (!signer.ok()) return std::nullopt;
  return *std::move(signer);
}

}  // namespace openexec::store
