// SPDX-License-Identifier: Apache-2.0

package openexec

// Parts of your own. docs/contracts.md says what each must keep. All are called from any goroutine, concurrently, and
// must not call into the executor that they are part of. An executor tests its parts when it is opened.

import (
	"encoding/hex"
	"time"
)

// Digest is a SHA-256. All zero means none.
type Digest [32]byte

// String is 64 lower-case hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Approval is what a verifier found.
type Approval struct {
	ID   string   // spent together with the nonce; not empty
	Keys []string // the keys that verified, as the log entry names them
	// IssuedAt is when it was issued, where the artifact says so; else the zero time. A store with a floor, such as a
	// ledger that was adopted, takes no approval without it.
	IssuedAt time.Time
}

// Verifier says who approved a request, or why not: from the artifact, the proposal, its own configuration and now
// alone. No network, no clock of its own. That an approval is used once is the store's promise.
type Verifier interface {
	// Profile is the name of its rules, as log entries carry it; not empty.
	Profile() string

	// Verify refuses with an *Error that has one of the codes from ApprovalMissing to ApprovalKeyRevoked. Any other
	// error is ApprovalSignatureInvalid. The proposal is valid during the call, and answers nothing once Verify has
	// returned.
	Verify(proposal *Proposal, now time.Time) (Approval, error)
}

// Readier is a Verifier that knows when it could accept nothing.
type Readier interface{ Ready() error }

// Hasher says how a request becomes bytes, and bytes a digest. Pure: equal input gives equal output, for ever;
// different requests give different bytes. A ledger that was written under one name does not open under another. Cannot
// fail: a panic ends the process.
type Hasher interface {
	Name() string // 1 to 64 bytes
	Canonical(action, payload string) []byte
	Digest(data []byte) Digest
}

// Clock tells civil time, against which approvals expire and which log entries carry. May be wrong and may jump. Cannot
// fail: a panic ends the process.
type Clock interface{ Now() time.Time }

// MonotonicClock is a Clock with a time for durations and deadlines, from any beginning; never goes back. Without it
// that is the system's.
type MonotonicClock interface{ Monotonic() time.Duration }

// NewEntry is an entry on its way into a log.
type NewEntry struct {
	JSON    string // 1 to 65,535 bytes; anything else is to be refused
	ExecID  Digest // finds the entry again; zero for a malformed request
	Attempt Digest // where it is not zero, a second append of the same attempt answers the first one's index
	AtUS    int64  // microseconds since 1970; the store's highest time counts it
}

// LogLine is an entry in its place.
type LogLine struct {
	Index    uint64
	LeafHash Digest // RFC 6962: SHA-256(0x00 || JSON)
	JSON     string
}

// ReceiptLog is the append-only record of every attempt: durable before it answers, indexes from 0 without gaps in the
// order of commit, nothing ever changed or removed, idempotent per attempt.
type ReceiptLog interface {
	Append(entry NewEntry) (index uint64, err error)
	Count() (uint64, error)
	Read(first, count uint64) ([]LogLine, error)            // up to count lines from first on, in order
	FindLines(exec Digest, count uint64) ([]LogLine, error) // the lines of one execution, in order
}

// Claim is what a claim spends, in one durable step.
type Claim struct {
	Tenant, Nonce, Action string
	ExecID, RequestHash   Digest
	ApprovalID            string // spent with the nonce; empty spends none
	ApprovalDigest        Digest // which artifact was spent; zero where none was presented
	Approval              string // JSON, kept for the log entry of an attempt that dies
	AtUS                  int64
	Predecessor           string // something spent as an approval id that must be sealed as OK; empty: nothing
	MaxPerMinute          uint32 // claims of this action in this tenant within 60 s, this one included; 0: any number
}

// ClaimAnswer is the answer to a claim. Only Fresh permits running the handler.
type ClaimAnswer int32

// The answers of a claim.
const (
	Exists             ClaimAnswer = 1 // the nonce was claimed before, by this very request: with its record
	ClaimNonceConflict ClaimAnswer = 2 // the nonce was claimed before, by another request
	ClaimApprovalSpent ClaimAnswer = 3 // the approval was claimed before, under another nonce
	Fresh              ClaimAnswer = 4 // claimed now, durably
	ClaimOutOfOrder    ClaimAnswer = 5 // the predecessor has not executed; nothing was spent
	ClaimRateReached   ClaimAnswer = 6 // as many claims as may be were made within a minute; nothing was spent
)

