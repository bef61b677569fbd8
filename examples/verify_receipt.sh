#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verifies a portable receipt (.tlog-proof) with nothing but openssl (3 or newer), sha256sum, base64, od and a shell:
# no OpenExec, no ledger, no network.
#
#   sh verify_receipt.sh [-w WITNESS_KEY]... [-k HOW_MANY] RECEIPT LOG_KEY
#
# LOG_KEY and WITNESS_KEY are verifier keys, name+id+key, or files that hold one; you got them from somebody you trust,
# and not with the receipt. HOW_MANY of the witnesses must have cosigned; all of them, where it is not given.
# Prints each step, the entry and a verdict. Exit: 0 PASS, 1 FAIL, 3 it could not be tried.
set -u
LC_ALL=C
export LC_ALL

work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 3' INT TERM

usage() { sed -n '3,11s/^# \{0,1\}//p' "$0" >&2; exit 3; }
cannot() { echo "verify_receipt.sh: $*" >&2; exit 3; }
fail() { echo "FAIL      $*"; exit 1; }
passed() { echo "passed    $*"; }

hex() { od -An -v -tx1 | tr -d ' \n'; }
sha256() { openssl dgst -sha256 -binary; }
part() { tail -c +"$(($2 + 1))" "$1" | head -c "$3"; } # file, offset, length

# Decodes base64 of one spelling only: text, file to write.
unbase64() { printf '%s' "$1" | base64 -d >"$2" 2>/dev/null && [ "$(base64 -w0 <"$2")" = "$1" ]; }

# A number in its one spelling, small enough for a shell to count with.
is_number() {
  case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac
  [ ${#1} -le 18 ]
}

# Reads a verifier key into $name and $id, and its raw key, ready for openssl, into a file: key, type in hex, file.
read_key() {
  text=$1
  if [ -f "$text" ]; then text=$(cat "$text"); fi
  name=${text%%+*}
  rest=${text#*+}
  id=${rest%%+*}
  unbase64 "${rest#*+}" "$work/key" || cannot "not a verifier key: $text"
  [ "$(wc -c <"$work/key")" -eq 33 ] && [ "$(part "$work/key" 0 1 | hex)" = "$2" ] ||
    cannot "not a key of type $2: $text"
  [ "$({ printf '%s\n' "$name" && cat "$work/key"; } | sha256sum | cut -c1-8)" = "$id" ] ||
    cannot "the id is not that of the key: $text"
  # Before the key what X.509 writes before Ed25519 keys.
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000' && part "$work/key" 1 32; } >"$3"
}

# Finds the first signature by $name and $id and leaves its bytes, behind the id, in a file. 1: there is none.
find_signature() {
  while IFS= read -r line; do
    case $line in "— $name "*) ;; *) continue ;; esac
    unbase64 "${line##* }" "$work/line"
    [ "$(part "$work/line" 0 4 | hex)" = "$id" ] || continue
    tail -c +5 "$work/line" >"$1"
    return 0
  done <"$work/signatures"
  return 1
}

is_signed() { # message, signature, key
  [ "$(wc -c <"$2")" -eq 64 ] &&
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$3" -rawin -in "$1" -sigfile "$2" >/dev/null 2>&1
}

# --- What was given --------------------------------------------------------------------------------------------------

witnesses=0 need=''
while getopts w:k: option; do
  case $option in
    w) witnesses=$((witnesses + 1)) && printf '%s\n' "$OPTARG" >"$work/witness.$witnesses" ;;
    k) need=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || usage
need=${need:-$witnesses}
is_number "$need" && [ "$need" -le $witnesses ] || cannot "-k $need of $witnesses witnesses"
for tool in openssl sha256sum base64 od; do command -v $tool >/dev/null || cannot "$tool is not here"; done
[ -r "$1" ] || cannot "cannot read $1"
receipt=$1
read_key "$2" 01 "$work/log.der"
log_name=$name log_id=$id

# --- The text: a tlog-proof, in its one spelling ---------------------------------------------------------------------

