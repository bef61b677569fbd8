#!/usr/bin/env bash
# From a fresh Debian 12 or Ubuntu 24.04 machine to a running OpenExec, and what it promises, shown step by step.
#   bash examples/quickstart.sh            installs what is missing, builds, shows
#   bash examples/quickstart.sh FOLDER     shows, with the programs that are built in FOLDER/examples
# Exit: 0 when every step answered as it should.
set -euo pipefail
folder=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

bold='' red='' green='' faint='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' faint=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s\n' "${bold}$*${plain}"; }
show() { printf '%s\n' "${faint}  $*${plain}"; }

work=$(mktemp -d)
server=''
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
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

  say "Build: openexecd, openexec and openexec-approve, optimised, in build/quickstart"
  folder=build/quickstart
  launcher=''
  if command -v ccache >/dev/null; then launcher=ccache; fi
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher" \
    -DOPENEXEC_BUILD_C=OFF -DOPENEXEC_BUILD_EXAMPLES=OFF -DOPENEXEC_BUILD_TESTS=OFF >"$work/configure" ||
    { cat "$work/configure"; exit 1; }
  cmake --build "$folder" --target openexecd openexec_cli openexec_approve
fi
bin=$folder/examples

# --- The service -------------------------------------------------------------------------------------------------------

mkfifo "$work/says"
start_server() {  # leaves its address in $url
  "$bin/openexecd/openexecd" --port 0 --db-url "sqlite:///$work/ledger.db" >"$work/says" 2>>"$work/log" &
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
"$bin/openexec/openexec-approve" keygen --no-passphrase "$work/approver"
OPENEXEC_MODE=clawshield
CLAWSHIELD_PUBLIC_KEY=$(cat "$work/approver.pub.pem")
CLAWSHIELD_TENANT_ID=acme
unset OPENEXEC_ALLOWED_ACTIONS OPENEXEC_HANDLERS
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
  show "$answer"
  for part in "$@"; do
    case "$answer" in *"$part"*) ;; *) fail "the answer lacks $part" ;; esac
  done
  printf '%s\n' "${green}  as expected${plain}"
}

say "1. Approved: somebody signs this very action and payload, and it runs"
printf '%s\n' '{"action": "echo", "payload": {"msg": "hello world"}, "nonce": "unique-1"}' >"$work/request.json"
"$bin/openexec/openexec-approve" sign "$work/request.json" --key "$work/approver.key.pem" --yes --embed \
  2>"$work/signed" >"$work/approved.json" || fail "$(cat "$work/signed")"
approved=$(cat "$work/approved.json")
first=$(post /execute "$approved")
expect "$first" '"approved":true' '"replayed":false' '"code":"ok"'

say "2. Replayed: the same request again answers the first outcome and runs nothing"
again=$(post /execute "$approved")
expect "$again" '"replayed":true' "$(member receipt "$first")"

say "3. Changed after approval: another payload under the same approval is refused"
refused=$(post /execute "${approved/hello world/hello mallory}")
expect "$refused" '"approved":false' '"code":"approval_hash_mismatch"'

say "4. Spent: an approval works once, so the same one under another nonce is refused"
expect "$(post /execute "${approved/unique-1/unique-2}")" '"approved":false' '"code":"approval_spent"'

say "5. Witnessed: a refusal leaves a receipt too, and its entry is in the log"
expect "$(curl -sS --max-time 60 "$url/receipts/$(member id "$refused")")" \
  '"verdict":"refused"' '"effect":"none"' "$(member receipt "$refused")"

say "6. Verified: a receipt belongs to one execution and one result"
verify() { post /receipts/verify "{\"exec_id\": \"$(member id "$first")\", \"result\": $1, \"receipt\": \"$(member receipt "$first")\"}"; }
expect "$(verify '{"echo": {"msg": "hello world"}}')" '"valid":true'
expect "$(verify '{"echo": {"msg": "something else"}}')" '"valid":false'

say "7. Restarted: the ledger remembers, so the replay still answers and still runs nothing"
stop_server
start_server
expect "$(post /execute "$approved")" '"replayed":true' "$(member receipt "$first")"
stop_server

say "${green}All seven steps answered as they should."
cat <<END
Next: README.md, and the programs:
  $bin/openexecd/openexecd --help           the service
  $bin/openexec/openexec --help             the command line
  $bin/openexec/openexec-approve --help     the approving side
END
