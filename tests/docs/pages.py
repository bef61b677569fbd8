# SPDX-License-Identifier: Apache-2.0
"""Whether the documents agree with each other and with the tree: links, paths, tables, figures, ways to answers."""
import json
import pathlib
import re
import subprocess
import sys

from markdown import LINK, SPAN, documents, headings, plain, prose, rows, section, spans, text, under

PATH = re.compile(r"(?:include|lib|capi|examples|tests|cmake|docs|\.ci)/[A-Za-z0-9_./-]*[A-Za-z0-9_]")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root)\b")
TEST = re.compile(r"(?:tests|capi/bindings/\w+/tests)/\S+\.(?:cpp|c|py|sh)")
FRONT_PAGE_BYTES = 10_000
GUIDE_BYTES = 6_000  # two pages
QUESTIONS = ("Where is expiry checked?", "What happens when fsync fails?", "How do I add a store?",
             "Who may sign a checkpoint?", "Where does a 403 come from?", "What is asserted about a run of the index?")
MOST_HOPS = 3
STABILITY = ("The C ABI is 1.0. It was re-baselined once, before the first release, and is frozen from here on: "
             "whatever is compiled against it runs with every later libopenexec.so.1. It has a version of its own, "
             "apart from the project's; the C++ API may still change with a minor version, and the changelog says so.")


def target_of(page, link):
    """(path, anchor) that a link on `page` leads to; None for an address elsewhere."""
    if re.match(r"[a-z]+:", link):
        return None
    name, _, anchor = link.partition("#")
    return ((page.parent / name).resolve() if name else page.resolve()), anchor


def check_links(root):
    for page in documents(root):
        for link in LINK.findall(prose(text(page))):
            target = target_of(page, link)
            if target is None:
                continue
            path, anchor = target
            if not path.exists():
                yield f"{page.relative_to(root)}: the link {link} leads nowhere"
            elif anchor and anchor not in {name for name, _, _ in headings(text(path))}:
                yield f"{page.relative_to(root)}: the link {link} names no heading"


def check_paths(root):
    for page in documents(root):
        where, markdown = page.relative_to(root), text(page)
        for span in spans(markdown):
            if PATH.fullmatch(span) and not (root / span).exists() and not (page.parent / span).exists():
                yield f"{where}: there is no {span}"
        yield from (f"{where}: a path of some machine: {found}" for found in MACHINE.findall(markdown))


def check_sizes(root):
    for name, most in (("README.md", FRONT_PAGE_BYTES), ("docs/performance.md", GUIDE_BYTES)):
        size = len((root / name).read_bytes())
        if size > most:
            yield f"{name}: {size} bytes, and at most {most} are allowed; details belong to another page of docs"


def runs(test):
    """Whether the test is one of a folder that is run as a whole."""
    return test.startswith(("tests/misuse/pairs/", "capi/bindings/"))


def check_proofs(root):
    """Each guarantee and each defence names tests that exist, and that CTest runs."""
    registered = "".join(text(path) for path in sorted((root / "tests").rglob("CMakeLists.txt")))
    for name, title in (("README.md", "What it guarantees"), ("docs/threat-model.md", "What is defended")):
        table = rows(section(text(root / name), title))
        if not table:
            yield f"{name}: there is no table under {title}"
        told = set()
        for row in table:
            what = row[0][:60]
            if row[0] in told:
                yield f"{name}: the row \"{what}\" is there twice"
            told.add(row[0])
            tests = SPAN.findall(row[-1])
            if not tests:
                yield f"{name}: the row \"{what}\" names no test"
            for test in tests:
                if not TEST.fullmatch(test) or not (root / test).is_file():
                    yield f"{name}: the row \"{what}\" names {test}, which is no test"
                elif not runs(test) and not re.search(rf"\b{re.escape(pathlib.Path(test).stem)}\b", registered):
                    yield f"{name}: the row \"{what}\" names {test}, which no CMakeLists.txt runs"


