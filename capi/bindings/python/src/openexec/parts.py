# SPDX-License-Identifier: Apache-2.0
"""Parts of your own: verifiers, clocks, hashers, stores and logs as Python objects (docs/contracts.md).

What a part raises is caught at the border. A verifier, a store or a log that raises has said no. A clock or a hasher
cannot say no: one that raises ends the process, because an executor without a time or a digest has no safe answer.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from ._ffi import abort, call, callback, ffi, interrupted, keep, lend, lib, local, raw, text
from .codes import Code, Control
from .errors import OpenExecError
from .values import Proposal

def write(sink: Any, value: str | bytes) -> bool:
    data = ffi.from_buffer(value.encode("utf-8", "replace") if isinstance(value, str) else value)
    return bool(lib.openexec_sink_write(sink, (data, len(data))) == 0)


def _digest(view: Any) -> bytes:
    return bytes(ffi.buffer(view.bytes, 32))


def _put_digest(place: Any, value: bytes) -> None:
    if len(value) != 32:
        raise ValueError("a digest has 32 bytes")
    ffi.buffer(place.bytes, 32)[:] = value


@dataclasses.dataclass(frozen=True, slots=True)
class Approval:
    """What a verifier found: the id is spent together with the nonce; the keys are in the log entry.

    issued_at_us is when it was issued, in microseconds since 1970, where the artifact says so: a store with a floor, such
    as a ledger that was adopted, takes no approval without it.
    """

    id: str
    keys: Sequence[str] = ()
    issued_at_us: int | None = None


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
    """An entry on its way into a log. A second append of an `attempt` that is not zero answers the first one's index."""

    json: str  # 1 to 65,535 bytes; anything else is to be refused
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
    predecessor: str = ""
    max_per_minute: int = 0


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


@dataclasses.dataclass(frozen=True, slots=True)
class ControlChange:
    """A change of what stands, with the entry that records who ordered it."""

    control: int
    active: bool
    id: str
    tenant: str
    entry: str
    at_us: int


@dataclasses.dataclass(frozen=True, slots=True)
class ControlName:
    """A control that stands: at most one of each."""

    control: Control
    id: str = ""
    tenant: str = ""


FRESH, APPROVAL_SPENT, NONCE_CONFLICT = "fresh", "approval_spent", "nonce_conflict"
OUT_OF_ORDER, RATE_REACHED = "out_of_order", "rate_reached"


@runtime_checkable
class Store(Protocol):
    """The contract that carries "at most once" (docs/contracts.md). Called from any thread, concurrently.

    claim answers FRESH, APPROVAL_SPENT or NONCE_CONFLICT, or the Record that exists; a store with `keeps_terms = True`
    holds claims to `predecessor` and `max_per_minute` as well, and answers OUT_OF_ORDER or RATE_REACHED. seal answers
    the entry's index where the store is its own log (then it has append, count, read and find_lines as well, as Log
    describes them), and None where it is not (then it has unlogged() -> Seals, and logged(tenant, nonce, index)).
    A store may have control(ControlChange) -> index or None, and controls() -> ControlNames: else orders last as long
    as the executor. A store that was copied or restored, and may have lost what was spent, has floor() -> the time up to
    which issued approvals count no more, in microseconds since 1970, or None; a store in front of another one forwards it.
    """

    def claim(self, claim: Claim) -> str | Record: ...

    def find(self, tenant: str, nonce: str) -> Record | None: ...

    def seal(self, seal: Seal) -> int | None: ...

    def orphans(self) -> Iterable[Record]: ...

    def pin(self, key: str, value: str) -> None: ...

    def latest(self) -> int: ...

    def ready(self) -> None: ...


def guarded(otherwise: int, sink: Any, body: Callable[[], None]) -> int:
    """A callback that can fail. A code of its own is for OpenExecError; details of others are their type alone."""
    try:
        body()
        return 0
    except OpenExecError as no:
        write(sink, no.detail)
        return int(no.code) or otherwise
    except BaseException as why:  # nothing may cross the border
        local.cause = why
        interrupted(why)
        write(sink, f"raised {type(why).__name__}")
        return otherwise


def _cannot_fail(body: Callable[[], Any]) -> Any:
    """For parts that are pure, so that they may be asked again. What a signal raised is raised once C has returned."""
    problem: BaseException | None = None
    for _ in range(8):
        try:
            answer = body()
        except BaseException as why:
            problem = why
            continue
        if problem is not None:
            keep(problem)
        return answer
    if problem is not None:
        abort(problem)


