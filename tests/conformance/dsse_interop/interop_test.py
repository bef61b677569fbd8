#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DSSE envelopes that others sign are accepted here, and ours there.

interop_test.py python|go TOOL FOLDER: TOOL is dsse_tool; the other implementation is fetched into FOLDER, once. Exits
with 77, and says why, where it cannot be had.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
TYPE = "application/vnd.openexec.approval+json"
SEEDS = {"alice": "a1" * 32, "bob": "b0" * 32, "carol": "ca" * 32}
REQUEST = {"action": "echo", "payload": {"msg": "h\u00e9llo", "n": 1.0}, "nonce": "n-1"}
PYTHON_PACKAGE = "securesystemslib[crypto]==1.6.0"
GO_PACKAGE = "github.com/secure-systems-lab/go-securesystemslib/dsse@v0.9.1"


def run(command, text=None, **options):
    return subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, **options)


def fetched(what, command, **options):
    """Runs a command that needs others' code; without it there is nothing to test."""
    try:
        done = run(command, timeout=240, **options)
    except (OSError, subprocess.TimeoutExpired) as failed:
        done = subprocess.CompletedProcess(command, 1, "", str(failed))
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"SKIPPED: {what} cannot be had: {last}")
        sys.exit(SKIPPED)


def python_peer(folder):
    python = folder / "venv" / "bin" / "python"
    ready = folder / "python.ready"
    if not ready.exists():
        shutil.rmtree(folder / "venv", ignore_errors=True)
        try:
            venv.create(folder / "venv", with_pip=True)
        except (OSError, subprocess.CalledProcessError) as failed:
            print(f"SKIPPED: a virtual environment cannot be made: {failed}")
            sys.exit(SKIPPED)
        fetched(PYTHON_PACKAGE, [python, "-m", "pip", "install", "--quiet", "--retries", "1", PYTHON_PACKAGE])
        ready.touch()
    return [python, HERE / "peer.py"]


def go_peer(folder):
    program = folder / "go" / "interop"
    shutil.rmtree(folder / "go", ignore_errors=True)
    (folder / "go").mkdir(parents=True)
    shutil.copy(HERE / "main.go", folder / "go")
    environment = {"HOME": str(folder), "GOMODCACHE": str(folder / "gomod"), "GOCACHE": str(folder / "gocache"),
                   "GOFLAGS": "-mod=mod -modcacherw", **{k: v for k, v in os.environ.items() if k not in ("HOME", "GOFLAGS")}}
    where = {"cwd": folder / "go", "env": environment}
    fetched("Go", ["go", "mod", "init", "interop"], **where)
    fetched(GO_PACKAGE, ["go", "get", GO_PACKAGE], **where)
    fetched(GO_PACKAGE, ["go", "build", "-o", program, "."], **where)
    return [program]


class Sides:
    """Us, by the tool, and the other implementation."""

    def __init__(self, tool, peer, folder):
        self.tool, self.peer, self.folder = tool, peer, folder
        self.request = self.file("request.json", json.dumps(REQUEST))
        self.statement = self.ours("statement", self.request)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def ours(self, *arguments):
        done = run([self.tool, *arguments])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def theirs(self, command, how, keys, text):
        return run([*self.peer, command, str(how), *(f"{key}={SEEDS[key]}" for key in keys)], text)

    def we_sign(self, keys):
        envelope = self.ours("sign", SEEDS[keys[0]], keys[0], self.file("statement.json", self.statement))
        for key in keys[1:]:
            envelope = self.ours("add", SEEDS[key], key, self.file("envelope.json", envelope))
        return envelope

    def they_sign(self, keys, body=None, payload_type=TYPE):
        done = self.theirs("sign", payload_type, keys, body or self.statement)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def we_say(self, envelope, threshold=1, known=("alice", "bob")):
        policy = {"keys": [{"id": key, "public_key": self.ours("public", SEEDS[key])} for key in known],
                  "rules": [{"actions": ["*"], "threshold": threshold}]}
        return self.ours("verify", self.file("policy.json", json.dumps(policy)), self.request,
                         self.file("artifact.json", envelope))

    def they_say(self, envelope, threshold=1, known=("alice", "bob")):
        done = self.theirs("verify", threshold, known, envelope)
        return done.stdout.strip() if done.returncode == 0 else "refused"


def changed(envelope):
    """The same with another expiry in its statement."""
    members = json.loads(envelope)
    statement = base64.b64decode(members["payload"]).replace(b"12:04:00", b"12:05:00")
    members["payload"] = base64.b64encode(statement).decode()
    return json.dumps(members)


def url_safe(envelope):
    """The same in the other alphabet of base64."""
    members = json.loads(envelope)
    swap = str.maketrans("+/", "-_")
    members["payload"] = members["payload"].translate(swap)
    for signature in members["signatures"]:
        signature["sig"] = signature["sig"].translate(swap)
    return json.dumps(members)


def check(what, got, expected):
    print(f"{'ok' if got == expected else 'WRONG'}: {what}: {got}")
    return got == expected


def main(kind, tool, folder):
    folder.mkdir(parents=True, exist_ok=True)
    peer = python_peer(folder) if kind == "python" else go_peer(folder)
    sides = Sides(tool, peer, folder)
    one, two = sides.they_sign(["alice"]), sides.they_sign(["alice", "bob"])
    our_one, our_two = sides.we_sign(["alice"]), sides.we_sign(["alice", "bob"])
    mixed = sides.ours("add", SEEDS["bob"], "bob", sides.file("envelope.json", one))
    foreign = sides.they_sign(["alice"], payload_type="application/vnd.in-toto+json")
    good = [
        check("their signature, here", sides.we_say(one), "ok alice"),
        check("their two signatures, here", sides.we_say(two, threshold=2), "ok alice bob"),
        check("their one of two, here", sides.we_say(one, threshold=2), "approval_threshold"),
        check("their stranger, here", sides.we_say(sides.they_sign(["carol"])), "approval_signature_invalid"),
        check("theirs, changed, here", sides.we_say(changed(two)), "approval_signature_invalid"),
        check("theirs of another type, here", sides.we_say(foreign), "approval_malformed"),
        check("theirs in the other alphabet, here", sides.we_say(url_safe(two), threshold=2), "ok alice bob"),
        check("our signature, there", sides.they_say(our_one), "alice"),
        check("our two signatures, there", sides.they_say(our_two, threshold=2), "alice bob"),
        check("our one of two, there", sides.they_say(our_one, threshold=2), "refused"),
        check("our stranger, there", sides.they_say(sides.we_sign(["carol"])), "refused"),
        check("ours, changed, there", sides.they_say(changed(our_two)), "refused"),
        check("theirs and ours, here", sides.we_say(mixed, threshold=2), "ok alice bob"),
        check("theirs and ours, there", sides.they_say(mixed, threshold=2), "alice bob"),
        check("both make the same envelope", json.loads(two) == json.loads(our_two), True),
    ]
    print(f"{sum(good)} of {len(good)} as expected, with {PYTHON_PACKAGE if kind == 'python' else GO_PACKAGE}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])))
