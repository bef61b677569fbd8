# SPDX-License-Identifier: Apache-2.0
"""The codes and their kinds. The table is the library's (docs/errors.md); a test compares the two."""
from __future__ import annotations

import enum


class Named(enum.IntEnum):
    """One of the library's numbers. Prints its name; what formats a number gets the number."""

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec[-1:] in tuple("bcdoxXn") else format(str(self), spec)


class Kind(Named):
    """Yes, and the four kinds of no."""

    OK = 0
    REFUSED = 1
    DOUBT = 2
    FAULT = 3
    MISUSE = 4


class Code(Named):
    """What happened, as a number that never changes its meaning."""

    OK = 0
    HALTED = 100
    NONCE_CONFLICT = 101
    IN_PROGRESS = 102
    ACTION_NOT_ALLOWED = 103
    UNKNOWN_ACTION = 104
    PAYLOAD_SCHEMA = 105
    APPROVAL_MISSING = 110
    APPROVAL_MALFORMED = 111
    APPROVAL_KEY_MISSING = 112
    APPROVAL_HASH_MISMATCH = 113
    APPROVAL_TENANT_MISMATCH = 114
    APPROVAL_EXPIRED = 115
    APPROVAL_NOT_YET_VALID = 116
    APPROVAL_SIGNATURE_INVALID = 117
    APPROVAL_THRESHOLD = 118
    APPROVAL_POLICY_MISMATCH = 119
    APPROVAL_AUDIENCE_MISMATCH = 120
    APPROVAL_CONSTRAINT = 121
    APPROVAL_KEY_REVOKED = 122
    APPROVAL_SPENT = 123
    IN_DOUBT = 200
    HANDLER_FAILED = 201
    RESULT_INVALID = 202
    STORE_FAILED = 300
    OVERLOADED = 301
    CLOCK_SUSPECT = 302
    MALFORMED_REQUEST = 400
    INVALID_ARGUMENT = 401
    UNSUPPORTED_ABI = 402

    @classmethod
    def _missing_(cls, value: object) -> Code | None:
        """A number that a newer library knows: still an int with the kind of its hundred."""
        if not isinstance(value, int) or not 100 <= value < 500:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"CODE_{value}"
        member._value_ = value
        return member

    @property
    def kind(self) -> Kind:
        return Kind(self.value // 100)


class Verdict(Named):
    """How an attempt ended."""

    REFUSED = 0
    EXECUTED = 1
    FAILED = 2
    REPLAYED = 3
    IN_DOUBT = 4
    SUPPRESSED = 5
    CONTROL = 6


class Effect(Named):
    """What became of the action in the world, as far as the executor knows."""

    NONE = 0
    CONFIRMED = 1
    UNKNOWN = 2


class ResultForm(Named):
    """What a result is: the handler's JSON, or an object that carries its output as `text` or `base64`."""

    JSON = 0
    TEXT = 1
    BYTES = 2


class Form(Named):
    """The canonical forms of JSON."""

    JCS = 1
    CLAWSHIELD_V1 = 2
    DISPLAY = 3


class Control(Named):
    """What is ordered while executors run, and stands until it is lifted."""

    HALT = 1
    REVOKE_APPROVAL = 2
    REVOKE_KEY = 3
    CONFIRM_CLOCK = 4


class EventKind(Named):
    """What an event tells of."""

    OPENED = 1
    ANSWERED = 2
    RECOVERED = 3
    RELOADED = 4
    CLOSED = 5


class Answer(Named):
    """What a portable receipt is worth. Only PASS is one to rely on."""

    FAIL = 0
    INCOMPLETE = 1
    PASS = 2


class Step(Named):
    """What is looked at in a portable receipt, in this order."""

    PROOF = 0
    ENTRY = 1
    INCLUSION = 2
    LOG_SIGNATURE = 3
    COSIGNATURES = 4
    EXEC_ID = 5
    ACTION = 6
    NONCE = 7
    TENANT = 8
    PAYLOAD = 9
    RESULT = 10
    RECEIPT = 11
    APPROVAL = 12


class Finding(Named):
    """What one step found."""

    UNREACHED = 0
    FAILED = 1
    INCOMPLETE = 2
    NOT_ASKED = 3
    PASSED = 4


class Limit(Named):
    """Bounds, for Executor(limits={Limit.RESULT_BYTES: 4096})."""

    REQUEST_BYTES = 1
    REQUEST_DEPTH = 2
    RESULT_BYTES = 3
    IN_FLIGHT = 4
    REFUSALS_PER_SECOND = 5
    WAIT_MS = 6
    ISSUED_AHEAD_SECONDS = 7
    CLOCK_JUMP_SECONDS = 8
    REPLAYS_PER_SECOND = 9
