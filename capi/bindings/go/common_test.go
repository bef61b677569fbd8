// SPDX-License-Identifier: Apache-2.0

package openexec_test

// What the tests share: the repository's vectors, executors that echo, an approver with a key, and parts in Go.

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"sync"
	"testing"
	"time"

	"openexec.example/openexec"
)

const tenant = "acme"

var background = context.Background()

// vectors reads a file of tests/vectors.
func vectors(t testing.TB, name string, into any) {
	t.Helper()
	folder := os.Getenv("OPENEXEC_VECTORS")
	if folder == "" {
		_, file, _, _ := runtime.Caller(0)
		folder = filepath.Join(filepath.Dir(file), "../../../tests/vectors")
	}
	data, err := os.ReadFile(filepath.Join(folder, name+".json"))
	must(t, err)
	must(t, json.Unmarshal(data, into))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is fails unless the error is this one, a code or a kind.
func is(t testing.TB, err, wanted error) *openexec.Error {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("%v is not %v", err, wanted)
	}
	var no *openexec.Error
	if !errors.As(err, &no) {
		t.Fatalf("%T is no *Error", err)
	}
	return no
}

func equal[T comparable](t testing.TB, found, wanted T) {
	t.Helper()
	if found != wanted {
		t.Fatalf("found %v, wanted %v", found, wanted)
	}
}

func entryOf(t testing.TB, line []byte) map[string]any {
	t.Helper()
	var entry map[string]any
	must(t, json.Unmarshal(line, &entry))
	return entry
}

var echo = openexec.HandlerFunc(func(_ context.Context, call *openexec.Invocation) (any, error) {
	return map[string]any{"echo": call.Payload}, nil
})

// echoing is a config with a handler that echoes.
func echoing(change ...func(*openexec.Config)) openexec.Config {
	config := openexec.Config{LedgerURL: "sqlite://", Approvals: openexec.Demo{},
		Handlers: map[string]openexec.Handler{"echo": echo}}
	for _, one := range change {
		one(&config)
	}
	return config
}

func with(action string, run openexec.HandlerFunc) func(*openexec.Config) {
	return func(config *openexec.Config) { config.Handlers[action] = run }
}

func open(t testing.TB, config openexec.Config) *openexec.Executor {
	t.Helper()
	executor, err := openexec.Open(config)
	must(t, err)
	t.Cleanup(func() { executor.Close() })
	return executor
}

func request(action, payload, nonce string) openexec.Request {
	return openexec.Request{Action: action, Payload: json.RawMessage(payload), Nonce: nonce}
}

func approved(action, payload, nonce, approval string) openexec.Request {
	made := request(action, payload, nonce)
	made.Approval = json.RawMessage(approval)
	return made
}

// approver signs clawshield-v1 approvals, with another's implementation of Ed25519.
type approver struct {
	public string
	key    ed25519.PrivateKey
}

func newApprover(t testing.TB) approver {
	public, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	must(t, err)
	return approver{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), key}
}

func (a approver) approve(t testing.TB, id, action, payload string) string {
	proposal, err := openexec.NewProposal(request(action, payload, "any"), tenant)
	must(t, err)
	defer proposal.Close()
	hash, err := proposal.ActionHash()
	must(t, err)
	now := time.Now().UTC()
	issued, expires := now.Format("2006-01-02T15:04:05Z"), now.Add(5*time.Minute).Format("2006-01-02T15:04:05Z")
	signature := ed25519.Sign(a.key, []byte(id+tenant+hash.String()+issued+expires))
	artifact, err := json.Marshal(map[string]string{"approval_id": id, "tenant_id": tenant,
		"action_hash": hash.String(), "issued_at": issued, "expires_at": expires,
		"signature": base64.StdEncoding.EncodeToString(signature)})
	must(t, err)
	return string(artifact)
}

// oneWord approves what says the word.
type oneWord struct{}

func (oneWord) Profile() string { return "one-word" }

