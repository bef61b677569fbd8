# SPDX-License-Identifier: Apache-2.0
"""Whatever a program does wrong, it gets an exception of Python's, no crash and no leak."""
import gc
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
import weakref

import pytest

import openexec
from conftest import echoing
from openexec import Code, Invalid, _ffi
from openexec._ffi import ffi, lib


def python(program, **environment):
    return subprocess.run([sys.executable, "-X", "faulthandler", "-c", program], capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=120)


def test_invalid_utf8_wrong_types_and_odd_names_are_refused_by_name(executor):
    with pytest.raises(Invalid, match="nonce: is not UTF-8"):
        executor.execute("echo", nonce="\udc80")
    with pytest.raises(Invalid, match="payload"):
        executor.execute("echo", {"a": "\ud800"}, nonce="1")
    with pytest.raises(Invalid, match="payload"):
        executor.execute("echo", b'{"a":"\xff"}', nonce="1")
    for nonce in ("", "n\x00", "n" * 256):
        with pytest.raises(Invalid) as no:
            executor.execute("echo", nonce=nonce)
        assert no.value.code is Code.MALFORMED_REQUEST and no.value.outcome.receipt.verify()
    for payload in ({"a": float("inf")}, {"a": 2**53 + 1}, {"a": object()}, "[]", "{", '{"a":1,"a":1}'):
        with pytest.raises(Invalid):
            executor.execute("echo", payload, nonce="1")
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid):
        executor.execute("echo", {"deep": deep}, nonce="1")
    for payload in (1, ["a"], object()):
        with pytest.raises(TypeError):
            executor.execute("echo", payload, nonce="1")
    with pytest.raises(TypeError):
        executor.execute("echo", nonce=1)
    with pytest.raises(TypeError):
        executor.execute(None, nonce="1")
    for action in ("", "a b", "a" * 129, "é"):
        with pytest.raises(Invalid):
            echoing().handler(action)(lambda call: None)
    assert executor.execute("echo", nonce="1").ok  # none of these has spent it


def test_null_handles_and_wrong_sizes_are_refused(executor):
    error = ffi.new("openexec_error **")
    outcome = ffi.new("openexec_outcome **")
    request = ffi.new("openexec_request *", {"size": ffi.sizeof("openexec_request")})
    assert lib.openexec_executor_execute(ffi.NULL, request, ffi.NULL, outcome, error) == Code.INVALID_ARGUMENT
    lib.openexec_error_destroy(error)
    for size in (0, 8, ffi.sizeof("openexec_request") - 1):
        request.size = size
        code = lib.openexec_executor_execute(executor._handle[0], request, ffi.NULL, outcome, error)
        assert code == Code.UNSUPPORTED_ABI and outcome[0] == ffi.NULL
        assert isinstance(_ffi.taken(code, error), Invalid) and error[0] == ffi.NULL
    longer = ffi.new("char[]", ffi.sizeof("openexec_request") + 8)
    request = ffi.cast("openexec_request *", longer)
    request.size = len(longer)
    longer[len(longer) - 1] = b"\x01"
    assert lib.openexec_executor_execute(executor._handle[0], request, ffi.NULL, outcome, error) == Code.UNSUPPORTED_ABI
    lib.openexec_error_destroy(error)
    lib.openexec_outcome_destroy(ffi.NULL)
    assert lib.openexec_executor_halted(ffi.NULL) == 1


def test_what_was_closed_or_not_opened_says_so():
    made = echoing()
    for use in (lambda: made.execute("echo", nonce="1"), made.halt, made.log, made.ready, made.recovered,
                lambda: made.halted, made.controls):
        with pytest.raises(Invalid, match="open"):
            use()
    made.open()
    for again in (made.open, lambda: made.handler("late")(lambda call: None)):
        with pytest.raises(Invalid, match="is open"):
            again()
    log = made.log()
    made.close()
    made.close()
    assert made.closed
    for use in (lambda: made.execute("echo", nonce="1"), made.halt, made.open, made.log, lambda: made.halted):
        with pytest.raises(Invalid, match="is closed"):
            use()
    assert len(log) == 0  # a log outlives its executor
    log.close()
    for use in (lambda: len(log), lambda: log.read(), log.checkpoint, lambda: log.prove(0)):
        with pytest.raises(Invalid, match="is closed"):
            use()
    half = openexec.Executor.__new__(openexec.Executor)
    del half  # one that was never made is not closed either


