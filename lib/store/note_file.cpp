#include "store/note_file.hpp"

#include <cstdio>

#include "merkle/note.hpp"
#include "store/descriptor.hpp"

namespace openexec::store {

std::optional<std::string> read_note_file(const std::string& path) {
  std::string text;
  if (!read_file(path, merkle::max_note_bytes, text)) return std::nullopt;
  return text;
}

void replace_note_file(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  remove_if_there(draft);
  if (!create_file(draft, text)) fail("cannot create " + draft, EEXIST);
  if (std::rename(draft.c_str(), path.c_str()) != 0) fail("cannot name " + path);
  sync_folder(folder_of(path));
}

}  // namespace openexec::store
