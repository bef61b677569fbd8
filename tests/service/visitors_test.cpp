// SPDX-License-Identifier: Apache-2.0
// Which names the service answers to, and which web pages: over real sockets.
#include <string>
#include <vector>

#include "http/visitors.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpAnswer;
using test::HttpClient;

const std::vector<std::string> in_memory{"--db-url", "sqlite://"};
constexpr const char* hello = R"({"action":"echo","payload":{},"nonce":"1"})";

std::vector<std::string> with(std::vector<std::string> flags) {
  flags.insert(flags.end(), in_memory.begin(), in_memory.end());
  return flags;
}

/// Sends a request whose only fields are these, and a body where one is given.
HttpAnswer ask(const Daemon& daemon, const std::string& line, const std::string& fields, const std::string& body = {}) {
  HttpClient client(daemon.port());
  std::string request = line + "\r\n" + fields;
  if (!body.empty())
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  REQUIRE(client.send(request + "\r\n" + body));
  const auto answer = client.receive();
  REQUIRE(answer);
  return *answer;
}

int status_for_host(const Daemon& daemon, const std::string& host) {
  return ask(daemon, "GET /checkpoint HTTP/1.1", "Host: " + host + "\r\n").status;
}

std::string code_of(const HttpAnswer& answer) { return test::text_at(test::at(answer.json().root(), "error"), "code"); }

TEST_CASE("A loopback listener answers to addresses, localhost and listed names, and to no other name") {
  const Daemon daemon(with({"--allowed-hosts", "Console.Example.org,second"}));
  for (const char* host : {"localhost", "LOCALHOST:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]", "[::1]:1", "10.1.2.3",
                           "console.example.org", "console.example.org:443", "second", "localhost:"})
    CHECK(status_for_host(daemon, host) == 200);
  for (const char* host :
       {"evil.test", "evil.test:5000", "localhost.evil.test", "127.0.0.1.evil.test", "evil.test:localhost",
        "localhost@evil.test", "console.example.org.evil.test", "", ":5000", "[::1", "[evil.test]", "localhost.",
        "127.1", "0x7f000001", "localhost:99999999", "localhost, evil.test", "%6cocalhost"}) {
    CAPTURE(host);
    CHECK(status_for_host(daemon, host) == 421);
  }
  const HttpAnswer refused = ask(daemon, "GET /health HTTP/1.1", "Host: evil.test\r\n");
  CHECK(code_of(refused) == "misdirected_request");
  CHECK(refused.body.find("evil") == std::string::npos);
  CHECK(refused.closes());
  // The name in an absolute target is the one that counts.
  CHECK(ask(daemon, "GET http://evil.test/health HTTP/1.1", "Host: localhost\r\n").status == 421);
  CHECK(ask(daemon, "GET HTTPS://evil.test HTTP/1.1", "Host: localhost\r\n").status == 421);
  CHECK(ask(daemon, "GET http://localhost:5000/health HTTP/1.1", "Host: localhost\r\n").status == 200);
}

TEST_CASE("A rebound name executes nothing and reads nothing") {
  const Daemon daemon(in_memory);
  const HttpAnswer executed = ask(daemon, "POST /execute HTTP/1.1", "Host: evil.test\r\n", hello);
  CHECK(executed.status == 421);
  CHECK(test::text_at(executed.json().root(), "code") == "malformed_request");
  CHECK_FALSE(test::at(executed.json().root(), "approved").boolean());
  for (const char* path :
       {"/", "/health", "/ready", "/version", "/checkpoint", "/tile/entries/000", "/receipts/abc", "*"})
    CHECK(ask(daemon, "GET " + std::string(path) + " HTTP/1.1", "Host: evil.test\r\n").status == 421);
  CHECK(ask(daemon, "OPTIONS /execute HTTP/1.1", "Host: evil.test\r\n").status == 421);
  const HttpAnswer first = ask(daemon, "POST /execute HTTP/1.1", "Host: localhost\r\n", hello);
  CHECK_FALSE(test::at(first.json().root(), "replayed").boolean());  // it was not executed before
}

