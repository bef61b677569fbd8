"""Parts of your own: verifiers, clocks, hashers, stores and logs as Python objects (docs/contracts.md).

What a part raises is caught at the border. A verifier, a store or a log that raises has said no. A clock or a hasher
cannot say no: one that raises ends the process, because an executor without a time or a digest has no safe answer.
"""
from __future__ import annotations

import dataclasses
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from ._ffi import Str, call, ffi, lib, raw, text
from .codes import Code
from .errors import OpenExecError
from .values import Proposal

_alive: dict[Any, Any] = {}  # what C holds, until it calls close


def hand_over(value: Any) -> Any:
    """A `self` for C. It lives until `close`, or until let_go() where the setter failed."""
    handle = ffi.new_handle(value)
    _alive[handle] = value
    return handle


def let_go(handle: Any) -> None:
    _alive.pop(handle, None)


@ffi.callback("void(void *)")  # type: ignore[untyped-decorator]
def close(handle: Any) -> None:
    let_go(handle)


def write(sink: Any, value: str | bytes) -> bool:
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return bool(lib.openexec_sink_write(sink, Str(data).view) == 0)


def _digest(view: Any) -> bytes:
    return bytes(ffi.buffer(view.bytes, 32))


def _put_digest(place: Any, value: bytes) -> None:
    if len(value) != 32:
        raise ValueError("a digest has 32 bytes")
    ffi.buffer(place.bytes, 32)[:] = value


@dataclasses.dataclass(frozen=True, slots=True)
class Approval:
    """What a verifier found: the id is spent together with the nonce; the keys are in the receipt's entry."""

    id: str
    keys: Sequence[str] = ()


@runtime_checkable
class Verifier(Protocol):
    """Answers from the artifact, the proposal, its own configuration and now_us alone. Called from any thread.

    A no is raised: Refused(Code.APPROVAL_EXPIRED, "why"). Any other exception is approval_signature_invalid.
    """

    profile: str

    def verify(self, proposal: Proposal, now_us: int) -> Approval: ...


@runtime_checkable
class Clock(Protocol):
    """Civil time in microseconds since 1970. Called from any thread."""

    def now_us(self) -> int: ...


@runtime_checkable
class Hasher(Protocol):
    """Pure. A ledger that was written under one name does not open under another. Called from any thread."""

    name: str

    def canonical(self, action: str, payload: str) -> bytes: ...

    def digest(self, data: bytes) -> bytes: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """An entry on its way into a log."""

    json: str
    exec_id: bytes
    attempt: bytes
    at_us: int


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """An entry in its place. leaf_hash is SHA-256(0x00 || json)."""

    index: int
    leaf_hash: bytes
    json: str


@runtime_checkable
class Log(Protocol):
    """The append-only record: durable before it answers, indexes without gaps, idempotent per attempt."""

    def append(self, entry: Entry) -> int: ...

    def count(self) -> int: ...

    def read(self, first: int, count: int) -> Iterable[Line]: ...

    def find(self, exec_id: bytes, count: int) -> Iterable[Line]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """What a claim spends, in one durable step."""

    tenant: str
    nonce: str
    action: str
    exec_id: bytes
    request_hash: bytes
    approval_id: str
    approval_digest: bytes
    approval: str
    at_us: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """What a store knows of one nonce. state: 1 claimed, 2 sealed, 3 in doubt."""

    tenant: str
    nonce: str
    action: str
    exec_id: bytes
    request_hash: bytes
    approval_digest: bytes
    approval: str
    result: str = ""
    entry: int = -1
    state: int = 1
    code: int = 200
    effect: int = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Seal:
    """The end of an attempt."""

    tenant: str
    nonce: str
    exec_id: bytes
    result: str
    entry: str
    at_us: int
    state: int
    code: int
    effect: int


FRESH, APPROVAL_SPENT, NONCE_CONFLICT = "fresh", "approval_spent", "nonce_conflict"


