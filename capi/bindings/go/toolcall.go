// SPDX-License-Identifier: Apache-2.0

package openexec

/*
#include "calls.h"
*/
import "C"

import "encoding/json"

// ToolCallNonce is the nonce of a model's tool call: "tc1-" and the SHA-256 of the call in its place (docs/formats.md,
// section 13). The same call has the same nonce however often it is delivered. The id that the provider gave it is not
// part of it: providers use an id twice, give none, or give another one when a turn is sent again.
//
// Arguments are JSON text of one object; empty means {}. Occurrence is 1 for the first call of this name with equal
// arguments in the turn, 2 for the second; a Turn counts. Where the host has no stable conversation and turn there is no
// nonce: an empty one is refused.
func ToolCallNonce(conversation, turn, name string, arguments json.RawMessage, occurrence uint32) (string, error) {
	return stringOf(C.oe_tool_call_nonce(conversation, turn, name, textOf(arguments), C.uint32_t(occurrence)))
}

// Turn is one turn of a conversation, by the host's own names for both, which are the same when the turn is sent again.
// It belongs to one goroutine.
type Turn struct {
	Conversation, Turn string

	seen map[string]uint32 // by the nonce of the first occurrence
}

// Nonce is that of the turn's next call. Give it all calls of the turn, in their order, each once: it counts those that
// are equal. A call that is refused is not counted.
func (t *Turn) Nonce(name string, arguments json.RawMessage) (string, error) {
	first, err := ToolCallNonce(t.Conversation, t.Turn, name, arguments, 1)
	if err != nil {
		return "", err
	}
	occurrence := t.seen[first] + 1
	nonce := first
	if occurrence > 1 {
		if nonce, err = ToolCallNonce(t.Conversation, t.Turn, name, arguments, occurrence); err != nil {
			return "", err
		}
	}
	if t.seen == nil {
		t.seen = map[string]uint32{}
	}
	t.seen[first] = occurrence
	return nonce, nil
}
