"""Tool calls of other people's SDKs, to requests and back. Pure functions: no SDK is imported, nothing is called.

A call goes in as the SDK's own object or as the dict of its JSON; what comes back is a plain dict of the provider's own
tool-result shape.

    for call in message.tool_calls:
        request = adapters.from_openai_chat(call, conversation=thread_id)
        outcome = executor.attempt(**request.arguments(), approval=approve(request))
        messages.append(adapters.to_openai_chat(request, outcome))

The nonce is derived from the provider, the conversation and the id that the model gave the call: the same call gets the
same nonce however often it is delivered, so that a repetition is a replay and never a second execution.
"""
from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .codes import Code
from .errors import error_for

if TYPE_CHECKING:
    from .values import Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class ToolRequest:
    """What a model proposes: an action, its payload, and the nonce that this very call will always have."""

    action: str
    payload: Mapping[str, Any] | str
    nonce: str
    call_id: str

    def arguments(self) -> dict[str, Any]:
        """For Executor.execute or attempt."""
        return {"action": self.action, "payload": self.payload, "nonce": self.nonce}


def nonce_for(provider: str, conversation: str, call_id: str) -> str:
    """hex(SHA-256) of the three, each behind its length in decimal and a colon."""
    digest = hashlib.sha256(b"openexec/tool-call/v1\n")
    for name, part in (("provider", provider), ("conversation", conversation), ("call id", call_id)):
        if not isinstance(part, str) or not part:
            raise error_for(Code.MALFORMED_REQUEST, f"{name}: must be a string that is not empty")
        try:
            data = part.encode("utf-8")
        except UnicodeEncodeError:
            raise error_for(Code.MALFORMED_REQUEST, f"{name}: is not UTF-8") from None
        digest.update(b"%d:%s" % (len(data), data))
    return digest.hexdigest()


# --- OpenAI ---


def from_openai_chat(call: Any, *, conversation: str) -> ToolRequest:
    """A member of a chat completion's message.tool_calls."""
    _of_type(call, "function", "tool call")
    function = _get(call, "function", "tool call")
    return _request("openai", conversation, _get(call, "id", "tool call"), _get(function, "name", "function"),
                    _get(function, "arguments", "function"))


def to_openai_chat(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The message of role "tool" that answers it."""
    return {"role": "tool", "tool_call_id": request.call_id, "content": _content(outcome)}


def from_openai_responses(call: Any, *, conversation: str) -> ToolRequest:
    """An output item of type "function_call". Its call_id counts; its item id is another thing."""
    _of_type(call, "function_call", "output item")
    return _request("openai", conversation, _get(call, "call_id", "output item"), _get(call, "name", "output item"),
                    _get(call, "arguments", "output item"))


def to_openai_responses(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The input item of type "function_call_output" that answers it."""
    return {"type": "function_call_output", "call_id": request.call_id, "output": _content(outcome)}


# --- Anthropic ---


def from_anthropic(block: Any, *, conversation: str) -> ToolRequest:
    """A content block of type "tool_use"."""
    _of_type(block, "tool_use", "content block")
    return _request("anthropic", conversation, _get(block, "id", "content block"),
                    _get(block, "name", "content block"), _get(block, "input", "content block"))


def to_anthropic(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The content block of type "tool_result" that answers it."""
    return {"type": "tool_result", "tool_use_id": request.call_id, "content": _content(outcome),
            "is_error": not outcome.ok}


# --- LangChain ---


def from_langchain(call: Any, *, conversation: str) -> ToolRequest:
    """A member of an AIMessage's tool_calls."""
    if (kind := _get(call, "type", "tool call", None)) not in (None, "tool_call"):
        raise error_for(Code.MALFORMED_REQUEST, f"tool call: type must be \"tool_call\", not {kind!r:.40}")
    return _request("langchain", conversation, _get(call, "id", "tool call"), _get(call, "name", "tool call"),
                    _get(call, "args", "tool call"))


def to_langchain(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The arguments of the ToolMessage that answers it: ToolMessage(**adapters.to_langchain(request, outcome))."""
    return {"content": _content(outcome), "tool_call_id": request.call_id, "name": request.action,
            "status": "success" if outcome.ok else "error"}


# --- MCP ---


def from_mcp(call: Any, *, conversation: str, call_id: str) -> ToolRequest:
    """A tools/call request or its params.

    `call_id` is the id that the model gave the call. The JSON-RPC id is not one: it counts requests on one connection,
    begins again with the next, and so names another call tomorrow.
    """
    params = _get(call, "params", "request", None)
    if params is not None:
        method = _get(call, "method", "request")
        if method != "tools/call":
            raise error_for(Code.MALFORMED_REQUEST, "request: method must be \"tools/call\"")
    else:
        params = call
    arguments = _get(params, "arguments", "params", None)
    return _request("mcp", conversation, call_id, _get(params, "name", "params"), {} if arguments is None else arguments)


def to_mcp(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The result of the tools/call request (CallToolResult)."""
    del request  # the answer goes back under the JSON-RPC id, which is the caller's to know
    result: dict[str, Any] = {"content": [{"type": "text", "text": _content(outcome)}], "isError": not outcome.ok}
    if outcome.ok and isinstance(outcome.result, dict):
        result["structuredContent"] = outcome.result
    return result


# --- what they share ---

_REQUIRED = object()


def _get(of: Any, name: str, where: str, otherwise: Any = _REQUIRED) -> Any:
    found = of.get(name, _REQUIRED) if isinstance(of, Mapping) else getattr(of, name, _REQUIRED)
    if found is _REQUIRED:
        found = otherwise
    if found is _REQUIRED:
        raise error_for(Code.MALFORMED_REQUEST, f"{where}: has no {name}")
    return found


def _of_type(of: Any, wanted: str, where: str) -> None:
    if _get(of, "type", where) != wanted:
        raise error_for(Code.MALFORMED_REQUEST, f"{where}: type must be \"{wanted}\"")


def _request(provider: str, conversation: str, call_id: Any, action: Any, payload: Any) -> ToolRequest:
    if not isinstance(action, str):
        raise error_for(Code.MALFORMED_REQUEST, "name: must be a string")
    if isinstance(payload, str):
        payload = payload or "{}"  # a tool without parameters; read as strictly as any other text when it is executed
    elif not isinstance(payload, Mapping):
        raise error_for(Code.MALFORMED_REQUEST, "arguments: must be an object")
    return ToolRequest(action, payload, nonce_for(provider, conversation, call_id), call_id)


def _content(outcome: Outcome) -> str:
    """What the model is told: the result, or the code and its explanation. Never what a handler raised."""
    if outcome.ok:
        return outcome.result_json
    told = {"error": outcome.code.name.lower()}
    if outcome.detail:
        told["detail"] = outcome.detail
    return json.dumps(told, ensure_ascii=False)
