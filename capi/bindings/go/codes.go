// SPDX-License-Identifier: Apache-2.0

package openexec

// Code says what happened, as a number that never changes its meaning. It is an error that errors.Is looks for.
type Code int32

// The codes. docs/errors.md says what each means.
const (
	OK Code = 0

	Halted                   Code = 100
	NonceConflict            Code = 101
	InProgress               Code = 102
	ActionNotAllowed         Code = 103
	UnknownAction            Code = 104
	PayloadSchema            Code = 105
	ApprovalMissing          Code = 110
	ApprovalMalformed        Code = 111
	ApprovalKeyMissing       Code = 112
	ApprovalHashMismatch     Code = 113
	ApprovalTenantMismatch   Code = 114
	ApprovalExpired          Code = 115
	ApprovalNotYetValid      Code = 116
	ApprovalSignatureInvalid Code = 117
	ApprovalThreshold        Code = 118
	ApprovalPolicyMismatch   Code = 119
	ApprovalAudienceMismatch Code = 120
	ApprovalConstraint       Code = 121
	ApprovalKeyRevoked       Code = 122
	ApprovalSpent            Code = 123

	InDoubt       Code = 200
	HandlerFailed Code = 201
	ResultInvalid Code = 202

	StoreFailed  Code = 300
	Overloaded   Code = 301
	ClockSuspect Code = 302

	MalformedRequest Code = 400
	InvalidArgument  Code = 401
	UnsupportedABI   Code = 402
)

// Codes are all of them, in the order of their numbers.
func Codes() []Code {
	return []Code{OK, Halted, NonceConflict, InProgress, ActionNotAllowed, UnknownAction, PayloadSchema,
		ApprovalMissing, ApprovalMalformed, ApprovalKeyMissing, ApprovalHashMismatch, ApprovalTenantMismatch, ApprovalExpired,
		ApprovalNotYetValid, ApprovalSignatureInvalid, ApprovalThreshold, ApprovalPolicyMismatch,
		ApprovalAudienceMismatch, ApprovalConstraint, ApprovalKeyRevoked, ApprovalSpent, InDoubt, HandlerFailed,
		ResultInvalid, StoreFailed, Overloaded, ClockSuspect, MalformedRequest, InvalidArgument, UnsupportedABI}
}

// Error is the code's name, as log entries carry it, such as "approval_expired".
func (c Code) Error() string { return codeName(c) }

// HTTP is the code's HTTP status; 0 for codes that never reach HTTP.
func (c Code) HTTP() int { return codeHTTP(c) }

// Kind is the code's kind.
func (c Code) Kind() Kind { return codeKind(c) }

// Kind is yes, or one of the four kinds of no. It is an error that errors.Is looks for.
type Kind int32

// The kinds.
const (
	Yes     Kind = 0
	Refused Kind = 1 // a decision; nothing ran
	Doubt   Kind = 2 // it ran, or may have
	Fault   Kind = 3 // undecided; nothing ran that is not said to have
	Misuse  Kind = 4 // the caller's bug
)

// Error is the kind's name.
func (k Kind) Error() string {
	if k < Yes || k > Misuse {
		return "unknown"
	}
	return [...]string{"yes", "refused", "doubt", "fault", "misuse"}[k]
}

// Verdict says how an attempt ended.
type Verdict int32

// The verdicts.
const (
	VerdictRefused    Verdict = 0
	VerdictExecuted   Verdict = 1
	VerdictFailed     Verdict = 2
	VerdictReplayed   Verdict = 3
	VerdictInDoubt    Verdict = 4
	VerdictSuppressed Verdict = 5 // in the log only: stands for many refusals
	VerdictControl    Verdict = 6 // no attempt, but an order: a halt, a resume, a revocation
)

// String is the verdict's name, as log entries carry it, such as "executed".
func (v Verdict) String() string { return verdictName(v) }

// Effect says what became of the action in the world, as far as the executor knows.
type Effect int32

// The effects.
const (
	EffectNone      Effect = 0 // the handler was not entered, or itself says that nothing happened
	EffectConfirmed Effect = 1 // the handler returned a result
	EffectUnknown   Effect = 2 // everything else
)

// String is the effect's name, as log entries carry it, such as "confirmed".
func (e Effect) String() string { return effectName(e) }

// ResultForm says what a result is.
type ResultForm int32

