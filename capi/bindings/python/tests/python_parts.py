# SPDX-License-Identifier: Apache-2.0
"""All four parts and the clock, as Python programs would write them; in memory."""
import hashlib
import threading

import openexec
from openexec import Code, OpenExecError, parts

CLAIMED, SEALED, IN_DOUBT = 1, 2, 3


class MemoryLog:
    """A log apart from its store."""

    def __init__(self):
        self._lock = threading.RLock()
        self._lines, self._attempts, self._latest = [], {}, 0

    def append(self, entry):
        with self._lock:
            if not 1 <= len(entry.json.encode()) <= 65_535:
                raise OpenExecError(Code.INVALID_ARGUMENT, "entry: 1 to 65,535 bytes")
            self._latest = max(self._latest, entry.at_us)
            if entry.attempt in self._attempts:
                return self._attempts[entry.attempt]
            index = self._put(entry.json, entry.exec_id)
            if entry.attempt != bytes(32):
                self._attempts[entry.attempt] = index
            return index

    def _put(self, json, exec_id):
        leaf = hashlib.sha256(b"\x00" + json.encode()).digest()
        self._lines.append((exec_id, parts.Line(len(self._lines), leaf, json)))
        return len(self._lines) - 1

    def count(self):
        return len(self._lines)

    def read(self, first, count):
        with self._lock:
            return [line for _, line in self._lines[first:first + count]]

    def find(self, exec_id, count):
        with self._lock:
            return [line for of, line in self._lines if of == exec_id][:count]


class MemoryStore:
    """A store that is an outbox for a log apart."""

    def __init__(self):
        self._lock = threading.RLock()
        self._records, self._spent, self._pinned, self._unlogged, self._latest = {}, {}, {}, {}, 0

    def claim(self, claim):
        with self._lock:
            known = self._records.get((claim.tenant, claim.nonce))
            if known is not None:
                return known if known.request_hash == claim.request_hash else parts.NONCE_CONFLICT
            if claim.approval_id and (claim.tenant, claim.approval_id) in self._spent:
                return parts.APPROVAL_SPENT
            if claim.approval_id:
                self._spent[claim.tenant, claim.approval_id] = claim.nonce
            self._records[claim.tenant, claim.nonce] = parts.Record(
                claim.tenant, claim.nonce, claim.action, claim.exec_id, claim.request_hash, claim.approval_digest,
                claim.approval)
            self._latest = max(self._latest, claim.at_us)
            return parts.FRESH

    def find(self, tenant, nonce):
        with self._lock:
            return self._records.get((tenant, nonce))

    def seal(self, seal):
        with self._lock:
            known = self._records.get((seal.tenant, seal.nonce))
            if known is None or known.state == SEALED or known.exec_id != seal.exec_id or (
                    known.state == IN_DOUBT and seal.state != SEALED):
                raise OpenExecError(Code.INVALID_ARGUMENT, "seal: is not claimed")
            entry = self._log_seal(seal)
            self._records[seal.tenant, seal.nonce] = parts.Record(
                known.tenant, known.nonce, known.action, known.exec_id, known.request_hash, known.approval_digest,
                known.approval, seal.result, -1 if entry is None else entry, seal.state, seal.code, seal.effect)
            self._latest = max(self._latest, seal.at_us)
            return entry

    def _log_seal(self, seal):
        self._unlogged[seal.tenant, seal.nonce] = seal

    def unlogged(self):
        with self._lock:
            return list(self._unlogged.values())

    def logged(self, tenant, nonce, index):
        with self._lock:
            self._unlogged.pop((tenant, nonce), None)
            known = self._records.get((tenant, nonce))
            if known is not None:
                self._records[tenant, nonce] = parts.Record(
                    known.tenant, known.nonce, known.action, known.exec_id, known.request_hash, known.approval_digest,
                    known.approval, known.result, index, known.state, known.code, known.effect)

    def orphans(self):
        with self._lock:
            return [record for record in self._records.values() if record.state == CLAIMED]

    def pin(self, key, value):
        with self._lock:
            if self._pinned.setdefault(key, value) != value:
                raise OpenExecError(Code.STORE_FAILED, "pin: another value")

    def latest(self):
        return self._latest

    def ready(self):
        pass


class MemoryLedger(MemoryStore):
    """A store that is its own log."""

    def __init__(self):
        super().__init__()
        self._log = MemoryLog()
        self._controls = {}
        self.unlogged = self.logged = None

    def _log_seal(self, seal):
        return self._log._put(seal.entry, seal.exec_id)

    def append(self, entry):
        return self._log.append(entry)

    def count(self):
        return self._log.count()

    def read(self, first, count):
        return self._log.read(first, count)

    def find_lines(self, exec_id, count):
        return self._log.find(exec_id, count)

    def latest(self):
        return max(self._latest, self._log._latest)

    def control(self, change):
        with self._lock:
            name = parts.ControlName(openexec.Control(change.control), change.id, change.tenant)
            if change.active:
                self._controls[change.control, change.id, change.tenant] = name
            else:
                self._controls.pop((change.control, change.id, change.tenant), None)
            return self._log._put(change.entry, bytes(32))

    def controls(self):
        with self._lock:
            return [self._controls[key] for key in sorted(self._controls)]


class OneWord:
    """A verifier that wants to hear a word."""

    profile = "one-word"

    def verify(self, proposal, now_us):
        artifact = proposal.artifact
        if artifact is None:
            raise openexec.Refused(Code.APPROVAL_MISSING, "no artifact")
        if artifact.get("word") != "please":
            raise openexec.Refused(Code.APPROVAL_SIGNATURE_INVALID, "not the word")
        return parts.Approval(artifact["id"], ["word-key"], artifact.get("issued_at_us"))


class Fixed:
    """A clock that stands still."""

    def __init__(self, at_us=1_772_366_400_000_000):
        self.at_us = at_us

    def now_us(self):
        return self.at_us


class Lengths:
    """A hasher of another kind: each part behind its length."""

    name = "lengths-sha256"

    def canonical(self, action, payload):
        return b"%d:%s%d:%s" % (len(action.encode()), action.encode(), len(payload.encode()), payload.encode())

    def digest(self, data):
        return hashlib.sha256(data).digest()
