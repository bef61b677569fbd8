"""OpenExec: propose, approve, execute, witness. A deterministic execution boundary for AI agents."""
from . import adapters, parts
from .codes import Code, Effect, Kind, Verdict
from .errors import (Doubt, Failed, HandlerFailed, InDoubt, Invalid, NoEffect, OpenExecError, Refused, ResultInvalid,
                     Unavailable)
from .executor import (Cancellation, Clawshield, Demo, Executor, Invocation, Limits, Log, LogLine, Settlement)
from .values import (Form, Json, Outcome, Proposal, Receipt, canonicalise, has_feature, sha256, verify_clawshield_v1,
                     version)

__all__ = ["Cancellation", "Clawshield", "Code", "Demo", "Doubt", "Effect", "Executor", "Failed", "Form",
           "HandlerFailed", "InDoubt", "Invalid", "Invocation", "Json", "Kind", "Limits", "Log", "LogLine", "NoEffect",
           "OpenExecError", "Outcome", "Proposal", "Receipt", "Refused", "ResultInvalid", "Settlement", "Unavailable",
           "Verdict", "adapters", "canonicalise", "has_feature", "parts", "sha256", "verify_clawshield_v1", "version"]
