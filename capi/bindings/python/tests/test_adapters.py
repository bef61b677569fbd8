"""Tool calls to requests and back, without anybody's SDK."""
import json

import pytest

import openexec
from conftest import echoing
from openexec import Invalid, adapters

CHAT = {"id": "call_1", "type": "function", "function": {"name": "echo", "arguments": '{"msg":"hé"}'}}
RESPONSES = {"type": "function_call", "id": "fc_9", "call_id": "call_1", "name": "echo", "arguments": '{"msg":"hé"}'}
ANTHROPIC = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {"msg": "hé"}}
LANGCHAIN = {"type": "tool_call", "id": "call_1", "name": "echo", "args": {"msg": "hé"}}
MCP = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "echo", "arguments": {"msg": "hé"}}}


def requests(conversation="c-1"):
    return {"chat": adapters.from_openai_chat(CHAT, conversation=conversation),
            "responses": adapters.from_openai_responses(RESPONSES, conversation=conversation),
            "anthropic": adapters.from_anthropic(ANTHROPIC, conversation=conversation),
            "langchain": adapters.from_langchain(LANGCHAIN, conversation=conversation),
            "mcp": adapters.from_mcp(MCP, conversation=conversation, call_id="m-1")}


def test_every_provider_proposes_the_same_request_under_its_own_nonce():
    with echoing() as made:
        for name, request in requests().items():
            outcome = made.execute(**request.arguments())
            assert outcome.result == {"echo": {"msg": "hé"}} and request.action == "echo", name
            assert not outcome.replayed or name == "responses"  # openai's call_1 of c-1, by another road
            assert made.execute(**request.arguments()).replayed
    nonces = {request.nonce for request in [*requests().values(), *requests("c-2").values()]}
    assert len(nonces) == 8  # chat and responses name one call
    assert requests()["chat"].nonce == adapters.nonce_for("openai", "c-1", "call_1")


def test_no_two_calls_join_to_one_nonce():
    parts = [("a", "b", "c"), ("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("a", "b", "c1:d"), ("a", "b1:c", "d"),
             ("1:a", "b", "c")]
    assert len({adapters.nonce_for(*three) for three in parts}) == len(parts)
    expected = openexec.sha256(b"openexec/tool-call/v1\n" b"6:openai" b"3:c-1" b"6:call_1")
    assert adapters.nonce_for("openai", "c-1", "call_1") == expected
    for three in (("", "b", "c"), ("a", "", "c"), ("a", "b", ""), ("a", None, "c"), ("a", "b", 7), ("a", "b", "\ud800")):
        with pytest.raises(Invalid):
            adapters.nonce_for(*three)


def test_the_json_rpc_id_never_enters_a_nonce():
    same = adapters.from_mcp({**MCP, "id": 8}, conversation="c-1", call_id="m-1")
    assert same.nonce == requests()["mcp"].nonce
    assert adapters.from_mcp(MCP["params"], conversation="c-1", call_id="m-1") == same
    with pytest.raises(TypeError):
        adapters.from_mcp(MCP, conversation="c-1")


def test_what_is_no_tool_call_is_refused_by_name():
    bad = [(adapters.from_openai_chat, {**CHAT, "type": "custom"}), (adapters.from_openai_chat, {**CHAT, "id": None}),
           (adapters.from_openai_chat, {"type": "function"}), (adapters.from_openai_chat, {**CHAT, "function": {}}),
           (adapters.from_openai_chat, None), (adapters.from_openai_responses, {**RESPONSES, "type": "message"}),
           (adapters.from_openai_responses, {k: v for k, v in RESPONSES.items() if k != "call_id"}),
           (adapters.from_anthropic, {**ANTHROPIC, "type": "text"}), (adapters.from_anthropic, {**ANTHROPIC, "input": []}),
           (adapters.from_anthropic, {**ANTHROPIC, "name": 7}), (adapters.from_langchain, {**LANGCHAIN, "id": None}),
           (adapters.from_langchain, {**LANGCHAIN, "type": "invalid_tool_call", "args": "{"})]
    for adapter, given in bad:
        with pytest.raises(Invalid) as no:
            adapter(given, conversation="c-1")
        assert no.value.detail
    for given in ({**MCP, "method": "tools/list"}, {**MCP, "params": {}}, {**MCP, "params": {"name": "a", "arguments": 1}}):
        with pytest.raises(Invalid):
            adapters.from_mcp(given, conversation="c-1", call_id="m-1")


def test_arguments_that_are_no_object_reach_the_boundary_and_are_refused_there():
    with echoing() as made:
        for arguments in ("[1]", "{", '{"a":1,"a":2}', "1"):
            call = {**CHAT, "function": {"name": "echo", "arguments": arguments}}
            request = adapters.from_openai_chat(call, conversation="c-1")
            assert made.attempt(**request.arguments()).code is openexec.Code.MALFORMED_REQUEST
        call = {**CHAT, "function": {"name": "echo", "arguments": ""}}
        assert made.execute(**adapters.from_openai_chat(call, conversation="c-1").arguments()).result == {"echo": {}}
    assert adapters.from_mcp({"name": "echo"}, conversation="c", call_id="m").payload == {}


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
    assert adapters.to_anthropic(asked["anthropic"], no)["is_error"]
    assert adapters.to_langchain(asked["langchain"], no)["status"] == "error"
    assert adapters.to_mcp(asked["mcp"], no)["isError"]
