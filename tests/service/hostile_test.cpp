// SPDX-License-Identifier: Apache-2.0
// Hostile clients: whatever they send, the next honest one is served.
#include <random>
#include <thread>

#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpAnswer;
using test::HttpClient;

const test::Headers json{{"Content-Type", "application/json"}};
constexpr const char* hello = R"({"action":"echo","payload":{},"nonce":"1"})";

std::vector<std::string> with(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"--db-url", "sqlite://"});
  return flags;
}

void check_healthy(const Daemon& daemon) { CHECK(HttpClient(daemon.port()).post("/execute", hello).status == 200); }

TEST_CASE("A client that dribbles its header delays nobody, and is cut off at its deadline") {
  Daemon daemon(with({"--header-timeout-ms", "1000", "--body-timeout-ms", "60000"}));
  std::vector<HttpClient> slow;
  for (int i = 0; i < 100; ++i) {
    slow.emplace_back(daemon.port());
    REQUIRE(slow.back().send("POST /execute HTTP/1.1\r\nHost: localhost\r\nX-"));
  }
  for (int i = 0; i < 20; ++i) check_healthy(daemon);
  for (HttpClient& client : slow) {
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == 408);
    CHECK(answer->closes());
    CHECK(client.closed());
  }
  // Bytes that keep coming do not prolong it.
  HttpClient dribbling(daemon.port());
  REQUIRE(dribbling.send("GET /health HTTP/1.1\r\nHost: localhost\r\n"));
  std::thread feeder([&] {
    while (dribbling.send("X-A: b\r\n")) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  const auto answer = dribbling.receive();
  feeder.join();
  REQUIRE(answer);
  CHECK(answer->status == 408);
  check_healthy(daemon);
}

TEST_CASE("A body that does not come, and a client that does not read, are cut off at their deadlines") {
  Daemon daemon(with({"--body-timeout-ms", "300", "--write-timeout-ms", "500", "--idle-timeout-ms", "60000"}));
  HttpClient slow(daemon.port());
  REQUIRE(slow.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"));
  const auto answer = slow.receive();
  REQUIRE(answer);
  CHECK(answer->status == 408);
  CHECK(test::text_at(answer->json().root(), "code") == "malformed_request");
  CHECK_FALSE(test::at(answer->json().root(), "approved").boolean());

  // Pipelines requests with large answers, and never reads one: the service stops reading it, and ends it.
  HttpClient deaf(daemon.port());
  const std::string large =
      R"({"action":"echo","payload":{"x":")" + std::string(500'000, 'a') + R"("},"nonce":"large"})";
  bool open = true;
  for (int i = 0; i < 200 && open; ++i) open = deaf.send(test::http_request("POST", "/execute", large, json));
  CHECK_FALSE(open);
  check_healthy(daemon);
}

TEST_CASE("An idle connection is closed without a word") {
  Daemon daemon(with({"--idle-timeout-ms", "200"}));
  HttpClient fresh(daemon.port());
  HttpClient used(daemon.port());
  CHECK(used.get("/health").status == 200);
  CHECK(fresh.closed());
  CHECK(used.closed());
}

TEST_CASE("Too large is refused before it is read") {
  Daemon daemon(with({"--body-limit", "4096"}));
  HttpClient header(daemon.port());
  header.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Large: " + std::string(20'000, 'a') + "\r\n\r\n");
  CHECK(header.receive()->status == 431);
  HttpClient target(daemon.port());
  target.send("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(target.receive()->status == 431);
  HttpClient many(daemon.port());
  std::string fields;
  for (int i = 0; i < 5000; ++i) fields += "A: b\r\n";
  many.send("GET /health HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
  CHECK(many.receive()->status == 431);

  for (const char* length : {"4097", "18446744073709551615"}) {
    HttpClient body(daemon.port());
    REQUIRE(body.send(
        std::string("POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ") +
        length + "\r\n\r\n"));
    const auto answer = body.receive();
    REQUIRE(answer);
    CHECK(answer->status == 413);
    CHECK(test::text_at(answer->json().root(), "code") == "malformed_request");
    CHECK(test::at(answer->json().root(), "receipt").is(canon::Type::null));
    CHECK(answer->closes());
  }
  HttpClient chunked(daemon.port());
  chunked.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.send("800\r\n" + std::string(2048, ' ') + "\r\n");
  CHECK(chunked.receive()->status == 413);
  HttpClient one_chunk(daemon.port());
  one_chunk.send(
      "POST /receipts/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\nFFFFFFFF\r\n");
  const auto large = one_chunk.receive();
  REQUIRE(large);
  CHECK(large->status == 413);
  CHECK(large->body.find("body_too_large") != std::string::npos);
  check_healthy(daemon);
}

TEST_CASE("Pipelined requests are answered in their order") {
  Daemon daemon(with({}));
  HttpClient client(daemon.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += test::http_request(
        "POST", "/execute",
        R"({"action":"echo","payload":{"i":)" + std::to_string(i) + R"(},"nonce":")" + std::to_string(i) + "\"}", json);
    requests += test::http_request("GET", "/health");
  }
  REQUIRE(client.send(requests));
  for (int i = 0; i < 50; ++i) {
    CHECK(client.receive()->body.find("{\"i\": " + std::to_string(i) + "}") != std::string::npos);
    CHECK(client.receive()->body.find("healthy") != std::string::npos);
  }
}

TEST_CASE("Chunks, a byte at a time, 100-continue and HTTP/1.0 are understood") {
  Daemon daemon(with({}));
  HttpClient chunked(daemon.port());
  chunked.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : std::string(hello)) chunked.send(std::string("1\r\n") + c + "\r\n");
  chunked.send("0\r\nIdempotency-Key: \"other\"\r\n\r\n");  // a trailer is no header
  CHECK(chunked.receive()->status == 200);
  for (const char c : test::http_request("POST", "/execute", hello, json)) REQUIRE(chunked.send(std::string(1, c)));
  CHECK(chunked.receive()->status == 200);

  HttpClient polite(daemon.port());
  polite.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: "
      "100-continue\r\nContent-Length: " +
      std::to_string(std::string_view(hello).size()) + "\r\n\r\n");
  CHECK(polite.receive()->status == 100);
  polite.send(hello);
  CHECK(polite.receive()->status == 200);
  HttpClient refused(daemon.port());
  refused.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: "
      "5\r\n\r\n");
  CHECK(refused.receive()->status == 415);  // without asking for the body

  HttpClient old(daemon.port());
  old.send("GET /health HTTP/1.0\r\n\r\n");
  const auto answer = old.receive();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(old.closed());
  HttpClient closing(daemon.port());
  CHECK(closing.request("GET", "/health", "", {{"Connection", "close"}}).closes());
  CHECK(closing.closed());
}

