# SPDX-License-Identifier: Apache-2.0
"""How a handler's answer reaches C, whenever a signal comes.

The interpreter runs the handlers of signals between the instructions of the main thread, and what they raise is raised
there. So everything between the handler's return and the written result is one call of iterators that are written in C:
there is no instruction in between. What is raised before belongs to the handler; what is raised after it is kept until C
has returned.
"""
from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import itertools
import json.encoder
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import parts
from ._ffi import ffi, interrupted, keep, lib, local
from .errors import Failed, NoEffect
from .values import Json

RESULT, FAILED, FAILED_NO_EFFECT, IN_DOUBT = 1, 2, 3, 4


def converted(value: Any) -> Any:
    """What JSON has no word for, as handlers usually return it."""
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic
        return dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"no strict JSON: {type(value).__name__}")


def _encoder() -> Callable[[Any, int], Any]:
    """Strict JSON in pieces."""
    made: Any = getattr(json.encoder, "c_make_encoder", None)
    text: Any = json.encoder.encode_basestring
    if made is None:  # an interpreter without it has no instructions to speak of either
        strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=converted)
        return lambda value, _level: [strict.encode(value)]
    encoder: Callable[[Any, int], Any] = made(None, converted, text, None, ":", ",", False, False, False)
    return encoder


_encode = _encoder()


def _writes(texts: Iterator[str], sink: Any) -> Iterator[int]:
    """Writes each text into the sink when it is asked for the next one."""
    data, again = itertools.tee(map(str.encode, texts))
    return map(lib.openexec_sink_write, itertools.repeat(sink), zip(map(ffi.from_buffer, data), map(len, again)))


def _writes_json(values: Iterator[Any], sink: Any) -> Iterator[int]:
    return _writes(map("".join, map(_encode, values, itertools.repeat(0))), sink)


def answer(function: Callable[[Any], Any], given: Any, result: Any, detail: Any) -> int:
    values: list[Any] = []
    written: list[int] = []
    runs = map(function, (given,))
    as_json, as_text = _writes_json(iter(values), result), _writes(iter(values), result)
    problem: BaseException | None = None
    try:
        values.extend(runs)
    except BaseException as why:
        if not values:
            return _failed(why, detail)
        problem = why
    if not values:  # what a StopIteration does to an iterator
        return _failed(StopIteration(), detail)
    # No call and no jump back from here to the next one: nothing can be raised in between.
    if problem is not None and local.interrupt is None:
        local.interrupt = problem
    problem = None
    try:
        written.extend(as_text if values[0].__class__ is Json else as_json)
    except BaseException as why:
        problem = why
    if not written:
        return _again(values[0], result, detail, problem)
    if problem is not None and local.interrupt is None:
        local.interrupt = problem
    return RESULT


def _again(value: Any, result: Any, detail: Any, problem: BaseException | None) -> int:
    """It took place, and was not written: it is no JSON, or a signal came while it was converted. Tries again a few times
    to find out; what is no JSON is written as the text that Python shows of it, and bytes as they are."""
    for _ in range(3):
        written: list[int] = []
        try:
            values = iter((value,))
            written.extend(_writes(values, result) if isinstance(value, Json) else _writes_json(values, result))
        except BaseException as why:
            if not written:
                problem = why
                continue
            problem = why
        if problem is not None:
            keep(problem)
        return RESULT
    if problem is not None:
        local.cause = problem
        interrupted(problem)
    parts.write(result, _shown(value))
    return RESULT


def _shown(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        text = value if isinstance(value, str) else repr(value)
    except BaseException as why:  # its own doing
        keep(why)
        text = object.__repr__(value)
    return text.encode("utf-8", "surrogatepass")


def _failed(why: BaseException, detail: Any) -> int:
    local.cause = why
    says = FAILED_NO_EFFECT if isinstance(why, NoEffect) else FAILED if isinstance(why, Failed) else IN_DOUBT
    try:
        if says == IN_DOUBT:  # it is not known how far it came; its text may hold what no detail may
            interrupted(why)
            parts.write(detail, f"the handler raised {type(why).__name__}")
        else:
            parts.write(detail, str(why))
    except BaseException as later:
        keep(later)
    return says
