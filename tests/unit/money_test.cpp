// SPDX-License-Identifier: Apache-2.0
// Amounts of money: exact, with one spelling.
#include <openexec/money.hpp>

#include <limits>
#include <string>

#include "support/catch.hpp"

using openexec::Usd;

TEST_CASE("An amount reads as exactly what is written") {
  const auto micros = [](std::string_view text) { return Usd::parse(text).value().micros; };
  CHECK(micros("0") == 0);
  CHECK(micros("0.000001") == 1);
  CHECK(micros("0.1") == 100'000);
  CHECK(micros("12.5") == 12'500'000);
  CHECK(micros("12.500000") == 12'500'000);
  CHECK(micros("999999999.999999") == 999'999'999'999'999);
  CHECK(micros("1000000000") == 1'000'000'000'000'000);
}

TEST_CASE("What is no amount, or too much, reads as nothing") {
  for (const char* text : {"",
                           ".",
                           "1.",
                           ".5",
                           "-1",
                           "+1",
                           "-0",
                           "01",
                           "00",
                           "00.5",
                           "1e3",
                           "1E3",
                           "0x1",
                           "1,5",
                           " 1",
                           "1 ",
                           "1.2.3",
                           "1.0000001",
                           "1000000000.000001",
                           "1000000001",
                           "99999999999",
                           "inf",
                           "nan",
                           "1.-5"})
    CHECK_FALSE(Usd::parse(text));
  CHECK_FALSE(Usd::parse(std::string("1\0", 2)));
}

TEST_CASE("An amount is written in its shortest form, which reads back") {
  for (const char* text : {"0", "0.000001", "0.1", "12.5", "999999999.999999", "1000000000"})
    CHECK(Usd::parse(text).value().to_string() == text);
  CHECK(Usd::parse("12.500000").value().to_string() == "12.5");
  CHECK(Usd{-1}.to_string() == "-0.000001");
  CHECK(Usd{std::numeric_limits<std::int64_t>::min()}.to_string() == "-9223372036854.775808");
}

TEST_CASE("Amounts compare as money does") {
  CHECK(Usd::parse("0.1").value() < Usd::parse("0.100001").value());
  CHECK(Usd::parse("1.0").value() == Usd::parse("1").value());
}
