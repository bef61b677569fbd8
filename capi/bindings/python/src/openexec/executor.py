"""The boundary: an executor, its handlers, and its log."""
from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from . import parts
from ._ffi import Str, call, digest_hex, encoded, ffi, lib, taken, text
from .codes import Code
from .errors import Failed, NoEffect, error_for
from .values import Json, Outcome, Payload, dumps, object_text


@dataclasses.dataclass(frozen=True, slots=True)
class Demo:
    """WEAK: verifies nothing, so that everybody may run everything. For demonstrations."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clawshield:
    """Requires approvals of profile clawshield-v1. An empty key or tenant refuses every request."""

    public_key: str
    tenant: str


class Cancellation:
    """A flag for handlers to look at. Setting it stops nothing by itself."""

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle = ffi.new("openexec_cancellation **")
        call(lib.openexec_cancellation_create, self._handle)

    def __del__(self, destroy: Any = lib.openexec_cancellation_destroy) -> None:
        destroy(self._handle)

    def cancel(self) -> None:
        call(lib.openexec_cancellation_cancel, self._handle[0])

    @property
    def cancelled(self) -> bool:
        return bool(lib.openexec_cancellation_cancelled(self._handle[0]))


class Invocation:
    """One call of a handler. It may be kept; `cancelled` looks at the flag only while the handler runs."""

    __slots__ = ("_c", "action", "deadline_ns", "exec_id", "payload_json", "tenant")

    def __init__(self, c: Any) -> None:
        self._c = c
        self.exec_id = text(c.exec_id)  # the same on every attempt: pass it downstream as the idempotency key
        self.action = text(c.action)
        self.payload_json = text(c.payload)  # RFC 8785 form of what was approved
        self.tenant = text(c.tenant)
        self.deadline_ns = int(c.deadline_ns)  # on the executor's monotonic clock

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.payload_json))

    @property
    def cancelled(self) -> bool:
        c = self._c
        return c is not None and bool(lib.openexec_cancellation_cancelled(c.cancellation))


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """An interrupted call, of which a reconcile function knows or finds out whether it took place."""

    exec_id: str
    action: str
    tenant: str


Handler = Callable[[Invocation], Any]
Reconcile = Callable[[Settlement], Any]
H = TypeVar("H", bound=Handler)

RESULT, FAILED, FAILED_NO_EFFECT, IN_DOUBT = 1, 2, 3, 4
_interrupts = threading.local()  # a KeyboardInterrupt in a handler is raised again once C has returned


def _answer(function: Callable[[Any], Any], given: Any, result: Any, detail: Any) -> int:
    try:
        value = function(given)
    except NoEffect as no:
        parts.write(detail, str(no))
        return FAILED_NO_EFFECT
    except Failed as no:
        parts.write(detail, str(no))
        return FAILED
    except BaseException as why:  # nobody knows how far it came; its text may hold what no detail may
        if not isinstance(why, Exception):
            _interrupts.pending = why
        parts.write(detail, f"the handler raised {type(why).__name__}")
        return IN_DOUBT
    try:
        parts.write(result, str(value) if isinstance(value, Json) else dumps(value, "result"))
    except BaseException as why:  # it took place; what is not JSON becomes result_invalid
        parts.write(detail, f"the result: {type(why).__name__}")
    return RESULT


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_answer(void *, const openexec_invocation *, openexec_sink *, openexec_sink *)", error=IN_DOUBT)
def _run(handle: Any, c: Any, result: Any, detail: Any) -> int:
    invocation = Invocation(c)
    try:
        return _answer(ffi.from_handle(handle)[0], invocation, result, detail)
    finally:
        invocation._c = None


@ffi.callback(  # type: ignore[untyped-decorator]
    "openexec_answer(void *, const openexec_settlement *, openexec_sink *, openexec_sink *)", error=IN_DOUBT)
def _reconcile(handle: Any, c: Any, result: Any, detail: Any) -> int:
    settlement = Settlement(text(c.exec_id), text(c.action), text(c.tenant))
    return _answer(ffi.from_handle(handle)[1], settlement, result, detail)


@dataclasses.dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of a log. leaf_hash is RFC 6962's, in hex."""

    index: int
    leaf_hash: str
    json: str

    @property
    def entry(self) -> dict[str, Any]:
        return dict(json.loads(self.json))


@ffi.callback("int32_t(void *, const openexec_log_line *)", error=1)  # type: ignore[untyped-decorator]
def _visit(handle: Any, line: Any) -> int:
    ffi.from_handle(handle).append(LogLine(int(line.index), digest_hex(line.leaf_hash), text(line.json)))
    return 0


