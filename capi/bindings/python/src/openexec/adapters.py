# SPDX-License-Identifier: Apache-2.0
"""Responses of other people's models, to requests and back. Pure functions: no SDK is imported, nothing is called.

A whole response goes in, as the SDK's own object or as the dict of its JSON, with the host's names for the conversation
and the turn. What comes out are the tool calls that it proposes; what goes back is a plain dict of the provider's own
tool-result shape.

    for request in adapters.from_openai_chat(completion, conversation=thread_id, turn=turn_id):
        outcome = executor.attempt(**request.arguments(), approval=approve(request))
        messages.append(adapters.to_openai_chat(request, outcome))

A response that was cut (for its length, by a filter, by an interrupted stream) is refused whole: its last call may be one
that the model never finished, completed by an SDK into valid JSON. The functions from_bare_... take a single call; they
cannot know whether the response was complete, so their caller has to.

The nonce is made of the conversation, the turn, the call's name and arguments, and how often an equal call stands before
it in the turn (docs/formats.md, section 13), so that a turn that is sent again is a replay. The id that the provider gave
the call is kept beside it, for the answer and as evidence.
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .codes import Code
from .errors import error_for
from .tool_calls import Turn

if TYPE_CHECKING:
    from .values import Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class ToolRequest:
    """What a model proposes: an action, its payload, and the nonce that this very call will always have. `call_id` is the
    provider's, as it came: it may be None, and several calls may have the same."""

    action: str
    payload: Mapping[str, Any] | str
    nonce: str
    call_id: str | None

    def arguments(self) -> dict[str, Any]:
        """For Executor.execute or attempt."""
        return {"action": self.action, "payload": self.payload, "nonce": self.nonce}


# --- OpenAI ---


def from_openai_chat(completion: Any, *, conversation: str, turn: str) -> list[ToolRequest]:
    """The tool calls of a chat completion with one choice."""
    choices = _list(completion, "choices", "completion")
    if len(choices) != 1:
        raise _malformed("completion: must have one choice; which of several is meant is the host's to say")
    # "stop" as well: a call that the host asked for by name ends so.
    _complete(_get(choices[0], "finish_reason", "choice", None), ("tool_calls", "stop"), "choice: finish_reason")
    calls = _list(_get(choices[0], "message", "choice"), "tool_calls", "message")
    counted = Turn(conversation, turn)
    return [from_bare_openai_chat_call(call, turn=counted) for call in calls]


def from_bare_openai_chat_call(call: Any, *, turn: Turn) -> ToolRequest:
    """A member of a message's tool_calls. CANNOT KNOW whether the response was cut: look at its finish_reason first."""
    _of_type(call, "function", "tool call")
    function = _get(call, "function", "tool call")
    return _request(turn, _get(call, "id", "tool call", None), _get(function, "name", "function"),
                    _get(function, "arguments", "function"))


