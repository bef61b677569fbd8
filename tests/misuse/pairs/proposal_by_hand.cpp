// WRONG: private
// SPDX-License-Identifier: Apache-2.0
// A Proposal comes out of the one strict parse and out of nothing else.
#include <openexec/request.hpp>

openexec::Result<openexec::Proposal> propose(const openexec::Request& request) {
#ifdef WRONG
  return openexec::Proposal(std::unique_ptr<openexec::Proposal::Parts>());
#else
  return openexec::Proposal::parse(request, "default");
#endif
}
