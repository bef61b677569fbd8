// SPDX-License-Identifier: Apache-2.0
// Names: which there are, and what patterns name.
#include "base/names.hpp"

#include <string>

#include "support/catch.hpp"

using namespace openexec;
using base::action_fault;
using base::label_fault;
using base::matches;
using base::pattern_fault;
using base::tenant_fault;

TEST_CASE("An action is 1 to 128 bytes of its alphabet") {
  CHECK(action_fault("mail.send/v1:x_-").empty());
  CHECK(action_fault(std::string(128, 'a')).empty());
  CHECK(action_fault("") == "must be 1 to 128 bytes");
  CHECK(action_fault(std::string(129, 'a')) == "must be 1 to 128 bytes");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool allowed =
        byte != 0 &&
        std::string("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-").find(c) != std::string::npos;
    CHECK(action_fault(std::string(1, c)).empty() == allowed);
  }
}

TEST_CASE("A label is 1 to 255 bytes of UTF-8 without control characters, a tenant may have them") {
  for (const auto fault : {label_fault, tenant_fault}) {
    CHECK(fault("n-\u00e9 \u202e").empty());
    CHECK(fault(std::string(255, 'a')).empty());
    CHECK(fault("") == "must be 1 to 255 bytes");
    CHECK(fault(std::string(256, 'a')) == "must be 1 to 255 bytes");
    CHECK(fault("\xff") == "not well-formed UTF-8");
  }
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    CHECK(label_fault(text).empty() == (byte >= 0x20 && byte != 0x7f));
    CHECK(tenant_fault(text).empty());
  }
}

TEST_CASE("A pattern is an action, or a prefix of one followed by an asterisk") {
  for (const char* pattern : {"echo", "payments:*", "*", "a*", "mail.send/v1:x_-*"})
    CHECK(pattern_fault(pattern).empty());
  for (const char* pattern : {"", "**", "*a", "a*b", "pay ments", "\u00e9*", "a?", "[a]"})
    CHECK_FALSE(pattern_fault(pattern).empty());
  CHECK(pattern_fault(std::string(127, 'a') + "*").empty());
  CHECK_FALSE(pattern_fault(std::string(128, 'a') + "*").empty());
}

TEST_CASE("A pattern names its action, or whatever begins with its prefix, and nothing else") {
  CHECK(matches("echo", "echo"));
  CHECK_FALSE(matches("echo", "echo2"));
  CHECK_FALSE(matches("echo", "ech"));
  CHECK_FALSE(matches("echo", "ECHO"));
  CHECK(matches("payments:*", "payments:transfer"));
  CHECK(matches("payments:*", "payments:"));
  CHECK_FALSE(matches("payments:*", "payments"));
  CHECK_FALSE(matches("payments:*", "refund/payments:transfer"));
  CHECK(matches("*", "anything"));
}

TEST_CASE("A request's fields are refused with their names") {
  CHECK(base::check_action("").detail() == "action: must be 1 to 128 bytes");
  CHECK(base::check_nonce("\n").detail() == "nonce: control characters are not allowed");
  CHECK(base::check_nonce("").code() == Code::malformed_request);
  CHECK(base::check_nonce("").http() == 400);  // only a missing or mistyped field is 422
  CHECK(base::check_action("echo").ok());
  CHECK(base::check_nonce("n-1").ok());
}
