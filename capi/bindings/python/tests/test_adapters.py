# SPDX-License-Identifier: Apache-2.0
"""Responses of models to requests and back, without anybody's SDK. The shapes are those that the providers document."""
import json

import pytest

import openexec
from conftest import echoing
from openexec import Invalid, Turn, adapters

PLACE = {"conversation": "c-1", "turn": "t-1"}
HE = '{"msg":"hé"}'


def chat_call(arguments=HE, call_id="call_1", name="echo"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def chat(*calls, finish_reason="tool_calls"):
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": list(calls) or None}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": finish_reason, "logprobs": None, "message": message}]}


def responses_call(arguments=HE, call_id="call_1", name="echo", **more):
    return {"type": "function_call", "id": "fc_9", "call_id": call_id, "name": name, "arguments": arguments, **more}


def responses(*items, status="completed", **more):
    return {"id": "resp_1", "object": "response", "status": status, "error": None, "incomplete_details": None,
            "output": [{"type": "reasoning", "id": "rs_1", "summary": []}, *items], **more}


def tool_use(given=None, call_id="toolu_1", name="echo"):
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"msg": "hé"} if given is None else given}


def anthropic(*blocks, stop_reason="tool_use"):
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": stop_reason,
            "stop_sequence": None, "content": [{"type": "text", "text": "I will."}, *blocks]}


def langchain_call(given=None, call_id="call_1", name="echo"):
    return {"type": "tool_call", "id": call_id, "name": name, "args": {"msg": "hé"} if given is None else given}


def langchain(*calls, invalid=(), **metadata):
    return {"content": "", "tool_calls": list(calls), "invalid_tool_calls": list(invalid),
            "response_metadata": metadata or {"finish_reason": "tool_calls", "model_name": "m"}}


MCP = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "echo", "arguments": {"msg": "hé"}}}
WHOLE = {"chat": (adapters.from_openai_chat, chat, chat_call), "responses": (adapters.from_openai_responses, responses, responses_call),
         "anthropic": (adapters.from_anthropic, anthropic, tool_use), "langchain": (adapters.from_langchain, langchain, langchain_call)}
EACH = pytest.mark.parametrize("take, response, call", WHOLE.values(), ids=WHOLE)


def requests(**place):
    place = {**PLACE, **place}
    made = {name: take(response(call()), **place)[0] for name, (take, response, call) in WHOLE.items()}
    return made | {"mcp": adapters.from_bare_mcp_call(MCP, turn=Turn(**place), call_id="m-1")}


def test_every_provider_proposes_the_same_request_under_the_same_nonce():
    nonce = openexec.tool_call_nonce("c-1", "t-1", "echo", {"msg": "hé"}, occurrence=1)
    with echoing() as made:
        for number, (name, request) in enumerate(requests().items()):
            assert request.nonce == nonce and request.action == "echo", name
            outcome = made.execute(**request.arguments())
            assert outcome.result == {"echo": {"msg": "hé"}} and outcome.replayed == (number > 0), name
    others = {request.nonce for place in ({"conversation": "c-2"}, {"turn": "t-2"}) for request in requests(**place).values()}
    assert len(others) == 2 and nonce not in others


@EACH
def test_calls_with_one_id_or_none_are_told_apart_by_what_they_say(take, response, call):
    """A provider's ids are search:0 for every first call, equal for parallel calls, null, or new when a turn is sent again."""
    texts = [HE, '{"msg":"b"}', HE]
    given = texts if call in (chat_call, responses_call) else [json.loads(one) for one in texts]
    for ids in (["search:0"] * 3, [None] * 3, ["a", "b", "c"]):
        requests = take(response(*map(call, given, ids)), **PLACE)
        assert [request.call_id for request in requests] == ids
        nonces = [request.nonce for request in requests]
        assert nonces == [openexec.tool_call_nonce("c-1", "t-1", "echo", text, occurrence=number)
                          for text, number in zip(texts, (1, 1, 2), strict=True)]
    with echoing() as made:
        told = [made.execute(**request.arguments()) for request in requests]
        assert [outcome.result["echo"]["msg"] for outcome in told] == ["hé", "b", "hé"]
        assert not any(outcome.replayed for outcome in told)
        assert all(made.execute(**one.arguments()).replayed for one in take(response(*map(call, given)), **PLACE))


