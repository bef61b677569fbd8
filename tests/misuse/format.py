#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sources are as clang-format 14 leaves them.

format.py ROOT names each file that is not; format.py --fix ROOT mends them; format.py --self-test proves that one is
noticed. Exit: 77 if there is no clang-format 14, since others lay the same sources out in another way.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

SUFFIXES = {".c", ".h", ".cpp", ".hpp"}
NOT_OURS = ("build", "tests/abi/v1", "tests/vectors", "capi/bindings/rust/target", ".git", ".cache")
AT_ONCE = 40


def formatter():
    for name in ("clang-format-14", "clang-format"):
        if program := shutil.which(name):
            version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
            if " version 14." in version:
                return program
    print("SKIPPED: clang-format 14 is not installed (Debian 12: clang-format-14)")
    sys.exit(77)


def sources(root):
    for path in sorted(root.rglob("*")):
        where = path.relative_to(root).as_posix()
        if path.suffix in SUFFIXES and path.is_file() and not where.startswith(NOT_OURS) and "/build/" not in where:
            yield path


def differing(program, root):
    files = list(sources(root))
    for first in range(0, len(files), AT_ONCE):
        told = subprocess.run([program, "--dry-run", "-Werror", "--ferror-limit=0", *files[first:first + AT_ONCE]],
                              capture_output=True, text=True)
        if told.returncode == 0:
            continue
        named = {line.split(":", 1)[0] for line in told.stderr.splitlines() if "clang-format-violations" in line}
        yield from sorted(named) or [told.stderr]


def self_test(program):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / ".clang-format").write_text("BasedOnStyle: Google\n", encoding="utf-8")
        (root / "good.cpp").write_text("int a = 1;\n", encoding="utf-8")
        if found := list(differing(program, root)):
            sys.exit(f"a good file was named: {found}")
        (root / "bad.cpp").write_text("int  a=1;\n", encoding="utf-8")
        if [pathlib.Path(name).name for name in differing(program, root)] != ["bad.cpp"]:
            sys.exit("a file that is laid out otherwise went unnoticed")
    print("noticed a file that is laid out otherwise, and let a good one pass")


def main(arguments):
    program = formatter()
    if arguments == ["--self-test"]:
        return self_test(program)
    root = pathlib.Path(arguments[-1]).resolve()
    if arguments[0] == "--fix":
        return subprocess.run([program, "-i", *sources(root)], check=True).returncode
    found = list(differing(program, root))
    print("\n".join(f"{pathlib.Path(name).relative_to(root)}: not as clang-format leaves it; "
                    "python3 tests/misuse/format.py --fix . mends it" for name in found) or "the sources are laid out alike")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
