#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The header compiles alone, pedantically, as C99, C11, C17 and C++20, with every compiler that is given and present.
# Its structs have no padding, so that a member can never be added where an old caller left garbage.
#   header.sh HEADER COMPILER...
set -euo pipefail
header=$1
shift
count=0
check() {  # compiler, language, standard, further flags
  if ! echo "#include \"$header\"" |
    "$1" -x "$2" "-std=$3" -pedantic -Wall -Wextra -Wpadded -Werror "${@:4}" -fsyntax-only -; then
    echo "FAILED: $1 -std=$3"
    exit 1
  fi
  count=$((count + 1))
}
for compiler in "$@"; do
  if ! command -v "$compiler" >/dev/null; then echo "not here: $compiler"; continue; fi
  for standard in c99 c11 c17; do check "$compiler" c "$standard" -Wstrict-prototypes; done
  check "$compiler" c++ c++20 -Wold-style-cast
done
echo "the header compiled $count times"
[ "$count" -ge 4 ]
