// SPDX-License-Identifier: Apache-2.0

package openexec

import "encoding/json"

// Outcome is the answer to one attempt, every no included. Its log entry is evidence of it.
type Outcome struct {
	Code     Code
	Verdict  Verdict
	Effect   Effect
	Attempt  uint32 // which attempt of its execution ran, or is replayed; 1 if no attempt ran
	MayRetry bool   // nothing happened, and the handler permits a further attempt: the same request, sent again, may run
	Replayed bool   // this is the outcome of an earlier attempt, told again; the handler was not entered

	ExecID  string          // 64 hexadecimal digits; empty if the request was malformed
	Action  string          // empty if the request was malformed
	Result  json.RawMessage // the bytes that the receipt hash covers; {"error": "<code>"} for every no
	Form    ResultForm      // what Result is: the handler's JSON, or an object that carries what else it said
	Receipt string          // 64 hexadecimal digits: SHA-256 of exec_id, ":" and result
	Detail  string          // the explanation for a person, the first attempt's in a replay; empty on success; not covered by the receipt hash

	Advice     string          // what a model that proposed the action is told: whether it ran, whether it may be tried again, and how
	Entry      json.RawMessage // this attempt's own log entry; empty if none could be written
	EntryIndex int64           // the entry's place in the log; -1 if no entry was written
	Proof      string          // the entry's portable receipt, if Request.Proof asked for it and the log keeps a tree
}

// Verify checks the receipt hash, offline.
func (o *Outcome) Verify() error { return VerifyReceipt(o.ExecID, o.Result, o.Receipt) }

// Err is nil for a yes, and the *Error of a no.
func (o *Outcome) Err() error {
	if o.Code == OK {
		return nil
	}
	return o.no(nil)
}

func (o *Outcome) no(cause error) error {
	return &Error{Code: o.Code, Detail: o.Detail, Outcome: o, cause: cause}
}
