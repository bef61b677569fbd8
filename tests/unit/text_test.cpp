// SPDX-License-Identifier: Apache-2.0
#include <base/text.hpp>

#include <array>
#include <cstdint>
#include <string>

#include <openexec/bytes.hpp>

#include "support/catch.hpp"

namespace {

using namespace openexec;
using base::base64;
using base::is_utf8;
using base::unbase64;
using base::unhex;
using base::utf8_prefix;
using namespace std::string_view_literals;

std::string hex_of(std::string_view bytes) {
  return base::hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

/// The bytes that UTF-8's scheme gives a number, whether or not it is a character.
std::string encode(std::uint32_t number) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (number < 0x80) return {byte(number)};
  if (number < 0x800) return {byte(0xc0 | number >> 6), byte(0x80 | (number & 0x3f))};
  if (number < 0x10000) {
    return {byte(0xe0 | number >> 12), byte(0x80 | (number >> 6 & 0x3f)), byte(0x80 | (number & 0x3f))};
  }
  return {byte(0xf0 | number >> 18), byte(0x80 | (number >> 12 & 0x3f)), byte(0x80 | (number >> 6 & 0x3f)),
          byte(0x80 | (number & 0x3f))};
}

TEST_CASE("Hexadecimal is written in lower case and reads back") {
  CHECK(hex_of("") == "");
  CHECK(hex_of("\x00\x7f\xab\xff"sv) == "007fabff");
  CHECK(unhex(hex_of(all_bytes())) == all_bytes());
  CHECK(unhex("") == "");
}

TEST_CASE("Hexadecimal has one spelling") {
  for (const std::string_view text :
       {"0"sv, "0g"sv, "AB"sv, "aB"sv, "0x00"sv, " 00"sv, "00 "sv, "0\0"sv, "+1"sv, "-1"sv, "\xc3\xa9"sv})
    CHECK_FALSE(unhex(text));
}

TEST_CASE("Each byte is a digit or none, wherever it stands among others") {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::string_view around : {"00000000000", "ffffffffff", "90a9f0af9a"})
    for (std::size_t at = 0; at < 10; ++at)
      for (const char c : all_bytes()) {
        std::string text(around.substr(0, 10));
        text[at] = c;
        const auto bytes = unhex(text);
        CAPTURE(text);
        REQUIRE(bytes.has_value() == (digits.find(c) != digits.npos));
        if (bytes) REQUIRE(hex_of(*bytes) == text);
      }
}

TEST_CASE("A digest reads back from its 64 digits, and from nothing else") {
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(i * 7 + 3);
  const std::string text = to_hex(digest);
  REQUIRE(text.size() == 64);
  Digest read{};
  REQUIRE(from_hex(text, read));
  CHECK(read == digest);

  std::string upper = text;
  upper[1] = 'A';
  const Digest before = read;
  for (const std::string& wrong : {std::string(), text.substr(2), text.substr(1), text + "00", upper}) {
    CHECK_FALSE(from_hex(wrong, read));
    CHECK(read == before);
  }
}

TEST_CASE("Base64 is RFC 4648 with padding and reads back") {
  const std::array<std::pair<std::string_view, std::string_view>, 7> pairs{{{"", ""},
                                                                            {"f", "Zg=="},
                                                                            {"fo", "Zm8="},
                                                                            {"foo", "Zm9v"},
                                                                            {"foob", "Zm9vYg=="},
                                                                            {"fooba", "Zm9vYmE="},
                                                                            {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, text] : pairs) {
    CHECK(base64(bytes) == text);
    CHECK(unbase64(text) == std::string(bytes));
  }
  CHECK(base64("\xfb\xff") == "+/8=");
  for (std::size_t size = 0; size <= 256; ++size) {
    const std::string bytes = all_bytes().substr(0, size);
    CHECK(unbase64(base64(bytes)) == bytes);
  }
}

TEST_CASE("Base64 has one spelling") {
  for (const std::string_view text :
       {"Z"sv, "Zg"sv, "Zg="sv, "Zm8"sv, "Zg==="sv, "Zg==Zg=="sv, "===="sv, "==="sv, "="sv, "A==="sv, "Zm9v\n"sv,
        " Zm9v"sv, "Zm 9v"sv, "Zm-_"sv, "Zm9\0"sv, "Zg=g"sv, "=Zg="sv, "Zm8=Zm9v"sv})
    CHECK_FALSE(unbase64(text));
  CHECK_FALSE(unbase64("Zh=="));  // unused bits set
  CHECK_FALSE(unbase64("Zm9="));
  CHECK_FALSE(unbase64("//=="));
}

TEST_CASE("Base64 of either alphabet reads as the same bytes, each in its one spelling") {
  for (std::size_t size = 0; size <= 256; ++size) {
    const std::string bytes = all_bytes().substr(256 - size);
    const std::string text = base64(bytes);
    std::string url_safe = text;
    for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
    CHECK(base::unbase64_either(text) == bytes);
    CHECK(base::unbase64_either(url_safe) == bytes);
  }
  CHECK(base::unbase64_either("-_8=") == "\xfb\xff");
  for (const std::string_view text : {"-_8"sv, "-/8="sv, "+_8="sv, "-_9="sv, "__=="sv, "-_8=\n"sv, "-_8=="sv, "-.8="sv})
    CHECK_FALSE(base::unbase64_either(text));
}

TEST_CASE("Lines are counted from 1 to the byte") {
  const std::string_view text = "ab\n\ncd";
  const std::array<std::size_t, 6> lines{1, 1, 1, 2, 3, 3};
  for (std::size_t at = 0; at < lines.size(); ++at) CHECK(base::line_at(text, at) == lines[at]);
  CHECK(base::line_at(text, 100) == 3);
  CHECK(base::line_at("", 0) == 1);
}

TEST_CASE("Every character is well-formed UTF-8, and no surrogate or number beyond U+10FFFF is") {
  std::size_t wrong = 0;
  for (std::uint32_t number = 0; number < 0x200000; ++number) {
    const bool character = number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
    wrong += is_utf8(encode(number)) != character;
  }
  CHECK(wrong == 0);
}

TEST_CASE("Overlong, cut and misplaced sequences are no UTF-8") {
  for (const std::string_view text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2\x82(", "\xe2(\xac",
        "\xf0\x9f\x98(", "\xc3\xa9\xa9"}) {
    CHECK_FALSE(is_utf8(text));
    for (std::size_t before = 0; before < 20; ++before)  // wherever it stands among whole words of ASCII
      CHECK(utf8_prefix(std::string(before, 'x') + std::string(text) + "abcdefghij") < before + text.size());
  }
}

TEST_CASE("The well-formed prefix ends where the first ill-formed sequence begins") {
  CHECK(utf8_prefix("") == 0);
  CHECK(utf8_prefix("plain") == 5);
  CHECK(utf8_prefix("0123456789\xc3\xa9\xe2\x82") == 12);
  CHECK(utf8_prefix("\xed\xa0\x80") == 0);
  CHECK(utf8_prefix("a\0b\xff"sv) == 3);
}

}  // namespace