TEST_CASE("A page of another host is refused with 403, whatever it asks") {
  const Daemon daemon(with({"--allowed-origins", "https://console.example.org"}));
  for (const char* origin : {"http://evil.test", "https://evil.test:5000", "null", "http://localhost.evil.test",
                             "file://", "http://console.example.org", "https://console.example.org.evil.test",
                             "localhost", "https://console.example.org:444", "chrome-extension://abc", ""}) {
    CAPTURE(origin);
    const std::string fields = "Host: localhost\r\nOrigin: " + std::string(origin) + "\r\n";
    const HttpAnswer read = ask(daemon, "GET /checkpoint HTTP/1.1", fields);
    CHECK(read.status == 403);
    CHECK(code_of(read) == "forbidden");
    CHECK(read.headers.count("access-control-allow-origin") == 0);
    CHECK(ask(daemon, "POST /execute HTTP/1.1", fields, hello).status == 403);
    CHECK(ask(daemon, "OPTIONS /execute HTTP/1.1", fields).status == 403);
  }
  CHECK(
      ask(daemon, "GET /health HTTP/1.1", "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.test\r\n")
          .status == 403);
  // A page of an accepted host is served, and the browser is told nothing that lets others in.
  for (const char* origin : {"http://localhost:3000", "http://127.0.0.1:5000", "http://[::1]:80"}) {
    const HttpAnswer answer =
        ask(daemon, "GET /health HTTP/1.1", "Host: localhost\r\nOrigin: " + std::string(origin) + "\r\n");
    CHECK(answer.status == 200);
    CHECK(answer.headers.count("access-control-allow-origin") == 0);
  }
}

TEST_CASE("A listed page may ask first, execute and read") {
  const Daemon daemon(with({"--allowed-origins", "https://console.example.org,http://Other.example:8080"}));
  const std::string fields = "Host: localhost\r\nOrigin: https://console.example.org\r\n";
  const HttpAnswer preflight =
      ask(daemon, "OPTIONS /execute HTTP/1.1",
          fields + "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n");
  CHECK(preflight.status == 204);
  CHECK(preflight.headers.at("access-control-allow-origin") == "https://console.example.org");
  CHECK(preflight.headers.at("access-control-allow-methods") == "POST, OPTIONS");
  CHECK(preflight.headers.at("access-control-allow-headers").find("Content-Type") != std::string::npos);
  CHECK(preflight.headers.at("vary") == "Origin");
  const HttpAnswer executed = ask(daemon, "POST /execute HTTP/1.1", fields, hello);
  CHECK(executed.status == 200);
  CHECK(executed.headers.at("access-control-allow-origin") == "https://console.example.org");
  CHECK(ask(daemon, "GET /health HTTP/1.1", "Host: localhost\r\nOrigin: http://other.example:8080\r\n")
            .headers.at("access-control-allow-origin") == "http://other.example:8080");
}

TEST_CASE(
    "On an address that others reach, names are checked in demo mode or where they are listed, and the start says so") {
  const test::Environment clawshield{{"OPENEXEC_MODE", "clawshield"}};
  {
    const Daemon demo(with({"--host", "0.0.0.0", "--mode", "demo"}));
    CHECK(status_for_host(demo, "service.internal") == 421);
  }
  {
    const Daemon open(with({"--host", "0.0.0.0"}), clawshield);
    CHECK(status_for_host(open, "service.internal") == 200);
    CHECK(open.greeting().find("--allowed-hosts") != std::string::npos);
    CHECK(ask(open, "GET /health HTTP/1.1", "Host: service.internal\r\nOrigin: http://evil.test\r\n").status == 403);
  }
  const Daemon listed(with({"--host", "0.0.0.0"}),
                      {{"OPENEXEC_MODE", "clawshield"}, {"OPENEXEC_ALLOWED_HOSTS", "service.internal"}});
  CHECK(status_for_host(listed, "service.internal") == 200);
  CHECK(status_for_host(listed, "other.internal") == 421);
  CHECK(listed.greeting().find("service.internal") != std::string::npos);
}

TEST_CASE("Names and origins that are none stop the start") {
  for (const char* host : {"http://a", "a:80", "*.example.org", "a b"})
    CHECK(test::refused_start(with({"--allowed-hosts", host})).text.find("allowed_hosts") != std::string::npos);
  for (const char* origin : {"console.example.org", "*", "null", "ftp://a", "https://a/path", "https://"})
    CHECK(test::refused_start(with({"--allowed-origins", origin})).text.find("allowed_origins") != std::string::npos);
}

}  // namespace
}  // namespace openexec
