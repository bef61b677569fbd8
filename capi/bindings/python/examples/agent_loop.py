#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An agent's loop around the boundary, without a network.

A scripted model proposes tool calls. A person reads each and approves it in the terminal, which signs exactly that
action and payload. OpenExec runs what was approved, once, and the model is told the outcome in its provider's shape.

    pip install cryptography
    python3 agent_loop.py ledger.db

The approver's key is made here, and lives as long as the loop, to keep the example in one file. Keep yours elsewhere:
who holds it decides.
"""
import base64
import datetime
import json
import pathlib
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import openexec
from openexec import adapters

TENANT = "acme"
CONVERSATION = "conversation-1"


class ScriptedModel:
    """What a chat model would answer. The first turn is delivered twice, the second time under another id: networks and
    providers do that. The third was cut, and 1000 became 100."""

    def __init__(self):
        def call(name, arguments, call_id):
            return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}

        def completion(calls, finish_reason, content=None):
            message = {"role": "assistant", "content": content, "tool_calls": calls}
            return {"choices": [{"index": 0, "finish_reason": finish_reason, "message": message}]}

        mail = '{"to":"ada@example.com","text":"The report is ready."}'
        self._turns = [("turn-1", completion([call("send_email", mail, "call_1")], "tool_calls")),
                       ("turn-1", completion([call("send_email", mail, "call_7")], "tool_calls")),
                       ("turn-2", completion([call("delete_files", '{"path":"/srv/reports"}', "call_2")], "tool_calls")),
                       ("turn-3", completion([call("pay", '{"amount":100}', "call_3")], "length")),
                       ("turn-4", completion(None, "stop", "Done."))]

    def answer(self, messages):
        """The host's name of the turn, and the completion."""
        del messages  # it says what it says
        return self._turns.pop(0)


class PersonAtTheTerminal:
    """The governance side: shows what is proposed, asks, and signs a clawshield-v1 approval of exactly that."""

    def __init__(self):
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def approve(self, request):
        proposal = openexec.Proposal(request.action, request.payload, nonce=request.nonce, tenant=TENANT)
        print(f"proposed: {proposal.action} {json.dumps(proposal.payload)}")  # what was parsed, with all else escaped
        if input("approve? [yes/no] ") != "yes":
            return None
        now = datetime.datetime.now(datetime.timezone.utc)
        artifact = {"approval_id": str(uuid.uuid4()), "tenant_id": TENANT, "action_hash": proposal.action_hash,
                    "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "expires_at": (now + datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        artifact["signature"] = base64.b64encode(self._key.sign("".join(artifact.values()).encode())).decode()
        return artifact


def main():
    model, person, approvals = ScriptedModel(), PersonAtTheTerminal(), {}
    executor = openexec.Executor(ledger=pathlib.Path(sys.argv[1]), tenant=TENANT,
                                 verifier=openexec.Clawshield(person.public_key, TENANT))

    @executor.handler("send_email", schema={"type": "object", "required": ["to", "text"], "additionalProperties": False,
                                            "properties": {"to": {"type": "string"}, "text": {"type": "string"}}})
    def send_email(call):
        print(f"  sending to {call.payload['to']}")  # a real one would pass call.exec_id on as its idempotency key
        return {"sent": True}

    @executor.handler("delete_files")
    def delete_files(call):
        print(f"  deleting {call.payload['path']}")
        return {"deleted": True}

    messages = [{"role": "user", "content": "Tell Ada that the report is ready."}]
    with executor:
        while True:
            turn, completion = model.answer(messages)
            try:
                requests = adapters.from_openai_chat(completion, conversation=CONVERSATION, turn=turn)
            except openexec.Invalid as cut:
                print(f"not taken: {cut.detail}")  # the host asks the model again, in a new turn
                continue
            message = completion["choices"][0]["message"]
            messages.append(message)
            if not requests:
                print(f"model: {message['content']}")
                break
            for request in requests:
                if request.nonce not in approvals:  # a call that comes again is not asked about again
                    approvals[request.nonce] = person.approve(request)
                outcome = executor.attempt(**request.arguments(), approval=approvals[request.nonce])
                messages.append(adapters.to_openai_chat(request, outcome))
                print(f"  {outcome.verdict.name.lower()} {outcome.code.name.lower()} receipt {str(outcome.receipt)[:16]}")
        for line in executor.log():
            print(f"log {line.index}: {line.entry['action']} {line.entry['verdict']} {line.entry['code']}")


if __name__ == "__main__":
    main()
