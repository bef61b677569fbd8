# SPDX-License-Identifier: Apache-2.0
"""The boundary as a Python program sees it."""
import asyncio
import hashlib
import os
import subprocess
import sys
import threading

import pytest

import openexec
from conftest import TENANT, echoing
from openexec import Code, Control, Effect, EventKind, Verdict


def test_an_execution_leaves_a_receipt_and_its_repetition_is_a_replay(executor):
    first = executor.execute("echo", {"msg": "hé"}, nonce="n-1")
    assert (first.code, first.verdict, first.effect) == (Code.OK, Verdict.EXECUTED, Effect.CONFIRMED)
    assert first.result == {"echo": {"msg": "hé"}} and first.receipt.verify() and not first.replayed
    assert first.entry["exec_id"] == first.exec_id and first.entry_index == 0 and first.http == 200
    again = executor.execute("echo", '{ "msg" : "h\\u00e9" }', nonce="n-1")
    assert again.replayed and again.receipt == first.receipt and again.verdict is Verdict.REPLAYED
    assert [line.entry["verdict"] for line in executor.log()] == ["executed", "replayed"]
    assert [line.index for line in executor.log().find(first.exec_id)] == [0, 1]


def test_every_no_is_raised_by_its_kind_with_its_outcome(executor):
    with pytest.raises(openexec.Refused) as no:
        executor.execute("unheard-of", nonce="n-1")
    assert no.value.code is Code.UNKNOWN_ACTION and no.value.kind is openexec.Kind.REFUSED
    assert no.value.outcome.receipt.verify() and no.value.outcome.entry["code"] == "unknown_action"
    with pytest.raises(openexec.Invalid) as no:
        executor.execute("echo", "{", nonce="n-2")
    assert no.value.code is Code.MALFORMED_REQUEST and "payload" in no.value.detail
    assert isinstance(no.value, ValueError)
    executor.execute("echo", {"n": 1}, nonce="n-3")
    with pytest.raises(openexec.Refused, match="nonce_conflict"):
        executor.execute("echo", {"n": 2}, nonce="n-3")
    assert executor.attempt("unheard-of", nonce="n-1").code is Code.UNKNOWN_ACTION


def test_what_a_handler_raises_is_what_it_says_of_the_world():
    made = echoing()

    @made.handler("none")
    def none(call):
        raise openexec.NoEffect("the address is unknown")

    @made.handler("failed")
    def failed(call):
        raise openexec.Failed("half of it")

    @made.handler("crash")
    def crash(call):
        raise KeyError("secret of the payload")

    with made:
        with pytest.raises(openexec.HandlerFailed) as no:
            made.execute("none", nonce="1")
        assert no.value.outcome.effect is Effect.NONE and "the address is unknown" in no.value.detail
        with pytest.raises(openexec.HandlerFailed) as no:
            made.execute("failed", nonce="2")
        assert no.value.outcome.effect is Effect.UNKNOWN
        with pytest.raises(openexec.InDoubt) as no:
            made.execute("crash", nonce="3")
        assert "KeyError" in no.value.detail and "secret" not in no.value.detail
        assert isinstance(no.value.__cause__, KeyError)  # for the caller who debugs
        assert "secret" not in "".join(line.json for line in made.log())
        told = no.value
        with pytest.raises(openexec.InDoubt) as no:  # never run again
            made.execute("crash", nonce="3")
        assert no.value.__cause__ is None and no.value.detail == told.detail
        assert "may have run" in no.value.outcome.advice and told.outcome.advice == no.value.outcome.advice


def test_a_handler_with_retry_none_runs_again_after_nothing_happened_and_sees_its_attempt():
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
    seen = []

    @made.handler("try", retry_none=1)
    def try_it(call):
        seen.append((call.attempt, call.exec_id))
        if call.attempt == 1:
            raise openexec.NoEffect("closed")
        return {"attempt": call.attempt}

    with made:
        first = made.attempt("try", nonce="1")
        assert first.code is Code.HANDLER_FAILED and first.attempt == 1 and first.may_retry
        again = made.execute("try", nonce="1")
        assert again.attempt == 2 and not again.may_retry and not again.replayed
        assert made.execute("try", nonce="1").replayed
        assert [number for number, _ in seen] == [1, 2] and len({exec_id for _, exec_id in seen}) == 1


class Odd:
    def __repr__(self):
        return "an odd one"