class Log:
    """A log, to read; beside a running executor, or from an archived file."""

    _PAGE = 512

    def __init__(self, url: str) -> None:
        self._handle = ffi.new("openexec_log **")
        call(lib.openexec_log_open, Str(url, "url").view, self._handle)

    @classmethod
    def _of(cls, executor: Any) -> Log:
        made = cls.__new__(cls)
        made._handle = ffi.new("openexec_log **")
        call(lib.openexec_executor_log, executor, made._handle)
        return made

    def __del__(self, destroy: Any = lib.openexec_log_destroy) -> None:
        destroy(self._handle)

    def __len__(self) -> int:
        entries = ffi.new("uint64_t *")
        call(lib.openexec_log_count, self._handle[0], entries)
        return int(entries[0])

    def read(self, first: int = 0, count: int = _PAGE) -> list[LogLine]:
        """Up to `count` entries from `first` on."""
        return self._collect(lib.openexec_log_read, first, count)

    def find(self, exec_id: str, count: int = 100) -> list[LogLine]:
        """The entries of one execution."""
        digest = ffi.new("openexec_digest *")
        call(lib.openexec_digest_from_hex, Str(exec_id, "exec_id").view, digest)
        return self._collect(lib.openexec_log_find, digest, count)

    def _collect(self, function: Any, *arguments: Any) -> list[LogLine]:
        found: list[LogLine] = []
        handle = ffi.new_handle(found)
        call(function, self._handle[0], *arguments, _visit, handle)
        return found

    def __iter__(self) -> Iterator[LogLine]:
        first = 0
        while page := self.read(first):
            yield from page
            first += len(page)


class Limits:
    """Names of the limits (openexec.h, OPENEXEC_LIMIT_...), for Executor(limits={...})."""

    REQUEST_BYTES = 1
    REQUEST_DEPTH = 2
    RESULT_BYTES = 3
    IN_FLIGHT = 4
    REFUSALS_PER_SECOND = 5
    WAIT_MS = 6
    ISSUED_AHEAD_SECONDS = 7


class _Frame:
    """What one call needs on C's side. Frames are used again: making one costs more than the call."""

    __slots__ = ("error", "request")

    def __init__(self) -> None:
        self.request = ffi.new("openexec_request *")
        self.request.size = ffi.sizeof("openexec_request")
        self.error = ffi.new("openexec_error **")


_frames: list[_Frame] = []


