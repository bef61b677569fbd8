// SPDX-License-Identifier: Apache-2.0
#include "merkle/note.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "crypto/sha256.hpp"
#include "merkle/lines.hpp"

namespace openexec::merkle {
namespace {

constexpr std::string_view dash = "\xe2\x80\x94 ";  // U+2014 and a space: how a signature line begins
constexpr std::size_t id_bytes = 4;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t ed25519_bytes = 64;

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

Status in_line(std::size_t number, std::string_view breach) {
  return wrong("signature line " + std::to_string(number) + ": " + std::string(breach));
}

/// Big-endian.
template <class Number>
std::string bytes_of(Number number) {
  std::string bytes(sizeof number, '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, number >>= 8) *byte = static_cast<char>(number & 0xff);
  return bytes;
}

template <class Number>
Number number_of(std::string_view bytes) noexcept {
  Number number = 0;
  for (const char byte : bytes.substr(0, sizeof number)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

/// What Unicode counts as white space. In UTF-8 no character begins inside another, so finding the bytes is enough.
bool has_space(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 25> spaces{
      "\t",           "\n",           "\v",           "\f",           "\r",           " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
      "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
      "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
      "\xe3\x80\x80"};
  return std::any_of(spaces.begin(), spaces.end(),
                     [&](std::string_view space) { return text.find(space) != std::string_view::npos; });
}

/// Validates the name of a key. Used by signing and by verification.
Status check_name(std::string_view name) {
  if (name.empty()) return wrong("the key's name is empty");
  if (Status status = check_characters(name); !status.ok()) return wrong("the key's name: " + status.detail());
  if (name.find('+') != std::string_view::npos || has_space(name)) return wrong("the key's name has a space or a plus");
  return Status::success();
}

Result<NoteSignature> read_signature(std::string_view line, std::size_t number) {
  if (!line.starts_with(dash)) return in_line(number, "does not begin with a dash and a space");
  line.remove_prefix(dash.size());
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, space);
  if (Status status = check_name(name); !status.ok()) return in_line(number, status.detail());
  const auto bytes = base::unbase64(line.substr(std::min(space + 1, line.size())));
  if (!bytes) return in_line(number, "not base64 in its one spelling");
  if (bytes->size() <= id_bytes) return in_line(number, "no signature behind the key's id");
  return NoteSignature{std::string(name), number_of<std::uint32_t>(*bytes), bytes->substr(id_bytes)};
}

Status check_text(std::string_view text) {
  if (!text.ends_with('\n')) return wrong("the text does not end in a line feed");
  return check_characters(text);
}

}  // namespace

std::optional<std::string_view> note_text(std::string_view note) noexcept {
  const std::size_t empty_line = note.rfind("\n\n");
  if (empty_line == std::string_view::npos) return std::nullopt;
  return note.substr(0, empty_line + 1);
}

Result<Note> Note::parse(std::string_view note) {
  if (note.size() > max_note_bytes) return wrong("over " + std::to_string(max_note_bytes) + " bytes");
  if (Status status = check_characters(note); !status.ok()) return status;
  const auto text = note_text(note);
  if (!text) return wrong("no empty line before the signatures");
  Note read{std::string(*text), {}};
  Lines lines(note.substr(text->size() + 1));
  while (const auto line = lines.next()) {
    if (lines.number() > max_note_signatures)
      return wrong("over " + std::to_string(max_note_signatures) + " signature lines");
    Result<NoteSignature> signature = read_signature(*line, lines.number());
    if (!signature.ok()) return signature.status();
    read.signatures.push_back(*std::move(signature));
  }
  if (!lines.rest().empty()) return wrong("the last line does not end in a line feed");
  if (read.signatures.empty()) return wrong("no signature line");
  return read;
}

void append_signature(const NoteSignature& signature, std::string& note) {
  OPENEXEC_ASSERT_SLOW(check_name(signature.name).ok(), "a signature line names a key");
  note.append(dash).append(signature.name).append(" ");
  note.append(base::base64(bytes_of(signature.key_id) + signature.bytes)).append("\n");
}

Result<std::string> Note::write() const {
  if (Status status = check_text(text); !status.ok()) return status;
  if (signatures.empty()) return wrong("no signature line");
  if (signatures.size() > max_note_signatures)
    return wrong("over " + std::to_string(max_note_signatures) + " signature lines");
  std::string note = text + "\n";
  for (const NoteSignature& signature : signatures) {
    if (Status status = check_name(signature.name); !status.ok()) return status;
    if (signature.bytes.empty()) return wrong("a signature is empty");
    append_signature(signature, note);
  }
  if (note.size() > max_note_bytes) return wrong("over " + std::to_string(max_note_bytes) + " bytes");
  return note;
}

VerifierKey::VerifierKey(std::string_view name, KeyType type, const crypto::PublicKey& key)
    : name_(name), id_(0), type_(type), key_(key) {
  const auto type_byte = static_cast<char>(type);
  const Digest digest = crypto::sha256({name, "\n", {&type_byte, 1}, key.raw()});
  id_ = number_of<std::uint32_t>({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<VerifierKey> VerifierKey::make(std::string_view name, KeyType type, const crypto::PublicKey& key) {
  if (Status status = check_name(name); !status.ok()) return status;
  return VerifierKey(name, type, key);
}

Result<VerifierKey> VerifierKey::parse(std::string_view vkey) {
  const std::size_t name_end = vkey.find('+');
  const std::size_t id_end = name_end == std::string_view::npos ? name_end : vkey.find('+', name_end + 1);
  if (id_end == std::string_view::npos) return wrong("verifier key: not of the form name+id+key");
  const auto bytes = base::unbase64(vkey.substr(id_end + 1));
  if (!bytes || bytes->empty()) return wrong("verifier key: the key is not base64 in its one spelling");
  const auto type = static_cast<std::uint8_t>(bytes->front());
  if (type != static_cast<std::uint8_t>(KeyType::ed25519) && type != static_cast<std::uint8_t>(KeyType::cosignature_v1))
    return wrong("verifier key: keys of type " + std::to_string(type) + " are not supported");
  if (bytes->size() != 1 + key_bytes) return wrong("verifier key: an Ed25519 key has 32 bytes");
  const auto key = crypto::PublicKey::from_raw(std::string_view(*bytes).substr(1));
  if (!key.ok()) return wrong("verifier key: " + key.status().detail());
  Result<VerifierKey> read = make(vkey.substr(0, name_end), static_cast<KeyType>(type), *key);
  if (!read.ok()) return wrong("verifier key: " + read.status().detail());
  if (read->write() != vkey) return wrong("verifier key: the id is not that of name, type and key");
  return read;
}

std::string VerifierKey::write() const {
  const std::string id = bytes_of(id_);
  return name_ + "+" + base::hex({reinterpret_cast<const std::uint8_t*>(id.data()), id.size()}) + "+" +
         base::base64(static_cast<char>(type_) + key_.raw());
}

bool VerifierKey::is_of(const NoteSignature& signature) const noexcept {
  return signature.key_id == id_ && signature.name == name_;
}

const NoteSignature* VerifierKey::find_in(const Note& note) const noexcept {
  const auto found = std::find_if(note.signatures.begin(), note.signatures.end(),
                                  [&](const NoteSignature& signature) { return is_of(signature); });
  return found == note.signatures.end() ? nullptr : &*found;
}

Status VerifierKey::verify(std::string_view text, const NoteSignature& signature) const {
  std::string_view bytes = signature.bytes;
  std::string cosigned;
  if (type_ == KeyType::cosignature_v1) {
    const auto time = cosignature_time(signature);
    if (!time) return wrong("a cosignature has not the shape of one");
    cosigned = cosigned_message(*time, text);
    text = cosigned;
    bytes.remove_prefix(time_bytes);
  }
  if (!key_.verify(text, bytes).ok()) return wrong("a signature does not verify");
  return Status::success();
}

Result<OpenedNote> open_note(std::string_view text, std::span<const VerifierKey> known) {
  Result<Note> note = Note::parse(text);
  if (!note.ok()) return note.status();
  OpenedNote opened{std::move(note->text), {}, {}};
  for (const NoteSignature& signature : note->signatures) {
    const auto of_key = [&](const VerifierKey& key) { return key.is_of(signature); };
    const auto key = std::find_if(known.begin(), known.end(), of_key);
    if (key == known.end()) {
      const auto repeated = std::find(opened.unverified.begin(), opened.unverified.end(), signature);
      if (repeated == opened.unverified.end()) opened.unverified.push_back(signature);
      continue;
    }
    if (std::find_if(key + 1, known.end(), of_key) != known.end())
      return wrong("two known keys share the name and id of a signature");
    const auto of_same_key = [&](const NoteSignature& other) { return key->is_of(other); };
    if (std::any_of(opened.verified.begin(), opened.verified.end(), of_same_key)) continue;
    if (Status status = key->verify(opened.text, signature); !status.ok()) return status;
    opened.verified.push_back(signature);
  }
  if (opened.verified.empty()) return wrong("no signature of a known key");
  return opened;
}

Result<NoteSigner> NoteSigner::make(std::string_view name, const crypto::PrivateKey& key) {
  Result<VerifierKey> verifier_key = VerifierKey::make(name, KeyType::ed25519, key.public_key());
  if (!verifier_key.ok()) return verifier_key.status();
  return NoteSigner(*std::move(verifier_key), key);
}

NoteSignature NoteSigner::sign(std::string_view text) const {
  return {verifier_key_.name(), verifier_key_.id(), key_.sign(text)};
}

Result<Cosigner> Cosigner::make(std::string_view name, const crypto::PrivateKey& key) {
  Result<VerifierKey> verifier_key = VerifierKey::make(name, KeyType::cosignature_v1, key.public_key());
  if (!verifier_key.ok()) return verifier_key.status();
  return Cosigner(*std::move(verifier_key), key);
}

Result<NoteSignature> Cosigner::cosign(std::string_view text, std::uint64_t time) const {
  NoteSignature signature{verifier_key_.name(), verifier_key_.id(),
                          bytes_of(time) + key_.sign(cosigned_message(time, text))};
  if (!cosignature_time(signature)) return wrong("the time is beyond 2^63 - 1");
  return signature;
}

std::string cosigned_message(std::uint64_t time, std::string_view text) {
  return "cosignature/v1\ntime " + std::to_string(time) + "\n" + std::string(text);
}

std::optional<std::uint64_t> cosignature_time(const NoteSignature& signature) noexcept {
  if (signature.bytes.size() != time_bytes + ed25519_bytes) return std::nullopt;
  const auto time = number_of<std::uint64_t>(signature.bytes);
  if (time > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return time;
}

}  // namespace openexec::merkle