@pytest.mark.parametrize(("said", "kept"), [
    (Odd(), {"text": "an odd one"}), (float("nan"), {"text": "nan"}), (2**60, {"text": str(2**60)}),
    ("\ud800", {"base64": "7aCA"}), (b"b\xff", {"base64": "Yv8="}), (b"line", {"text": "line"}),
    ({"a": Odd()}, {"text": "{'a': an odd one}"}), (openexec.Json("{"), {"text": "{"}),
    (openexec.Json("done\n{}"), {"text": "done\n{}"}), (openexec.Json('{"a":1,"a":2}'), {"text": '{"a":1,"a":2}'})])
def test_a_result_that_is_no_strict_json_is_kept_whole(said, kept):
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
    made.handler("odd")(lambda call: said)
    with made:
        first, again = (made.execute("odd", nonce="1") for _ in range(2))
    assert first.effect is Effect.CONFIRMED and first.result == again.result == kept
    form = openexec.ResultForm.TEXT if "text" in kept else openexec.ResultForm.BYTES
    assert first.result_form is again.result_form is form and first.entry["result_form"] == str(form)
    assert first.receipt.verify() and first.verdict is Verdict.EXECUTED and again.verdict is Verdict.REPLAYED


def test_every_json_value_is_a_result():
    values = [None, True, 0, -1.5, "", "é", [], {}, [1, {"a": [None]}], (1, 2)]
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
    made.handler("value")(lambda call: values[call.payload["i"]])
    with made:
        for i, value in enumerate(values):
            found = made.execute("value", {"i": i}, nonce=str(i)).result
            assert found == (list(value) if isinstance(value, tuple) else value)


def test_an_approval_is_needed_fits_one_request_and_is_spent_by_it(approver):
    made = echoing(verifier=openexec.Clawshield(approver.public_key, TENANT), tenant=TENANT)
    with made:
        with pytest.raises(openexec.Refused) as no:
            made.execute("echo", {"to": "ada"}, nonce="1")
        assert no.value.code is Code.APPROVAL_MISSING
        approval = approver.approve("echo", {"to": "ada"})
        with pytest.raises(openexec.Refused) as no:
            made.execute("echo", {"to": "eve"}, nonce="1", approval=approval)
        assert no.value.code is Code.APPROVAL_HASH_MISMATCH
        assert made.execute("echo", {"to": "ada"}, nonce="1", approval=approval).ok
        assert made.execute("echo", {"to": "ada"}, nonce="1", approval=approval).replayed
        with pytest.raises(openexec.Refused) as no:
            made.execute("echo", {"to": "ada"}, nonce="2", approval=approval)
        assert no.value.code is Code.APPROVAL_SPENT


def test_a_ledger_remembers_and_is_held_by_one(tmp_path):
    path = tmp_path / "ledger.db"
    with echoing(ledger=path) as made:
        receipt = made.execute("echo", {"n": 1}, nonce="1").receipt
        with pytest.raises(openexec.Unavailable) as no:
            echoing(ledger=f"sqlite:///{path}").open()
        assert no.value.code is Code.STORE_FAILED
    with echoing(ledger=path) as made:
        again = made.execute("echo", {"n": 1}, nonce="1")
        assert again.replayed and again.receipt == receipt
    with openexec.Log(f"sqlite:///{path}") as log:
        assert len(log) == 2


def test_a_portable_receipt_verifies_far_from_its_ledger(tmp_path):
    with echoing(ledger=tmp_path / "ledger.db", log_origin="example.com/test") as made:
        outcome = made.execute("echo", {"n": 1}, nonce="1", proof=True)
        log = made.log()
        assert log.prove(0) == outcome.proof and log.cosigned() is None
        key, checkpoint = log.verifier_key, log.checkpoint()
        assert checkpoint.startswith("example.com/test\n1\n") and log.resource("checkpoint").decode() == checkpoint
        assert log.resource("tile/9/000") is None and log.consistency(1, 1) == []
    found = openexec.verify_evidence(outcome.proof, log_key=key, payload={"n": 1}, nonce="1", action="echo",
                                     result=outcome.result_json, receipt=str(outcome.receipt))
    assert found.ok and found.entry == outcome.entry and found.findings[openexec.Step.COSIGNATURES].name == "NOT_ASKED"
    other = openexec.verify_evidence(outcome.proof, log_key=key, payload={"n": 2})
    assert not other.ok and other.decided_by is openexec.Step.PAYLOAD
    assert openexec.verify_evidence(outcome.proof).answer is openexec.Answer.INCOMPLETE
    with pytest.raises(openexec.Invalid):
        openexec.verify_evidence(outcome.proof, log_key="no key")
    with pytest.raises(openexec.Invalid):
        openexec.verify_evidence(outcome.proof, log_key=key, policy="")  # empty is not absent


