# SPDX-License-Identifier: Apache-2.0
"""OpenExec: propose, approve, execute, witness. A deterministic execution boundary for AI agents."""
from . import adapters, parts
from .codes import Answer, Code, Control, Effect, Finding, Form, EventKind, Kind, Limit, ResultForm, Step, Verdict
from .errors import (Doubt, Failed, HandlerFailed, InDoubt, Invalid, NoEffect, OpenExecError, Refused, ResultInvalid,
                     Unavailable)
from .evidence import Cosignature, Evidence, verify_evidence
from .executor import (Cancellation, Clawshield, CostQuery, Demo, Event, Executor, Invocation, Settlement, TrustPolicy)
from .log import Log, LogLine
from .tool_calls import Turn, tool_call_nonce
from .values import (Json, Outcome, Proposal, Receipt, advice, canonicalise, has_feature, read_trust_policy, sha256,
                     verify_clawshield_v1, verify_trust_policy, version)

__all__ = ["Answer", "Cancellation", "Clawshield", "Code", "Control", "Cosignature", "CostQuery", "Demo", "Doubt",
           "Effect", "Event", "Evidence", "Executor", "Failed", "Finding", "Form", "HandlerFailed", "EventKind",
           "InDoubt", "Invalid", "Invocation", "Json", "Kind", "Limit", "Log", "LogLine", "NoEffect", "OpenExecError",
           "Outcome", "Proposal", "Receipt", "Refused", "ResultForm", "ResultInvalid", "Settlement", "Step", "TrustPolicy",
           "Turn", "Unavailable", "Verdict", "adapters", "advice", "canonicalise", "has_feature", "parts", "read_trust_policy", "sha256",
           "tool_call_nonce", "verify_clawshield_v1", "verify_evidence", "verify_trust_policy", "version"]
