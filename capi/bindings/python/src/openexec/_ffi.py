# SPDX-License-Identifier: Apache-2.0
"""The one door to the C library: finds and loads it, and turns its strings and its ways to say no into Python's."""
from __future__ import annotations

import ctypes
import ctypes.util
import os
import pathlib
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from . import _declarations
from .codes import Code
from .errors import error_for

ffi: Any = _declarations.ffi

ABI = "0.1."  # before 1.0 another minor version is another ABI


def _candidates() -> Any:
    named = os.environ.get("OPENEXEC_LIBRARY")
    if named:  # the user named a library, so no other is tried
        yield named
        return
    carried = pathlib.Path(__file__).with_name("libopenexec.so")
    if carried.exists():
        yield str(carried)
    try:
        asked = subprocess.run(["pkg-config", "--variable=libdir", "openexec-c"], capture_output=True, text=True,
                               check=True, timeout=10)
        yield str(pathlib.Path(asked.stdout.strip()) / "libopenexec.so")
    except (OSError, subprocess.SubprocessError):
        pass
    found = ctypes.util.find_library("openexec")
    if found:
        yield found


def _load() -> Any:
    reasons = []
    for name in _candidates():
        try:
            library = ffi.dlopen(name)
            version = text(library.openexec_version())
        except (OSError, ffi.error) as why:
            reasons.append(f"{name}: {why}")
            continue
        if not version.startswith(ABI):
            raise ImportError(f"openexec: {name} is version {version}, and this package speaks {ABI}x")
        return library
    raise ImportError("openexec: no libopenexec.so. Install the wheel that carries it or the system's package, or name "
                      "it in OPENEXEC_LIBRARY. " + "; ".join(reasons))


_unpack, _from_buffer, _EMPTY = ffi.unpack, ffi.from_buffer, (ffi.from_buffer(b""), 0)


def raw(view: Any) -> bytes:
    """The bytes of an openexec_str."""
    size = view.size
    return bytes(_unpack(view.data, size)) if size else b""


def text(view: Any) -> str:
    size = view.size
    return str(_unpack(view.data, size), "utf-8", "replace") if size else ""


def digest_hex(digest: Any) -> str:
    return bytes(ffi.buffer(digest.bytes, 32)).hex()


def encoded(value: str | bytes, what: str) -> bytes:
    """UTF-8 of what a caller gave. A lone surrogate has none."""
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            raise error_for(Code.MALFORMED_REQUEST, f"{what}: is not UTF-8") from None
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{what}: must be str or bytes, not {type(value).__name__}")


def lend(value: str | bytes, what: str = "text") -> tuple[Any, int]:
    """What cffi takes for an openexec_str. Its bytes live as long as the tuple, so that an argument of a call needs
    nothing more; a struct that it is put into keeps it from nothing."""
    data = value if type(value) is bytes else encoded(value, what)
    return (_from_buffer(data), len(data)) if data else _EMPTY


lib: Any = _load()


def owned(pointer: str, destroy: Any) -> Any:
    """Where C puts a handle. No Python runs when it is destroyed, so no signal can come in between."""
    return ffi.gc(ffi.new(pointer), destroy)


def call(function: Any, *arguments: Any) -> None:
    """A C function that can fail: raises its no, or the interrupt that a callback was given meanwhile."""
    why = owned("openexec_error **", lib.openexec_error_destroy)
    local.cause = None
    code = function(*arguments, why)
    cause, local.cause = local.cause, None
    no = taken(code, why) if code != 0 else None
    raise_interrupt()
    if no is not None:
        raise no from cause


def taken(code: int, why: Any) -> Exception:
    """The exception for an openexec_error, which is destroyed."""
    detail = text(lib.openexec_error_detail(why[0])) if why[0] != ffi.NULL else ""
    lib.openexec_error_destroy(why)
    return error_for(code, detail)


def buffer(function: Any, *arguments: Any) -> bytes | None:
    """Returns what a C function writes into a buffer, or None if the function writes no buffer."""
    handle = owned("openexec_buffer **", lib.openexec_buffer_destroy)
    call(function, *arguments, handle)
    return raw(lib.openexec_buffer_view(handle[0])) if handle[0] else None


