#!/usr/bin/env python3
"""Follows the quick start of the Python binding's README literally, in an empty folder.

python_readme.py README FOLDER; WHEEL is in the environment, as the README says. Exits with 1 where what it prints is not
what the README says it prints.
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
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["bash", "python", "bash", "text"], "the quick start has another form"
    printed = ""
    for language, text in blocks[:3]:
        if language == "python":
            (folder / "quickstart.py").write_text(text, encoding="utf-8")
            continue
        ran = subprocess.run(["bash", "-euc", text], cwd=folder, capture_output=True, text=True, timeout=600)
        sys.stdout.write(ran.stdout + ran.stderr)
        if ran.returncode != 0:
            return 1
        printed = ran.stdout
    if printed != blocks[3][1]:
        print("it does not print what the README says")
        return 1
    again = subprocess.run(["bash", "-euc", blocks[2][1]], cwd=folder, capture_output=True, text=True, timeout=600)
    if again.returncode != 0 or again.stdout != blocks[3][1].replace("sending to ada@example.com\n", "").replace(
            "PASS executed", "PASS replayed"):
        print("run again, it says:", again.stdout + again.stderr)
        return 1
    print("the quick start works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