@EACH
def test_a_host_without_a_conversation_and_a_turn_gets_no_request(take, response, call):
    for place in ({"conversation": ""}, {"turn": ""}, {"conversation": None}, {"turn": None}, {"turn": 7}):
        with pytest.raises(Invalid):
            take(response(call()), **{**PLACE, **place})
    with pytest.raises(TypeError):
        take(response(call()), conversation="c-1")


def test_a_response_that_was_cut_proposes_nothing():
    """1000 cut to 100: valid JSON all the same, completed by an SDK or by chance."""
    paid = '{"amount":100}'
    cut = [(adapters.from_openai_chat, chat(chat_call(paid), finish_reason=reason))
           for reason in ("length", "content_filter", "function_call", None, "", "tomorrow's", 7)]
    cut += [(adapters.from_openai_responses, responses(responses_call(paid), status=status))
            for status in ("incomplete", "in_progress", "failed", "cancelled", "queued", None)]
    cut += [(adapters.from_openai_responses, responses(responses_call(paid), incomplete_details={"reason": "max_output_tokens"})),
            (adapters.from_openai_responses, responses(responses_call(paid), error={"code": "server_error"})),
            (adapters.from_openai_responses, responses(responses_call(paid, status="incomplete"))),
            (adapters.from_openai_responses, responses(responses_call(paid, status="in_progress")))]
    cut += [(adapters.from_anthropic, anthropic(tool_use({"amount": 100}), stop_reason=reason))
            for reason in ("max_tokens", "end_turn", "stop_sequence", "pause_turn", "refusal",
                           "model_context_window_exceeded", None)]
    cut += [(adapters.from_langchain, langchain(langchain_call({"amount": 100}), **metadata))
            for metadata in ({"finish_reason": "length"}, {"finish_reason": "content_filter"}, {"stop_reason": "max_tokens"},
                             {"stop_reason": "end_turn"}, {"status": "incomplete"}, {"model_name": "m"},
                             {"done_reason": "length"}, {"stopReason": "max_tokens"}, {"finish_reason": "MAX_TOKENS"},
                             {"finish_reason": "tool_calls", "status": "incomplete"})]
    cut += [(adapters.from_langchain, langchain(langchain_call(), invalid=[{"name": "echo", "args": "{", "error": "no JSON"}]))]
    for take, response in cut:
        with pytest.raises(Invalid) as no:
            take(response, **PLACE)
        assert "ask the model again" in no.value.detail or "may have been cut" in no.value.detail, (response, no.value)
        assert "100" not in no.value.detail


def test_a_complete_response_without_calls_proposes_nothing_and_is_no_error():
    assert adapters.from_openai_chat(chat(finish_reason="stop"), **PLACE) == []
    assert adapters.from_openai_responses(responses({"type": "message", "content": []}), **PLACE) == []
    assert adapters.from_anthropic(anthropic(stop_reason="end_turn"), **PLACE) == []
    assert adapters.from_langchain(langchain(finish_reason="stop"), **PLACE) == []
    assert len(adapters.from_openai_chat(chat(chat_call(), finish_reason="stop"), **PLACE)) == 1  # asked for by name


def test_a_function_that_takes_a_bare_call_says_that_it_cannot_know():
    bare = [name for name in vars(adapters) if name.startswith("from_bare_")]
    assert len(bare) == 5
    for name in bare:
        assert "CANNOT KNOW" in getattr(adapters, name).__doc__, name
    assert not any(name.startswith("from_") and name not in bare and "mcp" in name for name in vars(adapters))


def test_the_json_rpc_id_never_enters_a_nonce():
    first, again = (adapters.from_bare_mcp_call({**MCP, "id": id}, turn=Turn("c-1", "t-1"), call_id="m-1") for id in (7, 8))
    assert first == again == adapters.from_bare_mcp_call(MCP["params"], turn=Turn("c-1", "t-1"), call_id="m-1")
    assert adapters.from_bare_mcp_call(MCP, turn=Turn("c-1", "t-1")).nonce == first.nonce
    for turn in ("t-1", None):
        with pytest.raises(TypeError):
            adapters.from_bare_mcp_call(MCP, turn=turn)


