// SPDX-License-Identifier: Apache-2.0

package openexec_test

// Whatever a program does wrong, it gets an error: no crash and no leak.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"openexec.example/openexec"
)

func TestSettingsThatAreNoneAreSaidAtTheOpening(t *testing.T) {
	for i, change := range []func(*openexec.Config){
		func(c *openexec.Config) { c.LedgerURL = "" },
		func(c *openexec.Config) { c.Approvals = nil },
		func(c *openexec.Config) { c.LedgerPath = "x.db" }, // and a URL
		func(c *openexec.Config) { c.LedgerURL = "telepathy://" },
		func(c *openexec.Config) { c.Tenant = "\xff" },
		func(c *openexec.Config) { c.Name = "\xff" },
		func(c *openexec.Config) { c.Approvals = openexec.Clawshield{PublicKeyPEM: "no key", Tenant: tenant} },
		func(c *openexec.Config) { c.Approvals = openexec.TrustPolicy{Policy: "{"} },
		func(c *openexec.Config) { c.Approvals = openexec.By{} },
		func(c *openexec.Config) { c.LogOrigin = "with space" },
		func(c *openexec.Config) { c.Handlers["no spaces"] = echo },
		func(c *openexec.Config) { c.Handlers[""] = echo },
		func(c *openexec.Config) { c.Limits = map[openexec.Limit]uint64{99: 1} },
		func(c *openexec.Config) { c.Limits = map[openexec.Limit]uint64{openexec.RequestDepth: 10_000} },
	} {
		_, err := openexec.Open(echoing(change))
		if is(t, err, openexec.Misuse).Detail == "" {
			t.Fatal(i)
		}
	}
	_, err := openexec.Open(echoing(func(c *openexec.Config) { c.LedgerURL, c.LedgerPath = "", "/nowhere/at/all.db" }))
	equal(t, err != nil, true)
	_, err = openexec.OpenLog("sqlite:////nowhere/at/all.db")
	is(t, err, openexec.StoreFailed)
}

