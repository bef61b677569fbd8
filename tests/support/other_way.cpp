// SPDX-License-Identifier: Apache-2.0
// Executes by another way in: every blocking call of a suite becomes a batch of one (OPENEXEC_WAY=many), or is submitted
// to a driver that is there for this call (OPENEXEC_WAY=submit). Linked with --wrap around the blocking calls.
#include <openexec/openexec.hpp>

#include <atomic>
#include <future>
#include <thread>

using namespace openexec;

namespace {

#define OPENEXEC_WAY_many 1
#define OPENEXEC_WAY_submit 2
#define OPENEXEC_WAY_NUMBER_OF(way) OPENEXEC_WAY_##way
#define OPENEXEC_WAY_NUMBER(way) OPENEXEC_WAY_NUMBER_OF(way)

#if OPENEXEC_WAY_NUMBER(OPENEXEC_WAY) == OPENEXEC_WAY_many

Outcome execute_otherwise(Executor& executor, const Call& call) {
  std::vector<Outcome> outcomes = executor.execute_many({&call, 1});
  return std::move(outcomes.at(0));
}

#else

/// Drives until the one call is answered.
Outcome execute_otherwise(Executor& executor, const Call& call) {
  std::promise<Outcome> answered;
  std::jthread driver([&](const std::stop_token& stop) { (void)executor.drive(stop); });
  for (;;) {
    const Status status = executor.submit(call, [&](Outcome outcome) { answered.set_value(std::move(outcome)); });
    if (status.ok()) break;
    if (status.detail().find("call drive()") != std::string::npos) {  // the driver is not there yet
      std::this_thread::yield();
      continue;
    }
    Outcome refused;
    refused.code = status.code();
    refused.detail = status.detail();
    refused.http = http_status(status.code());
    return refused;
  }
  return answered.get_future().get();
}

#endif

}  // namespace

Outcome by_request(Executor* self, const Request& request, const CallOptions& options) asm(
    "__wrap__ZN8openexec8Executor7executeERKNS_7RequestERKNS_11CallOptionsE");
Outcome by_request(Executor* self, const Request& request, const CallOptions& options) {
  return execute_otherwise(*self, {request, options});
}

Outcome by_text(Executor* self, std::string_view request, const CallOptions& options) asm(
    "__wrap__ZN8openexec8Executor12execute_jsonESt17basic_string_viewIcSt11char_traitsIcEERKNS_11CallOptionsE");
Outcome by_text(Executor* self, std::string_view request, const CallOptions& options) {
  return execute_otherwise(*self, {request, options});
}
