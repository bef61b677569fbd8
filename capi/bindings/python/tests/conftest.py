# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the repository, its vectors, executors that echo, and an approver with a key."""
import base64
import datetime
import json
import os
import pathlib
import signal
import uuid

import pytest

import openexec

ROOT = pathlib.Path(__file__).parents[4]
TENANT = "acme"


def vectors(name):
    folder = pathlib.Path(os.environ.get("OPENEXEC_VECTORS") or ROOT / "tests" / "vectors")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def micros(text):
    """RFC 3339 to microseconds, without a double in between."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


class Approver:
    """Signs clawshield-v1 approvals, with another's implementation of Ed25519."""

    def __init__(self):
        ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
        serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
        self._key = ed25519.Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def approve(self, action, payload, tenant=TENANT):
        now = datetime.datetime.now(datetime.timezone.utc)
        artifact = {
            "approval_id": str(uuid.uuid4()), "tenant_id": tenant,
            "action_hash": openexec.Proposal(action, payload, nonce="any", tenant=tenant).action_hash,
            "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expires_at": (now + datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        artifact["signature"] = base64.b64encode(self._key.sign("".join(artifact.values()).encode())).decode()
        return artifact


def echoing(**settings):
    """An executor with a handler that echoes, not opened yet."""
    made = openexec.Executor(**{"ledger": "sqlite://", "verifier": openexec.Demo(), **settings})

    @made.handler("echo")
    def echo(call):
        return {"echo": call.payload}

    return made


@pytest.fixture(autouse=True, scope="session")
def storm():
    """With OPENEXEC_STORM, everything runs under a signal every other millisecond of the processor's time."""
    if not os.environ.get("OPENEXEC_STORM"):
        yield
        return
    rings = [0]

    def ring(number, frame):
        rings[0] += 1

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)
    assert rings[0] > 100


@pytest.fixture
def executor():
    with echoing() as made:
        yield made


@pytest.fixture
def approver():
    return Approver()
