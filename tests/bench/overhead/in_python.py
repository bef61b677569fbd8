# SPDX-License-Identifier: Apache-2.0
"""What run.py times, in Python."""
import sys
import time

import openexec

executor = openexec.Executor(ledger=sys.argv[1], verifier=openexec.Demo())


@executor.handler("send")
def send(call):
    return {"sent": True}


with executor:
    made = 0
    for line in sys.stdin:
        what, calls = line.split()
        start = time.perf_counter_ns()
        for _ in range(int(calls)):
            if what == "replay":
                nonce = "same"
            else:
                nonce, made = f"n-{made}", made + 1
            outcome = executor.execute("send", '{"amount":42,"to":"ada@example.com"}', nonce=nonce)
            assert len(str(outcome.receipt)) == 64
        print(time.perf_counter_ns() - start, flush=True)
