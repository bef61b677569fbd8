#!/usr/bin/env bash
# Builds the Debian packages from a copy of the sources, in a folder of another name, without the compiler cache: a
# second build, which reproducible_test.sh compares with the first.
#   build.sh SOURCES FOLDER      makes FOLDER/sources and FOLDER/packages
set -euo pipefail
sources=$1 folder=$2
export CCACHE_DISABLE=1  # or one build would be a copy of the other
SOURCE_DATE_EPOCH=$(git -C "$sources" log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
rm -rf "$folder"
mkdir -p "$folder/sources/build"
cp -r "$sources"/{CMakeLists.txt,CMakePresets.json,LICENSE,include,lib,capi,cmake,examples} "$folder/sources"
bash "$folder/sources/cmake/packaging/deb.sh" "$folder/packages"
