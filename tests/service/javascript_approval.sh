#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An approval that JavaScript signs, with the times of toISOString(), is accepted by a real openexecd.
#   javascript_approval.sh OPENEXECD      Exit 77 where node is missing.
set -euo pipefail
command -v node >/dev/null || { printf '\n*** NOT RUN: node is not installed ***\n' >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
said=$(timeout 120 node "$(dirname "$0")/clients/approval.mjs" "$1" "$folder")
[ "$said" = "approved, executed, replayed, refused" ] || { echo "FAILED: $said"; exit 1; }
