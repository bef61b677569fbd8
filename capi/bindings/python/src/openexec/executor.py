# SPDX-License-Identifier: Apache-2.0
"""The boundary: an executor and its handlers."""
from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import dataclasses
import inspect
import json
import os
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from . import _ffi, parts
from ._answers import FAILED_NO_EFFECT, IN_DOUBT, answer
from ._ffi import Held, attach, call, callback, ffi, interrupted, keep, lend, lib, local, owned, raise_interrupt, taken, text
from .codes import Code, Control, Effect, EventKind, Verdict
from .errors import error_for
from .log import Log
from .values import Outcome, Payload, new_outcome, object_text


@dataclasses.dataclass(frozen=True, slots=True)
class Demo:
    """WEAK: verifies nothing, so that everybody may run everything. For demonstrations."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clawshield:
    """Requires approvals of profile clawshield-v1. An empty key or tenant refuses every request."""

    public_key: str
    tenant: str


@dataclasses.dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Requires DSSE approvals under a trust policy. None: every request is refused until one is loaded."""

    policy: Payload = None


class Cancellation:
    """A flag for handlers to look at. Setting it stops nothing by itself."""

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle = owned("openexec_cancellation **", lib.openexec_cancellation_destroy)
        call(lib.openexec_cancellation_create, self._handle)

    def cancel(self) -> None:
        call(lib.openexec_cancellation_cancel, self._handle[0])

    @property
    def cancelled(self) -> bool:
        return bool(lib.openexec_cancellation_cancelled(self._handle[0]))


class Invocation:
    """One call of a handler. It may be kept."""

    __slots__ = ("_cancellation", "action", "attempt", "deadline_ns", "exec_id", "payload_json", "tenant")

    def __init__(self, c: Any) -> None:
        self._cancellation = local.cancellation  # a handler runs on the thread that called
        self.exec_id = text(c.exec_id)  # the same on every attempt: pass it downstream as the idempotency key
        self.action = text(c.action)
        self.payload_json = text(c.payload)  # RFC 8785 form of what was approved
        self.tenant = text(c.tenant)
        self.deadline_ns = int(c.deadline_ns)  # on the executor's monotonic clock
        self.attempt = int(c.attempt)  # 1, or which further attempt this is (retry_none)

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.payload_json))

    @property
    def cancelled(self) -> bool:
        """Whether the caller of this attempt has cancelled it."""
        return self._cancellation is not None and bool(self._cancellation.cancelled)


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """An interrupted call, of which a reconcile function knows or finds out whether it took place."""

    exec_id: str
    action: str
    tenant: str


@dataclasses.dataclass(frozen=True, slots=True)
class CostQuery:
    """What is asked for its cost."""

    action: str
    payload_json: str
    tenant: str

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.payload_json))


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """What a host may want to write down. Names codes and ids: never a payload, a result, a key or a nonce."""

    kind: EventKind
    code: Code
    verdict: Verdict
    effect: Effect
    exec_id: str
    action: str
    entry_index: int
    count: int


Handler = Callable[[Invocation], Any]
Reconcile = Callable[[Settlement], Any]
Cost = Callable[[CostQuery], int]
H = TypeVar("H", bound=Handler)

@callback("openexec_answer(void *, const openexec_invocation *, openexec_sink *, openexec_sink *)", error=IN_DOUBT)
def _run(handle: Any, c: Any, result: Any, detail: Any) -> int:
    try:
        run, call_of = ffi.from_handle(handle)[0], Invocation(c)
    except BaseException as why:  # the handler was not entered
        keep(why)
        return FAILED_NO_EFFECT
    return answer(run, call_of, result, detail)


@callback("openexec_answer(void *, const openexec_settlement *, openexec_sink *, openexec_sink *)", error=IN_DOUBT)
def _reconcile(handle: Any, c: Any, result: Any, detail: Any) -> int:
    settlement = Settlement(text(c.exec_id), text(c.action), text(c.tenant))
    return answer(ffi.from_handle(handle)[1], settlement, result, detail)


@callback("openexec_code(void *, const openexec_cost_query *, int64_t *, openexec_sink *)",
          error=Code.APPROVAL_CONSTRAINT)