[ "$(wc -c <"$receipt")" -le 1100000 ] || fail "proof: too large"
tr -d '\000-\011\013-\037\177' <"$receipt" | cmp -s - "$receipt" || fail "proof: control characters"
[ "$(tail -c 1 "$receipt" | hex)" = 0a ] || fail "proof: the last line has no end"
{
  IFS= read -r line && [ "$line" = c2sp.org/tlog-proof@v1 ] || fail "proof: line 1"
  IFS= read -r line && [ "${line#extra }" != "$line" ] || fail "proof: there is no entry in it"
  unbase64 "${line#extra }" "$work/entry" || fail "proof: the entry's base64"
  tr -d '\000-\037\177' <"$work/entry" | cmp -s - "$work/entry" || fail "entry: control characters"
  case $(cat "$work/entry") in '{"action":'*'"version":'[12]'}') ;; *) fail "entry: not an entry of OpenExec" ;; esac
  IFS= read -r line && [ "${line#index }" != "$line" ] || fail "proof: line 3"
  index=${line#index }
  is_number "$index" || fail "proof: the index"
  hashes=0
  while IFS= read -r line && [ -n "$line" ]; do
    hashes=$((hashes + 1))
    unbase64 "$line" "$work/hash.$hashes" && [ "$(wc -c <"$work/hash.$hashes")" -eq 32 ] || fail "proof: hash $hashes"
  done
  [ $hashes -le 63 ] || fail "proof: too many hashes"
  IFS= read -r origin && IFS= read -r size && IFS= read -r root && IFS= read -r line || fail "checkpoint: too short"
  printf '%s\n%s\n%s\n' "$origin" "$size" "$root" >"$work/text"
  while [ -n "$line" ]; do # further lines mean nothing here, but they are signed
    printf '%s\n' "$line" >>"$work/text"
    IFS= read -r line || fail "checkpoint: no signatures"
  done
  : >"$work/signatures"
  while IFS= read -r line; do
    rest=${line#— }
    who=${rest% *}
    case $line in "— $who ${rest##* }") ;; *) fail "checkpoint: a signature's line" ;; esac
    case $who in '' | *' '* | *+*) fail "checkpoint: a signature's name" ;; esac
    unbase64 "${rest##* }" "$work/line" && [ "$(wc -c <"$work/line")" -ge 5 ] || fail "checkpoint: a signature's base64"
    printf '%s\n' "$line" >>"$work/signatures"
  done
} <"$receipt"
[ -s "$work/signatures" ] || fail "checkpoint: no signatures"
[ -n "$origin" ] && is_number "$size" || fail "checkpoint: origin or size"
unbase64 "$root" "$work/root" && [ "$(wc -c <"$work/root")" -eq 32 ] || fail "checkpoint: the root"
passed "proof          entry $index of a log with $size"

# --- The entry is in the tree (RFC 9162, section 2.1.3.2) ------------------------------------------------------------

[ "$index" -lt "$size" ] || fail "inclusion: the index is beyond the log"
{ printf '\000' && cat "$work/entry"; } | sha256 >"$work/node"
passed "leaf hash      $(hex <"$work/node")"
fn=$index sn=$((size - 1)) i=0
while [ $i -lt $hashes ]; do
  i=$((i + 1))
  [ $sn -ne 0 ] || fail "inclusion: more hashes than the tree has levels"
  if [ $((fn % 2)) -eq 1 ] || [ $fn -eq $sn ]; then
    { printf '\001' && cat "$work/hash.$i" "$work/node"; } | sha256 >"$work/next"
    while [ $((fn % 2)) -eq 0 ] && [ $fn -ne 0 ]; do fn=$((fn / 2)) sn=$((sn / 2)); done
  else
    { printf '\001' && cat "$work/node" "$work/hash.$i"; } | sha256 >"$work/next"
  fi
  mv "$work/next" "$work/node"
  fn=$((fn / 2)) sn=$((sn / 2))
done
[ $sn -eq 0 ] && cmp -s "$work/node" "$work/root" || fail "inclusion: the entry is not in the tree of the checkpoint"
passed "inclusion      $hashes hashes up to the root"

# --- The log signed the checkpoint, and witnesses saw it -------------------------------------------------------------

[ "$origin" = "$log_name" ] || fail "log signature: the checkpoint is that of another log, $origin"
name=$log_name id=$log_id
find_signature "$work/signature" || fail "log signature: there is none by this key"
is_signed "$work/text" "$work/signature" "$work/log.der" || fail "log signature: it does not verify"
passed "log signature  $log_name"

cosigned=0 i=0
while [ $i -lt $witnesses ]; do
  i=$((i + 1))
  read_key "$(cat "$work/witness.$i")" 04 "$work/witness.der"
  if grep -q -s -F -x "$id $name" "$work/seen"; then cannot "the witness $name is named twice"; fi
  printf '%s\n' "$id $name" >>"$work/seen"
  find_signature "$work/cosignature" || continue
  [ "$(wc -c <"$work/cosignature")" -eq 72 ] || fail "cosignature: that of $name has not the right size"
  time=$(part "$work/cosignature" 0 8 | hex)
  case $time in [89a-f]*) fail "cosignature: the time of $name" ;; esac
  { printf 'cosignature/v1\ntime %d\n' "0x$time" && cat "$work/text"; } >"$work/message"
  part "$work/cosignature" 8 64 >"$work/signature"
  is_signed "$work/message" "$work/signature" "$work/witness.der" || fail "cosignature: that of $name does not verify"
  cosigned=$((cosigned + 1))
  seconds=$((0x$time))
  passed "cosignature    $name, at $(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || echo "second $seconds")"
done
[ $cosigned -ge "$need" ] || fail "cosignatures: $cosigned, and $need are needed"

printf 'entry     '
cat "$work/entry"
echo
echo PASS