# --- verifiers ---


@callback("openexec_code(void *, const openexec_proposal *, int64_t, openexec_approval *, openexec_sink *)", error=117)
def _verify(handle: Any, proposal: Any, now_us: int, approval: Any, detail: Any) -> int:
    def body() -> None:
        lent = Proposal._borrow(ffi.cast("openexec_proposal *", proposal))
        try:
            found = ffi.from_handle(handle).verify(lent, now_us)
        finally:
            lent._handle[0] = ffi.NULL  # it is valid during the call only, even if the verifier keeps the object
        if not isinstance(found, Approval):
            raise OpenExecError(Code.APPROVAL_MALFORMED, "the verifier returned no Approval")
        if lib.openexec_approval_set_id(approval, lend(found.id, "id")) != 0:
            raise OpenExecError(Code.APPROVAL_MALFORMED, "the approval's id is refused")
        issued = found.issued_at_us
        if issued is not None and lib.openexec_approval_set_issued_at(approval, issued) != 0:
            raise OpenExecError(Code.APPROVAL_MALFORMED, "when the approval was issued is refused")
        for key in found.keys:
            if lib.openexec_approval_add_key(approval, lend(key, "key")) != 0:
                raise OpenExecError(Code.APPROVAL_MALFORMED, "a key of the approval is refused")

    return guarded(Code.APPROVAL_SIGNATURE_INVALID, detail, body)


@callback("openexec_code(void *, openexec_sink *)", error=300)
def _verifier_ready(handle: Any, detail: Any) -> int:
    part = ffi.from_handle(handle)
    return guarded(Code.STORE_FAILED, detail, getattr(part, "ready", lambda: None))


def set_verifier(config: Any, part: Verifier, alive: list[Any]) -> None:
    profile = lend(part.profile, "profile")
    set_part(lib.openexec_config_set_verifier, config, part, alive, "openexec_verifier_table",
             profile=profile, verify=_verify, ready=_verifier_ready)


# --- clocks ---


@callback("int64_t(void *)", fatal=True)
def _now_us(handle: Any) -> int:
    return int(_cannot_fail(lambda: _int64(ffi.from_handle(handle).now_us())))


@callback("int64_t(void *)", fatal=True)
def _monotonic_ns(handle: Any) -> int:
    return int(_cannot_fail(lambda: _int64(ffi.from_handle(handle).monotonic_ns())))


def _int64(value: Any) -> int:
    if not isinstance(value, int) or not -2**63 <= value < 2**63:
        raise ValueError("not an integer of 64 bits")
    return value


def set_clock(config: Any, part: Clock, alive: list[Any]) -> None:
    extra = {"monotonic_ns": _monotonic_ns} if hasattr(part, "monotonic_ns") else {}
    set_part(lib.openexec_config_set_clock, config, part, alive, "openexec_clock_table", now_us=_now_us, **extra)


# --- hashers ---


@callback("void(void *, const openexec_str *, const openexec_str *, openexec_sink *)", fatal=True)
def _canonical(handle: Any, action: Any, payload: Any, sink: Any) -> None:
    _cannot_fail(lambda: write(sink, ffi.from_handle(handle).canonical(text(action), text(payload))))


@callback("void(void *, const openexec_str *, openexec_digest *)", fatal=True)
def _digest_of(handle: Any, data: Any, digest: Any) -> None:
    _cannot_fail(lambda: _put_digest(digest, ffi.from_handle(handle).digest(raw(data))))


def set_hasher(config: Any, part: Hasher, alive: list[Any]) -> None:
    name = lend(part.name, "name")
    set_part(lib.openexec_config_set_hasher, config, part, alive, "openexec_hasher_table", name=name, canonical=_canonical,
             digest=_digest_of)


# --- logs ---


def _put_lines(lines: Any, found: Iterable[Line]) -> None:
    given = ffi.new("openexec_log_line *")
    given.size = ffi.sizeof("openexec_log_line")
    for line in found:
        body = lend(line.json)
        given.index, given.json = line.index, body
        _put_digest(given.leaf_hash, line.leaf_hash)
        if lib.openexec_lines_put(lines, given) != 0:
            return  # the library remembers that it was not taken