def check_index(root):
    """docs/README.md names each page, and docs/design/README.md each record."""
    for folder, pattern in (("docs", "[a-z]*.md"), ("docs/design", "[0-9]*.md")):
        index = root / folder / "README.md"
        linked = {target_of(index, link) for link in LINK.findall(text(index))}
        paths = {target[0] for target in linked if target}
        yield from (f"{folder}/README.md: does not list {page.name}" for page in sorted((root / folder).glob(pattern))
                    if page.resolve() not in paths)


def hops_of(root, path_cell, page):
    """The pages of one path, or the breach that it has."""
    hops = [target_of(page, link) for link in LINK.findall(path_cell)]
    if not hops or hops[0] != ((root / "docs/README.md").resolve(), ""):
        return None, "does not begin at docs/README.md"
    if len(hops) - 1 > MOST_HOPS:
        return None, f"takes {len(hops) - 1} hops, and at most {MOST_HOPS} are allowed"
    for (path, _), onward in zip(hops, hops[1:]):
        if not path.is_file() or onward not in {target_of(path, link) for link in LINK.findall(prose(text(path)))}:
            return None, f"takes a link from {path.name} to {onward[0].name}#{onward[1]} that is not there"
    return hops, None


def check_questions(root):
    """The questions of docs/contributing.md are answered where their paths end."""
    page = root / "docs/contributing.md"
    table = {row[0]: row[1:] for row in rows(section(text(page), "Six questions"))}
    for question in QUESTIONS:
        if question not in table:
            yield f"docs/contributing.md: the question \"{question}\" has no path"
            continue
        path, words = table[question]
        hops, breach = hops_of(root, path, page)
        if breach:
            yield f"docs/contributing.md: the path of \"{question}\" {breach}"
            continue
        last, anchor = hops[-1]
        if not words or plain(words) not in plain(under(text(last), anchor)):
            yield f"docs/contributing.md: \"{question}\" is not answered at {last.name}#{anchor}"


def check_stability(root):
    """What is promised of the C ABI is said in the same words everywhere."""
    yield from (f"{name}: the C ABI's stability is said in other words than in docs/abi.md"
                for name in ("README.md", "docs/abi.md", "CHANGELOG.md") if STABILITY not in plain(text(root / name)))


def check_figures(root):
    """The plot shows figures of the measurements, and is what the script draws from them."""
    folder = root / "docs/pictures"
    log = text(root / "docs/measurements.md")
    data = json.loads(text(folder / "throughput.json"))
    for bar in [*data["bars"], data["limit"]]:
        if not re.search(rf"(?<![\d,.]){re.escape(bar['shown'])}(?![\d,])", log):
            yield f"docs/pictures/throughput.json: docs/measurements.md has no {bar['shown']}"
        if int(bar["shown"].replace(",", "")) != bar["value"]:
            yield f"docs/pictures/throughput.json: {bar['shown']} is not {bar['value']}"
    drawn = subprocess.run([sys.executable, str(folder / "throughput.py"), "--print"], capture_output=True, check=True)
    if drawn.stdout != (folder / "throughput.svg").read_bytes():
        yield "docs/pictures/throughput.svg: is not what throughput.py draws; run it"


def check_words(root):
    """One word, one thing: a receipt hash is a hash, and a portable receipt is a proof. Nothing is just a receipt."""
    pages = (path for pattern in ("README.md", "docs/*.md", "capi/bindings/*/README.md") for path in root.glob(pattern))
    for page in sorted(pages):
        words = " ".join(SPAN.sub("", re.sub(r"\]\([^)]*\)", "]", prose(text(page)))).split())
        for found in re.finditer(r"(?<!portable )\breceipts?\b(?! hash)", words, re.IGNORECASE):
            yield (f"{page.relative_to(root)}: a receipt is a receipt hash or a portable receipt; which is meant by "
                   f"\"{words[max(found.start() - 30, 0):found.end() + 20]}\"?")


CHECKS = (check_links, check_paths, check_sizes, check_proofs, check_index, check_questions, check_stability,
          check_figures, check_words)
