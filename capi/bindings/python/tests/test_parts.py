# SPDX-License-Identifier: Apache-2.0
"""Parts that are written in Python, and what becomes of those that are written badly."""
import os
import signal
import subprocess
import sys
import threading

import pytest

import openexec
from conftest import echoing
from openexec import Code, Control, parts
from python_parts import Fixed, Lengths, MemoryLedger, MemoryLog, MemoryStore, OneWord


@pytest.mark.parametrize("ledger", [lambda: {"ledger": MemoryLedger()},
                                    lambda: {"ledger": MemoryStore(), "log": MemoryLog()}], ids=["one", "apart"])
def test_a_store_and_a_log_in_python_keep_the_promise(ledger):
    ran = []
    settings = ledger()
    made = echoing(**settings, verifier=OneWord())

    @made.handler("count")
    def count(call):
        ran.append(call.exec_id)
        return len(ran)

    approval = {"word": "please", "id": "a-1"}
    with made:
        outcomes = []
        threads = [threading.Thread(target=lambda: outcomes.append(made.attempt("count", nonce="1", approval=approval)))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [outcome.result for outcome in outcomes] == [1] * 8 and len(ran) == 1
        assert sum(not outcome.replayed for outcome in outcomes) == 1
        assert made.attempt("count", {"other": 1}, nonce="1", approval=approval).code is Code.NONCE_CONFLICT
        assert made.attempt("count", nonce="2", approval=approval).code is Code.APPROVAL_SPENT
        assert made.attempt("count", nonce="3").code is Code.APPROVAL_MISSING
        no = made.attempt("count", nonce="3", approval={"word": "now"})
        assert no.code is Code.APPROVAL_SIGNATURE_INVALID and no.detail == "not the word"
        lines = list(made.log())
        assert len(lines) == 12
        assert [line.entry["verdict"] for line in lines].count("replayed") == 7
        assert next(line.entry for line in lines if line.entry["verdict"] == "executed")["approval"]["keys"] == ["word-key"]
        made.order(Control.REVOKE_APPROVAL, id="a-9", who="ada", why="drill")
        assert made.controls() == [parts.ControlName(Control.REVOKE_APPROVAL, "a-9")]
        with pytest.raises(openexec.Invalid):
            made.log().checkpoint()  # it keeps no tree
    with echoing(**settings, verifier=OneWord()) as again:  # another executor on the same store
        assert again.attempt("count", nonce="1", approval=approval).replayed
        kept = [parts.ControlName(Control.REVOKE_APPROVAL, "a-9")] if "log" not in settings else []
        assert again.controls() == kept


def test_a_store_with_a_floor_takes_no_approval_that_is_older_or_does_not_tell_its_age():
    class Restored(MemoryLedger):
        def floor(self):
            return 1_000

    with echoing(ledger=Restored(), verifier=OneWord()) as made:
        for number, (age, code) in enumerate([({}, Code.APPROVAL_SPENT), ({"issued_at_us": 1_000}, Code.APPROVAL_SPENT),
                                              ({"issued_at_us": 1_001}, Code.OK)]):
            approval = {"word": "please", "id": f"a-{number}", **age}
            assert made.attempt("echo", nonce=str(number), approval=approval).code is code


def test_a_clock_and_a_hasher_in_python_are_the_ones_that_count():
    clock = Fixed()
    store = MemoryLedger()
    with echoing(ledger=store, clock=clock, hasher=Lengths()) as made:
        outcome = made.execute("echo", {"a": 1}, nonce="1")
        assert outcome.entry["observed_at"] == "2026-03-01T12:00:00.000000Z"
        assert outcome.entry["request_hash"] == openexec.sha256(Lengths().canonical("echo", '{"a":1}'))
    with pytest.raises(openexec.OpenExecError):  # another hasher's ledger
        echoing(ledger=store).open()


def test_a_store_that_fails_is_never_a_reason_to_run():
    class Failing(MemoryLedger):
        broken = ()

        def claim(self, claim):
            if "claim" in self.broken:
                raise OSError("disk")
            return "nonsense" if "nonsense" in self.broken else super().claim(claim)

        def seal(self, seal):
            if "seal" in self.broken:
                raise OSError("disk")
            return super().seal(seal)

    store, ran = Failing(), []
    made = echoing(ledger=store)
    made.handler("count")(lambda call: ran.append(1))
    with made:
        for broken in ("claim", "nonsense"):
            store.broken = (broken,)
            with pytest.raises(openexec.Unavailable):
                made.execute("count", nonce=broken)
        assert not ran
        store.broken = ("seal",)
        with pytest.raises(openexec.Unavailable) as no:
            made.execute("count", nonce="seal")
        assert len(ran) == 1 and "in doubt" in no.value.detail
        store.broken = ()
        assert not made.attempt("count", nonce="seal").ok and len(ran) == 1


@pytest.mark.parametrize("verdict", [None, True, "yes", parts.Approval(""), parts.Approval("a", [""]),
                                     parts.Approval("\ud800"), KeyError("x"), openexec.OpenExecError(Code.OK),
                                     openexec.OpenExecError(Code.HALTED), SystemExit(0)])
def test_a_verifier_that_does_not_say_yes_has_said_no(verdict):
    class Odd:
        profile = "odd"

        def verify(self, proposal, now_us):
            self.kept = proposal
            if isinstance(verdict, BaseException):
                raise verdict
            return verdict

    verifier, ran = Odd(), []
    made = echoing(verifier=verifier)
    made.handler("count")(lambda call: ran.append(1))
    with made:
        if isinstance(verdict, SystemExit):
            with pytest.raises(SystemExit):
                made.attempt("count", nonce="1", approval={})
        else:
            code = made.attempt("count", nonce="1", approval={}).code
            assert code in (Code.APPROVAL_MALFORMED, Code.APPROVAL_SIGNATURE_INVALID)
        assert not ran
        assert verifier.kept.action == ""  # valid during the call only; reading it later does not crash


def test_a_log_that_fails_or_gives_nonsense_gives_nobody_an_answer():
    class Odd(MemoryLog):
        broken = False

        def append(self, entry):
            if self.broken:
                raise OSError("disk")
            return super().append(entry)

        def read(self, first, count):
            lines = super().read(first, count)
            return [parts.Line(line.index, b"short", line.json) for line in lines] if self.broken else lines

    log = Odd()
    with echoing(ledger=MemoryStore(), log=log) as made:
        made.execute("echo", nonce="1")
        log.broken = True
        with pytest.raises(openexec.Unavailable):
            made.execute("echo", nonce="2")
        with pytest.raises(openexec.Unavailable):
            list(made.log())
        log.broken = False
        assert not made.attempt("echo", nonce="2").ok or made.attempt("echo", nonce="2").replayed


def test_a_part_that_is_none_is_a_type_error_and_one_that_fails_its_test_opens_nothing():
    class NoStore:
        pass

    with pytest.raises(TypeError):
        echoing(ledger=NoStore())

    class Constant(Lengths):
        def canonical(self, action, payload):
            return b"same"

    with pytest.raises(openexec.Invalid):
        echoing(hasher=Constant()).open()

    class Silent(MemoryLedger):
        def pin(self, key, value):
            raise OSError("disk")

    with pytest.raises(openexec.Unavailable):
        echoing(ledger=Silent()).open()


@pytest.mark.parametrize("what", ["clock", "hasher"])
def test_a_clock_or_hasher_that_fails_ends_the_process(what):
    program = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from python_parts import Fixed, Lengths
from conftest import echoing
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
class Clock(Fixed):
    def now_us(self): return 1 / 0
class Hasher(Lengths):
    def digest(self, data): return b"short"
with echoing(**{{"{what}": {{"clock": Clock, "hasher": Hasher}}["{what}"]()}}) as made:
    print(made.attempt("echo", nonce="1"))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert found.returncode == -signal.SIGABRT, found.stderr
    assert "a callback that cannot fail has failed" in found.stderr and not found.stdout


def test_an_interrupt_in_a_clock_or_verifier_is_raised_once_c_has_returned():
    class Clock(Fixed):
        rings = False

        def now_us(self):
            if self.rings:
                self.rings = False
                signal.raise_signal(signal.SIGINT)
            return super().now_us()

    clock = Clock()
    with echoing(clock=clock) as made:
        clock.rings = True
        with pytest.raises(KeyboardInterrupt):
            made.execute("echo", nonce="1")
        assert made.execute("echo", nonce="1").replayed  # the clock was asked again, and it went on
