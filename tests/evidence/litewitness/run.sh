#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Somebody else's witness cosigns our log: run.sh LOG_REQUESTS OPENEXEC VERIFY_RECEIPT FOLDER. Exit 77, with the reason,
# where Go or its modules cannot be had. FOLDER keeps the programs that are built.
set -euo pipefail
requests=$1 openexec=$2 verify=$3 programs=$4
cd "$(dirname "$0")"

skip() { echo "skipped: $*"; exit 77; }
export GOTOOLCHAIN=local  # no other Go is fetched

command -v go >/dev/null || skip "Go is not installed"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
litewitness=filippo.io/torchwood/cmd/litewitness
if ! go list -mod=readonly -deps . "$litewitness" >"$folder/download" 2>&1; then
  cat "$folder/download"
  if grep -q 'go\.sum\|go\.mod' "$folder/download"; then exit 1; fi  # these files are ours
  skip "the Go modules cannot be had"
fi
mkdir -p "$programs"
go build -mod=readonly -buildvcs=false -o "$programs/" . "$litewitness"

"$requests" "$folder"
"$programs/litewitness_client" "$folder" "$programs/litewitness"
cat "$folder/receipt.tlog-proof" "$folder/second.answer" >"$folder/cosigned.tlog-proof"
"$openexec" receipt verify "$folder/cosigned.tlog-proof" --log-key "$folder/log.vkey" --policy "$folder/policy"
sh "$verify" -w "$folder/witness.vkey" "$folder/cosigned.tlog-proof" "$folder/log.vkey" >"$folder/said" || { cat "$folder/said"; exit 1; }
if "$openexec" receipt verify "$folder/receipt.tlog-proof" --log-key "$folder/log.vkey" --policy "$folder/policy" >"$folder/said"; then
  echo "a receipt passed without the cosignature that the policy asks for"
  exit 1
fi
