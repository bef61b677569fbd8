#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The unit that operations.md names is one that systemd takes, and its exposure is at most 3.0 of 10.
#   systemd.sh SOURCES OPENEXECD     Exit 77 where systemd-analyze is missing.
set -euo pipefail
command -v systemd-analyze >/dev/null || { echo "SKIPPED: systemd-analyze is not here (Debian: systemd)"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unit=$folder/openexecd.service
sed "s|/usr/bin/openexecd|$2|" "$1/cmake/packaging/systemd/openexecd.service" >"$unit"
# Every flag of the command line is one that the program knows.
start=$(sed -n 's/^ExecStart=[^ ]* //p' "$unit")
known=$("$2" --help)
for word in $start; do
  case "$word" in --*) grep -q -- "$word" <<<"$known" || { echo "FAILED: openexecd has no flag $word"; exit 1; } ;; esac
done
said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$unit" 2>&1) || { echo "$said"; echo "FAILED: systemd refuses it"; exit 1; }
if grep -F openexecd.service <<<"$said"; then echo "FAILED: systemd warns of it"; exit 1; fi
systemd-analyze security --offline=true --threshold=30 "$unit" >"$folder/said" 2>&1 ||
  { grep -v '✓' "$folder/said"; echo "FAILED: its exposure is above 3.0"; exit 1; }
tail -1 "$folder/said"