def _cost(handle: Any, c: Any, micro_usd: Any, detail: Any) -> int:
    def body() -> None:
        micro_usd[0] = ffi.from_handle(handle)[2](CostQuery(text(c.action), text(c.payload), text(c.tenant)))

    return parts.guarded(Code.APPROVAL_CONSTRAINT, detail, body)


@callback("void(void *, const openexec_event *)")
def _tell(handle: Any, c: Any) -> None:
    listener = ffi.from_handle(handle)
    event = Event(EventKind(c.kind), Code(c.code), Verdict(c.verdict), Effect(c.effect), text(c.exec_id),
                  text(c.action), int(c.entry_index), int(c.count))
    try:
        listener(event)
    except BaseException as why:  # a listener decides nothing, and cannot fail
        interrupted(why)
        if isinstance(why, Exception):
            traceback.print_exception(why)


@callback("int32_t(void *, const openexec_control_name *)", error=1)
def _visit_control(handle: Any, c: Any) -> int:
    ffi.from_handle(handle).append(parts.ControlName(Control(c.control), text(c.id), text(c.tenant)))
    return 0


class _Frame:
    """What one call needs on C's side. Frames are used again: making one costs more than the call."""

    __slots__ = ("error", "request")

    def __init__(self) -> None:
        self.request = ffi.new("openexec_request *")
        self.request.size = ffi.sizeof("openexec_request")
        self.error = owned("openexec_error **", lib.openexec_error_destroy)


_frames: list[_Frame] = []
_open_ones: weakref.WeakSet[Executor] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """At the interpreter's exit only daemon threads are left. Those that come back into Python later are ended there, so
    executors are closed before, and calls that are inside get a moment."""
    here = [one for one in list(_open_ones) if one._process is _ffi.process and one._handle[0]]
    forgotten = [one for one in here if not one._closed]
    for one in here:
        one._closed = True
        one._finish()
    for one in here:
        until = time.monotonic() + one._exit_wait
        while lib.openexec_executor_close(one._handle[0], 50, ffi.NULL) == Code.IN_PROGRESS and time.monotonic() < until:
            pass
    for one in forgotten:
        one._warn()


