"""The one door to the C library: finds and loads it, and turns its strings and its ways to say no into Python's."""
from __future__ import annotations

import ctypes.util
import os
import pathlib
import subprocess
from typing import Any

import cffi

from ._cdef import CDEF
from .codes import Code
from .errors import error_for

ffi: Any = cffi.FFI()
ffi.cdef(CDEF)

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
        except (OSError, AttributeError) as why:
            reasons.append(f"{name}: {why}")
            continue
        if not version.startswith(ABI):
            raise ImportError(f"openexec: {name} is version {version}, and this package speaks {ABI}x")
        return library
    raise ImportError("openexec: no libopenexec.so. Install the wheel that carries it or the system's package, or name "
                      "it in OPENEXEC_LIBRARY. " + "; ".join(reasons))


def raw(view: Any) -> bytes:
    """The bytes of an openexec_str."""
    return bytes(ffi.buffer(view.data, view.size)) if view.size else b""


def text(view: Any) -> str:
    return raw(view).decode("utf-8", "replace")


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


class Str:
    """An openexec_str over bytes that live as long as this object."""

    __slots__ = ("_bytes", "view")

    def __init__(self, value: str | bytes, what: str = "text") -> None:
        self._bytes = ffi.from_buffer(encoded(value, what))
        self.view = ffi.new("openexec_str *", (self._bytes, len(self._bytes)))[0]


lib: Any = _load()


def call(function: Any, *arguments: Any) -> None:
    """A C function that can fail: raises its no."""
    why = ffi.new("openexec_error **")
    code = function(*arguments, why)
    if code != 0:
        raise taken(code, why)


def taken(code: int, why: Any) -> Exception:
    """The exception for an openexec_error, which is destroyed."""
    detail = text(lib.openexec_error_detail(why[0])) if why[0] != ffi.NULL else ""
    lib.openexec_error_destroy(why)
    return error_for(code, detail)
