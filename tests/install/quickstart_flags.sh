#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The flags of quickstart.sh: it explains itself, refuses what it does not know, and removes what it left and no more.
#   quickstart_flags.sh SOURCES
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/examples" "$folder/build/quickstart/examples" "$folder/build/other"
cp "$1/examples/quickstart.sh" "$folder/examples"
fail() { echo "FAILED: $*"; exit 1; }

help=$(bash "$folder/examples/quickstart.sh" --help)
for part in --verbose --clean --help build/quickstart scratch; do
  grep -q -- "$part" <<<"$help" || fail "--help does not name $part"
done
for wrong in --no-such-flag "$folder/no-such-build" "$folder/build"; do
  code=0
  said=$(bash "$folder/examples/quickstart.sh" "$wrong" 2>&1) || code=$?
  [ "$code" -eq 2 ] || fail "$wrong: exit code $code"
  [ "$(wc -l <<<"$said")" -eq 1 ] || fail "$wrong is not refused in one line: $said"
done
(cd / && bash "$folder/examples/quickstart.sh" --clean) | grep -q build/quickstart || fail "--clean does not say what it removed"
[ ! -e "$folder/build/quickstart" ] || fail "--clean leaves the build"
[ -d "$folder/build/other" ] && [ -f "$folder/examples/quickstart.sh" ] || fail "--clean removes what is not its own"
