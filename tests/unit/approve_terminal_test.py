#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""People who approve at a terminal: openexec-approve in tmux, from a key to an execution. Run by CTest, which names
OPENEXEC_APPROVE and OPENEXEC_CLI in the environment; exits with 77, and says so, where tmux is missing."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

APPROVE, CLI = os.environ["OPENEXEC_APPROVE"], os.environ["OPENEXEC_CLI"]
YES, NO, CANNOT = range(3)


def answer_for(screen):
    """What somebody types who agrees: yes, or the digits that are asked for, as they are shown."""
    asked = re.findall(r"first 6 digits of the (\w+ hash): ", screen)
    if not asked:
        return "yes"
    return re.findall(rf"{asked[-1]}[\s|]+([0-9a-f]{{6}})", screen)[-1]


class Terminal:
    """A terminal of 100 by 40 that somebody sits at. What left the screen above is remembered, as by theirs."""

    def __init__(self, folder, columns=100):
        self.socket = f"{folder}/tmux{columns}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", "40", "-c", str(folder),
                  "env", "-i", f"PATH={os.environ['PATH']}", "TERM=screen", "LC_ALL=C.UTF-8", "PS1=$ ", "bash", "--norc", "--noprofile")
        self.tmux("set-option", "-g", "history-limit", "50000")
        self.runs = 0

    def tmux(self, *args):
        return subprocess.run(["tmux", "-u", "-S", self.socket, *args], check=True, capture_output=True, text=True).stdout

    def screen(self):
        """What this command wrote. Lines that were too long for the terminal are whole."""
        lines = self.tmux("capture-pane", "-p", "-J", "-S", "-", "-E", "-").splitlines(keepends=True)
        begin = [i for i, line in enumerate(lines) if line.rstrip() == f"begin-{self.runs}"]
        return "".join(lines[begin[-1]:]) if begin else ""

    def visible(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, text):
        end = time.monotonic() + 60
        while text not in (screen := self.screen()):
            if time.monotonic() > end:
                raise AssertionError(f"never said {text!r}:\n{screen[-3000:]}")
            time.sleep(0.02)  # between two looks; nothing is decided by it
        return screen

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def begin(self, *command):
        self.runs += 1
        self.type(f"clear; echo begin-{self.runs}; {shlex.join(map(str, command))}; echo end-{self.runs}=$?")

    def end(self):
        screen = self.wait_for(f"\nend-{self.runs}=")
        return int(re.search(rf"\nend-{self.runs}=(\d+)", screen)[1]), screen

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False, capture_output=True)


