// SPDX-License-Identifier: Apache-2.0
// Proves that the table of attacks notices a server that breaks a rule: this program is built once with the library as
// it is, and once for each seeded fault, with the name of an attack that must notice it.
#include <algorithm>
#include <iostream>
#include <string>
#include <thread>

#include "http/server.hpp"
#include "service/wire_attacks.hpp"

namespace {

using namespace openexec;

class Plain final : public http::Application {
  std::optional<http::Response> judge(const http::Head& head, std::any&) override {
    if (head.target == "/get" || head.target == "/post") return std::nullopt;
    return http::problem(404, "no such path");
  }
  std::optional<http::Response> handle(http::Request, http::Exchange&) override {
    return http::Response{.status = 200, .body = "{}"};
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::string noticing = argc > 1 ? argv[1] : "";
  Plain application;
  http::Server server(application);
  http::ServerOptions options;
  options.deadlines.header = options.deadlines.body = std::chrono::milliseconds(300);
  if (const Status status = server.listen(options); !status.ok()) {
    std::cerr << status.detail() << "\n";
    return 2;
  }
  std::thread thread([&] { server.run(); });
  const test::Target target{"plain", [&] { return test::HttpClient(server.port()); }, "/get", "/post"};
  const auto faults = test::faults_of(target);
  server.drain();
  thread.join();
  for (const std::string& fault : faults) std::cout << fault << "\n";
  if (noticing.empty()) return faults.empty() ? 0 : 1;
  const bool noticed = std::any_of(faults.begin(), faults.end(),
                                   [&](const std::string& fault) { return fault.starts_with(noticing + ": "); });
  std::cout << (noticed ? "noticed\n" : "NOT noticed\n");
  return noticed ? 0 : 1;
}
