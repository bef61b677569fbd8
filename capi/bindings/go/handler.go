// SPDX-License-Identifier: Apache-2.0

package openexec

import (
	"context"
	"encoding/json"
	"time"
)

// Handler is what an action runs, once it is approved. It may also be a Reconciler, a Coster, a Schemed
// and a Deadliner.
type Handler interface {
	// Run runs the action with the context of the call, on a goroutine of its own that the caller's waits for;
	// concurrently with itself when several call. The result is what encoding/json makes of it; json.RawMessage is
	// taken as it is.
	//
	// An error by NoEffect says that nothing happened, one by Failed that it failed and may have done something. Any
	// other leaves the nonce in doubt, as a panic and runtime.Goexit do: it is not known how far it came.
	Run(ctx context.Context, call *Invocation) (any, error)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, call *Invocation) (any, error)

// Run calls the function.
func (run HandlerFunc) Run(ctx context.Context, call *Invocation) (any, error) { return run(ctx, call) }

// Reconciler is a Handler that is asked on recovery whether an interrupted action took place, and never runs it. The
// result: yes; an error by NoEffect: no; any other error: unknown.
type Reconciler interface {
	Reconcile(settlement Settlement) (any, error)
}

// Coster is a Handler that says what an execution would cost, in millionths of a US dollar. It is asked before anything
// is claimed, and only where the approval names a highest cost; an error refuses it. Runs nothing. Without it no such
// approval is served.
type Coster interface {
	Cost(query CostQuery) (microUSD int64, err error)
}

// Retrier is a Handler whose execution may run again after an attempt that ended with NoEffect, so many times at most:
// the same request, sent again under the same approval, is admitted anew. At most 1,000.
type Retrier interface{ RetryNone() uint32 }

// Schemed is a Handler that says what a payload of its action has to look like: a JSON Schema (docs/formats.md, section
// 12), compiled when the executor is opened, which fails where it has something that cannot be checked. A payload that
// does not satisfy it is refused with PayloadSchema before its approval is looked at. Empty: any object.
type Schemed interface{ PayloadSchema() string }

// Deadliner is a Handler with a time after which the host stops caring, which becomes Invocation.Deadline. 30 s
// without.
type Deadliner interface{ Deadline() time.Duration }

// Invocation is one call of a handler.
type Invocation struct {
	ExecID   string // 64 hexadecimal digits, the same on every attempt: pass it downstream as idempotency key
	Action   string
	Payload  json.RawMessage // RFC 8785 form of what was approved
	Tenant   string
	Deadline time.Duration // on the executor's monotonic clock; a handler is never interrupted
	Attempt  uint32        // 1, or which further attempt this is (Retrier)
}

// Settlement is an interrupted call, of which a Reconciler knows or finds out whether it took place.
type Settlement struct{ ExecID, Action, Tenant string }

// CostQuery is what is asked for its cost.
type CostQuery struct {
	Action  string
	Payload json.RawMessage // RFC 8785 form
	Tenant  string
}

// insideOf marks the context that a handler gets from an executor.
type insideOf struct{ executor *frames }

// frame is what a call gives to the handler that it runs. The call takes it back when it returns.
type frame struct {
	ctx    context.Context
	of     *frames // its executor's
	cause  error
	handle uintptr
	calls  uint32 // that used it
}
