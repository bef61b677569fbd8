// SPDX-License-Identifier: Apache-2.0

// Command litewitness_client runs somebody else's witness, filippo.io/torchwood's litewitness, and has it cosign a log:
//
//	litewitness_client FOLDER LITEWITNESS
//
// FOLDER holds what ../log_requests.cpp wrote. The cosignatures, and a policy that names the witness, are written there.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh/agent"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const name = "litewitness.example/w"

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "litewitness_client:", err)
		os.Exit(1)
	}
}

// Litewitness signs through an SSH agent; this one holds a new key.
func serveAgent(socket string) ed25519.PublicKey {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	fail(err)
	keyring := agent.NewKeyring()
	fail(keyring.Add(agent.AddedKey{PrivateKey: private}))
	listener, err := net.Listen("unix", socket)
	fail(err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(keyring, conn)
		}
	}()
	return public
}

func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	defer listener.Close()
	return listener.Addr().String()
}

// The witness does not say when it is ready.
func await(address string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
	}
	return fmt.Errorf("no witness at %s", address)
}

// Trust tells the witness of a log, as its own witnessctl does.
func trust(path, origin, vkey string) error {
	db, err := sqlite.OpenConn(path, 0)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetBlockOnBusy()
	empty := sha256.Sum256(nil)
	root := base64.StdEncoding.EncodeToString(empty[:])
	if err := sqlitex.Execute(db, "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)",
		&sqlitex.ExecOptions{Args: []any{origin, root}}); err != nil {
		return err
	}
	return sqlitex.Execute(db, "INSERT INTO key (origin, key) VALUES (?, ?)",
		&sqlitex.ExecOptions{Args: []any{origin, vkey}})
}

func verifierKey(public ed25519.PublicKey) string {
	key := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(key)
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: litewitness_client FOLDER LITEWITNESS"))
	}
	path := func(name string) string { return filepath.Join(os.Args[1], name) }
	logKey, err := os.ReadFile(path("log.vkey"))
	fail(err)
	vkey := strings.TrimSpace(string(logKey))
	origin := strings.SplitN(vkey, "+", 2)[0]

	public := serveAgent(path("agent"))
	address, id := freeAddress(), sha256.Sum256(public)
	witness := exec.Command(os.Args[2], "-name", name, "-db", path("db"), "-ssh-agent", path("agent"),
		"-listen", address, "-key", hex.EncodeToString(id[:]))
	var said bytes.Buffer
	witness.Stderr = &said
	fail(witness.Start())
	if err = await(address); err == nil {
		err = trust(path("db"), origin, vkey)
	}
	if err == nil {
		err = converse(address, path)
	}
	witness.Process.Signal(os.Interrupt)
	witness.Wait()
	if err != nil {
		fail(fmt.Errorf("%w\n%s", err, said.String()))
	}
	fail(os.WriteFile(path("witness.vkey"), []byte(verifierKey(public)+"\n"), 0o600))
	fail(os.WriteFile(path("policy"), []byte("witness w "+verifierKey(public)+"\nquorum w\n"), 0o600))
}

func converse(address string, path func(string) string) error {
	// For a tree of equal size with another root the specification has 409; this witness finds no proof for it.
	for _, step := range []struct {
		request string
		status  int
	}{{"first", 200}, {"second", 200}, {"other-history-equal", 409}, {"other-history-equal-now", 422}, {"other-history-longer", 422}} {
		body, err := os.ReadFile(path(step.request))
		if err != nil {
			return err
		}
		answer, err := http.Post("http://"+address+"/add-checkpoint", "text/plain", bytes.NewReader(body))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return err
		}
		if answer.StatusCode != step.status {
			return fmt.Errorf("%s: %s, and %d is expected: %s", step.request, answer.Status, step.status, text)
		}
		fmt.Println(step.request+":", answer.Status)
		if err := os.WriteFile(path(step.request+".answer"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
