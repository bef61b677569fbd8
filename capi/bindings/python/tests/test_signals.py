# SPDX-License-Identifier: Apache-2.0
"""Signals at any instant: nothing is lost, nothing runs twice, and the ledger is free afterwards."""
import collections
import contextlib
import gc
import os
import random
import signal
import threading
import time

import pytest

import openexec
from conftest import echoing
from openexec import Code, ResultForm
from python_parts import Fixed, Lengths, MemoryLedger, OneWord

SECONDS = float(os.environ.get("OPENEXEC_STORM_SECONDS", "3"))  # the campaign: 120


class Ring(Exception):
    """What the storm's signal handler raises."""


class Bell(BaseException):
    """The same, where no `except Exception` sees it."""


@contextlib.contextmanager
def storm(raises):
    """A signal every 0.2 to 2 ms. Its handler raises what it is given, or nothing."""
    rung = collections.Counter()

    def ring(number, frame):
        rung["rings"] += 1
        if raises is not None and rung["on"]:
            rung["on"] = 0  # one for each call; who raises in the handling of what he raised before wants no answer
            raise raises

    gc.collect()  # what tests before left is not to be finalised under signals
    before = signal.signal(signal.SIGALRM, ring)
    stop = threading.Event()

    def beat():
        choose = random.Random(1)
        while not stop.wait(choose.uniform(0.0002, 0.002)):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    beater = threading.Thread(target=beat)
    beater.start()
    try:
        yield rung
    finally:
        rung["on"] = 0
        stop.set()
        beater.join()
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("raises", [None, Ring, Bell, KeyboardInterrupt], ids=lambda kind: kind and kind.__name__)
@pytest.mark.parametrize("own_parts", [False, True], ids=["supplied", "own"])
def test_a_storm_of_signals_loses_no_effect_and_no_ledger(tmp_path, raises, own_parts):
    ran = collections.Counter()
    returned = set()
    settings = {"ledger": tmp_path / "ledger.db"}
    approval = None
    if own_parts:
        settings = {"ledger": MemoryLedger(), "clock": Fixed(), "hasher": Lengths(), "verifier": OneWord()}
    made = echoing(**settings)

    @made.handler("act")
    def act(call):
        ran[call.exec_id] += 1
        value = {"ran": [1.5, "two"] * 50}
        returned.add(call.exec_id)
        return value

    made.open()
    told, invalid, number = collections.Counter(), 0, 0
    with storm(raises) as rung:
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until or number < 8 or rung["rings"] <= 10:
            number += 1
            if own_parts:
                approval = {"word": "please", "id": f"a-{number}"}
            for _ in range(2):  # and once more, with the same nonce
                try:
                    rung["on"] = number % 4  # every fourth runs as nothing happened
                    outcome = made.attempt("act", {"n": number}, nonce=f"n-{number}", approval=approval)
                    rung["on"] = 0
                except (Ring, Bell, KeyboardInterrupt) as why:
                    rung["on"] = 0
                    outcome = getattr(why, "outcome", None)
                rung["on"] = 0
                if outcome is not None:
                    told[outcome.verdict.name, outcome.code.name] += 1
                    invalid += outcome.result_form is not ResultForm.JSON
    assert rung["rings"] > 10
    assert not ran or max(ran.values()) == 1  # nothing ran twice
    assert invalid == 0  # what took place was written
    logged = collections.Counter()
    for line in made.log():
        entry = line.entry
        if entry["verdict"] in ("executed", "failed"):  # a replay that is in doubt looks like the first one
            logged[entry["exec_id"]] += 1
            assert entry["exec_id"] not in returned or entry["code"] == "ok", entry
    assert max(logged.values()) == 1
    made.close()
    if not own_parts:
        with echoing(ledger=tmp_path / "ledger.db") as again:  # the ledger is free, whatever was raised where
            assert again.execute("echo", nonce="after").ok


def test_what_a_handler_returned_is_written_whenever_a_signal_comes(monkeypatch):
    """A signal at each instruction of the binding, one after the other: the handler's effect is never result_invalid."""
    import sys

    made = echoing()
    pending = {}

    @made.handler("act")
    def act(call):
        pending["armed"] = True
        return {"done": True}

    def trace(frame, event, argument):
        if "openexec" in frame.f_code.co_filename and "tests" not in frame.f_code.co_filename:
            frame.f_trace_opcodes = True
            if pending.get("armed") and event == "opcode":
                pending["left"] -= 1
                if pending["left"] == 0:
                    raise Ring
            return trace
        return None

    codes = collections.Counter()
    with made:
        for at in range(1, 200):
            pending.update(armed=False, left=at)
            outcome = None
            sys.settrace(trace)
            try:
                outcome = made.attempt("act", nonce=f"n-{at}")
            except Ring as why:
                outcome = getattr(why, "outcome", None)
            finally:
                sys.settrace(None)
            after = made.attempt("act", nonce=f"n-{at}")
            codes[after.code.name] += 1
            assert after.code is not Code.RESULT_INVALID
            assert after.code in (Code.OK, Code.IN_DOUBT)
            if outcome is not None:
                assert outcome.exec_id == after.exec_id
    assert codes["OK"] > 100


def test_what_a_signal_raises_carries_the_outcome():
    made = echoing()

    @made.handler("act")
    def act(call):
        signal.raise_signal(signal.SIGINT)
        return 1

    with made, pytest.raises(KeyboardInterrupt) as why:
        made.execute("act", nonce="1")
    assert why.value.outcome.code is Code.IN_DOUBT and why.value.outcome.cause is why.value


def test_what_a_signal_raises_in_a_verifier_is_the_cause_of_the_no():
    class Slow(OneWord):
        def verify(self, proposal, now_us):
            raise Ring

    with echoing(verifier=Slow()) as made:
        with pytest.raises(openexec.Refused) as no:
            made.execute("echo", nonce="1", approval={"word": "please", "id": "1"})
        assert isinstance(no.value.__cause__, Ring)


def test_an_exception_between_enter_and_leave_keeps_no_ledger(tmp_path):
    """Interrupts calls of every kind, and then closes."""
    made = echoing(ledger=tmp_path / "ledger.db").open()
    log = made.log()
    with storm(Ring) as rung:
        until = time.monotonic() + SECONDS / 3
        number = 0
        while time.monotonic() < until:
            number += 1
            for use in (lambda: made.halted, made.ready, made.recovered, made.controls, lambda: len(log),
                        lambda: made.attempt_json(f'{{"action":"echo","nonce":"{number}"}}'),
                        lambda: made.order(openexec.Control.REVOKE_KEY, id=f"k-{number}", who="ada", why="drill"),
                        lambda: made.log().close()):
                try:
                    rung["on"] = 1
                    use()
                    rung["on"] = 0
                except Ring:
                    rung["on"] = 0
    log.close()
    made.close()
    gc.collect()  # readers whose close was interrupted
    with echoing(ledger=tmp_path / "ledger.db") as again:
        assert again.execute("echo", nonce="after").ok
