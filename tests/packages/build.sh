#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages from a copy of the sources, in a folder of another name: a second build, which
# reproducible_test.sh compares with the first. The libraries, which are compared, are compiled without the compiler
# cache, or one build would be a copy of the other. The programs may come from it (tests/run.sh).
#   build.sh SOURCES FOLDER      makes FOLDER/sources and FOLDER/packages
set -euo pipefail
sources=$1 folder=$2
SOURCE_DATE_EPOCH=$(git -C "$sources" log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
rm -rf "$folder"
mkdir -p "$folder/sources/build"
cp -r "$sources"/{CMakeLists.txt,CMakePresets.json,LICENSE,include,lib,capi,cmake,examples} "$folder/sources"
cat >"$folder/compile" <<'LAUNCHER'
#!/bin/sh
case " $* " in
  *" -o lib/CMakeFiles/"* | *" -o capi/"*) exec "$@" ;;
  *) if command -v ccache >/dev/null; then exec ccache "$@"; else exec "$@"; fi ;;
esac
LAUNCHER
chmod +x "$folder/compile"
launcher="-DCMAKE_C_COMPILER_LAUNCHER=$folder/compile -DCMAKE_CXX_COMPILER_LAUNCHER=$folder/compile"
CMAKE_ARGS="${CMAKE_ARGS:-} $launcher" CCACHE_BASEDIR=$folder/sources CCACHE_NOHASHDIR=1 \
  bash "$folder/sources/cmake/packaging/deb.sh" "$folder/packages"
