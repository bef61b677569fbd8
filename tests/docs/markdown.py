# SPDX-License-Identifier: Apache-2.0
"""What the checks of the documents share: reading Markdown as GitHub shows it."""
import os
import pathlib
import re

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {"build", "node_modules", "target", "venv"}  # folders that a build or a package manager fills


def text(path):
    return path.read_text(encoding="utf-8")


def documents(root):
    """Returns every Markdown file of the tree, sorted."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ELSEWHERE and not name.startswith(".")]
        found += [pathlib.Path(folder, name) for name in files if name.endswith(".md") and not name.startswith(".")]
    return sorted(found)


def prose(markdown):
    """The text without its code blocks."""
    return BLOCK.sub("", markdown)


def spans(markdown):
    """The spans of code, those that a line's end divides included."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\|)", prose(markdown))
    return [" ".join(span.split()) for paragraph in paragraphs for span in SPAN.findall(paragraph)]


def section(markdown, title):
    """The part under `## title`, up to the next heading of that level; empty if there is none."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def headings(markdown):
    """(anchor, level, title) of each heading, with the anchors that GitHub gives, twins numbered."""
    seen, found = {}, []
    for marks, title in re.findall(r"^(#+) (.*)$", prose(markdown), re.MULTILINE):
        shown = re.sub(r"\]\([^)]*\)", "", title).replace("[", "")
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = seen[anchor] = seen.get(anchor, -1) + 1
        found.append((f"{anchor}-{number}" if number else anchor, len(marks), title))
    return found


def under(markdown, anchor):
    """The text under the heading with this anchor, its deeper headings included; all of it for an empty anchor."""
    if not anchor:
        return markdown
    titles = [(name, level) for name, level, _ in headings(markdown)]
    parts = re.split(r"^(?=#+ )", prose(markdown), flags=re.MULTILINE)
    parts = parts[len(parts) - len(titles):]
    for i, (name, level) in enumerate(titles):
        if name == anchor:
            deeper = next((j for j in range(i + 1, len(titles)) if titles[j][1] <= level), len(titles))
            return "".join(parts[i:deeper])
    return ""


def rows(markdown):
    """The cells of each row of the tables, headers and rulers left out."""
    lines = prose(markdown).splitlines()
    found = []
    for i, line in enumerate(lines):
        if not line.startswith("|") or re.fullmatch(r"\|[-|: ]+\|", line):
            continue
        if i + 1 < len(lines) and re.fullmatch(r"\|[-|: ]+\|", lines[i + 1]):
            continue
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
    return found


def plain(markdown):
    """The words of a text: no marks of code or emphasis, no addresses of links, one blank between words."""
    return " ".join(re.sub(r"[`*]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)).split())
