#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks docs/evidence.md as an auditor would: runs each of its commands, and compares what they say with what it shows.

walk.py DOCUMENT FOLDER PROGRAM...   FOLDER holds the receipts of test A; the programs' folders are put on the path.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```bash\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main():
    document, folder = map(pathlib.Path, sys.argv[1:3])
    programs = [pathlib.Path(p).resolve() for p in sys.argv[3:]]
    markdown = document.read_text(encoding="utf-8")
    steps = BLOCK.findall(markdown)
    if len(steps) != markdown.count("```bash\n") or len(steps) < 6:
        sys.exit(f"{document} has {markdown.count('```bash')} commands, and {len(steps)} show what they say")
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        desk = pathlib.Path(name)
        shutil.copy(folder / "receipts/0.tlog-proof", desk / "receipt.tlog-proof")
        for held in ("payload.json", "result.json", "approval.json"):
            shutil.copy(folder / "held" / held, desk)
        for key, as_named in (("log", "log"), ("w1.example", "w1"), ("w2.example", "w2")):
            shutil.copy(folder / f"{key}.vkey", desk / f"{as_named}.vkey")
        shutil.copy(folder / "policy", desk)
        for program in programs:
            if program.suffix == ".sh":
                shutil.copy(program, desk)
        path = os.pathsep.join([*(str(p.parent) for p in programs), os.environ["PATH"]])
        for command, shown in steps:
            done = subprocess.run(["bash", "-c", command], cwd=desk, env={"PATH": path}, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            if done.stdout != shown:
                wrong += 1
                print(command)
                print("".join(difflib.unified_diff(shown.splitlines(True), done.stdout.splitlines(True), "shown", "said")))
    print(f"{document.name}: {len(steps)} commands, {wrong} say something else than is shown")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
