#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 or Ubuntu 24.04 machine to a running OpenExec, and what it promises, shown step by step.
#   bash examples/quickstart.sh            installs what is missing, builds, shows
#   bash examples/quickstart.sh FOLDER     shows, with the programs that are built in FOLDER/examples
#   --verbose   every answer as it came, in JSON
#   --clean     removes the build that an earlier run left in build/quickstart
#   --help      this text
# Each step is a line: what was tried, what happened, and why. Ledger, keys and the witness's state are in a scratch
# folder, which is removed at the end; the build stays in build/quickstart.
# Exit: 0 when every step answered as it should, 2 for wrong usage.
set -euo pipefail

folder='' verbose=''
for word in "$@"; do
  case "$word" in
    --help | -h) sed -n '3,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --verbose) verbose=yes ;;
    --clean)
      rm -rf "$(dirname "$0")/../build/quickstart"
      echo "removed: build/quickstart"
      exit 0 ;;
    -*) echo "quickstart: no such flag: $word; see --help" >&2; exit 2 ;;
    *)
      [ -z "$folder" ] || { echo "quickstart: one folder; see --help" >&2; exit 2; }
      [ -d "$word/examples" ] || { echo "quickstart: no build in $word: it has no folder examples" >&2; exit 2; }
      folder=$(realpath "$word") ;;
  esac
done
cd "$(dirname "$0")/.."
# What is set for another OpenExec means nothing here.
for name in $(compgen -e); do
  case "$name" in OPENEXEC_* | CLAWSHIELD_*) unset "$name" ;; esac
done

bold='' red='' green='' faint='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' faint=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s\n' "${bold}$*${plain}"; }
show() { printf '%s\n' "${faint}  $*${plain}"; }
# What was tried, what happened, and why.
line() { printf '%s%-34s%s %s%-38s%s %s\n' "$bold" "$1" "$plain" "$green" "$2" "$plain" "$3"; }

work=$(mktemp -d)
server='' witness=''
finish() {
  for process in $server $witness; do kill "$process" 2>/dev/null || true; wait "$process" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  printf '%s\n' "${red}  not as expected: $*${plain}" >&2
  if [ -s "$work/log" ]; then sed 's/^/  openexecd: /' "$work/log" | tail -5 >&2; fi
  exit 1
}

# --- The programs ------------------------------------------------------------------------------------------------------

if [ -z "$folder" ]; then
  say "Set-up: what building needs (nothing is installed where all is there)"
  bash cmake/setup.sh build

  say "Build: openexecd, openexec, openexec-approve and openexec-witness, optimised, in build/quickstart"
  folder=build/quickstart
  launcher=''
  if command -v ccache >/dev/null; then launcher=ccache; fi
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher" \
    -DOPENEXEC_BUILD_C=OFF -DOPENEXEC_BUILD_EXAMPLES=OFF -DOPENEXEC_BUILD_TESTS=OFF >"$work/configure" ||
    { cat "$work/configure"; exit 1; }
  cmake --build "$folder" --target openexecd openexec_cli openexec_approve openexec_witness_program
fi
bin=$folder/examples/programs

# --- The service -------------------------------------------------------------------------------------------------------

mkfifo "$work/says"
start_server() {  # leaves its address in $url
  "$bin/openexecd" --port 0 --db-url "sqlite:///$work/ledger.db" >"$work/says" 2>>"$work/log" &
  server=$!
  exec 3<"$work/says"
  url=''
  while read -r -t 60 line <&3; do
    case "$line" in "listening on "*) url=${line#listening on }; break ;; esac
  done
  [ -n "$url" ] || fail "openexecd did not start"
}

stop_server() {
  kill -TERM "$server"
  wait "$server" || fail "openexecd did not end cleanly"
  server=''
}

say "Keys: the approving side makes a key pair; the executor gets the public half"
"$bin/openexec-approve" keygen --no-passphrase "$work/approver"
OPENEXEC_MODE=clawshield
CLAWSHIELD_PUBLIC_KEY=$(cat "$work/approver.pub.pem")
CLAWSHIELD_TENANT_ID=acme
export OPENEXEC_MODE CLAWSHIELD_PUBLIC_KEY CLAWSHIELD_TENANT_ID

say "Start: openexecd with a fresh ledger, in clawshield mode (nothing runs without a signed approval)"
start_server
show "listening on $url"

# --- What it promises --------------------------------------------------------------------------------------------------

post() {  # path, JSON; prints the answer
  curl -sS --max-time 60 -X POST "$url$1" -H 'Content-Type: application/json' -d "$2"
}
# One member of a flat answer: $1 a name, $2 the JSON.
member() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$2"; }
expect() {  # answer, what it has to contain ...
  local answer=$1 part
  shift
  if [ -n "$verbose" ]; then show "$answer"; fi
  for part in "$@"; do
    case "$answer" in *"$part"*) ;; *) show "$answer"; fail "the answer lacks $part" ;; esac
  done
}
receipt_of() { member receipt "$1" | cut -c1-12; }

