#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Building twice, in folders of different names and at different times, gives the same libraries, to the byte.
#   reproducible_test.sh BUILD ANOTHER
set -euo pipefail
first=$1 second=$2
[ "$first" != "$second" ] || { echo "FAILED: one build is no two"; exit 1; }
for product in lib/libopenexec.a capi/libopenexec.so.1.0.0; do
  cmp "$first/$product" "$second/$product" || { echo "FAILED: $product differs"; exit 1; }
  (cd "$first" && sha256sum "$product")
done
echo "the same, to the byte, in two folders"
