#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tool_calls.json: the nonces of tool calls (docs/formats.md, section 13), and what has none. An implementation of its
own, with nothing but Python's standard library: python3 tool_calls.py > tool_calls.json"""
import hashlib
import json


def jcs(value):
    """RFC 8785 for what is used here: no number but small integers and halves, no key beyond U+FFFF."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{jcs(key)}:{jcs(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def nonce(conversation, turn, name, arguments, occurrence):
    form = jcs(["openexec/tool-call/v1", conversation, turn, name, json.loads(arguments or "{}"), occurrence])
    return "tc1-" + hashlib.sha256(form.encode()).hexdigest()


FIRST = {"conversation": "c-1", "turn": "t-1", "name": "pay", "arguments": '{"amount":100,"to":"ada"}', "occurrence": 1}
GOOD = [
    {}, {"occurrence": 2}, {"occurrence": 4294967295}, {"conversation": "c-2"}, {"turn": "t-2"}, {"name": "pay2"},
    {"arguments": '{"amount":100,"to":"eve"}'}, {"arguments": ""}, {"arguments": "{}"},
    {"arguments": ' { "to" : "ada", "amount" : 1e2 } '}, {"arguments": '{"amount":100.0,"to":"\\u0061da"}'},
    {"arguments": '{"é":[1,{"b":null,"a":true}],"\\n":-0.5}'}, {"conversation": "c-1\",\"t-1", "turn": "x"},
    {"conversation": "c-1", "turn": "\"é\n\U0001f600"}, {"conversation": "c" * 1024, "turn": "é" * 512},
    {"name": "mail:send/v2", "arguments": '{"body":"' + "x" * 2000 + '"}'},
]
BAD = [
    {"conversation": ""}, {"turn": ""}, {"conversation": "c" * 1025}, {"turn": "é" * 513}, {"name": ""}, {"name": "a b"},
    {"name": "n" * 129}, {"occurrence": 0}, {"arguments": "[1]"}, {"arguments": "null"}, {"arguments": '"{}"'},
    {"arguments": '{"a":1,"a":2}'}, {"arguments": '{"a":9007199254740993}'}, {"arguments": '{"amount":100'},
    {"arguments": '{"a":"\\ud800"}'},
]
cases = [{**FIRST, **one, "nonce": nonce(**{**FIRST, **one})} for one in GOOD] + [{**FIRST, **one, "refuse": True} for one in BAD]
turns = [{"conversation": "c-1", "turn": "t-1", "calls": [
    {"name": name, "arguments": arguments, "occurrence": occurrence,
     "nonce": nonce("c-1", "t-1", name, arguments, occurrence)}
    for name, arguments, occurrence in [("pay", '{"to":"ada"}', 1), ("pay", '{"to":"eve"}', 1), ("pay", '{ "to":"ada"}', 2),
                                        ("mail", '{"to":"ada"}', 1), ("pay", '{"to":"ada"}', 3), ("pay", "", 1),
                                        ("pay", "{}", 2)]]}]
lines = ",\n".join(" " + json.dumps({"id": f"tool-call-{i}", **case}) for i, case in enumerate(cases))
about = "nonces of tool calls; made by tool_calls.py"
print('{"about":%s,"cases":[\n%s\n],"turns":%s}' % (json.dumps(about), lines, json.dumps(turns, indent=1)))
