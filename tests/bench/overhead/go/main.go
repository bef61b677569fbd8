// SPDX-License-Identifier: Apache-2.0

// What run.py times, in Go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"openexec.example/openexec"
)

func main() {
	executor, err := openexec.Open(openexec.Config{LedgerURL: os.Args[1], Approvals: openexec.Demo{},
		Handlers: map[string]openexec.Handler{"send": openexec.HandlerFunc(
			func(context.Context, *openexec.Invocation) (any, error) { return json.RawMessage(`{"sent":true}`), nil })}})
	if err != nil {
		log.Fatal(err)
	}
	defer executor.Close()
	made, payload := 0, json.RawMessage(`{"amount":42,"to":"ada@example.com"}`)
	var what string
	var calls int
	for {
		if _, err := fmt.Scan(&what, &calls); err != nil {
			return
		}
		start := time.Now()
		for i := 0; i < calls; i++ {
			nonce := "same"
			if what != "replay" {
				nonce = fmt.Sprintf("n-%d", made)
				made++
			}
			outcome, err := executor.Execute(context.Background(),
				openexec.Request{Action: "send", Payload: payload, Nonce: nonce})
			if err != nil || len(outcome.Receipt) != 64 {
				log.Fatal(err)
			}
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
}
