// SPDX-License-Identifier: Apache-2.0

package openexec_test

// OpenExec's own vectors, through Go.

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"openexec.example/openexec"
)

func sum(parts ...[]byte) openexec.Digest {
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	return openexec.SHA256(all)
}

func TestEveryCanonicalFormComesOut(t *testing.T) {
	var file struct {
		Cases []struct {
			ID            string `json:"id"`
			Input         string `json:"input_hex"`
			Refuse        any    `json:"refuse"`
			JCS           string `json:"jcs"`
			Clawshield    string `json:"clawshield_v1"`
			Display       string `json:"display"`
			JCSSum        string `json:"jcs_sha256"`
			ClawshieldSum string `json:"clawshield_v1_sha256"`
		} `json:"cases"`
	}
	vectors(t, "canonical", &file)
	refused := 0
	for _, c := range file.Cases {
		given, err := hex.DecodeString(c.Input)
		must(t, err)
		if c.Refuse != nil {
			_, err := openexec.Canonicalise(given, openexec.JCS)
			equal(t, is(t, err, openexec.MalformedRequest).Detail != "", true)
			refused++
			continue
		}
		for form, wanted := range map[openexec.Form]string{openexec.JCS: c.JCS, openexec.ClawshieldV1: c.Clawshield,
			openexec.Display: c.Display} {
			found, err := openexec.Canonicalise(given, form)
			must(t, err)
			equal(t, string(found), wanted)
		}
		equal(t, sum([]byte(c.JCS)).String(), c.JCSSum)
		equal(t, sum([]byte(c.Clawshield)).String(), c.ClawshieldSum)
	}
	equal(t, len(file.Cases) >= 590 && refused >= 40, true)
	t.Logf("canonical: %d (%d refused)", len(file.Cases), refused)
}

func TestEveryPayloadOfTheTableHasItsAnswer(t *testing.T) {
	var file struct {
		Cases []struct {
			ID, JSON string
			Payload  *string
		}
	}
	vectors(t, "payloads", &file)
	for _, c := range file.Cases {
		member := ""
		if c.JSON != "" {
			member = `, "payload": ` + c.JSON
		}
		whole := openexec.Request{JSON: json.RawMessage(`{"action": "echo", "nonce": "n"` + member + `}`)}
		for _, one := range []openexec.Request{request("echo", c.JSON, "n"), whole} {
			proposal, err := openexec.NewProposal(one, tenant)
			if c.Payload == nil {
				is(t, err, openexec.MalformedRequest)
				continue
			}
			must(t, err)
			equal(t, string(proposal.Payload()), *c.Payload)
			proposal.Close()
		}
	}
	equal(t, len(file.Cases) > 0, true)
}

func TestEveryIdentityComesOut(t *testing.T) {
	var file struct {
		Cases []struct {
			Action, Nonce, Tenant string
			Payload               json.RawMessage
			RequestHash           string `json:"request_hash"`
			ActionHash            string `json:"action_hash"`
			ExecID                string `json:"exec_id"`
		}
	}
	vectors(t, "identities", &file)
	for _, c := range file.Cases {
		proposal, err := openexec.NewProposal(request(c.Action, string(c.Payload), c.Nonce), c.Tenant)
		must(t, err)
		for _, one := range []struct {
			hash   func() (openexec.Digest, error)
			wanted string
		}{{proposal.RequestHash, c.RequestHash}, {proposal.ActionHash, c.ActionHash}, {proposal.ExecID, c.ExecID},
			{proposal.ParametersHash, sum(proposal.Payload()).String()},
			{proposal.ArtifactHash, openexec.Digest{}.String()}} {
			found, err := one.hash()
			must(t, err)
			equal(t, found.String(), one.wanted)
		}
		equal(t, proposal.Tenant()+proposal.Action()+proposal.Nonce()+string(proposal.Artifact()),
			c.Tenant+c.Action+c.Nonce)
		must(t, proposal.Close())
	}
	equal(t, len(file.Cases) >= 60, true)
}

