#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drives openexecd with wrk, beside the same work in process, and prints the table.
#   bash tests/bench/bench_service.sh [BUILD_FOLDER [OPTIONS OF openexec-bench]]     default: build/release
#   PEER_URL=http://127.0.0.1:8000 ...   drives that server too, which has the same endpoints, in the same way;
#   PEER_PID=1234                        also measures its CPU time;
#   BENCH_KEYS=folder                    keeps the approver's keys there, so that the peer can be given approver.pub.pem
#                                        (tenant: acme). A peer that verifies nothing needs no key.
# Needs wrk (Debian: apt install wrk). Exit: 0 when it ran; goals are reported, not asserted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build/release}
[ $# -gt 0 ] && shift

complain() { printf 'bench_service.sh: %s\n' "$1" >&2; exit 1; }
bench=$build/tests/bench/openexec-bench server=$build/examples/programs/openexecd approve=$build/examples/programs/openexec-approve
for program in "$bench" "$server" "$approve"; do
  [ -x "$program" ] || complain "no $program: build the preset release first"
done
command -v wrk >/dev/null || complain "wrk is not installed (Debian: apt install wrk)"

folder=$(mktemp -d "${BENCH_FOLDER:-$build}/bench-service-XXXXXX")
keys=${BENCH_KEYS:-$folder}
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT
mkdir -p "$keys"
[ -f "$keys/approver.key.pem" ] || "$approve" keygen --no-passphrase "$keys/approver" >/dev/null

OPENEXEC_MODE=clawshield CLAWSHIELD_PUBLIC_KEY=$(cat "$keys/approver.pub.pem") CLAWSHIELD_TENANT_ID=acme \
  "$server" --port 0 --db-url "sqlite:///$folder/service.db" >"$folder/out" 2>"$folder/log" &
pid=$!
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$folder/out")
  [ -n "$url" ] && break
  kill -0 "$pid" 2>/dev/null || complain "openexecd did not start: $(cat "$folder/log")"
  sleep 0.1
done

drive() {  # name, url, pid, options of openexec-bench
  local name=$1 url=$2 of=$3
  shift 3
  printf '%s\n' "== $name"
  "$bench" --row service --service "$url" --service-pid "$of" --key "$keys/approver.key.pem" --wrk-script "$here/wrk.lua" \
    --folder "$folder" --slice 1000 "$@"
}
drive "openexecd" "$url" "$pid" "$@"
if [ -n "${PEER_URL:-}" ]; then drive "peer at $PEER_URL" "$PEER_URL" "${PEER_PID:-0}" "$@"; fi