@runtime_checkable
class Store(Protocol):
    """The contract that carries "at most once" (docs/contracts.md). Called from any thread, concurrently.

    claim answers FRESH, APPROVAL_SPENT or NONCE_CONFLICT, or the Record that exists. seal answers the entry's index
    where the store is its own log (then it has the methods of Log as well), and None where it is not (then it has
    unlogged() and logged()).
    """

    def claim(self, claim: Claim) -> str | Record: ...

    def find(self, tenant: str, nonce: str) -> Record | None: ...

    def seal(self, seal: Seal) -> int | None: ...

    def orphans(self) -> Iterable[Record]: ...

    def pin(self, key: str, value: str) -> None: ...

    def latest(self) -> int: ...

    def ready(self) -> None: ...


def _guarded(otherwise: int, sink: Any, body: Callable[[], None]) -> int:
    """A callback that can fail. A code of its own is for OpenExecError; details of others are their type alone."""
    try:
        body()
        return 0
    except OpenExecError as no:
        write(sink, no.detail)
        return int(no.code) or otherwise
    except BaseException as why:  # nothing may cross the border
        write(sink, f"raised {type(why).__name__}")
        return otherwise


def _cannot_fail(body: Callable[[], Any]) -> Any:
    try:
        return body()
    except BaseException:
        print("openexec: a callback that cannot fail has failed; the process ends", file=sys.stderr)
        traceback.print_exc()
        sys.stderr.flush()
        os.abort()


# --- verifiers ---


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_proposal *, int64_t, openexec_approval *, openexec_sink *)", error=117)
def _verify(handle: Any, proposal: Any, now_us: int, approval: Any, detail: Any) -> int:
    def body() -> None:
        lent = Proposal._borrow(ffi.cast("openexec_proposal *", proposal))
        try:
            found = ffi.from_handle(handle).verify(lent, now_us)
        finally:
            lent._give_back()
        if not isinstance(found, Approval):
            raise OpenExecError(Code.APPROVAL_MALFORMED, "the verifier returned no Approval")
        if lib.openexec_approval_set_id(approval, Str(found.id).view) != 0:
            raise OpenExecError(Code.APPROVAL_MALFORMED, "the approval's id is refused")
        for key in found.keys:
            if lib.openexec_approval_add_key(approval, Str(key).view) != 0:
                raise OpenExecError(Code.APPROVAL_MALFORMED, "a key of the approval is refused")

    return _guarded(Code.APPROVAL_SIGNATURE_INVALID, detail, body)


