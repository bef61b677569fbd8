// SPDX-License-Identifier: Apache-2.0
// The C++ interface of OpenExec, in reading order. Only the headers under include/ are stable.
#pragma once

// clang-format off: in reading order
#include <openexec/executor.hpp>  // START HERE: assemble, execute, recover

#include <openexec/control.hpp>         // halt, resume, revoke
#include <openexec/evidence.hpp>        // offline verification of portable receipts
#include <openexec/handler.hpp>         // functions that perform approved actions
#include <openexec/measures.hpp>        // counters and histograms for monitoring
#include <openexec/outcome.hpp>         // the answer to an attempt
#include <openexec/payload_schema.hpp>  // JSON Schemas of payloads
#include <openexec/receipt.hpp>         // log entries and receipt hashes
#include <openexec/request.hpp>         // requests and proposals
#include <openexec/tool_call.hpp>       // the nonce of a model's tool call

#include <openexec/clock.hpp>
#include <openexec/hasher.hpp>
#include <openexec/nonce_store.hpp>  // from here on: one interface with its contract each
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
#include <openexec/status.hpp>  // the codes, Status and Result
#include <openexec/version.hpp>
// clang-format on
