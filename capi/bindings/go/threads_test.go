// SPDX-License-Identifier: Apache-2.0

package openexec_test

// 64 goroutines, with replays and refusals mixed in: what they were told is what the log says.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"openexec.example/openexec"
)

const threads = 64

// yes approves what says so: a signature for each of 640,000 requests would be the signer's test.
type yes struct{}

func (yes) Profile() string { return "yes" }
func (yes) Verify(proposal *openexec.Proposal, _ time.Time) (openexec.Approval, error) {
	var artifact struct{ ID string }
	if json.Unmarshal(proposal.Artifact(), &artifact) != nil {
		return openexec.Approval{}, openexec.No(openexec.ApprovalMissing, "no artifact")
	}
	return openexec.Approval{ID: artifact.ID}, nil
}

func TestWhat64GoroutinesWereToldIsWhatTheLogSays(t *testing.T) {
	each := 200
	if given := os.Getenv("OPENEXEC_EXECUTIONS_EACH"); given != "" {
		var err error
		each, err = strconv.Atoi(given)
		must(t, err)
	}
	var mutex sync.Mutex
	ran := map[string]int{}
	executor := open(t, openexec.Config{
		LedgerPath: filepath.Join(t.TempDir(), "ledger.db"), Tenant: tenant, Approvals: openexec.By{Verifier: yes{}},
		Limits: map[openexec.Limit]uint64{openexec.RefusalsPerSecond: 1 << 31, openexec.ReplaysPerSecond: 1 << 31, openexec.InFlight: 4096},
		Handlers: map[string]openexec.Handler{"pay": openexec.HandlerFunc(
			func(_ context.Context, call *openexec.Invocation) (any, error) {
				mutex.Lock()
				ran[call.ExecID]++
				mutex.Unlock()
				if strings.Contains(string(call.Payload), "fail") {
					return nil, openexec.NoEffect(errors.New("as asked"))
				}
				return call.Payload, nil
			})}})
	total := map[string]int{}
	together := make(chan struct{})
	var calls sync.WaitGroup
	for number := 0; number < threads; number++ {
		calls.Add(1)
		go func(number int) {
			defer calls.Done()
			choose := rand.New(rand.NewSource(int64(number)))
			told := map[string]int{}
			<-together
			for i := 0; i < each; i++ {
				own, shared := fmt.Sprintf("%d-%d", number, i), fmt.Sprintf("s-%d", choose.Intn(each))
				says := func(id string) string { return `{"id":"` + id + `"}` }
				var asks openexec.Request
				switch choose.Intn(8) {
				case 0, 1, 2: // a new one
					asks = approved("pay", `{"own":"`+own+`"}`, own, says(own))
				case 3, 4: // one that all share: executed once, then replayed
					asks = approved("pay", `{"shared":"`+shared+`"}`, shared, says(shared))
				case 5: // refused: no approval
					asks = request("pay", `{"own":"`+own+`"}`, own)
				case 6:
					asks = request("unheard-of", "", own)
				default: // a handler that fails
					asks = approved("pay", `{"fail":"`+own+`"}`, own, says(own))
				}
				outcome, err := executor.Attempt(background, asks)
				if err != nil || i%97 == 0 && outcome.Verify() != nil {
					t.Error(err)
					return
				}
				told[outcome.Verdict.String()+" "+outcome.Code.Error()]++
			}
			mutex.Lock()
			defer mutex.Unlock()
			for what, count := range told {
				total[what] += count
			}
		}(number)
	}
	close(together)
	calls.Wait()
	logged, all := map[string]int{}, 0
	log, err := executor.Log()
	must(t, err)
	defer log.Close()
	must(t, log.Each(func(line openexec.LogLine) error {
		var entry struct {
			Verdict, Code string
			Count         int
		}
		must(t, json.Unmarshal([]byte(line.JSON), &entry))
		logged[entry.Verdict+" "+entry.Code] += max(entry.Count, 1)
		all += max(entry.Count, 1)
		return nil
	}))
	equal(t, all, threads*each)
	if !maps.Equal(total, logged) {
		t.Fatalf("told %v, logged %v", total, logged)
	}
	for id, times := range ran { // nothing ran twice
		if times != 1 {
			t.Fatal(id, times)
		}
	}
	equal(t, len(ran), total["executed ok"]+total["failed handler_failed"])
	for _, what := range []string{"executed ok", "replayed ok", "refused unknown_action", "refused approval_missing",
		"failed handler_failed"} {
		equal(t, total[what] > 0, true)
	}
	t.Logf("%d goroutines x %d: %v", threads, each, total)
}
