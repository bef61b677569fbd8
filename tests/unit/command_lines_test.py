#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What openexec and openexec-approve promise, seen from outside. Run by CTest, which names the programs in the
environment: OPENEXEC_CLI, OPENEXEC_APPROVE, OPENEXEC_VECTORS_DEFAULT (OPENEXEC_VECTORS names others)."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import stat
import subprocess
import sys
import tempfile
import unicodedata
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

CLI = os.environ["OPENEXEC_CLI"]
APPROVE = os.environ["OPENEXEC_APPROVE"]
VECTORS = os.environ.get("OPENEXEC_VECTORS") or os.environ["OPENEXEC_VECTORS_DEFAULT"]
YES, NO, CANNOT = 0, 1, 2
PLAIN = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEXEC_", "CLAWSHIELD_"))}


def run(*command, stdin="", env=None, **options):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False,
                          env={**PLAIN, **(env or {})}, **options)


def digits_shown(name):
    """The answer of somebody who reads the hash that is asked for a part of."""
    return lambda screen: re.findall(rf"{name}[\s|]+([0-9a-f]{{6}})", re.sub(r"\x1b\[\d+m", "", screen))[-1]


def on_terminal(command, answers, env=None, too_early=None):
    """Runs a command on a pseudo-terminal of its own and types each answer after its question. Returns exit code, screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        if too_early:
            sys.stdin.read(1)  # until it was typed
        try:
            os.execve(command[0], command, {**PLAIN, "TERM": "xterm", **(env or {})})
        finally:
            os._exit(127)
    if too_early:
        os.write(terminal, b".\n" + too_early.encode() + b"\n")
    screen, seen = b"", 0
    while True:
        if not select.select([terminal], [], [], 60)[0]:
            os.kill(pid, 9)
            raise AssertionError(f"the program waits for something else; the screen shows {screen!r}")
        try:
            got = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not got:
            break
        screen += got
        if answers and answers[0][0].encode() in screen[seen:]:
            seen = len(screen)
            answer = answers.pop(0)[1]
            os.write(terminal, (answer(screen.decode()) if callable(answer) else answer).encode() + b"\n")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode().replace("\r\n", "\n")


def python_clawshield(action, payload):
    """The existing signers' own way to hash, independent of this project."""
    text = json.dumps({"action": action, "payload": payload}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def signed_text(artifact):
    return "".join(artifact[k] for k in ("approval_id", "tenant_id", "action_hash", "issued_at", "expires_at")).encode()


def spki(public_key):
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class Folder(unittest.TestCase):
    def setUp(self):
        self.before = os.getcwd()
        self.folder = tempfile.TemporaryDirectory()
        os.chdir(self.folder.name)

    def tearDown(self):
        os.chdir(self.before)
        self.folder.cleanup()

    def expect(self, exit_code, done):
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        return done.stdout

    def says(self, exit_code, part, done):
        self.expect(exit_code, done)
        self.assertIn(part, done.stderr)

    @staticmethod
    def write(name, value):
        with open(name, "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return name


class Approve(Folder):
    request = {"action": "send_email", "payload": {"to": "a@example.com", "n": 1.0, "s": "\u00e9\u2028"}, "nonce": "n-1"}

    def keygen(self, *more, **options):
        protected = "--passphrase-fd" in more
        return run(APPROVE, "keygen", *more, *([] if protected else ["--no-passphrase"]), **options)

    def sign(self, *more, **options):
        return run(APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", *more, **options)

    def signed(self, *more):
        self.expect(YES, self.keygen())
        self.write("request.json", self.request)
        return json.loads(self.expect(YES, self.sign("--yes", *more)))

    def test_a_private_key_is_readable_by_its_owner_alone(self):
        self.expect(YES, self.keygen())
        self.assertEqual(stat.S_IMODE(os.stat("approver.key.pem").st_mode), 0o600)

    def test_an_existing_file_is_never_overwritten_and_no_half_pair_is_left(self):
        self.write("approver.pub.pem", "mine")
        self.says(CANNOT, "approver.pub.pem exists", self.keygen())
        self.assertFalse(os.path.exists("approver.key.pem"))
        os.remove("approver.pub.pem")
        self.write("approver.key.pem", "mine")
        self.says(CANNOT, "approver.key.pem exists", self.keygen())
        self.assertEqual(pathlib.Path("approver.key.pem").read_text(encoding="utf-8"), "mine")
        os.remove("approver.key.pem")
        os.symlink("elsewhere", "approver.key.pem")
        self.says(CANNOT, "approver.key.pem exists", self.keygen())
        self.assertFalse(os.path.exists("elsewhere"))

    def test_a_passphrase_comes_from_a_descriptor_and_encrypts(self):
        self.expect(YES, self.keygen("--passphrase-fd", "0", stdin="correct horse\n"))
        pem = pathlib.Path("approver.key.pem").read_bytes()
        self.assertIn(b"ENCRYPTED PRIVATE KEY", pem)
        key = serialization.load_pem_private_key(pem, b"correct horse")
        public = serialization.load_pem_public_key(pathlib.Path("approver.pub.pem").read_bytes())
        self.assertEqual(spki(key.public_key()), spki(public))
        self.write("request.json", self.request)
        self.expect(YES, self.sign("--yes", "--passphrase-fd", "0", stdin="correct horse\n"))
        self.says(CANNOT, "passphrase", self.sign("--yes", "--passphrase-fd", "0", stdin="wrong\n"))
        self.says(CANNOT, "empty", self.keygen("other", "--passphrase-fd", "0", stdin="\n"))
        self.assertFalse(os.path.exists("other.key.pem"))

    def test_a_passphrase_typed_on_a_terminal_is_not_shown(self):
        command = [APPROVE, "keygen"]
        code, screen = on_terminal(command, [("New passphrase: ", "correct horse"), ("again: ", "correct horse")])
        self.assertEqual(code, YES, screen)
        self.assertNotIn("correct", screen)
        serialization.load_pem_private_key(pathlib.Path("approver.key.pem").read_bytes(), b"correct horse")
        self.write("request.json", self.request)
        command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme"]
        code, screen = on_terminal(command, [("Passphrase of", "correct horse"), ("Type yes: ", "yes")])
        self.assertEqual(code, YES, screen)
        self.assertNotIn("correct", screen)

    def test_without_a_terminal_no_key_is_made_without_a_word_about_its_passphrase(self):
        self.says(CANNOT, "--no-passphrase", run(APPROVE, "keygen"))
        self.assertEqual(os.listdir("."), [])

    def test_two_different_passphrases_make_no_key(self):
        command = [APPROVE, "keygen"]
        code, screen = on_terminal(command, [("New passphrase: ", "one"), ("again: ", "two")])
        self.assertEqual(code, NO, screen)
        self.assertEqual(os.listdir("."), [])

    def test_an_artifact_verifies_under_another_implementation(self):
        artifact = self.signed()
        self.assertEqual(artifact["action_hash"], python_clawshield("send_email", self.request["payload"]))
        self.assertEqual(artifact["tenant_id"], "acme")
        key = serialization.load_pem_public_key(pathlib.Path("approver.pub.pem").read_bytes())
        key.verify(base64.b64decode(artifact["signature"]), signed_text(artifact))

    def test_an_embedded_approval_still_hashes_alike(self):
        whole = self.signed("--embed")
        self.assertEqual(whole["nonce"], "n-1")
        self.assertEqual(python_clawshield(whole["action"], whole["payload"]), whole["approval_artifact"]["action_hash"])
        self.write("whole.json", whole)
        done = run(APPROVE, "inspect", "whole.json", "--public-key", "approver.pub.pem", "--tenant", "acme", "--json")
        self.assertIs(json.loads(self.expect(YES, done))["valid"], True)

    def test_signing_shows_what_is_signed_and_asks(self):
        self.expect(YES, self.keygen())
        self.write("request.json", {"action": "pay", "payload": {"to": "a\u202eb\u200b\u001b[2J", "sum": 12.5}, "nonce": "n"})
        command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--out", "artifact"]
        code, screen = on_terminal(command, [("the action hash: ", digits_shown("action hash"))], env={"NO_COLOR": "1"})
        self.assertEqual(code, YES, screen)
        artifact = json.loads(pathlib.Path("artifact").read_text(encoding="utf-8"))
        for part in ("pay", "acme", 'sum            12.5', r'"a\u202eb\u200b\u001b[2J"', artifact["action_hash"], "in 15 min", "signed: artifact"):
            self.assertIn(part, screen)
        for raw in ("\u202e", "\u200b", "\x1b"):
            self.assertNotIn(raw, screen)

    def test_anything_but_yes_signs_nothing(self):
        self.expect(YES, self.keygen())
        self.write("request.json", self.request)
        command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--out", "artifact"]
        for answer in ("", "y", "YES", "no", " yes"):
            code, screen = on_terminal(command, [("Type yes: ", answer)])
            self.assertEqual(code, NO, screen)
            self.assertIn("not signed", screen)
            self.assertFalse(os.path.exists("artifact"))

    def test_what_was_typed_before_the_text_was_there_answers_nothing(self):
        self.expect(YES, self.keygen())
        for request in (self.request, {"action": "pay", "payload": {"amount": 5}, "nonce": "n"}):
            self.write("request.json", request)
            command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--out", "artifact"]
            code, screen = on_terminal(command, [("Sign it? Type ", "no")], too_early="yes")
            self.assertEqual(code, NO, screen)
            self.assertFalse(os.path.exists("artifact"))

    def test_money_deletion_and_plans_take_digits_of_the_hash_and_no_yes(self):
        self.expect(YES, self.keygen())
        weighty = [{"action": "files:Delete", "payload": {"name": "a"}}, {"action": "send", "payload": {"order": {"unitPrice": 1}}},
                   {"steps": [{"action": "echo", "payload": {}, "nonce": "a"}]}]
        for request in weighty:
            self.write("request.json", request if "steps" in request else {**request, "nonce": "n"})
            name = "statement hash" if "steps" in request else "action hash"
            command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--out", "artifact"]
            for answer in ("yes", "", "000000x"):
                code, screen = on_terminal(command, [(f"first 6 digits of the {name}: ", answer)])
                self.assertEqual(code, NO, screen)
            code, screen = on_terminal(command, [(f"first 6 digits of the {name}: ", digits_shown(name))])
            self.assertEqual(code, YES, screen)
            os.remove("artifact")
        # A policy that asks for several signatures says that it matters, and gives them a day.
        pem = pathlib.Path("approver.pub.pem").read_text(encoding="utf-8")
        self.expect(YES, self.keygen("other"))
        other = pathlib.Path("other.pub.pem").read_text(encoding="utf-8")
        self.write("policy.json", {"keys": [{"id": "a", "public_key": pem}, {"id": "b", "public_key": other}],
                                   "rules": [{"actions": ["*"], "threshold": 2}]})
        self.write("request.json", self.request)
        command += ["--format", "dsse", "--policy", "policy.json"]
        code, screen = on_terminal(command, [("first 6 digits of the statement hash: ", digits_shown("statement hash"))])
        self.assertEqual(code, YES, screen)
        self.assertRegex(screen, r"signatures needed\S* +2")
        self.assertRegex(screen, r"expires at.*\(in (24|23) h\)")

    def test_the_request_is_shown_before_the_passphrase_is_asked_for(self):
        self.expect(YES, self.keygen("--passphrase-fd", "0", stdin="secret\n"))
        self.write("request.json", {"action": "echo", "payload": {"to": "ada"}, "nonce": "n"})
        self.write("old.json", {"action": "echo", "payload": {"to": "eve"}, "nonce": "n"})
        command = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--against", "old.json"]
        code, screen = on_terminal(command, [("Passphrase of", "secret"), ("Type yes: ", "yes")], env={"NO_COLOR": "1"})
        self.assertEqual(code, YES, screen)
        self.assertLess(screen.index('"ada"'), screen.index("Passphrase of"))
        self.assertRegex(screen, r'~ to +"ada"\s+was "eve"')

    def test_an_envelope_that_expires_is_not_signed_without_a_word(self):
        self.expect(YES, self.keygen())
        self.expect(YES, self.keygen("other"))
        self.write("request.json", self.request)
        self.expect(YES, self.sign("--yes", "--format", "dsse", "--embed", "--valid-for", "1", "--out", "old.json"))
        whole = json.loads(pathlib.Path("old.json").read_text(encoding="utf-8"))
        self.expect(YES, self.sign("--yes", "--format", "dsse", "--embed", "--valid-for", "40", "--out", "soon.json"))
        statement = json.loads(base64.b64decode(whole["approval_artifact"]["payload"]))
        expiry = datetime.datetime.fromisoformat(statement["expires_at"].replace("Z", "+00:00"))
        while datetime.datetime.now(datetime.timezone.utc) <= expiry:
            select.select([], [], [], 0.05)
        other = [APPROVE, "sign", "old.json", "--key", "other.key.pem", "--tenant", "acme", "--out", "two.json"]
        self.says(NO, "has expired", run(*other, "--yes"))
        code, screen = on_terminal(other, [("first 6 digits of the statement hash: ", "yes")])
        self.assertEqual(code, NO, screen)
        self.assertIn("EXPIRED", screen)
        other[2] = "soon.json"
        code, screen = on_terminal(other, [("first 6 digits of the statement hash: ", digits_shown("statement hash"))])
        self.assertEqual(code, YES, screen)
        self.assertIn("within a minute", screen)
        for more in ((), ("--json",)):
            done = run(APPROVE, "inspect", "old.json", *more)
            self.assertIn("true" if more else "EXPIRED", self.expect(NO, done))
            self.expect(YES, run(APPROVE, "inspect", "soon.json", *more))

    def test_a_key_that_others_may_read_is_refused_unless_told(self):
        self.expect(YES, self.keygen())
        self.write("request.json", self.request)
        for mode in (0o640, 0o604, 0o620, 0o644):
            os.chmod("approver.key.pem", mode)
            self.says(CANNOT, "others may read", self.sign("--yes"))
        self.expect(YES, self.sign("--yes", "--shared-key"))

    def test_a_pipe_is_not_waited_on(self):
        self.expect(YES, self.keygen())
        os.mkfifo("pipe")
        for command in ([APPROVE, "review", "pipe"], [APPROVE, "inspect", "pipe"], [CLI, "hash", "pipe"],
                        [APPROVE, "sign", "pipe", "--key", "approver.key.pem", "--tenant", "acme", "--yes"],
                        [CLI, "receipt", "verify", "pipe", "--log-key", "pipe"]):
            self.says(3 if "verify" in command else CANNOT, "not a regular file", run(*command))
        self.expect(YES, run(APPROVE, "review", "-", "--tenant", "acme", stdin=json.dumps(self.request)))

    def test_what_comes_from_names_details_and_arguments_is_shown_by_its_number(self):
        self.expect(YES, self.keygen())
        bad = "a\x1b[2J\u202eb\u0085\u00a0\nc"
        self.write("request.json", json.dumps({"action": "echo", "payload": {}, "nonce": "n", bad: 1}))
        key = ["--key", "approver.key.pem", "--tenant", "acme", "--yes"]
        for command in ([APPROVE, "review", bad], [APPROVE, "sign", "request.json", *key], [APPROVE, "review", "--x" + bad],
                        [APPROVE, "keygen", f"/nowhere/{bad}", "--no-passphrase"], [CLI, "hash", "request.json"], [CLI, "hash", "--" + bad],
                        [CLI, "receipt", "verify", bad, "--log-key", bad], [CLI, "log", "list", "--ledger", "sqlite:///" + bad],
                        [CLI, "log", "export", bad, "--ledger", "sqlite:///" + bad]):
            done = run(*command)
            self.assertNotIn(done.returncode, (YES,))
            said = done.stdout + done.stderr
            for raw in ("\x1b", "\u202e", "\u0085", "\u00a0", "\nc"):
                self.assertNotIn(raw, said, command)
            self.assertIn("\\u202e", said, command)

    def test_the_table_of_what_is_not_plain_is_the_one_that_unicode_makes(self):
        folder = pathlib.Path(__file__).resolve().parents[2] / "lib/commands"
        table = (folder / "code_points.hpp").read_text(encoding="utf-8")
        if f"from Unicode {unicodedata.unidata_version}." not in table:
            self.skipTest(f"this Python has Unicode {unicodedata.unidata_version}")
        self.assertEqual(self.expect(YES, run(sys.executable, str(folder / "code_points.py"))), table)

    def test_without_a_terminal_only_an_explicit_yes_signs(self):
        self.expect(YES, self.keygen())
        self.write("request.json", self.request)
        self.says(CANNOT, "--yes signs without asking", self.sign(start_new_session=True))

    def test_a_tenant_that_was_not_meant_is_not_signed_for(self):
        self.expect(YES, self.keygen())
        self.write("request.json", self.request)
        sign = [APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--yes", "--format", "dsse"]
        for name, why in (("acme ", "remove it"), ("acme\u00a0", "remove it"), ("\u200bacme", "remove it"), ('"acme"', "remove them"),
                          ("a" * 256, "255 bytes")):
            self.says(CANNOT, why, run(*sign, "--tenant", name))
        for command in ([*sign, "--tenant", "acme", "--audience"], [CLI, "execute", "request.json", "--ledger", "sqlite://", "--tenant"]):
            self.says(CANNOT, "remove it", run(*command, "acme "))
        self.says(CANNOT, "--tenant: begins or ends", run(APPROVE, "review", "request.json", env={"CLAWSHIELD_TENANT_ID": "acme "}))
        self.expect(YES, run(*sign, "--tenant", "acme", "--audience", "executor 1"))

    def test_what_is_no_request_is_not_signed(self):
        self.expect(YES, self.keygen())
        for text, detail in (('{"action":"a","payload":{"x":1,"x":2}}', "duplicate"), ("{}", "action: missing"),
                             ('{"action":"a","extra":1}', "unknown field")):
            self.write("request.json", text)
            self.says(NO, detail, self.sign("--yes"))
        self.write("request.json", {**self.request, "approval_artifact": {}})
        self.says(CANNOT, "already", self.sign("--yes"))

    def test_inspect_tells_good_from_bad(self):
        artifact = self.signed()
        self.write("artifact", artifact)

        def look(*more):
            done = run(APPROVE, "inspect", "artifact", "--json", *more)
            return done.returncode, json.loads(done.stdout)

        key = ("--public-key", "approver.pub.pem")
        self.assertEqual(look()[0], YES)
        self.assertIsNone(look()[1]["valid"])
        self.assertIs(look(*key, "--tenant", "acme")[1]["valid"], True)
        self.assertEqual(look(*key, "--tenant", "other")[0], NO)
        self.expect(YES, self.keygen("stranger"))
        self.assertEqual(look("--public-key", "stranger.pub.pem")[0], NO)

        self.write("artifact", {**artifact, "tenant_id": "evil"})
        self.assertIs(look(*key)[1]["checks"]["signature"], False)
        self.write("artifact", {**artifact, "more": 1})
        self.says(NO, "unknown field", run(APPROVE, "inspect", "artifact"))

        signer = ed25519.Ed25519PrivateKey.generate()
        old = {**artifact, "issued_at": "2001-01-01T00:00:00", "expires_at": "2001-01-01T00:05:00"}
        old["signature"] = base64.b64encode(signer.sign(signed_text(old))).decode()
        self.write("artifact", old)
        self.write("old.pem", spki(signer.public_key()))
        code, answer = look("--public-key", "old.pem")
        self.assertEqual((code, answer["checks"]["signature"], answer["checks"]["time"]), (NO, True, False))

    def test_it_holds_no_executor_code(self):
        def room(program):
            symbols = subprocess.run(["nm", "-C", program], capture_output=True, text=True, check=True).stdout
            return re.findall(r"openexec::(?:Executor|HandlerTable|exec|store|demo_handlers|sqlite_ledger)\b", symbols)

        self.assertEqual(room(APPROVE), [])
        self.assertTrue(room(CLI), "the same look at a program that does hold it finds nothing, so it proves nothing")


class Cli(Folder):
    echo = {"action": "echo", "payload": {"msg": "hello world"}, "nonce": "unique-1"}

    def execute(self, request, *more, **options):
        return run(CLI, "execute", "--json", *more, stdin=json.dumps(request), **options)

    def answer(self, exit_code, request, *more, **options):
        return json.loads(self.expect(exit_code, self.execute(request, *more, **options)))

    def test_hashes_are_those_of_the_vectors(self):
        cases = json.loads(pathlib.Path(os.path.join(VECTORS, "identities.json")).read_text(encoding="utf-8"))["cases"]
        names = ("request_hash", "action_hash", "exec_id")
        for case in cases[::4]:
            # Escaped, since a lone surrogate cannot stand in UTF-8.
            request = json.dumps({k: case[k] for k in ("action", "payload", "nonce")})
            answer = json.loads(self.expect(YES, run(CLI, "hash", "--json", "--tenant", case["tenant"], stdin=request)))
            self.assertEqual({k: answer[k] for k in names}, {k: case[k] for k in names})
        print(f"vectors: identities through openexec hash: {len(cases[::4])} cases")

    def test_a_hash_needs_no_nonce_and_an_exec_id_does(self):
        request = {k: self.echo[k] for k in ("action", "payload")}
        without = json.loads(self.expect(YES, run(CLI, "hash", "--json", stdin=json.dumps(request))))
        beside = json.loads(self.expect(YES, run(CLI, "hash", "--json", "--nonce", "unique-1", stdin=json.dumps(request))))
        inside = json.loads(self.expect(YES, run(CLI, "hash", "--json", stdin=json.dumps(self.echo))))
        self.assertIsNone(without["exec_id"])
        self.assertEqual(without["request_hash"], inside["request_hash"])
        self.assertEqual(beside, inside)

    def test_canon_gives_each_form_and_nothing_else(self):
        cases = json.loads(pathlib.Path(os.path.join(VECTORS, "canonical.json")).read_text(encoding="utf-8"))["cases"]
        for case in cases[::40]:
            text = bytes.fromhex(case["input_hex"])
            for form, key in (("jcs", "jcs"), ("clawshield-v1", "clawshield_v1"), ("display", "display")):
                done = subprocess.run([CLI, "canon", "--form", form], input=text, capture_output=True, check=False)
                if "refuse" in case:
                    self.assertEqual((done.returncode, done.stdout), (NO, b""), case["id"])
                else:
                    self.assertEqual((done.returncode, done.stdout.decode()), (YES, case[key]), case["id"])
        print(f"vectors: canonical forms through openexec canon: {len(cases[::40])} cases")

    def test_the_demo_shows_seven_promises_and_leaves_nothing(self):
        folder = pathlib.Path("demo-tmp")
        folder.mkdir()
        env = {"TMPDIR": str(folder.resolve()), "CLAWSHIELD_TENANT_ID": "another", "OPENEXEC_MODE": "policy"}
        steps = [json.loads(line) for line in self.expect(YES, run(CLI, "demo", "--json", env=env)).splitlines()]
        self.assertEqual([(step["step"], step["answer"], step["handler_entered"]) for step in steps], [
            ("approved", "executed", 1), ("replayed", "replayed", 1), ("altered", "refused: approval_hash_mismatch", 1),
            ("spent", "refused: approval_spent", 1), ("unapproved", "refused: approval_missing", 1),
            ("killed", "replayed: in_doubt", 2), ("forged", "not valid", 2)])
        self.assertTrue(all(step["as_expected"] for step in steps))
        self.assertEqual(steps[0]["receipt"], steps[1]["receipt"])
        self.assertIn("HANDLER ENTERED", self.expect(YES, run(CLI, "demo", env=env)))
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_backup_is_restored_and_what_was_spent_stays_spent(self):
        self.answer(YES, self.echo)
        made = json.loads(self.expect(YES, run(CLI, "ledger", "backup", "backup.db", "--json")))
        self.assertEqual((made["verified"], made["entries"]), (True, 1))
        for name in ("backup.db", "backup.db.log-key"):
            self.assertEqual(os.stat(name).st_mode & 0o777, 0o600, name)
        self.says(CANNOT, "there already", run(CLI, "ledger", "backup", "backup.db"))
        restored = ("--ledger", "sqlite:///restored.db")
        restore = (CLI, "ledger", "restore", "backup.db", "--why", "a test", *restored)
        self.assertEqual(json.loads(self.expect(YES, run(*restore, "--json")))["entry"], 1)
        self.says(CANNOT, "there already", run(*restore))
        self.expect(YES, run(CLI, "log", "verify", *restored))
        self.says(CANNOT, "needs a new tenant", self.execute(self.echo, *restored))
        self.answer(YES, self.echo, *restored, "--mode", "demo", "--tenant", "another")

    def test_execute_runs_once_and_replays(self):
        first = self.answer(YES, self.echo)
        again = self.answer(YES, self.echo)
        self.assertEqual(first["result"], {"echo": {"msg": "hello world"}})
        self.assertEqual(again, {**first, "replayed": True, "verdict": "replayed", "entry": 1})
        self.assertEqual((first["verdict"], first["effect"], first["entry"]), ("executed", "confirmed", 0))
        changed = self.answer(NO, {**self.echo, "payload": {"msg": "other"}})
        self.assertEqual((changed["code"], changed["approved"]), ("nonce_conflict", False))
        self.assertEqual(self.answer(NO, {"action": "rm", "nonce": "n"})["detail"], "Unknown action: rm")
        self.assertEqual(self.answer(NO, {**self.echo, "nonce": "n2"}, "--allow", "add")["code"], "action_not_allowed")
        self.assertEqual(self.answer(NO, {**self.echo, "nonce": "n2"}, env={"OPENEXEC_ALLOWED_ACTIONS": ""})["code"],
                         "action_not_allowed", "an empty allow-list allows nothing")
        self.assertEqual(self.answer(YES, {**self.echo, "nonce": "n2"}, "--allow", "add,echo")["code"], "ok")
        self.assertEqual(self.answer(NO, {"action": "echo"})["code"], "malformed_request")
        self.says(CANNOT, "mode", self.execute(self.echo, env={"OPENEXEC_MODE": ""}))
        self.assertEqual(self.answer(YES, {"action": "echo"}, "--nonce", "beside")["result"], {"echo": {}})

    def test_add_keeps_integers_exact_and_says_when_it_cannot_add(self):
        most = 2**53 - 1
        sums = (((1, 2), "3"), ((0.1, 0.2), "0.30000000000000004"), ((most, 0), str(most)), ((most, 1), "9007199254740992.0"),
                ((-most, -1), "-9007199254740992.0"), ((0.5, 0.5), "1.0"))
        for (a, b), expected in sums:
            done = self.execute({"action": "add", "payload": {"a": a, "b": b}, "nonce": f"{a}+{b}"})
            self.assertIn('"result":{"sum": ' + expected + "}", self.expect(YES, done))
        for payload in ({}, {"a": 1}, {"a": "1", "b": 2}, {"a": 1.7e308, "b": 1.7e308}):
            answer = self.answer(NO, {"action": "add", "payload": payload, "nonce": json.dumps(payload)})
            self.assertEqual(answer["code"], "handler_failed")
            entry = json.loads(run(CLI, "log", "show", "--json", answer["id"]).stdout)["entry"]
            self.assertEqual(entry["effect"], "none")

    def test_clawshield_mode_runs_what_was_approved_and_once(self):
        self.expect(YES, run(APPROVE, "keygen", "--no-passphrase"))
        self.write("request.json", self.echo)
        sign = (APPROVE, "sign", "request.json", "--key", "approver.key.pem", "--tenant", "acme", "--yes", "--embed")
        approved = json.loads(self.expect(YES, run(*sign)))
        pem = pathlib.Path("approver.pub.pem").read_text(encoding="utf-8")
        env = {"CLAWSHIELD_PUBLIC_KEY": pem, "CLAWSHIELD_TENANT_ID": "acme",
               "OPENEXEC_MODE": "clawshield", "OPENEXEC_DB_URL": "sqlite:///approved.db"}
        self.assertEqual(self.answer(NO, self.echo, env=env)["code"], "approval_missing")
        self.assertEqual(self.answer(NO, {**approved, "payload": {}}, env=env)["code"], "approval_hash_mismatch")
        self.assertEqual(self.answer(YES, approved, env=env)["code"], "ok")
        self.assertEqual(self.answer(NO, {**approved, "nonce": "other"}, env=env)["code"], "approval_spent")
        flags = ("--mode", "clawshield", "--public-key", "approver.pub.pem", "--tenant", "acme", "--ledger", env["OPENEXEC_DB_URL"])
        self.assertIs(self.answer(YES, approved, *flags)["replayed"], True)

    def test_execute_does_not_reach_demo_by_a_forgotten_mode(self):
        request = {"action": "echo", "payload": {}, "nonce": "n"}
        for env in ({"CLAWSHIELD_TENANT_ID": "acme"}, {"CLAWSHIELD_PUBLIC_KEY": "a key"}):
            self.says(CANNOT, "--mode clawshield", self.execute(request, env=env))
            self.answer(YES, request, "--mode", "demo", env=env)

    def test_a_receipt_is_verified_offline(self):
        answer = self.answer(YES, self.echo)

        def verify(value, *more):
            return run(CLI, "verify-receipt", *more, stdin=value if isinstance(value, str) else json.dumps(value))

        self.expect(YES, verify(answer))
        self.expect(NO, verify({**answer, "result": {"echo": 1}}))
        self.expect(NO, verify({**answer, "id": "0" * 64}))
        as_posted = {"exec_id": answer["id"], "result": json.dumps(answer["result"]), "receipt": answer["receipt"]}
        self.expect(YES, verify(as_posted))
        flags = ("--exec-id", answer["id"], "--receipt", answer["receipt"])
        self.expect(YES, verify(json.dumps(answer["result"], indent=3), *flags))
        self.assertIs(json.loads(self.expect(NO, verify("{}", "--json", *flags)))["valid"], False)
        self.says(CANNOT, "--exec-id", verify("{}"))

    def test_a_hash_that_matches_is_not_called_an_execution(self):
        answer = self.answer(YES, {"action": "echo", "payload": {"total": 10}, "nonce": "t"})
        self.assertEqual((answer["verdict"], answer["effect"], answer["entry"]), ("executed", "confirmed", 0))

        def verify(value, *more):
            return run(CLI, "verify-receipt", *more, stdin=json.dumps(value))

        ledger = ("--ledger", "sqlite:///openexec.db")
        invented = "7" * 64
        hashed = hashlib.sha256(f"{invented}:{json.dumps({'paid': True})}".encode()).hexdigest()
        never = {"exec_id": invented, "result": {"paid": True}, "receipt": hashed}
        rewritten = {**answer, "result": {"echo": {"total": 10.0}}}
        for given in (answer, never):
            said = self.expect(YES, verify(given))
            self.assertIn("the hash matches", said)
            self.assertNotIn("valid", said)
        self.expect(NO, verify(rewritten))  # without a ledger the bytes decide
        self.assertIn("recorded: entry 0 of the log, executed, code ok", self.expect(YES, verify(answer, *ledger)))
        self.assertIn("recorded: entry 0 of the log", self.expect(YES, verify(rewritten, *ledger)))
        self.assertIn("NOT recorded", self.expect(NO, verify(never, *ledger)))
        self.expect(NO, verify({**answer, "result": {"echo": {"total": 11}}}, *ledger))
        self.assertEqual(json.loads(self.expect(YES, verify(rewritten, "--json", *ledger))),
                         {"valid": True, "recorded": True, "index": 0, "verdict": "executed", "code": "ok"})
        self.assertIs(json.loads(self.expect(NO, verify(never, "--json", *ledger)))["recorded"], False)
        self.expect(CANNOT, verify(answer, "--ledger", "sqlite:///absent.db"))

    def test_what_our_own_output_says_is_accepted_as_input(self):
        for number, written in (("1e16", "10000000000000000"), ("-1e20", "-100000000000000000000"), ("1E2", "100")):
            request = '{"action":"echo","payload":{"n":%s},"nonce":"%s"}' % (number, number)
            answer = json.loads(self.expect(YES, run(CLI, "execute", "--json", "--ledger", "sqlite:///large.db", stdin=request)))
            jcs = self.expect(YES, run(CLI, "canon", stdin='{"n":%s}' % number))
            self.assertEqual(jcs, '{"n":%s}' % written)
            self.assertEqual(self.expect(YES, run(CLI, "canon", stdin=jcs)), jcs)
            # The bytes that the handler got are the payload of the portable receipt.
            for name, text in (("payload.json", jcs), ("result.json", json.dumps(answer["result"]))):
                pathlib.Path(name).write_text(text, encoding="utf-8")
            ledger = ("--ledger", "sqlite:///large.db")
            self.expect(YES, run(CLI, "log", "proof", answer["id"], *ledger, "--out", "r.tlog-proof"))
            key = self.expect(YES, run(CLI, "log", "key", *ledger)).split()[-1]
            said = self.expect(YES, run(CLI, "receipt", "verify", "r.tlog-proof", "--log-key", key,
                                        "--payload", "payload.json", "--result", "result.json"))
            self.assertIn("PASS", said)
            pathlib.Path("r.tlog-proof").unlink()

    def test_the_log_lists_and_shows_every_attempt(self):
        answer = self.answer(YES, self.echo)
        self.answer(YES, self.echo)
        self.answer(NO, {**self.echo, "payload": {"msg": "\u001b[31m"}})
        lines = [json.loads(line) for line in self.expect(YES, run(CLI, "log", "list", "--json")).splitlines()]
        self.assertEqual([line["index"] for line in lines], [0, 1, 2])
        self.assertEqual([line["entry"]["verdict"] for line in lines], ["executed", "replayed", "refused"])
        leaf = hashlib.sha256(b"\0" + json.dumps(lines[0]["entry"], sort_keys=True, separators=(",", ":")).encode())
        self.assertEqual(lines[0]["leaf_hash"], leaf.hexdigest())

        table = self.expect(YES, run(CLI, "log", "list")).splitlines()
        column = table[0].index("VERDICT")
        self.assertEqual([row[column:].split()[0] for row in table[1:4]], ["executed", "replayed", "refused"])
        self.assertEqual(len(self.expect(YES, run(CLI, "log", "list", "--json", "--count", "1")).splitlines()), 1)
        last = self.expect(YES, run(CLI, "log", "list", "--json", "--first", "1", "--count", "1"))
        self.assertEqual(json.loads(last)["index"], 1)

        def listed(*flags):
            said = self.expect(YES, run(CLI, "log", "list", "--json", *flags))
            return [json.loads(line)["index"] for line in said.splitlines()]
        self.assertEqual(listed("--verdict", "replayed"), [1])
        self.assertEqual(listed("--code", "ok"), [0, 1])
        self.assertEqual(listed("--code", "ok", "--count", "1"), [1])
        self.assertEqual(listed("--code", "ok", "--count", "1", "--first", "0"), [0])
        self.assertEqual(listed("--action", "echo"), [0, 1, 2])
        self.assertEqual(listed("--action", "other"), [])
        self.assertEqual(listed("--exec-id", answer["id"]), [0, 1])
        self.assertEqual(listed("--since", "2000-01-01T00:00:00Z"), [0, 1, 2])
        self.assertEqual(listed("--since", "2100-01-01T00:00:00Z"), [])
        for flags in (("--verdict", "good"), ("--code", "200"), ("--exec-id", "x"), ("--since", "yesterday")):
            self.says(CANNOT, flags[0], run(CLI, "log", "list", *flags))

        shown = self.expect(YES, run(CLI, "log", "show", answer["id"]))
        self.assertIn("entry 0", shown)
        self.assertIn("entry 1", shown)
        self.says(NO, "no such entry", run(CLI, "log", "show", "3"))
        self.says(CANNOT, "an entry's index", run(CLI, "log", "show", "last"))

    def test_colours_only_for_a_person(self):
        self.answer(YES, self.echo)
        self.assertNotIn("\x1b", self.expect(YES, run(CLI, "log", "list", env={"TERM": "xterm"})))
        self.assertIn("\x1b[32m", on_terminal([CLI, "log", "list"], [])[1])
        self.assertNotIn("\x1b", on_terminal([CLI, "log", "list"], [], env={"NO_COLOR": "1"})[1])

    def test_a_prune_takes_the_number_of_results_and_no_yes(self):
        ledger = ["--ledger", "sqlite:///prune.db"]
        self.expect(YES, run(CLI, "execute", *ledger, stdin='{"action":"echo","payload":{},"nonce":"n"}'))
        prune = [CLI, "log", "prune", "--before", "2100-01-01T00:00:00Z", *ledger]
        for answer, too_early, code in (("yes", None, NO), ("", "1", NO), ("1", None, YES)):
            done, screen = on_terminal(prune, [("Type their number, 1: ", answer)], too_early=too_early)
            self.assertEqual(done, code, screen)

    def test_what_cannot_be_tried_is_told_apart_from_a_no(self):
        for command in ((), ("nonsense",), ("execute", "--mode", "none"), ("canon", "--form", "x"), ("log",),
                        ("execute", "no-such-file"), ("log", "list", "--ledger", "sqlite:///no-such.db"),
                        ("execute", "--ledger", "postgres://x")):
            done = run(CLI, *command, stdin="{}")
            self.assertEqual(done.returncode, CANNOT, f"{command}: {done.stdout}{done.stderr}")
            self.assertTrue(done.stderr, command)
        for program in (CLI, APPROVE):
            self.assertIn("Exit codes:", self.expect(YES, run(program, "--help")))
            self.assertRegex(self.expect(YES, run(program, "--version")), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
