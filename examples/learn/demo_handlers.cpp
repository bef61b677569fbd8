// SPDX-License-Identifier: Apache-2.0
#include "demo_handlers.hpp"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <boost/json/src.hpp>  // Boost.JSON without a library to link

namespace openexec {
namespace {

namespace json = boost::json;

constexpr std::int64_t max_exact = (std::int64_t{1} << 53) - 1;  // a wider integer is not the same in every JSON reader

bool exact(std::int64_t number) { return -max_exact <= number && number <= max_exact; }

HandlerResult echo(const Invocation& call) {
  return HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
}

HandlerResult refused(const std::string& why) { return HandlerResult::failed("add: " + why, Effect::none); }

HandlerResult add(const Invocation& call) {
  std::error_code error;
  const json::value payload = json::parse({call.payload.data(), call.payload.size()}, error);
  if (error || !payload.is_object()) return refused("the payload is not an object");
  const json::value* a = payload.get_object().if_contains("a");
  const json::value* b = payload.get_object().if_contains("b");
  if (a == nullptr || !a->is_number()) return refused("member \"a\" must be a number");
  if (b == nullptr || !b->is_number()) return refused("member \"b\" must be a number");

  json::value sum;
  if (a->is_int64() && b->is_int64() && exact(a->get_int64()) && exact(b->get_int64()) &&
      exact(a->get_int64() + b->get_int64())) {
    sum = a->get_int64() + b->get_int64();
  } else {
    const double inexact = a->to_number<double>() + b->to_number<double>();
    if (!std::isfinite(inexact)) return refused("the sum is not finite");
    sum = inexact;
  }
  return HandlerResult::result(json::serialize(json::object{{"sum", sum}}));
}

void add_or_throw(HandlerTable& table, std::string action, Handler run) {
  const Status added = table.add(std::move(action), std::move(run));
  if (!added.ok()) throw std::logic_error(added.detail());
}

}  // namespace

HandlerTable demo_handlers() {
  HandlerTable table;
  add_or_throw(table, "echo", echo);
  add_or_throw(table, "add", add);
  return table;
}

}  // namespace openexec