class Executor(Held):
    """A deterministic execution boundary.

    Handlers are registered first; open(), or `with`, seals them and opens the ledger:

        executor = Executor(ledger="sqlite:///ledger.db", verifier=Clawshield(key, tenant))

        @executor.handler("send_email")
        def send_email(call): ...

        with executor:
            outcome = executor.execute("send_email", {"to": "ada@example.com"}, nonce="order-1", approval=artifact)

    Any number of threads may execute. close() lets no call begin any more; calls that are inside finish as usual, and
    the last of them closes the ledger. At the interpreter's exit open executors are closed, and calls of daemon threads
    are waited for as long as `exit_wait` says.
    """

    _WHAT = "executor"

    def __init__(self, *, ledger: str | os.PathLike[str] | parts.Store,
                 verifier: Demo | Clawshield | TrustPolicy | parts.Verifier, tenant: str = "default",
                 name: str = "openexec", allowed_actions: Iterable[str] | None = None,
                 limits: Mapping[int, int] | None = None, log_key: str | None = None, log_origin: str | None = None,
                 log_anchor: str | os.PathLike[str] | None = None, log: parts.Log | None = None,
                 hasher: parts.Hasher | None = None, clock: parts.Clock | None = None,
                 events: Callable[[Event], Any] | None = None, workers: int = 32,
                 exit_wait: float = 5.0) -> None:
        self._config = owned("openexec_config **", lib.openexec_config_destroy)
        super().__init__(owned("openexec_executor **", lib.openexec_executor_destroy))
        self._unopened = [True]  # taken by the one who opens it
        self._parts: list[Any] = []  # what C holds weakly
        self._handlers: list[Any] = []
        self._workers = workers
        self._exit_wait = exit_wait
        self._pools: dict[str, concurrent.futures.ThreadPoolExecutor] = {}
        call(lib.openexec_config_create, self._config)
        config = self._config[0]
        call(lib.openexec_config_set_tenant, config, lend(tenant, "tenant"))
        call(lib.openexec_config_set_executor_name, config, lend(name, "name"))
        if allowed_actions is not None:
            if isinstance(allowed_actions, (str, bytes)):
                raise TypeError("allowed_actions: a list of names, not one string")
            keep = [lend(action, "allowed_actions") for action in allowed_actions]
            views = ffi.new("openexec_str[]", keep)
            call(lib.openexec_config_set_allowed_actions, config, views, len(keep))
        for limit, value in (limits or {}).items():
            call(lib.openexec_config_set_limit, config, limit, value)
        if isinstance(ledger, str):
            call(lib.openexec_config_set_ledger_url, config, lend(ledger, "ledger"))
        elif isinstance(ledger, os.PathLike):
            call(lib.openexec_config_set_ledger_path, config, lend(os.fsencode(ledger), "ledger"))
        elif isinstance(ledger, parts.Store):
            parts.set_store(config, ledger, self._parts)
        else:
            raise TypeError("ledger: must be a URL, a path or a Store")
        if isinstance(verifier, Demo):
            call(lib.openexec_config_set_demo_verifier, config)
        elif isinstance(verifier, Clawshield):
            call(lib.openexec_config_set_clawshield_verifier, config, lend(verifier.public_key, "public_key"),
                 lend(verifier.tenant, "tenant"))
        elif isinstance(verifier, TrustPolicy):
            call(lib.openexec_config_set_trust_policy, config, lend(object_text(verifier.policy, "policy")))
        elif isinstance(verifier, parts.Verifier):
            parts.set_verifier(config, verifier, self._parts)
        else:
            raise TypeError("verifier: must be Demo(), Clawshield(...), TrustPolicy(...) or a Verifier")
        if log_key is not None:
            call(lib.openexec_config_set_log_key, config, lend(log_key, "log_key"))
        if log_origin is not None:
            call(lib.openexec_config_set_log_origin, config, lend(log_origin, "log_origin"))
        if log_anchor is not None:
            call(lib.openexec_config_set_log_anchor, config, lend(os.fsencode(log_anchor), "log_anchor"))
        if log is not None:
            parts.set_log(config, log, self._parts)
        if hasher is not None:
            parts.set_hasher(config, hasher, self._parts)
        if clock is not None:
            parts.set_clock(config, clock, self._parts)
        if events is not None:
            parts.set_part(lib.openexec_config_set_events, config, events, self._parts, "openexec_events_table",
                           on_event=_tell)

    # --- before it is open ---

    def handler(self, action: str, *, reconcile: Reconcile | None = None, cost: Cost | None = None,
                schema: Payload = None, deadline_ms: int = 0, retry_none: int = 0) -> Callable[[H], H]:
        """Registers what an action runs: a decorator.

        The function gets an Invocation and returns the result: anything that is strict JSON. It raises NoEffect or
        Failed to say that it failed; whatever else it raises leaves the nonce in doubt. `reconcile` is asked on
        recovery whether an interrupted call took place: it returns the result, raises NoEffect for "no", and anything
        else for "unknown". `cost` says in millionths of a US dollar what a call would cost, where an approval names a
        highest cost. `schema` is a JSON Schema (docs/formats.md, section 12), as a mapping or as text, for the payload: one
        that does not satisfy it is refused with Code.PAYLOAD_SCHEMA before its approval is looked at. `retry_none` is how
        many further attempts there are after one that raised NoEffect: the same request, sent again, then runs again.
        """

        def register(function: H) -> H:
            for given, may_be_absent in ((function, False), (reconcile, True), (cost, True)):
                if not callable(given) and not (may_be_absent and given is None):
                    raise TypeError("a handler is a function")
                if inspect.iscoroutinefunction(given):
                    raise TypeError("a handler is no coroutine: it runs on the thread that called execute")
            name = lend(action, "action")
            optional: dict[str, Any] = {} if reconcile is None else {"reconcile": _reconcile}
            if cost is not None:
                optional["cost"] = _cost
            if schema is not None:
                optional["payload_schema"] = lend(object_text(schema, "schema") or b" ")  # empty would be none
            self._own()
            if not self._unopened or self._closed:
                raise error_for(Code.INVALID_ARGUMENT, f"executor: is {self._state}; handlers come first")
            parts.set_part(lambda config, table, why: lib.openexec_config_add_handler(config, name, table, why),
                           self._config[0], (function, reconcile, cost), self._handlers, "openexec_handler_table",
                           run=_run, deadline_ms=deadline_ms, retry_none=retry_none, **optional)
            return function

        return register

    def open(self) -> Executor:
        """Seals the handlers, opens the ledger, and recovers what an earlier process left behind."""
        self._own()
        try:
            self._unopened.pop()
        except IndexError:
            raise error_for(Code.INVALID_ARGUMENT, f"executor: is {self._state}; it is opened once") from None
        try:
            if self._closed:
                raise self._not_open()
            _open_ones.add(self)
            call(lib.openexec_executor_create, self._config[0], self._handle)
        except BaseException:  # it may be tried again
            lib.openexec_executor_destroy(self._handle)
            self._unopened.append(True)
            raise
        lib.openexec_config_destroy(self._config)
        if self._closed:  # meanwhile, by a part
            self._finish()
        return self

    @property
    def _state(self) -> str:
        return "closed" if self._closed else "open" if self._handle[0] else "new" if self._unopened else "opening"

    def _not_open(self) -> Exception:
        why = "open() it first" if self._state == "new" else "no call may begin"
        return error_for(Code.INVALID_ARGUMENT, f"executor: is {self._state}; {why}")

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
        if self._process is _ffi.process:
            for pool in self._pools.values():
                pool.shutdown(wait=False)
        super().close()

    def _finish(self) -> None:
        lib.openexec_executor_close(self._handle[0], 0, ffi.NULL)

    def _warn(self) -> None:
        warnings.warn("an Executor was not closed: use `with`", ResourceWarning, source=self, stacklevel=3)

    def __del__(self) -> None:
        if getattr(self, "_handle", None) and self._handle[0] and self._process is _ffi.process:
            self._finish()
            if not self._closed:
                self._warn()

    # --- executing ---

    def execute(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                max_wait_ms: int = 0, cancellation: Cancellation | None = None, proof: bool = False) -> Outcome:
        """One attempt. Returns only a yes: the action was approved, ran and returned a result, now or in the attempt
        that this one replays. Every no is raised, with its outcome."""
        outcome = None
        try:
            outcome = self.attempt(action, payload, nonce=nonce, approval=approval, max_wait_ms=max_wait_ms,
                                   cancellation=cancellation, proof=proof)
            return outcome if outcome.code is Code.OK else outcome.require()
        except BaseException as why:
            attach(why, outcome)
            raise

    def attempt(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                max_wait_ms: int = 0, cancellation: Cancellation | None = None, proof: bool = False) -> Outcome:
        """Makes one attempt and returns its outcome, whatever it is. Raises Invalid if there is no outcome. What a
        signal raises meanwhile carries the attempt's outcome, if there is one, as its attribute `outcome`."""
        keep = (lend(action, "action"), lend(object_text(payload, "payload")), lend(nonce, "nonce"),
                lend(object_text(approval, "approval_artifact")))
        options: Any = ffi.NULL
        if max_wait_ms or cancellation is not None or proof:
            options = _options(max_wait_ms, cancellation, proof)
        try:
            frame = _frames.pop()
        except IndexError:
            frame = _Frame()
        request = frame.request
        request.action, request.payload, request.nonce, request.approval_artifact = keep
        handle = self._open()
        outcome = new_outcome()
        local.cause, local.cancellation = None, cancellation
        try:
            code = lib.openexec_executor_execute(handle, request, options, outcome, frame.error)
            return _answered(code, outcome, frame)
        except BaseException as why:
            raise _with_outcome(why, outcome)

    def attempt_json(self, request: str | bytes, *, nonce: str = "", max_wait_ms: int = 0,
                     cancellation: Cancellation | None = None, proof: bool = False) -> Outcome:
        """The same from one JSON object with the members action, payload, nonce and approval_artifact."""
        given, beside = lend(request, "request"), lend(nonce, "nonce")
        options = _options(max_wait_ms, cancellation, proof)
        options.nonce = beside
        handle = self._open()
        local.cause, local.cancellation = None, cancellation
        return _asked(lib.openexec_executor_execute_json, handle, given, options)

    async def execute_async(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                            max_wait_ms: int = 0, proof: bool = False) -> Outcome:
        """execute on a thread of its own. Cancelling the task sets the flag that the handler can look at; an attempt
        that has begun is not undone by it, and a caller that sends the same nonce again gets its outcome."""
        return (await self.attempt_async(action, payload, nonce=nonce, approval=approval, max_wait_ms=max_wait_ms,
                                         proof=proof)).require()

    async def attempt_async(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                            max_wait_ms: int = 0, proof: bool = False) -> Outcome:
        """attempt on a thread of its own."""
        self._open()
        pool = self._pools.get("attempts") or self._pools.setdefault(
            "attempts", concurrent.futures.ThreadPoolExecutor(self._workers, thread_name_prefix="openexec"))
        cancellation = Cancellation()
        future = asyncio.get_running_loop().run_in_executor(
            pool, lambda: self.attempt(action, payload, nonce=nonce, approval=approval, max_wait_ms=max_wait_ms,
                                       cancellation=cancellation, proof=proof))
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
        return bool(lib.openexec_executor_halted(self._open()))

    def order(self, control: Control, *, who: str, why: str, active: bool = True, id: str = "",
              tenant: str = "") -> Outcome:
        """Halts, resumes (a halt with active=False) or revokes, with an entry that says who and why."""
        texts = [lend(id, "id"), lend(tenant, "tenant"), lend(who, "who"), lend(why, "why")]
        order = ffi.new("openexec_order *", {"size": ffi.sizeof("openexec_order"), "control": int(control),
                                             "active": int(active)})
        order.id, order.tenant, order.who, order.why = texts
        return _asked(lib.openexec_executor_order, self._open(), order).require()

    def controls(self) -> list[parts.ControlName]:
        """The active controls of all tenants."""
        found: list[parts.ControlName] = []
        handle = ffi.new_handle(found)
        self._operate(lib.openexec_executor_controls, _visit_control, handle)
        return found

    def reload_trust_policy(self, policy: Payload) -> None:
        """Puts another trust policy in force, at once and whole. Where it fails, the old one stays."""
        self._operate(lib.openexec_executor_reload_trust_policy, lend(object_text(policy, "policy")))

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
        return Log._of(self._open(), self._parts)

    def _operate(self, function: Any, *arguments: Any) -> None:
        call(function, self._open(), *arguments)


