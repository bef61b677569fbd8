#!/usr/bin/env bash
# Building twice, in folders of different names and at different times, gives the same libraries, to the byte.
#   reproducible_test.sh SOURCES
set -euo pipefail
sources=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CCACHE_DISABLE=1  # or one build would be a copy of the other
products=(lib/libopenexec.a capi/libopenexec.so.1.0.0)
for name in first the-second-one; do
  mkdir "$folder/$name"
  cp -r "$sources"/{CMakeLists.txt,CMakePresets.json,LICENSE,include,lib,capi,cmake,examples} "$folder/$name"
  cmake -S "$folder/$name" -B "$folder/$name/out" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOPENEXEC_BUILD_TESTS=OFF \
    -DOPENEXEC_BUILD_SERVICE=OFF -DOPENEXEC_BUILD_TOOLS=OFF -DOPENEXEC_BUILD_EXAMPLES=OFF -DOPENEXEC_BUILD_BENCH=OFF \
    -DOPENEXEC_INSTALL=OFF >"$folder/$name.log"
  cmake --build "$folder/$name/out" -j "$(nproc)" --target openexec openexec_c >"$folder/$name.log"
done
for product in "${products[@]}"; do
  cmp "$folder/first/out/$product" "$folder/the-second-one/out/$product" || { echo "FAILED: $product differs"; exit 1; }
  sha256sum "$folder/first/out/$product" | sed "s|$folder/first/out/||"
done
echo "the same, to the byte, in two folders"