func (oneWord) Verify(proposal *openexec.Proposal, _ time.Time) (openexec.Approval, error) {
	if len(proposal.Artifact()) == 0 {
		return openexec.Approval{}, openexec.No(openexec.ApprovalMissing, "no artifact")
	}
	var artifact struct {
		Word, ID string
		IssuedAt time.Time
	}
	if err := json.Unmarshal(proposal.Artifact(), &artifact); err != nil {
		return openexec.Approval{}, err
	}
	if artifact.Word != "please" {
		return openexec.Approval{}, openexec.No(openexec.ApprovalSignatureInvalid, "not the word")
	}
	return openexec.Approval{ID: artifact.ID, Keys: []string{"word-key"}, IssuedAt: artifact.IssuedAt}, nil
}

// memoryLog is a log in memory.
type memoryLog struct {
	mutex    sync.Mutex
	lines    []openexec.LogLine
	execs    []openexec.Digest
	attempts map[openexec.Digest]uint64
	latest   int64
	broken   bool
}

func (l *memoryLog) Append(entry openexec.NewEntry) (uint64, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.broken {
		return 0, errors.New("disk")
	}
	if len(entry.JSON) < 1 || len(entry.JSON) > 65_535 {
		return 0, openexec.No(openexec.InvalidArgument, "1 to 65,535 bytes")
	}
	if index, ok := l.attempts[entry.Attempt]; ok {
		return index, nil
	}
	index := uint64(len(l.lines))
	leaf := openexec.SHA256(append([]byte{0}, entry.JSON...))
	l.lines = append(l.lines, openexec.LogLine{Index: index, LeafHash: leaf, JSON: entry.JSON})
	l.execs = append(l.execs, entry.ExecID)
	if entry.Attempt != (openexec.Digest{}) {
		if l.attempts == nil {
			l.attempts = map[openexec.Digest]uint64{}
		}
		l.attempts[entry.Attempt] = index
	}
	l.latest = max(l.latest, entry.AtUS)
	return index, nil
}

func (l *memoryLog) Count() (uint64, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return uint64(len(l.lines)), nil
}

func (l *memoryLog) Read(first, count uint64) ([]openexec.LogLine, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	size := uint64(len(l.lines))
	first = min(first, size)
	found := append([]openexec.LogLine{}, l.lines[first:min(first+min(count, size), size)]...)
	for i := range found {
		if l.broken {
			found[i].Index += 7
		}
	}
	return found, nil
}

func (l *memoryLog) FindLines(exec openexec.Digest, count uint64) ([]openexec.LogLine, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var found []openexec.LogLine
	for i, line := range l.lines {
		if l.execs[i] == exec && uint64(len(found)) < count {
			found = append(found, line)
		}
	}
	return found, nil
}

type key struct{ tenant, name string }

// memoryStore is a store in memory with an outbox for a log apart.
type memoryStore struct {
	mutex   sync.Mutex
	records map[key]openexec.Record
	spent   map[key]string
	pins    map[string]string
	outbox  []openexec.Unlogged
	latest  int64
	broken  string                                                  // what fails, as a test wants it
	enter   func(json string, exec openexec.Digest, at int64) int64 // into its own log; nil: the outbox
}

func newStore() *memoryStore {
	return &memoryStore{records: map[key]openexec.Record{}, spent: map[key]string{}, pins: map[string]string{}}
}

func (s *memoryStore) breaks(what string) error {
	if s.broken == "panic" && what == "claim" {
		panic("disk")
	}
	if s.broken == what {
		return errors.New("disk")
	}
	return nil
}

func (s *memoryStore) Claim(claim openexec.Claim) (openexec.ClaimAnswer, *openexec.Record, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.broken == "nonsense" {
		return 99, nil, nil
	}
	if s.broken == "no record" {
		return openexec.Exists, nil, nil
	}
	if err := s.breaks("claim"); err != nil {
		return 0, nil, err
	}
	at := key{claim.Tenant, claim.Nonce}
	if record, ok := s.records[at]; ok {
		if record.RequestHash == claim.RequestHash {
			return openexec.Exists, &record, nil
		}
		return openexec.ClaimNonceConflict, nil, nil
	}
	if claim.ApprovalID != "" {
		if _, ok := s.spent[key{claim.Tenant, claim.ApprovalID}]; ok {
			return openexec.ClaimApprovalSpent, nil, nil
		}
		s.spent[key{claim.Tenant, claim.ApprovalID}] = claim.Nonce
	}
	s.records[at] = openexec.ClaimedRecord(claim)
	s.latest = max(s.latest, claim.AtUS)
	return openexec.Fresh, nil, nil
}

