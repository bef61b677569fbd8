#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An outsider with an empty folder and OpenExec: builds programs against it, and runs them.
#   outsider.sh find_package PREFIX | pkg_config PREFIX | fetch_content SOURCES
# Environment: CC and CXX; FLAGS, which everything is compiled and linked with (sanitizers); LAUNCHER, e.g. ccache;
# LIKE, the options with which the sources are compiled as they are in another build, and BESIDE, the folder of that
# build, so that LAUNCHER knows the objects.
set -euo pipefail
how=$1 where=$2
outsider=$(cd "$(dirname "$0")/outsider" && pwd)
folder=$(mktemp -d)
build=build
trap 'rm -rf "$folder"; [ "$build" = build ] || rm -rf "$build"' EXIT
cp "$outsider"/* "$folder"
cd "$folder"
read -r -a flags <<<"${FLAGS:-}"

build_with_cmake() {
  cmake -G Ninja -S . -B "$build" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS="${flags[*]}" -DCMAKE_CXX_FLAGS="${flags[*]}" \
    -DCMAKE_C_COMPILER_LAUNCHER="${LAUNCHER:-}" -DCMAKE_CXX_COMPILER_LAUNCHER="${LAUNCHER:-}" "$@"
  # All targets, as a host's own build would: nothing that nobody asked for may break it.
  cmake --build "$build" -j 2
}

case "$how" in
  find_package)
    cmp "$where/share/doc/openexec/LICENSE" "$outsider/../../../LICENSE"
    build_with_cmake "-DCMAKE_PREFIX_PATH=$where"
    cd build
    ;;
  fetch_content)
    export CCACHE_NOHASHDIR=1  # the folder has another name every time
    read -r -a like <<<"${LIKE:-}"
    if [ -n "${BESIDE:-}" ]; then build=$(mktemp -d "$BESIDE.outsider.XXXXXX"); fi
    build_with_cmake "-DOUTSIDER_FETCH=$where" "${like[@]}" -DFETCHCONTENT_FULLY_DISCONNECTED=ON
    cd "$build"
    ;;
  pkg_config)
    PKG_CONFIG_PATH=$(find "$where" -name pkgconfig -type d)${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export PKG_CONFIG_PATH
    # Unquoted: pkg-config answers with words.
    # shellcheck disable=SC2046
    "$CXX" -std=c++20 "${flags[@]}" main.cpp -o outsider_cpp $(pkg-config --cflags --libs openexec)
    # shellcheck disable=SC2046
    "$CXX" -std=c++20 "${flags[@]}" approver.cpp -o outsider_approver $(pkg-config --cflags --libs openexec-signing)
    if pkg-config --exists openexec-service; then
      # shellcheck disable=SC2046
      "$CXX" -std=c++20 "${flags[@]}" service.cpp -o outsider_service $(pkg-config --cflags --libs openexec-service)
    fi
    # shellcheck disable=SC2046
    "$CC" -std=c11 "${flags[@]}" main.c -o outsider_c $(pkg-config --cflags --libs openexec-c)
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir openexec-c)
    export LD_LIBRARY_PATH
    ;;
  *) echo "unknown: $how" >&2; exit 2 ;;
esac
for program in ./outsider_*; do "$program"; done
