# SPDX-License-Identifier: Apache-2.0
"""What goes in and what comes out: requests, outcomes, receipt hashes, canonical JSON."""
from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from ._ffi import buffer, call, digest_hex, encoded, ffi, lend, lib, owned, raw, taken, text
from .codes import Code, Effect, Form, ResultForm, Verdict
from .errors import error_for

Payload = Mapping[str, Any] | str | bytes | None
"""A dict, or the JSON text of one object, as tool calls carry it."""


class Json(str):
    """JSON text that is meant as it stands, e.g. as the result of a handler."""

    __slots__ = ()


_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Any, what: str) -> bytes:
    """Strict JSON of a Python value."""
    try:
        return _strict.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise error_for(Code.MALFORMED_REQUEST, _fault(value, what)) from None


def _fault(value: Any, place: str, depth: int = 0) -> str:
    """The first member that is no strict JSON, and its type. Never what it holds."""
    if depth > 100:
        return f"{place}: is nested too deeply, or holds itself"
    if isinstance(value, dict):
        for name, member in value.items():
            if not (name is None or isinstance(name, str | int | float)):
                return f"{place}: a member's name is {type(name).__name__}, and must be str"
            if fault := _fault(name, f"{place}: a member's name") or _fault(member, f"{place}.{name}", depth + 1):
                return fault
        return ""
    if isinstance(value, list | tuple):
        return next(filter(None, (_fault(one, f"{place}[{i}]", depth + 1) for i, one in enumerate(value))), "")
    if isinstance(value, str):
        return "" if _is_utf8(value) else f"{place}: is not UTF-8"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{place}: is a float that is not finite; JSON has none"
    if value is None or isinstance(value, int):
        return ""
    return f"{place}: is {type(value).__name__}, which JSON has no form for"


