// SPDX-License-Identifier: Apache-2.0

package openexec_test

// The boundary as a Go program sees it.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"openexec.example/openexec"
)

func TestAnExecutionLeavesAReceiptAndItsRepetitionIsAReplay(t *testing.T) {
	executor := open(t, echoing())
	first, err := executor.Execute(background, request("echo", `{"msg":"hé"}`, "n-1"))
	must(t, err)
	equal(t, first.Code, openexec.OK)
	equal(t, first.Verdict.String()+" "+first.Effect.String(), "executed confirmed")
	must(t, first.Verify())
	if first.Replayed || first.Detail != "" || first.Err() != nil || string(first.Result) != `{"echo": {"msg": "h\u00e9"}}` {
		t.Fatalf("%s", first.Result)
	}
	equal(t, entryOf(t, first.Entry)["exec_id"], any(first.ExecID))
	equal(t, first.EntryIndex, 0)
	again, err := executor.Execute(background, request("echo", `{ "msg" : "h\u00e9" }`, "n-1"))
	must(t, err)
	equal(t, again.Replayed, true)
	equal(t, again.Receipt, first.Receipt)
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	var verdicts []any
	must(t, log.Each(func(line openexec.LogLine) error {
		verdicts = append(verdicts, entryOf(t, []byte(line.JSON))["verdict"])
		return nil
	}))
	equal(t, fmt.Sprint(verdicts), "[executed replayed]")
	enough := errors.New("enough")
	equal(t, log.Each(func(openexec.LogLine) error { return enough }), enough)
	id, err := openexec.ParseDigest(first.ExecID)
	must(t, err)
	found, err := log.Find(id, 100)
	must(t, err)
	equal(t, len(found), 2)
	must(t, executor.Close())
	count, err := log.Count() // readable after its executor
	must(t, err)
	equal(t, count, 2)
}

func TestEveryNoIsAnErrorOfItsKindAndItsCodeWithItsOutcome(t *testing.T) {
	executor := open(t, echoing())
	_, err := executor.Execute(background, request("unheard-of", "", "n-1"))
	no := is(t, err, openexec.Refused)
	is(t, fmt.Errorf("wrapped: %w", err), openexec.UnknownAction)
	if errors.Is(err, openexec.Doubt) || errors.Is(err, openexec.Halted) || errors.Is(err, openexec.OK) {
		t.Fatal("it is something else as well")
	}
	must(t, no.Outcome.Verify())
	equal(t, entryOf(t, no.Outcome.Entry)["code"], any("unknown_action"))
	equal(t, strings.HasPrefix(err.Error(), "unknown_action: "), true)
	_, err = executor.Execute(background, request("echo", "{", "n-2"))
	is(t, err, openexec.Misuse)
	equal(t, strings.Contains(is(t, err, openexec.MalformedRequest).Detail, "payload"), true)
	_, err = executor.Execute(background, request("echo", `{"n":1}`, "n-3"))
	must(t, err)
	_, err = executor.Execute(background, request("echo", `{"n":2}`, "n-3"))
	is(t, err, openexec.NonceConflict)
	outcome, err := executor.Attempt(background, request("unheard-of", "", "n-1"))
	must(t, err)
	is(t, outcome.Err(), openexec.UnknownAction)
}

func TestWhatAHandlerSaysIsWhatItSaysOfTheWorld(t *testing.T) {
	gone := errors.New("secret of the payload")
	executor := open(t, echoing(
		with("none", func(context.Context, *openexec.Invocation) (any, error) {
			return nil, openexec.NoEffect(errors.New("the address is unknown"))
		}),
		with("failed", func(context.Context, *openexec.Invocation) (any, error) { return nil, openexec.Failed(gone) }),
		with("plain", func(context.Context, *openexec.Invocation) (any, error) { return nil, gone }),
		with("panics", func(context.Context, *openexec.Invocation) (any, error) { panic(gone) })))
	say := func(action string) *openexec.Error {
		_, err := executor.Execute(background, request(action, "", action))
		return is(t, err, openexec.Doubt)
	}
	none := say("none")
	equal(t, none.Code.Error()+" "+none.Outcome.Effect.String(), "handler_failed none")
	equal(t, strings.Contains(none.Detail, "the address is unknown"), true)
	failed := say("failed")
	equal(t, failed.Code.Error()+" "+failed.Outcome.Effect.String(), "handler_failed unknown")
	plain := say("plain")
	equal(t, plain.Code, openexec.InDoubt)
	equal(t, errors.Is(plain, gone) && errors.Is(failed, gone), true) // for the caller who debugs
	equal(t, strings.Contains(plain.Error(), "secret"), false)
	panicked := say("panics")
	var value *openexec.Panicked
	equal(t, errors.As(panicked, &value) && value.Value == any(gone), true)
	equal(t, strings.Contains(panicked.Detail, "panicked") && !strings.Contains(panicked.Detail, "secret"), true)
	again := say("panics") // never run again
	equal(t, again.Code, openexec.InDoubt)
	equal(t, errors.Unwrap(again), nil)
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	must(t, log.Each(func(line openexec.LogLine) error {
		equal(t, strings.Contains(line.JSON, "secret"), false)
		return nil
	}))
}