class Executor:
    """A deterministic execution boundary.

    Handlers are registered first; open(), or `with`, seals them and opens the ledger:

        executor = Executor(ledger="sqlite:///ledger.db", verifier=Clawshield(key, tenant))

        @executor.handler("send_email")
        def send_email(call): ...

        with executor:
            outcome = executor.execute("send_email", {"to": "ada@example.com"}, nonce="order-1", approval=artifact)

    Any number of threads may execute. close() lets no call begin any more; calls that are inside finish as usual, and
    the last of them closes the ledger.
    """

    def __init__(self, *, ledger: str | parts.Store, verifier: Demo | Clawshield | parts.Verifier,
                 tenant: str = "default", name: str = "openexec", allowed_actions: Iterable[str] | None = None,
                 limits: Mapping[int, int] | None = None, log: parts.Log | None = None,
                 hasher: parts.Hasher | None = None, clock: parts.Clock | None = None, workers: int = 32) -> None:
        self._lock = threading.Lock()
        self._handle: Any = None
        self._state = "new"
        self._inside = 0
        self._handlers: set[str] = set()
        self._workers = workers
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._config = ffi.new("openexec_config **")
        call(lib.openexec_config_create, self._config)
        config = self._config[0]
        call(lib.openexec_config_set_tenant, config, Str(tenant, "tenant").view)
        call(lib.openexec_config_set_executor_name, config, Str(name, "name").view)
        if allowed_actions is not None:
            keep = [Str(action, "allowed_actions") for action in _several(allowed_actions)]
            call(lib.openexec_config_set_allowed_actions, config, [part.view for part in keep], len(keep))
        for limit, value in (limits or {}).items():
            call(lib.openexec_config_set_limit, config, limit, value)
        if isinstance(ledger, str):
            call(lib.openexec_config_set_ledger_url, config, Str(ledger, "ledger").view)
        elif isinstance(ledger, parts.Store):
            parts.set_store(config, ledger)
        else:
            raise TypeError("ledger: must be a URL or a Store")
        if isinstance(verifier, Demo):
            call(lib.openexec_config_set_demo_verifier, config)
        elif isinstance(verifier, Clawshield):
            call(lib.openexec_config_set_clawshield_verifier, config, Str(verifier.public_key, "public_key").view,
                 Str(verifier.tenant, "tenant").view)
        elif isinstance(verifier, parts.Verifier):
            parts.set_verifier(config, verifier)
        else:
            raise TypeError("verifier: must be Demo(), Clawshield(...) or a Verifier")
        if log is not None:
            parts.set_log(config, log)
        if hasher is not None:
            parts.set_hasher(config, hasher)
        if clock is not None:
            parts.set_clock(config, clock)

    # --- before it is open ---

    def handler(self, action: str, *, reconcile: Reconcile | None = None,
                deadline_ms: int = 0) -> Callable[[H], H]:
        """Registers what an action runs: a decorator.

        The function gets an Invocation and returns the result: anything that is strict JSON. It raises NoEffect or
        Failed to say that it failed; whatever else it raises leaves the nonce in doubt. `reconcile` is asked on
        recovery whether an interrupted call took place: it returns the result, raises NoEffect for "no", and anything
        else for "unknown".
        """

        def register(function: H) -> H:
            if not callable(function):
                raise TypeError("a handler is a function")
            for given in (function, reconcile):
                if inspect.iscoroutinefunction(given):
                    raise TypeError("a handler is no coroutine: it runs on the thread that called execute")
            with self._lock:
                self._require("new", "handlers are sealed once the executor was opened")
                parts._set(lambda config, table, why: lib.openexec_config_add_handler(
                    config, Str(action, "action").view, table, why), self._config[0], (function, reconcile),
                    "openexec_handler_table", run=_run, deadline_ms=deadline_ms,
                    **({"reconcile": _reconcile} if reconcile is not None else {}))
                self._handlers.add(action)
            return function

        return register

    def open(self) -> Executor:
        """Seals the handlers, opens the ledger, and recovers what an earlier process left behind."""
        with self._lock:
            self._require("new", "an executor is opened once")
            handle = ffi.new("openexec_executor **")
            call(lib.openexec_executor_create, self._config[0], handle)
            lib.openexec_config_destroy(self._config)
            self._handle, self._state = handle, "open"
        return self

    def _require(self, state: str, why: str) -> None:
        if self._state != state:
            raise error_for(Code.INVALID_ARGUMENT, f"executor: is {self._state}; {why}")

    # --- its life ---

    def __enter__(self) -> Executor:
        return self.open() if self._state == "new" else self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Executor:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """No call begins any more. May be called again, and from a handler."""
        with self._lock:
            if self._state == "closed":
                return
            self._state = "closed"
            pool, self._pool = self._pool, None
            ends = self._inside == 0
        if pool is not None:
            pool.shutdown(wait=False)
        if ends:
            self._end()

    def _end(self) -> None:
        lib.openexec_config_destroy(self._config)
        if self._handle is not None:
            lib.openexec_executor_destroy(self._handle)

    def __del__(self) -> None:
        if getattr(self, "_state", "closed") != "closed":
            self.close()

    def _enter(self) -> Any:
        with self._lock:
            if self._state != "open":
                self._require("open", "open() it first" if self._state == "new" else "no call may begin")
            self._inside += 1
            return self._handle[0]

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            ends = self._inside == 0 and self._state == "closed"
        if ends:
            self._end()

    # --- executing ---

    def execute(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                max_wait_ms: int = 0, cancellation: Cancellation | None = None) -> Outcome:
        """One attempt. Returns only a yes: the action was approved, ran and returned a result, now or in the attempt
        that this one replays. Every no is raised, with its outcome."""
        outcome = self.attempt(action, payload, nonce=nonce, approval=approval, max_wait_ms=max_wait_ms,
                               cancellation=cancellation)
        return outcome if outcome.code is Code.OK else outcome.require()

    def attempt(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                max_wait_ms: int = 0, cancellation: Cancellation | None = None) -> Outcome:
        """One attempt, answered with its outcome whatever it is. Raises only where there is none: Invalid."""
        from_buffer = ffi.from_buffer
        keep = (from_buffer(encoded(action, "action")), from_buffer(object_text(payload, "payload")),
                from_buffer(encoded(nonce, "nonce")), from_buffer(object_text(approval, "approval_artifact")))
        options: Any = ffi.NULL
        if max_wait_ms or cancellation is not None:
            options = _options(max_wait_ms, cancellation)
        try:
            frame = _frames.pop()
        except IndexError:
            frame = _Frame()
        request = frame.request
        for place, data in zip((request.action, request.payload, request.nonce, request.approval_artifact), keep):
            place.data = data
            place.size = len(data)
        outcome = ffi.new("openexec_outcome **")
        executor = self._enter()
        try:
            code = lib.openexec_executor_execute(executor, request, options, outcome, frame.error)
        finally:
            self._leave()
        return _answered(code, outcome, frame)

    def attempt_json(self, request: str | bytes, *, nonce: str = "", max_wait_ms: int = 0,
                     cancellation: Cancellation | None = None) -> Outcome:
        """The same from one JSON object with the members action, payload, nonce and approval_artifact."""
        given = Str(request, "request")
        beside = Str(nonce, "nonce")
        options = _options(max_wait_ms, cancellation, beside)
        frame = _Frame()
        outcome = ffi.new("openexec_outcome **")
        executor = self._enter()
        try:
            code = lib.openexec_executor_execute_json(executor, given.view, options, outcome, frame.error)
        finally:
            self._leave()
        return _answered(code, outcome, frame)

    async def execute_async(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                            max_wait_ms: int = 0) -> Outcome:
        """execute on a thread of its own. Cancelling the task sets the flag that the handler can look at; an attempt
        that has begun is not undone by it, and its outcome is told again to who asks with the same nonce."""
        return (await self.attempt_async(action, payload, nonce=nonce, approval=approval,
                                         max_wait_ms=max_wait_ms)).require()

    async def attempt_async(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                            max_wait_ms: int = 0) -> Outcome:
        """attempt on a thread of its own."""
        with self._lock:
            self._require("open", "no call may begin")
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(self._workers, thread_name_prefix="openexec")
            pool = self._pool
        cancellation = Cancellation()
        future = asyncio.get_running_loop().run_in_executor(
            pool, lambda: self.attempt(action, payload, nonce=nonce, approval=approval, max_wait_ms=max_wait_ms,
                                       cancellation=cancellation))
        try:
            return await future
        except asyncio.CancelledError:
            cancellation.cancel()
            raise

    # --- operating ---

    def halt(self) -> None:
        """Once it has returned no handler is started, until resume()."""
        self._operate(lib.openexec_executor_halt)

    def resume(self) -> None:
        self._operate(lib.openexec_executor_resume)

    @property
    def halted(self) -> bool:
        executor = self._enter()
        try:
            return bool(lib.openexec_executor_halted(executor))
        finally:
            self._leave()

    def ready(self) -> None:
        """Raises what is in the way of an execution now."""
        self._operate(lib.openexec_executor_ready)

    def recover(self) -> dict[str, int]:
        """Finds what another process of a shared store left behind since: in_doubt, settled, relogged."""
        found = ffi.new("openexec_recovery *", {"size": ffi.sizeof("openexec_recovery")})
        self._operate(lib.openexec_executor_recover, found)
        return {name: int(getattr(found, name)) for name in ("in_doubt", "settled", "relogged")}

    def recovered(self) -> dict[str, int]:
        """What was recovered when the executor was opened."""
        found = ffi.new("openexec_recovery *", {"size": ffi.sizeof("openexec_recovery")})
        self._operate(lib.openexec_executor_recovered, found)
        return {name: int(getattr(found, name)) for name in ("in_doubt", "settled", "relogged")}

    def log(self) -> Log:
        """The executor's log. It stays readable after close()."""
        executor = self._enter()
        try:
            return Log._of(executor)
        finally:
            self._leave()

    def _operate(self, function: Any, *arguments: Any) -> None:
        executor = self._enter()
        try:
            call(function, executor, *arguments)
        finally:
            self._leave()


def _several(actions: Iterable[str]) -> list[str]:
    if isinstance(actions, (str, bytes)):
        raise TypeError("allowed_actions: a list of names, not one string")
    return list(actions)


def _options(max_wait_ms: int, cancellation: Cancellation | None, nonce: Str | None = None) -> Any:
    options = ffi.new("openexec_call_options *")
    options.size = ffi.sizeof("openexec_call_options")
    options.max_wait_ms = max_wait_ms
    if cancellation is not None:
        options.cancellation = cancellation._handle[0]
    if nonce is not None:
        options.nonce = nonce.view
    return options


def _answered(code: int, outcome: Any, frame: _Frame) -> Outcome:
    pending = getattr(_interrupts, "pending", None)
    if pending is not None:
        _interrupts.pending = None
    if outcome[0] == ffi.NULL:
        raise taken(code, frame.error)
    if code != 0:
        lib.openexec_error_destroy(frame.error)
    if len(_frames) < 256:
        _frames.append(frame)
    answer = Outcome(outcome, code)
    if pending is not None:
        raise pending
    return answer
