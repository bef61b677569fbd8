#include "exec/telling.hpp"

#include <openexec/receipt.hpp>

namespace openexec::exec {

const LogLine& telling(std::span<const LogLine> lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const Result<Entry> entry = Entry::from_json(line->json);
    if (entry.ok() && entry->verdict != Verdict::replayed && entry->verdict != Verdict::refused) return *line;
  }
  return lines.back();
}

}  // namespace openexec::exec