@ffi.callback("openexec_code(void *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _verifier_ready(handle: Any, detail: Any) -> int:
    part = ffi.from_handle(handle)
    return _guarded(Code.STORE_FAILED, detail, getattr(part, "ready", lambda: None))


def set_verifier(config: Any, part: Verifier) -> None:
    profile = Str(part.profile, "profile")
    _set(lib.openexec_config_set_verifier, config, part, "openexec_verifier_table",
         profile=profile.view, verify=_verify, ready=_verifier_ready)


# --- clocks ---


@ffi.callback("int64_t(void *)")  # type: ignore[untyped-decorator]
def _now_us(handle: Any) -> int:
    return int(_cannot_fail(lambda: _int64(ffi.from_handle(handle).now_us())))


@ffi.callback("int64_t(void *)")  # type: ignore[untyped-decorator]
def _monotonic_ns(handle: Any) -> int:
    return int(_cannot_fail(lambda: _int64(ffi.from_handle(handle).monotonic_ns())))


def _int64(value: Any) -> int:
    if not isinstance(value, int) or not -2**63 <= value < 2**63:
        raise ValueError("not an integer of 64 bits")
    return value


def set_clock(config: Any, part: Clock) -> None:
    extra = {"monotonic_ns": _monotonic_ns} if hasattr(part, "monotonic_ns") else {}
    _set(lib.openexec_config_set_clock, config, part, "openexec_clock_table", now_us=_now_us, **extra)


# --- hashers ---


@ffi.callback(  # type: ignore[untyped-decorator]
    "void(void *, const openexec_str *, const openexec_str *, openexec_sink *)")
def _canonical(handle: Any, action: Any, payload: Any, sink: Any) -> None:
    _cannot_fail(lambda: write(sink, ffi.from_handle(handle).canonical(text(action), text(payload))))


@ffi.callback("void(void *, const openexec_str *, openexec_digest *)")  # type: ignore[untyped-decorator]
def _digest_of(handle: Any, data: Any, digest: Any) -> None:
    _cannot_fail(lambda: _put_digest(digest, ffi.from_handle(handle).digest(raw(data))))


def set_hasher(config: Any, part: Hasher) -> None:
    name = Str(part.name, "name")
    _set(lib.openexec_config_set_hasher, config, part, "openexec_hasher_table", name=name.view, canonical=_canonical,
         digest=_digest_of)


# --- logs ---


def _put_lines(lines: Any, found: Iterable[Line]) -> None:
    given = ffi.new("openexec_log_line *")
    given.size = ffi.sizeof("openexec_log_line")
    for line in found:
        body = Str(line.json)
        given.index, given.json = line.index, body.view
        _put_digest(given.leaf_hash, line.leaf_hash)
        if lib.openexec_lines_put(lines, given) != 0:
            return  # the library remembers that it was not taken


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_new_entry *, uint64_t *, openexec_sink *)", error=300)
def _append(handle: Any, entry: Any, index: Any, detail: Any) -> int:
    def body() -> None:
        index[0] = ffi.from_handle(handle).append(
            Entry(text(entry.json), _digest(entry.exec_id), _digest(entry.attempt), entry.at_us))

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback("openexec_code(void *, uint64_t *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _count(handle: Any, entries: Any, detail: Any) -> int:
    def body() -> None:
        entries[0] = ffi.from_handle(handle).count()

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, uint64_t, uint64_t, openexec_lines *, openexec_sink *)", error=300)
def _read(handle: Any, first: int, count: int, lines: Any, detail: Any) -> int:
    return _guarded(Code.STORE_FAILED, detail,
                    lambda: _put_lines(lines, ffi.from_handle(handle).read(first, count)))


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_digest *, uint64_t, openexec_lines *, openexec_sink *)", error=300)
def _find_lines(handle: Any, exec_id: Any, count: int, lines: Any, detail: Any) -> int:
    part = ffi.from_handle(handle)
    find = part.find_lines if hasattr(part, "find_lines") else part.find  # a store's find is another
    return _guarded(Code.STORE_FAILED, detail, lambda: _put_lines(lines, find(_digest(exec_id), count)))


_LOG = {"append": _append, "count": _count, "read": _read, "find": _find_lines}


def set_log(config: Any, part: Log) -> None:
    _set(lib.openexec_config_set_log, config, part, "openexec_log_table", **_LOG)


# --- stores ---

_CLAIMED = {NONCE_CONFLICT: 2, APPROVAL_SPENT: 3, FRESH: 4}