TEST_CASE("A request that two readers could read differently is refused, and ends its connection") {
  Daemon daemon(with({}));
  const std::string post = "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const std::string rest = "\r\n{\"a\":1}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  struct Case {
    std::string bytes;
    int status;
  };
  for (const Case& c : {
           Case{post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + rest, 400},
           Case{post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + rest, 400},
           Case{post + "Content-Length: 5\r\nContent-Length: 6\r\n" + rest, 400},
           Case{post + "Content-Length: 5, 6\r\n" + rest, 400},
           Case{post + "Content-Length: +5\r\n" + rest, 400},
           Case{post + "Content-Length: 0x5\r\n" + rest, 400},
           Case{post + "Content-Length: -1\r\n" + rest, 400},
           Case{post + "Content-Length: 99999999999999999999999\r\n" + rest, 400},
           Case{post + "Transfer-Encoding: gzip\r\n" + rest, 501},
           Case{post + "Transfer-Encoding: gzip, chunked\r\n" + rest, 501},
           Case{post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + rest, 400},
           Case{"POST /execute HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + rest,
                400},
           Case{post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + rest, 400},
           Case{post + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX" + rest, 400},
           Case{"GET /health HTTP/1.1\r\n\r\n", 400},
           Case{"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
           Case{"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
           Case{"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
           Case{"GET /health HTTP/1.1\r\nHost: localhost\r\nBad Name: b\r\n\r\n", 400},
           Case{"GET /health HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n", 400},
           Case{"GET /he alth HTTP/1.1\r\nHost: localhost\r\n\r\n", 505},
           Case{"GET /health\r\n\r\n", 400},
           Case{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n", 400},
           Case{"GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: the-impossible\r\n\r\n", 417},
       }) {
    CAPTURE(c.bytes);
    HttpClient client(daemon.port());
    REQUIRE(client.send(c.bytes));
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == c.status);
    CHECK(client.closed());  // what came behind it was not taken for a request
  }
  // Fewer bytes than promised: refused. More: they are the next request, and no good one.
  HttpClient less(daemon.port());
  less.send(post + "Content-Length: 50\r\n\r\n{\"a\":1}");
  less.half_close();
  CHECK(less.receive()->status == 400);
  HttpClient more(daemon.port());
  more.send(post + "Content-Length: 2\r\n\r\n{}trailing garbage\r\n\r\n");
  CHECK(more.receive()->status == 422);
  CHECK(more.receive()->status == 400);
  CHECK(more.closed());
  check_healthy(daemon);
}

TEST_CASE("A header that is refused is answered in the shape of what was asked for") {
  Daemon daemon(with({}));
  const std::string line = "POST /execute HTTP/1.1\r\n";
  const std::string host = "Host: localhost\r\n";
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string large = "X: " + std::string(20'000, 'a') + "\r\n\r\n";
  for (const Case& c :
       {Case{line + host + large, 431}, Case{line + host + "Expect: more\r\n\r\n", 417}, Case{line + "\r\n", 400},
        Case{"POST /execute HTTP/3.0\r\n" + host + "\r\n", 505}, Case{line + host + "X: a\r\n b\r\n\r\n", 400},
        Case{line + host + "Bad Name: b\r\n\r\n", 400}, Case{line + host + "X: a\n\n", 400}}) {
    CAPTURE(c.bytes.substr(0, 100));
    HttpClient client(daemon.port());
    REQUIRE(client.send(c.bytes));
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == c.status);
    const canon::Document document = answer->json();
    CHECK(test::text_at(document.root(), "code") == "malformed_request");
    CHECK_FALSE(test::at(document.root(), "approved").boolean());
    CHECK(test::at(document.root(), "receipt").is(canon::Type::null));
  }
  HttpClient other(daemon.port());
  REQUIRE(other.send("GET /health HTTP/1.1\r\n\r\n"));
  CHECK(other.receive()->body.find(R"({"error":{"code":"bad_request")") == 0);
}

TEST_CASE("Empty lines in front of a request are passed over, and a line feed alone is refused at once") {
  Daemon daemon(with({}));
  HttpClient early(daemon.port());
  REQUIRE(early.send("\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CHECK(early.receive()->status == 200);
  for (const char part : std::string("\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    REQUIRE(early.send(std::string(1, part)));
  CHECK(early.receive()->status == 200);

  for (const char* bytes : {"GET /health HTTP/1.1\nHost: localhost\n\n", "GET /health HTTP/1.1\r\nHost: localhost\n",
                            "\nGET /health HTTP/1.1\r\n",
                            "GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CAPTURE(bytes);
    HttpClient client(daemon.port());
    REQUIRE(client.send(bytes));
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(answer->body.find("CR LF") != std::string::npos);
    CHECK(client.closed());
  }
}

// Each of them would be a request, and answered with something else than 400, if the line were joined to its field.
TEST_CASE("A header line that begins with a blank is refused, whichever field it goes on") {
  Daemon daemon(with({}));
  const std::string post = "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const std::string get = "GET /health HTTP/1.1\r\n";
  for (const std::string& folded :
       {post + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", post + "Content-Length:\r\n 2\r\n\r\n{}",
        post + "Content-Length:\r\n\t2\r\n\r\n{}", post + "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
        post + "X: a\r\n \r\nContent-Length: 2\r\n\r\n{}", get + "Host:\r\n localhost\r\n\r\n",
        get + "Host: localhost\r\nX:\r\n \r\n y\r\n\r\n"}) {
    CAPTURE(folded);
    HttpClient client(daemon.port());
    REQUIRE(client.send(folded));
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(answer->body.find("obs-fold") != std::string::npos);
    CHECK(client.closed());
  }
}

TEST_CASE("An empty line before a request is passed over, as RFC 9112 says") {
  Daemon daemon(with({}));
  HttpClient client(daemon.port());
  REQUIRE(client.send("\r\n\r\n" + test::http_request("POST", "/execute", hello, json) + "\r\n"));
  CHECK(client.receive()->status == 200);
  REQUIRE(client.send(test::http_request("GET", "/health")));
  CHECK(client.receive()->status == 200);
}

TEST_CASE("Beyond the limit of connections a client is told so, and those inside are served") {
  Daemon daemon(with({"--max-connections", "20"}));
  std::vector<HttpClient> inside;
  for (int i = 0; i < 20; ++i) {
    inside.emplace_back(daemon.port());
    CHECK(inside.back().get("/health").status == 200);
  }
  for (int i = 0; i < 300; ++i) {
    HttpClient outside(daemon.port());
    const bool executes = i % 2 == 0;
    if (!outside.send(executes ? test::http_request("POST", "/execute", hello, json)
                               : test::http_request("GET", "/health")))
      continue;
    if (const auto answer = outside.receive()) {
      CHECK(answer->status == 503);
      CHECK((answer->body.find(R"("approved":false)") != std::string::npos) == executes);
      CHECK((answer->body.find(R"({"error":{"code":"unavailable")") != std::string::npos) != executes);
      CHECK(answer->headers.at("retry-after") == "1");
      CHECK(answer->closes());
    }  // or nothing, while too many are being told
  }
  for (HttpClient& client : inside) CHECK(client.post("/execute", hello).status == 200);
  // Who says nothing, half a header or nonsense is told as well.
  for (const char* sent : {"", "POST /execute HTTP/1.1\r\nHo", "\x16\x03\x01", "GET / HTTP/1.1\nHost: localhost\n\n"}) {
    CAPTURE(sent);
    HttpClient outside(daemon.port());
    if (*sent != '\0') outside.send(sent);
    const auto answer = outside.receive();
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->closes());
  }
  inside.clear();
  // A place is free again as soon as the service has seen that one left.
  for (bool full = true; full;) {
    HttpClient next(daemon.port());
    const auto told = next.send(test::http_request("GET", "/health")) ? next.receive() : std::nullopt;
    full = !told || told->status == 503;
  }
  check_healthy(daemon);
}

TEST_CASE("1,000 random requests leave a healthy service") {
  Daemon daemon(with({"--header-timeout-ms", "500", "--body-timeout-ms", "500"}));
  std::mt19937 random(20260722);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::vector<std::string> pieces{"GET ",
                                        "POST ",
                                        "HEAD ",
                                        "/execute",
                                        "/health",
                                        "/receipts/",
                                        " HTTP/1.1",
                                        "\r\n",
                                        "\r\n\r\n",
                                        "Host: localhost",
                                        "Content-Length: ",
                                        "7",
                                        "Transfer-Encoding: chunked",
                                        "Content-Type: application/json",
                                        "{\"action\":",
                                        "\"echo\"",
                                        "}",
                                        ":",
                                        "\n",
                                        std::string(1, '\0'),
                                        "\xff\xfe",
                                        "0\r\n\r\n",
                                        "Idempotency-Key: \"",
                                        "Expect: 100-continue",
                                        "?",
                                        "%00",
                                        "*",
                                        "HTTP/1.0",
                                        std::string(3000, 'A')};
  for (int i = 0; i < 1000; ++i) {
    std::string bytes;
    if (below(2) == 0) {
      for (std::size_t n = below(200); n > 0; --n) bytes += static_cast<char>(below(256));
    } else {
      for (std::size_t n = below(30); n > 0; --n) bytes += pieces[below(pieces.size())];
    }
    HttpClient client(daemon.port());
    client.send(bytes);
    if (below(4) == 0) continue;  // leaves without waiting
    client.half_close();
    client.read_to_end();
  }
  HttpClient client(daemon.port());
  CHECK(client.get("/ready").status == 200);
  const HttpAnswer first = client.post("/execute", hello);
  CHECK(first.status == 200);
  CHECK(daemon.terminate() == 0);
}

}  // namespace
}  // namespace openexec