# --- callbacks: nothing may be thrown through C ---

F = TypeVar("F", bound=Callable[..., Any])


class _Local(threading.local):
    interrupt: BaseException | None = None  # to be raised once C has returned
    cause: BaseException | None = None  # what a handler or another part raised
    unread: BaseException | None = None  # what the reader of a log raised
    cancellation: Any = None  # of the attempt that is about to begin


local = _Local()


def keep(why: BaseException) -> None:
    """Keeps what a signal raised in a frame of ours, to be raised once C has returned. The first counts."""
    if local.interrupt is None:
        local.interrupt = why


def interrupted(why: BaseException) -> None:
    """Keeps what ends a program. Whatever else a part raises is the part's own answer."""
    if isinstance(why, (KeyboardInterrupt, SystemExit)):
        keep(why)


def raise_interrupt(outcome: Any = None) -> None:
    why = local.interrupt
    if why is not None:
        local.interrupt = None
        attach(why, outcome)
        raise why


def attach(why: BaseException, outcome: Any) -> None:
    """Leaves an outcome on the exception that is raised in its place."""
    if outcome is not None and getattr(why, "outcome", None) is None:
        try:
            why.outcome = outcome  # type: ignore[attr-defined]
        except AttributeError:  # a class with slots
            pass


def abort(why: BaseException) -> None:
    """For callbacks that cannot say no: without a time or a digest no answer is safe."""
    print("openexec: a callback that cannot fail has failed; the process ends", file=sys.stderr)
    traceback.print_exception(why)
    sys.stderr.flush()
    os.abort()


def _immortal(made: Any) -> None:
    """A daemon thread may still come back from C when the modules are gone. It must find the callback there."""
    python = getattr(ctypes, "pythonapi", None)
    if python is not None:
        python.Py_IncRef(ctypes.py_object(made))


def callback(signature: str, *, error: int | None = None, fatal: bool = False) -> Callable[[F], F]:
    """A C function pointer. `error` is what C is told where an exception got past the function itself, which is what a
    signal raised before the function could catch it. A fatal one is called once more."""

    def make(function: F) -> F:
        def onerror(_kind: Any, why: BaseException, where: Any) -> Any:
            keep(why)
            if not fatal:
                return None
            try:
                variables = where.tb_frame.f_locals
                return function(*(variables[name] for name in function.__code__.co_varnames[:function.__code__.co_argcount]))
            except BaseException as again:
                abort(again)

        made: F = ffi.callback(signature, error=error, onerror=onerror)(function)
        _immortal(made)
        return made

    return make


# --- handles that several threads use ---

process = object()  # a child may have its parent's number, in another namespace


def _forked() -> None:
    global process
    process = object()


os.register_at_fork(after_in_child=_forked)


class Held:
    """A handle that some threads use while another closes it. The library counts the calls inside: no exception, whenever
    it comes, keeps what is closed from ending. In the child of a fork the handle is the parent's."""

    _WHAT = "handle"

    def __init__(self, handle: Any) -> None:
        self._handle = handle  # owned(); in a child the library leaves the rest to the parent
        self._process = process
        self._closed = False

    def _finish(self) -> None:
        """Closes the library's side, once or more often."""

    def _not_open(self) -> Exception:
        return error_for(Code.INVALID_ARGUMENT, f"{self._WHAT}: is closed; no call may begin")

    def _own(self) -> None:
        if self._process is not process:
            raise error_for(Code.INVALID_ARGUMENT, f"{self._WHAT}: belongs to the process that made it")

    def _open(self) -> Any:
        """The handle, for one call. Where it is closed meanwhile the library refuses the call."""
        if self._process is not process:
            self._own()
        handle = self._handle[0]
        if self._closed or not handle:
            raise self._not_open()
        return handle

    def close(self) -> None:
        """No call begins any more; those inside finish as usual, and the last of them ends it. May be called again."""
        self._closed = True
        if self._handle[0] and self._process is process:
            self._finish()
            raise_interrupt()

    @property
    def closed(self) -> bool:
        return self._closed