func TestAnUntypedNilHandlerIsRefused(t *testing.T) {
	config := echoing()
	config.Handlers["nil"] = nil
	_, err := openexec.Open(config)
	is(t, err, openexec.Misuse)
}

func TestAResultThatIsNoStrictJSONIsKeptWhole(t *testing.T) {
	raw := func(text string) any { return json.RawMessage(text) }
	for _, odd := range []struct {
		said any
		kept string
		form openexec.ResultForm
	}{
		{math.NaN(), `{"text": "NaN"}`, openexec.TextResult},
		{struct{ Total float64 }{math.Inf(1)}, `{"text": "{Total:+Inf}"}`, openexec.TextResult},
		{uint64(1 << 60), `{"text": "1152921504606846976"}`, openexec.TextResult},
		{raw(""), `{"text": ""}`, openexec.TextResult},
		{raw("done\n{}"), `{"text": "done\n{}"}`, openexec.TextResult},
		{raw(`{"a":1,"a":2}`), `{"text": "{\"a\":1,\"a\":2}"}`, openexec.TextResult},
		{raw("\xff"), `{"base64": "/w=="}`, openexec.BytesResult},
	} {
		executor := open(t, echoing(with("odd", func(context.Context, *openexec.Invocation) (any, error) {
			return odd.said, nil
		})))
		for _, advice := range []string{"This ran, once", "not run again"} {
			outcome, err := executor.Execute(background, request("odd", "", "1"))
			must(t, err)
			equal(t, string(outcome.Result), odd.kept)
			equal(t, outcome.Form, odd.form)
			equal(t, outcome.Effect, openexec.EffectConfirmed)
			equal(t, strings.Contains(string(outcome.Entry), `"result_form":"`+odd.form.String()+`"`), true)
			equal(t, strings.Contains(outcome.Advice, advice), true)
		}
		must(t, executor.Close())
	}
	for wanted, value := range map[string]any{"null": nil, "true": true, "-1.5": -1.5, `["a", {"b": 1}]`: []any{"a",
		map[string]int{"b": 1}}, `{"c": 2}`: struct {
		C int `json:"c"`
	}{2}} {
		executor := open(t, echoing(with("value", func(context.Context, *openexec.Invocation) (any, error) {
			return value, nil
		})))
		outcome, err := executor.Execute(background, request("value", "", "1"))
		must(t, err)
		equal(t, string(outcome.Result), wanted)
	}
}

func TestAnApprovalIsNeededFitsOneRequestAndIsSpentByIt(t *testing.T) {
	signer := newApprover(t)
	executor := open(t, echoing(func(config *openexec.Config) {
		config.Tenant = tenant
		config.Approvals = openexec.Clawshield{PublicKeyPEM: signer.public, Tenant: tenant}
	}))
	_, err := executor.Execute(background, request("echo", `{"to":"ada"}`, "1"))
	is(t, err, openexec.ApprovalMissing)
	approval := signer.approve(t, "6f1a2c9e-3b54-4d0f-9a77-0c5e8d1b2f30", "echo", `{"to":"ada"}`)
	_, err = executor.Execute(background, approved("echo", `{"to":"eve"}`, "1", approval))
	is(t, err, openexec.ApprovalHashMismatch)
	for _, replayed := range []bool{false, true} {
		outcome, err := executor.Execute(background, approved("echo", `{"to":"ada"}`, "1", approval))
		must(t, err)
		equal(t, outcome.Replayed, replayed)
	}
	_, err = executor.Execute(background, approved("echo", `{"to":"ada"}`, "2", approval))
	is(t, err, openexec.ApprovalSpent)
}

