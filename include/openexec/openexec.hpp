// SPDX-License-Identifier: Apache-2.0
// The C++ promise of OpenExec, in reading order. What is not under include/ is no promise.
#pragma once

// clang-format off: in reading order
#include <openexec/executor.hpp>  // START HERE: assemble, execute, recover

#include <openexec/control.hpp>         // halt, resume, revoke
#include <openexec/evidence.hpp>        // whether that is genuine: offline, by anybody
#include <openexec/handler.hpp>         // what runs, once it is approved
#include <openexec/measures.hpp>        // counters and histograms for monitoring
#include <openexec/outcome.hpp>         // what the caller learns
#include <openexec/payload_schema.hpp>  // what a payload has to look like
#include <openexec/receipt.hpp>         // what an attempt leaves behind
#include <openexec/request.hpp>         // what an agent proposes
#include <openexec/tool_call.hpp>       // the nonce of a model's tool call

#include <openexec/clock.hpp>
#include <openexec/hasher.hpp>
#include <openexec/nonce_store.hpp>  // one interface and its contract each
#include <openexec/receipt_log.hpp>
#include <openexec/transparency_log.hpp>
#include <openexec/verifier.hpp>

#include <openexec/clawshield.hpp>  // the supplied verifiers
#include <openexec/demo.hpp>
#include <openexec/ledger.hpp>  // the supplied stores
#include <openexec/policy_verifier.hpp>
#include <openexec/trust_policy.hpp>

#include <openexec/bytes.hpp>
#include <openexec/money.hpp>
#include <openexec/status.hpp>  // the ways to say no
#include <openexec/version.hpp>
// clang-format on
