// SPDX-License-Identifier: Apache-2.0

package openexec

/*
#include "calls.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"sort"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Config says how an executor is to be. One of LedgerURL, LedgerPath and Store, and Approvals, have no default.
type Config struct {
	// LedgerURL is a supplied ledger: sqlite:///relative.db, sqlite:////absolute.db, sqlite:// (in memory).
	LedgerURL string
	// LedgerPath is the file of a supplied SQLite ledger, which is created if it does not exist.
	LedgerPath string
	// Store is one of your own.
	Store Store
	// Log is one of your own, apart from the Store.
	Log ReceiptLog

	// Approvals: Demo{}, Clawshield{...}, TrustPolicy{...} or By{...}.
	Approvals Approvals
	// Handlers are what actions run, by their names.
	Handlers map[string]Handler

	Tenant string // the name under which nonces and approvals are unique; "default" if empty
	Name   string // the executor's own name in log entries; "openexec" if empty

	// AllowedActions, if not nil, are the only actions that run. With an empty list no action runs.
	AllowedActions []string
	Limits         map[Limit]uint64

	LogKey    string // Ed25519 key as PKCS#8 PEM that signs a supplied ledger's checkpoints; made if empty
	LogOrigin string // of a supplied ledger: its name, as no other in the world is named, "example.com/payments"
	LogAnchor string // of a supplied ledger: a file apart for the newest checkpoint, against a ledger rolled back

	Hasher Hasher
	Clock  Clock
	// Events is called after the fact and concurrently, while the calling goroutine waits. A panic in it is ignored.
	Events func(Event)
}

// Approvals say what has to approve a request.
type Approvals interface {
	require(config *C.openexec_config) error
}

// Demo is WEAK: verifies nothing, so that everybody may run everything. For demonstrations.
type Demo struct{}

func (Demo) require(config *C.openexec_config) error { return asked(C.oe_demo(config)) }

// Clawshield requires approvals of profile clawshield-v1. An empty key or tenant refuses every request.
type Clawshield struct{ PublicKeyPEM, Tenant string }

func (c Clawshield) require(config *C.openexec_config) error {
	return asked(C.oe_clawshield(config, c.PublicKeyPEM, c.Tenant))
}

// TrustPolicy requires DSSE approvals under a trust policy, JSON text. An empty one refuses every request until
// Executor.ReloadTrustPolicy brings one.
type TrustPolicy struct{ Policy string }

func (t TrustPolicy) require(config *C.openexec_config) error {
	return asked(C.oe_set_text(config, C.OE_TRUST_POLICY, t.Policy))
}

// By requires what a verifier of your own says yes to.
type By struct{ Verifier Verifier }

func (b By) require(config *C.openexec_config) error {
	if b.Verifier == nil {
		return No(InvalidArgument, "Approvals: By without a Verifier")
	}
	return handPart(config, C.OE_VERIFIER, b.Verifier, b.Verifier.Profile(), 0)
}

func handPart(config *C.openexec_config, which C.int, part any, name string, monotonic C.int32_t) error {
	_, isLog := part.(ReceiptLog)
	_, keepsTerms := part.(TermKeeper)
	_, keepsControls := part.(ControlKeeper)
	return handOver(part, func(self C.uintptr_t) C.oe_answer {
		return C.oe_part(config, which, self, name, truth(isLog), truth(keepsTerms), truth(keepsControls), monotonic)
	})
}

// Event is what a host may want to write down. Names codes and ids: never a payload, a result, a key or a nonce.
type Event struct {
	Kind       EventKind
	Code       Code
	Verdict    Verdict
	Effect     Effect
	ExecID     string // empty if the request was malformed
	Action     string // empty if the request was malformed
	EntryIndex int64  // -1 if the event has no entry
	Count      uint64 // of an opening or a recovery: claims that were found interrupted
}

// Executor is a deterministic execution boundary. Any number of goroutines may call at once.
//
// A handler must not execute on its own executor: such an attempt is refused.
type Executor struct {
	held
	executor *C.openexec_executor
	frames   frames
}

// Open opens the ledger, checks the parts, seals the handlers, and recovers what an earlier process left behind. Any
// doubt about a part is an error, never a weaker executor.
func Open(config Config) (*Executor, error) {
	answer := C.oe_config()
	if err := asked(answer); err != nil {
		return nil, err
	}
	c := (*C.openexec_config)(answer.made)
	defer func() { C.openexec_config_destroy(&c) }()
	if err := config.set(c); err != nil {
		return nil, err
	}
	answer = C.oe_executor(c)
	if err := asked(answer); err != nil {
		return nil, err
	}
	made := &Executor{executor: (*C.openexec_executor)(answer.made)}
	made.held = held{what: "executor", end: func() { C.openexec_executor_destroy(&made.executor); made.frames.end() }}
	return made, nil
}

func (config *Config) set(c *C.openexec_config) error {
	texts := []struct {
		which C.int
		value string
	}{
		{C.OE_TENANT, config.Tenant}, {C.OE_NAME, config.Name}, {C.OE_URL, config.LedgerURL},
		{C.OE_PATH, config.LedgerPath}, {C.OE_LOG_KEY, config.LogKey}, {C.OE_LOG_ORIGIN, config.LogOrigin},
		{C.OE_LOG_ANCHOR, config.LogAnchor},
	}
	for _, text := range texts {
		if text.value != "" {
			if err := asked(C.oe_set_text(c, text.which, text.value)); err != nil {
				return err
			}
		}
	}
	ledgers := 0
	for _, given := range []bool{config.LedgerURL != "", config.LedgerPath != "", config.Store != nil} {
		if given {
			ledgers++
		}
	}
	if ledgers > 1 {
		return No(InvalidArgument, "config: one of LedgerURL, LedgerPath and Store")
	}
	if config.AllowedActions != nil {
		sizes := make([]C.size_t, len(config.AllowedActions)+1)
		for i, action := range config.AllowedActions {
			sizes[i] = C.size_t(len(action))
		}
		joined := strings.Join(config.AllowedActions, "")
		if err := asked(C.oe_allow(c, joined, &sizes[0], C.size_t(len(config.AllowedActions)))); err != nil {
			return err
		}
	}
	for limit, value := range config.Limits {
		if err := asked(C.oe_limit(c, C.int32_t(limit), C.uint64_t(value))); err != nil {
			return err
		}
	}
	if config.Approvals != nil {
		if err := config.Approvals.require(c); err != nil {
			return err
		}
	}
	if config.Store != nil {
		if _, isLog := config.Store.(ReceiptLog); !isLog {
			if _, isOutbox := config.Store.(Outbox); !isOutbox {
				return No(InvalidArgument, "config: Store is neither a ReceiptLog nor an Outbox")
			}
		}
		if err := handPart(c, C.OE_STORE, config.Store, "", 0); err != nil {
			return err
		}
	}
	if config.Log != nil {
		if err := handPart(c, C.OE_LOG, config.Log, "", 0); err != nil {
			return err
		}
	}
	if config.Hasher != nil {
		if err := handPart(c, C.OE_HASHER, config.Hasher, config.Hasher.Name(), 0); err != nil {
			return err
		}
	}
	if config.Clock != nil {
		_, monotonic := config.Clock.(MonotonicClock)
		if err := handPart(c, C.OE_CLOCK, config.Clock, "", truth(monotonic)); err != nil {
			return err
		}
	}
	if config.Events != nil {
		if err := handPart(c, C.OE_EVENTS, config.Events, "", 0); err != nil {
			return err
		}
	}
	actions := make([]string, 0, len(config.Handlers))
	for action := range config.Handlers {
		actions = append(actions, action)
	}
	sort.Strings(actions) // what is wrong is said alike every time
	for _, action := range actions {
		if err := addHandler(c, action, config.Handlers[action]); err != nil {
			return err
		}
	}
	return nil
}

func addHandler(config *C.openexec_config, action string, handler Handler) error {
	if handler == nil {
		return No(InvalidArgument, fmt.Sprintf("config: the handler of %q is nil", action))
	}
	_, reconciles := handler.(Reconciler)
	_, costs := handler.(Coster)
	deadline := int64(0)
	if own, ok := handler.(Deadliner); ok {
		deadline = max(int64(own.Deadline()/time.Millisecond), 1)
	}
	retries := uint32(0)
	if own, ok := handler.(Retrier); ok {
		retries = own.RetryNone()
	}
	schema := ""
	if own, ok := handler.(Schemed); ok {
		schema = own.PayloadSchema()
	}
	return handOver(handler, func(self C.uintptr_t) C.oe_answer {
		return C.oe_handler(config, action, self, C.int64_t(deadline), truth(reconciles), truth(costs), schema, C.uint32_t(retries))
	})
}

// Request is what an agent proposes.
type Request struct {
	Action   string          // 1 to 128 bytes of [A-Za-z0-9_.:/-]
	Payload  json.RawMessage // JSON text of one object; empty means {}
	Nonce    string          // 1 to 255 bytes of UTF-8, no control characters; unique in the tenant, for ever
	Approval json.RawMessage // the artifact: JSON text of one object; empty means none

	// JSON, if not nil, is the whole request as one object with the members action, payload, nonce and
	// approval_artifact. Of the members above only Nonce counts then: it is taken where the object names none, and
	// another than the one that it names is malformed.
	JSON json.RawMessage

	// Wait is how long to wait for a nonce that is running elsewhere: 0 as long as the limit WaitMS says, NoWait not
	// at all. A deadline of the context shortens it.
	Wait time.Duration
	// Proof asks for Outcome.Proof as well, for some reads more.
	Proof bool
}

// NoWait, as Request.Wait: InProgress at once.
const NoWait time.Duration = -1

func (request *Request) isJSON() C.int32_t { return truth(request.JSON != nil) }

// waitMS is the wait as C takes it, and whether the context's deadline is what ends it.
func (request *Request) waitMS(ctx context.Context) (ms C.int64_t, byDeadline bool) {
	wait := request.Wait
	if deadline, ok := ctx.Deadline(); ok && wait >= 0 {
		if left := time.Until(deadline); wait == 0 || left < wait {
			wait, byDeadline = max(left, time.Millisecond), true
		}
	}
	switch {
	case wait == 0:
		return 0, false
	case wait < 0:
		return -1, false
	}
	return C.int64_t(max(wait.Milliseconds(), 1)), byDeadline
}

// Execute makes one attempt. It answers with a yes only: the action was approved, ran and returned a result, now or in
// the attempt that this one replays. Every no is an *Error that holds its outcome.
func (e *Executor) Execute(ctx context.Context, request Request) (*Outcome, error) {
	outcome, cause, err := e.attempt(ctx, &request)
	if err != nil {
		return nil, err
	}
	if outcome.Code != OK {
		return nil, outcome.no(cause)
	}
	return outcome, nil
}

// Attempt makes one attempt and returns its outcome, whatever it is. It returns an error only if there is no outcome.
func (e *Executor) Attempt(ctx context.Context, request Request) (*Outcome, error) {
	outcome, _, err := e.attempt(ctx, &request)
	return outcome, err
}

// refuses says why no attempt begins with a context: it is done, or it is that of a handler which e itself runs.
func (e *Executor) refuses(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Value(insideOf{&e.frames}) != nil {
		return No(InvalidArgument, "a handler must not call the executor that runs it")
	}
	return nil
}

func (e *Executor) attempt(ctx context.Context, request *Request) (outcome *Outcome, cause, err error) {
	if err := e.refuses(ctx); err != nil {
		return nil, nil, err
	}
	if err := e.enter(); err != nil {
		return nil, nil, err
	}
	defer e.leave()
	lent := e.frames.take(ctx)
	defer e.frames.giveBack(lent)
	wait, byDeadline := request.waitMS(ctx)
	outcome, err = answeredBy(C.oe_execute(e.executor, C.uintptr_t(lent.handle), textOf(request.JSON),
		request.isJSON(), request.Action, textOf(request.Payload), request.Nonce, textOf(request.Approval),
		wait, truth(request.Proof)))
	lent.yield()
	cause = lent.cause
	if byDeadline && outcome != nil && outcome.Code == InProgress {
		cause = context.DeadlineExceeded
	}
	return outcome, cause, err
}

// ExecuteMany makes many attempts at once from one goroutine: each has the meaning of a concurrent call of its own, and
// they share what makes them durable. Handlers run one after the other on this goroutine. Outcomes are in the order of
// the requests. An error is returned only if there are no outcomes, and then nothing ran.
func (e *Executor) ExecuteMany(ctx context.Context, requests []Request) ([]*Outcome, error) {
	if err := e.refuses(ctx); err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	size := 0
	for i := range requests {
		r := &requests[i]
		size += len(r.JSON) + len(r.Action) + len(r.Payload) + len(r.Nonce) + len(r.Approval)
	}
	many := (*C.oe_many)(C.calloc(1, C.sizeof_oe_many))
	if many == nil {
		return nil, No(Overloaded, "no memory")
	}
	defer func() { C.oe_free_many(many); C.free(unsafe.Pointer(many)) }()
	if C.oe_make_many(many, C.size_t(len(requests)), C.size_t(size)) == 0 {
		return nil, No(Overloaded, "no memory")
	}
	place := many.texts
	for i := range requests {
		r := &requests[i]
		wait, _ := r.waitMS(ctx)
		place = C.oe_add(many, C.size_t(i), place, textOf(r.JSON), r.isJSON(), r.Action, textOf(r.Payload), r.Nonce,
			textOf(r.Approval), wait, truth(r.Proof))
	}
	lent := e.frames.take(ctx)
	defer e.frames.giveBack(lent)
	failed := asked(C.oe_execute_many(e.executor, C.uintptr_t(lent.handle), many))
	outcomes := make([]*Outcome, len(requests))
	for i := range requests {
		answered := C.oe_taken(many, C.size_t(i))
		if outcomes[i] = outcomeOf(&answered); outcomes[i] == nil {
			return nil, errors.Join(failed, No(StoreFailed, "the library gave no outcome"))
		}
	}
	if len(requests) == 0 {
		return outcomes, failed
	}
	return outcomes, nil
}

// Order is what is ordered, by whom and why. All of it goes into the log.
type Order struct {
	Control Control
	Lift    bool   // no more, which only a halt can be; otherwise from now on
	ID      string // of the approval (of a plan: all its steps) or the key; empty for a halt
	Tenant  string // whom it concerns; empty: everybody
	Who     string // 1 to 255 bytes of UTF-8 without control characters
	Why     string // 1 to 1,024 bytes of UTF-8
}

// Order halts, resumes or revokes. Once it has returned no handler is started against the order. Answers the outcome of
// VerdictControl, with receipt hash and entry.
func (e *Executor) Order(order Order) (*Outcome, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	outcome, err := answeredBy(C.oe_order(e.executor, C.int32_t(order.Control), truth(!order.Lift), order.ID,
		order.Tenant, order.Who, order.Why))
	if err == nil && outcome.Code != OK {
		return nil, outcome.no(nil)
	}
	return outcome, err
}

func (e *Executor) operate(what C.int) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return asked(C.oe_operate(e.executor, what))
}

// Halt halts everybody, on the host program's own account.
func (e *Executor) Halt() error { return e.operate(C.OE_HALT) }

// Resume ends a halt of everybody, on the host program's own account.
func (e *Executor) Resume() error { return e.operate(C.OE_RESUME) }

// Ready says whether an execution would be possible now; else what is in the way.
func (e *Executor) Ready() error { return e.operate(C.OE_READY) }

// Halted returns whether the executor is halted. It returns true if the executor is closed.
func (e *Executor) Halted() bool {
	if e.enter() != nil {
		return true
	}
	defer e.leave()
	return C.openexec_executor_halted(e.executor) != 0
}

// Controls returns the active controls of all tenants.
func (e *Executor) Controls() ([]ControlName, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	found := new([]ControlName)
	into := cgo.NewHandle(found)
	defer into.Delete()
	err := asked(C.oe_controls_of(e.executor, C.uintptr_t(into)))
	return *found, err
}

// ReloadTrustPolicy puts another trust policy in force, at once and whole. Where it fails, the old one stays.
func (e *Executor) ReloadTrustPolicy(policy string) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return asked(C.oe_reload(e.executor, policy))
}

// Recovery is what a recovery found.
type Recovery struct {
	InDoubt  uint64 // claims without a seal, now in doubt with a log entry
	Settled  uint64 // of those, settled by a Reconciler
	Relogged uint64 // sealed entries fed again into a log that is apart from its store
}

func (e *Executor) recovery(again C.int) (Recovery, error) {
	if err := e.enter(); err != nil {
		return Recovery{}, err
	}
	defer e.leave()
	recovery := C.oe_recover(e.executor, again)
	found := recovery.found
	return Recovery{uint64(found.in_doubt), uint64(found.settled), uint64(found.relogged)}, asked(recovery.answer)
}

// Recovered is what was recovered when it was opened.
func (e *Executor) Recovered() (Recovery, error) { return e.recovery(0) }

// Recover recovers again: finds what another process of a shared store left behind since.
func (e *Executor) Recover() (Recovery, error) { return e.recovery(1) }

// Log is its log, for reading. It stays readable after the executor is closed, and is closed on its own.
func (e *Executor) Log() (*Log, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	return logOf(C.oe_log_of(e.executor))
}

// held is a handle of the library that is closed once, by the last call that leaves it.
type held struct {
	what   string
	end    func()
	mutex  sync.Mutex
	inside int
	closed bool
}

func (h *held) enter() error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.end == nil || h.closed {
		what := h.what
		if what == "" {
			what = "nil"
		}
		return No(InvalidArgument, what+": is closed; no call may begin")
	}
	h.inside++
	return nil
}

func (h *held) leave() {
	h.mutex.Lock()
	h.inside--
	last := h.closed && h.inside == 0
	h.mutex.Unlock()
	if last {
		h.end()
	}
}

// Close lets no call begin any more. Those inside finish as usual, and the last of them ends what is closed. May be
// called again, and by a handler. The error is nil.
func (h *held) Close() error {
	h.mutex.Lock()
	ends := !h.closed && h.inside == 0 && h.end != nil
	h.closed = true
	h.mutex.Unlock()
	if ends {
		h.end()
	}
	return nil
}

// yield shows the scheduler now and then that this goroutine moves on. One that does little but call C seems to it to
// have run for 10 ms without a break: it then takes the processor away in every wait for the disk, sleeps if nothing
// else runs, and has to be woken up twice in each call, which costs a tenth of a durable execution. A yield in every
// sixteenth call prevents that where calls take less than 0.6 ms; where they take longer it is little beside them.
func (lent *frame) yield() {
	if lent.calls++; lent.calls%16 == 0 {
		runtime.Gosched()
	}
}

// frames are used again: a handle costs more than a call.
type frames struct {
	mutex sync.Mutex
	free  []*frame
	ended bool
}

func (f *frames) take(ctx context.Context) *frame {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if last := len(f.free) - 1; last >= 0 {
		lent := f.free[last]
		f.free = f.free[:last]
		lent.ctx = ctx
		return lent
	}
	lent := &frame{ctx: ctx, of: f}
	lent.handle = uintptr(cgo.NewHandle(lent))
	return lent
}

func (f *frames) giveBack(lent *frame) {
	lent.ctx, lent.cause = nil, nil
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.ended {
		cgo.Handle(lent.handle).Delete()
		return
	}
	f.free = append(f.free, lent)
}

func (f *frames) end() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.ended = true
	for _, lent := range f.free {
		cgo.Handle(lent.handle).Delete()
	}
	f.free = nil
}
