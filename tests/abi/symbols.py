#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library exports the header's functions and nothing else, and every function of the header is documented.

symbols.py HEADER LIBRARY NM checks; symbols.py --self-test proves that it notices every kind of breach.
"""
import re
import subprocess
import sys

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FUNCTION = re.compile(r"^[a-z][\w *]*?[ *](openexec_\w+)\(", re.MULTILINE)
DOCUMENTED = re.compile(r"\*/\n[a-z][\w *]*?[ *](openexec_\w+)\(")


def functions(header):
    return set(FUNCTION.findall(COMMENT.sub("", header)))


def undocumented(header):
    return functions(header) - set(DOCUMENTED.findall(header))


def exports(library, nm):
    """Everything that the dynamic symbol table defines, but for the names of versions (type A)."""
    lines = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    symbols = [line.split() for line in lines.splitlines()]
    return {fields[-1].split("@")[0] for fields in symbols if fields[-2] != "A"}


def breaches(header, exported):
    declared = functions(header)
    yield from (f"{name}: declared, and not exported" for name in sorted(declared - exported))
    yield from (f"{name}: exported, and not declared" for name in sorted(exported - declared))
    yield from (f"{name}: has no comment" for name in sorted(undocumented(header)))


def self_test():
    good = "/* One. */\nint openexec_one(void);\n\n/* Two.\n */\nopenexec_str* openexec_two(int (*visit)(void));\n"
    assert list(breaches(good, {"openexec_one", "openexec_two"})) == []
    seeded = {
        "a symbol is removed": (good, {"openexec_one"}),
        "a symbol is added": (good, {"openexec_one", "openexec_two", "_ZN8openexec5thingEv"}),
        "a function is undocumented": (good.replace("/* One. */\n", "\n"), {"openexec_one", "openexec_two"}),
        "a function is only mentioned": (good.replace("int openexec_one(void);", "/* int openexec_one(void); */"),
                                         {"openexec_one", "openexec_two"}),
    }
    for what, (header, exported) in seeded.items():
        assert len(list(breaches(header, exported))) == 1, what
    print(f"noticed {len(seeded)} kinds of breach")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    path, library, nm = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        header = file.read()
    found = list(breaches(header, exports(library, nm)))
    print("\n".join(found) if found else f"{len(functions(header))} functions: declared, documented, exported")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