say "What it promises (the handler is echo; a receipt by its first digits)"
printf '%s\n' '{"action": "echo", "payload": {"msg": "hello world"}, "nonce": "unique-1"}' >"$work/request.json"
"$bin/openexec-approve" sign "$work/request.json" --key "$work/approver.key.pem" --yes --embed \
  2>"$work/signed" >"$work/approved.json" || fail "$(cat "$work/signed")"
approved=$(cat "$work/approved.json")
first=$(post /execute "$approved")
expect "$first" '"approved":true' '"replayed":false' '"code":"ok"'
line "1. an approved request" "executed, receipt $(receipt_of "$first")" "a key signed this very action and payload"

again=$(post /execute "$approved")
expect "$again" '"replayed":true' "$(member receipt "$first")"
line "2. the same request again" "replayed, receipt $(receipt_of "$again")" "it ran once; the first outcome is told again"

refused=$(post /execute "${approved/hello world/hello mallory}")
expect "$refused" '"approved":false' '"code":"approval_hash_mismatch"'
line "3. another payload" "refused: approval_hash_mismatch" "the approval is of what was signed, to the byte"

spent=$(post /execute "${approved/unique-1/unique-2}")
expect "$spent" '"approved":false' '"code":"approval_spent"'
line "4. the approval, another nonce" "refused: approval_spent" "an approval works once"

expect "$(curl -sS --max-time 60 "$url/receipts/$(member id "$refused")")" \
  '"verdict":"refused"' '"effect":"none"' "$(member receipt "$refused")"
line "5. what became of the refused" "in the log, receipt $(receipt_of "$refused")" "a refusal leaves an entry too"

verify() { post /receipts/verify "{\"exec_id\": \"$(member id "$first")\", \"result\": $1, \"receipt\": \"$(member receipt "$first")\"}"; }
expect "$(verify '{"echo": {"msg": "hello world"}}')" '"valid":true'
expect "$(verify '{"echo": {"msg": "something else"}}')" '"valid":false'
line "6. the receipt, a forged result" "valid, and not valid" "a receipt belongs to one result"

stop_server
start_server
restarted=$(post /execute "$approved")
expect "$restarted" '"replayed":true' "$(member receipt "$first")"
line "7. again, after a restart" "replayed, receipt $(receipt_of "$restarted")" "the ledger remembers what was spent"
stop_server

# --- A witness, who has never seen the executor --------------------------------------------------------------------------

ledger=(--ledger "sqlite:///$work/ledger.db")
openexec() { "$bin/openexec" "$@" 2>>"$work/log" || fail "openexec $1 $2"; }
log_key=$(openexec log key --json "${ledger[@]}")
log_key=$(member verifier_key "$log_key")
state=(--key "$work/witness.key" --state "$work/witness.db")
witness_key=$("$bin/openexec-witness" init --name witness.example "${state[@]}" --json 2>>"$work/log") ||
  fail "openexec-witness init"
witness_key=$(member verifier_key "$witness_key")
mkfifo "$work/witness"
"$bin/openexec-witness" serve --port 0 "${state[@]}" --log "$log_key" >"$work/witness" 2>&1 &
witness=$!
exec 4<"$work/witness"
witness_url=''
while read -r -t 60 said <&4; do
  case "$said" in *"listening on "*) witness_url=${said##*listening on }; witness_url=${witness_url%% *}; break ;; esac
done
[ -n "$witness_url" ] || fail "openexec-witness did not start"
printf 'log %s\nwitness w %s\nquorum w\n' "$log_key" "$witness_key" >"$work/policy"
cosigned=$(openexec log cosign --policy "$work/policy" --witness "$witness_url" --json "${ledger[@]}")
expect "$cosigned" '"cosignatures":1' '"quorum":true'
openexec log proof "$(member id "$first")" "${ledger[@]}" >"$work/receipt.tlog-proof"
printf '%s\n' "$log_key" >"$work/log.key"
proved=$(openexec receipt verify "$work/receipt.tlog-proof" --log-key "$work/log.key" --policy "$work/policy" --json)
expect "$proved" '"verdict":"PASS"' '"cosignatures":{"finding":"passed"}'
line "8. the receipt, cosigned" "verified, by 1 of 1 witnesses" "the log shows everybody one history"
kill "$witness" && wait "$witness" || true
witness=''

say "${green}All eight steps answered as they should."
cat <<END
Next: README.md, and the programs:
  $bin/openexecd --help           the service
  $bin/openexec --help             the command line
  $bin/openexec-approve --help     the approving side
  $bin/openexec-witness --help     the witness
The scratch folder with ledger and keys is removed. The programs stay in $folder$(
  [ "$folder" != build/quickstart ] || printf ' (--clean removes it)').
END
