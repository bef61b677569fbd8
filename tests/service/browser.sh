#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A web page whose name was made to lead to this machine, in a real browser: it can neither read nor execute.
#   browser.sh OPENEXECD
set -euo pipefail
openexecd=$1

skip() {
  printf '\n*** NOT RUN: %s ***\n' "$*" >&2
  exit 77
}
chromium=$(command -v chromium || command -v chromium-browser) || skip "chromium is not installed"

folder=$(mktemp -d)
pid=''
finish() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

mkfifo greeting
"$openexecd" --port 0 --db-url sqlite:///ledger.db <&- >greeting 2>log &
pid=$!
port=$(sed -n '/^listening/{s/.*://p;q}' greeting)
[ -n "$port" ] || { echo "FAILED: openexecd did not start"; cat log; exit 1; }

# The page as the browser shows it. Each visit has a profile of its own; only this machine is reached.
visit() {
  HOME=$folder timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --disable-background-networking \
    --user-data-dir="$folder/profile.$RANDOM$RANDOM" --no-first-run --virtual-time-budget=5000 \
    --host-resolver-rules="MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost" \
    --dump-dom "$1" 2>browser.log || { echo "FAILED: the browser ended with $?"; tail -n 5 browser.log; exit 1; }
}
expect() {  # what, text, pattern
  case "$2" in
    *"$3"*) printf 'ok: %s\n' "$1" ;;
    *) printf 'FAILED: %s: no %s in: %s\n' "$1" "$3" "$2"; exit 1 ;;
  esac
}

expect "the browser reads by an accepted name" "$(visit "http://localhost:$port/health")" '"status":"healthy"'
expect "a rebound name reads nothing" "$(visit "http://evil.test:$port/checkpoint")" 'misdirected_request'

# A page elsewhere, whose script asks the service by the rebound name and by its address.
cat >page.html <<END
<!doctype html><title>page</title><pre id=out></pre><script>
const body = JSON.stringify({action: "echo", payload: {}, nonce: "from-a-page"});
const tries = [
  ["http://evil.test:$port/execute", {method: "POST", headers: {"Content-Type": "application/json"}, body}],
  ["http://127.0.0.1:$port/execute", {method: "POST", headers: {"Content-Type": "application/json"}, body}],
  ["http://127.0.0.1:$port/execute", {method: "POST", mode: "no-cors", body}],
  ["http://127.0.0.1:$port/checkpoint", {}],
];
Promise.all(tries.map(([url, how]) => fetch(url, how).then(r => r.text(), e => "blocked"))).then(
  said => { document.getElementById("out").textContent = "said:" + said.map(s => "[" + s + "]").join(""); });
</script>
END
expect "a page of another origin is told nothing" "$(visit "file://$folder/page.html")" 'said:[blocked][blocked][][blocked]'

kill "$pid"
wait "$pid"
pid=''
if grep -q '"path":"/execute"[^}]*"status":200' log; then
  echo "FAILED: a page executed"
  cat log
  exit 1
fi
echo "ok: no page executed"
