// SPDX-License-Identifier: Apache-2.0

// Command go_tlog opens, verifies and reads what ../go_tlog_writer.cpp wrote, with the packages that other logs use:
//
//	go_tlog FOLDER
//
// It says how much it checked, and stops at the first thing that is not as these packages want it.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: go_tlog FOLDER"))
	}
	log, err := open(os.Args[1])
	fail(err)
	fail(log.checkProofs())
	fail(log.checkTiles())
	fail(log.checkEntries())
	fail(log.checkReceipts())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_tlog:", err)
		os.Exit(1)
	}
}

// A log in a folder: its checkpoints, by size, and the hashes of its leaves.
type log struct {
	folder    string
	verifiers note.Verifiers
	origin    string
	roots     map[int64]tlog.Hash
	leaves    []tlog.Hash
}

func (l *log) path(name string) string { return filepath.Join(l.folder, filepath.FromSlash(name)) }

func (l *log) text(name string) (string, error) {
	data, err := os.ReadFile(l.path(name))
	return strings.TrimSuffix(string(data), "\n"), err
}

// Cosigner verifies cosignatures, which package note leaves to others.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	part := strings.SplitN(vkey, "+", 3)
	if len(part) != 3 {
		return nil, errors.New("witness key: not three parts")
	}
	id, err := strconv.ParseUint(part[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("witness key: not of type 4")
	}
	sum := sha256.Sum256([]byte(part[0] + "\n" + string(key)))
	if binary.BigEndian.Uint32(sum[:]) != uint32(id) {
		return nil, errors.New("witness key: another id")
	}
	return cosigner{part[0], uint32(id), key[1:]}, nil
}

// Open opens every checkpoint under the log's key and the witness's.
func open(folder string) (*log, error) {
	l := &log{folder: folder, roots: map[int64]tlog.Hash{}}
	logKey, err := l.text("log.vkey")
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return nil, err
	}
	l.origin = verifier.Name()
	witnessKey, err := l.text("witness.vkey")
	if err != nil {
		return nil, err
	}
	witness, err := newCosigner(witnessKey)
	if err != nil {
		return nil, err
	}
	l.verifiers = note.VerifierList(verifier, witness)
	files, err := os.ReadDir(l.path("checkpoints"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(l.path("checkpoints/" + file.Name()))
		if err != nil {
			return nil, err
		}
		size, root, err := l.checkpoint(data)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %s: %w", file.Name(), err)
		}
		if strconv.FormatInt(size, 10) != file.Name() {
			return nil, fmt.Errorf("checkpoint %s: has size %d", file.Name(), size)
		}
		l.roots[size] = root
	}
	fmt.Println("notes opened:", len(l.roots))
	return l, nil
}

func (l *log) checkpoint(signed []byte) (int64, tlog.Hash, error) {
	opened, err := note.Open(signed, l.verifiers)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	if len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
		return 0, tlog.Hash{}, errors.New("not signed by the log and cosigned by the witness")
	}
	line := strings.Split(opened.Text, "\n")
	if len(line) != 4 || line[0] != l.origin || line[3] != "" {
		return 0, tlog.Hash{}, errors.New("not three lines")
	}
	size, err := strconv.ParseInt(line[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(line[2])
	return size, root, err
}

// CheckProofs asks both packages about every line of proofs.txt.
func (l *log) checkProofs() error {
	leaves, err := l.text("leaves.txt")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(leaves, "\n") {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		l.leaves = append(l.leaves, hash)
	}
	file, err := os.Open(l.path("proofs.txt"))
	if err != nil {
		return err
	}
	defer file.Close()
	count := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		if err := l.checkProof(word); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		count[word[0]]++
	}
	fmt.Println("inclusion proofs verified:", count["inclusion"])
	fmt.Println("consistency proofs verified:", count["consistency"])
	return lines.Err()
}