func TestARequestIsOneJSONObjectAsWellAndItsNonceMayStandBesideIt(t *testing.T) {
	executor := open(t, echoing())
	whole := openexec.Request{JSON: json.RawMessage(`{"action":"echo","payload":{"n":1},"nonce":"j-1"}`)}
	_, err := executor.Execute(background, whole)
	must(t, err)
	for _, same := range []openexec.Request{request("echo", `{"n":1}`, "j-1"),
		{JSON: json.RawMessage(`{"action":"echo","payload":{"n":1}}`), Nonce: "j-1"}} {
		outcome, err := executor.Execute(background, same)
		must(t, err)
		equal(t, outcome.Replayed, true)
	}
	whole.Nonce = "j-2"
	_, err = executor.Execute(background, whole)
	is(t, err, openexec.MalformedRequest)
}

func TestALedgerRemembersAndIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	config := echoing(func(config *openexec.Config) { config.LedgerURL, config.LedgerPath = "", path })
	executor := open(t, config)
	first, err := executor.Execute(background, request("echo", `{"n":1}`, "1"))
	must(t, err)
	_, err = openexec.Open(config)
	is(t, err, openexec.Fault)
	is(t, err, openexec.StoreFailed)
	must(t, executor.Close())
	executor = open(t, config)
	again, err := executor.Execute(background, request("echo", `{"n":1}`, "1"))
	must(t, err)
	equal(t, again.Replayed, true)
	equal(t, again.Receipt, first.Receipt)
	must(t, executor.Close())
	log, err := openexec.OpenLog("sqlite:///" + path)
	must(t, err)
	defer log.Close()
	count, err := log.Count()
	must(t, err)
	equal(t, count, 2)
}

func TestAPortableReceiptVerifiesFarFromItsLedger(t *testing.T) {
	executor := open(t, echoing(func(config *openexec.Config) {
		config.LedgerURL, config.LedgerPath = "", filepath.Join(t.TempDir(), "ledger.db")
		config.LogOrigin = "example.com/test"
	}))
	asks := request("echo", `{"n":1}`, "1")
	asks.Proof = true
	outcome, err := executor.Execute(background, asks)
	must(t, err)
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	proof, err := log.Prove(0)
	must(t, err)
	equal(t, proof, outcome.Proof)
	cosigned, err := log.Cosigned()
	must(t, err)
	equal(t, cosigned, "")
	is(t, log.KeepCosigned("no note"), openexec.InvalidArgument)
	vkey, err := log.VerifierKey()
	must(t, err)
	checkpoint, err := log.Checkpoint()
	must(t, err)
	equal(t, strings.HasPrefix(checkpoint, "example.com/test\n1\n"), true)
	resource, err := log.Resource("checkpoint")
	must(t, err)
	equal(t, string(resource), checkpoint)
	resource, err = log.Resource("tile/9/000")
	must(t, err)
	equal(t, resource == nil, true)
	hashes, err := log.Consistency(1, 1)
	must(t, err)
	equal(t, len(hashes), 0)
	_, err = log.Prove(7)
	is(t, err, openexec.InvalidArgument)
	must(t, executor.Close())

	trust := openexec.Trust{LogKey: openexec.Text(vkey)}
	holds := openexec.Holds{Payload: openexec.Text(`{"n":1}`), Nonce: openexec.Text("1"), Action: openexec.Text("echo"),
		Result: openexec.Text(string(outcome.Result)), Receipt: openexec.Text(outcome.Receipt)}
	found, err := openexec.VerifyEvidence(outcome.Proof, trust, holds)
	must(t, err)
	equal(t, fmt.Sprint(found.Answer, int(found.DecidedBy), found.Index, found.Detail), "PASS -1 0")
	equal(t, bytes.Equal(found.Entry, outcome.Entry), true)
	equal(t, found.Findings[openexec.StepCosignatures].String(), "not_asked")
	holds.Payload = openexec.Text(`{"n":2}`)
	other, err := openexec.VerifyEvidence(outcome.Proof, trust, holds)
	must(t, err)
	equal(t, other.Answer.String()+" "+other.DecidedBy.String(), "FAIL payload")
	nobody, err := openexec.VerifyEvidence(outcome.Proof, openexec.Trust{}, openexec.Holds{})
	must(t, err)
	equal(t, nobody.Answer, openexec.Incomplete)
	_, err = openexec.VerifyEvidence(outcome.Proof, openexec.Trust{LogKey: openexec.Text("no key")}, openexec.Holds{})
	is(t, err, openexec.Misuse)
	_, err = openexec.VerifyEvidence(outcome.Proof, openexec.Trust{LogKey: trust.LogKey, Policy: openexec.Text("")},
		openexec.Holds{})
	is(t, err, openexec.Misuse) // empty is not absent
}