def test_what_is_no_tool_call_is_refused_by_name():
    bad = [(adapters.from_openai_chat, chat({**chat_call(), "type": "custom"})),
           (adapters.from_openai_chat, chat(chat_call(call_id=7))), (adapters.from_openai_chat, chat({"type": "function"})),
           (adapters.from_openai_chat, chat({**chat_call(), "function": {}})), (adapters.from_openai_chat, chat(None)),
           (adapters.from_openai_chat, chat_call()), (adapters.from_openai_chat, None),
           (adapters.from_openai_chat, {"choices": "x"}), (adapters.from_openai_chat, {"choices": chat()["choices"] * 2}),
           (adapters.from_openai_responses, responses({"call_id": "a"})), (adapters.from_openai_responses, responses_call()),
           (adapters.from_anthropic, anthropic(tool_use([]))), (adapters.from_anthropic, anthropic(tool_use(HE))),
           (adapters.from_anthropic, anthropic(tool_use(name=7))), (adapters.from_anthropic, tool_use()),
           (adapters.from_langchain, langchain(langchain_call(HE))), (adapters.from_langchain, langchain_call()),
           (adapters.from_langchain, langchain({**langchain_call(), "type": "invalid_tool_call"}))]
    for adapter, given in bad:
        with pytest.raises(Invalid) as no:
            adapter(given, **PLACE)
        assert no.value.detail
    for given in ({**MCP, "method": "tools/list"}, {**MCP, "params": {}}, {**MCP, "params": {"name": "a", "arguments": 1}}):
        with pytest.raises(Invalid):
            adapters.from_bare_mcp_call(given, turn=Turn("c-1", "t-1"))


def test_arguments_that_are_no_object_refuse_the_response():
    for arguments in ("[1]", "{", '{"a":1,"a":2}', "1", '{"n":9007199254740993}'):
        for take, response, call in list(WHOLE.values())[:2]:
            with pytest.raises(Invalid) as no:
                take(response(call(), call(arguments)), **PLACE)
            assert no.value.detail.startswith("arguments: ")
    with echoing() as made:
        request, = adapters.from_openai_chat(chat(chat_call("")), **PLACE)
        assert made.execute(**request.arguments()).result == {"echo": {}}
    assert adapters.from_bare_mcp_call({"name": "echo"}, turn=Turn("c", "t")).payload == {}


def test_outcomes_go_back_in_the_shape_of_the_provider():
    made = echoing()

    @made.handler("crash")
    def crash(call):
        raise KeyError("secret")

    asked = requests()
    with made:
        yes = made.execute("echo", {"msg": "hé"}, nonce="1")
        no = made.attempt("crash", nonce="2")
    content = '{"echo": {"msg": "h\\u00e9"}}'
    assert adapters.to_openai_chat(asked["chat"], yes) == {"role": "tool", "tool_call_id": "call_1", "content": content}
    assert adapters.to_openai_responses(asked["responses"], yes) == {
        "type": "function_call_output", "call_id": "call_1", "output": content}
    assert adapters.to_anthropic(asked["anthropic"], yes) == {
        "type": "tool_result", "tool_use_id": "toolu_1", "content": content, "is_error": False}
    assert adapters.to_langchain(asked["langchain"], yes) == {
        "content": content, "tool_call_id": "call_1", "name": "echo", "status": "success"}
    assert adapters.to_mcp(asked["mcp"], yes) == {
        "content": [{"type": "text", "text": content}], "isError": False, "structuredContent": {"echo": {"msg": "hé"}}}
    for back in (adapters.to_openai_chat(asked["chat"], no)["content"],
                 adapters.to_anthropic(asked["anthropic"], no)["content"],
                 adapters.to_mcp(asked["mcp"], no)["content"][0]["text"]):
        assert json.loads(back)["error"] == "in_doubt" and "secret" not in back
        assert json.loads(back)["effect"] == "unknown" and json.loads(back)["advice"] == no.advice
    assert adapters.to_anthropic(asked["anthropic"], no)["is_error"]
    assert adapters.to_langchain(asked["langchain"], no)["status"] == "error"
    assert adapters.to_mcp(asked["mcp"], no)["isError"]
