// SPDX-License-Identifier: Apache-2.0

package openexec

// What C calls. Nothing panics into C: what of a handler, a store, a log or a verifier panics is a no, and what cannot
// say no ends the process.

/*
#include "calls.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/cgo"
	"runtime/debug"
	"time"
)

func partOf[P any](self C.uintptr_t) P { return cgo.Handle(self).Value().(P) }

func write(sink *C.openexec_sink, text string) { C.oe_write(sink, text) }

// abort ends the process. It is called where no error can be returned.
func abort(why any) {
	fmt.Fprintf(os.Stderr, "openexec: a callback that cannot fail has failed: %v\n", why)
	debug.PrintStack()
	os.Stderr.Sync()
	C.abort()
}

// apart runs a function of the host on a goroutine of its own, and waits for it. A panic or a runtime.Goexit on the
// calling goroutine would unwind the frames of C. apart returns what ended the function, or nil if the function
// returned.
func apart(run func()) (ended error) {
	done := make(chan struct{})
	returned := false
	go func() {
		defer close(done)
		defer func() {
			if returned {
				return
			}
			if value := recover(); value != nil {
				ended = &Panicked{value}
			} else {
				ended = ErrGoexit
			}
		}()
		run()
		returned = true
	}()
	<-done
	return ended
}

// guarded runs a callback that can fail.
func guarded(otherwise Code, detail *C.openexec_sink, run func() error) C.openexec_code {
	var err error
	if ended := apart(func() { err = run() }); ended != nil {
		write(detail, howEnded(ended))
		return C.openexec_code(otherwise)
	}
	if err != nil {
		said, text := said(err, otherwise)
		write(detail, text)
		return C.openexec_code(said)
	}
	return C.OPENEXEC_OK
}

// howEnded is what a detail may say: nothing of what was panicked with.
func howEnded(ended error) string {
	if ended == ErrGoexit {
		return "it called runtime.Goexit"
	}
	return "it panicked"
}

// surely runs a callback that cannot fail.
func surely(run func()) {
	returned := false
	defer func() {
		if !returned {
			abort(recover())
		}
	}()
	run()
	returned = true
}

//export oeClose
func oeClose(self C.uintptr_t) { cgo.Handle(self).Delete() }

// --- handlers ---

// answer runs a handler and writes what it returns. It hands the handler's error to the call that it runs for.
func answer(lent *frame, result, detail *C.openexec_sink, run func() (any, error)) C.openexec_answer {
	cause := func(err error) {
		if lent != nil {
			lent.cause = err
		}
	}
	var value any
	var err, unmarshalled error
	var text []byte
	ended := apart(func() {
		if value, err = run(); err == nil {
			text, unmarshalled = textOfResult(value)
		}
	})
	switch marked, isMarked := err.(*failure); {
	case ended != nil:
		cause(ended)
		write(detail, "the handler: "+howEnded(ended)) // its progress is unknown, and its text may hold secrets
		return C.openexec_answer(answerInDoubt)
	case isMarked:
		cause(err)
		write(detail, marked.Error())
		return C.openexec_answer(marked.answer)
	case err != nil:
		cause(err)
		write(detail, fmt.Sprintf("the handler returned %T", err))
		return C.openexec_answer(answerInDoubt)
	case unmarshalled != nil: // it took place; what is not JSON is kept as the text that Go shows of it
		cause(unmarshalled)
		text = shown(value)
	}
	write(result, textOf(text))
	return C.openexec_answer(answerResult)
}

func textOfResult(value any) ([]byte, error) {
	if raw, isRaw := value.(json.RawMessage); isRaw {
		return raw, nil
	}
	return json.Marshal(value)
}

// shown is what fmt makes of a value, or of its type if the value's own methods panic.
func shown(value any) (text []byte) {
	if ended := apart(func() { text = []byte(fmt.Sprintf("%+v", value)) }); ended != nil {
		text = []byte(fmt.Sprintf("%T", value))
	}
	return text
}

//export oeRun
func oeRun(self, current C.uintptr_t, call *C.openexec_invocation, result, detail *C.openexec_sink) C.openexec_answer {
	ctx, lent := context.Background(), (*frame)(nil)
	if current != 0 {
		lent = partOf[*frame](current)
		ctx = context.WithValue(lent.ctx, insideOf{lent.of}, true)
	}
	return answer(lent, result, detail, func() (any, error) {
		return partOf[Handler](self).Run(ctx, &Invocation{
			ExecID: goText(call.exec_id), Action: goText(call.action), Payload: json.RawMessage(goText(call.payload)),
			Tenant: goText(call.tenant), Deadline: time.Duration(call.deadline_ns),
			Attempt: uint32(call.attempt)})
	})
}

//export oeReconcile
func oeReconcile(self C.uintptr_t, settlement *C.openexec_settlement, result, detail *C.openexec_sink) C.openexec_answer {
	return answer(nil, result, detail, func() (any, error) {
		return partOf[Reconciler](self).Reconcile(
			Settlement{goText(settlement.exec_id), goText(settlement.action), goText(settlement.tenant)})
	})
}

//export oeCost
func oeCost(self C.uintptr_t, query *C.openexec_cost_query, microUSD *C.int64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(ApprovalConstraint, detail, func() error {
		cost, err := partOf[Coster](self).Cost(
			CostQuery{goText(query.action), json.RawMessage(goText(query.payload)), goText(query.tenant)})
		*microUSD = C.int64_t(cost)
		return err
	})
}

// --- verifiers, hashers, clocks, events ---

//export oeVerify
func oeVerify(self C.uintptr_t, proposal *C.openexec_proposal, nowUS C.int64_t, approval *C.openexec_approval,
	detail *C.openexec_sink) C.openexec_code {
	return guarded(ApprovalSignatureInvalid, detail, func() error {
		lent := &Proposal{proposal: proposal, lent: true}
		defer func() { lent.proposal = nil }()
		found, err := partOf[Verifier](self).Verify(lent, time.UnixMicro(int64(nowUS)).UTC())
		if err != nil {
			return err
		}
		if C.oe_approve(approval, found.ID) != C.OPENEXEC_OK {
			return No(ApprovalMalformed, "the approval's id is refused")
		}
		if !found.IssuedAt.IsZero() && C.openexec_approval_set_issued_at(approval, C.int64_t(found.IssuedAt.UnixMicro())) != C.OPENEXEC_OK {
			return No(ApprovalMalformed, "when the approval was issued is refused")
		}
		for _, key := range found.Keys {
			if C.oe_approve_key(approval, key) != C.OPENEXEC_OK {
				return No(ApprovalMalformed, "a key of the approval is refused")
			}
		}
		return nil
	})
}

//export oeVerifierReady
func oeVerifierReady(self C.uintptr_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		if verifier, ok := partOf[Verifier](self).(Readier); ok {
			return verifier.Ready()
		}
		return nil
	})
}

//export oeCanonical
func oeCanonical(self C.uintptr_t, action, payload C.openexec_str, bytes *C.openexec_sink) {
	surely(func() { write(bytes, textOf(partOf[Hasher](self).Canonical(goText(action), goText(payload)))) })
}

//export oeDigest
func oeDigest(self C.uintptr_t, data C.openexec_str, digest *C.openexec_digest) {
	surely(func() { *digest = cDigest(partOf[Hasher](self).Digest([]byte(goText(data)))) })
}

//export oeNow
func oeNow(self C.uintptr_t) (us C.int64_t) {
	surely(func() { us = C.int64_t(partOf[Clock](self).Now().UnixMicro()) })
	return us
}

//export oeMonotonic
func oeMonotonic(self C.uintptr_t) (ns C.int64_t) {
	surely(func() { ns = C.int64_t(partOf[MonotonicClock](self).Monotonic()) })
	return ns
}

//export oeTell
func oeTell(self C.uintptr_t, event *C.openexec_event) {
	told := Event{EventKind(event.kind), Code(event.code), Verdict(event.verdict), Effect(event.effect),
		goText(event.exec_id), goText(event.action), int64(event.entry_index), uint64(event.count)}
	_ = apart(func() { partOf[func(Event)](self)(told) }) // it decides nothing, and cannot fail
}

// --- logs ---

//export oeAppend
func oeAppend(self C.uintptr_t, entry *C.openexec_new_entry, index *C.uint64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[ReceiptLog](self).Append(
			NewEntry{goText(entry.json), goDigest(entry.exec_id), goDigest(entry.attempt), int64(entry.at_us)})
		*index = C.uint64_t(found)
		return err
	})
}

//export oeCount
func oeCount(self C.uintptr_t, entries *C.uint64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[ReceiptLog](self).Count()
		*entries = C.uint64_t(found)
		return err
	})
}

func putLines(into *C.openexec_lines, found []LogLine) {
	for _, line := range found {
		if C.oe_put_line(into, C.uint64_t(line.Index), cDigest(line.LeafHash), line.JSON) != C.OPENEXEC_OK {
			return // the library remembers that it was not taken
		}
	}
}

//export oeRead
func oeRead(self C.uintptr_t, first, count C.uint64_t, into *C.openexec_lines, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[ReceiptLog](self).Read(uint64(first), uint64(count))
		putLines(into, found)
		return err
	})
}

//export oeFindLines
func oeFindLines(self C.uintptr_t, execID *C.openexec_digest, count C.uint64_t, into *C.openexec_lines,
	detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[ReceiptLog](self).FindLines(goDigest(*execID), uint64(count))
		putLines(into, found)
		return err
	})
}

// --- stores ---

func putRecord(into *C.openexec_records, r *Record) {
	C.oe_put_record(into, C.openexec_record{exec_id: cDigest(r.ExecID), request_hash: cDigest(r.RequestHash),
		approval_digest: cDigest(r.ApprovalDigest), entry: C.int64_t(r.Entry), state: C.openexec_state(r.State),
		code: C.openexec_code(r.Code), effect: C.openexec_effect(r.Effect)},
		r.Tenant, r.Nonce, r.Action, r.Approval, r.Result)
}

//export oeClaim
func oeClaim(self C.uintptr_t, claim *C.openexec_claim, claimed *C.openexec_claim_answer, existing *C.openexec_records,
	detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		answer, record, err := partOf[Store](self).Claim(Claim{
			Tenant: goText(claim.tenant), Nonce: goText(claim.nonce), Action: goText(claim.action),
			ExecID: goDigest(claim.exec_id), RequestHash: goDigest(claim.request_hash),
			ApprovalID: goText(claim.approval_id), ApprovalDigest: goDigest(claim.approval_digest),
			Approval: goText(claim.approval), AtUS: int64(claim.at_us), Predecessor: goText(claim.predecessor),
			MaxPerMinute: uint32(claim.max_per_minute)})
		if err != nil {
			return err
		}
		if answer == Exists {
			if record == nil {
				return No(StoreFailed, "a claim that exists has a record")
			}
			putRecord(existing, record)
		}
		*claimed = C.openexec_claim_answer(answer)
		return nil
	})
}

//export oeFind
func oeFind(self C.uintptr_t, tenant, nonce C.openexec_str, into *C.openexec_records, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		record, err := partOf[Store](self).Find(goText(tenant), goText(nonce))
		if record != nil {
			putRecord(into, record)
		}
		return err
	})
}

//export oeSeal
func oeSeal(self C.uintptr_t, seal *C.openexec_seal, entry *C.int64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		index, err := partOf[Store](self).Seal(Seal{
			Tenant: goText(seal.tenant), Nonce: goText(seal.nonce), ExecID: goDigest(seal.exec_id),
			Result: goText(seal.result), Entry: goText(seal.entry), AtUS: int64(seal.at_us), State: State(seal.state),
			Code: Code(seal.code), Effect: Effect(seal.effect)})
		*entry = C.int64_t(index)
		return err
	})
}

//export oeOrphans
func oeOrphans(self C.uintptr_t, into *C.openexec_records, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[Store](self).Orphans()
		for i := range found {
			putRecord(into, &found[i])
		}
		return err
	})
}

//export oePin
func oePin(self C.uintptr_t, key, value C.openexec_str, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error { return partOf[Store](self).Pin(goText(key), goText(value)) })
}

//export oeLatest
func oeLatest(self C.uintptr_t, atUS *C.int64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[Store](self).Latest()
		*atUS = C.int64_t(found)
		return err
	})
}

//export oeFloor
func oeFloor(self C.uintptr_t, floorUS *C.int64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		store, keepsFloor := partOf[Store](self).(FloorKeeper)
		if !keepsFloor {
			return nil
		}
		found, has, err := store.Floor()
		if err == nil && has {
			*floorUS = C.int64_t(found)
		}
		return err
	})
}

//export oeReady
func oeReady(self C.uintptr_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error { return partOf[Store](self).Ready() })
}

//export oeUnlogged
func oeUnlogged(self C.uintptr_t, into *C.openexec_unlogged, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[Outbox](self).Unlogged()
		for _, one := range found {
			C.oe_put_unlogged(into, cDigest(one.ExecID), one.Tenant, one.Nonce, one.Entry)
		}
		return err
	})
}

//export oeLogged
func oeLogged(self C.uintptr_t, tenant, nonce C.openexec_str, index C.uint64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		return partOf[Outbox](self).Logged(goText(tenant), goText(nonce), uint64(index))
	})
}

//export oeControl
func oeControl(self C.uintptr_t, change *C.openexec_control_change, entry *C.int64_t, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		index, err := partOf[ControlKeeper](self).Control(ControlChange{Control(change.control), change.active != 1,
			goText(change.id), goText(change.tenant), goText(change.entry), int64(change.at_us)})
		*entry = C.int64_t(index)
		return err
	})
}

//export oeControls
func oeControls(self C.uintptr_t, into *C.openexec_controls, detail *C.openexec_sink) C.openexec_code {
	return guarded(StoreFailed, detail, func() error {
		found, err := partOf[ControlKeeper](self).Controls()
		for _, name := range found {
			C.oe_put_control(into, C.int32_t(name.Control), name.ID, name.Tenant)
		}
		return err
	})
}

// --- visitors ---

//export oeVisitLine
func oeVisitLine(into C.uintptr_t, line *C.openexec_log_line) (enough C.int32_t) {
	found := partOf[*lines](into)
	defer func() {
		if found.why = recover(); found.why != nil {
			enough = 1
		}
	}()
	found.found = append(found.found, LogLine{uint64(line.index), goDigest(line.leaf_hash), goText(line.json)})
	return 0
}

//export oeVisitControl
func oeVisitControl(into C.uintptr_t, name *C.openexec_control_name) C.int32_t {
	surely(func() {
		found := partOf[*[]ControlName](into)
		*found = append(*found, ControlName{Control(name.control), goText(name.id), goText(name.tenant)})
	})
	return 0
}
