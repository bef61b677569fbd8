// SPDX-License-Identifier: Apache-2.0
// Writes one JSON object, with its members in the given order.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "canon/json.hpp"

namespace openexec::canon {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) {
    name(key);
    if (base::is_utf8(value)) {
      append_jcs_string(value, out_);
    } else {  // bytes of a handler or a client: the answer has to stay valid JSON
      std::string ascii(value);
      for (char& c : ascii)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
      append_jcs_string(ascii, out_);
    }
    return *this;
  }
  JsonObject& text_or_null(std::string_view key, std::string_view value) {
    return value.empty() ? raw(key, "null") : text(key, value);
  }
  template <std::integral Number>
  JsonObject& number(std::string_view key, Number value) {
    return raw(key, std::to_string(value));
  }
  JsonObject& boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  /// `json` is JSON text already.
  JsonObject& raw(std::string_view key, std::string_view json) {
    name(key);
    out_ += json;
    return *this;
  }

  /// Returns the object. This writer must not be used afterwards.
  [[nodiscard]] std::string take() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void name(std::string_view key) {
    if (out_.size() > 1) out_ += ',';
    append_jcs_string(key, out_);
    out_ += ':';
  }
  std::string out_ = "{";
};

}  // namespace openexec::canon
