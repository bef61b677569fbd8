#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The preset `library` builds the libraries without Boost, Catch2 and CLI11, and compiles no test and no tool.
#   library.sh SOURCES
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
absent=()
for package in Boost Catch2 CLI11; do absent+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON"); done
cmake -S "$1" --preset library -B "$folder/build" -DFETCHCONTENT_FULLY_DISCONNECTED=ON "${absent[@]}" >"$folder/log" 2>&1 ||
  { cat "$folder/log"; echo "FAILED: it does not configure"; exit 1; }
objects=$(ninja -C "$folder/build" -t targets all | sed -n 's/\.o: .*//p')
if grep -E '^(tests|examples|lib/service)/' <<<"$objects"; then echo "FAILED: it compiles more than the libraries"; exit 1; fi
grep -q '^capi/' <<<"$objects" || { echo "FAILED: it does not compile the C library"; exit 1; }
echo "$(wc -l <<<"$objects") objects, all of the libraries"
