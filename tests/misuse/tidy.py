#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy finds no fault in lib and capi, by the checks of .clang-tidy.

tidy.py ROOT BUILD [-j JOBS]   BUILD has a compile_commands.json of clang
tidy.py --self-test ROOT       proves that faults are noticed, and that a good file passes
Exit: 77 if there is no clang-tidy of 15 or newer, since older ones do not look at optional values.
"""
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

OPTIONAL = "bugprone-unchecked-optional-access"
# The rooms that read no optional value but behind a check that clang-tidy can follow. The list grows and never shrinks.
CHECKED_OPTIONALS = []
OLDEST = 15


def program():
    for name in ("clang-tidy-16", "clang-tidy-15", "clang-tidy"):
        if path := shutil.which(name):
            told = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
            if int(re.search(r"version (\d+)", told)[1]) >= OLDEST:
                return path
    print(f"SKIPPED: no clang-tidy of {OLDEST} or newer is installed (Debian 12: clang-tidy-16)")
    sys.exit(77)


def judge(tidy, file, further, checked):
    """Returns what clang-tidy finds in a file, or nothing."""
    checks = [] if checked else [f"--checks=-{OPTIONAL}"]
    done = subprocess.run([tidy, "--quiet", *checks, *further[:2], str(file), *further[2:]],
                          capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode != 0 else ""


def sources(root, build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    for file in sorted({pathlib.Path(one["file"]) for one in commands}):
        where = file.relative_to(root) if file.is_relative_to(root) else None
        if where is not None and where.parts[0] in ("lib", "capi") and file.suffix == ".cpp":
            yield file, "/".join(where.parts[:-1])


def check(tidy, root, build, jobs):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        asked = list(sources(root, build))
        told = list(pool.map(lambda one: judge(tidy, one[0], ["-p", str(build)], one[1] in CHECKED_OPTIONALS), asked))
    faults = [one for one in told if one]
    print("".join(faults), end="")
    print(f"{len(asked)} files, clang-tidy finds a fault in {len(faults)} of them")
    return 1 if faults or not asked else 0


GOOD = """#include <optional>
#include <string>
#include <utility>
int known(const std::optional<int>& some) { return some ? *some : 0; }
std::string moved(std::string text) { return std::move(text); }
"""
FAULTS = {
    OPTIONAL: "int unknown(const std::optional<int>& some) { return *some; }\n",
    "bugprone-use-after-move": "std::size_t used(std::string t) { auto u = std::move(t); return t.size() + u.size(); }\n",
    "bugprone-unused-raii": "void dropped() { std::string(\"lock\"); known({}); }\n",
    "performance-for-range-copy":
        "std::size_t all(const std::string (&of)[2]) { std::size_t n = 0; for (const auto s : of) n += s.size(); return n; }\n",
    "bugprone-infinite-loop": "void forever(int most) { int i = 0; while (i < most) { known({}); } }\n",
}


def self_test(tidy, root):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "lib.cpp"
        further = [f"--config-file={root / '.clang-tidy'}", "--", "-std=c++20"]
        ask = [further[0], "--quiet", *further[1:]]
        file.write_text(GOOD, encoding="utf-8")
        if told := judge(tidy, file, ask, True):
            sys.exit(f"a good file was refused:\n{told}")
        for name, fault in FAULTS.items():
            file.write_text(GOOD + fault, encoding="utf-8")
            if f"[{name}" not in judge(tidy, file, ask, True):
                sys.exit(f"unnoticed: {name}")
    print(f"noticed {len(FAULTS)} kinds of fault, and let a good file pass")


def main(arguments):
    tidy = program()
    if arguments[0] == "--self-test":
        return self_test(tidy, pathlib.Path(arguments[1]).resolve())
    jobs = int(arguments[3]) if arguments[2:3] == ["-j"] else 1
    return check(tidy, pathlib.Path(arguments[0]).resolve(), pathlib.Path(arguments[1]).resolve(), jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
