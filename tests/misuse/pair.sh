#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One pair: the file compiles as it stands, and with -DWRONG fails for the reason that its first line names.
#   pair.sh FILE COMPILER FLAGS...
set -euo pipefail
file=$1
shift
reason=$(sed -n '1s|^// WRONG: ||p' "$file")
[ -n "$reason" ] || { echo "$file: its first line must be '// WRONG: <regex of the compiler message>'"; exit 1; }

"$@" -fsyntax-only "$file" || { echo "$file: the right half does not compile"; exit 1; }

if messages=$("$@" -fsyntax-only -DWRONG "$file" 2>&1); then
  echo "$file: the wrong half compiles"
  exit 1
fi
if ! grep -Eq "error: .*($reason)" <<<"$messages"; then
  printf '%s: the wrong half fails, but not for "%s":\n%s\n' "$file" "$reason" "$messages"
  exit 1
fi
