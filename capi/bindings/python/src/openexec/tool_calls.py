# SPDX-License-Identifier: Apache-2.0
"""The nonce of a model's tool call."""
from __future__ import annotations

from ._ffi import buffer, encoded, lend, lib
from .codes import Code
from .errors import error_for
from .values import Payload, object_text


def tool_call_nonce(conversation: str, turn: str, name: str, arguments: Payload, *, occurrence: int) -> str:
    """"tc1-" and the SHA-256 of the call in its place (docs/formats.md, section 13). The same call has the same nonce
    however often it is delivered. The id that the provider gave it is not part of it: providers use an id twice, give
    none, or give another one when a turn is sent again.

    `occurrence` is 1 for the first call of this name with equal arguments in the turn, 2 for the second; a Turn counts.
    Where the host has no stable conversation and turn there is no nonce: an empty one is Invalid.
    """
    if type(occurrence) is not int or not 0 <= occurrence < 2**32:
        raise error_for(Code.MALFORMED_REQUEST, "occurrence: must be an integer from 1 to 2^32 - 1")
    texts = [lend(_text(value, what), what) for value, what in ((conversation, "conversation"), (turn, "turn"), (name, "name"))]
    return (buffer(lib.openexec_tool_call_nonce, *texts, lend(object_text(arguments, "arguments")), occurrence) or b"").decode()


def _text(value: str, what: str) -> bytes:
    if not isinstance(value, str):
        raise error_for(Code.MALFORMED_REQUEST, f"{what}: must be a string")
    return encoded(value, what)


class Turn:
    """One turn of a conversation, by the host's own names for both, which are the same when the turn is sent again.

    Give it all calls of the turn, in their order, each once: it counts those that are equal. One thread at a time.
    """

    __slots__ = ("_conversation", "_seen", "_turn")

    def __init__(self, conversation: str, turn: str) -> None:
        self._conversation, self._turn = conversation, turn
        self._seen: dict[str, int] = {}  # by the nonce of the first occurrence

    def nonce(self, name: str, arguments: Payload) -> str:
        """The nonce of the next call. One that is refused is not counted."""
        first = tool_call_nonce(self._conversation, self._turn, name, arguments, occurrence=1)
        occurrence = self._seen.get(first, 0) + 1
        nonce = first
        if occurrence > 1:
            nonce = tool_call_nonce(self._conversation, self._turn, name, arguments, occurrence=occurrence)
        self._seen[first] = occurrence
        return nonce