// Record is what a store knows of one nonce.
type Record struct {
	Tenant, Nonce, Action               string
	ExecID, RequestHash, ApprovalDigest Digest
	Approval                            string // as claimed
	Result                              string // as sealed; empty while claimed
	Entry                               int64  // index of the entry that sealed it or put it in doubt; else -1
	State                               State
	Code                                Code   // as sealed; while claimed InDoubt
	Effect                              Effect // as sealed; while claimed EffectUnknown
}

// ClaimedRecord is what a claim leaves.
func ClaimedRecord(claim Claim) Record {
	return Record{Tenant: claim.Tenant, Nonce: claim.Nonce, Action: claim.Action, ExecID: claim.ExecID,
		RequestHash: claim.RequestHash, ApprovalDigest: claim.ApprovalDigest, Approval: claim.Approval, Entry: -1,
		State: StateClaimed, Code: InDoubt, Effect: EffectUnknown}
}

// Seal is the end of an attempt: claimed to sealed or in doubt, or in doubt to sealed.
type Seal struct {
	Tenant, Nonce string
	ExecID        Digest
	Result        string // display form
	Entry         string // goes into the log in the same durable step, or into the outbox
	AtUS          int64
	State         State
	Code          Code
	Effect        Effect
}

// Store carries "at most once".
//
// Linearizable per (tenant, nonce) and per (tenant, approval id), across goroutines, processes that share the store,
// and restarts. An error means: do not run. If a commit's fate is unknown the store finds out, or fails every later
// call; it never guesses. Calls block until they are durable. Nothing that could be replayed is ever evicted.
//
// A store that is a ReceiptLog as well is its own log: seals and entries then share one durable step. Any other is the
// Outbox of a log apart. It may be a TermKeeper and a ControlKeeper.
type Store interface {
	// Claim is durable before it answers Fresh; it spends the nonce and the approval id in one step or not at all. The
	// record is looked at for Exists alone.
	Claim(claim Claim) (ClaimAnswer, *Record, error)
	// Find answers nil where nothing is known.
	Find(tenant, nonce string) (*Record, error)
	// Seal is durable before it succeeds. Sealing what is not claimed (or in doubt) is InvalidArgument and changes
	// nothing. Answers the entry's index where the store is its own log, else -1.
	Seal(seal Seal) (entry int64, err error)
	// Orphans are the claims whose process died, in the order in which they were claimed.
	Orphans() ([]Record, error)
	// Pin records value under key on first use; a different value later is an error.
	Pin(key, value string) error
	// Latest is the highest time of any claim, seal or entry; zero for an empty store.
	Latest() (atUS int64, err error)
	// Ready says whether a claim would be possible now.
	Ready() error
}

// Unlogged is a sealed attempt whose entry has not been confirmed to be in the log.
type Unlogged struct {
	Tenant, Nonce string
	ExecID        Digest
	Entry         string
}

// Outbox is what a Store with a log apart keeps besides.
type Outbox interface {
	Unlogged() ([]Unlogged, error)
	Logged(tenant, nonce string, index uint64) error
}

// TermKeeper is a Store that holds claims to Predecessor and MaxPerMinute. What needs them is refused by any other.
type TermKeeper interface{ KeepsTerms() }

// FloorKeeper is a Store that was copied or restored, and may have lost what was spent: approvals issued at or before
// its floor count no more. A store in front of another one forwards it.
type FloorKeeper interface {
	// Floor returns false if there is no floor.
	Floor() (atUS int64, has bool, err error)
}

// ControlChange is a change of what stands, with the entry that records who ordered it.
type ControlChange struct {
	Control    Control
	Lifted     bool // no more, which only a halt can be; otherwise from now on
	ID, Tenant string
	Entry      string // goes into the log in the same durable step, or into the outbox under an empty nonce
	AtUS       int64
}

// ControlName is a control that stands: at most one of each.
type ControlName struct {
	Control Control
	ID      string // of the approval or the key; empty for a halt
	Tenant  string // whom it concerns; empty: everybody
}

// ControlKeeper is a Store that remembers orders. Without it they last as long as the executor.
type ControlKeeper interface {
	// Control makes a control stand, or lifts it; of one that stands already, or does not, only the entry is new.
	// Answers as Seal does.
	Control(change ControlChange) (entry int64, err error)
	// Controls are what stands, in the order of control, id and tenant.
	Controls() ([]ControlName, error)
}
