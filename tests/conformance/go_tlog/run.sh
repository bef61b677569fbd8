#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Others' clients read our log: run.sh WRITER. Exit 77, with the reason, where Go or its modules cannot be had.
set -euo pipefail
writer=$1
cd "$(dirname "$0")"

skip() { echo "skipped: $*"; exit 77; }
export GOTOOLCHAIN=local  # no other Go is fetched

command -v go >/dev/null || skip "Go is not installed"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go mod download >"$folder/download" 2>&1 || { cat "$folder/download"; skip "the Go modules cannot be had"; }
go build -mod=readonly -buildvcs=false -o "$folder/go_tlog" .

mkdir "$folder/log"
"$writer" "$folder/log"
"$folder/go_tlog" "$folder/log"