func (l *log) checkProof(word []string) error {
	if len(word) < 3 {
		return errors.New("not a proof")
	}
	a, err := strconv.ParseInt(word[1], 10, 64)
	if err != nil {
		return err
	}
	b, err := strconv.ParseInt(word[2], 10, 64)
	if err != nil {
		return err
	}
	var hashes []tlog.Hash
	var raw [][]byte
	for _, text := range word[3:] {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
		raw = append(raw, append([]byte(nil), hash[:]...))
	}
	root, ok := l.roots[b]
	if !ok {
		return errors.New("no checkpoint of this size")
	}
	switch word[0] {
	case "inclusion": // of index a in size b
		leaf := l.leaves[a]
		if err := tlog.CheckRecord(hashes, b, root, a, leaf); err != nil {
			return err
		}
		return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(a), uint64(b), leaf[:], raw, root[:])
	case "consistency": // from size a to size b
		older, ok := l.roots[a]
		if !ok {
			return errors.New("no checkpoint of the older size")
		}
		if a == 0 { // neither package takes the empty tree
			if len(raw) != 0 {
				return errors.New("a proof from the empty tree")
			}
			return nil
		}
		if err := tlog.CheckTree(hashes, b, root, a, older); err != nil {
			return err
		}
		return proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(a), uint64(b), raw, older[:], root[:])
	}
	return errors.New("neither inclusion nor consistency")
}

// Tiles reads tiles where C2SP has them: package tlog has the height in their paths as well.
type tiles struct{ log *log }

func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(t.log.path("tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", tile.Path(), len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

// CheckTiles reads every leaf, and proofs of its own, through tiles that package tlog checks against the root.
func (l *log) checkTiles() error {
	read := 0
	for size, root := range l.roots {
		if size == 0 {
			continue
		}
		reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{l})
		if again, err := tlog.TreeHash(size, reader); err != nil || again != root {
			return fmt.Errorf("tiles of %d: another root (%v)", size, err)
		}
		var indexes []int64
		for index := int64(0); index < size; index++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, index))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("tiles of %d: %w", size, err)
		}
		for index, leaf := range leaves {
			if leaf != l.leaves[index] {
				return fmt.Errorf("tiles of %d: leaf %d is another", size, index)
			}
		}
		read += len(leaves)
		for _, index := range []int64{0, size / 2, size - 1} {
			own, err := tlog.ProveRecord(size, index, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(own, size, root, index, l.leaves[index]); err != nil {
				return err
			}
		}
		if size > 1 {
			if _, err := tlog.ProveTree(size, size/2, reader); err != nil {
				return err
			}
		}
	}
	fmt.Println("leaves read through tiles:", read)
	return nil
}

// CheckEntries reads the entries of the largest tree out of their bundles.
func (l *log) checkEntries() error {
	entries := 0
	for entries < len(l.leaves) {
		width := len(l.leaves) - entries
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: 8, L: -1, N: int64(entries / 256), W: width}
		data, err := os.ReadFile(l.path("tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/data/")))
		if err != nil {
			return err
		}
		for i := 0; i < width; i++ {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("entry %d: cut off", entries)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:end]) != l.leaves[entries] {
				return fmt.Errorf("entry %d: not that of its leaf", entries)
			}
			data = data[end:]
			entries++
		}
		if len(data) != 0 {
			return fmt.Errorf("entries before %d: more than there should be", entries)
		}
	}
	fmt.Println("entries read:", entries)
	return nil
}

// CheckReceipts reads proofs that stand alone.
func (l *log) checkReceipts() error {
	files, err := os.ReadDir(l.path("receipts"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(l.path("receipts/" + file.Name()))
		if err != nil {
			return err
		}
		if err := l.checkReceipt(data); err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	fmt.Println("receipts verified:", len(files))
	return nil
}

func (l *log) checkReceipt(text []byte) error {
	head, signed, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return errors.New("no checkpoint")
	}
	size, root, err := l.checkpoint(signed)
	if err != nil {
		return err
	}
	line := strings.Split(string(head), "\n")
	if len(line) < 3 || line[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(line[1], "extra ") {
		return errors.New("not a proof with an entry")
	}
	entry, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(line[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(line[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var hashes tlog.RecordProof
	for _, text := range line[3:] {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
	}
	return tlog.CheckRecord(hashes, size, root, index, tlog.RecordHash(entry))
}