class Approving(unittest.TestCase):
    request = {"action": "echo", "payload": {"to": "ada@example.com", "amount": 100}, "nonce": "pay-1"}

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.terminal = Terminal(self.folder)
        self.addCleanup(self.terminal.close)
        self.keys = {}

    def path(self, name):
        return self.folder / name

    def write(self, name, value):
        self.path(name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")

    def read(self, name):
        return json.loads(self.path(name).read_text(encoding="utf-8"))

    def keygen(self, name):
        self.terminal.begin(APPROVE, "keygen", name)
        self.terminal.wait_for("New passphrase: ")
        self.terminal.type(f"secret of {name}")
        self.terminal.wait_for("again: ")
        self.terminal.type(f"secret of {name}")
        code, screen = self.terminal.end()
        self.assertEqual(code, YES, screen)
        self.assertNotIn("secret", screen)
        self.assertEqual(self.path(f"{name}.key.pem").stat().st_mode & 0o777, 0o600)
        self.assertIn("ENCRYPTED", self.path(f"{name}.key.pem").read_text())
        self.keys[name] = self.path(f"{name}.pub.pem").read_text()

    def sign(self, who, source, out, answer, *more):
        """Types the passphrase, reads what is shown, answers. Its exit code and the screen."""
        self.terminal.begin(APPROVE, "sign", source, "--key", f"{who}.key.pem", "--key-id", who, "--tenant", "acme", "--out", out,
                            *more)
        self.terminal.wait_for("Passphrase of")
        self.terminal.type(f"secret of {who}")
        shown = self.terminal.wait_for("Sign it? Type ")
        self.during()
        self.terminal.type(answer_for(shown) if answer == "yes" else answer)
        code, _ = self.terminal.end()
        return code, shown

    def during(self):
        """Between the question and the answer."""

    def policy(self, threshold=2):
        self.write("policy.json", {"keys": [{"id": name, "public_key": pem} for name, pem in self.keys.items()],
                                   "rules": [{"actions": ["*"], "threshold": threshold}]})

    def verify(self, name, expect, *more):
        done = subprocess.run([APPROVE, "verify", name, "--policy", "policy.json", "--tenant", "acme", "--json", *more],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def execute(self, request, expect):
        done = subprocess.run([CLI, "execute", "--json", "--trust-policy", "policy.json", "--tenant", "acme", "--ledger",
                               "sqlite:///ledger.db"], input=json.dumps(request), cwd=self.folder, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_verify_does_not_say_approved_for_a_cost_that_the_executor_cannot_tell(self):
        self.keygen("ada")
        self.policy(threshold=1)
        self.write("request.json", self.request)
        code, _ = self.sign("ada", "request.json", "one.json", "yes", "--format", "dsse", "--embed", "--max-cost-usd", "12.5")
        self.assertEqual(code, YES)
        self.write("without.json", {"echo": {"argv": ["/bin/cat"]}})
        self.write("with.json", {"echo": {"argv": ["/bin/cat"], "cost": ["/bin/echo", "1"]}})
        for more, why in (((), "was not given"), (("--handlers", "without.json"), "no cost command for the action")):
            said = self.verify("one.json", NO, *more)
            self.assertIs(said["approved"], False)
            self.assertEqual(said["steps"][0]["code"], "approval_constraint")
            self.assertIn("max_cost_usd", said["steps"][0]["detail"])
            self.assertIn(why, said["steps"][0]["detail"])
        # openexec's own echo tells no cost, and says the same.
        self.assertEqual(self.execute(self.read("one.json"), NO)["code"], "approval_constraint")
        self.assertIs(self.verify("one.json", YES, "--handlers", "with.json")["approved"], True)

    def test_two_people_review_refuse_and_sign_in_turn_and_then_it_runs_once(self):
        self.keygen("ada")
        self.keygen("grace")
        self.policy()
        self.write("request.json", self.request)
        self.terminal.begin(APPROVE, "review", "request.json", "--tenant", "acme")
        code, screen = self.terminal.end()
        self.assertEqual(code, YES, screen)
        for part in ("echo", "acme", '"pay-1"', '"ada@example.com"', "100", "2 parameters"):
            self.assertIn(part, screen)
        # Ada says no: nothing is written. Then she says yes.
        code, _ = self.sign("ada", "request.json", "one.json", "no", "--format", "dsse", "--embed")
        self.assertEqual(code, NO)
        self.assertFalse(self.path("one.json").exists())
        code, shown = self.sign("ada", "request.json", "one.json", "yes", "--format", "dsse", "--embed", "--max-per-min", "3")
        self.assertEqual(code, YES)
        for part in ('"ada@example.com"', "100", "at most a minute", "expires at"):
            self.assertIn(part, shown)
        # One of two is not enough.
        self.assertEqual(self.verify("one.json", NO)["steps"][0]["code"], "approval_threshold")
        self.assertEqual(self.execute(self.read("one.json"), NO)["code"], "approval_threshold")
        # The same person twice is one person.
        self.terminal.begin(APPROVE, "sign", "one.json", "--key", "ada.key.pem", "--key-id", "ada", "--tenant", "acme", "--out", "x")
        self.terminal.wait_for("Passphrase of")
        self.terminal.type("secret of ada")
        self.terminal.type(answer_for(self.terminal.wait_for("Sign it? Type ")))
        self.assertEqual(self.terminal.end()[0], NO)
        # Grace gets the file, sees the request itself and not only its hash, and signs as well.
        code, shown = self.sign("grace", "one.json", "two.json", "yes")
        self.assertEqual(code, YES)
        for part in ('"ada@example.com"', "100", "signed by", "ada", "at most a minute"):
            self.assertIn(part, shown)
        self.assertTrue(self.verify("two.json", YES)["approved"])
        whole = self.read("two.json")
        self.assertFalse(self.execute(whole, YES)["replayed"])
        self.assertTrue(self.execute(whole, YES)["replayed"])
        whole["nonce"] = "pay-2"
        self.assertEqual(self.execute(whole, NO)["code"], "approval_hash_mismatch")

    def test_a_second_signer_is_not_shown_one_thing_to_sign_another(self):
        self.keygen("ada")
        self.keygen("grace")
        self.write("request.json", self.request)
        self.sign("ada", "request.json", "one.json", "yes", "--format", "dsse", "--embed")
        whole = self.read("one.json")
        for member, value in (("payload", {"to": "ada@example.com", "amount": 1}), ("nonce", "pay-9"), ("action", "add")):
            self.write("swapped.json", {**whole, member: value})
            self.terminal.begin(APPROVE, "sign", "swapped.json", "--key", "grace.key.pem", "--tenant", "acme", "--out", "two.json")
            code, screen = self.terminal.end()
            self.assertEqual(code, NO)
            self.assertIn("something else than the request beside it", screen.replace("\n", ""))
            self.assertFalse(self.path("two.json").exists())

    def test_a_file_that_is_swapped_after_it_was_shown_changes_nothing(self):
        self.keygen("ada")
        self.policy(1)
        self.write("request.json", self.request)
        self.during = lambda: self.write("request.json", {**self.request, "payload": {"to": "mallory", "amount": 10**9}})
        code, _ = self.sign("ada", "request.json", "one.json", "yes", "--format", "dsse", "--embed")
        self.assertEqual(code, YES)
        whole = self.read("one.json")
        self.assertEqual(whole["payload"], self.request["payload"])
        self.verify("one.json", YES)
        self.write("other.json", {**whole, "payload": {"to": "mallory", "amount": 10**9}})
        self.assertEqual(self.verify("other.json", NO)["steps"][0]["code"], "approval_hash_mismatch")

    def test_nothing_hides_behind_direction_length_or_names(self):
        self.keygen("ada")
        tricky = {
            "account": "\u202e0007-4321\u202c",             # shown backwards by a terminal that obeys
            "zero": "pay\u200bpal", "clear": "\u001b[2J\u001b[H", "return": "ok\rgone", "note": "a\nnonce  \"another\"",
            "body": "x" * 10_000 + " and 1,000,000 to mallory",
            "to": "ada@example.com", "to ": "mallory@example.com", "a.b": 1, "a": {"b": 2},
        }
        self.write("request.json", {"action": "echo", "payload": tricky, "nonce": "n\u202e1"})
        code, shown = self.sign("ada", "request.json", "one.json", "no", "--format", "dsse")
        self.assertEqual(code, NO)
        for raw in ("\u202e", "\u202c", "\u200b", "\u001b", "\r"):
            self.assertNotIn(raw, shown)
        for escaped in ("\\u202e0007-4321\\u202c", "pay\\u200bpal", "\\u001b[2J", "ok\\rgone", "n\\u202e1"):
            self.assertIn(escaped, shown)
        flat = re.sub(r"\s+", "", re.sub(r"\n    \| ", "", shown))
        self.assertIn("x" * 10_000 + "and1,000,000tomallory", flat)  # whole, to its end
        self.assertRegex(shown, r'\["to "\] +"mallory@example.com"')
        self.assertRegex(shown, r'\["a\.b"\] +1\b')
        self.assertRegex(shown, r' a\.b +2\b')
        # What stands on the last screen tells that there was more above.
        screen = self.terminal.visible()
        self.assertIn("Shown above: 10 parameters", screen.replace("\n", " "))
        self.assertIn("the longest is body (10,02", screen.replace("\n", " ").replace("10027", "10,027"))

    def test_every_blank_or_invisible_code_point_is_shown_by_its_number(self):
        points = [0xA0, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x2800, 0x3000, 0x1D159, 0xFEFF, 0x1680, 0x180E,
                  0x3164, 0x115F, 0xE0041, 0x0378]
        self.write("request.json", {"action": "echo", "payload": {"p": "".join(map(chr, points))}, "nonce": "n"})
        self.terminal.begin(APPROVE, "review", "request.json", "--tenant", "acme")
        _, screen = self.terminal.end()
        flat = re.sub(r"\s+", "", re.sub(r"\n    \| ", "", screen))
        for point in points:
            self.assertIn(json.dumps(chr(point))[1:-1], flat)
            self.assertNotIn(chr(point), screen.replace(" ", ""))

    def test_at_80_columns_nothing_from_a_request_begins_a_line(self):
        self.terminal.close()
        self.terminal = Terminal(self.folder, 80)
        self.addCleanup(self.terminal.close)
        columns = {}
        for fill, sizes in (("x", range(40, 80)), ("\u00e9", range(20, 80)), ("\u6f22", range(20, 40))):
            for size in sizes:
                columns[f"{fill}{size}"] = fill * size + " amount           1 EUR " + fill * size
        requests = [{"action": "pay", "payload": {"amount": 1000, **columns}, "nonce": "n"},
                    {"action": "pay", "payload": {"n" * 70 + " amount           1 EUR": 1}, "nonce": "m" * 90 + " amount   1 EUR"}]
        self.write("request.json", {"steps": [{**each, "nonce": f"{i}{each['nonce']}"} for i, each in enumerate(requests)]})
        self.terminal.begin(APPROVE, "review", "request.json", "--tenant", "acme")
        self.terminal.end()
        # As the terminal has it, line by line: no -J.
        lines = self.terminal.tmux("capture-pane", "-p", "-S", "-", "-E", "-").split("\n")
        self.assertTrue(any("1 EUR" in line for line in lines))
        for line in lines:
            self.assertNotRegex(line, r"^\s*amount\s+1 EUR")
            if "EUR" in line or "xxxx" in line or "\u00e9" in line:
                self.assertRegex(line, r"^    \| |^      \S+ +\"|^    [^ ]|^  nonce")
        self.assertTrue(any(re.match(r"^ +amount +1000", line) for line in lines))

    def test_what_changed_since_the_last_version_is_marked(self):
        self.write("old.json", self.request)
        self.write("new.json", {**self.request, "payload": {"to": "ada@example.com", "amount": 10000, "copy": "eve"}})
        self.terminal.begin(APPROVE, "review", "new.json", "--against", "old.json", "--tenant", "acme")
        code, screen = self.terminal.end()
        self.assertEqual(code, YES)
        self.assertRegex(screen, r"~ amount +10000\s+was 100\b")
        self.assertRegex(screen, r'\+ copy +"eve"  \(new\)')
        self.assertNotRegex(screen, r"[~+-] to ")

    def test_a_plan_is_approved_as_a_whole_and_each_step_runs_once_and_in_order(self):
        self.keygen("ada")
        self.policy(1)
        steps = [{"action": "echo", "payload": {"step": i}, "nonce": f"s-{i}"} for i in range(3)]
        self.write("plan.json", {"steps": steps, "ordered": True})
        code, shown = self.sign("ada", "plan.json", "approved.json", "yes", "--embed")
        self.assertEqual(code, YES)
        self.assertIn("A plan of 3 steps, one after the other", shown)
        for i in range(3):
            self.assertIn(f'"s-{i}"', shown)
        plan = self.read("approved.json")
        self.assertEqual([each["code"] for each in self.verify("approved.json", YES)["steps"]], ["ok"] * 3)
        ready = [{**step, "approval_artifact": plan["approval_artifact"]} for step in plan["steps"]]
        self.assertEqual(self.execute(ready[1], NO)["code"], "approval_constraint")
        for step in ready:
            self.assertEqual(self.execute(step, YES)["code"], "ok")
        self.assertTrue(self.execute(ready[1], YES)["replayed"])
        self.assertIn("first 6 digits of the statement hash", shown)
        self.write("changed.json", {**plan, "steps": steps[:2]})
        self.terminal.begin(APPROVE, "inspect", "approved.json")
        code, screen = self.terminal.end()
        self.assertEqual(code, YES)
        self.assertIn("s-2", screen)


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("SKIPPED: tmux is missing (cmake/setup.sh tests)")
        sys.exit(77)
    unittest.main()
