#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The replay of a library with a seeded fault ends with the promise that the fault breaks.
#   notices.sh REPLAY CORPUS
set -euo pipefail
if told=$("$1" "$2" 2>&1); then echo "FAILED: the replay passed over a seeded fault"; exit 1; fi
grep -q "broken promise: a detail names the place" <<<"$told" ||
  { tail -3 <<<"$told"; echo "FAILED: the replay ended for another reason"; exit 1; }
echo "noticed"
