#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rust.sh SOURCE LIBRARY FOLDER SANITIZE COMPILER WHAT: the tests of the Rust binding. Crates that the tests need come
# from the registry. Exits with 77 where there is no cargo, or it cannot get them.
#   suite    the declarations against the header, and all tests, against LIBRARY
#   threads  those with 64 threads alone
#   memory   the tests of bad input under valgrind
#   lint     clippy, rustfmt and rustdoc, each without a warning
#   readme   the README's quick start in an empty folder, with a library that is installed from BUILD, named beside
set -euo pipefail
source=$1 library=$2 folder=$3 sanitize=$4 compiler=$5 what=$6
binding=$source/capi/bindings/rust
mkdir -p "$folder"
skip() { echo "SKIPPED: $*"; exit 77; }

command -v cargo >/dev/null || skip "no cargo here"
# Built outside the sources, with a lock file of its own.
rm -rf "$folder/crates"
cp -r "$binding" "$folder/crates"
if [ -f "$folder/Cargo.lock" ]; then cp "$folder/Cargo.lock" "$folder/crates/"; fi
cd "$folder/crates"
cargo fetch >"$folder/fetch.log" 2>&1 || { tail -n 3 "$folder/fetch.log"; skip "cargo cannot get the crates that the tests need"; }
cp Cargo.lock "$folder/"

export CARGO_TARGET_DIR=$folder/target OPENEXEC_LIB_DIR LD_LIBRARY_PATH OPENEXEC_SANITIZE=$sanitize
export OPENEXEC_VECTORS=${OPENEXEC_VECTORS:-$source/tests/vectors} RUST_BACKTRACE=0
OPENEXEC_LIB_DIR=$(dirname "$library")
LD_LIBRARY_PATH=$OPENEXEC_LIB_DIR
runner=CARGO_TARGET_$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')_RUNNER
case $sanitize in
  *address*)  # leaks included, but for a panic that panics again when it is dropped, which leaks in every Rust program
    echo "leak:PanicsAgain" >"$folder/leaks.supp"
    export LSAN_OPTIONS="suppressions=$folder/leaks.supp:print_suppressions=0"
    export "$runner=env LD_PRELOAD=$("$compiler" -print-file-name=libasan.so) ASAN_OPTIONS=abort_on_error=1" ;;
  *thread*)  # Rust itself is not instrumented, and what it does is not judged
    export TSAN_OPTIONS=ignore_noninstrumented_modules=1
    export "$runner=env LD_PRELOAD=$("$compiler" -print-file-name=libtsan.so)" ;;
esac

case $what in
  suite)
    python3 openexec-sys/bindings.py "$source/include/openexec.h" --check
    # A header that drifted is noticed.
    for drift in 's/OPENEXEC_HALTED = 100/OPENEXEC_HALTED = 109/' 's/int64_t max_wait_ms;/int32_t max_wait_ms;/' \
        's/^openexec_str openexec_version(void);//' 's/int32_t proof; /int32_t other; /' \
        's/void (\*on_event)(void\* self, const openexec_event/void (*on_event)(void* self, openexec_event/'; do
      sed "$drift" "$source/include/openexec.h" >"$folder/drifted.h"
      if cmp -s "$source/include/openexec.h" "$folder/drifted.h"; then echo "no such text: $drift"; exit 1; fi
      if python3 openexec-sys/bindings.py "$folder/drifted.h" --check >/dev/null; then echo "unnoticed: $drift"; exit 1; fi
    done
    exec cargo test --quiet "${@:7}" ;;
  threads) exec cargo test --quiet --test threads -- --nocapture "${@:7}" ;;
  memory)
    command -v valgrind >/dev/null || skip "no valgrind here"
    # A copy without debug information: valgrind does not read that of every compiler.
    mkdir -p "$folder/stripped"
    strip --strip-debug -o "$folder/stripped/libopenexec.so.1" "$library"
    LD_LIBRARY_PATH=$folder/stripped
    # Without those that leak in every Rust program: a panic that panics again, and one that ends the process.
    # What the test harness keeps on its own thread is not ours; the tests run on others.
    printf '{\n  harness\n  Memcheck:Leak\n  ...\n  fun:*run_tests_console*\n}\n' >"$folder/harness.supp"
    export "$runner=valgrind --quiet --error-exitcode=9 --leak-check=full --suppressions=$folder/harness.supp"
    OPENEXEC_SANITIZE=valgrind OPENEXEC_EXECUTORS=200 exec cargo test --quiet --test bad_input --test parts -- \
      --skip ends_the_process --skip does_not_say_yes ;;
  lint)
    cargo fmt --check
    cargo clippy --quiet --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' exec cargo doc --quiet --no-deps ;;
  readme)
    unset OPENEXEC_LIB_DIR LD_LIBRARY_PATH OPENEXEC_VECTORS
    rm -rf "$folder/prefix"
    cmake --install "$7" --prefix "$folder/prefix" >"$folder/install.log"
    export SOURCE=$source PREFIX=$folder/prefix
    exec python3 "$source/tests/bindings/readme.py" "$binding/README.md" "$folder/empty" ;;
  *) echo "rust.sh: $what?" >&2; exit 2 ;;
esac
