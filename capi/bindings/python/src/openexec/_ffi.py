"""The one door to the C library: finds and loads it, and turns its strings and its ways to say no into Python's."""
from __future__ import annotations

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
    if named:  # whoever names a library means it: no other is tried
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


def call(function: Any, *arguments: Any) -> None:
    """A C function that can fail: raises its no, or the interrupt that a callback was given meanwhile."""
    why = ffi.new("openexec_error **")
    code = function(*arguments, why)
    no = taken(code, why) if code != 0 else None
    raise_interrupt()
    if no is not None:
        raise no


def taken(code: int, why: Any) -> Exception:
    """The exception for an openexec_error, which is destroyed."""
    detail = text(lib.openexec_error_detail(why[0])) if why[0] != ffi.NULL else ""
    lib.openexec_error_destroy(why)
    return error_for(code, detail)


def buffer(function: Any, *arguments: Any) -> bytes | None:
    """What a C function writes into a buffer; None where it says that there is nothing."""
    handle = ffi.new("openexec_buffer **")
    call(function, *arguments, handle)
    if handle[0] == ffi.NULL:
        return None
    try:
        return raw(lib.openexec_buffer_view(handle[0]))
    finally:
        lib.openexec_buffer_destroy(handle)


# --- callbacks: nothing may be thrown through C ---

F = TypeVar("F", bound=Callable[..., Any])


class _Local(threading.local):
    interrupt: BaseException | None = None  # to be raised once C has returned
    cause: BaseException | None = None  # what the handler raised
    unread: BaseException | None = None  # what the reader of a log raised


local = _Local()


def interrupted(why: BaseException) -> None:
    """Keeps a KeyboardInterrupt or the like, to be raised once C has returned."""
    if not isinstance(why, Exception):
        local.interrupt = why


def raise_interrupt() -> None:
    why = local.interrupt
    if why is not None:
        local.interrupt = None
        raise why


def abort(why: BaseException) -> None:
    """For callbacks that cannot say no: without a time or a digest no answer is safe."""
    print("openexec: a callback that cannot fail has failed; the process ends", file=sys.stderr)
    traceback.print_exception(why)
    sys.stderr.flush()
    os.abort()


def callback(signature: str, *, error: int | None = None, fatal: bool = False) -> Callable[[F], F]:
    """A C function pointer. `error` is what C is told where an exception got past the function itself."""

    def onerror(_kind: Any, why: BaseException, _where: Any) -> None:
        if fatal:
            abort(why)
        interrupted(why)
        if isinstance(why, Exception):
            traceback.print_exception(why)

    made: Callable[[F], F] = ffi.callback(signature, error=error, onerror=onerror)
    return made


# --- handles that several threads use ---

process = os.getpid()


def _forked() -> None:
    global process
    process = os.getpid()


os.register_at_fork(after_in_child=_forked)


class Held:
    """A handle that some threads use while another closes it: no call begins any more, those that are inside finish as
    usual, and the last of them ends it. In the child of a fork it is the parent's."""

    _WHAT = "handle"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = process
        self._state = "open"
        self._inside = 0

    def _end(self) -> None:
        """Destroys the handle; called once."""

    def _not_open(self) -> Exception:
        return error_for(Code.INVALID_ARGUMENT, f"{self._WHAT}: is {self._state}")

    def _own(self) -> None:
        if self._process != process:  # another thread may have held the lock when the process forked
            raise error_for(Code.INVALID_ARGUMENT, f"{self._WHAT}: belongs to the process that made it")

    def _enter(self) -> None:
        if self._process != process:
            self._own()
        with self._lock:
            if self._state != "open":
                raise self._not_open()
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            ends = self._inside == 0 and self._state == "closed"
        if ends:
            self._end()

    def close(self) -> None:
        """No call begins any more. May be called again."""
        if self._process != process:
            if self._state != "closed":
                self._state = "closed"
                self._end()  # the library leaves the rest to the parent
            return
        with self._lock:
            if self._state == "closed":
                return
            self._state = "closed"
            ends = self._inside == 0
        if ends:
            self._end()

    @property
    def closed(self) -> bool:
        return self._state == "closed"

    def __del__(self) -> None:
        if getattr(self, "_state", "closed") != "closed":
            self.close()
