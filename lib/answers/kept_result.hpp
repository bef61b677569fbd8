// SPDX-License-Identifier: Apache-2.0
// What is kept of what a handler said.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/handler.hpp>
#include <openexec/receipt.hpp>

#include "answers/buffers.hpp"

namespace openexec::exec {

/// A result in the form in which it is answered, kept and hashed (docs/formats.md, section 5).
struct KeptResult {
  std::string display;
  Digest hash{};  ///< SHA-256 of its jcs form
  ResultForm form = ResultForm::json;
};

/// Keeps the output of a handler that said success. Never refuses: output that is not one strict JSON value of at most
/// `most` bytes becomes an object that carries it. Throws std::bad_alloc.
KeptResult keep_output(const HandlerResult& said, std::size_t most, Reader& reader);

/// Returns the part of a handler's explanation that can be told: well-formed UTF-8 of at most 4,096 bytes.
std::string kept_detail(std::string_view detail);

/// The text that a store keeps of an outcome: its result, and behind a line feed what replays have to know besides. For
/// a result that is the form, where it is not JSON, and for every other outcome the detail. A result in display form
/// has no line feed. Returns an empty text if there is nothing besides.
std::string with_remark(std::string_view result, std::string_view remark);

/// The two parts of that text again.
struct StoredOutcome {
  std::string_view result;
  std::string_view remark;  ///< empty: none
};
StoredOutcome read_stored(std::string_view text) noexcept;
/// The form that the remark of a result names.
ResultForm form_of(std::string_view remark) noexcept;

}  // namespace openexec::exec
