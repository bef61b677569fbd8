// SPDX-License-Identifier: Apache-2.0

package openexec_test

import (
	"context"
	"errors"
	"fmt"

	"openexec.example/openexec"
)

func Example() {
	executor, err := openexec.Open(openexec.Config{
		LedgerURL: "sqlite://", // in memory; LedgerPath is one that lasts
		Approvals: openexec.Demo{},
		Handlers: map[string]openexec.Handler{"send_email": openexec.HandlerFunc(
			func(_ context.Context, call *openexec.Invocation) (any, error) {
				fmt.Println("sending", string(call.Payload))
				return map[string]bool{"sent": true}, nil
			})},
	})
	if err != nil {
		panic(err)
	}
	defer executor.Close()
	request := openexec.Request{Action: "send_email", Payload: []byte(`{"to":"ada@example.com"}`), Nonce: "order-1001"}
	for range [2]int{} {
		outcome, err := executor.Execute(context.Background(), request)
		if err != nil {
			panic(err)
		}
		fmt.Println(outcome.Verdict, string(outcome.Result), outcome.Verify() == nil)
	}
	// Output:
	// sending {"to":"ada@example.com"}
	// executed {"sent": true} true
	// replayed {"sent": true} true
}

func ExampleError() {
	executor, err := openexec.Open(openexec.Config{LedgerURL: "sqlite://", Approvals: openexec.Demo{}})
	if err != nil {
		panic(err)
	}
	defer executor.Close()
	_, err = executor.Execute(context.Background(), openexec.Request{Action: "unheard-of", Nonce: "1"})
	var no *openexec.Error
	if errors.As(err, &no) {
		fmt.Println(no.Code, no.Kind(), errors.Is(err, openexec.Refused), no.Outcome.Verify() == nil)
	}
	// Output: unknown_action refused true true
}
