// SPDX-License-Identifier: Apache-2.0

// The story of run.py, by Go's net/http.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func post(path string, body any, key string) (int, map[string]any) {
	text, err := json.Marshal(body)
	check(err == nil, err)
	request, err := http.NewRequest("POST", os.Getenv("ADDRESS")+path, bytes.NewReader(text))
	check(err == nil, err)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(request)
	check(err == nil, err)
	defer answer.Body.Close()
	var said map[string]any
	check(json.NewDecoder(answer.Body).Decode(&said) == nil, "no JSON")
	return answer.StatusCode, said
}

func check(holds bool, said any) {
	if !holds {
		fmt.Println("wrong:", said)
		os.Exit(1)
	}
}

func main() {
	key := os.Getenv("KEY")
	proposal := func(b int) any {
		return map[string]any{"action": "add", "payload": map[string]int{"a": 2, "b": b}}
	}
	status, first := post("/execute", proposal(3), key)
	check(status == 200 && first["approved"] == true && first["replayed"] == false, first)
	check(first["result"].(map[string]any)["sum"] == 5.0, first)
	status, again := post("/execute", proposal(3), key)
	check(status == 200 && again["replayed"] == true && again["receipt"] == first["receipt"], again)
	status, no := post("/execute", proposal(4), key)
	check(status == 422 && no["code"] == "nonce_conflict" && no["approved"] == false, no)
	status, said := post("/receipts/verify",
		map[string]any{"exec_id": first["id"], "result": first["result"], "receipt": first["receipt"]}, "")
	check(status == 200 && said["valid"] == true && said["recorded"] == true, said)
	fmt.Println("executed, replayed, refused, verified")
}
