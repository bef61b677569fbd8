#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An outsider in an empty folder, with a plain C compiler, the header and the library: the examples compile, run, and
# print what they promise.
#   outsider.sh SOURCES LIBRARY_FOLDER CC [FLAGS...]
set -euo pipefail
sources=$1 libraries=$2 cc=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$sources"/examples/learn/0[134]_*.c .
cp "$sources/include/openexec.h" .

for example in 01_echo 03_verify_receipt 04_own_store; do
  "$cc" -std=c99 "$@" -I. "$example.c" -L"$libraries" -Wl,-rpath,"$libraries" -lopenexec -pthread -o "$example"
  "./$example" >"$example.out"
done

expect() { diff -u - "$1" || { echo "FAILED: $1 is not as promised"; exit 1; }; }
expect 01_echo.out <<'OUT'
executed {"echo": {"msg": "hello world"}}
receipt  23b03b629d6a639a75fef87489be30a530b75eee0ca014f16fc304e2eb234052
replayed {"echo": {"msg": "hello world"}}
receipt  23b03b629d6a639a75fef87489be30a530b75eee0ca014f16fc304e2eb234052
OUT
expect 03_verify_receipt.out <<OUT
valid    {"echo": {"to0": 8e-170}}
valid    { "echo":{"to0":$(printf '\t')8E-170} }
INVALID  {"echo": {"to0": 9e-170}}
         the receipt hash does not belong to this exec_id and result, byte for byte
OUT
expect 04_own_store.out <<'OUT'
call-1   {"to":"ada"}     -> ok, entry 0
call-1   {"to":"ada"}     -> ok (replayed), entry 1
call-1   {"to":"mallory"} -> nonce_conflict, entry 2
call-2   {"to":"ada"}     -> ok, entry 3
sent 2 emails
the store is closed
OUT

# The receipt that the first program printed, checked by the second; and a forged one.
request='{"action":"echo","nonce":"unique-1","payload":{"msg":"hello world"},"tenant":"default"}'
exec_id=$(printf 'openexec/exec-id/v1\n%s' "$request" | sha256sum | cut -c1-64)
receipt=$(sed -n 's/^receipt  //p' 01_echo.out | head -n 1)
./03_verify_receipt "$exec_id" '{"echo":{"msg":"hello world"}}' "$receipt"
status=0
./03_verify_receipt "$exec_id" '{"echo":{"msg":"hello mars"}}' "$receipt" || status=$?
[ "$status" -eq 1 ] || { echo "FAILED: a forged result gave exit $status"; exit 1; }
status=0
./03_verify_receipt "$exec_id" '{"echo":' "$receipt" || status=$?
[ "$status" -eq 2 ] || { echo "FAILED: a broken result gave exit $status"; exit 1; }
echo "an outsider's programs do as promised"
