// SPDX-License-Identifier: Apache-2.0
// Texts in the form in which rows keep them. A digest in hexadecimal takes 33 bytes in place of 66.
//
// Entries and the notes of approvals are JSON, half of which is digests. JSON has no control characters in it, so one
// can mark what was shortened. A text that has that character is kept as it is.
#pragma once

#include <string>
#include <string_view>

namespace openexec::store {

/// A text in a row. The view lives as long as the row.
struct StoredText {
  std::string_view bytes;
  bool packed = false;

  /// Appends the text. Throws StoreFailure if the bytes are not what append_packed() wrote.
  void append_to(std::string& out) const;
  [[nodiscard]] std::string str() const;
};

/// Appends the text's bytes, shortened if possible, and returns whether they are packed.
bool append_packed(std::string_view text, std::string& out);

}  // namespace openexec::store