def _is_utf8(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def object_text(value: Payload, what: str) -> bytes:
    if value is None:
        return b""
    if isinstance(value, (str, bytes)):
        return encoded(value, what)
    if not isinstance(value, Mapping):
        raise TypeError(f"{what}: must be a mapping or JSON text, not {type(value).__name__}")
    return dumps(value if isinstance(value, dict) else dict(value), what)


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt hash with what it covers: SHA-256 over the execution's id and its result. It says which result belongs to
    which execution, and not that anything took place."""

    exec_id: str
    result: str
    receipt: str

    def verify(self) -> bool:
        """True only if the receipt hash belongs to this execution and this result. Offline."""
        why = ffi.new("openexec_error **")
        code = lib.openexec_verify_receipt(lend(self.exec_id, "exec_id"), lend(self.result, "result"),
                      lend(self.receipt, "receipt"), why)
        if code not in (Code.OK, Code.INVALID_ARGUMENT):
            raise taken(code, why)
        lib.openexec_error_destroy(why)
        return bool(code == Code.OK)

    def __str__(self) -> str:
        return self.receipt


def advice(code: Code, verdict: Verdict, effect: Effect) -> str:
    """The library's one text for an answer (docs/errors.md): for adapters that have no Outcome, but an answer over HTTP."""
    return text(lib.openexec_advice(code, verdict, effect))


_OK = Code.OK  # the usual one, without a search


def new_outcome() -> Any:
    """Where C puts an outcome: it is destroyed with the last that refers to it."""
    return owned("openexec_outcome **", lib.openexec_outcome_destroy)


class Outcome:
    """The answer to one attempt, yes or no. Its members are read from the library when they are asked for."""

    __slots__ = ("_handle", "cause", "code")

    def __init__(self, handle: Any, code: int, cause: BaseException | None = None) -> None:
        self._handle = handle  # of new_outcome()
        self.cause = cause  # what the handler raised, for the caller; in no log
        self.code = _OK if code == 0 else Code(code)

    @property
    def ok(self) -> bool:
        return self.code is Code.OK

    @property
    def verdict(self) -> Verdict:
        return Verdict(lib.openexec_outcome_verdict(self._handle[0]))

    @property
    def effect(self) -> Effect:
        return Effect(lib.openexec_outcome_effect(self._handle[0]))

    @property
    def advice(self) -> str:
        """What a model that proposed the action is told: whether it ran, whether it may be tried again, and how."""
        return text(lib.openexec_outcome_advice(self._handle[0]))

    @property
    def replayed(self) -> bool:
        return bool(lib.openexec_outcome_replayed(self._handle[0]))

    @property
    def attempt(self) -> int:
        """Which attempt of its execution ran, or is replayed; 1 if no attempt ran."""
        return int(lib.openexec_outcome_attempt(self._handle[0]))

    @property
    def may_retry(self) -> bool:
        """Nothing happened and the handler permits a further attempt: the same request, sent again, may run."""
        return bool(lib.openexec_outcome_may_retry(self._handle[0]))

    @property
    def http(self) -> int:
        return int(lib.openexec_outcome_http(self._handle[0]))

    @property
    def exec_id(self) -> str:
        return text(lib.openexec_outcome_exec_id(self._handle[0]))

    @property
    def action(self) -> str:
        return text(lib.openexec_outcome_action(self._handle[0]))

    @property
    def result_json(self) -> str:
        """The result in the bytes that the receipt hash covers."""
        return text(lib.openexec_outcome_result(self._handle[0]))

    @property
    def result_form(self) -> ResultForm:
        """Whether the result is the handler's JSON, or an object that carries what else it said."""
        return ResultForm(lib.openexec_outcome_result_form(self._handle[0]))

    @property
    def result(self) -> Any:
        return json.loads(raw(lib.openexec_outcome_result(self._handle[0])))

    @property
    def receipt(self) -> Receipt:
        return Receipt(self.exec_id, self.result_json, text(lib.openexec_outcome_receipt(self._handle[0])))

    @property
    def detail(self) -> str:
        """The explanation for a person; a replay has the first attempt's."""
        return text(lib.openexec_outcome_detail(self._handle[0]))

    @property
    def entry(self) -> dict[str, Any] | None:
        """This attempt's own log entry, or None if none could be written."""
        view = lib.openexec_outcome_entry(self._handle[0])
        return dict(json.loads(raw(view))) if view.size else None

    @property
    def entry_index(self) -> int | None:
        index = int(lib.openexec_outcome_entry_index(self._handle[0]))
        return index if index >= 0 else None

    @property
    def proof(self) -> str | None:
        """The portable receipt of this attempt's entry, if it was asked for and the log keeps a tree."""
        return text(lib.openexec_outcome_proof(self._handle[0])) or None

    def require(self) -> Outcome:
        """This outcome if it is a yes; raises the no otherwise."""
        if self.code is not Code.OK:
            raise error_for(self.code, self.detail, self) from self.cause
        return self

    def __repr__(self) -> str:
        return f"<Outcome {self.code.name.lower()} {self.verdict.name.lower()} {self.exec_id[:12]}>"


def request_of(action: str, payload: Payload, nonce: str, approval: Payload) -> tuple[Any, Any]:
    """An openexec_request, and what has to live as long as it is read."""
    keep = [lend(action, "action"), lend(object_text(payload, "payload")), lend(nonce, "nonce"),
            lend(object_text(approval, "approval_artifact"))]
    request = ffi.new("openexec_request *", {"size": ffi.sizeof("openexec_request")})
    request.action, request.payload, request.nonce, request.approval_artifact = keep
    return request, keep


class Proposal:
    """A request after its one strict parse, for programs that only hash or only verify."""

    __slots__ = ("_handle",)

    def __init__(self, action: str, payload: Payload = None, *, nonce: str, approval: Payload = None,
                 tenant: str = "default") -> None:
        self._handle = owned("openexec_proposal **", lib.openexec_proposal_destroy)
        request, _keep = request_of(action, payload, nonce, approval)
        call(lib.openexec_proposal_create, request, lend(tenant, "tenant"), self._handle)

    @classmethod
    def from_json(cls, request: str | bytes, *, tenant: str = "default") -> Proposal:
        """From one JSON object with the members action, payload, nonce and approval_artifact."""
        made = cls.__new__(cls)
        made._handle = owned("openexec_proposal **", lib.openexec_proposal_destroy)
        call(lib.openexec_proposal_create_json, lend(request, "request"), lend(tenant, "tenant"), made._handle)
        return made

    @classmethod
    def _borrow(cls, handle: Any) -> Proposal:
        """A proposal that belongs to the library. The caller nulls its handle when the verifier has returned."""
        made = cls.__new__(cls)
        made._handle = ffi.new("openexec_proposal **", handle)
        return made

    @property
    def tenant(self) -> str:
        return text(lib.openexec_proposal_tenant(self._handle[0]))

    @property
    def action(self) -> str:
        return text(lib.openexec_proposal_action(self._handle[0]))

    @property
    def nonce(self) -> str:
        return text(lib.openexec_proposal_nonce(self._handle[0]))

    @property
    def payload_json(self) -> str:
        """RFC 8785 form, as the handler gets it."""
        return text(lib.openexec_proposal_payload(self._handle[0]))

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.payload_json))

    @property
    def artifact(self) -> dict[str, Any] | None:
        found = text(lib.openexec_proposal_artifact(self._handle[0]))
        return dict(json.loads(found)) if found else None

    def _hash(self, which: int) -> str:
        digest = ffi.new("openexec_digest *")
        call(lib.openexec_proposal_hash, self._handle[0], which, digest)
        return digest_hex(digest)

    @property
    def request_hash(self) -> str:
        return self._hash(lib.OPENEXEC_HASH_REQUEST)

    @property
    def action_hash(self) -> str:
        """What a clawshield-v1 artifact carries."""
        return self._hash(lib.OPENEXEC_HASH_ACTION)

    @property
    def parameters_hash(self) -> str:
        return self._hash(lib.OPENEXEC_HASH_PARAMETERS)

    @property
    def exec_id(self) -> str:
        return self._hash(lib.OPENEXEC_HASH_EXEC_ID)

    @property
    def artifact_hash(self) -> str | None:
        found = self._hash(lib.OPENEXEC_HASH_ARTIFACT)
        return None if found == "0" * 64 else found


