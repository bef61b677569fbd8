// SPDX-License-Identifier: Apache-2.0
// Proofs that stand alone: lib/merkle/tlog_proof.
#include "merkle/tlog_proof.hpp"

#include <string>

#include "base/text.hpp"
#include "merkle/lines.hpp"
#include "support/catch.hpp"
#include "support/log.hpp"

using namespace openexec;
using namespace openexec::merkle;

namespace {

const std::string head = "c2sp.org/tlog-proof@v1\n";
const std::string hash = hash_text(test::leaf(1));
const std::string note = "o\n1\n" + hash + "\n\n\xe2\x80\x94 o MTIzNDU=\n";

void check_refused(const std::string& text, const std::string& why) {
  INFO(text.substr(0, 300));
  const auto read = TlogProof::parse(text);
  REQUIRE(read.code() == Code::invalid_argument);
  CHECK(read.status().detail() == "proof: " + why);
}

}  // namespace

TEST_CASE("A proof reads back as it was written, with or without extra data and hashes") {
  for (const std::size_t hashes : {0u, 1u, 9u, 63u})
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{73'894}, UINT64_MAX})
      for (const auto& extra : {std::optional<std::string>(), std::optional<std::string>("x"),
                                std::optional<std::string>(std::string(max_extra_bytes, '\0'))}) {
        const TlogProof proof{extra, index, Hashes(hashes, test::leaf(1)), note};
        const auto text = proof.write();
        REQUIRE(text.ok());
        const auto read = TlogProof::parse(*text);
        REQUIRE(read.ok());
        CHECK(read->extra == extra);
        CHECK(read->index == index);
        CHECK(read->hashes == proof.hashes);
        CHECK(read->checkpoint == note);
      }
  CHECK(TlogProof{"abc", 7, {test::leaf(1)}, note}.write().value() ==
        head + "extra YWJj\nindex 7\n" + hash + "\n\n" + note);
}

TEST_CASE("The checkpoint is kept byte for byte, whatever it is") {
  for (const std::string& checkpoint : {std::string("x"), std::string("\n\n"), std::string("\xff\0", 2), note + "\n"})
    CHECK(TlogProof::parse(head + "index 0\n\n" + checkpoint)->checkpoint == checkpoint);
}

TEST_CASE("Each rule of a proof refuses what breaks it, and names the line") {
  REQUIRE(TlogProof::parse(head + "extra YWJj\nindex 0\n" + hash + "\n\n" + note).ok());
  const std::string first = "line 1: not c2sp.org/tlog-proof@v1";
  check_refused("", first);
  check_refused("c2sp.org/tlog-proof@v1", first);
  check_refused("c2sp.org/tlog-proof@v2\nindex 0\n\n" + note, first);
  check_refused("\n" + head + "index 0\n\n" + note, first);
  check_refused("c2sp.org/tlog-proof@v1\r\nindex 0\n\n" + note, first);
  check_refused("c2sp.org/tlog-proof@v1 \nindex 0\n\n" + note, first);

  const std::string extra = "line 2: extra: not base64 in its one spelling";
  check_refused(head + "extra \nindex 0\n\n" + note, extra);  // without data the line is left out
  for (const char* base64 : {"YWJj ", " YWJj", "YWJ", "YWJj=", "YR==", "YWJj\r", "YW Jj", "YW-j"})
    check_refused(head + "extra " + base64 + "\nindex 0\n\n" + note, extra);
  check_refused(head + "extra " + base::base64(std::string(max_extra_bytes + 1, 'x')) + "\nindex 0\n\n" + note,
                "line 2: extra: over 65535 bytes");

  const std::string index = "index: not a decimal number in its one spelling";
  for (const char* line : {"", "index", "index ", "index  0", "index 00", "index 01", "index -1", "index +1",
                           "index 0 ", "index 0x0", "index 1e1", "index 18446744073709551616", "Index 0", "indexx 0",
                           "index\t0", "extra", "extraYWJj", "Extra YWJj"})
    check_refused(head + line + "\n\n" + note, "line 2: " + index);
  check_refused(head, "line 1: " + index);
  check_refused(head + "extra YWJj\nextra YWJj\nindex 0\n\n" + note, "line 3: " + index);
  check_refused(head + "extra YWJj\n", "line 2: " + index);
  check_refused(head + "index 0\nextra YWJj\n\n" + note, "line 3: not the base64 of 32 bytes");
  check_refused(head + "index 0\nindex 0\n\n" + note, "line 3: not the base64 of 32 bytes");

  for (const std::string& bad : {hash + " ", " " + hash, hash + "=", hash.substr(0, 40), hash.substr(0, 42) + "P=",
                                 base::base64(std::string(31, 'x')), base::base64(std::string(33, 'x')), hash + hash})
    check_refused(head + "index 0\n" + hash + "\n" + bad + "\n\n" + note, "line 4: not the base64 of 32 bytes");
  check_refused(head + "index 0\n" + hash + "\n" + note, "line 4: not the base64 of 32 bytes");

  std::string hashes;
  for (int i = 0; i < 63; ++i) hashes += hash + "\n";
  CHECK(TlogProof::parse(head + "index 0\n" + hashes + "\n" + note).ok());
  check_refused(head + "index 0\n" + hashes + hash + "\n\n" + note, "line 66: over 63 hashes");

  check_refused(head + "index 0\n", "no empty line before the checkpoint");
  check_refused(head + "index 0\n" + hash + "\n", "no empty line before the checkpoint");
  check_refused(head + "index 0\n" + hash, "no empty line before the checkpoint");
  check_refused(head + "index 0\n\n", "no checkpoint");
  check_refused(head + "index 0\n\n" + std::string(max_proof_bytes, 'x'), "over 1100000 bytes");
}

TEST_CASE("What would not read back is not written") {
  CHECK_FALSE(TlogProof{"", 0, {}, note}.write().ok());
  CHECK_FALSE(TlogProof{std::string(max_extra_bytes + 1, 'x'), 0, {}, note}.write().ok());
  CHECK_FALSE(TlogProof{"x", 0, Hashes(64), note}.write().ok());
  CHECK_FALSE(TlogProof{"x", 0, {}, ""}.write().ok());
  CHECK_FALSE(TlogProof{"x", 0, {}, std::string(max_proof_bytes, 'x')}.write().ok());
}