def test_an_executor_that_could_not_be_made_or_opened_holds_nothing(tmp_path):
    (tmp_path / "no.db").write_text("not a ledger, but long enough to be looked at\n" * 100)
    made = echoing(ledger=tmp_path / "no.db")
    for _ in range(2):
        with pytest.raises(openexec.Unavailable):
            made.open()
    made.close()
    for settings in ({"ledger": 1}, {"verifier": None}, {"verifier": openexec.Demo}, {"tenant": 7}):
        with pytest.raises(TypeError):
            echoing(**settings)
    for settings in ({"tenant": ""}, {"verifier": openexec.Clawshield("no key", "t")}, {"ledger": "mysql://"},
                     {"log_origin": ""}, {"verifier": openexec.TrustPolicy("{")}):
        with pytest.raises(Invalid):
            echoing(**settings).open()
    for handler in (None, 1, "f"):
        with pytest.raises(TypeError):
            echoing().handler("x")(handler)

    async def coroutine(call):
        return None

    with pytest.raises(TypeError):
        echoing().handler("x")(coroutine)
    with pytest.raises(Invalid):
        echoing().handler("echo")(lambda call: None)  # the name is taken


def test_closing_during_an_execution_lets_it_finish():
    entered, leave = threading.Event(), threading.Event()
    ended = threading.Event()

    def listen(event):
        if event.kind is openexec.EventKind.CLOSED:
            ended.set()

    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo(), events=listen)

    @made.handler("wait")
    def wait(call):
        entered.set()
        assert leave.wait(60)
        return "done"

    made.open()
    found = []
    thread = threading.Thread(target=lambda: found.append(made.attempt("wait", nonce="1")))
    thread.start()
    assert entered.wait(60)
    made.close()
    assert not ended.is_set()
    with pytest.raises(Invalid):
        made.attempt("wait", nonce="2")
    leave.set()
    thread.join(60)
    assert found[0].ok and found[0].result == "done" and ended.is_set()


def test_a_handler_may_close_its_executor_and_may_not_execute_on_it():
    made = echoing()
    inner = []

    @made.handler("again")
    def again(call):
        inner.append(made.attempt("echo", nonce="inner"))
        made.close()
        return "closed"

    with made:
        outcome = made.attempt("again", nonce="outer")
    assert inner[0].code is Code.INVALID_ARGUMENT and inner[0].verdict is openexec.Verdict.REFUSED
    assert outcome.result == "closed"


def test_a_handler_may_execute_on_another_executor_and_each_keeps_its_own_cause():
    inner, outer = echoing(), echoing()

    @inner.handler("crash")
    def crash(call):
        raise KeyError("inner")

    @outer.handler("nest")
    def nest(call):
        assert isinstance(inner.attempt("crash", nonce="1").cause, KeyError)
        raise ValueError("outer")

    with inner, outer:
        assert isinstance(outer.attempt("nest", nonce="1").cause, ValueError)


def test_an_interrupt_in_a_handler_reaches_the_caller_and_leaves_the_nonce_in_doubt():
    made = echoing()

    @made.handler("interrupted")
    def interrupted(call):
        signal.raise_signal(signal.SIGINT)
        return 1

    with made:
        for nonce in ("1", "2"):
            with pytest.raises(KeyboardInterrupt):
                made.execute("interrupted", nonce=nonce)
        assert made.attempt("interrupted", nonce="1").code is Code.IN_DOUBT
        assert made.execute("echo", nonce="3").ok


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_is_refused_and_the_parent_goes_on(tmp_path):
    with echoing(ledger=tmp_path / "ledger.db") as made:
        made.execute("echo", nonce="1")
        log = made.log()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                refused = 0
                for use in (lambda: made.execute("echo", nonce="2"), made.halt, lambda: len(log), made.recover,
                            lambda: asyncio_attempt(made)):
                    try:
                        use()
                    except Invalid:
                        refused += 1
                made.close()
                log.close()
                with echoing() as own:  # the library itself goes on
                    own.execute("echo", nonce="1")
                status = 0 if refused == 5 else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert made.execute("echo", nonce="2").ok and len(log) == 2


