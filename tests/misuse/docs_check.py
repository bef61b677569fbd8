#!/usr/bin/env python3
"""The documents say what the code says.

docs_check.py ROOT checks a source tree; docs_check.py --self-test ROOT proves that it notices every kind of breach.
"""
import pathlib
import re
import shutil
import sys
import tempfile

KINDS = {0: "ok", 1: "refused", 2: "doubt", 3: "fault", 4: "misuse"}  # by the hundreds of a code's number
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:include|lib|capi|examples|tests|cmake|docs|\.ci)/[A-Za-z0-9_./-]*[A-Za-z0-9_])`")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root)\b")


def text(path):
    return path.read_text(encoding="utf-8")


def documents(root):
    return [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]


def section(markdown, title):
    """The part under `## title`, up to the next heading of that level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def prose(markdown):
    return re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)


def anchors(markdown):
    """The names that headings get on GitHub, for headings without links and without twins."""
    titles = re.findall(r"^#+ (.*)$", prose(markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def codes(root):
    numbers = dict(re.findall(r"^  (\w+) = (\d+),", text(root / "include/openexec/status.hpp"), re.MULTILINE))
    rows = re.findall(r'\{Code::(\w+), "(\w+)", (\d+)\}', text(root / "lib/base/codes.cpp"))
    return [(numbers[code], name, "none" if http == "0" else http, KINDS[int(numbers[code]) // 100]) for code, name, http in rows]


def check_codes(root):
    documented = re.findall(r"^\| (\d+) \| `(\w+)` \| (\w+) \| (\w+) \|", text(root / "docs/errors.md"), re.MULTILINE)
    actual = codes(root)
    yield from (f"docs/errors.md: no row for {' '.join(row)}" for row in actual if row not in documented)
    yield from (f"docs/errors.md: no such code: {' '.join(row)}" for row in documented if row not in actual)
    if len(documented) != len(set(documented)):
        yield "docs/errors.md: a row is there twice"
    if sorted(documented) == sorted(actual) and documented != actual:
        yield "docs/errors.md: the rows are not in the order of lib/base/codes.cpp"


def check_links(root):
    for document in documents(root):
        markdown = text(document)
        for link in LINK.findall(prose(markdown)):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (document.parent / name) if name else document
            if not target.exists():
                yield f"{document.relative_to(root)}: the link {link} leads nowhere"
            elif anchor and anchor not in anchors(text(target)):
                yield f"{document.relative_to(root)}: the link {link} names no heading"


def check_paths(root):
    for document in documents(root):
        markdown = text(document)
        yield from (f"{document.relative_to(root)}: there is no {path}"
                    for path in PATH.findall(prose(markdown)) if not (root / path).exists())
        yield from (f"{document.relative_to(root)}: a path of some machine: {found}" for found in MACHINE.findall(markdown))


def check_headers(root):
    guide = section(text(root / "docs/embedding.md"), "Headers")
    include = root / "include"
    for header in sorted(p for p in include.rglob("*") if p.suffix in (".h", ".hpp")):
        name = header.relative_to(include).as_posix()
        if f"`{name}`" not in guide:
            yield f"docs/embedding.md: the header guide does not name {name}"


def check_example(root):
    block = re.search(r"^```cpp\n(.*?)^```", text(root / "README.md"), re.MULTILINE | re.DOTALL)
    if block is None or block.group(1) != text(root / "examples/01_echo.cpp"):
        yield "README.md: the first C++ program is not examples/01_echo.cpp"


def check_snippets(root):
    """What tests/service runs as printed is what is printed."""
    page = text(root / "docs/service.md")
    snippets = re.findall(r"^as_printed (\S+) <<'END'\n(.*?)^END$", text(root / "tests/service/seed_snippets.sh"),
                          re.MULTILINE | re.DOTALL)
    if not snippets:
        yield "docs_check.py finds no snippet in tests/service/seed_snippets.sh any more"
    yield from (f"docs/service.md: {name} of tests/service/seed_snippets.sh is not in it" for name, snippet in snippets
                if f"```{'python' if name.endswith('.py') else 'bash'}\n{snippet}```" not in page)


def check_settings(root):
    pages = "".join(text(root / f"docs/{name}.md") for name in ("embedding", "settings", "commands"))
    options = re.findall(r"^(?:option|set)\((OPENEXEC_\w+)(?=\s+\")", text(root / "CMakeLists.txt"), re.MULTILINE)
    main = "".join(text(p) for p in sorted((root / "examples/openexecd").glob("*.?pp")))
    variables = re.findall(r'(?:environment|getenv)\("(\w+)"\)', main)
    programs = main + "".join(text(p) for p in sorted((root / "examples").glob("openexec*/*.cpp")))
    flags = re.findall(r'(?:add_(?:option|flag|duration)|duration)\(\s*"(--[\w-]+)"', programs)
    if not options or not variables or not flags:
        yield "docs_check.py finds no CMake option, no variable or no flag any more"
    for kind, names in (("CMake option", options), ("variable", variables), ("flag", flags)):
        for name in sorted(set(names)):
            if not re.search(rf"`[^`\n]*(?<![\w-]){re.escape(name)}(?![\w-])[^`\n]*`", prose(pages)):
                yield f"docs: the {kind} {name} is not documented"


def check_words(root):
    """One word, one thing: a receipt hash is a hash, and a portable receipt is a proof. Nothing is just a receipt."""
    for document in [root / "README.md", *sorted((root / "docs").glob("*.md")), *sorted(root.glob("capi/bindings/*/README.md"))]:
        words = " ".join(re.sub(r"`[^`]*`", "", re.sub(r"\]\([^)]*\)", "]", prose(text(document)))).split())
        for found in re.finditer(r"(?<!portable )\breceipts?\b(?! hash)", words, re.IGNORECASE):
            yield (f"{document.relative_to(root)}: a receipt is a receipt hash or a portable receipt; which is meant by "
                   f"\"{words[max(found.start() - 30, 0):found.end() + 20]}\"?")


def check_decisions(root):
    index = text(root / "docs/design/README.md")
    for record in sorted((root / "docs/design").glob("[0-9]*.md")):
        if f"({record.name})" not in index:
            yield f"docs/design/README.md: does not list {record.name}"


def breaches(root):
    for check in (check_codes, check_links, check_paths, check_headers, check_example, check_snippets, check_settings,
                  check_words, check_decisions):
        yield from check(root)


def self_test(original):
    """Each change to a copy must be noticed."""
    changes = [
        ("docs/errors.md", r"^\| 115 \| `approval_expired` \| 403", "| 115 | `approval_expired` | 401"),
        ("docs/errors.md", r"^\| 123 .*\n", ""),
        ("docs/errors.md", r"^(\| 101 .*\n)(\| 123 .*\n)", r"\2\1"),
        ("docs/errors.md", r"^(\| 201 .*\n)", r"\1\1"),
        ("docs/evidence.md", r"What a portable receipt proves and", "What a receipt proves and"),
        ("docs/service.md", r"Verify a receipt hash", "Verify a receipt"),
        ("docs/errors.md", r"\Z", "\n| 999 | `imagined` | 500 | fault | |\n"),
        ("lib/base/codes.cpp", r'"halted", 503', '"halted", 500'),
        ("README.md", r"\(docs/errors\.md\)", "(docs/error.md)"),
        ("README.md", r"docs/contracts\.md#handlers", "docs/contracts.md#handler"),
        ("docs/embedding.md", r"`examples/05_tool_call\.cpp`", "`examples/06_tool_call.cpp`"),
        ("docs/embedding.md", r"^\| \[`openexec/hasher\.hpp`\].*\n", ""),
        ("README.md", r'\.nonce = "unique-1"', '.nonce = "unique-2"'),
        ("docs/service.md", r"localhost:5000/health", "localhost:8080/health"),
        ("docs/embedding.md", r"`OPENEXEC_WERROR`", "`OPENEXEC_STRICT`"),
        ("docs/embedding.md", r"`OPENEXEC_FUZZ`", "`OPENEXEC_FUZZY`"),
        ("docs/settings.md", r"`--drain-timeout-ms`", "`--drain`"),
        ("docs/design/README.md", r"^\| \[0005\].*\n", ""),
        ("docs/operations.md", r"\Z", "\nLook into /" "home/me.\n"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "copy"
        shutil.copytree(original, root, ignore=shutil.ignore_patterns("build", ".git", ".cache"))
        assert list(breaches(root)) == [], list(breaches(root))
        for name, pattern, replacement in changes:
            good = text(root / name)
            bad = re.sub(pattern, replacement, good, flags=re.MULTILINE)
            assert bad != good, f"{name}: nothing matches {pattern}"
            (root / name).write_text(bad, encoding="utf-8")
            assert list(breaches(root)), f"{name}: {pattern} went unnoticed"
            (root / name).write_text(good, encoding="utf-8")
    print(f"noticed {len(changes)} kinds of breach")


def main():
    if sys.argv[1:2] == ["--self-test"]:
        self_test(pathlib.Path(sys.argv[2]))
        return 0
    found = list(breaches(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "the documents say what the code says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
