# SPDX-License-Identifier: Apache-2.0
"""How a handler ends, and how an executor does: every exception, every owner."""
import asyncio
import contextlib
import dataclasses
import datetime
import decimal
import enum
import gc
import threading
import uuid
import warnings
import weakref

import pytest

import openexec
from conftest import echoing
from openexec import Code


class Own(BaseException):
    """A library's own way out, such as a greenlet's."""


def raising(kind):
    made = echoing()

    @made.handler("act")
    def act(call):
        raise kind

    return made


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, StopIteration, Own, TimeoutError])
def test_what_a_handler_raises_is_the_cause_of_in_doubt(kind):
    with raising(kind) as made:
        with pytest.raises(openexec.InDoubt) as no:
            made.execute("act", nonce="1")
        assert isinstance(no.value.__cause__, kind) and no.value.outcome.code is Code.IN_DOUBT
        outcome = made.attempt("act", nonce="2")
        assert outcome.code is Code.IN_DOUBT and isinstance(outcome.cause, kind)
        assert made.execute("echo", nonce="3").ok  # nothing is left over for a later call


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_passes_with_the_outcome(kind):
    with raising(kind) as made:
        for call in (made.execute, made.attempt):
            with pytest.raises(kind) as why:
                call("act", nonce="1")
            assert why.value.outcome.code is Code.IN_DOUBT
            break
        assert made.attempt("act", nonce="1").code is Code.IN_DOUBT
        assert made.execute("echo", nonce="3").ok


def test_a_cancelled_task_of_a_handlers_own_is_no_cancelled_caller():
    made = echoing()

    @made.handler("act")
    def act(call):
        async def cancels_itself():
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

        asyncio.run(cancels_itself())

    async def calls():
        async with made:
            with pytest.raises(openexec.InDoubt) as no:
                await made.execute_async("act", nonce="1")
            assert isinstance(no.value.__cause__, asyncio.CancelledError)

    asyncio.run(calls())


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Invoice:
    number: uuid.UUID
    total: decimal.Decimal
    due: datetime.date
    colour: Colour


class Model:
    """As pydantic's are asked."""

    def model_dump(self, *, mode):
        return {"mode": mode}


def test_the_usual_types_of_python_are_results():
    number = uuid.UUID(int=7)
    at = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
    returned = {"invoice": Invoice(number, decimal.Decimal("10.10"), at.date(), Colour.RED), "at": at, "model": Model(),
                "time": at.time()}
    made = echoing()
    made.handler("act")(lambda call: returned)
    made.handler("odd")(lambda call: {"odd": object()})
    with made:
        assert made.execute("act", nonce="1").result == {
            "invoice": {"number": str(number), "total": "10.10", "due": "2026-03-01", "colour": "red"},
            "at": "2026-03-01T12:00:00+00:00", "model": {"mode": "json"}, "time": "12:00:00"}
        outcome = made.attempt("odd", nonce="2")
        assert outcome.ok and outcome.result["text"].startswith("{'odd': <object")


def test_an_executor_whose_handler_refers_to_it_is_collected_and_warned_about(tmp_path):
    def forgets():
        made = echoing(ledger=tmp_path / "ledger.db", events=lambda event: None)

        @made.handler("nested")
        def nested(call):
            return made.closed

        made.open()
        assert made.execute("nested", nonce="1").result is False
        return weakref.ref(made)

    with pytest.warns(ResourceWarning, match="was not closed"):
        seen = forgets()
        gc.collect()
    assert seen() is None
    with echoing(ledger=tmp_path / "ledger.db") as again:  # its ledger is free
        assert again.execute("echo", nonce="2").ok


def test_a_closed_executor_is_collected_without_a_word_and_its_log_stays_readable(tmp_path):
    made = echoing(ledger=tmp_path / "ledger.db")
    with made:
        made.execute("echo", nonce="1")
        log = made.log()
    seen = weakref.ref(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del made
        gc.collect()
    assert seen() is None and len(log) == 1
    log.close()
    with pytest.raises(openexec.Invalid):
        len(log)


def test_of_200_threads_that_call_while_the_executor_is_closed_each_is_answered(tmp_path):
    ran, told = [], []
    for number in range(3):
        made = echoing(ledger=tmp_path / "ledger.db")

        @made.handler("act")
        def act(call):
            ran.append(call.exec_id)
            return 1

        made.open()
        together = threading.Barrier(201)

        def work(i, made=made, number=number, together=together):
            together.wait(60)
            try:
                told.append(made.attempt("act", nonce=f"{number}-{i}").code)
            except openexec.Invalid as no:
                told.append(no.code)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(200)]
        for thread in threads:
            thread.start()
        together.wait(60)
        made.close()
        for thread in threads:
            thread.join(60)
    assert len(told) == 600 and set(told) <= {Code.OK, Code.INVALID_ARGUMENT}
    assert len(set(ran)) == len(ran) == told.count(Code.OK)
    with echoing(ledger=tmp_path / "ledger.db") as again:
        assert again.recovered()["in_doubt"] == 0


def test_what_a_part_raised_keeps_no_executor_alive():
    class Raises:
        profile = "raises"

        def verify(self, proposal, now_us):
            raise Own

    def calls():
        made = echoing(verifier=Raises())
        with made:
            with contextlib.suppress(openexec.Refused):
                made.execute("echo", nonce="1", approval={})
            with contextlib.suppress(openexec.OpenExecError):
                made.ready()
        return weakref.ref(made)

    seen = calls()
    gc.collect()
    assert seen() is None
