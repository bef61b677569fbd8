#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# python.sh SOURCE LIBRARY FOLDER SANITIZE COMPILER WHAT: the tests of the Python binding. What they need is installed
# by pip into a venv in FOLDER. Exits with 77 where pip cannot get it.
#   suite   everything but what follows, against LIBRARY
#   storm   the same under a storm of signals, but for what takes long or makes its own
#   types   mypy --strict
#   sdks    the adapters, with the types of the providers' own SDKs
#   readme  builds the wheel (LIKE, in the environment, says with which options), and follows the README with it in an empty folder with a venv of its own
#   system  the package without a library of its own, beside LIBRARY: named, and by pkg-config
set -euo pipefail
source=$1 library=$2 folder=$3 sanitize=$4 compiler=$5 what=$6
binding=$source/capi/bindings/python
venv=$folder/venv
mkdir -p "$folder"

need() {  # a file of requirements, and a name for when it is there
  [ -e "$venv/has-$2" ] && return
  python3 -m venv "$venv" >"$folder/pip.log" 2>&1 &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$1" >>"$folder/pip.log" 2>&1 || {
      echo "SKIPPED: pip cannot get what $(basename "$1") names:"
      tail -n 3 "$folder/pip.log"
      exit 77
    }
  touch "$venv/has-$2"
}

need "$binding/tests/requirements.txt" tests
export OPENEXEC_LIBRARY=$library OPENEXEC_SANITIZE=$sanitize PYTHONPATH=$binding/src PYTHONDONTWRITEBYTECODE=1
run=("$venv/bin/python" -m pytest -q -p no:cacheprovider -c "$binding/pyproject.toml" --rootdir "$binding")
case $sanitize in
  *address*)
    preload="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libstdc++.so.6)"
    run=(env "LD_PRELOAD=$preload" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 "${run[@]}") ;;
  *thread*)
    run=(env "LD_PRELOAD=$("$compiler" -print-file-name=libtsan.so)" "${run[@]}") ;;
esac

case $what in
  suite) exec "${run[@]}" "$binding/tests" --ignore "$binding/tests/test_sdks.py" "${@:7}" ;;
  storm)
    export OPENEXEC_STORM=1
    exec "${run[@]}" "$binding/tests" --ignore "$binding/tests/test_sdks.py" --ignore "$binding/tests/test_exit.py" \
      --ignore "$binding/tests/test_signals.py" -k "not ten_thousand" "${@:7}" ;;
  threads) exec "${run[@]}" "$binding/tests/test_threads.py" -s "${@:7}" ;;
  types) cd "$binding" && exec "$venv/bin/mypy" --strict --cache-dir "$folder/mypy" -p openexec ;;
  sdks)
    need "$binding/tests/sdk-requirements.txt" sdks
    exec "${run[@]}" "$binding/tests/test_sdks.py" ;;
  readme)
    if command -v ccache >/dev/null; then export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
    export CC=${CC:-} CXX=$compiler CCACHE_NOHASHDIR=1
    [ -n "$CC" ] || unset CC
    read -r -a like <<<"${LIKE:--C build-dir=$folder/wheel}"
    unset OPENEXEC_LIBRARY PYTHONPATH
    rm -rf "$folder/dist"
    if ! "$venv/bin/pip" wheel --disable-pip-version-check --no-deps -w "$folder/dist" "${like[@]}" \
        "$binding" >"$folder/pip.log" 2>&1; then
      tail -n 20 "$folder/pip.log"
      if grep -q 'No matching distribution' "$folder/pip.log"; then echo "SKIPPED: pip cannot get it"; exit 77; fi
      exit 1
    fi
    export WHEEL
    WHEEL=$(ls "$folder"/dist/openexec-*-py3-none-*.whl)
    python3 -m zipfile -l "$WHEEL" | grep LICENSE ||
      { echo "the wheel has no LICENSE"; exit 1; }
    exec "$venv/bin/python" "$source/tests/bindings/readme.py" "$binding/README.md" "$folder/empty" ;;
  system)
    unset PYTHONPATH
    rm -rf "$folder/beside"
    python3 -m venv "$folder/beside"
    if ! "$folder/beside/bin/pip" install -q --disable-pip-version-check -C wheel.cmake=false "$binding" \
        >"$folder/pip.log" 2>&1; then
      tail -n 20 "$folder/pip.log"
      if grep -q 'No matching distribution' "$folder/pip.log"; then echo "SKIPPED: pip cannot get it"; exit 77; fi
      exit 1
    fi
    if [ -n "$(find "$folder/beside" -name 'libopenexec*')" ]; then echo "it carries a library"; exit 1; fi
    run=("$folder/beside/bin/python" -c 'import openexec; print("found", openexec.version())')
    "${run[@]}"
    unset OPENEXEC_LIBRARY
    mkdir -p "$folder/pc"
    printf 'libdir=%s\nName: openexec-c\nDescription: for a test\nVersion: 0\n' "$(dirname "$library")" \
      >"$folder/pc/openexec-c.pc"
    if command -v pkg-config >/dev/null; then PKG_CONFIG_PATH=$folder/pc "${run[@]}"; fi ;;
  *) echo "python.sh: $what?" >&2; exit 2 ;;
esac