def canonicalise(text_of_json: str | bytes, form: Form = Form.JCS) -> str:
    """JSON in a canonical form, after the strict parse that requests get."""
    return (buffer(lib.openexec_canonicalise, lend(text_of_json, "json"), int(form)) or b"").decode("utf-8")


def sha256(data: str | bytes) -> str:
    digest = ffi.new("openexec_digest *")
    call(lib.openexec_sha256, lend(data, "data"), digest)
    return digest_hex(digest)


def verify_clawshield_v1(artifact: Payload, *, public_key: str, tenant: str, action: str, payload: Payload = None,
                         now_us: int) -> dict[str, Any]:
    """Who approved it: {"digest", "id", "keys", "profile"}. Raises the no. Says nothing about whether it was spent."""
    found = buffer(lib.openexec_verify_clawshield_v1, lend(public_key, "public_key"), lend(tenant, "tenant"),
                   lend(action, "action"), lend(object_text(payload, "payload")),
                   lend(object_text(artifact, "approval_artifact")), now_us)
    return dict(json.loads(found or b"{}"))


def verify_trust_policy(policy: Payload, *, executor: str, tenant: str, action: str, payload: Payload = None,
                        nonce: str, approval: Payload, now_us: int) -> dict[str, Any]:
    """Who approved it, under a trust policy. Raises the no. Says nothing about whether it was spent."""
    request, _keep = request_of(action, payload, nonce, approval)
    found = buffer(lib.openexec_verify_trust_policy, lend(object_text(policy, "policy")), lend(executor, "executor"),
                   lend(tenant, "tenant"), request, now_us)
    return dict(json.loads(found or b"{}"))


def read_trust_policy(policy: Payload) -> dict[str, Any]:
    """Returns {"digest", "policy", "warnings"} without activating the policy. Raises what is wrong with it."""
    return dict(json.loads(buffer(lib.openexec_trust_policy_read, lend(object_text(policy, "policy"))) or b"{}"))


def version() -> str:
    """Of the library that is running."""
    return text(lib.openexec_version())


def has_feature(name: str) -> bool:
    return bool(lib.openexec_has_feature(lend(name, "name")))
