# SPDX-License-Identifier: Apache-2.0
"""64 threads, with replays and refusals mixed in: what they were told is what the log says."""
import collections
import os
import random
import threading

import openexec
from conftest import TENANT, echoing

THREADS = 64
EACH = int(os.environ.get("OPENEXEC_EXECUTIONS_EACH", "200"))  # the campaign: 10,000


def test_what_64_threads_were_told_is_what_the_log_says():
    ran = collections.Counter()
    lock = threading.Lock()

    class Yes:
        """Approves what says so: a signature for each of 640,000 requests would be the signer's test."""

        profile = "yes"

        def verify(self, proposal, now_us):
            artifact = proposal.artifact
            if artifact is None:
                raise openexec.Refused(openexec.Code.APPROVAL_MISSING, "no artifact")
            return openexec.parts.Approval(artifact["id"])

    made = echoing(verifier=Yes(), tenant=TENANT,
                   limits={openexec.Limit.REFUSALS_PER_SECOND: 2**31, openexec.Limit.REPLAYS_PER_SECOND: 2**31,
                           openexec.Limit.IN_FLIGHT: 4096})

    @made.handler("pay")
    def pay(call):
        with lock:
            ran[call.exec_id] += 1
        if call.payload.get("fail"):
            raise openexec.NoEffect("as asked")
        return call.payload

    told = [collections.Counter() for _ in range(THREADS)]
    errors = []
    together = threading.Barrier(THREADS)

    def work(number):
        choose = random.Random(number)
        try:
            together.wait(60)
            for i in range(EACH):
                what = choose.randrange(8)
                own = f"{number}-{i}"
                if what < 3:  # a new one
                    outcome = made.attempt("pay", {"own": own}, nonce=own, approval={"id": own})
                elif what < 5:  # one that all threads share: executed once, then replayed
                    shared = choose.randrange(EACH)
                    outcome = made.attempt("pay", {"shared": shared}, nonce=f"s-{shared}",
                                           approval={"id": f"s-{shared}"})
                elif what == 5:  # refused: no approval, or a nonce of another request
                    outcome = made.attempt("pay", {"own": own}, nonce=own)
                elif what == 6:
                    outcome = made.attempt("unheard-of", nonce=own)
                else:  # a handler that fails
                    outcome = made.attempt("pay", {"fail": own}, nonce=own, approval={"id": own})
                assert outcome.receipt.verify() if i % 97 == 0 else True
                told[number][outcome.verdict.name.lower(), outcome.code.name.lower()] += 1
        except BaseException as why:
            errors.append(why)

    with made:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        logged = collections.Counter()
        for line in made.log():
            entry = line.entry
            logged[entry["verdict"], entry["code"]] += entry.get("count", 1)
    total = sum(told, collections.Counter())
    assert total.total() == THREADS * EACH
    assert total == logged
    assert set(ran.values()) == {1}  # nothing ran twice
    assert len(ran) == total["executed", "ok"] + total["failed", "handler_failed"]
    assert total["executed", "ok"] and total["replayed", "ok"] and total["refused", "unknown_action"]
    assert total["refused", "approval_missing"] and total["failed", "handler_failed"]
    print(f"{THREADS} threads x {EACH}: {dict(total)}")