func (s *memoryStore) Find(tenant, nonce string) (*openexec.Record, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if record, ok := s.records[key{tenant, nonce}]; ok {
		return &record, nil
	}
	return nil, nil
}

func (s *memoryStore) Seal(seal openexec.Seal) (int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.breaks("seal"); err != nil {
		return -1, err
	}
	at := key{seal.Tenant, seal.Nonce}
	record, ok := s.records[at]
	if !ok || record.State == openexec.StateSealed {
		return -1, openexec.No(openexec.InvalidArgument, "not claimed")
	}
	record.State, record.Code, record.Effect, record.Result = seal.State, seal.Code, seal.Effect, seal.Result
	if s.enter != nil {
		record.Entry = s.enter(seal.Entry, seal.ExecID, seal.AtUS)
	} else {
		s.outbox = append(s.outbox, openexec.Unlogged{Tenant: seal.Tenant, Nonce: seal.Nonce, ExecID: seal.ExecID,
			Entry: seal.Entry})
	}
	s.records[at] = record
	s.latest = max(s.latest, seal.AtUS)
	return record.Entry, nil
}

func (s *memoryStore) Orphans() ([]openexec.Record, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var found []openexec.Record
	for _, record := range s.records {
		if record.State == openexec.StateClaimed {
			found = append(found, record)
		}
	}
	return found, nil
}

func (s *memoryStore) Pin(name, value string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.breaks("pin"); err != nil {
		return err
	}
	if pinned, ok := s.pins[name]; ok && pinned != value {
		return openexec.No(openexec.StoreFailed, "another value is pinned")
	}
	s.pins[name] = value
	return nil
}

func (s *memoryStore) Latest() (int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.latest, nil
}

func (s *memoryStore) Ready() error { return nil }

func (s *memoryStore) Unlogged() ([]openexec.Unlogged, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]openexec.Unlogged{}, s.outbox...), nil
}

func (s *memoryStore) Logged(tenant, nonce string, index uint64) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, one := range s.outbox {
		if one.Tenant == tenant && one.Nonce == nonce {
			s.outbox = append(s.outbox[:i], s.outbox[i+1:]...)
			break
		}
	}
	if record, ok := s.records[key{tenant, nonce}]; ok {
		record.Entry = int64(index)
		s.records[key{tenant, nonce}] = record
	}
	return nil
}

// memoryLedger is a store that is its own log, and remembers orders.
type memoryLedger struct {
	*memoryStore
	memoryLog
	standing map[openexec.ControlName]bool
}

func newLedger() *memoryLedger {
	made := &memoryLedger{memoryStore: newStore(), standing: map[openexec.ControlName]bool{}}
	made.enter = func(json string, exec openexec.Digest, at int64) int64 {
		index, err := made.memoryLog.Append(openexec.NewEntry{JSON: json, ExecID: exec,
			Attempt: openexec.SHA256([]byte(json)), AtUS: at})
		if err != nil {
			panic(err)
		}
		return int64(index)
	}
	return made
}

func (m *memoryLedger) Latest() (int64, error) {
	m.memoryLog.mutex.Lock()
	own := m.memoryLog.latest
	m.memoryLog.mutex.Unlock()
	stored, err := m.memoryStore.Latest()
	return max(own, stored), err
}

func (m *memoryLedger) Control(change openexec.ControlChange) (int64, error) {
	name := openexec.ControlName{Control: change.Control, ID: change.ID, Tenant: change.Tenant}
	m.memoryStore.mutex.Lock()
	defer m.memoryStore.mutex.Unlock()
	if change.Lifted {
		delete(m.standing, name)
	} else {
		m.standing[name] = true
	}
	return m.enter(change.Entry, openexec.Digest{}, change.AtUS), nil
}

func (m *memoryLedger) Controls() ([]openexec.ControlName, error) {
	m.memoryStore.mutex.Lock()
	defer m.memoryStore.mutex.Unlock()
	var found []openexec.ControlName
	for name := range m.standing {
		found = append(found, name)
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if a.Control != b.Control {
			return a.Control < b.Control
		}
		return a.ID < b.ID || a.ID == b.ID && a.Tenant < b.Tenant
	})
	return found, nil
}
