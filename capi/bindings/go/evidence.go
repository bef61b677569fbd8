// SPDX-License-Identifier: Apache-2.0

package openexec

/*
#include "calls.h"
*/
import "C"

import (
	"encoding/json"
	"time"
)

// Trust is whom the caller trusts. nil is absent, which is not the same as empty.
type Trust struct {
	LogKey *string // the log's verifier key, name+id+key; absent: one of the policy's logs has to have signed
	Policy *string // a C2SP tlog-policy; absent: cosignatures are not asked for
}

// Holds is what the caller holds, and wants to know of: is it what the entry names? nil: not asked.
type Holds struct {
	ExecID, Action, Nonce, Tenant *string
	Payload, Result               *string // JSON in any spacing
	Receipt                       *string
	Approval                      *string // the artifact: JSON in any spacing
}

// Text is a string that is given, for Trust and Holds.
func Text(text string) *string { return &text }

// Cosignature is one that verified.
type Cosignature struct {
	Witness string    // its name in the policy
	Time    time.Time // when the witness says it signed
}

// Evidence is what a portable receipt is worth, step by step. Believe the entry, and what is beside it, where the
// answer is Pass, and not otherwise.
type Evidence struct {
	Answer    Answer
	DecidedBy Step   // the first step that failed, or else the first that is incomplete; -1 if the answer is Pass
	Detail    string // why, for a person; empty if the answer is Pass
	Findings  map[Step]Finding

	Entry        json.RawMessage // empty if no entry was read
	Index        int64           // -1 if no entry was read
	Origin       string          // the log's name
	Size         uint64          // how many entries the tree of the checkpoint has
	Root         Digest          // that tree's root
	Cosignatures []Cosignature   // in the order of the policy's witnesses
}

// VerifyEvidence reads and verifies a portable receipt, the text of a .tlog-proof: offline, without a clock. An error
// only where a key, a policy or an argument is malformed: whatever the portable receipt is worth is said by the
// evidence.
func VerifyEvidence(proof string, trust Trust, holds Holds) (*Evidence, error) {
	all := [...]*string{trust.LogKey, trust.Policy, holds.ExecID, holds.Action, holds.Nonce, holds.Tenant, holds.Payload,
		holds.Result, holds.Receipt, holds.Approval}
	var given C.uint32_t
	var texts [len(all)]string
	for i, text := range all {
		if text != nil {
			given |= 1 << i
			texts[i] = *text
		}
	}
	answer := C.oe_verify_evidence(proof, given, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6],
		texts[7], texts[8], texts[9])
	no := asked(answer)
	report := (*C.openexec_evidence)(answer.made)
	if report == nil {
		if no == nil {
			no = No(StoreFailed, "the library made no report")
		}
		return nil, no
	}
	defer func() { C.openexec_evidence_destroy(&report) }()
	tree := C.oe_evidence_tree(report)
	decided := C.openexec_evidence_decided_by(report)
	found := &Evidence{
		Answer: Answer(C.openexec_evidence_report_verdict(report)), DecidedBy: Step(decided),
		Detail: goText(C.openexec_evidence_detail(report, decided)), Findings: make(map[Step]Finding, steps),
		Entry: json.RawMessage(goText(C.openexec_evidence_entry(report))),
		Index: int64(C.openexec_evidence_index(report)), Origin: goText(C.openexec_evidence_origin(report)),
		Size: uint64(tree.entries), Root: goDigest(tree.root),
	}
	for step := Step(0); step < steps; step++ {
		found.Findings[step] = Finding(C.openexec_evidence_finding(report, C.openexec_evidence_step(step)))
	}
	for number := C.uint64_t(0); number < C.openexec_evidence_cosignatures(report); number++ {
		one := C.oe_evidence_cosignature(report, number)
		found.Cosignatures = append(found.Cosignatures,
			Cosignature{goText(one.witness), time.Unix(int64(one.time_s), 0).UTC()})
	}
	return found, nil
}

// VerifyClawshieldV1 checks an approval of profile clawshield-v1, offline. Answers who approved, as a log entry
// carries it: {"digest", "id", "keys", "profile"}. Says nothing about whether it was spent.
func VerifyClawshieldV1(publicKeyPEM, tenant, action string, payload, artifact []byte, now time.Time) (
	json.RawMessage, error) {
	return bytesOf(C.oe_verify_clawshield(publicKeyPEM, tenant, action, textOf(payload), textOf(artifact),
		C.int64_t(now.UnixMicro())))
}

