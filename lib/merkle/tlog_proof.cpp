// SPDX-License-Identifier: Apache-2.0
#include "merkle/tlog_proof.hpp"

#include "base/text.hpp"
#include "merkle/lines.hpp"

namespace openexec::merkle {
namespace {

constexpr std::string_view first_line = "c2sp.org/tlog-proof@v1";

Status wrong(std::string_view breach) { return {Code::invalid_argument, std::string("proof: ").append(breach)}; }

Status in_line(const Lines& lines, std::string_view breach) {
  return wrong("line " + std::to_string(lines.number()) + ": " + std::string(breach));
}

/// Returns what follows `word` and a space, or nullopt if the line does not begin with them.
std::optional<std::string_view> after(std::string_view word, std::string_view line) {
  if (!line.starts_with(word) || line.substr(word.size(), 1) != " ") return std::nullopt;
  return line.substr(word.size() + 1);
}

}  // namespace

Result<TlogProof> TlogProof::parse(std::string_view text) {
  if (text.size() > max_proof_bytes) return wrong("over " + std::to_string(max_proof_bytes) + " bytes");
  TlogProof read;
  Lines lines(text);
  if (lines.next() != first_line) return wrong("line 1: not " + std::string(first_line));

  std::string_view line = lines.next().value_or("");
  if (const auto extra = after("extra", line)) {
    read.extra = base::unbase64(*extra);
    if (!read.extra || read.extra->empty()) return in_line(lines, "extra: not base64 in its one spelling");
    if (read.extra->size() > max_extra_bytes)
      return in_line(lines, "extra: over " + std::to_string(max_extra_bytes) + " bytes");
    line = lines.next().value_or("");
  }
  const auto index = read_number(after("index", line).value_or(""));
  if (!index) return in_line(lines, "index: not a decimal number in its one spelling");
  read.index = *index;

  for (;;) {
    const auto next = lines.next();
    if (!next) return wrong("no empty line before the checkpoint");
    if (next->empty()) break;
    const auto hash = read_hash(*next);
    if (!hash) return in_line(lines, "not the base64 of 32 bytes");
    if (read.hashes.size() == max_proof_hashes)
      return in_line(lines, "over " + std::to_string(max_proof_hashes) + " hashes");
    read.hashes.push_back(*hash);
  }
  read.checkpoint = lines.rest();
  if (read.checkpoint.empty()) return wrong("no checkpoint");
  return read;
}

Result<std::string> TlogProof::write() const {
  if (extra && (extra->empty() || extra->size() > max_extra_bytes)) return wrong("extra: empty, or too long");
  if (hashes.size() > max_proof_hashes) return wrong("over " + std::to_string(max_proof_hashes) + " hashes");
  if (checkpoint.empty()) return wrong("no checkpoint");
  std::string text = std::string(first_line) + "\n";
  if (extra) text.append("extra ").append(base::base64(*extra)).append("\n");
  text.append("index ").append(std::to_string(index)).append("\n");
  for (const Digest& hash : hashes) text.append(hash_text(hash)).append("\n");
  text.append("\n").append(checkpoint);
  if (text.size() > max_proof_bytes) return wrong("over " + std::to_string(max_proof_bytes) + " bytes");
  return text;
}

}  // namespace openexec::merkle