@callback("openexec_code(void *, const openexec_new_entry *, uint64_t *, openexec_sink *)", error=300)
def _append(handle: Any, entry: Any, index: Any, detail: Any) -> int:
    def body() -> None:
        index[0] = ffi.from_handle(handle).append(
            Entry(text(entry.json), _digest(entry.exec_id), _digest(entry.attempt), entry.at_us))

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, uint64_t *, openexec_sink *)", error=300)
def _count(handle: Any, entries: Any, detail: Any) -> int:
    def body() -> None:
        entries[0] = ffi.from_handle(handle).count()

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, uint64_t, uint64_t, openexec_lines *, openexec_sink *)", error=300)
def _read(handle: Any, first: int, count: int, lines: Any, detail: Any) -> int:
    return guarded(Code.STORE_FAILED, detail,
                    lambda: _put_lines(lines, ffi.from_handle(handle).read(first, count)))


@callback("openexec_code(void *, const openexec_digest *, uint64_t, openexec_lines *, openexec_sink *)", error=300)
def _find_lines(handle: Any, exec_id: Any, count: int, lines: Any, detail: Any) -> int:
    part = ffi.from_handle(handle)
    find = part.find_lines if hasattr(part, "find_lines") else part.find  # a store's find is another
    return guarded(Code.STORE_FAILED, detail, lambda: _put_lines(lines, find(_digest(exec_id), count)))


_LOG = {"append": _append, "count": _count, "read": _read, "find": _find_lines}


def set_log(config: Any, part: Log, alive: list[Any]) -> None:
    set_part(lib.openexec_config_set_log, config, part, alive, "openexec_log_table", **_LOG)


# --- stores ---

_CLAIMED = {NONCE_CONFLICT: 2, APPROVAL_SPENT: 3, FRESH: 4, OUT_OF_ORDER: 5, RATE_REACHED: 6}


def _put_record(records: Any, record: Record) -> None:
    if not isinstance(record, Record):
        raise TypeError("no Record")
    given = ffi.new("openexec_record *")
    given.size = ffi.sizeof("openexec_record")
    keep = {name: lend(getattr(record, name)) for name in ("tenant", "nonce", "action", "approval", "result")}
    for name, value in keep.items():
        setattr(given, name, value)
    for name in ("exec_id", "request_hash", "approval_digest"):
        _put_digest(getattr(given, name), getattr(record, name))
    given.entry, given.state, given.code, given.effect = record.entry, record.state, record.code, record.effect
    lib.openexec_records_put(records, given)  # the library remembers what it did not take


@callback("openexec_code(void *, const openexec_claim *, openexec_claim_answer *, openexec_records *, openexec_sink *)", error=300)
def _claim(handle: Any, claim: Any, claimed: Any, existing: Any, detail: Any) -> int:
    def body() -> None:
        answer = ffi.from_handle(handle).claim(
            Claim(text(claim.tenant), text(claim.nonce), text(claim.action), _digest(claim.exec_id),
                  _digest(claim.request_hash), text(claim.approval_id), _digest(claim.approval_digest),
                  text(claim.approval), claim.at_us, text(claim.predecessor), claim.max_per_minute))
        if isinstance(answer, Record):
            _put_record(existing, answer)
            claimed[0] = 1
        else:
            claimed[0] = _CLAIMED[answer]

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, const openexec_str *, const openexec_str *, openexec_records *, openexec_sink *)", error=300)
def _find(handle: Any, tenant: Any, nonce: Any, found: Any, detail: Any) -> int:
    def body() -> None:
        record = ffi.from_handle(handle).find(text(tenant), text(nonce))
        if record is not None:
            _put_record(found, record)

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, const openexec_seal *, int64_t *, openexec_sink *)", error=300)
def _seal(handle: Any, seal: Any, entry: Any, detail: Any) -> int:
    def body() -> None:
        index = ffi.from_handle(handle).seal(
            Seal(text(seal.tenant), text(seal.nonce), _digest(seal.exec_id), text(seal.result), text(seal.entry),
                 seal.at_us, seal.state, seal.code, seal.effect))
        if index is not None:
            entry[0] = index

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, openexec_records *, openexec_sink *)", error=300)
def _orphans(handle: Any, orphans: Any, detail: Any) -> int:
    def body() -> None:
        for record in ffi.from_handle(handle).orphans():
            _put_record(orphans, record)

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, const openexec_str *, const openexec_str *, openexec_sink *)", error=300)
def _pin(handle: Any, key: Any, value: Any, detail: Any) -> int:
    return guarded(Code.STORE_FAILED, detail, lambda: ffi.from_handle(handle).pin(text(key), text(value)))