func TestEveryReceiptVerifiesAndNoOtherDoes(t *testing.T) {
	var file struct {
		Cases []struct {
			ExecID           string `json:"exec_id"`
			Display, Receipt string
		}
	}
	vectors(t, "receipts", &file)
	for _, c := range file.Cases {
		must(t, openexec.VerifyReceipt(c.ExecID, []byte(c.Display), c.Receipt))
		compact, err := openexec.Canonicalise([]byte(c.Display), openexec.ClawshieldV1)
		must(t, err)
		must(t, openexec.VerifyReceipt(c.ExecID, compact, c.Receipt))
		other := "0" + c.Receipt[1:]
		if c.Receipt[0] == '0' {
			other = "1" + c.Receipt[1:]
		}
		is(t, openexec.VerifyReceipt(c.ExecID, []byte("["+c.Display+"]"), c.Receipt), openexec.InvalidArgument)
		is(t, openexec.VerifyReceipt(c.ExecID, []byte(c.Display), other), openexec.InvalidArgument)
		is(t, openexec.VerifyReceipt(c.ExecID, []byte(c.Display+"]"), c.Receipt), openexec.MalformedRequest)
		is(t, openexec.VerifyReceipt(c.ExecID, []byte(c.Display), c.Receipt[1:]), openexec.MalformedRequest)
	}
	equal(t, len(file.Cases) >= 60, true)
}

// verdict is the code's name, and who approved.
func verdict(t *testing.T, who json.RawMessage, err error) (string, map[string]any) {
	if err == nil {
		return "ok", entryOf(t, who)
	}
	var no *openexec.Error
	equal(t, errors.As(err, &no) && no.Detail != "", true)
	return no.Code.Error(), nil
}

// approvals are the cases of both files.
type approvals struct {
	PublicKey   string          `json:"public_key"`
	TrustPolicy json.RawMessage `json:"trust_policy"`
	Cases       []struct {
		ID, Tenant, Action, Nonce, Executor, Expect string
		Now                                         time.Time
		Payload, Artifact                           json.RawMessage
		Keys                                        []any
	}
}

// absent is an artifact that a case does not have.
func absent(artifact json.RawMessage) json.RawMessage {
	if string(artifact) == "null" {
		return nil
	}
	return artifact
}

func TestEveryClawshieldApprovalGetsItsCode(t *testing.T) {
	var file approvals
	vectors(t, "approvals_v1", &file)
	for _, c := range file.Cases {
		found, err := openexec.VerifyClawshieldV1(file.PublicKey, c.Tenant, c.Action, c.Payload, absent(c.Artifact), c.Now)
		code, who := verdict(t, found, err)
		if code != c.Expect {
			t.Fatalf("%s: %s, not %s", c.ID, code, c.Expect)
		}
		if who != nil {
			equal(t, who["profile"], any("clawshield-v1"))
			equal(t, who["id"], entryOf(t, c.Artifact)["approval_id"])
		}
	}
	equal(t, len(file.Cases) >= 46, true)
}

func TestEveryDSSEApprovalGetsItsCode(t *testing.T) {
	var file approvals
	vectors(t, "approvals_dsse", &file)
	for _, c := range file.Cases {
		asks := approved(c.Action, string(c.Payload), c.Nonce, string(absent(c.Artifact)))
		found, err := openexec.VerifyTrustPolicy(string(file.TrustPolicy), c.Executor, c.Tenant, asks, c.Now)
		code, who := verdict(t, found, err)
		if code != c.Expect {
			t.Fatalf("%s: %s, not %s", c.ID, code, c.Expect)
		}
		if who != nil {
			equal(t, fmt.Sprint(who["keys"]), fmt.Sprint(c.Keys))
		}
	}
	report, err := openexec.ReadTrustPolicy(string(file.TrustPolicy))
	must(t, err)
	equal(t, entryOf(t, report)["digest"] != nil, true)
	equal(t, len(file.Cases) >= 37, true)
}

func node(left, right openexec.Digest) openexec.Digest { return sum([]byte{1}, left[:], right[:]) }

func rootOf(leaves []openexec.Digest) openexec.Digest {
	switch len(leaves) {
	case 0:
		return sum()
	case 1:
		return leaves[0]
	}
	half := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	return node(rootOf(leaves[:half]), rootOf(leaves[half:]))
}

