# SPDX-License-Identifier: Apache-2.0
"""How a program ends while executors are open: its exit code is kept, its ledger is free, and nothing runs twice."""
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from conftest import echoing

BEGIN = """
import sys, threading, time, os
import openexec
made = openexec.Executor(ledger=sys.argv[1], verifier=openexec.Demo(), exit_wait=0.2)
entered = threading.Event()
def ran(call):
    with open(sys.argv[2], "a") as file: file.write(call.exec_id + "\\n")
@made.handler("quick")
def quick(call):
    ran(call)
    return 1
@made.handler("slow")
def slow(call):
    ran(call)
    entered.set()
    time.sleep(1000)
@made.handler("brief")
def brief(call):
    ran(call)
    entered.set()
    time.sleep(0.5)
    return 1
@made.handler("exits")
def exits(call):
    ran(call)
    sys.exit(9)
made.open()
made.execute("quick", nonce="quick")
run = sys.argv[3]  # the nonces of this run; those of the one before are tried again first
def attempt(action, nonce):
    if run == "2":
        made.attempt(action, nonce="1-" + nonce)
    return made.attempt(action, nonce=run + "-" + nonce)
def daemon(action, nonce="d"):
    thread = threading.Thread(target=attempt, args=(action, nonce), daemon=True)
    thread.start()
    return thread
"""

WAYS = {
    "sys.exit in main": ("sys.exit(3)", 3),
    "sys.exit in a thread": ("thread = threading.Thread(target=sys.exit, args=(4,)); thread.start(); thread.join()", 0),
    "sys.exit in a handler": ("attempt('exits', 'e')", 9),
    "daemon threads inside handlers": (
        "daemon('slow'); entered.wait()\n"
        "for i in range(8): daemon('slow', str(i))\n"
        "sys.exit(5)", 5),
    "closed under a daemon thread": ("daemon('slow'); entered.wait(); made.close(); sys.exit(6)", 6),
    "os._exit": ("daemon('slow'); entered.wait(); os._exit(7)", 7),
    "an exception that nobody catches": ("daemon('slow'); entered.wait(); raise KeyError('x')", 1),
    "SIGTERM": ("import signal; daemon('slow'); entered.wait(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
                -signal.SIGTERM),
    "daemon threads that call all the time": (
        "def work(n):\n"
        "    i = 0\n"
        "    while True:\n"
        "        i += 1\n"
        "        attempt('quick', f'{n}-{i}')\n"
        "for n in range(16): threading.Thread(target=work, args=(n,), daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "sys.exit(8)", 8),
}


def run(program, ledger, effects, number, expected):
    found = subprocess.run([sys.executable, "-c", BEGIN + program, str(ledger), str(effects), str(number)],
                           capture_output=True, text=True, timeout=120)
    assert found.returncode == expected, found.stderr
    assert "terminate" not in found.stderr and "FATAL" not in found.stderr and "Fatal" not in found.stderr
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_program_keeps_its_exit_code_and_leaves_the_ledger_free(tmp_path, way):
    program, expected = WAYS[way]
    ledger, effects = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "effects"
    for number in (1, 2):  # the second run finds what the first one left
        run(program, ledger, effects, number, expected)
    ran = effects.read_text().split()
    assert len(set(ran)) == len(ran)  # nothing ran twice
    with echoing(ledger=ledger) as again:  # the ledger is free, and says what it does not know
        assert again.attempt("echo", nonce="after").ok
        entries = [line.entry for line in again.log()]
    ended = {entry["exec_id"] for entry in entries if entry["verdict"] in ("executed", "in_doubt", "failed")}
    assert set(ran) <= ended


def test_an_exit_waits_for_a_call_that_is_about_to_end(tmp_path):
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    program = "made._exit_wait = 60.0\ndaemon('brief'); entered.wait(); sys.exit(3)"
    run(program, ledger, tmp_path / "effects", 1, 3)
    with echoing(ledger=ledger) as again:
        assert again.recovered()["in_doubt"] == 0


def test_daemon_threads_inside_parts_of_their_own_do_not_abort_the_exit(tmp_path):
    program = textwrap.dedent(f"""
        import sys, threading, time
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from python_parts import Fixed, Lengths, MemoryLedger, OneWord
        from conftest import echoing
        inside = threading.Semaphore(0)
        def stuck(name, base):
            def method(self, *arguments):
                if threading.current_thread().daemon and getattr(threading.current_thread(), "part", "") == name:
                    inside.release()
                    time.sleep(1000)
                return getattr(base, name)(self, *arguments)
            return method
        def of(base, *names):
            return type(base.__name__, (base,), {{name: stuck(name, base) for name in names}})()
        made = echoing(ledger=of(MemoryLedger, "claim", "seal", "append"), clock=of(Fixed, "now_us"),
                       hasher=of(Lengths, "canonical", "digest"), verifier=of(OneWord, "verify"), exit_wait=0.1,
                       events=lambda event: None)
        made.open()
        names = ["claim", "seal", "now_us", "canonical", "digest", "verify", "append"]
        for i, name in enumerate(names):
            def work(i=i, name=name):
                threading.current_thread().part = name
                action = "unknown" if name == "append" else "echo"
                made.attempt(action, nonce=str(i), approval={{"word": "please", "id": str(i)}})
            threading.Thread(target=work, daemon=True).start()
        for _ in names: inside.acquire()
        sys.exit(3)
    """)
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert found.returncode == 3, found.stderr


def in_child(ledger, effects, results):
    import openexec
    made = openexec.Executor(ledger=ledger, verifier=openexec.Demo())

    @made.handler("once")
    def once(call):
        with open(effects, "a", encoding="ascii") as file:
            file.write(call.exec_id + "\n")
        return os.getpid()

    try:
        with made:
            results.put(("ran", made.attempt("once", nonce="1").code.name))
    except openexec.OpenExecError as no:
        results.put(("refused", no.code.name))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_are_forked_or_spawned_share_no_executor_and_run_nothing_twice(tmp_path, method):
    context = multiprocessing.get_context(method)
    ledger, effects = f"sqlite:///{tmp_path}/ledger.db", str(tmp_path / "effects")
    with echoing() as own:  # an executor of the parent's, open while it forks
        own.execute("echo", nonce="1")
        results = context.Queue()
        children = [context.Process(target=in_child, args=(ledger, effects, results)) for _ in range(6)]
        for child in children:
            child.start()
        told = [results.get(timeout=60) for _ in children]
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0] * len(children)
        assert own.execute("echo", nonce="2").ok
    assert ("ran", "OK") in told
    assert all(answer in (("ran", "OK"), ("refused", "STORE_FAILED")) for answer in told), told
    with open(effects, encoding="ascii") as file:
        assert len(file.read().split()) == 1
    with echoing(ledger=ledger) as again:
        assert again.recovered()["in_doubt"] == 0
