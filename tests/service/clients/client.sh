# SPDX-License-Identifier: Apache-2.0
# client.sh CURL: the story of run.py, by curl.
set -euo pipefail
curl=$1

post() {  # PATH BODY [HEADER]: the answer's body, and its status on a line of its own
  "$curl" --silent --show-error --max-time 30 --write-out '\n%{http_code}' -H 'Content-Type: application/json' \
    ${3:+-H "$3"} --data "$2" "$ADDRESS$1"
}
has() {  # ANSWER PART...
  local answer=$1 part
  shift
  for part; do
    case $answer in *"$part"*) ;; *) echo "no $part in $answer"; exit 1 ;; esac
  done
}
member() { sed -n "s/.*\"$2\":\"\([0-9a-f]*\)\".*/\1/p" <<<"$1"; }

key="Idempotency-Key: $KEY"
first=$(post /execute '{"action":"add","payload":{"a":2,"b":3}}' "$key")
has "$first" '"approved":true' '"replayed":false' '{"sum": 5}' $'\n200'
receipt=$(member "$first" receipt)
has "$(post /execute '{"action":"add","payload":{"a":2,"b":3}}' "$key")" '"replayed":true' "$receipt" $'\n200'
has "$(post /execute '{"action":"add","payload":{"a":2,"b":4}}' "$key")" '"code":"nonce_conflict"' '"approved":false' $'\n422'
verify="{\"exec_id\":\"$(member "$first" id)\",\"result\":{\"sum\":5},\"receipt\":\"$receipt\"}"
has "$(post /receipts/verify "$verify")" '"valid":true' '"recorded":true' $'\n200'
echo "executed, replayed, refused, verified"
