# SPDX-License-Identifier: Apache-2.0
"""Verifies portable receipts, offline and with nothing but the log's public key."""
from __future__ import annotations

import dataclasses
import json
from typing import Any

from ._ffi import call, ffi, lend, lib, owned, taken, text
from .codes import Answer, Finding, Step
from .values import Payload, object_text


@dataclasses.dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness of the policy, and when it says it signed: seconds since 1970."""

    witness: str
    time_s: int


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """What a portable receipt is worth, step by step. Believe the entry only if the answer is PASS."""

    answer: Answer
    decided_by: Step | None
    detail: str
    findings: dict[Step, Finding]
    entry_json: str
    index: int
    origin: str
    size: int
    root: str
    cosignatures: tuple[Cosignature, ...]

    @property
    def ok(self) -> bool:
        return self.answer is Answer.PASS

    @property
    def entry(self) -> dict[str, Any] | None:
        return dict(json.loads(self.entry_json)) if self.entry_json else None


def verify_evidence(proof: str, *, log_key: str | None = None, policy: str | None = None, exec_id: str | None = None,
                    action: str | None = None, nonce: str | None = None, tenant: str | None = None,
                    payload: Payload = None, result: str | None = None, receipt: str | None = None,
                    approval: Payload = None) -> Evidence:
    """Reads and verifies a portable receipt (.tlog-proof). What is given besides is what the caller holds, and wants to
    know of: is it what the entry names? Raises where a key, a policy or an argument is malformed."""
    keep: list[Any] = []

    def fill(struct: Any, values: dict[str, str | bytes | None]) -> Any:
        struct.size = ffi.sizeof(ffi.typeof(struct).item)
        for name, value in values.items():
            if value is not None:  # absent is not the same as empty
                keep.append(lend(value, name))
                setattr(struct, name, keep[-1])
        return struct

    trust = fill(ffi.new("openexec_evidence_trust *"), {"log_key": log_key, "policy": policy})
    held = fill(ffi.new("openexec_evidence_held *"), {
        "exec_id": exec_id, "action": action, "nonce": nonce, "tenant": tenant,
        "payload": None if payload is None else object_text(payload, "payload"), "result": result, "receipt": receipt,
        "approval": None if approval is None else object_text(approval, "approval")})
    report = owned("openexec_evidence **", lib.openexec_evidence_destroy)
    why = owned("openexec_error **", lib.openexec_error_destroy)
    code = lib.openexec_evidence_verify(lend(proof, "proof"), trust, held, report, why)
    if report[0] == ffi.NULL:
        raise taken(code, why)
    return _read(report[0])


def _read(report: Any) -> Evidence:
    step = int(lib.openexec_evidence_decided_by(report))
    entries, root = ffi.new("uint64_t *"), ffi.new("openexec_digest *")
    call(lib.openexec_evidence_tree, report, entries, root)
    cosignatures = []
    for number in range(lib.openexec_evidence_cosignatures(report)):
        witness, time_s = ffi.new("openexec_str *"), ffi.new("uint64_t *")
        call(lib.openexec_evidence_cosignature, report, number, witness, time_s)
        cosignatures.append(Cosignature(text(witness[0]), int(time_s[0])))
    return Evidence(
        answer=Answer(lib.openexec_evidence_report_verdict(report)), decided_by=Step(step) if step >= 0 else None,
        detail=text(lib.openexec_evidence_detail(report, step)) if step >= 0 else "",
        findings={step: Finding(lib.openexec_evidence_finding(report, step)) for step in Step},
        entry_json=text(lib.openexec_evidence_entry(report)), index=int(lib.openexec_evidence_index(report)),
        origin=text(lib.openexec_evidence_origin(report)), size=int(entries[0]),
        root=bytes(ffi.buffer(root.bytes, 32)).hex(), cosignatures=tuple(cosignatures))