func TestRequestsThatAreNoneAreMalformedAndLeaveAReceipt(t *testing.T) {
	executor := open(t, echoing())
	for i, asks := range []openexec.Request{{}, request("no spaces", "", "1"), request("echo", "[]", "1"),
		request("echo", `{"a":1,"a":2}`, "1"), request("echo", `{"a":NaN}`, "1"), request("echo", "{} {}", "1"),
		request("echo", `{"a":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+"}", "1"), request("echo", "", ""),
		request("echo", "", "\n"), request("echo", "", strings.Repeat("n", 256)), request("echo", `"\ud800"`, "1"),
		request("echo\x00", "", "1"), request("echo", "", "\xff"), request("echo", "{\"a\":\"\xff\"}", "1"),
		request("\xff", "", "1"), approved("echo", "", "1", "[]"), {JSON: json.RawMessage("{")},
		{JSON: json.RawMessage("\xff")}, {JSON: json.RawMessage("[]")},
		{JSON: json.RawMessage(strings.Repeat("[", 100_000))}} {
		outcome, err := executor.Attempt(background, asks)
		must(t, err)
		if outcome.Code != openexec.MalformedRequest || outcome.ExecID != "" || len(outcome.Entry) == 0 {
			t.Fatal(i, outcome.Code)
		}
		must(t, outcome.Verify())
		_, err = openexec.NewProposal(asks, tenant)
		is(t, err, openexec.Misuse)
	}
	outcome, err := executor.Attempt(background, openexec.Request{JSON: json.RawMessage{}})
	equal(t, err != nil || outcome.Code == openexec.MalformedRequest, true)
	for _, hex := range []string{"", strings.Repeat("0", 63), strings.Repeat("G", 64)} {
		_, err := openexec.ParseDigest(hex)
		is(t, err, openexec.InvalidArgument)
	}
	_, err = openexec.ReadTrustPolicy("{}")
	is(t, err, openexec.Misuse)
}

func TestWhatIsClosedOrNoneAnswersWithAnError(t *testing.T) {
	closed := open(t, echoing())
	log, err := closed.Log()
	must(t, err)
	must(t, log.Close())
	must(t, closed.Close())
	must(t, closed.Close())
	for _, executor := range []*openexec.Executor{closed, {}} {
		for _, use := range []func() error{
			func() error { _, err := executor.Execute(background, request("echo", "", "1")); return err },
			func() error { _, err := executor.ExecuteMany(background, nil); return err },
			func() error { _, err := executor.Order(openexec.Order{}); return err },
			func() error { _, err := executor.Controls(); return err },
			func() error { _, err := executor.Recover(); return err },
			func() error { _, err := executor.Log(); return err },
			func() error { return executor.ReloadTrustPolicy("{}") },
			executor.Halt, executor.Resume, executor.Ready} {
			is(t, use(), openexec.InvalidArgument)
		}
		equal(t, executor.Halted(), true)
		must(t, executor.Close())
	}
	for _, log := range []*openexec.Log{log, {}} {
		_, err := log.Count()
		is(t, err, openexec.InvalidArgument)
		_, err = log.Read(0, 1)
		is(t, err, openexec.InvalidArgument)
		_, err = log.Checkpoint()
		is(t, err, openexec.InvalidArgument)
		must(t, log.Close())
	}
	none := &openexec.Proposal{}
	equal(t, none.Action(), "")
	must(t, none.Close())
}

func TestAHandlerMustNotExecuteOnItsOwnExecutorAndMayCloseIt(t *testing.T) {
	var executor *openexec.Executor
	executor = open(t, echoing(with("again", func(ctx context.Context, _ *openexec.Invocation) (any, error) {
		_, err := executor.Execute(ctx, request("echo", "", "inner"))
		is(t, err, openexec.InvalidArgument)
		return "closed", executor.Close()
	})))
	outcome, err := executor.Execute(background, request("again", "", "outer"))
	must(t, err)
	equal(t, string(outcome.Result), `"closed"`)
	_, err = executor.Execute(background, request("again", "", "later"))
	is(t, err, openexec.Misuse)
}

func TestAHandlerMayExecuteOnAnotherExecutorAndEachKeepsItsOwnContext(t *testing.T) {
	inner := open(t, echoing(with("who", func(ctx context.Context, _ *openexec.Invocation) (any, error) {
		return ctx.Value(keyOfContext{}), nil
	})))
	outer := open(t, echoing(with("nest", func(ctx context.Context, _ *openexec.Invocation) (any, error) {
		first, err := inner.Execute(context.WithValue(ctx, keyOfContext{}, "inner"), request("who", "", "1"))
		if err != nil {
			return nil, err
		}
		return []any{first.Result, ctx.Value(keyOfContext{})}, nil
	})))
	outcome, err := outer.Execute(context.WithValue(background, keyOfContext{}, "outer"), request("nest", "", "1"))
	must(t, err)
	equal(t, string(outcome.Result), `["inner", "outer"]`)
}

func TestClosingDuringAnExecutionLetsItFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var closed atomic.Int64
	executor := open(t, echoing(func(config *openexec.Config) {
		config.Events = func(event openexec.Event) {
			if event.Kind == openexec.Closed {
				closed.Add(1)
			}
		}
	}, with("wait", func(context.Context, *openexec.Invocation) (any, error) {
		close(entered)
		<-leave
		return "done", nil
	})))
	found := make(chan *openexec.Outcome)
	go func() {
		outcome, _ := executor.Attempt(background, request("wait", "", "1"))
		found <- outcome
	}()
	<-entered
	must(t, executor.Close())
	equal(t, closed.Load(), 0)
	_, err := executor.Attempt(background, request("wait", "", "2"))
	is(t, err, openexec.InvalidArgument)
	close(leave)
	equal(t, string((<-found).Result), `"done"`)
	equal(t, closed.Load(), 1)
}

func residentKiB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	_, err = fmt.Sscan(rest, &kib)
	must(t, err)
	return kib
}

func TestTenThousandExecutorsAreOpenedAndClosedWithoutALeak(t *testing.T) {
	some := func(count int) {
		for i := 0; i < count; i++ {
			executor, err := openexec.Open(echoing())
			must(t, err)
			_, err = executor.Execute(background, request("echo", fmt.Sprintf(`{"i":%d}`, i), "1"))
			must(t, err)
			log, err := executor.Log()
			must(t, err)
			must(t, executor.Close())
			must(t, log.Close())
		}
		runtime.GC()
	}
	some(500) // whatever is made once has been made
	before := residentKiB(t)
	some(9_500)
	if grew := residentKiB(t) - before; grew > 20_000 {
		t.Fatalf("%d KiB resident", grew)
	}
}
