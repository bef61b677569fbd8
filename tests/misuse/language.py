#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The words that comments, messages, names and documents do without.

language.py ROOT checks the rooms that are in the list, and names those that could join it; language.py --self-test
proves that each word is noticed. A room that is clean stays clean: the list grows and never shrinks.
"""
import pathlib
import re
import sys
import tempfile

# Each pattern, and what to write instead.
WORDS = {
    r"strangers?": "name the actor: client, caller, another process",
    r"whoever": "name the actor: caller, writer, client, operator, approver",
    r"somebody|someone": "name the actor: caller, writer, client, operator, approver",
    r"is none|are none": "say what is missing, or 'Returns nullopt if ...'",
    r"nothing where": "'Returns nullopt if ...' or 'Returns nothing if ...'",
    r"(?<!in )(?<!in_)(?<!single-)(?<!single_)flights?": "single-flight call; attempts are in flight",
    r"seats?|seated": "single-flight slot",
    r"landed": "completed",
    r"beds?": "slot",
    r"paces?": "rate limit",
    r"regimes?": "active policy",
    r"lends?|lending|lent": "callback executor",
    r"as many as may": "limit of N ... reached",
    r"cannot be told": "could not be determined",
}
# The rooms that are clean. A room's files are those in it and below it; a single file is a room as well.
CLEAN = ["lib/answers", "lib/attempt", "lib/canon", "lib/commands", "lib/crypto", "lib/exec", "lib/gate",
         "lib/handlers", "lib/http", "lib/index", "lib/merkle", "lib/schema", "lib/signing", "lib/sqlite", "lib/upkeep",
         "lib/waiting", "lib/witness", "lib/witness_commands", "examples/programs", "tests/bindings", "tests/packages",
         "README.md", "docs/README.md", "docs/abi.md", "docs/approvals.md", "docs/architecture.md", "docs/commands.md",
         "docs/contracts.md", "docs/contributing.md", "docs/embedding.md", "docs/evidence.md", "docs/formats.md",
         "docs/measurements.md", "docs/operations.md", "docs/packages.md", "docs/performance.md", "docs/security.md",
         "docs/service.md", "docs/settings.md", "docs/threat-model.md"]
SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".md", ".cmake", ".go", ".rs", ".mjs", ".txt"}
ITSELF = "tests/misuse/language.py"
NOT_OURS = ("tests/abi/v1/", "docs/design/")
FOUND = {re.compile(rf"(?<![A-Za-z])(?:{word})(?![a-z])", re.IGNORECASE): advice for word, advice in WORDS.items()}


def files(root, room):
    path = root / room
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        where = file.relative_to(root).as_posix()
        if file.suffix in SUFFIXES and file.is_file() and where != ITSELF and not where.startswith(NOT_OURS):
            yield where, file


def breaches(root, rooms):
    for room in rooms:
        if not (root / room).exists():
            yield f"{room}: is in the list of clean rooms and does not exist; a room that moves keeps its line"
        for where, file in files(root, room):
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                for pattern, advice in FOUND.items():
                    if match := pattern.search(line):
                        yield f"{where}:{number}: '{match[0]}' is not a word of this project; {advice}"


def candidates(root):
    """Each room that the list could have: folders of lib, tests and the like, and single documents."""
    for folder in ("lib", "tests", "examples"):
        yield from sorted(p.relative_to(root).as_posix() for p in (root / folder).iterdir()
                          if p.is_dir() and p.name not in ("build", "__pycache__"))
    yield from ("include", "capi", "cmake", "README.md")
    yield from sorted(p.relative_to(root).as_posix() for p in (root / "docs").glob("*.md"))


def unlisted(root):
    """Yields the rooms that are clean and not in the list."""
    for room in candidates(root):
        if room not in CLEAN and any(files(root, room)) and not any(breaches(root, [room])):
            yield room


def self_test():
    samples = ["stranger", "Strangers", "whoever", "somebody", "someone", "There is none.", "nothing where it is absent",
               "flights", "class Seat", "landed", "beds_", "pace_of(x)", "the regime", "lend", "lending", "lent",
               "as many as may be", "cannot be told"]
    fine = ["space", "embedded", "landing page", "calendar", "lender_", "inflight", "misread", "excellent", "replace"]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "lib/a").mkdir(parents=True)
        for sample in samples:
            for name, text in (("a.cpp", f"int a;\n// {sample}\n"), ("a.md", f"# A page\n\n{sample}\n")):
                (root / "lib/a" / name).write_text(text, encoding="utf-8")
                found = list(breaches(root, ["lib/a"]))
                if len(found) != 1:
                    sys.exit(f"'{sample}' in {name} gave {len(found)} breaches: {found}")
                (root / "lib/a" / name).unlink()
        (root / "lib/a/good.cpp").write_text("".join(f"// {word}\n" for word in fine), encoding="utf-8")
        if found := list(breaches(root, ["lib/a"])):
            sys.exit("\n".join(["a good file was refused:", *found]))
        if len(list(breaches(root, ["lib/gone"]))) != 1:
            sys.exit("a room that is gone went unnoticed")
    print(f"noticed {len(samples)} words, in sources and documents, and let a good file pass")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1])
    found = list(breaches(root, CLEAN))
    print("\n".join(found) or f"{len(CLEAN)} rooms are in plain words")
    if ready := list(unlisted(root)):
        print(f"clean as well, and to be added to CLEAN in {ITSELF}: {', '.join(ready)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
