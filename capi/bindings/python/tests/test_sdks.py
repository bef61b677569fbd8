"""The providers' own SDKs: their objects in, and objects that they accept out. Only the tests know them."""
import pytest

import openexec
from conftest import echoing
from openexec import adapters


def outcomes(request):
    """A yes and a no for one request."""
    with echoing() as made:
        return made.execute(**request.arguments()), made.attempt("unheard-of", request.payload, nonce="no")


def test_openai_chat_takes_back_what_answers_its_own_tool_call():
    chat = pytest.importorskip("openai.types.chat")
    pydantic = pytest.importorskip("pydantic")
    completion = chat.ChatCompletion.model_validate({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
            "index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": {
                "role": "assistant", "content": None, "refusal": None, "tool_calls": [{
                    "id": "call_1", "type": "function", "function": {"name": "echo", "arguments": '{"n":1}'}}]}}]})
    call = completion.choices[0].message.tool_calls[0]
    request = adapters.from_openai_chat(call, conversation="c-1")
    assert request == adapters.from_openai_chat(call.model_dump(), conversation="c-1")
    accepts = pydantic.TypeAdapter(chat.ChatCompletionToolMessageParam)
    for outcome in outcomes(request):
        back = adapters.to_openai_chat(request, outcome)
        assert accepts.validate_python(back) == back and back["tool_call_id"] == call.id


def test_openai_responses_takes_back_what_answers_its_own_function_call():
    responses = pytest.importorskip("openai.types.responses")
    params = pytest.importorskip("openai.types.responses.response_input_item_param")
    pydantic = pytest.importorskip("pydantic")
    call = responses.ResponseFunctionToolCall(type="function_call", id="fc_1", call_id="call_1", name="echo",
                                              arguments='{"n":1}')
    request = adapters.from_openai_responses(call, conversation="c-1")
    assert request.call_id == "call_1" and request == adapters.from_openai_responses(call.model_dump(),
                                                                                     conversation="c-1")
    accepts = pydantic.TypeAdapter(params.FunctionCallOutput)
    for outcome in outcomes(request):
        back = adapters.to_openai_responses(request, outcome)
        assert accepts.validate_python(back) == back


def test_anthropic_takes_back_what_answers_its_own_tool_use():
    types = pytest.importorskip("anthropic.types")
    pydantic = pytest.importorskip("pydantic")
    message = types.Message.model_validate({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        "content": [{"type": "text", "text": "I will."}, {"type": "tool_use", "id": "toolu_1", "name": "echo",
                                                          "input": {"n": 1}}]})
    block = message.content[1]
    request = adapters.from_anthropic(block, conversation="c-1")
    assert request == adapters.from_anthropic(block.model_dump(), conversation="c-1")
    with pytest.raises(openexec.Invalid):
        adapters.from_anthropic(message.content[0], conversation="c-1")
    accepts = pydantic.TypeAdapter(types.ToolResultBlockParam)
    for outcome in outcomes(request):
        back = adapters.to_anthropic(request, outcome)
        assert accepts.validate_python(back) == back and back["is_error"] is not outcome.ok


def test_langchain_takes_back_what_answers_its_own_tool_call():
    messages = pytest.importorskip("langchain_core.messages")
    message = messages.AIMessage(content="", tool_calls=[{"name": "echo", "args": {"n": 1}, "id": "call_1"}])
    request = adapters.from_langchain(message.tool_calls[0], conversation="c-1")
    for outcome in outcomes(request):
        back = messages.ToolMessage(**adapters.to_langchain(request, outcome))
        assert (back.tool_call_id, back.status == "success") == ("call_1", outcome.ok)
    broken = messages.AIMessage(content="", invalid_tool_calls=[{"name": "echo", "args": "{", "id": "call_2",
                                                                 "error": "no JSON"}])
    with pytest.raises(openexec.Invalid):
        adapters.from_langchain(broken.invalid_tool_calls[0], conversation="c-1")


def test_mcp_takes_back_what_answers_its_own_tools_call():
    types = pytest.importorskip("mcp.types")
    call = types.CallToolRequest(method="tools/call", params=types.CallToolRequestParams(name="echo",
                                                                                         arguments={"n": 1}))
    request = adapters.from_mcp(call, conversation="c-1", call_id="m-1")
    assert request == adapters.from_mcp(call.params, conversation="c-1", call_id="m-1")
    assert request == adapters.from_mcp({"jsonrpc": "2.0", "id": 3, **call.model_dump()}, conversation="c-1",
                                        call_id="m-1")
    for outcome in outcomes(request):
        back = types.CallToolResult.model_validate(adapters.to_mcp(request, outcome))
        dumped = back.model_dump(by_alias=True, exclude_none=True)
        assert dumped["isError"] is not outcome.ok and dumped["content"][0]["type"] == "text"
