// SPDX-License-Identifier: Apache-2.0

package openexec_test

// Parts that are written in Go, and what becomes of those that are written badly.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openexec.example/openexec"
)

func counting(ran *atomic.Int64) func(*openexec.Config) {
	return with("count", func(context.Context, *openexec.Invocation) (any, error) { return ran.Add(1), nil })
}

func keepsThePromise(t *testing.T, set func(*openexec.Config), keepsOrders bool) {
	var ran atomic.Int64
	config := echoing(func(config *openexec.Config) {
		config.LedgerURL, config.Approvals = "", openexec.By{Verifier: oneWord{}}
	}, set, counting(&ran))
	executor := open(t, config)
	yes := approved("count", "", "1", `{"word":"please","id":"a-1"}`)
	outcomes := make([]*openexec.Outcome, 8)
	var calls sync.WaitGroup
	for i := range outcomes {
		calls.Add(1)
		go func(i int) {
			defer calls.Done()
			outcomes[i], _ = executor.Attempt(background, yes)
		}(i)
	}
	calls.Wait()
	replays := 0
	for _, outcome := range outcomes {
		equal(t, string(outcome.Result), "1")
		if outcome.Replayed {
			replays++
		}
	}
	equal(t, fmt.Sprint(replays, ran.Load()), "7 1")
	for _, one := range []struct {
		asks   openexec.Request
		wanted error
	}{{approved("count", `{"o":1}`, "1", string(yes.Approval)), openexec.NonceConflict},
		{approved("count", "", "2", string(yes.Approval)), openexec.ApprovalSpent},
		{request("count", "", "3"), openexec.ApprovalMissing},
		{approved("count", "", "3", `{"word":"now"}`), openexec.ApprovalSignatureInvalid}} {
		_, err := executor.Execute(background, one.asks)
		is(t, err, one.wanted)
	}
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	seen := map[any]int{}
	must(t, log.Each(func(line openexec.LogLine) error {
		entry := entryOf(t, []byte(line.JSON))
		seen[entry["verdict"]]++
		if entry["verdict"] == "executed" {
			equal(t, fmt.Sprint(entry["approval"].(map[string]any)["keys"]), "[word-key]")
		}
		return nil
	}))
	equal(t, fmt.Sprint(seen), "map[executed:1 refused:4 replayed:7]")
	id, err := openexec.ParseDigest(outcomes[0].ExecID)
	must(t, err)
	found, err := log.Find(id, 3)
	must(t, err)
	equal(t, len(found), 3)
	_, err = log.Checkpoint() // it keeps no tree
	is(t, err, openexec.InvalidArgument)
	_, err = executor.Order(openexec.Order{Control: openexec.RevokeApproval, ID: "a-9", Who: "ada", Why: "drill"})
	must(t, err)
	controls, err := executor.Controls()
	must(t, err)
	equal(t, fmt.Sprint(controls), "[{2 a-9 }]")
	must(t, executor.Close())
	executor = open(t, config) // another executor on the same store
	again, err := executor.Execute(background, yes)
	must(t, err)
	equal(t, again.Replayed, true)
	controls, err = executor.Controls()
	must(t, err)
	equal(t, len(controls) == 1, keepsOrders)
}

func TestAStoreThatIsItsOwnLogKeepsThePromise(t *testing.T) {
	ledger := newLedger()
	keepsThePromise(t, func(config *openexec.Config) { config.Store = ledger }, true)
}

func TestAStoreAndALogApartKeepThePromise(t *testing.T) {
	store, log := newStore(), &memoryLog{}
	keepsThePromise(t, func(config *openexec.Config) { config.Store, config.Log = store, log }, false)
}

// restored is a ledger that may have lost what was spent until 2026.
type restored struct{ *memoryLedger }

func (restored) Floor() (int64, bool, error) {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), true, nil
}

func TestAStoreWithAFloorTakesNoApprovalThatIsOlderOrDoesNotTellItsAge(t *testing.T) {
	executor := open(t, echoing(func(config *openexec.Config) {
		config.LedgerURL, config.Store, config.Approvals = "", restored{newLedger()}, openexec.By{Verifier: oneWord{}}
	}))
	for nonce, age := range []string{"", `,"IssuedAt":"2026-01-01T00:00:00Z"`} {
		_, err := executor.Execute(background, approved("echo", "", fmt.Sprint(nonce), fmt.Sprintf(`{"word":"please","id":"a-%d"%s}`, nonce, age)))
		is(t, err, openexec.ApprovalSpent)
	}
	_, err := executor.Execute(background, approved("echo", "", "3", `{"word":"please","id":"a-3","IssuedAt":"2026-01-01T00:00:01Z"}`))
	must(t, err)
	must(t, executor.Close())
}

type fixed struct{}

func (fixed) Now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

type ticking struct{ fixed }

func (ticking) Monotonic() time.Duration { return time.Hour }

