#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages on a clean system: lintian finds no error, and in a root that debootstrap made they give a working
# C program, C++ program and openexecd.
#   root_test.sh SOURCES PACKAGES     Needs root and the network; exit 77, and why, where it has neither.
set -euo pipefail
sources=$1 packages=$2
skip() { echo "SKIPPED: $*"; exit 77; }
for tool in debootstrap lintian dpkg-deb; do
  command -v $tool >/dev/null || skip "$tool is not here (cmake/setup.sh tests)"
done

echo "== the packages"
lintian=(lintian --fail-on error --tag-display-limit 0)
if [ "$(id -u)" -eq 0 ]; then lintian+=(--allow-root); fi
"${lintian[@]}" "$packages"/*.deb

[ "$(id -u)" -eq 0 ] || skip "a clean root needs root's rights"
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$(mktemp -d)
chmod 755 "$root"
finish() {
  umount "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}
trap finish EXIT
echo "== a clean root of $suite"
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || { tail -3 "$root.log"; skip "debootstrap could not make a root"; }
rm -f "$root.log"
mount -t proc proc "$root/proc" || skip "/proc cannot be mounted here"
inside() { chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
inside apt-get -qq update || skip "apt cannot reach its archive from inside"
inside apt-get -qq install -y --no-install-recommends gcc g++ pkg-config libc6-dev >/dev/null ||
  skip "apt cannot install a compiler inside"

echo "== install"
mkdir "$root/packages"
cp "$packages"/*.deb "$root/packages"
inside sh -c 'apt-get -qq install -y --no-install-recommends /packages/*.deb' >/dev/null

echo "== an outsider's programs"
mkdir "$root/outsider"
cp "$sources"/examples/learn/01_echo.c "$sources"/examples/learn/03_verify_receipt.c "$sources"/examples/learn/01_echo.cpp "$root/outsider"
inside sh -ec '
  cd /outsider
  cc -std=c11 01_echo.c $(pkg-config --cflags --libs openexec-c) -o echo_c
  cc -std=c11 03_verify_receipt.c $(pkg-config --cflags --libs openexec-c) -o verify_c
  c++ -std=c++20 01_echo.cpp $(pkg-config --cflags --libs openexec) -o echo_cpp
  ./echo_c && ./verify_c && ./echo_cpp'

echo "== openexecd"
inside bash -ec '
  cd /outsider
  openexecd --port 0 >started 2>said & service=$!
  trap "kill $service" EXIT
  for _ in $(seq 600); do
    port=$(sed -n "s|.*http://127.0.0.1:\([0-9]*\).*|\1|p" started)
    [ -n "$port" ] && break
    kill -0 $service || { cat started said; exit 1; }
    read -rt 0.1 <> <(:) || true
  done
  body="{\"action\":\"echo\",\"payload\":{\"to\":\"ada\"},\"nonce\":\"packaged-1\"}"
  for verdict in executed replayed; do
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" "${#body}" "$body" >&3
    answer=$(cat <&3)
    exec 3>&-
    case "$answer" in *" 200 "*"ada"*) echo "$verdict" ;; *) echo "FAILED: $answer"; exit 1 ;; esac
  done
  kill $service; wait $service || true
  trap - EXIT
  openexec log verify
  openexec log list --json | grep -q "\"verdict\":\"replayed\""
  openexec-approve --version; openexec-witness --version'
inside apt-get -qq remove -y openexec-tools libopenexec-dev libopenexec1 >/dev/null
[ ! -e "$root/usr/bin/openexecd" ] || { echo "FAILED: something stayed"; exit 1; }
echo "the packages work in a clean root"
