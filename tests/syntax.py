#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows a compiler every file of a build that the targets do not need: warnings are errors, and no object is made.

syntax.py BUILD [-j JOBS] TARGET...      BUILD is Ninja's, with a compile_commands.json. Exits with 1 where a file does
not compile.
"""
import argparse
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys


def unbuilt(build, targets):
    """The command of each object that no target needs, without what would write one."""
    needed = subprocess.run(["ninja", "-C", build, "-t", "inputs", *targets], capture_output=True, text=True, check=True)
    needed = set(needed.stdout.splitlines())
    for one in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        command = shlex.split(one["command"])
        at = command.index("-o")
        if command[at + 1] in needed:
            continue
        compiler = next(i for i, word in enumerate(command) if "ccache" not in pathlib.PurePath(word).name)
        yield one, command[compiler:at] + command[at + 2:] + ["-fsyntax-only"]


def generate(build, commands):
    """Makes the source files that the build itself writes."""
    folder = build.resolve()
    written = [pathlib.Path(one["directory"], one["file"]).resolve() for one, _ in commands]
    missing = [str(path.relative_to(folder)) for path in written if path.is_relative_to(folder) and not path.exists()]
    if missing:
        subprocess.run(["ninja", "-C", build, *missing], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-j", type=int, default=1)
    parser.add_argument("targets", nargs="+")
    asked = parser.parse_args()

    def seen(pair):
        one, command = pair
        return one["file"], subprocess.run(command, cwd=one["directory"], capture_output=True, text=True, check=False)
    commands = list(unbuilt(asked.build, asked.targets))
    generate(asked.build, commands)
    failed = files = 0
    with concurrent.futures.ThreadPoolExecutor(asked.j) as pool:
        for file, done in pool.map(seen, commands):
            files += 1
            if done.returncode != 0:
                failed += 1
                print(f"FAILED: {file}\n{done.stdout}{done.stderr}")
    print(f"{files} files, {failed} of them refused by the compiler")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
