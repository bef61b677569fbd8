#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages, optimised and without tests, and puts them into a folder. They are for the release of
# Debian or Ubuntu that this runs on.
#   bash cmake/packaging/deb.sh [FOLDER]      FOLDER: build/deb/packages, unless given
# Environment: CMAKE_ARGS, further arguments for CMake. Set-up: cmake/setup.sh build.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build/deb}
folder=${1:-$build/packages}
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
read -r -a further <<<"${CMAKE_ARGS:-}"
# The date in the archives is that of the last commit, so that building twice gives the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
cmake --preset release -B "$build" -DCMAKE_INSTALL_PREFIX=/usr -DOPENEXEC_BUILD_TESTS=OFF -DOPENEXEC_BUILD_BENCH=OFF \
  -DOPENEXEC_BUILD_EXAMPLES=OFF "${launcher[@]}" "${further[@]}" >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
cmake --build "$build" -j "$(nproc)"
mkdir -p "$folder"
(cd "$build" && cpack -B packed >cpack.log 2>&1) || { cat "$build/cpack.log"; exit 1; }
cp "$build"/packed/*.deb "$folder"
ls -1 "$folder"
