#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows the quick start of a binding's README literally, in an empty folder.

readme.py README FOLDER

What the README asks for is in the environment. Its blocks in bash run one after the other in one shell; a block in
another language is saved under the name that the text before it gives; the last block is what the last command prints.
That command then runs again, and has to replay. Exits with 1 where anything else is printed than the README says.
"""
import pathlib
import re
import shutil
import subprocess
import sys


def main():
    readme, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    section = re.search(r"^## Quick start\n(.*?)^## ", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]
    parts = re.findall(r"(.*?)^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [parts[-2][1], parts[-1][1]] == ["bash", "text"], "the quick start has another form"
    *steps, (_, _, last), (_, _, expected) = parts
    setup = ""
    for before, language, text in steps:
        if language == "bash":
            setup += text
            continue
        name = re.search(r"[Ss]ave this as `([^`]+)`", before)[1]
        setup += f"mkdir -p {pathlib.PurePath(name).parent}\ncat >{name} <<'END_OF_FILE'\n{text}END_OF_FILE\n"
    ran = subprocess.run(["bash", "-euc", f"{setup}echo STARTS\n{last}echo STARTS\n{last}"], cwd=folder,
                         capture_output=True, text=True, timeout=1200)
    _, first, again = (ran.stdout + "STARTS\nSTARTS\n").split("STARTS\n")[:3]
    lines = expected.splitlines(keepends=True)
    replayed = "".join(line for line in lines if not line.startswith("sending")).replace("executed", "replayed")
    for what, found, wanted in (("at first", first, expected), ("again", again, replayed)):
        if ran.returncode != 0 or found != wanted:
            print(f"{what} it does not print what the README says.\n--- README\n{wanted}--- printed\n{found}---\n"
                  f"{ran.stderr[-4000:]}")
            return 1
    print("the quick start works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
