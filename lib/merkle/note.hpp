// SPDX-License-Identifier: Apache-2.0
// Signed notes (C2SP signed-note): a text, an empty line, and the signatures over the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/status.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.hpp"

namespace openexec::merkle {

// The largest note that other implementations open. The Go package accepts no more than this.
inline constexpr std::size_t max_note_bytes = 1'000'000;
inline constexpr std::size_t max_note_signatures = 100;

/// What a key signs, by the byte that stands for it in verifier keys. Keys of other types, such as ECDSA (2), RFC 6962
/// tree heads (5) and ML-DSA (6), are refused, so that no signature is verified by the wrong rules.
enum class KeyType : std::uint8_t {
  ed25519 = 0x01,         ///< the note's text: logs
  cosignature_v1 = 0x04,  ///< the note's text behind a time (C2SP tlog-cosignature): witnesses
};

/// One signature line. Another key may have the same name and id. If a known key has both, its signature must verify.
struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  std::string bytes;  ///< at least one; for a cosignature the time, 8 bytes big-endian, and the signature
  bool operator==(const NoteSignature&) const = default;
};

/// A note with all its signatures, before any of them is verified.
struct Note {
  std::string text;  ///< with its last line feed
  std::vector<NoteSignature> signatures;

  /// Accepts UTF-8 without control characters other than the line feed. It consists of a text, the last empty line, 1
  /// to 100 signature lines, and nothing else. Base64 is accepted in canonical form only. Otherwise returns
  /// invalid_argument that names the byte or the signature line.
  static Result<Note> parse(std::string_view note);
  /// Writes the note, or returns invalid_argument if parse() would not read it back.
  [[nodiscard]] Result<std::string> write() const;
};

/// Appends a signature's line. Precondition: its name is valid for a key, since otherwise parse() would refuse the
/// line.
void append_signature(const NoteSignature& signature, std::string& note);

/// Returns the text of a note, up to its last empty line, without parsing the rest. A witness uses it to learn which
/// log is meant. Returns nullopt if there is no empty line.
std::optional<std::string_view> note_text(std::string_view note) noexcept;

/// A key as its owner publishes it: `name+id+base64(type || key)`, the id in 8 lower-case hex digits.
class VerifierKey {
 public:
  static Result<VerifierKey> parse(std::string_view vkey);
  static Result<VerifierKey> make(std::string_view name, KeyType type, const crypto::PublicKey& key);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] KeyType type() const noexcept { return type_; }
  [[nodiscard]] const crypto::PublicKey& key() const noexcept { return key_; }
  [[nodiscard]] std::string write() const;

  /// Returns whether the signature bears this key's name and id, and not whether it verifies.
  [[nodiscard]] bool is_of(const NoteSignature& signature) const noexcept;
  /// Returns the first signature of a note that bears them, which is the only one that counts, or null.
  [[nodiscard]] const NoteSignature* find_in(const Note& note) const noexcept;
  /// Returns success if the signature over the text is this key's, and invalid_argument otherwise.
  [[nodiscard]] Status verify(std::string_view text, const NoteSignature& signature) const;

 private:
  VerifierKey(std::string_view name, KeyType type, const crypto::PublicKey& key);
  std::string name_;
  std::uint32_t id_;
  KeyType type_;
  crypto::PublicKey key_;
};

/// A note of which at least one known key signed the text.
struct OpenedNote {
  std::string text;
  std::vector<NoteSignature> verified;    ///< one for each key
  std::vector<NoteSignature> unverified;  ///< of keys that are not known; equal lines once
};
/// Returns invalid_argument if the note is malformed, if no known key signed it, if a known key's signature does not
/// verify, or if two known keys share the name and id of a signature.
Result<OpenedNote> open_note(std::string_view note, std::span<const VerifierKey> known);

// Signers. Thread-safe. Signing throws as crypto::PrivateKey::sign does.

/// Signs the texts of a log, or other texts: type 0x01.
class NoteSigner {
 public:
  static Result<NoteSigner> make(std::string_view name, const crypto::PrivateKey& key);
  [[nodiscard]] const VerifierKey& verifier_key() const noexcept { return verifier_key_; }
  [[nodiscard]] NoteSignature sign(std::string_view text) const;

 private:
  NoteSigner(VerifierKey verifier_key, crypto::PrivateKey key)
      : verifier_key_(std::move(verifier_key)), key_(std::move(key)) {}
  VerifierKey verifier_key_;
  crypto::PrivateKey key_;
};

/// Signs as a witness, with type 0x04. Precondition: the caller has checked that the checkpoint follows from the last
/// one.
class Cosigner {
 public:
  static Result<Cosigner> make(std::string_view name, const crypto::PrivateKey& key);
  [[nodiscard]] const VerifierKey& verifier_key() const noexcept { return verifier_key_; }
  /// `time` is in seconds since 1970, at most 2^63 - 1 (else invalid_argument). `text` is a checkpoint's.
  [[nodiscard]] Result<NoteSignature> cosign(std::string_view text, std::uint64_t time) const;

 private:
  Cosigner(VerifierKey verifier_key, crypto::PrivateKey key)
      : verifier_key_(std::move(verifier_key)), key_(std::move(key)) {}
  VerifierKey verifier_key_;
  crypto::PrivateKey key_;
};

/// Returns the bytes that a cosignature signs.
std::string cosigned_message(std::uint64_t time, std::string_view text);
/// Returns when a cosignature says that it was made, or nullopt if it is malformed.
std::optional<std::uint64_t> cosignature_time(const NoteSignature& signature) noexcept;

}  // namespace openexec::merkle
