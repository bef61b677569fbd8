// SPDX-License-Identifier: Apache-2.0
// The two demonstration handlers that openexec and openexecd share. A program of your own brings its own.
#pragma once

#include <openexec/handler.hpp>

namespace openexec {

/// `echo` answers {"echo": payload}. `add` answers {"sum": a + b}: an integer while the sum is exact (within
/// ±(2^53 − 1)), a double otherwise; a payload without two numbers fails, and nothing happened.
HandlerTable demo_handlers();

}  // namespace openexec