func TestOrdersHaltResumeAndRevokeWithWhoAndWhy(t *testing.T) {
	executor := open(t, echoing())
	order, err := executor.Order(openexec.Order{Control: openexec.Halt, Who: "ada", Why: "drill"})
	must(t, err)
	equal(t, order.Verdict, openexec.VerdictControl)
	equal(t, entryOf(t, order.Entry)["control"].(map[string]any)["who"], any("ada"))
	controls, err := executor.Controls()
	must(t, err)
	equal(t, fmt.Sprint(controls, executor.Halted()), "[{1  }] true")
	_, err = executor.Execute(background, request("echo", "", "1"))
	is(t, err, openexec.Halted)
	is(t, executor.Ready(), openexec.Halted)
	_, err = executor.Order(openexec.Order{Control: openexec.Halt, Lift: true, Who: "ada", Why: "over"})
	must(t, err)
	must(t, executor.Halt())
	must(t, executor.Resume())
	must(t, executor.Ready())
	equal(t, executor.Halted(), false)
	_, err = executor.Execute(background, request("echo", "", "2"))
	must(t, err)
	_, err = executor.Order(openexec.Order{Control: openexec.RevokeApproval, ID: "a-1", Tenant: tenant, Who: "ada",
		Why: "stolen"})
	must(t, err)
	controls, err = executor.Controls()
	must(t, err)
	equal(t, controls[0], openexec.ControlName{Control: openexec.RevokeApproval, ID: "a-1", Tenant: tenant})
	_, err = executor.Order(openexec.Order{Control: openexec.RevokeKey, ID: "k", Why: "nobody"})
	is(t, err, openexec.Misuse)
}

func TestATrustPolicyIsLoadedAndReloadedWhole(t *testing.T) {
	executor := open(t, echoing(func(config *openexec.Config) { config.Approvals = openexec.TrustPolicy{} }))
	is(t, executor.Ready(), openexec.ApprovalKeyMissing)
	is(t, executor.ReloadTrustPolicy(`{"nonsense":1}`), openexec.Misuse)
	var file struct {
		TrustPolicy json.RawMessage `json:"trust_policy"`
	}
	vectors(t, "approvals_dsse", &file)
	must(t, executor.ReloadTrustPolicy(string(file.TrustPolicy)))
	must(t, executor.Ready())
}

func TestEventsTellWhatHappenedAndAListenerThatPanicsStopsNothing(t *testing.T) {
	var seen []openexec.Event
	executor := open(t, echoing(func(config *openexec.Config) {
		config.Events = func(event openexec.Event) {
			seen = append(seen, event)
			if event.Kind == openexec.Answered {
				panic("listener")
			}
		}
	}))
	outcome, err := executor.Execute(background, request("echo", "", "1"))
	must(t, err)
	must(t, executor.Close())
	equal(t, len(seen), 3)
	equal(t, fmt.Sprint(seen[0].Kind, seen[1].Kind, seen[2].Kind), "1 2 5")
	equal(t, seen[1].ExecID+seen[1].Verdict.String(), outcome.ExecID+"executed")
}

