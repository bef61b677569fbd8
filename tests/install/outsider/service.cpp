// SPDX-License-Identifier: Apache-2.0
// Mounts the service in a program of its own, and takes it down again.
#include <cstdio>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

int main() {
  openexec::HandlerTable handlers;
  if (!handlers.add("ping", [](const auto&) { return openexec::HandlerResult::result("\"pong\""); }).ok()) return 1;
  auto executor = openexec::Executor::assemble(
      {}, {.store = openexec::memory_ledger(), .verifier = std::make_shared<openexec::DemoVerifier>()},
      std::move(handlers));
  if (!executor.ok()) return 1;
  openexec::ServiceOptions options;
  options.port = 0;
  auto service = openexec::Service::start(*executor, options);
  if (!service.ok()) return 1;
  std::printf("port %d\n", service->port());
  return service->port() != 0 && service->drain() == 0 ? 0 : 1;
}
