# SPDX-License-Identifier: Apache-2.0
"""Exceptions by kind of no. The code decides; the detail only explains, and names the place."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .codes import Code, Kind

if TYPE_CHECKING:
    from .values import Outcome


class OpenExecError(Exception):
    """A refusal. `outcome` is set if an attempt was answered. Its log entry is evidence of the refusal."""

    def __init__(self, code: Code, detail: str = "", outcome: Outcome | None = None) -> None:
        super().__init__(code, detail, outcome)
        self.code = code
        self.detail = detail
        self.outcome = outcome

    @property
    def kind(self) -> Kind:
        return self.code.kind

    def __str__(self) -> str:
        name = self.code.name.lower()
        return f"{name}: {self.detail}" if self.detail else name


class Refused(OpenExecError):
    """It was decided that this does not run."""


class Doubt(OpenExecError):
    """It ran, or may have."""


class InDoubt(Doubt):
    """Nobody knows whether it took place. It never runs again: find out in the world."""


class HandlerFailed(Doubt):
    """The handler says that it failed. `outcome.effect` says whether something may have happened."""


class ResultInvalid(Doubt):
    """It took place, and its result is no strict JSON, or is too large."""


class Unavailable(OpenExecError):
    """No decision was reached. Try again later, with the same nonce."""


class Invalid(OpenExecError, ValueError):
    """The call itself is wrong: the caller's bug."""


class Failed(Exception):
    """Raised by a handler: it failed, and may have done something. The text is told to the caller and
    to each replay, and is in no log."""


class NoEffect(Failed):
    """Raised by a handler: it failed, and knows that nothing happened."""


_BY_KIND = {Kind.REFUSED: Refused, Kind.DOUBT: Doubt, Kind.FAULT: Unavailable, Kind.MISUSE: Invalid}
_BY_CODE = {Code.IN_DOUBT: InDoubt, Code.HANDLER_FAILED: HandlerFailed, Code.RESULT_INVALID: ResultInvalid}


def error_for(code: int, detail: str = "", outcome: Outcome | None = None) -> OpenExecError:
    """The exception that a code's kind asks for. A number that means nothing is a fault of the library's."""
    try:
        known = Code(code)
    except ValueError:
        known, detail = Code.STORE_FAILED, f"the library answered {code}"
    return _BY_CODE.get(known, _BY_KIND.get(known.kind, Unavailable))(known, detail, outcome)