func TestAllowListAndLimitsAreKept(t *testing.T) {
	executor := open(t, echoing(func(config *openexec.Config) { config.AllowedActions = []string{} }))
	_, err := executor.Execute(background, request("echo", "", "1"))
	is(t, err, openexec.ActionNotAllowed)
	executor = open(t, echoing(func(config *openexec.Config) { config.AllowedActions = []string{"other", "echo", "x"} }))
	_, err = executor.Execute(background, request("echo", "", "1"))
	must(t, err)
	executor = open(t, echoing(func(config *openexec.Config) {
		config.Limits = map[openexec.Limit]uint64{openexec.ResultBytes: 32}
	}))
	cut, err := executor.Execute(background, request("echo", `{"long":"`+strings.Repeat("x", 64)+`"}`, "1"))
	must(t, err)
	equal(t, strings.Contains(string(cut.Result), `"length": 84, "sha256": "`), true)
	equal(t, strings.HasSuffix(string(cut.Result), `"truncated": true}`), true)
}

type keyOfContext struct{}

func TestAHandlerGetsItsCallAndTheContextOfItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(background, keyOfContext{}, "mine"))
	var seen *openexec.Invocation
	executor := open(t, echoing(func(config *openexec.Config) { config.Tenant = tenant },
		with("look", func(given context.Context, call *openexec.Invocation) (any, error) {
			before := given.Err()
			cancel()
			seen = call
			return []any{before == nil, given.Err().Error(), given.Value(keyOfContext{})}, nil
		})))
	outcome, err := executor.Execute(ctx, request("look", `{"b":1,"a":2}`, "1")) // what has begun is not abandoned
	must(t, err)
	equal(t, string(outcome.Result), `[true, "context canceled", "mine"]`)
	equal(t, seen.ExecID+seen.Action+seen.Tenant+string(seen.Payload), outcome.ExecID+"look"+tenant+`{"a":2,"b":1}`)
	equal(t, seen.Deadline > 0, true)
	_, err = executor.Execute(ctx, request("look", "", "2")) // what has not does not
	equal(t, errors.Is(err, context.Canceled), true)
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	count, err := log.Count()
	must(t, err)
	equal(t, count, 1)
}

func TestADeadlineEndsTheWaitForANonceThatRunsElsewhere(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	executor := open(t, echoing(with("wait", func(context.Context, *openexec.Invocation) (any, error) {
		close(entered)
		<-leave
		return nil, nil
	})))
	var calls sync.WaitGroup
	var mutex sync.Mutex
	replays := 0
	for i := 0; i < 4; i++ {
		calls.Add(1)
		go func() {
			defer calls.Done()
			outcome, err := executor.Execute(background, request("wait", "", "same"))
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil && outcome.Replayed {
				replays++
			}
		}()
	}
	<-entered
	at := request("wait", "", "same")
	at.Wait = openexec.NoWait
	_, err := executor.Execute(background, at)
	is(t, err, openexec.InProgress)
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	_, err = executor.Execute(ctx, request("wait", "", "same"))
	if !errors.Is(err, context.DeadlineExceeded) { // before the call, or as what ended its wait
		t.Fatal(err)
	}
	close(leave)
	calls.Wait()
	equal(t, replays, 3)
}

func TestManyAtOnceAreAnsweredInOrder(t *testing.T) {
	executor := open(t, echoing())
	requests := make([]openexec.Request, 64)
	for i := range requests {
		requests[i] = request("echo", fmt.Sprintf(`{"i":%d}`, i), fmt.Sprintf("m-%d", i))
	}
	requests[7] = request("unheard-of", "", "m-x")
	requests[8] = openexec.Request{JSON: json.RawMessage(`{"action":"echo","payload":{"i":8},"nonce":"m-8"}`)}
	outcomes, err := executor.ExecuteMany(background, requests)
	must(t, err)
	for i, outcome := range outcomes {
		if i == 7 {
			is(t, outcome.Err(), openexec.UnknownAction)
		} else {
			equal(t, string(outcome.Result), fmt.Sprintf(`{"echo": {"i": %d}}`, i))
		}
	}
	outcomes, err = executor.ExecuteMany(background, nil)
	must(t, err)
	equal(t, len(outcomes), 0)
}

// settles pays, and knows afterwards whether it did.
type settles struct{ asked int }

func (s *settles) Run(context.Context, *openexec.Invocation) (any, error) {
	if os.Getenv("OPENEXEC_TEST_DIES") != "" {
		os.Exit(9)
	}
	panic("ran again")
}

