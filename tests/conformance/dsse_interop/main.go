// SPDX-License-Identifier: Apache-2.0

// The other side of the interoperability tests: github.com/secure-systems-lab/go-securesystemslib/dsse, with Go's own
// Ed25519. Keys are ID=SEED, the seed being 32 bytes in hex.
//
//	interop sign TYPE KEY...          reads a body, writes an envelope
//	interop verify THRESHOLD KEY...   reads an envelope, writes the accepted ids
package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

type key struct {
	id      string
	private ed25519.PrivateKey
}

func (k key) Sign(_ context.Context, data []byte) ([]byte, error) { return ed25519.Sign(k.private, data), nil }
func (k key) KeyID() (string, error)                              { return k.id, nil }
func (k key) Public() crypto.PublicKey                            { return k.private.Public() }
func (k key) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.private.Public().(ed25519.PublicKey), data, sig) {
		return errors.New("the signature does not verify")
	}
	return nil
}

func keys(arguments []string) ([]key, error) {
	var all []key
	for _, argument := range arguments {
		id, text, _ := strings.Cut(argument, "=")
		seed, err := hex.DecodeString(text)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("a key is ID=SEED")
		}
		all = append(all, key{id, ed25519.NewKeyFromSeed(seed)})
	}
	return all, nil
}

func sign(body []byte, payloadType string, all []key) error {
	var signers []dsse.Signer
	for _, k := range all {
		signers = append(signers, k)
	}
	signer, err := dsse.NewEnvelopeSigner(signers...)
	if err != nil {
		return err
	}
	envelope, err := signer.SignPayload(context.Background(), payloadType, body)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(envelope)
}

func verify(text []byte, threshold int, all []key) error {
	var envelope dsse.Envelope
	if err := json.Unmarshal(text, &envelope); err != nil {
		return err
	}
	var verifiers []dsse.Verifier
	for _, k := range all {
		verifiers = append(verifiers, k)
	}
	verifier, err := dsse.NewMultiEnvelopeVerifier(threshold, verifiers...)
	if err != nil {
		return err
	}
	accepted, err := verifier.Verify(context.Background(), &envelope)
	if err != nil {
		return err
	}
	var ids []string
	for _, k := range accepted {
		ids = append(ids, k.KeyID)
	}
	sort.Strings(ids)
	fmt.Println(strings.Join(ids, " "))
	return nil
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return errors.New("usage: interop sign TYPE KEY... | verify THRESHOLD KEY...")
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	all, err := keys(arguments[2:])
	if err != nil {
		return err
	}
	if arguments[0] == "sign" {
		return sign(input, arguments[1], all)
	}
	threshold, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	return verify(input, threshold, all)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}