// VerifyTrustPolicy checks the approval of a request by a trust policy, offline, as an executor of that name would.
// Answers as VerifyClawshieldV1 does. Says nothing about whether it was spent.
func VerifyTrustPolicy(policy, executor, tenant string, request Request, now time.Time) (json.RawMessage, error) {
	return bytesOf(C.oe_verify_policy(policy, executor, tenant, request.Action, textOf(request.Payload), request.Nonce,
		textOf(request.Approval), C.int64_t(now.UnixMicro())))
}

// ReadTrustPolicy reads a trust policy without activating it, and returns {"digest", "policy", "warnings"}.
func ReadTrustPolicy(policy string) (json.RawMessage, error) {
	return bytesOf(C.oe_read_policy(policy))
}

// Proposal is a request after its one strict parse, for hosts that only hash or only verify, and what a verifier is
// asked about. Read by one goroutine at a time. The caller that made a proposal closes it.
type Proposal struct {
	proposal *C.openexec_proposal // nil once it is closed or its callback has returned; C answers nothing for nil
	lent     bool                 // it belongs to the library, which destroys it
}

// NewProposal reads a request the way an executor does. The tenant is part of the exec id.
func NewProposal(request Request, tenant string) (*Proposal, error) {
	answer := C.oe_proposal(textOf(request.JSON), request.isJSON(), request.Action, textOf(request.Payload),
		request.Nonce, textOf(request.Approval), tenant)
	if err := asked(answer); err != nil {
		return nil, err
	}
	return &Proposal{proposal: (*C.openexec_proposal)(answer.made)}, nil
}

// Close destroys a proposal that the caller made. A proposal that was passed to a verifier only stops answering, since
// it belongs to the library. Close may be called again. The error is nil.
func (p *Proposal) Close() error {
	if p.lent {
		p.proposal = nil
		return nil
	}
	C.openexec_proposal_destroy(&p.proposal)
	return nil
}

// Tenant is whose nonces and approvals these are.
func (p *Proposal) Tenant() string { return goText(C.openexec_proposal_tenant(p.proposal)) }

// Action is the action.
func (p *Proposal) Action() string { return goText(C.openexec_proposal_action(p.proposal)) }

// Nonce is the nonce.
func (p *Proposal) Nonce() string { return goText(C.openexec_proposal_nonce(p.proposal)) }

// Payload is the payload in RFC 8785 form, as the handler gets it.
func (p *Proposal) Payload() json.RawMessage {
	return json.RawMessage(goText(C.openexec_proposal_payload(p.proposal)))
}

// Artifact is the approval artifact in RFC 8785 form, or empty if the request has no artifact.
func (p *Proposal) Artifact() json.RawMessage {
	return json.RawMessage(goText(C.openexec_proposal_artifact(p.proposal)))
}

func (p *Proposal) hash(which C.int32_t) (Digest, error) {
	hashed := C.oe_proposal_hash(p.proposal, which)
	return goDigest(hashed.digest), asked(hashed.answer)
}

// RequestHash is of the RFC 8785 form of action and payload: names the request.
func (p *Proposal) RequestHash() (Digest, error) { return p.hash(C.OPENEXEC_HASH_REQUEST) }

// ActionHash is of their clawshield-v1 form: what a clawshield-v1 artifact carries.
func (p *Proposal) ActionHash() (Digest, error) { return p.hash(C.OPENEXEC_HASH_ACTION) }

// ParametersHash is of the payload alone.
func (p *Proposal) ParametersHash() (Digest, error) { return p.hash(C.OPENEXEC_HASH_PARAMETERS) }

// ExecID is of action, nonce, payload and tenant: the execution's id.
func (p *Proposal) ExecID() (Digest, error) { return p.hash(C.OPENEXEC_HASH_EXEC_ID) }

// ArtifactHash is the hash of the approval artifact, or zero if the request has no artifact.
func (p *Proposal) ArtifactHash() (Digest, error) { return p.hash(C.OPENEXEC_HASH_ARTIFACT) }
