#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Test B: receipts that test A left, far from any ledger. receipts_test.sh WAY PROGRAM FOLDER
# WAY: shell (examples/verify_receipt.sh, as PROGRAM), c (examples/learn/03_verify_receipt.c), openexec
set -uo pipefail
way=$1 program=$(realpath "$2") folder=$(realpath "$3")
cd "$(mktemp -d)" || exit 1
trap 'rm -rf "$PWD"' EXIT
[ -z "$(find "$folder" -name '*.db*')" ] || { echo "there is a ledger in $folder"; exit 1; }

key=$folder/log.vkey failures=0 cases=0
# What each way is told. $cosigned: empty, or 1 where both witnesses must have cosigned.
verify() {
  local file=$1 cosigned=${2:-}
  case $way in
    shell) "${SHELL_UNDER_TEST:-sh}" "$program" ${cosigned:+-w "$folder/w1.example.vkey" -w "$folder/w2.example.vkey"} "$file" "$key" ;;
    c) "$program" "$file" "$(cat "$key")" ${cosigned:+"$folder/policy"} ;;
    openexec) "$program" receipt verify "$file" --log-key "$key" ${cosigned:+--policy "$folder/policy"} ;;
  esac
}
expect() { # exit code, word, file, cosigned
  local code=$1 word=$2
  shift 2
  cases=$((cases + 1))
  local said
  said=$(verify "$@" 2>&1)
  local got=$?
  if [ $got -ne "$code" ] || [[ $said != *"$word"* ]]; then
    printf 'not as expected (exit %s, %s): %s %s\n%s\n' "$got" "$word" "$way" "$*" "$said"
    failures=$((failures + 1))
  fi
}

for file in "$folder"/receipts/*; do expect 0 PASS "$file"; expect 0 PASS "$file" 1; done
for file in "$folder"/bad/*; do expect 1 FAIL "$file"; expect 1 FAIL "$file" 1; done
for file in "$folder"/bad-cosigned/*; do expect 1 FAIL "$file" 1; done
[ "$cases" -ge 70 ] || { echo "only $cases cases: the receipts are missing"; exit 1; }
echo "$way: $cases cases, $failures not as expected"
[ "$failures" -eq 0 ]
