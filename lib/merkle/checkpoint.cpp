// SPDX-License-Identifier: Apache-2.0
#include "merkle/checkpoint.hpp"

#include "merkle/lines.hpp"

namespace openexec::merkle {
namespace {

Status wrong(std::string_view breach) { return {Code::invalid_argument, std::string("checkpoint: ").append(breach)}; }

}  // namespace

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
  if (Status status = check_characters(text); !status.ok()) return wrong(status.detail());
  Checkpoint read;
  Lines lines(text);
  const auto origin = lines.next();
  if (!origin || origin->empty()) return wrong("line 1: no origin");
  read.origin = *origin;
  const auto size = read_number(lines.next().value_or(""));
  if (!size) return wrong("line 2: the size is not a decimal number in its one spelling");
  read.head.size = *size;
  const auto root = read_hash(lines.next().value_or(""));
  if (!root) return wrong("line 3: the root is not the base64 of 32 bytes");
  read.head.root = *root;
  while (const auto line = lines.next()) {
    if (line->empty()) return wrong("line " + std::to_string(lines.number()) + ": empty");
    read.extensions.emplace_back(*line);
  }
  if (!lines.rest().empty()) return wrong("the last line does not end in a line feed");
  return read;
}

Result<std::string> Checkpoint::write() const {
  std::string text = origin + "\n" + std::to_string(head.size) + "\n" + hash_text(head.root) + "\n";
  for (const std::string& line : extensions) text.append(line).append("\n");
  const Result<Checkpoint> back = parse(text);
  if (!back.ok()) return back.status();
  if (*back != *this) return wrong("the origin or an extension has a line feed in it");
  return text;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& log) {
  if (checkpoint.origin != log.verifier_key().name()) return wrong("the origin is not the name of the log's key");
  const Result<std::string> text = checkpoint.write();
  if (!text.ok()) return text.status();
  return Note{*text, {log.sign(*text)}}.write();
}

Result<CheckpointSigner> CheckpointSigner::make(NoteSigner log) {
  const Result<std::string> whole = sign_checkpoint({log.verifier_key().name(), {}, {}}, log);
  if (!whole.ok()) return whole.status();
  return CheckpointSigner(std::move(log));
}

void CheckpointSigner::sign(const TreeHead& head, std::string_view extension, std::string& note) const {
  note.assign(log_.verifier_key().name()).append("\n");
  note.append(std::to_string(head.size)).append("\n").append(hash_text(head.root)).append("\n");
  if (!extension.empty()) note.append(extension).append("\n");
  const NoteSignature signature = log_.sign(note);
  note.append("\n");
  append_signature(signature, note);
}

}  // namespace openexec::merkle
