# SPDX-License-Identifier: Apache-2.0
"""The providers' own SDKs: their objects in, and objects that they accept out. Only the tests know them."""
import pytest

import openexec
from conftest import echoing
from openexec import adapters


PLACE = {"conversation": "c-1", "turn": "t-1"}


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
    request, = adapters.from_openai_chat(completion, **PLACE)
    assert [request] == adapters.from_openai_chat(completion.model_dump(), **PLACE)
    assert request == adapters.from_bare_openai_chat_call(call, turn=openexec.Turn(**PLACE))
    completion.choices[0].finish_reason = "length"
    with pytest.raises(openexec.Invalid):
        adapters.from_openai_chat(completion, **PLACE)
    accepts = pydantic.TypeAdapter(chat.ChatCompletionToolMessageParam)
    for outcome in outcomes(request):
        back = adapters.to_openai_chat(request, outcome)
        assert accepts.validate_python(back) == back and back["tool_call_id"] == call.id


def test_openai_responses_takes_back_what_answers_its_own_function_call():
    responses = pytest.importorskip("openai.types.responses")
    params = pytest.importorskip("openai.types.responses.response_input_item_param")
    pydantic = pytest.importorskip("pydantic")
    given = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "parallel_tool_calls": True,
             "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None, "instructions": None,
             "metadata": {}, "temperature": 1, "top_p": 1, "status": "completed", "output": [
                 {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "echo", "arguments": '{"n":1}',
                  "status": "completed"}]}
    response = responses.Response.model_validate(given)
    request, = adapters.from_openai_responses(response, **PLACE)
    assert request.call_id == "call_1" and [request] == adapters.from_openai_responses(response.model_dump(), **PLACE)
    cut = responses.Response.model_validate({**given, "status": "incomplete", "incomplete_details": {
        "reason": "max_output_tokens"}})
    with pytest.raises(openexec.Invalid):
        adapters.from_openai_responses(cut, **PLACE)
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
    request, = adapters.from_anthropic(message, **PLACE)
    assert [request] == adapters.from_anthropic(message.model_dump(), **PLACE)
    with pytest.raises(openexec.Invalid):
        adapters.from_bare_anthropic_block(message.content[0], turn=openexec.Turn(**PLACE))
    message.stop_reason = "max_tokens"
    with pytest.raises(openexec.Invalid):
        adapters.from_anthropic(message, **PLACE)
    accepts = pydantic.TypeAdapter(types.ToolResultBlockParam)
    for outcome in outcomes(request):
        back = adapters.to_anthropic(request, outcome)
        assert accepts.validate_python(back) == back and back["is_error"] is not outcome.ok


def test_langchain_takes_back_what_answers_its_own_tool_call():
    messages = pytest.importorskip("langchain_core.messages")
    message = messages.AIMessage(content="", tool_calls=[{"name": "echo", "args": {"n": 1}, "id": "call_1"}],
                                 response_metadata={"finish_reason": "tool_calls"})
    request, = adapters.from_langchain(message, **PLACE)
    for outcome in outcomes(request):
        back = messages.ToolMessage(**adapters.to_langchain(request, outcome))
        assert (back.tool_call_id, back.status == "success") == ("call_1", outcome.ok)
    broken = messages.AIMessage(content="", response_metadata={"finish_reason": "tool_calls"}, invalid_tool_calls=[
        {"name": "echo", "args": "{", "id": "call_2", "error": "no JSON"}])
    # A stream that ended in the middle: LangChain completes the arguments, and calls them valid.
    half = messages.AIMessageChunk(content="", response_metadata={"finish_reason": "length"}, tool_call_chunks=[
        {"name": "pay", "args": '{"amount": 100', "id": "call_3", "index": 0, "type": "tool_call_chunk"}])
    assert half.tool_calls[0]["args"] == {"amount": 100}
    for cut in (broken, half):
        with pytest.raises(openexec.Invalid):
            adapters.from_langchain(cut, **PLACE)


def test_mcp_takes_back_what_answers_its_own_tools_call():
    types = pytest.importorskip("mcp.types")
    call = types.CallToolRequest(method="tools/call", params=types.CallToolRequestParams(name="echo",
                                                                                         arguments={"n": 1}))
    request, again, dumped = (adapters.from_bare_mcp_call(given, turn=openexec.Turn(**PLACE), call_id="m-1") for given in (
        call, call.params, {"jsonrpc": "2.0", "id": 3, **call.model_dump()}))
    assert request == again == dumped
    for outcome in outcomes(request):
        back = types.CallToolResult.model_validate(adapters.to_mcp(request, outcome))
        dumped = back.model_dump(by_alias=True, exclude_none=True)
        assert dumped["isError"] is not outcome.ok and dumped["content"][0]["type"] == "text"
