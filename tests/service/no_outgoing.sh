#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# While openexecd executes, no system call opens a connection, and no socket exists but the listener and its clients.
#   no_outgoing.sh OPENEXECD
set -euo pipefail
openexecd=$1

skip() {
  printf '\n*** NOT RUN: %s ***\n' "$*" >&2
  exit 77
}
command -v strace >/dev/null || skip "strace is not installed"
command -v curl >/dev/null || skip "curl is not installed"
strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"

folder=$(mktemp -d)
tracer=''
finish() {
  [ -z "$tracer" ] || kill "$tracer" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

printf '%s' '{"command": {"argv": ["/bin/cat"]}}' >handlers.json
mkfifo greeting
# A leak checker traces its own process, which strace does already.
ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
  strace -f -o trace -e trace=network "$openexecd" --port 0 --mode demo --handlers handlers.json >greeting 2>log &
tracer=$!
port=$(sed -n '/^listening/{s/.*://p;q}' greeting)
[ -n "$port" ] || { cat log; exit 1; }

execute() {
  curl -sS -H 'Content-Type: application/json' "http://127.0.0.1:$port/execute" \
    -d "{\"action\":\"$1\",\"payload\":{\"a\":1,\"b\":2},\"nonce\":\"$2\"}"
}
for i in 1 2 3 4 5; do
  execute echo "echo-$i" && execute add "add-$i" && execute command "command-$i" && execute missing "missing-$i"
done >answers
curl -sS "http://127.0.0.1:$port/health" "http://127.0.0.1:$port/ready" "http://127.0.0.1:$port/version" >/dev/null
approved=$(grep -o '"approved":true' answers | wc -l)
[ "$approved" -eq 15 ] || { echo "FAILED: $approved of 15 executions were approved"; cat answers; exit 1; }

# strace hands no signal on; its child gets it.
kill -TERM "$(awk 'NR == 1 { print $1 }' trace)"
wait "$tracer" && code=0 || code=$?
tracer=''
[ "$code" -eq 0 ] || { echo "FAILED: openexecd ended with $code"; cat log; exit 1; }

calls() { grep -cE "^[0-9]+ +$1\(" trace || true; }
sockets=$(calls 'socket')
# A pair of unix sockets leads to a command of the service, and what is sent without an address stays in it.
connects=$(grep -E '^[0-9]+ +(connect|sendto|sendmmsg|socketpair)\(' trace |
  grep -cvE 'socketpair\(AF_UNIX,|sendto\([0-9]+, "[^"]*", [0-9]+, [A-Z_|0]+, NULL, 0\)' || true)
accepts=$(grep -cE 'accept4?\(|accept4? resumed' trace || true)
if [ "$sockets" -ne 1 ] || [ "$connects" -ne 0 ] || [ "$accepts" -eq 0 ]; then
  echo "FAILED: $sockets sockets (1 wanted), $connects connections (0 wanted), $accepts accepted"
  grep -E '(socket|connect|sendto|sendmmsg|socketpair)\(' trace
  exit 1
fi
echo "ok: 15 executions, 1 socket, $accepts accepts, no connection"
