// SPDX-License-Identifier: Apache-2.0

package openexec

/*
#include "calls.h"
*/
import "C"

import "runtime/cgo"

// Log is a log, to read: beside a running executor, or of an archived file. Any number of goroutines may read it. Close
// lets no read begin any more.
type Log struct {
	held
	log *C.openexec_log
}

// lines is what a visitor fills.
type lines struct {
	found []LogLine
	why   any // what a visitor panicked with: what was read so far is not what was asked for
}

func logOf(answer C.oe_answer) (*Log, error) {
	if err := asked(answer); err != nil {
		return nil, err
	}
	made := &Log{log: (*C.openexec_log)(answer.made)}
	made.held = held{what: "log", end: func() { C.openexec_log_destroy(&made.log) }}
	return made, nil
}

// OpenLog opens the log of a ledger for reading only: sqlite:///relative.db, sqlite:////absolute.db.
func OpenLog(url string) (*Log, error) { return logOf(C.oe_open_log(url)) }

// Count is how many entries there are.
func (l *Log) Count() (uint64, error) {
	if err := l.enter(); err != nil {
		return 0, err
	}
	defer l.leave()
	counted := C.oe_log_count(l.log)
	return uint64(counted.entries), asked(counted.answer)
}

func (l *Log) collect(read func(into C.uintptr_t) C.oe_answer) ([]LogLine, error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	into := new(lines)
	handle := cgo.NewHandle(into)
	defer handle.Delete()
	if err := asked(read(C.uintptr_t(handle))); err != nil {
		return nil, err
	}
	if into.why != nil {
		panic(into.why)
	}
	return into.found, nil
}

// Read reads up to count entries from first on, in the order of their index; fewer at the end.
func (l *Log) Read(first, count uint64) ([]LogLine, error) {
	return l.collect(func(into C.uintptr_t) C.oe_answer {
		return C.oe_lines(l.log, C.uint64_t(first), C.uint64_t(count), into)
	})
}

// Find reads the entries of one execution, in the order of their index; at most count of them.
func (l *Log) Find(execID Digest, count uint64) ([]LogLine, error) {
	return l.collect(func(into C.uintptr_t) C.oe_answer {
		return C.oe_lines_of(l.log, cDigest(execID), C.uint64_t(count), into)
	})
}

// Each calls see for every entry, a page at a time, until it answers with an error, which Each returns.
func (l *Log) Each(see func(LogLine) error) error {
	for first := uint64(0); ; {
		page, err := l.Read(first, 512)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, line := range page {
			if err := see(line); err != nil {
				return err
			}
		}
		first += uint64(len(page))
	}
}

// What follows needs a log that keeps a Merkle tree: the supplied ledgers do; a log of your own is answered with
// InvalidArgument.

func (l *Log) ask(what C.int, from, to uint64, path string) ([]byte, error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	return bytesOf(C.oe_log_ask(l.log, what, C.uint64_t(from), C.uint64_t(to), path))
}

// VerifierKey is the key, name+id+key, with which outside verifiers verify this log's checkpoints. They have to get it
// over another channel.
func (l *Log) VerifierKey() (string, error) {
	found, err := l.ask(C.OE_VERIFIER_KEY, 0, 0, "")
	return textOf(found), err
}

// Checkpoint is the newest signed checkpoint: every entry that has an index is covered by it.
func (l *Log) Checkpoint() (string, error) {
	found, err := l.ask(C.OE_CHECKPOINT, 0, 0, "")
	return textOf(found), err
}

// Cosigned is the newest checkpoint that witnesses cosigned, or empty if none was cosigned yet.
func (l *Log) Cosigned() (string, error) {
	found, err := l.ask(C.OE_COSIGNED, 0, 0, "")
	return textOf(found), err
}

// KeepCosigned keeps the cosignatures of a checkpoint of this log, which has to be an executor's.
func (l *Log) KeepCosigned(note string) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	return asked(C.oe_keep_cosigned(l.log, note))
}

// Prove is the portable receipt of an entry, for VerifyEvidence.
func (l *Log) Prove(index uint64) (string, error) {
	found, err := l.ask(C.OE_PROVE, index, 0, "")
	return textOf(found), err
}

// Consistency is the hashes that show that the tree of to entries grew out of that of from (RFC 9162, 2.1.4).
func (l *Log) Consistency(from, to uint64) ([]Digest, error) {
	found, err := l.ask(C.OE_CONSISTENCY, from, to, "")
	hashes := make([]Digest, len(found)/32)
	for i := range hashes {
		copy(hashes[i][:], found[32*i:])
	}
	return hashes, err
}

// Resource is what C2SP tlog-tiles serves under a path, such as tile/0/000, or nil if there is no such file.
func (l *Log) Resource(path string) ([]byte, error) { return l.ask(C.OE_RESOURCE, 0, 0, path) }
