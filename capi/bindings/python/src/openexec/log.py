# SPDX-License-Identifier: Apache-2.0
"""Reads a log: its entries, and the proofs of them for outside verifiers."""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from ._ffi import Held, buffer, call, callback, digest_hex, ffi, lend, lib, local, owned, text


@dataclasses.dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of a log. leaf_hash is RFC 6962's, in hex."""

    index: int
    leaf_hash: str
    json: str

    @property
    def entry(self) -> dict[str, Any]:
        return dict(json.loads(self.json))


@callback("int32_t(void *, const openexec_log_line *)", error=1)
def _visit(handle: Any, line: Any) -> int:
    try:
        ffi.from_handle(handle).append(LogLine(int(line.index), digest_hex(line.leaf_hash), text(line.json)))
        return 0
    except BaseException as why:  # what was read so far is not what was asked for
        local.unread = why
        return 1


class Log(Held):
    """The log of a ledger, beside a running executor or from an archived file. Any number of threads may read it."""

    _WHAT = "log"
    _PAGE = 512
    _parts: Any = None

    def __init__(self, url: str) -> None:
        super().__init__(owned("openexec_log **", lib.openexec_log_destroy))
        call(lib.openexec_log_open, lend(url, "url"), self._handle)

    @classmethod
    def _of(cls, executor: Any, parts: Any) -> Log:
        """Of an executor. `parts` are the objects behind its log, which have to live as long."""
        made = cls.__new__(cls)
        made._parts = parts
        Held.__init__(made, owned("openexec_log **", lib.openexec_log_destroy))
        call(lib.openexec_executor_log, executor, made._handle)
        return made

    def _finish(self) -> None:
        lib.openexec_log_close(self._handle[0], ffi.NULL)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        entries = ffi.new("uint64_t *")
        self._do(call, lib.openexec_log_count, entries)
        return int(entries[0])

    def read(self, first: int = 0, count: int = _PAGE) -> list[LogLine]:
        """Up to `count` entries from `first` on."""
        return self._collect(lib.openexec_log_read, first, count)

    def find(self, exec_id: str, count: int = 100) -> list[LogLine]:
        """The entries of one execution."""
        digest = ffi.new("openexec_digest *")
        call(lib.openexec_digest_from_hex, lend(exec_id, "exec_id"), digest)
        return self._collect(lib.openexec_log_find, digest, count)

    def __iter__(self) -> Iterator[LogLine]:
        first = 0
        while page := self.read(first):
            yield from page
            first += len(page)

    # --- what a log proves that keeps a tree: the supplied ledgers do ---

    @property
    def verifier_key(self) -> str:
        """The key, name+id+key, with which outside verifiers verify this log. They have to get it over another
        channel."""
        return self._text(lib.openexec_log_verifier_key) or ""

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._text(lib.openexec_log_checkpoint) or ""

    def cosigned(self) -> str | None:
        """The newest checkpoint that witnesses cosigned."""
        return self._text(lib.openexec_log_cosigned)

    def keep_cosigned(self, note: str) -> None:
        """Keeps the cosignatures of a checkpoint of this log, which has to be an executor's."""
        self._do(call, lib.openexec_log_keep_cosigned, lend(note, "note"))

    def prove(self, index: int) -> str:
        """The portable receipt of an entry, for verify_evidence."""
        return self._text(lib.openexec_log_prove, index) or ""

    def consistency(self, first: int, second: int) -> list[str]:
        """The hashes that show that the tree of `second` entries grew out of that of `first`."""
        found: bytes | None = self._do(buffer, lib.openexec_log_consistency, first, second)
        return [(found or b"")[place:place + 32].hex() for place in range(0, len(found or b""), 32)]

    def resource(self, path: str) -> bytes | None:
        """What C2SP tlog-tiles serves under a path, such as tile/0/000."""
        found: bytes | None = self._do(buffer, lib.openexec_log_resource, lend(path, "path"))
        return found

    def _text(self, function: Any, *arguments: Any) -> str | None:
        found = self._do(buffer, function, *arguments)
        return None if found is None else found.decode("utf-8")

    def _do(self, how: Any, function: Any, *arguments: Any) -> Any:
        return how(function, self._open(), *arguments)

    def _collect(self, function: Any, *arguments: Any) -> list[LogLine]:
        found: list[LogLine] = []
        handle = ffi.new_handle(found)
        local.unread = None
        self._do(call, function, *arguments, _visit, handle)
        unread, local.unread = local.unread, None
        if unread is not None:
            raise unread
        return found
