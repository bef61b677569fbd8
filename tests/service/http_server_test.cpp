// SPDX-License-Identifier: Apache-2.0
// The server of lib/http alone: answers that come later, limits, the drain, unix sockets and TLS.
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/server.hpp"
#include "support/catch.hpp"
#include "support/http.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::HttpClient;

/// Answers /now at once, and keeps the duty to answer /later.
class Desk final : public http::Application {
 public:
  std::optional<http::Response> judge(const http::Head&, std::any&) override { return std::nullopt; }
  std::optional<http::Response> handle(http::Request request, http::Exchange& exchange) override {
    if (request.head.target == "/now") return http::Response{.status = 200, .body = request.body};
    if (request.head.target == "/never") return std::nullopt;
    const std::lock_guard lock(mutex_);
    duties_.push_back(exchange.defer());
    ++kept;
    return std::nullopt;
  }
  void answered_late(const http::Response& response) override { late += response.status; }

  http::Deferral take() {
    const std::lock_guard lock(mutex_);
    http::Deferral duty = std::move(duties_.front());
    duties_.erase(duties_.begin());
    return duty;
  }
  std::atomic<int> kept{0};
  std::atomic<int> late{0};

 private:
  std::mutex mutex_;
  std::vector<http::Deferral> duties_;
};

/// A server on a thread of its own, drained at the end.
struct Running {
  explicit Running(http::ServerOptions options = {}) {
    const Status status = server.listen(std::move(options));
    INFO(status.detail());
    REQUIRE(status.ok());
    thread = std::thread([this] { server.run(); });
  }
  ~Running() {
    server.drain();
    thread.join();
  }
  Desk desk;
  http::Server server{desk};
  std::thread thread;
};

void wait_for(const std::atomic<int>& number, int value) {
  while (number < value) std::this_thread::yield();
}

TEST_CASE("A deferred request is answered from another thread, while others are served") {
  Running running;
  HttpClient client(running.server.port());
  client.send(test::http_request("GET", "/later"));
  wait_for(running.desk.kept, 1);
  CHECK(running.server.in_flight() == 1);
  HttpClient other(running.server.port());
  CHECK(other.request("POST", "/now", "x").body == "x");
  std::thread([duty = running.desk.take()]() mutable { duty.answer({.status = 200, .body = "later"}); }).join();
  CHECK(client.receive()->body == "later");
  CHECK(client.get("/now").status == 200);  // the connection goes on
}

TEST_CASE("A duty that is let go, and a handler without an answer, are 500") {
  Running running;
  HttpClient client(running.server.port());
  client.send(test::http_request("GET", "/later"));
  wait_for(running.desk.kept, 1);
  (void)running.desk.take();
  CHECK(client.receive()->status == 500);
  HttpClient other(running.server.port());
  CHECK(other.get("/never").status == 500);
}

TEST_CASE("A request that waits too long is answered, and its own answer reaches no other request") {
  http::ServerOptions options;
  options.deadlines.answer = std::chrono::milliseconds(200);
  Running running(options);
  HttpClient client(running.server.port());
  client.send(test::http_request("GET", "/later"));
  wait_for(running.desk.kept, 1);
  const auto answer = client.receive();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(client.closed());
  running.desk.take().answer({.status = 200, .body = "late"});
  wait_for(running.desk.late, 200);
}

TEST_CASE("Beyond the limit of requests in flight the answer is 429") {
  http::ServerOptions options;
  options.max_in_flight = 1;
  Running running(options);
  HttpClient first(running.server.port());
  first.send(test::http_request("GET", "/later"));
  wait_for(running.desk.kept, 1);
  HttpClient second(running.server.port());
  const auto answer = second.get("/later");
  CHECK(answer.status == 429);
  CHECK(answer.headers.at("retry-after") == "1");
  running.desk.take().answer({.status = 200});
  CHECK(first.receive()->status == 200);
}

