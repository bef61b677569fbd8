#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents say what the tree and the programs say.

check.py ROOT [PROGRAM...]               checks; with openexecd, openexec, openexec-approve, openexec-witness --help too
check.py --self-test ROOT [PROGRAM...]   shows on a copy that each kind of breach is noticed, and named
"""
import pathlib
import re
import shutil
import sys
import tempfile

import pages
import programs
import sources
from markdown import text
from seeds import BREACHES, BREACHES_OF_PROGRAMS


def breaches(root, helps):
    for check in (*pages.CHECKS, *sources.CHECKS):
        yield from check(root)
    for check in programs.CHECKS if helps else ():
        yield from check(root, helps)


def self_test(original, helps):
    """Each seeded breach of a copy is found, and told in the words that its seed expects."""
    programs.self_test()
    seeds = [*BREACHES, *(BREACHES_OF_PROGRAMS if helps else [])]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve() / "copy"
        shutil.copytree(original, root, ignore=shutil.ignore_patterns("build", ".git", ".cache"))
        if before := list(breaches(root, helps)):
            raise SystemExit("\n".join(["the copy has breaches before any was seeded:", *before]))
        for name, pattern, replacement, expected in seeds:
            good = text(root / name)
            bad = re.sub(pattern, replacement, good, flags=re.MULTILINE)
            if bad == good:
                raise SystemExit(f"{name}: nothing matches {pattern}")
            (root / name).write_text(bad, encoding="utf-8")
            if not any(expected in breach for breach in breaches(root, helps)):
                told = list(breaches(root, helps))
                raise SystemExit(f"{name}: {pattern} went unnoticed, expected \"{expected}\", told: {told}")
            (root / name).write_text(good, encoding="utf-8")
    print(f"noticed and named {len(seeds)} seeded breaches")


def main(arguments):
    testing = arguments[:1] == ["--self-test"]
    root, *paths = arguments[1:] if testing else arguments
    helps = programs.programs(paths)
    if testing:
        self_test(pathlib.Path(root).resolve(), helps)
        return 0
    found = list(breaches(pathlib.Path(root).resolve(), helps))
    print("\n".join(found) if found else "the documents say what the tree and the programs say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
