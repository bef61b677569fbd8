// SPDX-License-Identifier: Apache-2.0
#include "exec/selftest.hpp"

#include <string>

namespace openexec::exec {
namespace {

constexpr std::string_view known_answer = "11410011e527ad258990fa54c54137f90192e73eea1358202783c45ea6f86b38";

Digest request_digest(const Hasher& hasher, std::string_view action, std::string_view payload) {
  std::string bytes;
  hasher.canonical(action, payload, bytes);
  return hasher.digest(bytes);
}

Status broken(std::string_view why) { return Status(Code::invalid_argument, "hasher self test: " + std::string(why)); }

}  // namespace

Status self_test(const Hasher& hasher) {
  const std::string_view name = hasher.name();
  if (name.empty() || name.size() > 64) return broken("the name is empty or longer than 64 bytes");

  const Digest first = request_digest(hasher, "echo", R"({"msg":"hello world"})");
  if (name == "jcs-sha256" && to_hex(first) != known_answer) return broken("the known answer is wrong");
  if (first == Digest{}) return broken("the digest is zero");
  if (request_digest(hasher, "echo", R"({"msg":"hello world"})") != first) return broken("equal requests differ");
  if (request_digest(hasher, "add", R"({"msg":"hello world"})") == first) return broken("the action is not hashed");
  if (request_digest(hasher, "echo", R"({"msg":"hello World"})") == first) return broken("the payload is not hashed");
  return Status::success();
}

}  // namespace openexec::exec
