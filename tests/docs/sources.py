# SPDX-License-Identifier: Apache-2.0
"""Whether the documents say what the sources say: codes, statuses, headers, examples, CMake options, names."""
import functools
import re

from code_names import NAME, source_files
from markdown import BLOCK, documents, rows, section, text

KINDS = {0: "ok", 1: "refused", 2: "doubt", 3: "fault", 4: "misuse"}  # by the hundreds of a code's number


def codes(root):
    numbers = dict(re.findall(r"^  (\w+) = (\d+),", text(root / "include/openexec/status.hpp"), re.MULTILINE))
    table = re.findall(r'\{Code::(\w+), "(\w+)", (\d+)\}', text(root / "lib/base/codes.cpp"))
    return [(numbers[code], name, "none" if http == "0" else http, KINDS[int(numbers[code]) // 100])
            for code, name, http in table]


def check_codes(root):
    documented = re.findall(r"^\| (\d+) \| `(\w+)` \| (\w+) \| (\w+) \|", text(root / "docs/errors.md"), re.MULTILINE)
    actual = codes(root)
    yield from (f"docs/errors.md: no row for {' '.join(row)}" for row in actual if row not in documented)
    yield from (f"docs/errors.md: no such code: {' '.join(row)}" for row in documented if row not in actual)
    if len(documented) != len(set(documented)):
        yield "docs/errors.md: a row is there twice"
    if sorted(documented) == sorted(actual) and documented != actual:
        yield "docs/errors.md: the rows are not in the order of lib/base/codes.cpp"


def check_statuses(root):
    """The table of statuses has each code at its status, and each problem of the front at its own."""
    told = {row[0]: row[1:] for row in rows(section(text(root / "docs/errors.md"), "Where a status comes from"))}
    also = {"413": {"malformed_request"}, "422": {"malformed_request"}}  # by a status of the request's own
    of_codes, of_front = {}, {}
    for _, name, http, _ in codes(root):
        of_codes.setdefault(http, set()).add(name)
    for http, name in re.findall(r'case (\d+): return "(\w+)";', text(root / "lib/http/message.cpp")):
        of_front.setdefault(http, set()).add(name)
    of_front.setdefault("500", set()).add("internal_error")
    of_front.setdefault("404", set()).add("no_outcome")
    for http in sorted((set(of_codes) | set(of_front) | set(told)) - {"none", "200"}):
        boundary, front = told.get(http, ["", ""])
        if set(re.findall(r"`(\w+)`", boundary)) != of_codes.get(http, set()) | also.get(http, set()):
            yield f"docs/errors.md: the codes of status {http} are not those of lib/base/codes.cpp"
        if set(re.findall(r"`(\w+)`", front)) != of_front.get(http, set()):
            yield f"docs/errors.md: the problems of status {http} are not those of lib/http/message.cpp"


def check_headers(root):
    guide = section(text(root / "docs/embedding.md"), "Headers")
    include = root / "include"
    for header in sorted(p for p in include.rglob("*") if p.suffix in (".h", ".hpp")):
        name = header.relative_to(include).as_posix()
        if f"`{name}`" not in guide:
            yield f"docs/embedding.md: the header guide does not name {name}"


def check_example(root):
    block = re.search(r"^```cpp\n(.*?)^```", text(root / "README.md"), re.MULTILINE | re.DOTALL)
    _licence, _, program = text(root / "examples/learn/01_echo.cpp").partition("\n")
    if block is None or block.group(1) != program:
        yield "README.md: the first C++ program is not examples/learn/01_echo.cpp below its licence"


def check_quick_start(root):
    """The two commands of the front page are scripts of the tree."""
    blocks = BLOCK.findall(section(text(root / "README.md"), "Quick start"))
    commands = [line for language, block in blocks if language == "bash" for line in block.splitlines()]
    if commands != ["bash examples/quickstart.sh", "bash tests/run.sh"]:
        yield "README.md: the quick start is not the two commands examples/quickstart.sh and tests/run.sh"
    scripts = [line.split()[-1] for line in commands]
    yield from (f"README.md: there is no {script}" for script in scripts if not (root / script).is_file())


def check_snippets(root):
    """What tests/service runs as printed is what is printed."""
    page = text(root / "docs/service.md")
    snippets = re.findall(r"^as_printed (\S+) <<'END'\n(.*?)^END$", text(root / "tests/service/seed_snippets.sh"),
                          re.MULTILINE | re.DOTALL)
    if not snippets:
        yield "tests/docs: there is no snippet in tests/service/seed_snippets.sh any more"
    yield from (f"docs/service.md: {name} of tests/service/seed_snippets.sh is not in it" for name, snippet in snippets
                if f"```{'python' if name.endswith('.py') else 'bash'}\n{snippet}```" not in page)


def check_options(root):
    """The table of CMake options has those of CMakeLists.txt, and no others."""
    options = set(re.findall(r"^(?:option|set)\((OPENEXEC_\w+)(?=\s+\")", text(root / "CMakeLists.txt"), re.MULTILINE))
    told = {name for row in rows(section(text(root / "docs/embedding.md"), "Linking")) for name in NAME.findall(row[0])}
    yield from (f"docs/embedding.md: the CMake option {name} is not documented" for name in sorted(options - told))
    yield from (f"docs/embedding.md: there is no CMake option {name}" for name in sorted(told - options))


@functools.lru_cache  # a self test seeds its breaches in documents
def names_of_sources(root):
    return frozenset(NAME.findall("".join(text(path) for path in source_files(root))))


def check_names(root):
    """Each variable, option or constant that a document names is somewhere in the sources."""
    known = names_of_sources(root)
    for page in documents(root):
        if page.name == "CHANGELOG.md":
            continue
        unknown = sorted(set(NAME.findall(text(page))) - known)
        yield from (f"{page.relative_to(root)}: {name} is in no source" for name in unknown)


def check_endpoints(root):
    """The service's page has each route of the service, and no others."""
    routes = set(re.findall(r'^    \{"(/[^"]*)", \w+, "(\w+)"', text(root / "lib/api/api.cpp"), re.MULTILINE))
    actual = {f"{method} {path}" for path, method in routes - {("/metrics", "GET")}}  # which has a port of its own
    first = section(text(root / "docs/service.md"), "Endpoints").split("`POST /execute` takes")[0]
    told = {re.sub(r"(/tile/|/receipts/)(\.\.\.|\{exec_id\})$", r"\1", name) for row in rows(first)
            for name in re.findall(r"`((?:GET|POST) [^`]+)`", row[0])}
    yield from (f"docs/service.md: the endpoint {name} is not documented" for name in sorted(actual - told))
    yield from (f"docs/service.md: the service has no endpoint {name}" for name in sorted(told - actual))


def check_handlers_file(root):
    """The service's page has each member of the handlers file, and no others."""
    known = re.search(r'known are ([\w, ]+)"', text(root / "lib/handlers/handlers_file.cpp"))
    actual = set(known[1].split(", ")) if known else set()
    part = section(text(root / "docs/service.md"), "The handlers file").split("The command finds")[0]
    told = {name for row in rows(part) for name in re.findall(r"`(\w+)`", row[0])}
    yield from (f"docs/service.md: the member {name} of the handlers file is not documented"
                for name in sorted(actual - told))
    yield from (f"docs/service.md: the handlers file has no member {name}" for name in sorted(told - actual))


CHECKS = (check_codes, check_statuses, check_headers, check_example, check_quick_start, check_snippets, check_endpoints,
          check_handlers_file, check_options, check_names)