def to_openai_chat(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The message of role "tool" that answers it."""
    return {"role": "tool", "tool_call_id": request.call_id, "content": _content(outcome)}


def from_openai_responses(response: Any, *, conversation: str, turn: str) -> list[ToolRequest]:
    """The function calls of a Response. A call's call_id counts; its item id is another thing."""
    _complete(_get(response, "status", "response", None), ("completed",), "response: status")
    for name in ("error", "incomplete_details"):
        if _get(response, name, "response", None) is not None:
            raise _malformed(f"response: has {name}, so it is not complete; ask the model again")
    counted = Turn(conversation, turn)
    return [from_bare_openai_responses_call(item, turn=counted) for item in _list(response, "output", "response")
            if _get(item, "type", "output item") == "function_call"]


def from_bare_openai_responses_call(call: Any, *, turn: Turn) -> ToolRequest:
    """An output item of type "function_call". CANNOT KNOW whether the response was cut: look at its status first."""
    _of_type(call, "function_call", "output item")
    if (status := _get(call, "status", "output item", None)) is not None:
        _complete(status, ("completed",), "output item: status")
    return _request(turn, _get(call, "call_id", "output item", None), _get(call, "name", "output item"),
                    _get(call, "arguments", "output item"))


def to_openai_responses(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The input item of type "function_call_output" that answers it."""
    return {"type": "function_call_output", "call_id": request.call_id, "output": _content(outcome)}


# --- Anthropic ---


def from_anthropic(message: Any, *, conversation: str, turn: str) -> list[ToolRequest]:
    """The content blocks of type "tool_use" of a Message."""
    blocks = [block for block in _list(message, "content", "message") if _get(block, "type", "content block") == "tool_use"]
    _complete(_get(message, "stop_reason", "message", None), ("tool_use",) if blocks else ("end_turn", "stop_sequence"),
              "message: stop_reason")
    counted = Turn(conversation, turn)
    return [from_bare_anthropic_block(block, turn=counted) for block in blocks]


def from_bare_anthropic_block(block: Any, *, turn: Turn) -> ToolRequest:
    """A content block of type "tool_use". CANNOT KNOW whether the message was cut: look at its stop_reason first."""
    _of_type(block, "tool_use", "content block")
    return _request(turn, _get(block, "id", "content block", None), _get(block, "name", "content block"),
                    _object(_get(block, "input", "content block"), "input"))


def to_anthropic(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The content block of type "tool_result" that answers it."""
    return {"type": "tool_result", "tool_use_id": request.call_id, "content": _content(outcome),
            "is_error": not outcome.ok}


# --- LangChain ---


def from_langchain(message: Any, *, conversation: str, turn: str) -> list[ToolRequest]:
    """The tool calls of an AIMessage. Its response_metadata has to say that it is complete, in the words of a provider."""
    if _list(message, "invalid_tool_calls", "message"):
        raise _malformed("message: has invalid_tool_calls, so it was not read as it was written; ask the model again")
    calls = _list(message, "tool_calls", "message")
    metadata = _get(message, "response_metadata", "message", None) or {}
    reasons = {name: reason for name in _ENDINGS if (reason := _get(metadata, name, "response_metadata", None)) is not None}
    if not reasons:
        raise _malformed("message: response_metadata does not say how the response ended, so it may have been cut")
    for name, reason in reasons.items():
        _complete(reason, _ENDINGS[name][0 if calls else 1], f"message: response_metadata: {name}")
    counted = Turn(conversation, turn)
    return [from_bare_langchain_call(call, turn=counted) for call in calls]


# How providers say that a response is complete: one with tool calls, and one without.
_ENDINGS = {"finish_reason": (("tool_calls", "stop", "STOP"), ("stop", "STOP")),
            "stop_reason": (("tool_use",), ("end_turn", "stop_sequence")),
            "stopReason": (("tool_use",), ("end_turn", "stop_sequence")),
            "done_reason": (("stop",), ("stop",)), "status": (("completed",), ("completed",))}


def from_bare_langchain_call(call: Any, *, turn: Turn) -> ToolRequest:
    """A member of an AIMessage's tool_calls. CANNOT KNOW whether the message was cut: LangChain completes arguments that
    were, so look at its response_metadata first."""
    if _get(call, "type", "tool call", None) not in (None, "tool_call"):
        raise _malformed("tool call: type must be \"tool_call\"")
    return _request(turn, _get(call, "id", "tool call", None), _get(call, "name", "tool call"),
                    _object(_get(call, "args", "tool call"), "args"))


def to_langchain(request: ToolRequest, outcome: Outcome) -> dict[str, Any]:
    """The arguments of the ToolMessage that answers it: ToolMessage(**adapters.to_langchain(request, outcome))."""
    return {"content": _content(outcome), "tool_call_id": request.call_id, "name": request.action,
            "status": "success" if outcome.ok else "error"}


# --- MCP ---


def from_bare_mcp_call(call: Any, *, turn: Turn, call_id: str | None = None) -> ToolRequest:
    """A tools/call request or its params. CANNOT KNOW whether the model's response was cut: an MCP server does not see it,
    so the client has to look.

    `call_id` is the id that the model gave the call, where the client passes it on. The JSON-RPC id is not one: it counts
    requests on one connection.
    """
    params = _get(call, "params", "request", None)
    if params is not None:
        method = _get(call, "method", "request")
        if method != "tools/call":
            raise _malformed("request: method must be \"tools/call\"")
    else:
        params = call
    arguments = _get(params, "arguments", "params", None)
    return _request(turn, call_id, _get(params, "name", "params"), {} if arguments is None else arguments)


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


def _malformed(detail: str) -> Exception:
    return error_for(Code.MALFORMED_REQUEST, detail)


def _of_type(of: Any, wanted: str, where: str) -> None:
    if _get(of, "type", where) != wanted:
        raise _malformed(f"{where}: type must be \"{wanted}\"")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _malformed(f"{what}: must be an object")
    return value


def _list(of: Any, name: str, where: str) -> list[Any]:
    """Returns a member that is a list, or an empty list if it is absent or null."""
    found = _get(of, name, where, None)
    if found is None:
        return []
    if isinstance(found, (str, bytes, Mapping)) or not isinstance(found, Iterable):
        raise _malformed(f"{where}: {name} must be a list")
    return list(found)


def _complete(reason: Any, good: tuple[str, ...], where: str) -> None:
    """What is not known to be complete is not: a reason that a provider invents tomorrow is refused."""
    if not isinstance(reason, str) or reason not in good:
        raise _malformed(f"{where}: must be {' or '.join(good)}; a response that was cut may end in a call that the model "
                         "never finished, so none of it is taken; ask the model again")


def _request(turn: Turn, call_id: Any, action: Any, payload: Any) -> ToolRequest:
    if not isinstance(turn, Turn):
        raise TypeError("turn: must be a Turn, which counts the calls of one turn")
    if call_id is not None and not isinstance(call_id, str):
        raise _malformed("call id: must be a string or null")
    if not isinstance(action, str):
        raise _malformed("name: must be a string")
    if isinstance(payload, str):
        payload = payload or "{}"  # a tool without parameters
    elif not isinstance(payload, Mapping):
        raise _malformed("arguments: must be an object")
    return ToolRequest(action, payload, turn.nonce(action, payload), call_id)


def _content(outcome: Outcome) -> str:
    """What the model is told: the result, or the code, its explanation, and whether it may try again. Never what a handler
    raised."""
    if outcome.ok:
        return outcome.result_json
    told = {"error": outcome.code.name.lower(), "effect": outcome.effect.name.lower(), "advice": outcome.advice}
    if outcome.detail:
        told["detail"] = outcome.detail
    return json.dumps(told, ensure_ascii=False)
