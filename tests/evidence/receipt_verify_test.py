#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openexec receipt verify, and examples/verify_receipt.sh, seen from outside: options, answers, exit codes. Run by CTest,
which names them in the environment: OPENEXEC_CLI, VERIFY_RECEIPT, and RECEIPTS, the folder that test A left."""
import json
import os
import pathlib
import subprocess
import unittest

CLI, SHELL = os.environ["OPENEXEC_CLI"], os.environ["VERIFY_RECEIPT"]
RECEIPTS = pathlib.Path(os.environ["RECEIPTS"])
PASS, FAIL, INCOMPLETE, CANNOT = range(4)
KEY = str(RECEIPTS / "log.vkey")
POLICY = str(RECEIPTS / "policy")
FIRST = str(RECEIPTS / "receipts/0.tlog-proof")  # what was executed
REFUSED = str(RECEIPTS / "receipts/2.tlog-proof")
BAD = str(RECEIPTS / "bad/entry-bit.tlog-proof")


def held(name):
    return str(RECEIPTS / "held" / name)


def run(*command, stdin=""):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "TERM": "xterm"})


def verify(*args, **options):
    return run(CLI, "receipt", "verify", *args, **options)


class ReceiptVerify(unittest.TestCase):
    def expect(self, code, done):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def test_what_was_not_given_is_incomplete_and_never_a_pass(self):
        said = self.expect(INCOMPLETE, verify(FIRST))
        self.assertIn("INCOMPLETE at log signature", said)
        self.assertIn("INCOMPLETE at log signature", self.expect(INCOMPLETE, verify(FIRST, "--policy", POLICY)))
        self.expect(INCOMPLETE, verify(REFUSED, "--log-key", KEY, "--result", held("result.json")))

    def test_a_key_is_given_as_text_or_in_a_file(self):
        text = pathlib.Path(KEY).read_text(encoding="utf-8").strip()
        self.expect(PASS, verify(FIRST, "--log-key", text))
        self.expect(PASS, verify(FIRST, "--log-key", KEY))
        self.expect(PASS, verify(FIRST, "--log-key", "-", stdin=text + "\n"))
        self.expect(CANNOT, verify(FIRST, "--log-key", text[:-2]))
        self.expect(CANNOT, verify(FIRST, "--log-key", held("payload.json")))

    def test_wrong_usage_and_unreadable_files_are_no_answer_about_the_evidence(self):
        for args in ((), ("--log-key", KEY), (FIRST, "--nonsense"), (FIRST, "--log-key"), ("none.tlog-proof",),
                     (FIRST, "none.tlog-proof", "--log-key", KEY), (FIRST, "--log-key", KEY, "--policy", KEY),
                     (FIRST, "--log-key", KEY, "--payload", "none"), ("-", "--log-key", "-"),
                     (FIRST, REFUSED, "--log-key", KEY, "--nonce", "order-1")):
            done = verify(*args)
            self.expect(CANNOT, done)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")
        self.expect(CANNOT, run(CLI, "receipt"))
        self.expect(PASS, verify("--help"))
        self.assertIn("INCOMPLETE", verify("--help").stdout)

    def test_the_worst_of_several_receipts_decides(self):
        self.expect(PASS, verify(FIRST, REFUSED, "--log-key", KEY, "--tenant", "acme"))
        said = self.expect(FAIL, verify(FIRST, BAD, REFUSED, "--log-key", KEY))
        self.assertEqual((said.count(": PASS"), said.count(": FAIL at inclusion")), (2, 1))
        self.expect(FAIL, verify(BAD, FIRST))  # a failure outweighs what is incomplete
        self.expect(FAIL, verify(FIRST, REFUSED, "--log-key", KEY, "--tenant", "other"))

    def test_each_thing_that_is_held_is_compared(self):
        exec_id, receipt = (pathlib.Path(held(n)).read_text(encoding="utf-8") for n in ("exec_id", "receipt"))
        right = {"--payload": held("payload.json"), "--result": held("result.json"), "--approval": held("approval.json"),
                 "--exec-id": exec_id, "--action": "pay", "--nonce": "order-1", "--tenant": "acme", "--receipt": receipt}
        wrong = {"--payload": held("result.json"), "--result": held("payload.json"), "--approval": held("payload.json"),
                 "--exec-id": receipt, "--action": "pay2", "--nonce": "order-2", "--tenant": "acm", "--receipt": exec_id}
        everything = [word for pair in right.items() for word in pair]
        done = verify(FIRST, "--log-key", KEY, "--policy", POLICY, "--json", *everything)
        answer = json.loads(self.expect(PASS, done))
        self.assertEqual({check["finding"] for check in answer["checks"].values()}, {"passed"})
        self.assertEqual((answer["verdict"], answer["index"], answer["size"], answer["witnesses"]), ("PASS", 0, 12, 2))
        self.assertEqual([c["witness"] for c in answer["cosignatures"]], ["w1.example", "w2.example"])
        self.assertEqual(answer["entry"]["exec_id"], exec_id)
        for option, value in wrong.items():
            answer = json.loads(self.expect(FAIL, verify(FIRST, "--log-key", KEY, "--json", option, value)))
            self.assertEqual((answer["verdict"], answer["step"]), ("FAIL", option[2:].replace("-", "_")))

    def test_what_strangers_wrote_is_shown_safely_and_without_colours_in_a_pipe(self):
        bad = pathlib.Path(FIRST).read_text(encoding="utf-8").replace("c2sp.org", "\u001b[31mc2sp.org")
        for text in (bad, ""):
            said = self.expect(FAIL, verify("-", "--log-key", KEY, stdin=text))
            self.assertNotIn("\u001b", said)

    def test_the_shell_script_says_what_it_cannot_do(self):
        w1 = str(RECEIPTS / "w1.example.vkey")
        for args in ((), (FIRST,), (FIRST, KEY, "more"), ("none", KEY), (FIRST, "x+y+z"), (FIRST, w1), ("-w", KEY, FIRST, KEY),
                     ("-k", "1", FIRST, KEY), ("-w", w1, "-w", w1, FIRST, KEY), ("-w", w1, "-k", "x", FIRST, KEY), ("-x", FIRST, KEY)):
            done = run("sh", SHELL, *args)
            self.expect(CANNOT, done)
            self.assertNotIn("PASS", done.stdout)
        one_missing = str(RECEIPTS / "bad-cosigned/one-missing.tlog-proof")
        w2 = str(RECEIPTS / "w2.example.vkey")
        self.expect(PASS, run("sh", SHELL, "-w", w1, "-w", w2, "-k", "1", one_missing, KEY))
        self.expect(FAIL, run("sh", SHELL, "-w", w1, "-w", w2, "-k", "2", one_missing, KEY))
        self.expect(PASS, run("bash", SHELL, "-w", w1, "-w", w2, FIRST, KEY))


if __name__ == "__main__":
    unittest.main()