// The result forms.
const (
	JSONResult  ResultForm = 0 // the JSON value that the handler gave
	TextResult  ResultForm = 1 // an object whose "text" carries output that is not JSON, or is too long
	BytesResult ResultForm = 2 // the same of output that is not UTF-8, as "base64"
)

// String is the form's name, as entries carry it, such as "text".
func (f ResultForm) String() string { return resultFormName(f) }

// Advice is what a model that proposed the action is told beside the code: whether it ran, whether it may be tried
// again, and how. The library's one text (docs/errors.md).
func Advice(code Code, verdict Verdict, effect Effect) string { return adviceOf(code, verdict, effect) }

// Limit names a bound. What exceeds one is refused; nothing is dropped in silence.
type Limit int32

// The limits.
const (
	RequestBytes       Limit = 1 // the whole request; 1 MiB unless set
	RequestDepth       Limit = 2 // nesting of objects and arrays; 128 unless set, and at most
	ResultBytes        Limit = 3 // of a handler's result; 1 MiB unless set
	InFlight           Limit = 4 // attempts at once; 1024 unless set
	RefusalsPerSecond  Limit = 5 // entries for refusals; 1000 unless set
	WaitMS             Limit = 6 // how long a second caller of a running nonce waits; 30,000 unless set
	IssuedAheadSeconds Limit = 7 // clawshield-v1: how far in the future issued_at may lie; 60 unless set
	ClockJumpSeconds   Limit = 8 // how far the wall clock may jump before it is suspect; 3600 unless set
	ReplaysPerSecond   Limit = 9 // entries for replays of one execution; 10 unless set
)

// Control is what is ordered while executors run, and stands until it is lifted.
type Control int32

// The controls.
const (
	Halt           Control = 1 // nothing starts
	RevokeApproval Control = 2 // an approval, by its id, counts no more
	RevokeKey      Control = 3 // a key, by its id or fingerprint, counts no more
	ConfirmClock   Control = 4 // the wall clock was right when it was given; a store keeps its id as it is
)

// EventKind is what an Event tells of.
type EventKind int32

// The kinds of event.
const (
	Opened    EventKind = 1
	Answered  EventKind = 2
	Recovered EventKind = 3
	Reloaded  EventKind = 4
	Closed    EventKind = 5
)

// Form is a canonical form of JSON.
type Form int32

// The forms.
const (
	JCS          Form = 1 // RFC 8785
	ClawshieldV1 Form = 2 // what clawshield-v1 signers hash
	Display      Form = 3 // clawshield-v1 with ", " and ": "; what receipt hashes cover
)

// Answer is what a portable receipt is worth. Only Pass is one to rely on.
type Answer int32

// The answers.
const (
	Fail       Answer = 0 // something does not hold
	Incomplete Answer = 1 // nothing failed, but something that was needed was not given
	Pass       Answer = 2 // everything that was asked holds
)

// String is the answer's name: "FAIL", "INCOMPLETE", "PASS".
func (a Answer) String() string { return answerName(a) }

// Step is what is looked at in a portable receipt, in this order.
type Step int32

// The steps.
const (
	StepProof        Step = 0
	StepEntry        Step = 1
	StepInclusion    Step = 2
	StepLogSignature Step = 3
	StepCosignatures Step = 4
	StepExecID       Step = 5
	StepAction       Step = 6
	StepNonce        Step = 7
	StepTenant       Step = 8
	StepPayload      Step = 9
	StepResult       Step = 10
	StepReceipt      Step = 11
	StepApproval     Step = 12
	steps                 = 13
)

// String is the step's name, such as "log_signature".
func (s Step) String() string { return stepName(s) }

// Finding is what one step found.
type Finding int32

// The findings.
const (
	Unreached         Finding = 0 // an earlier step left nothing to look at
	FindingFailed     Finding = 1
	FindingIncomplete Finding = 2 // needed, and not given; or asked about, and the entry says nothing of it
	NotAsked          Finding = 3
	Passed            Finding = 4
)

// String is the finding's name, such as "not_asked".
func (f Finding) String() string { return findingName(f) }

// State is how far a nonce has come in a store.
type State int32

// The states.
const (
	StateClaimed State = 1 // its first attempt is running, or died and was not recovered yet
	StateSealed  State = 2 // final
	StateInDoubt State = 3 // it may have run; never run again; a settlement may still seal it
)
