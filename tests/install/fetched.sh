#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fallback for packages that are not installed fetches a hashed archive, as a system library whose warnings are not
# ours, and refuses an archive of another hash.
#   fetched.sh SOURCES      Environment: CXX, LAUNCHER.
set -euo pipefail
sources=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/fetched-1.0"
cat >"$folder/fetched-1.0/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(FetchedPackage LANGUAGES CXX)
add_library(fetched INTERFACE)
target_include_directories(fetched INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}")
CMAKE
cat >"$folder/fetched-1.0/fetched.hpp" <<'HEADER'
static int unused_in_a_header() { return 1; }  // -Wunused-function, unless this is a system header
inline int fetched() { return 0; }
HEADER
tar -C "$folder" -czf "$folder/fetched.tar.gz" fetched-1.0
sha256=$(sha256sum "$folder/fetched.tar.gz" | cut -d' ' -f1)
configure() {
  cmake -S "$sources/tests/install/fetched" -B "$folder/$1" -G Ninja -DCMAKE_CXX_COMPILER="${CXX:-c++}" \
    -DOPENEXEC_SOURCES="$sources" -DARCHIVE="file://$folder/fetched.tar.gz" -DSHA256="$2" >"$folder/$1.log" 2>&1
}
configure good "$sha256" || { cat "$folder/good.log"; echo "FAILED: the archive was not fetched"; exit 1; }
cmake --build "$folder/good" >"$folder/build.log" || { cat "$folder/build.log"; echo "FAILED: it was not used"; exit 1; }
"$folder/good/uses"
if configure bad "${sha256//[0-9]/0}"; then echo "FAILED: an archive of another hash was taken"; exit 1; fi
grep -q "$(printf '%s' "$sha256" | head -c 16)" "$folder/bad.log" || { cat "$folder/bad.log"; echo "FAILED: refused for another reason"; exit 1; }
echo "fetched, used, and refused under another hash"
