#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds and runs all tests. Everything ends up in build/. A flag names what its leg proves:
#   bash tests/run.sh            the same as --memory
#   bash tests/run.sh --checks   what needs no build: rooms, sizes, layout, words, documents, and what must not compile
#   bash tests/run.sh --memory   no bad access, no undefined behaviour: all tests in Debug with both sanitizers (--asan)
#   bash tests/run.sh --races    no data race: the tests that use threads, with the thread sanitizer (--tsan)
#   bash tests/run.sh --second   a second compiler accepts every file as it stands; recorded inputs of the fuzzers
#                                pass, and so do the unit tests and the bindings' (--clang)
#   bash tests/run.sh --shipped  what is shipped: optimised, no operation takes more instructions than before, larger
#                                slices of campaigns, packages that are built and used on a clean system (--release)
#   bash tests/run.sh --long     the campaigns labelled `long`, whole: hours. The other flags run a slice of seconds
# Flags add up, and the checks run first. A name in brackets is an older one of the same leg. --no-setup leaves the
# machine's packages alone. Exit: 0 when all passed.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=() setup=1
for flag in "$@"; do
  case "$flag" in
    --checks) runs=(checks "${runs[@]}") ;;
    --memory | --asan) runs+=(memory) ;;
    --races | --tsan) runs+=(races) ;;
    --second | --clang) runs+=(second) ;;
    --shipped | --release) runs+=(shipped) ;;
    --long) runs+=(long) ;;
    --no-setup) setup=0 ;;
    *) sed -n '3,15s/^# \{0,1\}//p' "$0"; [ "$flag" = --help ] && exit 0 || exit 2 ;;
  esac
done
if [ ${#runs[@]} -eq 0 ]; then runs=(memory); fi
declare -A preset_of=([memory]=asan [races]=tsan [second]=clang [shipped]=release [long]=release)

bold='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; fi
say() { printf '%s\n' "${bold}== $*${plain}"; }

jobs=$(nproc)
launchers=() linker=() prefix=()
summary=() failed=0
failures=Testing/Temporary/LastTestsFailed.log  # CTest's list

configure_and_build() {  # preset, target, further CMake arguments
  local preset=$1 target=$2
  shift 2
  cmake --preset "$preset" "${launchers[@]}" "${linker[@]}" "$@" >"build/$preset.configure.log" 2>&1 ||
    { cat "build/$preset.configure.log"; return 1; }
  cmake --build "build/$preset" -j "$jobs" --target "$target"
}

run_tests() {  # preset, further CTest arguments
  local preset=$1
  shift
  rm -f "build/$preset/$failures"
  "${prefix[@]}" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

# A stack trace needs lines, not types: -g1. What compiles openexec-bench, and runs it, is the optimised build.
# Headers that tests share are parsed once. Not by clang, which looks at the includes of each file.
lines=(-DCMAKE_C_FLAGS_DEBUG=-g1 -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DOPENEXEC_TEST_PCH=ON)
run_memory() {
  local but=()
  if [[ " ${runs[*]} " == *" checks "* ]]; then but=(-LE checks); fi  # what that leg showed is not shown again
  configure_and_build asan all "${lines[@]}" -DOPENEXEC_BUILD_BENCH=OFF && run_tests asan "${but[@]}"
}
run_checks() {
  local wrong=0 pairs=(tests/misuse/pairs/*.cpp)
  for check in rooms house format language; do
    { python3 "tests/misuse/$check.py" --self-test && python3 "tests/misuse/$check.py" .; } || [ $? -eq 77 ] || wrong=1
  done
  python3 -B tests/docs/check.py . || wrong=1
  printf '%s\0' "${pairs[@]}" | xargs -0 -P "$jobs" -I{} \
    bash tests/misuse/pair.sh {} "${CXX:-c++}" -std=c++20 -Wall -Wextra -Werror -Iinclude || wrong=1
  return $wrong
}
run_shipped() {
  local linker=()  # what is shipped is linked as packagers link it
  # The libraries are compiled from absolute names, since a build without the cache is compared with them. The programs
  # are compiled from relative ones, and the packages' build has them from the cache.
  CCACHE_BASEDIR='' configure_and_build release openexec &&
    CCACHE_BASEDIR='' cmake --build build/release -j "$jobs" --target openexec_c &&
    CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 cmake --build build/release -j "$jobs" --target openexec_bench &&
    CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 cmake --build build/release -j "$jobs" --target openexec_campaign_tests &&
    run_tests release -L 'bench|campaign|packages'
}
run_long() {
  local linker=()
  configure_and_build release openexec_long_tests -DOPENEXEC_LONG_TIMEOUT=86400 &&
    OPENEXEC_LONG=1 run_tests release -L long
}
run_second() {
  local another=(-DCMAKE_C_FLAGS_DEBUG=-g0 -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
  if ! command -v clang++-14 >/dev/null; then another+=(-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++); fi
  local run=(openexec_unit_tests openexec_installed)  # the rest is only shown to the compiler
  configure_and_build clang "${run[0]}" "${another[@]}" && cmake --build build/clang -j "$jobs" --target "${run[1]}" &&
    python3 tests/syntax.py build/clang -j "$jobs" "${run[@]}" && run_tests clang -L 'unit|bindings' -LE long
}
run_races() {
  local prefix=()
  # The thread sanitizer wants memory where it expects it; some kernels shuffle it too far.
  if setarch --addr-no-randomize true 2>/dev/null; then prefix=(setarch --addr-no-randomize); fi
  configure_and_build tsan openexec_thread_tests "${lines[@]}" && run_tests tsan -L threads
}

if [ $setup -eq 1 ]; then
  say "Set-up"
  bash cmake/setup.sh tests
fi
mkdir -p build
if command -v ccache >/dev/null; then
  # Or it keeps no use of a precompiled header.
  CCACHE_SLOPPINESS=$(ccache --get-config sloppiness),pch_defines,time_macros
  export CCACHE_SLOPPINESS
  launchers=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
if command -v mold >/dev/null; then  # a hundred test programs link in a fifth of the time
  linker=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=mold)
fi

for run in "${runs[@]}"; do
  say "$run: build and test"
  start=$SECONDS
  if "run_$run"; then verdict="${green}passed${plain}"; else verdict="${red}FAILED${plain}"; failed=1; fi
  summary+=("$(printf '  %-7s %s in %d s' "$run" "$verdict" $((SECONDS - start)))")
  preset=${preset_of[$run]:-}
  if [ -s "build/$preset/$failures" ]; then summary+=("$(sed 's/^[0-9]*:/         /' "build/$preset/$failures")"); fi
done

say "Summary"
printf '%s\n' "${summary[@]}"
exit $failed