def test_orders_halt_resume_and_revoke_with_who_and_why(executor):
    order = executor.order(Control.HALT, who="ada", why="drill")
    assert order.verdict is Verdict.CONTROL and order.entry["control"]["who"] == "ada"
    assert executor.halted and [control.control for control in executor.controls()] == [Control.HALT]
    with pytest.raises(openexec.Refused, match="halted"):
        executor.execute("echo", nonce="1")
    with pytest.raises(openexec.Refused, match="halted"):
        executor.ready()
    executor.order(Control.HALT, active=False, who="ada", why="over")
    executor.halt()
    executor.resume()
    executor.ready()
    assert not executor.halted and executor.execute("echo", nonce="2").ok
    executor.order(Control.REVOKE_APPROVAL, id="a-1", who="ada", why="stolen")
    assert executor.controls() == [openexec.parts.ControlName(Control.REVOKE_APPROVAL, "a-1")]
    with pytest.raises(openexec.Invalid):
        executor.order(Control.REVOKE_KEY, id="k", who="", why="nobody")


def test_a_trust_policy_is_loaded_and_reloaded_whole():
    made = echoing(verifier=openexec.TrustPolicy())
    with made:
        with pytest.raises(openexec.Refused) as no:
            made.execute("echo", nonce="1", approval={})
        assert no.value.code in (Code.APPROVAL_KEY_MISSING, Code.APPROVAL_MALFORMED)
        with pytest.raises(openexec.Invalid):
            made.reload_trust_policy({"nonsense": 1})
        from conftest import vectors
        made.reload_trust_policy(vectors("approvals_dsse")["trust_policy"])
        made.ready()


def test_events_tell_what_happened_and_a_listener_that_raises_stops_nothing(capfd):
    seen = []

    def listen(event):
        seen.append(event)
        if event.kind is EventKind.ANSWERED:
            raise RuntimeError("listener")

    with echoing(events=listen) as made:
        outcome = made.execute("echo", nonce="1")
    assert [event.kind for event in seen] == [EventKind.OPENED, EventKind.ANSWERED, EventKind.CLOSED]
    assert seen[1].exec_id == outcome.exec_id and seen[1].verdict is Verdict.EXECUTED
    assert "RuntimeError" in capfd.readouterr().err


def test_allow_list_limits_and_cost_are_kept():
    with echoing(allowed_actions=[]) as made, pytest.raises(openexec.Refused, match="action_not_allowed"):
        made.execute("echo", nonce="1")
    with echoing(limits={openexec.Limit.RESULT_BYTES: 32}) as made:
        cut = made.execute("echo", {"long": "x" * 64}, nonce="1").result
        whole = b'{"echo":{"long":"' + b"x" * 64 + b'"}}'
        assert cut == {"length": len(whole), "sha256": hashlib.sha256(whole).hexdigest(), "text": whole[:32].decode(),
                       "truncated": True}
    with pytest.raises(TypeError):
        echoing(allowed_actions="echo")
    with pytest.raises(openexec.Invalid):
        echoing(limits={99: 1})


def test_a_handler_knows_its_call_and_sees_that_it_was_cancelled():
    seen = []
    cancellation = openexec.Cancellation()
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo(), tenant=TENANT)

    @made.handler("look", deadline_ms=1000)
    def look(call):
        before = call.cancelled
        cancellation.cancel()
        seen.append((call, before, call.cancelled))
        return None

    with made:
        outcome = made.execute("look", {"b": 1, "a": 2}, nonce="1", cancellation=cancellation)
    call, before, after = seen[0]
    assert (before, after) == (False, True) and call.cancelled  # it may be kept
    assert (call.exec_id, call.action, call.tenant) == (outcome.exec_id, "look", TENANT)
    assert call.payload_json == '{"a":2,"b":1}' and call.deadline_ns > 0


