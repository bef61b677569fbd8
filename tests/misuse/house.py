#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sizes that the house keeps, and the licence that each source file names.

house.py ROOT checks a tree; house.py --self-test proves that each kind of breach is noticed.
"""
import pathlib
import re
import sys
import tempfile

FILE_LINES = 500      # of a file in lib/
FUNCTION_LINES = 60   # of a function in lib/, include/ and capi/
FLOW_LINES = 300      # of the pipeline, which is flow only
ROOM_FILES = 20       # of a folder in lib/
SOURCES = {".c", ".h", ".cpp", ".hpp"}
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LICENSED = SOURCES | {".py", ".sh", ".cmake", ".go", ".rs", ".js", ".mjs", ".ts", ".lua", ".map"}  # and CMakeLists.txt
LICENCE_LINES = 2     # the line stands first, or after the line that names the interpreter
NOT_OURS = ("build/", ".", "tests/abi/v1/")
# What begins at the margin, ends with a brace and is no function.
NO_FUNCTION = re.compile(r'^(namespace\b|class\b|struct\b|enum\b|union\b|extern "C" {|}|\)|#|(inline |static )?(constexpr|const)\b[^(]*$)')


def functions(lines):
    """Yields (first line, how many) of what begins at the margin with an opening brace and ends with a closing one."""
    first = None
    for number, line in enumerate(lines, 1):
        if first is None:
            if line and not line[0].isspace() and line.rstrip().endswith("{") and not NO_FUNCTION.match(line):
                first = number
        elif line.startswith("}"):
            yield first, number - first + 1
            first = None


def sources(root, *folders):
    for folder in folders:
        yield from sorted(p for p in (root / folder).rglob("*") if p.suffix in SOURCES and "bindings" not in p.parts)


def unlicensed(root):
    """Yields each source file of the tree, in any language, that does not name the licence."""
    for path in sorted(root.rglob("*")):
        where = path.relative_to(root).as_posix()
        if where.startswith(NOT_OURS) or "/build/" in where or "/target/" in where or "__pycache__" in where:
            continue
        if (path.suffix in LICENSED or path.name == "CMakeLists.txt") and path.is_file():
            with path.open(encoding="utf-8") as lines:
                if not any(LICENCE in line for _, line in zip(range(LICENCE_LINES), lines)):
                    yield f"{where}: its first {LICENCE_LINES} lines have no '{LICENCE}'"


def breaches(root):
    yield from unlicensed(root)
    for path in sources(root, "lib", "include", "capi"):
        where = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").splitlines()
        if where.parts[0] == "lib" and len(lines) > FILE_LINES:
            yield f"{where}: {len(lines)} lines, of which a file of lib has {FILE_LINES} at most"
        for first, count in functions(lines):
            if count > FUNCTION_LINES:
                yield f"{where}:{first}: a function of {count} lines, which has {FUNCTION_LINES} at most"
    pipeline = root / "lib/exec/pipeline.cpp"
    if pipeline.exists() and (count := len(pipeline.read_text(encoding="utf-8").splitlines())) > FLOW_LINES:
        yield f"lib/exec/pipeline.cpp: {count} lines, of which flow has {FLOW_LINES} at most"
    for room in sorted(p for p in (root / "lib").iterdir() if p.is_dir()):
        if (count := sum(p.suffix in SOURCES for p in room.iterdir())) > ROOM_FILES:
            yield f"lib/{room.name}: {count} files, of which a room has {ROOM_FILES} at most"


def self_test():
    function = "int f() {\n" + "  work();\n" * FUNCTION_LINES + "}\n"
    bad = {
        "lib/a/long.cpp": "int a;\n" * (FILE_LINES + 1),
        "lib/a/function.cpp": function,
        "include/function.hpp": "inline " + function,
        "capi/function.cpp": "extern_c " + function,
        "lib/exec/pipeline.cpp": "int a;\n" * (FLOW_LINES + 1),
        **{f"lib/full/{number}.cpp": "" for number in range(ROOM_FILES + 1)},
    }
    bad = {name: f"// {LICENCE}\n{text}" for name, text in bad.items()}
    languages = ["c", "h", "cpp", "hpp", "py", "sh", "cmake", "go", "rs", "js", "mjs", "ts", "lua", "map"]
    bad |= {f"tests/a/nameless.{suffix}": f"#!/bin/sh\nfirst\n{LICENCE}\n" for suffix in languages}
    bad |= {"tests/a/CMakeLists.txt": "project(a)\n", "tests/a/empty.py": ""}
    expected = 6 + len(languages) + 2
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in bad.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        found = list(breaches(root))
        if len(found) != expected:
            sys.exit("\n".join([f"{len(found)} breaches are noticed, and {expected} were seeded:", *found]))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "lib/a").mkdir(parents=True)
        (root / "lib/a/good.cpp").write_text(f"// {LICENCE}\nnamespace a {{\n" + "int a;\n" * 100 + "}\n", encoding="utf-8")
        (root / "tests").mkdir()
        (root / "tests/good.sh").write_text(f"#!/bin/sh\n# {LICENCE}\n", encoding="utf-8")
        if found := list(breaches(root)):
            sys.exit("\n".join(["a good file was refused:", *found]))
    print(f"noticed {expected} kinds of breach, and let good files pass")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = list(breaches(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "files, functions and rooms are as small as they should be, and each source file names its licence")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