TEST_CASE("A drain waits for what is deferred, and accepts nothing more") {
  Running running;
  HttpClient client(running.server.port());
  client.send(test::http_request("GET", "/later"));
  wait_for(running.desk.kept, 1);
  HttpClient idle(running.server.port());
  CHECK(idle.get("/now").status == 200);
  running.server.drain();
  running.desk.take().answer({.status = 200, .body = "drained"});
  const auto answer = client.receive();
  REQUIRE(answer);
  CHECK(answer->body == "drained");
  CHECK(answer->closes());
  CHECK(idle.closed());
}

TEST_CASE("A unix socket is served, with the mode that was asked for, and its name goes with the server") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("socket");
  struct stat there {};
  {
    http::ServerOptions options;
    options.address.unix_path = path;
    Running running(options);
    REQUIRE(::lstat(path.c_str(), &there) == 0);
    CHECK((there.st_mode & 0777) == 0600);
    HttpClient client(path);
    CHECK(client.get("/now").status == 200);
    http::Server another(running.desk);
    const Status refused = another.listen(options);
    CHECK(refused.code() == Code::invalid_argument);
  }
  CHECK(::lstat(path.c_str(), &there) != 0);
}

/// The exit code of a line of a shell, with what it said.
int run(const std::string& line, std::string& said) {
  FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  said.clear();
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
  return WEXITSTATUS(::pclose(pipe));
}

TEST_CASE("TLS: curl is served and pipelines, an old version and plain HTTP are not, and a drain ends it") {
  std::string said;
  if (run("openssl version && curl --version", said) != 0) {
    WARN("SKIPPED: openssl and curl are needed");
    return;
  }
  const test::TemporaryFolder folder;
  const http::TlsFiles files{folder.file("certificate.pem"), folder.file("key.pem")};
  REQUIRE(run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
              "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
                  files.key + " -out " + files.certificate,
              said) == 0);
  http::ServerOptions options;
  options.tls = files;
  options.deadlines.header = std::chrono::milliseconds(2000);
  Running running(options);
  const std::string address = "127.0.0.1:" + std::to_string(running.server.port());
  const std::string curl = "curl -sS --noproxy '*' --max-time 30 --cacert " + files.certificate + " ";
  CHECK(run(curl + "--tlsv1.2 --tls-max 1.2 https://" + address + "/now -d twelve", said) == 0);
  CHECK(said == "twelve");
  const std::string large = folder.file("large");
  REQUIRE(run("head -c 900000 /dev/zero | tr '\\0' a > " + large, said) == 0);
  CHECK(run(curl + "--data-binary @" + large + " https://" + address + "/now https://" + address + "/now | wc -c",
            said) == 0);
  CHECK(std::stoi(said) == 1'800'000);
  CHECK(run("curl -sS --noproxy '*' --max-time 30 https://" + address + "/now", said) == 60);  // its issuer is unknown
  CHECK(run("openssl s_client -connect " + address + " -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null", said) != 0);
  CHECK(said.find("Cipher is (NONE)") != std::string::npos);
  // Who speaks plain HTTP is no TLS client: the connection ends without an answer of HTTP.
  CHECK(run("curl -sS --noproxy '*' --max-time 30 http://" + address + "/now", said) != 0);
  // A rule of the wire counts under TLS too.
  CHECK(run("printf 'GET /now HTTP/1.1\\r\\n\\r\\n' | openssl s_client -quiet -connect " + address, said) == 0);
  CHECK(said.find("HTTP/1.1 400 Bad Request") != std::string::npos);
  // Who begins no handshake is left at the header's deadline.
  HttpClient silent(running.server.port());
  CHECK(silent.closed());
}

TEST_CASE("A certificate or key that cannot serve is refused with the name of its file, and nothing of it") {
  const test::TemporaryFolder folder;
  Desk desk;
  http::Server server(desk);
  http::ServerOptions options;
  options.tls = {folder.file("absent.pem"), folder.file("key.pem")};
  const Status status = server.listen(options);
  CHECK(status.code() == Code::invalid_argument);
  CHECK(status.detail().find("tls certificate") == 0);
  CHECK(status.detail().find("absent.pem") != std::string::npos);
}

}  // namespace
}  // namespace openexec
