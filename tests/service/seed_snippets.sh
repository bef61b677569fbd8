#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The seed document's curl lines and its Python snippet, and that of docs/service.md, against a real openexecd.
#   seed_snippets.sh OPENEXECD
set -euo pipefail
openexecd=$1

skip() {
  printf '\n*** NOT RUN: %s ***\n' "$*" >&2
  exit 77
}
command -v curl >/dev/null || skip "curl is not installed"
command -v python3 >/dev/null || skip "python3 is not installed"
python3 -c 'import requests' 2>/dev/null || skip "the Python module requests is not installed"

folder=$(mktemp -d)
pid=''
finish() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

# The printed lines name port 5000. Where it is taken, they name another, and this says so.
start() {
  mkfifo greeting
  "$openexecd" --port "$1" >greeting 2>log &
  pid=$!
  port=$(sed -n '/^listening/{s/.*://p;q}' greeting)
  rm greeting
  [ -n "$port" ]
}
start 5000 || { echo "port 5000 is taken; the lines are run with another port"; start 0; }
on_port() { sed "s/localhost:5000/localhost:$port/g" >"$1"; }

as_printed() { on_port "$1"; }  # what docs/service.md has too (tests/docs/sources.py)

as_printed health.sh <<'END'
curl http://localhost:5000/health
END
as_printed execute.sh <<'END'
curl -X POST http://localhost:5000/execute \
  -H "Content-Type: application/json" \
  -d '{
    "action": "echo",
    "payload": {"msg":"hello world"},
    "nonce":"unique-1"
  }'
END
as_printed verify.sh <<'END'
curl -X POST http://localhost:5000/receipts/verify \
  -H "Content-Type: application/json" \
  -d '{
    "exec_id": "<id>",
    "result": "<result_json>",
    "receipt": "<hash>"
  }'
END
on_port seed_tool_call.py <<'END'
import requests
from uuid import uuid4

tool_call = model_output["tool_calls"][0]

response = requests.post(
    "http://localhost:5000/execute",
    json={
        "action": tool_call["function"]["name"],
        "payload": tool_call["function"]["arguments"],
        "nonce": uuid4().hex
    }
)

result = response.json()
if not result.get("approved"):
    raise Exception("Execution blocked by OpenExec")
END

as_printed tool_call.py <<'END'
import requests
from openexec import adapters

# The whole response, which says whether it was cut; your own names for the conversation and the turn.
for call in adapters.from_openai_chat(completion, conversation=thread_id, turn=turn_id):
    answer = requests.post(
        "http://localhost:5000/execute",
        json={"action": call.action, "payload": call.payload, "nonce": call.nonce},
    ).json()
    if answer["code"] == "ok":
        result = answer["result"]  # now, or when this call was delivered before
    elif answer["code"] in ("in_doubt", "handler_failed", "result_invalid"):
        # It ran, or may have. Never again under another nonce: the operator has to find out what happened.
        raise RuntimeError(f"may have taken place: {answer['id']}")
    elif answer["code"] in ("in_progress", "overloaded", "halted", "store_failed", "clock_suspect"):
        raise RuntimeError("undecided: send the same request again later, with the same nonce")
    else:
        raise RuntimeError(f"refused, and nothing ran: {answer['code']}")
END

expect() {  # what, text, pattern
  case "$2" in
    *"$3"*) printf 'ok: %s\n' "$1" ;;
    *) printf 'FAILED: %s: no %s in: %s\n' "$1" "$3" "$2"; exit 1 ;;
  esac
}

expect "health" "$(bash health.sh 2>/dev/null)" '"status":"healthy"'
first=$(bash execute.sh 2>/dev/null)
expect "execute" "$first" '"result":{"echo": {"msg": "hello world"}},"approved":true'
expect "execute" "$first" '"replayed":false'
again=$(bash execute.sh 2>/dev/null)
expect "the same nonce is replayed" "$again" '"replayed":true'
expect "a replay says so" "$again" '"verdict":"replayed","effect":"confirmed","entry":1'
# All that the older service answered is the same but for `replayed`; what is behind it belongs to the attempt.
[ "${first%%\"replayed\":false*}" = "${again%%\"replayed\":true*}" ] || { echo "FAILED: the replay differs"; exit 1; }

expect "verify, with its placeholders" "$(bash verify.sh 2>/dev/null)" '"valid":false,"recorded":false'
python3 - "$first" <<'END'
import json, pathlib, sys
answer = json.loads(sys.argv[1])
script = pathlib.Path("verify.sh")
text = script.read_text().replace("<id>", answer["id"]).replace("<hash>", answer["receipt"])
script.write_text(text.replace('"<result_json>"', json.dumps(json.dumps(answer["result"]))))
END
expect "verify, filled in" "$(bash verify.sh 2>/dev/null)" '"valid":true,"recorded":true,"index":0,"verdict":"executed"'

cat >run_tool_call.py <<'END'
source = open("seed_tool_call.py").read()
def run(name, arguments):
    function = {"name": name, "arguments": arguments}
    names = {"model_output": {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}}
    exec(source, names)
    return names["result"]
result = run("echo", '{"msg": "hello"}')
assert result["approved"] is True and result["result"] == {"echo": {"msg": "hello"}}, result
try:
    run("delete_everything", "{}")
except Exception as blocked:
    assert str(blocked) == "Execution blocked by OpenExec", blocked
else:
    raise SystemExit("an unknown action was not blocked")
END
python3 run_tool_call.py
echo "ok: the seed's Python snippet runs what is allowed, and raises for what is not"

cat >run_service_page.py <<'END'
import sys, types
# The adapters have tests of their own (capi/bindings/python); here a request is what they would make of the response.
adapters = types.SimpleNamespace(from_openai_chat=lambda completion, conversation, turn: completion)
sys.modules["openexec"] = types.SimpleNamespace(adapters=adapters)
source = open("tool_call.py").read()
def run(action, payload, nonce="tc1-1"):
    call = types.SimpleNamespace(action=action, payload=payload, nonce=nonce)
    names = {"completion": [call], "thread_id": "c", "turn_id": "t"}
    exec(source, names)
    return names["result"]
assert run("echo", '{"msg": "hello"}') == run("echo", '{"msg":"hello"}') == {"echo": {"msg": "hello"}}
for action, said in (("delete_everything", "refused, and nothing ran: unknown_action"), ("echo", "refused, and nothing ran: nonce_conflict")):
    try:
        run(action, "{}")
    except RuntimeError as why:
        assert str(why) == said, why
    else:
        raise SystemExit(f"{action} was not refused")
END
python3 run_service_page.py
echo "ok: the snippet of docs/service.md runs what is allowed, and says what became of what is not"
