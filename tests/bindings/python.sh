#!/usr/bin/env bash
# python.sh SOURCE LIBRARY FOLDER SANITIZE COMPILER WHAT: the tests of the Python binding. What they need is installed
# by pip into a venv in FOLDER. Exits with 77 where pip cannot get it.
#   suite   everything but what follows, against LIBRARY
#   types   mypy --strict
#   sdks    the adapters, with the types of the providers' own SDKs
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
  threads) exec "${run[@]}" "$binding/tests/test_threads.py" -s "${@:7}" ;;
  types) cd "$binding" && exec "$venv/bin/mypy" --strict --cache-dir "$folder/mypy" -p openexec ;;
  sdks)
    need "$binding/tests/sdk-requirements.txt" sdks
    exec "${run[@]}" "$binding/tests/test_sdks.py" ;;
  *) echo "python.sh: $what?" >&2; exit 2 ;;
esac