def test_a_reconcile_function_settles_what_a_killed_process_left(tmp_path):
    path = tmp_path / "ledger.db"
    program = f"""
import os, openexec
made = openexec.Executor(ledger="sqlite:///{path}", verifier=openexec.Demo())
made.handler("pay")(lambda call: os._exit(9))
made.handler("send")(lambda call: os._exit(9))
made.open()
import sys
made.execute(sys.argv[1], {{}}, nonce=sys.argv[1])
"""
    for action in ("pay", "send"):
        assert subprocess.run([sys.executable, "-c", program, action]).returncode == 9
        made = openexec.Executor(ledger=path, verifier=openexec.Demo())
        asked = []

        def reconcile(settlement):
            asked.append(settlement)
            if settlement.action == "send":
                raise openexec.NoEffect("never arrived")
            return {"paid": True}

        for name in ("pay", "send"):
            made.handler(name, reconcile=reconcile)(lambda call: pytest.fail("ran again"))
        with made:
            assert made.recovered() == {"in_doubt": 1, "settled": 1, "relogged": 0}
            assert made.recover() == {"in_doubt": 0, "settled": 0, "relogged": 0}
            outcome = made.attempt(action, {}, nonce=action)
            assert outcome.replayed and len(asked) == 1 and asked[0].exec_id == outcome.exec_id
            assert outcome.code is (Code.OK if action == "pay" else Code.HANDLER_FAILED)
            assert outcome.effect is (Effect.CONFIRMED if action == "pay" else Effect.NONE)


def test_the_interpreter_goes_on_while_an_execution_blocks():
    entered, leave = threading.Event(), threading.Event()
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())

    @made.handler("wait")
    def wait(call):
        entered.set()
        assert leave.wait(60)
        return None

    with made:
        outcomes = []
        threads = [threading.Thread(target=lambda: outcomes.append(made.attempt("wait", nonce="same")))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        assert entered.wait(60)  # three wait inside C for the fourth, which waits for this thread
        assert made.attempt("wait", nonce="same", max_wait_ms=-1).code is Code.IN_PROGRESS
        leave.set()
        for thread in threads:
            thread.join(60)
        assert sorted(outcome.replayed for outcome in outcomes) == [False, True, True, True]


def test_asyncio_runs_several_at_once_and_a_cancelled_task_sets_the_flag():
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo(), workers=4)
    together = threading.Barrier(4)
    entered, left = threading.Event(), threading.Event()

    @made.handler("meet")
    def meet(call):
        together.wait(60)
        return call.payload

    @made.handler("linger")
    def linger(call):
        entered.set()
        while not call.cancelled:
            os.sched_yield()
        left.set()
        return "late"

    async def main():
        async with made:
            outcomes = await asyncio.gather(*(made.execute_async("meet", {"i": i}, nonce=str(i)) for i in range(4)))
            assert [outcome.result["i"] for outcome in outcomes] == [0, 1, 2, 3]
            with pytest.raises(openexec.Refused):
                await made.execute_async("unheard-of", nonce="no")
            task = asyncio.create_task(made.execute_async("linger", nonce="slow"))
            assert await asyncio.to_thread(entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(left.wait, 60)
            told = await made.execute_async("linger", nonce="slow")  # an attempt that has begun is not undone
            assert told.replayed and told.result == "late"

    asyncio.run(main())


def test_versions_and_features_are_the_librarys():
    assert openexec.version().startswith("0.1.")
    assert openexec.has_feature("sqlite") and not openexec.has_feature("telepathy")


def test_a_payload_that_does_not_satisfy_the_schema_is_refused_with_its_path():
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
    made.handler("mail", schema={"required": ["to"], "properties": {"to": {"type": "string"}}})(lambda call: None)
    made.handler("text", schema='{"maxProperties":0}')(lambda call: None)
    with made:
        for payload, detail in ((None, "/to is missing"), ({"to": 17}, '/to does not satisfy "type"')):
            outcome = made.attempt("mail", payload, nonce="n-1")
            assert outcome.code is Code.PAYLOAD_SCHEMA and detail in outcome.detail and "17" not in outcome.detail
        assert made.execute("mail", {"to": "ada"}, nonce="n-1").ok
        assert made.attempt("text", {"a": 1}, nonce="n-2").code is Code.PAYLOAD_SCHEMA


def test_a_schema_that_cannot_be_checked_registers_nothing():
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
    for schema in ({"properties": {"to": {"format": "email"}}}, "", "{", {"$ref": "https://example.com"}):
        with pytest.raises(openexec.Invalid) as no:
            made.handler("mail", schema=schema)(lambda call: None)
        assert "schema" in no.value.detail
    with pytest.raises(TypeError):
        made.handler("mail", schema=7)(lambda call: None)
    with made:
        assert made.attempt("mail", nonce="n-1").code is Code.UNKNOWN_ACTION