func (s *settles) Reconcile(settlement openexec.Settlement) (any, error) {
	s.asked++
	if settlement.Action == "send" {
		return nil, openexec.NoEffect(errors.New("never arrived"))
	}
	return map[string]bool{"paid": true}, nil
}

func (s *settles) Cost(openexec.CostQuery) (int64, error) { return 5, nil }
func (s *settles) Deadline() time.Duration                { return time.Second }

func TestAReconcilerSettlesWhatAKilledProcessLeft(t *testing.T) {
	opened := func(path string) (*openexec.Executor, *settles) {
		handler := &settles{}
		return open(t, openexec.Config{LedgerPath: path, Approvals: openexec.Demo{},
			Handlers: map[string]openexec.Handler{"pay": handler, "send": handler}}), handler
	}
	if given := os.Getenv("OPENEXEC_TEST_DIES"); given != "" {
		path, action, _ := strings.Cut(given, " ")
		executor, _ := opened(path)
		executor.Attempt(background, request(action, "", action))
		os.Exit(0)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	for _, action := range []string{"pay", "send"} {
		died := exec.Command(os.Args[0], "-test.run", "^TestAReconcilerSettlesWhatAKilledProcessLeft$")
		died.Env = append(os.Environ(), "OPENEXEC_TEST_DIES="+path+" "+action)
		var exit *exec.ExitError
		if err := died.Run(); !errors.As(err, &exit) || exit.ExitCode() != 9 {
			t.Fatal(err)
		}
		executor, handler := opened(path)
		recovered, err := executor.Recovered()
		must(t, err)
		equal(t, recovered, openexec.Recovery{InDoubt: 1, Settled: 1})
		recovered, err = executor.Recover()
		must(t, err)
		equal(t, recovered, openexec.Recovery{})
		outcome, err := executor.Attempt(background, request(action, "", action))
		must(t, err)
		equal(t, outcome.Replayed, true)
		equal(t, handler.asked, 1)
		wanted := map[string]string{"pay": "ok confirmed", "send": "handler_failed none"}[action]
		equal(t, outcome.Code.Error()+" "+outcome.Effect.String(), wanted)
		must(t, executor.Close())
	}
}

func TestVersionsFeaturesAndNamesAreTheLibrarys(t *testing.T) {
	equal(t, strings.HasPrefix(openexec.Version(), "0.1."), true)
	equal(t, openexec.HasFeature("sqlite") && !openexec.HasFeature("telepathy"), true)
	equal(t, len(openexec.Codes()), 30)
	for _, code := range openexec.Codes() {
		found, ok := openexec.CodeFromName(code.Error())
		equal(t, ok && found == code, true)
	}
	_, ok := openexec.CodeFromName("ok ")
	equal(t, ok, false)
	equal(t, openexec.Halted.HTTP(), 503)
	equal(t, fmt.Sprint(openexec.Halted.Kind(), openexec.OK.Kind(), openexec.Kind(9)), "refused yes unknown")
}

type retries struct{ seen []uint32 }

func (r *retries) Run(_ context.Context, call *openexec.Invocation) (any, error) {
	r.seen = append(r.seen, call.Attempt)
	if call.Attempt == 1 {
		return nil, openexec.NoEffect(errors.New("closed"))
	}
	return call.Attempt, nil
}
func (r *retries) RetryNone() uint32 { return 1 }

func TestAHandlerThatRetriesRunsAgainAfterNothingHappenedAndSeesItsAttempt(t *testing.T) {
	handler := &retries{}
	executor, err := openexec.Open(openexec.Config{LedgerURL: "sqlite://", Approvals: openexec.Demo{},
		Handlers: map[string]openexec.Handler{"try": handler}})
	must(t, err)
	defer executor.Close()
	request := openexec.Request{Action: "try", Nonce: "n"}
	_, err = executor.Execute(context.Background(), request)
	first := is(t, err, openexec.HandlerFailed).Outcome
	equal(t, first.Attempt == 1 && first.MayRetry, true)
	again, err := executor.Execute(context.Background(), request)
	must(t, err)
	equal(t, again.Attempt == 2 && !again.MayRetry && !again.Replayed, true)
	equal(t, len(handler.seen) == 2 && handler.seen[1] == 2, true)
}
