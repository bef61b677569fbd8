#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building OpenExec needs on Debian 12 or Ubuntu 24.04, and nothing where all is there.
#   bash cmake/setup.sh build     a compiler, CMake and the libraries
#   bash cmake/setup.sh tests     the same, and what the tests need
# The one list of packages; tests/run.sh and examples/quickstart.sh call it.
set -euo pipefail

boost=libboost-dev clang=clang
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  boost=libboost1.81-dev clang=clang-14  # libboost-dev is 1.74 there
fi
browser=() schemas=()
if grep -qs '^ID=debian' /etc/os-release; then
  browser=("chromium|a web page in a real browser")  # Ubuntu has it as a snap alone
  schemas=("json-schema-test-suite|what others expect of JSON Schema")  # not tried on Ubuntu; its test is skipped there
fi

build_packages=(
  "g++|the C++20 compiler"
  "cmake|the build"
  "ninja-build|the build"
  "pkg-config|the build"
  "libssl-dev|SHA-256 and Ed25519 (OpenSSL 3)"
  "libsqlite3-dev|the ledger (SQLite)"
  "libsimdjson-dev|reading JSON"
  "libre2-dev|regular expressions of payload schemas (RE2)"
  "$boost|the HTTP service (Boost.Beast 1.81 or newer)"
  "libcli11-dev|command lines (CLI11)"
  "curl|talking to the service"
)
test_packages=(
  "python3|the tests that are written in it"
  "ccache|faster rebuilds"
  "mold|faster links"
  "catch2|the unit tests"
  "$clang|the second compiler"
  "clang-format-14|the layout of the sources"
  "python3-venv|the tests of the Python package"
  "python3-requests|the service's clients"
  "python3-cryptography|an independent signer"
  "libsodium-dev|the other library for Ed25519"
  "systemd|systemd-analyze, which judges the unit"
  "strace|the proof that nothing is sent out"
  "tmux|people at a terminal, who approve"
  "abigail-tools|the C ABI compared with that of 1.0 (abidiff)"
  "debootstrap|a clean system for the packages"
  "lintian|what Debian thinks of the packages"
  "dpkg-dev|the packages"
  "file|the packages"
  "valgrind|instructions, counted"
  "wrk|the service's load (tests/bench/bench_service.sh)"
  "prometheus|the metrics, checked and scraped"
  "nginx|a proxy in front of the service"
  "haproxy|another one"
  "${browser[@]}"
  "${schemas[@]}"
)

servers=" nginx haproxy prometheus "  # what is in these packages is started by the tests alone

case "${1:-}" in
  build) wanted=("${build_packages[@]}") ;;
  tests) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) echo "usage: bash cmake/setup.sh build|tests" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this is neither Debian nor Ubuntu, so nothing is installed. Needed, by their Debian names:"
  printf '  %s\n' "${wanted[@]//|/ - }"
  exit 0
fi

# A Python module counts wherever it came from.
have() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ] ||
    { [[ $1 == python3-* ]] && python3 -c "import ${1#python3-}" 2>/dev/null; }
}

missing=()
for line in "${wanted[@]}"; do
  if ! have "${line%%|*}"; then missing+=("$line"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

echo "setup: installing with apt:"
for line in "${missing[@]}"; do printf '  %-22s %s\n' "${line%%|*}" "${line#*|}"; done

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: needs root and there is no sudo. As root, run: apt-get install ${missing[*]%%|*}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

started=()
for line in "${missing[@]}"; do
  if [[ $servers == *" ${line%%|*} "* ]]; then started+=("${line%%|*}"); fi
done
policy=/usr/sbin/policy-rc.d  # Debian asks it before an installation starts a service
if [ ${#started[@]} -gt 0 ] && [ ! -e $policy ]; then
  trap '"${as_root[@]}" rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
fi

apt update
if ! apt install -y --no-install-recommends --no-remove "${missing[@]%%|*}" >/dev/null; then
  echo "setup: apt could not install these without removing or breaking something else; see its message above." >&2
  exit 1
fi
# Nor at the next boot.
if [ ${#started[@]} -gt 0 ] && command -v systemctl >/dev/null; then
  "${as_root[@]}" systemctl disable "${started[@]}" >/dev/null 2>&1 || true
fi