// consistent is RFC 9162, 2.1.4.2.
func consistent(from, to int, old, new openexec.Digest, proof []openexec.Digest) bool {
	if from == to {
		return old == new && len(proof) == 0
	}
	if from&(from-1) == 0 {
		proof = append([]openexec.Digest{old}, proof...)
	}
	fn, sn := from-1, to-1
	for ; fn&1 == 1; fn, sn = fn>>1, sn>>1 {
	}
	if len(proof) == 0 {
		return false
	}
	fr, sr := proof[0], proof[0]
	for _, hash := range proof[1:] {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = node(hash, fr), node(hash, sr)
			for ; fn != 0 && fn&1 == 0; fn, sn = fn>>1, sn>>1 {
			}
		} else {
			sr = node(sr, hash)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && fr == old && sr == new
}

func TestTheLogsVectorsHaveTheirVerdicts(t *testing.T) {
	var file struct {
		Entries     []string
		LeafHashes  []string `json:"leaf_hashes"`
		Roots       map[int]string
		Consistency []struct {
			From, To int
			Hashes   [][]byte
		}
		Checkpoints map[int]string
		LogKey      string   `json:"log_vkey"`
		Witnesses   []string `json:"witness_vkeys"`
		Origin      string
		Proofs      []struct {
			Size, Index int
			Proof       string `json:"tlog_proof"`
		}
	}
	vectors(t, "log", &file)
	leaves := make([]openexec.Digest, len(file.Entries))
	for i, entry := range file.Entries {
		leaves[i] = sum([]byte{0}, []byte(entry))
		equal(t, leaves[i].String(), file.LeafHashes[i])
	}
	for size, root := range file.Roots {
		equal(t, rootOf(leaves[:size]).String(), root)
	}
	for _, c := range file.Consistency {
		hashes := make([]openexec.Digest, len(c.Hashes))
		for i, hash := range c.Hashes {
			copy(hashes[i][:], hash)
		}
		old, new := rootOf(leaves[:c.From]), rootOf(leaves[:c.To])
		equal(t, consistent(c.From, c.To, old, new, hashes), true)
		if len(hashes) > 0 {
			equal(t, consistent(c.From, c.To, old, new, hashes[1:]), false)
		}
	}
	policy := fmt.Sprintf("witness w1 %s\nwitness w2 %s\ngroup both all w1 w2\nquorum both\n", file.Witnesses[0],
		file.Witnesses[1])
	trust := openexec.Trust{LogKey: openexec.Text(file.LogKey)}
	for _, c := range file.Proofs {
		equal(t, strings.HasSuffix(c.Proof, "\n"+file.Checkpoints[c.Size]), true)
		found, err := openexec.VerifyEvidence(c.Proof, trust, openexec.Holds{})
		must(t, err)
		equal(t, fmt.Sprint(found.Answer, found.Index, found.Size, found.Origin, found.Root),
			fmt.Sprint(openexec.Pass, c.Index, c.Size, file.Origin, file.Roots[c.Size]))
		equal(t, string(found.Entry), file.Entries[c.Index])
		cosigned, err := openexec.VerifyEvidence(c.Proof, openexec.Trust{LogKey: trust.LogKey, Policy: &policy},
			openexec.Holds{})
		must(t, err)
		witnesses := ""
		for _, one := range cosigned.Cosignatures {
			witnesses += one.Witness
		}
		wanted := [...]string{" FAIL", "w1w2 PASS"}[c.Size%2]
		equal(t, witnesses+" "+cosigned.Answer.String(), wanted)
		held, err := openexec.VerifyEvidence(c.Proof, trust, openexec.Holds{ExecID: openexec.Text(strings.Repeat("0", 64))})
		must(t, err)
		equal(t, held.Answer == openexec.Fail && held.DecidedBy == openexec.StepExecID && held.Detail != "", true)
	}
	equal(t, fmt.Sprint(len(leaves), len(file.Roots), len(file.Consistency), len(file.Proofs)), "300 14 78 42")
}

// alone is the proof of an entry in a log that has no other. Nobody signed it: what is asked about is the entry.
func alone(t *testing.T, text, logKey string) string {
	parts := strings.Split(logKey, "+")
	id, err := hex.DecodeString(parts[1])
	must(t, err)
	leaf := sum([]byte{0}, []byte(text))
	in64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("c2sp.org/tlog-proof@v1\nextra %s\nindex 0\n\n%s\n1\n%s\n\n\u2014 %s %s\n", in64([]byte(text)),
		parts[0], in64(leaf[:]), parts[0], in64(append(id, make([]byte, 64)...)))
}

func TestEveryEntryOfVersion2IsReadAndNoOther(t *testing.T) {
	var log struct {
		LogKey string `json:"log_vkey"`
	}
	var file struct {
		Valid, Invalid []struct {
			Name, Text string
			LeafHash   string `json:"leaf_hash"`
		}
	}
	vectors(t, "log", &log)
	vectors(t, "entries_v2", &file)
	trust := openexec.Trust{LogKey: openexec.Text(log.LogKey)}
	for _, c := range file.Valid {
		found, err := openexec.VerifyEvidence(alone(t, c.Text, log.LogKey), trust, openexec.Holds{})
		must(t, err)
		equal(t, c.Name+" "+found.DecidedBy.String()+" "+string(found.Entry), c.Name+" log_signature "+c.Text)
		equal(t, sum([]byte{0}, []byte(c.Text)).String(), c.LeafHash)
	}
	for _, c := range file.Invalid {
		found, err := openexec.VerifyEvidence(alone(t, c.Text, log.LogKey), trust, openexec.Holds{})
		must(t, err)
		inTime := found.DecidedBy == openexec.StepProof || found.DecidedBy == openexec.StepEntry
		equal(t, fmt.Sprint(c.Name, inTime), c.Name+"true")
	}
	equal(t, len(file.Valid) >= 31 && len(file.Invalid) >= 212, true)
}

func TestEveryToolCallHasItsNonceOrNone(t *testing.T) {
	type call struct {
		ID, Conversation, Turn, Name, Arguments, Nonce string
		Occurrence                                     uint32
	}
	var file struct {
		Cases []call
		Turns []struct {
			Conversation, Turn string
			Calls              []call
		}
	}
	vectors(t, "tool_calls", &file)
	for _, c := range file.Cases {
		nonce, err := openexec.ToolCallNonce(c.Conversation, c.Turn, c.Name, []byte(c.Arguments), c.Occurrence)
		if c.Nonce == "" {
			is(t, err, openexec.MalformedRequest)
			continue
		}
		must(t, err)
		equal(t, nonce, c.Nonce)
	}
	equal(t, len(file.Cases) >= 30 && len(file.Turns) > 0, true)
	for _, made := range file.Turns {
		turn := openexec.Turn{Conversation: made.Conversation, Turn: made.Turn}
		_, err := turn.Nonce("pay", []byte("[")) // not counted
		is(t, err, openexec.MalformedRequest)
		for _, c := range made.Calls {
			nonce, err := turn.Nonce(c.Name, []byte(c.Arguments))
			must(t, err)
			equal(t, nonce, c.Nonce)
		}
	}
	_, err := (&openexec.Turn{Conversation: "c"}).Nonce("pay", nil)
	is(t, err, openexec.MalformedRequest)
}

type checked struct {
	openexec.HandlerFunc
	schema string
}

func (c checked) PayloadSchema() string { return c.schema }

func TestAPayloadThatDoesNotSatisfyTheSchemaIsRefusedWithItsPath(t *testing.T) {
	run := func(context.Context, *openexec.Invocation) (any, error) { return nil, nil }
	open := func(schema string) (*openexec.Executor, error) {
		return openexec.Open(openexec.Config{LedgerURL: "sqlite://", Approvals: openexec.Demo{},
			Handlers: map[string]openexec.Handler{"mail": checked{run, schema}}})
	}
	executor, err := open(`{"required":["to"],"properties":{"to":{"type":"string"}}}`)
	must(t, err)
	defer executor.Close()
	for payload, detail := range map[string]string{"": "/to is missing", `{"to":17}`: "/to does not satisfy"} {
		_, err := executor.Execute(context.Background(), openexec.Request{Action: "mail", Payload: []byte(payload), Nonce: "n-1"})
		equal(t, strings.Contains(is(t, err, openexec.PayloadSchema).Detail, detail), true)
	}
	_, err = executor.Execute(context.Background(), openexec.Request{Action: "mail", Payload: []byte(`{"to":"ada"}`), Nonce: "n-1"})
	must(t, err)
	_, err = open(`{"properties":{"to":{"format":"email"}}}`)
	equal(t, strings.Contains(is(t, err, openexec.InvalidArgument).Detail, "/properties/to/format"), true)
}