def asyncio_attempt(made):
    import asyncio
    return asyncio.run(made.attempt_async("echo", nonce="3"))


def test_a_library_that_is_absent_or_another_is_an_import_error(tmp_path):
    found = python("import openexec", OPENEXEC_LIBRARY=str(tmp_path / "none.so"))
    assert found.returncode == 1 and "ImportError: openexec: no libopenexec.so" in found.stderr
    found = python("import openexec", OPENEXEC_LIBRARY="libc.so.6")
    assert found.returncode == 1 and "ImportError: openexec: no libopenexec.so" in found.stderr


def test_a_process_that_ends_with_everything_open_ends_well():
    found = python("""
import openexec, threading
made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo())
made.handler("echo")(lambda call: call.payload)
made.open()
outcome = made.execute("echo", nonce="1"); log = made.log(); proposal = openexec.Proposal("a", nonce="1")
""")
    assert found.returncode == 0, found.stderr
    assert "Fatal" not in found.stderr and "Traceback" not in found.stderr


def test_an_executor_that_nobody_closed_is_warned_about_and_closed():
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo()).open()
    with pytest.warns(ResourceWarning, match="was not closed"):
        del made
        gc.collect()


class Part:
    """Something to see the end of."""

    def __call__(self, call):
        return None


def test_what_was_handed_over_is_let_go_with_the_executor():
    handler, events = Part(), Part()
    seen = [weakref.ref(handler), weakref.ref(events)]
    made = openexec.Executor(ledger="sqlite://", verifier=openexec.Demo(), events=events)
    made.handler("part")(handler)
    with pytest.raises(Invalid):
        made.handler("part")(Part())  # refused: not kept either
    del handler, events
    with made:
        made.execute("part", nonce="1")
        gc.collect()
        assert all(ref() is not None for ref in seen)
    del made
    gc.collect()
    assert all(ref() is None for ref in seen)


def rss_kib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def test_ten_thousand_executors_are_opened_and_closed_without_a_leak():
    def some(count):
        for i in range(count):
            with echoing() as made:
                assert made.execute("echo", {"i": i}, nonce="1").ok
                assert len(made.log()) == 1
        gc.collect()

    some(500)  # whatever is made once has been made
    tracemalloc.start()
    try:
        before, resident = tracemalloc.get_traced_memory()[0], rss_kib()
        some(9_500)
        grown, grew = tracemalloc.get_traced_memory()[0] - before, rss_kib() - resident
    finally:
        tracemalloc.stop()
    assert grown < 200_000, f"{grown} bytes of Python's"  # 21 bytes an executor
    if not os.environ.get("OPENEXEC_SANITIZE"):  # a sanitizer keeps what was freed
        assert grew < 20_000, f"{grew} KiB resident"  # 2 KiB an executor


@pytest.mark.parametrize("payload, detail", [
    ({"a": [1, {"b": object()}]}, "payload.a[1].b: is object, which JSON has no form for"),
    ({"a": float("nan")}, "payload.a: is a float that is not finite; JSON has none"),
    ({"a": {(1, 2): "one"}}, "payload.a: a member's name is tuple, and must be str"),
    ({"a": "\ud800"}, "payload.a: is not UTF-8"),
    ({"s3cret": {2, 3}}, "payload.s3cret: is set, which JSON has no form for"),
])
def test_a_payload_that_is_no_json_is_told_by_member_and_type(executor, payload, detail):
    with pytest.raises(Invalid) as no:
        executor.execute("echo", payload, nonce="1")
    assert no.value.detail == detail


def test_a_payload_that_holds_itself_is_malformed(executor):
    payload = {}
    payload["a"] = payload
    with pytest.raises(Invalid, match="nested too deeply, or holds itself"):
        executor.execute("echo", payload, nonce="1")


def test_numbers_print_their_names():
    assert f"{Code.APPROVAL_EXPIRED} {openexec.Verdict.IN_DOUBT}" == "approval_expired in_doubt"
    assert str(openexec.Effect.NONE) == "none" and f"{Code.OK:>4}" == "  ok" and f"{Code.HALTED:d}" == "100"
    assert Code.HALTED == 100 and openexec.Kind(1) is openexec.Kind.REFUSED