type lengths struct{}

func (lengths) Name() string { return "lengths" }
func (lengths) Canonical(action, payload string) []byte {
	return []byte(fmt.Sprintf("%d:%s%d:%s", len(action), action, len(payload), payload))
}
func (lengths) Digest(data []byte) openexec.Digest { return openexec.SHA256(data) }

type constant struct{ lengths }

func (constant) Canonical(string, string) []byte { return []byte("same") }

func TestAClockAndAHasherInGoAreTheOnesThatCount(t *testing.T) {
	ledger := newLedger()
	for _, clock := range []openexec.Clock{fixed{}, ticking{}} {
		ledger = newLedger()
		executor := open(t, echoing(func(config *openexec.Config) {
			config.LedgerURL, config.Store, config.Clock, config.Hasher = "", ledger, clock, lengths{}
		}))
		outcome, err := executor.Execute(background, request("echo", `{"a":1}`, "1"))
		must(t, err)
		entry := entryOf(t, outcome.Entry)
		equal(t, entry["observed_at"], any("2026-03-01T12:00:00.000000Z"))
		equal(t, entry["request_hash"], any(sum(lengths{}.Canonical("echo", `{"a":1}`)).String()))
		must(t, executor.Close())
	}
	_, err := openexec.Open(echoing(func(config *openexec.Config) { config.LedgerURL, config.Store = "", ledger }))
	equal(t, err != nil, true) // another hasher's
}

func TestAStoreThatFailsIsNeverAReasonToRun(t *testing.T) {
	var ran atomic.Int64
	ledger := newLedger()
	executor := open(t, echoing(func(config *openexec.Config) { config.LedgerURL, config.Store = "", ledger },
		counting(&ran)))
	for _, broken := range []string{"claim", "panic", "nonsense", "no record"} {
		ledger.memoryStore.broken = broken
		_, err := executor.Execute(background, request("count", "", broken))
		is(t, err, openexec.Fault)
	}
	equal(t, ran.Load(), 0)
	ledger.memoryStore.broken = "seal"
	_, err := executor.Execute(background, request("count", "", "seal"))
	equal(t, strings.Contains(is(t, err, openexec.Fault).Detail, "in doubt"), true)
	ledger.memoryStore.broken = ""
	outcome, err := executor.Attempt(background, request("count", "", "seal"))
	must(t, err)
	equal(t, outcome.Code != openexec.OK && ran.Load() == 1, true)
}

type odd func() (openexec.Approval, error)

func (odd) Profile() string                                                   { return "odd" }
func (o odd) Verify(*openexec.Proposal, time.Time) (openexec.Approval, error) { return o() }

func TestAVerifierThatDoesNotSayYesHasSaidNo(t *testing.T) {
	no := func(err error) odd {
		return func() (openexec.Approval, error) { return openexec.Approval{ID: "a"}, err }
	}
	for i, say := range []odd{no(errors.New("x")), no(openexec.No(openexec.OK, "")), no(openexec.No(openexec.Halted, "")),
		func() (openexec.Approval, error) { return openexec.Approval{}, nil },
		func() (openexec.Approval, error) { return openexec.Approval{ID: "\xff"}, nil },
		func() (openexec.Approval, error) { return openexec.Approval{ID: "a", Keys: []string{""}}, nil },
		func() (openexec.Approval, error) { panic("nobody") }} {
		var ran atomic.Int64
		executor := open(t, echoing(func(config *openexec.Config) { config.Approvals = openexec.By{Verifier: say} },
			counting(&ran)))
		outcome, err := executor.Attempt(background, approved("count", "", "1", "{}"))
		must(t, err)
		if outcome.Code != openexec.ApprovalMalformed && outcome.Code != openexec.ApprovalSignatureInvalid {
			t.Fatal(i, outcome.Code)
		}
		equal(t, ran.Load(), 0)
	}
}

// keeps is a verifier that keeps the proposal beyond its call.
type keeps struct{ kept *openexec.Proposal }

func (*keeps) Profile() string { return "keeps" }
func (k *keeps) Verify(proposal *openexec.Proposal, _ time.Time) (openexec.Approval, error) {
	k.kept = proposal
	nonce := proposal.Nonce()
	return openexec.Approval{ID: nonce}, proposal.Close() // what is C's is not ended by it
}

func TestAProposalThatWasLentAnswersNothingLater(t *testing.T) {
	verifier := &keeps{}
	executor := open(t, echoing(func(config *openexec.Config) { config.Approvals = openexec.By{Verifier: verifier} }))
	_, err := executor.Execute(background, request("echo", "", "1"))
	must(t, err)
	equal(t, verifier.kept.Action()+string(verifier.kept.Payload()), "")
	_, err = verifier.kept.RequestHash()
	is(t, err, openexec.InvalidArgument)
	must(t, verifier.kept.Close())
}

