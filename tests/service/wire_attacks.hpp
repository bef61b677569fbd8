// SPDX-License-Identifier: Apache-2.0
// One table of what a hostile client sends, for every server that speaks HTTP.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "support/http.hpp"
#include "support/json.hpp"

namespace openexec::test {

/// A server under attack. Its two requests are ones that it answers in the plain shape.
struct Target {
  std::string name;
  std::function<HttpClient()> connect;
  std::string get;   ///< a target that GET is answered on with 200
  std::string post;  ///< a target that takes a body
  bool checks_names = true;
  bool keeps_alive = true;
};

struct Attack {
  std::string name;
  std::string bytes;
  int status;
  bool half_closes = false;
  bool by_name = false;  ///< only where Host is compared with names
};

inline std::vector<Attack> wire_attacks(const Target& target) {
  const std::string host = "Host: localhost\r\n";
  const std::string get = "GET " + target.get + " HTTP/1.1\r\n";
  const std::string post_line = "POST " + target.post + " HTTP/1.1\r\n";
  const std::string post = post_line + host + "Content-Type: application/json\r\n";
  // What two readers could take for the next request.
  const std::string rest = "\r\n{\"a\":1}" + get + host + "\r\n";
  const std::string large = std::string(40'000, 'a');
  return {
      {"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n" + rest, 400},
      {"one length twice", post + "Content-Length: 7\r\nContent-Length: 7\r\n" + rest, 400},
      {"a list of lengths", post + "Content-Length: 7, 7\r\n" + rest, 400},
      {"a length with a sign", post + "Content-Length: +5\r\n" + rest, 400},
      {"a negative length", post + "Content-Length: -1\r\n" + rest, 400},
      {"a length in base 16", post + "Content-Length: 0x5\r\n" + rest, 400},
      {"a length that overflows", post + "Content-Length: 99999999999999999999999\r\n" + rest, 400},
      {"length before coding", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + rest, 400},
      {"coding before length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + rest, 400},
      {"another coding", post + "Transfer-Encoding: gzip\r\n" + rest, 501},
      {"two codings", post + "Transfer-Encoding: gzip, chunked\r\n" + rest, 501},
      {"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + rest, 400},
      {"chunks in HTTP/1.0", "POST " + target.post + " HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n" + rest,
       400},
      {"a chunk without a size", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + rest, 400},
      {"a chunk over its size", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX" + rest, 400},
      {"a folded coding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
      {"a folded field", post + "X: a\r\n\tb\r\nContent-Length: 2\r\n\r\n{}", 400},
      {"a line feed alone", get + host + "X: a\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"line feeds alone", "GET " + target.get + " HTTP/1.1\nHost: localhost\n\n", 400},
      {"a blank before the colon", get + "Host : localhost\r\n\r\n", 400},
      {"a name with a blank", get + host + "Bad Name: b\r\n\r\n", 400},
      {"a control character", get + host + "X: \x01\r\n\r\n", 400},
      {"no Host", get + "\r\n", 400},
      {"two Hosts", get + host + host + "\r\n", 400},
      {"two Hosts in HTTP/1.0", "GET " + target.get + " HTTP/1.0\r\n" + host + host + "\r\n", 400},
      {"another version", "GET " + target.get + " HTTP/2.0\r\n" + host + "\r\n", 505},
      {"no version", "GET " + target.get + "\r\n\r\n", 400},
      {"the beginning of TLS", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", 400},
      {"an expectation", get + host + "Expect: the-impossible\r\n\r\n", 417},
      {"a second expectation", post + "Expect: 100-continue\r\nExpect: more\r\nContent-Length: 2\r\n\r\n{}", 417},
      {"a name of a page's own", get + "Host: evil.test\r\n\r\n", 421, false, true},
      {"a target's name", "GET http://evil.test" + target.get + " HTTP/1.1\r\n" + host + "\r\n", 421, false, true},
      {"a page from elsewhere", get + host + "Origin: http://evil.test\r\n\r\n", 403},
      {"a second Origin", get + host + "Origin: http://localhost\r\nOrigin: http://evil.test\r\n\r\n", 403},
      {"a large field", get + host + "X: " + large, 431},
      {"a large target", "GET /" + large, 431},
      {"a large length", post + "Content-Length: 18446744073709551615\r\n\r\n", 413},
      {"a large chunk", post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413},
      {"half a head", get + "Ho", 400, true},
      {"half a body", post + "Content-Length: 50\r\n\r\n{\"a\":1}", 400, true},
  };
}

/// Empty if the server answers as the table says, once, in the one shape, and ends the connection.
inline std::string fault_of(const Target& target, const Attack& attack) try {
  HttpClient client = target.connect();
  client.send(attack.bytes);
  if (attack.half_closes) client.half_close();
  const auto answer = client.receive();
  if (!answer) return "no answer";
  if (answer->status != attack.status) return "answered " + std::to_string(answer->status);
  if (!answer->body.starts_with(R"({"error":{"code":")")) return "not the one shape: " + answer->body;
  (void)answer->json();
  if (!answer->closes()) return "the connection is not said to close";
  return client.closed() ? "" : "what came behind it was answered";
} catch (const std::exception& failed) {
  return failed.what();
}

/// The names of the attacks that the server does not withstand, each with what it did.
inline std::vector<std::string> faults_of(const Target& target) {
  std::vector<std::string> faults;
  for (const Attack& attack : wire_attacks(target)) {
    if (attack.by_name && !target.checks_names) continue;
    if (const std::string fault = fault_of(target, attack); !fault.empty())
      faults.push_back(attack.name + ": " + fault);
  }
  return faults;
}

}  // namespace openexec::test
