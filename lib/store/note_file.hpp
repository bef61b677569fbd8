// A signed note in a file of its own, which is replaced as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openexec::store {

/// What the file holds; nothing where there is none. Throws StoreFailure where it cannot be read, is no regular file or
/// is larger than a note.
std::optional<std::string> read_note_file(const std::string& path);

/// Replaces what the file holds, durably: whoever reads it, whenever the machine dies, finds the old text or the new one.
/// Throws StoreFailure.
void replace_note_file(const std::string& path, std::string_view text);

}  // namespace openexec::store