func TestALogThatFailsOrGivesNonsenseGivesNobodyAnAnswer(t *testing.T) {
	log := &memoryLog{}
	executor := open(t, echoing(func(config *openexec.Config) {
		config.LedgerURL, config.Store, config.Log = "", newStore(), log
	}))
	_, err := executor.Execute(background, request("echo", "", "1"))
	must(t, err)
	log.broken = true
	_, err = executor.Execute(background, request("echo", "", "2"))
	is(t, err, openexec.Fault)
	reader, err := executor.Log()
	must(t, err)
	defer reader.Close()
	_, err = reader.Read(0, 10)
	is(t, err, openexec.Fault)
	log.broken = false
	outcome, err := executor.Attempt(background, request("echo", "", "2"))
	must(t, err)
	equal(t, outcome.Code != openexec.OK || outcome.Replayed, true)
}

func TestAPartThatFailsItsTestOpensNothing(t *testing.T) {
	_, err := openexec.Open(echoing(func(config *openexec.Config) { config.Hasher = constant{} }))
	is(t, err, openexec.Misuse)
	ledger := newLedger()
	ledger.memoryStore.broken = "pin"
	_, err = openexec.Open(echoing(func(config *openexec.Config) { config.LedgerURL, config.Store = "", ledger }))
	is(t, err, openexec.Fault)
}

type noTime struct{}

func (noTime) Now() time.Time { panic("no time") }

type exits struct{ oneWord }

func (exits) Now() time.Time {
	runtime.Goexit()
	return time.Time{}
}

func (exits) Verify(*openexec.Proposal, time.Time) (openexec.Approval, error) {
	runtime.Goexit()
	return openexec.Approval{}, nil
}

func (exits) Run(context.Context, *openexec.Invocation) (any, error) {
	runtime.Goexit()
	return nil, nil
}

func (exits) Cost(openexec.CostQuery) (int64, error) {
	runtime.Goexit()
	return 0, nil
}

func TestAGoexitInACallbackIsCaughtBeforeC(t *testing.T) {
	ledger := "sqlite:///" + t.TempDir() + "/ledger.db"
	told := 0
	config := echoing(func(config *openexec.Config) {
		config.LedgerURL = ledger
		config.Events = func(openexec.Event) { told++; runtime.Goexit() }
		config.Handlers["exits"] = exits{}
		config.Limits = map[openexec.Limit]uint64{openexec.InFlight: 1}
	})
	config.Handlers["fails"] = openexec.HandlerFunc(func(context.Context, *openexec.Invocation) (any, error) {
		new(testing.T).FailNow()
		return nil, nil
	})
	executor := open(t, config)
	for i, action := range []string{"exits", "fails", "exits"} {
		_, err := executor.Execute(background, request(action, "", fmt.Sprint(i)))
		is(t, err, openexec.InDoubt)
		equal(t, errors.Is(err, openexec.ErrGoexit), true)
		outcome, err := executor.Attempt(background, request(action, "", fmt.Sprint(i)))
		must(t, err)
		equal(t, outcome.Code, openexec.InDoubt)
	}
	_, err := executor.Execute(background, request("echo", "", "after")) // the one place was given back each time
	must(t, err)
	must(t, executor.Halt())
	equal(t, told > 7, true)
	must(t, executor.Close())
	again, err := openexec.Open(echoing(func(config *openexec.Config) { config.LedgerURL = ledger })) // it is free
	must(t, err)
	recovered, err := again.Recovered()
	must(t, err)
	equal(t, recovered.InDoubt, 0) // each was recorded at once
	must(t, again.Close())

	refusing := open(t, echoing(func(config *openexec.Config) { config.Approvals = openexec.By{Verifier: exits{}} }))
	_, err = refusing.Execute(background, approved("echo", "", "1", "{}"))
	is(t, err, openexec.ApprovalSignatureInvalid)
}

func TestWhatCannotFailAndFailsEndsTheProcess(t *testing.T) {
	switch os.Getenv("OPENEXEC_TEST_ENDS") {
	case "clock":
		executor := open(t, echoing(func(config *openexec.Config) { config.Clock = noTime{} }))
		executor.Attempt(background, request("echo", "", "1"))
		os.Exit(0)
	case "goexit":
		executor := open(t, echoing(func(config *openexec.Config) { config.Clock = exits{} }))
		executor.Attempt(background, request("echo", "", "1"))
		os.Exit(0)
	}
	for _, what := range []string{"clock", "goexit"} {
		ends := exec.Command(os.Args[0], "-test.run", "^TestWhatCannotFailAndFailsEndsTheProcess$")
		ends.Env = append(os.Environ(), "OPENEXEC_TEST_ENDS="+what, "GOTRACEBACK=none")
		said, err := ends.CombinedOutput()
		equal(t, err != nil && strings.Contains(string(said), "a callback that cannot fail has failed"), true)
	}
}
