// SPDX-License-Identifier: Apache-2.0

// Package openexec is the Go side of OpenExec, on libopenexec.so. An action that an AI agent proposes runs only if an
// approver approved it, runs at most once, also across crashes, and leaves evidence that an outside party can verify.
//
// Open makes an Executor from a Config. Its methods may be called by any number of goroutines, and block until their
// answer is durable. A handler runs on the goroutine that called, with the caller's context.
//
// # Errors
//
// Every no is an *Error with a Code and a Kind, both of which errors.Is knows:
//
//	errors.Is(err, openexec.Refused)         // it was decided that this does not run
//	errors.Is(err, openexec.Doubt)           // it ran, or may have
//	errors.Is(err, openexec.Fault)           // no decision was reached: again later, with the same nonce
//	errors.Is(err, openexec.Misuse)          // the call is wrong
//	errors.Is(err, openexec.ApprovalExpired) // the code itself
//
// # Contexts
//
// A context that is done before a call begins ends it. Its deadline bounds the wait for a nonce that is running
// elsewhere. Once a nonce is claimed its attempt is not abandoned: the handler gets the context, and looks at it if it
// wants to.
//
// # Panics
//
// A handler that panics or calls runtime.Goexit (testing.T.FailNow does) leaves its nonce in doubt. A store, a log or a
// verifier that does has said no. A hasher or a clock cannot say no: one that does ends the process. Neither unwinds
// the frames of C, because callbacks that can fail run on goroutines of their own.
//
// # Forks
//
// In the child of a fork an executor or a log answers InvalidArgument.
package openexec