def _put_record(records: Any, record: Record) -> None:
    if not isinstance(record, Record):
        raise TypeError("no Record")
    given = ffi.new("openexec_record *")
    given.size = ffi.sizeof("openexec_record")
    keep = {name: Str(getattr(record, name)) for name in ("tenant", "nonce", "action", "approval", "result")}
    for name, value in keep.items():
        setattr(given, name, value.view)
    for name in ("exec_id", "request_hash", "approval_digest"):
        _put_digest(getattr(given, name), getattr(record, name))
    given.entry, given.state, given.code, given.effect = record.entry, record.state, record.code, record.effect
    lib.openexec_records_put(records, given)  # the library remembers what it did not take


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_claim *, openexec_claimed *, openexec_records *, openexec_sink *)", error=300)
def _claim(handle: Any, claim: Any, claimed: Any, existing: Any, detail: Any) -> int:
    def body() -> None:
        answer = ffi.from_handle(handle).claim(
            Claim(text(claim.tenant), text(claim.nonce), text(claim.action), _digest(claim.exec_id),
                  _digest(claim.request_hash), text(claim.approval_id), _digest(claim.approval_digest),
                  text(claim.approval), claim.at_us))
        if isinstance(answer, Record):
            _put_record(existing, answer)
            claimed[0] = 1
        else:
            claimed[0] = _CLAIMED[answer]

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_str *, const openexec_str *, openexec_records *, openexec_sink *)", error=300)
def _find(handle: Any, tenant: Any, nonce: Any, found: Any, detail: Any) -> int:
    def body() -> None:
        record = ffi.from_handle(handle).find(text(tenant), text(nonce))
        if record is not None:
            _put_record(found, record)

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_seal *, int64_t *, openexec_sink *)", error=300)
def _seal(handle: Any, seal: Any, entry: Any, detail: Any) -> int:
    def body() -> None:
        index = ffi.from_handle(handle).seal(
            Seal(text(seal.tenant), text(seal.nonce), _digest(seal.exec_id), text(seal.result), text(seal.entry),
                 seal.at_us, seal.state, seal.code, seal.effect))
        if index is not None:
            entry[0] = index

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback("openexec_code(void *, openexec_records *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _orphans(handle: Any, orphans: Any, detail: Any) -> int:
    def body() -> None:
        for record in ffi.from_handle(handle).orphans():
            _put_record(orphans, record)

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_str *, const openexec_str *, openexec_sink *)", error=300)
def _pin(handle: Any, key: Any, value: Any, detail: Any) -> int:
    return _guarded(Code.STORE_FAILED, detail, lambda: ffi.from_handle(handle).pin(text(key), text(value)))


@ffi.callback("openexec_code(void *, int64_t *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _latest(handle: Any, at_us: Any, detail: Any) -> int:
    def body() -> None:
        at_us[0] = ffi.from_handle(handle).latest()

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback("openexec_code(void *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _store_ready(handle: Any, detail: Any) -> int:
    return _guarded(Code.STORE_FAILED, detail, lambda: ffi.from_handle(handle).ready())


@ffi.callback("openexec_code(void *, openexec_unlogged *, openexec_sink *)", error=300)  # type: ignore[untyped-decorator]
def _unlogged(handle: Any, unlogged: Any, detail: Any) -> int:
    def body() -> None:
        given = ffi.new("openexec_unlogged_entry *")
        given.size = ffi.sizeof("openexec_unlogged_entry")
        for seal in ffi.from_handle(handle).unlogged():
            keep = {name: Str(getattr(seal, name)) for name in ("tenant", "nonce", "entry")}
            for name, value in keep.items():
                setattr(given, name, value.view)
            _put_digest(given.exec_id, seal.exec_id)
            lib.openexec_unlogged_put(unlogged, given)

    return _guarded(Code.STORE_FAILED, detail, body)


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_code(void *, const openexec_str *, const openexec_str *, uint64_t, openexec_sink *)", error=300)
def _logged(handle: Any, tenant: Any, nonce: Any, index: int, detail: Any) -> int:
    return _guarded(Code.STORE_FAILED, detail,
                    lambda: ffi.from_handle(handle).logged(text(tenant), text(nonce), index))


def set_store(config: Any, part: Store) -> None:
    members: dict[str, Any] = {"claim": _claim, "find": _find, "seal": _seal, "orphans": _orphans, "pin": _pin,
                               "latest": _latest, "ready": _store_ready}
    log = None
    if hasattr(part, "append"):
        log = ffi.new("openexec_log_table *", {"size": ffi.sizeof("openexec_log_table"), **_LOG})
        members["log"] = log
    else:
        members.update(unlogged=_unlogged, logged=_logged)
    _set(lib.openexec_config_set_store, config, part, "openexec_store_table", **members)


def _set(setter: Any, config: Any, part: Any, table: str, **members: Any) -> None:
    handle = hand_over(part)
    try:
        given = ffi.new(f"{table} *", {"size": ffi.sizeof(table), "self": handle, "close": close, **members})
        call(setter, config, given)
    except BaseException:
        let_go(handle)
        raise
