// SPDX-License-Identifier: Apache-2.0

package openexec

// What crosses into C. What comes out is copied, and destroyed at once, but for executors, log readers and proposals.

/*
#cgo pkg-config: openexec-c
#cgo CFLAGS: -std=gnu11
#include "calls.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

func goText(view C.openexec_str) string {
	if view.size == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(view.data)), int(view.size)))
}

func goDigest(digest C.openexec_digest) Digest {
	return *(*Digest)(unsafe.Pointer(&digest))
}

func cDigest(digest Digest) C.openexec_digest {
	return *(*C.openexec_digest)(unsafe.Pointer(&digest))
}

// textOf is the bytes as a string that shares them, for the duration of a call.
func textOf(data []byte) string {
	return unsafe.String(unsafe.SliceData(data), len(data))
}

func truth(is bool) C.int32_t {
	if is {
		return 1
	}
	return 0
}

// noOf is the no that a code and an error say, which it destroys; nil for a yes.
func noOf(code C.openexec_code, why *C.openexec_error) error {
	if code == C.OPENEXEC_OK {
		return nil
	}
	no := &Error{Code: Code(code)}
	if why != nil {
		no.Detail = goText(C.openexec_error_detail(why))
		C.openexec_error_destroy(&why)
	}
	return no
}

func asked(answer C.oe_answer) error { return noOf(answer.code, answer.error) }

// bytesOf returns what a function wrote into a buffer, and destroys the buffer. It returns nil if there is no buffer.
func bytesOf(answer C.oe_answer) ([]byte, error) {
	if err := asked(answer); err != nil {
		return nil, err
	}
	made := (*C.openexec_buffer)(answer.made)
	if made == nil {
		return nil, nil
	}
	view := C.openexec_buffer_view(made)
	found := append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(view.data)), int(view.size))...)
	C.openexec_buffer_destroy(&made)
	return found, nil
}

func stringOf(answer C.oe_answer) (string, error) {
	found, err := bytesOf(answer)
	return textOf(found), err
}

// outcomeOf copies an outcome, or returns nil if there is no outcome. The caller destroys the original.
func outcomeOf(answered *C.oe_answered) *Outcome {
	if answered.outcome == nil {
		return nil
	}
	return &Outcome{
		Code: Code(answered.code), Verdict: Verdict(answered.verdict), Effect: Effect(answered.effect),
		Attempt: uint32(answered.attempt), MayRetry: answered.may_retry == 1,
		Advice: goText(answered.advice), Form: ResultForm(answered.result_form), Replayed: answered.replayed == 1, ExecID: goText(answered.exec_id), Action: goText(answered.action),
		Result: []byte(goText(answered.result)), Receipt: goText(answered.receipt), Detail: goText(answered.detail),
		Entry: []byte(goText(answered.entry)), EntryIndex: int64(answered.entry_index), Proof: goText(answered.proof),
	}
}

// answeredBy takes the outcome of an attempt, or the error that there is instead.
func answeredBy(answered C.oe_answered) (*Outcome, error) {
	outcome := outcomeOf(&answered)
	if outcome == nil {
		if err := noOf(answered.code, answered.error); err != nil {
			return nil, err
		}
		return nil, No(StoreFailed, "the library gave no outcome")
	}
	C.openexec_outcome_destroy(&answered.outcome)
	if answered.error != nil {
		C.openexec_error_destroy(&answered.error)
	}
	return outcome, nil
}

// handOver gives C a part, by a setter that owns it from success on.
func handOver(part any, set func(self C.uintptr_t) C.oe_answer) error {
	handle := cgo.NewHandle(part)
	err := asked(set(C.uintptr_t(handle)))
	if err != nil {
		handle.Delete()
	}
	return err
}

func codeName(c Code) string       { return goText(C.openexec_code_name(C.openexec_code(c))) }
func codeHTTP(c Code) int          { return int(C.openexec_code_http(C.openexec_code(c))) }
func codeKind(c Code) Kind         { return Kind(C.openexec_code_kind(C.openexec_code(c))) }
func verdictName(v Verdict) string { return goText(C.openexec_verdict_name(C.openexec_verdict(v))) }
func resultFormName(f ResultForm) string {
	return goText(C.openexec_result_form_name(C.openexec_result_form(f)))
}

func adviceOf(code Code, verdict Verdict, effect Effect) string {
	return goText(C.openexec_advice(C.openexec_code(code), C.openexec_verdict(verdict), C.openexec_effect(effect)))
}

func effectName(e Effect) string { return goText(C.openexec_effect_name(C.openexec_effect(e))) }
func answerName(a Answer) string {
	return goText(C.openexec_evidence_verdict_name(C.openexec_evidence_verdict(a)))
}
func stepName(s Step) string {
	return goText(C.openexec_evidence_step_name(C.openexec_evidence_step(s)))
}
func findingName(f Finding) string {
	return goText(C.openexec_evidence_finding_name(C.openexec_finding(f)))
}

// CodeFromName is the code that has a name, and whether there is one.
func CodeFromName(name string) (Code, bool) {
	for _, code := range Codes() {
		if code.Error() == name {
			return code, true
		}
	}
	return 0, false
}

// Version is that of the library that is running, such as "0.1.0".
func Version() string { return goText(C.openexec_version()) }

// HasFeature says whether the library that is running has something: "sqlite", "clawshield-v1", "trust-policy",
// "transparency-log", "evidence", "events", "payload-schema", "payload-schema-patterns", "tool-call-nonce". An unknown
// name is a feature that is absent.
func HasFeature(name string) bool { return C.oe_has_feature(name) == 1 }

// Canonicalise writes JSON, one value of any type, in a canonical form, after the strict parse that requests get.
func Canonicalise(json []byte, form Form) ([]byte, error) {
	return bytesOf(C.oe_canonicalise(textOf(json), C.int32_t(form)))
}

// SHA256 of bytes.
func SHA256(data []byte) Digest {
	hashed := C.oe_sha256(textOf(data))
	if err := asked(hashed.answer); err != nil {
		panic(err) // there is nothing that could be wrong
	}
	return goDigest(hashed.digest)
}

// ParseDigest reads exactly 64 lower-case hexadecimal digits.
func ParseDigest(hex string) (Digest, error) {
	hashed := C.oe_from_hex(hex)
	return goDigest(hashed.digest), asked(hashed.answer)
}

// VerifyReceipt checks a receipt hash, offline: InvalidArgument where it does not belong to execID (empty for a
// malformed request's) and result; MalformedRequest where these are not what they should be.
func VerifyReceipt(execID string, result []byte, receipt string) error {
	return asked(C.oe_verify_receipt(execID, textOf(result), receipt))
}