def _options(max_wait_ms: int, cancellation: Cancellation | None, proof: bool) -> Any:
    options = ffi.new("openexec_call_options *")
    options.size = ffi.sizeof("openexec_call_options")
    options.max_wait_ms = max_wait_ms
    options.proof = int(proof)
    if cancellation is not None:
        options.cancellation = cancellation._handle[0]
    return options


def _answered(code: int, outcome: Any, frame: _Frame) -> Outcome:
    if not outcome[0]:
        no = taken(code, frame.error)
        raise_interrupt()
        raise no
    cause = None
    if code != 0:
        lib.openexec_error_destroy(frame.error)
        cause, local.cause = local.cause, None
    if len(_frames) < 256:
        _frames.append(frame)
    answered = Outcome(outcome, code, cause)
    if local.interrupt is not None:
        raise_interrupt(answered)
    return answered


def _asked(function: Any, handle: Any, *arguments: Any) -> Outcome:
    frame, outcome = _Frame(), new_outcome()
    try:
        return _answered(function(handle, *arguments, outcome, frame.error), outcome, frame)
    except BaseException as why:
        raise _with_outcome(why, outcome)


def _with_outcome(why: BaseException, outcome: Any) -> BaseException:
    """What was raised while C was inside or had just returned, with the outcome that it would hide."""
    cause, local.cause = local.cause, None  # it would keep the frames of its traceback
    if outcome[0]:
        attach(why, Outcome(outcome, lib.openexec_outcome_code(outcome[0]), cause))
    kept, local.interrupt = local.interrupt, None  # no later call is to raise it
    if why.__context__ is None and kept is not why:
        why.__context__ = kept
    return why