@callback("openexec_code(void *, int64_t *, openexec_sink *)", error=300)
def _latest(handle: Any, at_us: Any, detail: Any) -> int:
    def body() -> None:
        at_us[0] = ffi.from_handle(handle).latest()

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, int64_t *, openexec_sink *)", error=300)
def _floor(handle: Any, floor_us: Any, detail: Any) -> int:
    def body() -> None:
        found = ffi.from_handle(handle).floor()
        if found is not None:
            floor_us[0] = found

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, openexec_sink *)", error=300)
def _store_ready(handle: Any, detail: Any) -> int:
    return guarded(Code.STORE_FAILED, detail, lambda: ffi.from_handle(handle).ready())


@callback("openexec_code(void *, openexec_unlogged *, openexec_sink *)", error=300)
def _unlogged(handle: Any, unlogged: Any, detail: Any) -> int:
    def body() -> None:
        given = ffi.new("openexec_unlogged_entry *")
        given.size = ffi.sizeof("openexec_unlogged_entry")
        for seal in ffi.from_handle(handle).unlogged():
            keep = {name: lend(getattr(seal, name)) for name in ("tenant", "nonce", "entry")}
            for name, value in keep.items():
                setattr(given, name, value)
            _put_digest(given.exec_id, seal.exec_id)
            lib.openexec_unlogged_put(unlogged, given)

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, const openexec_str *, const openexec_str *, uint64_t, openexec_sink *)", error=300)
def _logged(handle: Any, tenant: Any, nonce: Any, index: int, detail: Any) -> int:
    return guarded(Code.STORE_FAILED, detail,
                    lambda: ffi.from_handle(handle).logged(text(tenant), text(nonce), index))


@callback("openexec_code(void *, const openexec_control_change *, int64_t *, openexec_sink *)", error=300)
def _control(handle: Any, change: Any, entry: Any, detail: Any) -> int:
    def body() -> None:
        index = ffi.from_handle(handle).control(
            ControlChange(change.control, bool(change.active), text(change.id), text(change.tenant),
                          text(change.entry), change.at_us))
        if index is not None:
            entry[0] = index

    return guarded(Code.STORE_FAILED, detail, body)


@callback("openexec_code(void *, openexec_controls *, openexec_sink *)", error=300)
def _controls(handle: Any, controls: Any, detail: Any) -> int:
    def body() -> None:
        given = ffi.new("openexec_control_name *", {"size": ffi.sizeof("openexec_control_name")})
        for name in ffi.from_handle(handle).controls():
            of, tenant = lend(name.id), lend(name.tenant)
            given.control, given.id, given.tenant = name.control, of, tenant
            lib.openexec_controls_put(controls, given)

    return guarded(Code.STORE_FAILED, detail, body)


def set_store(config: Any, part: Store, alive: list[Any]) -> None:
    members: dict[str, Any] = {"claim": _claim, "find": _find, "seal": _seal, "orphans": _orphans, "pin": _pin,
                               "latest": _latest, "ready": _store_ready}
    log = None  # lives until the table was copied
    members["keeps_terms"] = int(bool(getattr(part, "keeps_terms", False)))
    if hasattr(part, "control"):
        members.update(control=_control, controls=_controls)
    if hasattr(part, "floor"):
        members["floor"] = _floor
    if hasattr(part, "append"):
        log = ffi.new("openexec_log_table *", {"size": ffi.sizeof("openexec_log_table"), **_LOG})
        members["log"] = log
    else:
        members.update(unlogged=_unlogged, logged=_logged)
    set_part(lib.openexec_config_set_store, config, part, alive, "openexec_store_table", **members)


def set_part(setter: Any, config: Any, part: Any, alive: list[Any], table: str, **members: Any) -> None:
    """Sets a table of callbacks. C holds the part weakly: `alive` belongs to the executor, where the collector of
    garbage sees it, and a handler that refers to its executor is collected together with it."""
    handle = ffi.new_handle(part)
    alive.append(handle)
    given = ffi.new(f"{table} *", {"size": ffi.sizeof(table), "self": handle, **members})
    try:
        call(setter, config, given)
    except OpenExecError:  # it was not taken
        alive.remove(handle)
        raise
