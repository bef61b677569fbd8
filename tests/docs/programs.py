# SPDX-License-Identifier: Apache-2.0
"""Whether the documents and `--help` of each program name the same flags, variables, defaults and commands."""
import functools
import os
import pathlib
import re
import subprocess

from code_names import NAME, source_files
from markdown import BLOCK, SPAN, documents, prose, rows, section, spans, text

ALWAYS = {"--help", "--version"}
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


class Help:
    """What --help of a program, or of one of its commands, says."""

    def __init__(self, said, words=()):
        self.words = words
        self.flags = {}  # flag: (variables, whether it is required, default or None)
        self.names = []  # of its commands
        self.commands = []
        self.variables = set(NAME.findall(said))
        part, flag = "", None
        for line in said.splitlines():
            heading = re.fullmatch(r"([A-Za-z ]+):", line.strip()) if not line.startswith(" ") else None
            option = re.match(r"\s{1,14}(?:-\w,\s*)?(--[\w-]+)(.*)", line)
            if heading:
                part, flag = heading[1].lower(), None
            elif part == "options" and option:
                flag = option[1]
                self.flags[flag] = (set(), "REQUIRED" in option[2], default_in(option[2]))
            elif part == "subcommands" and re.match(r"  [a-z]", line):
                self.names.append(line.split()[0])
            elif not line.startswith(" "):
                part, flag = "", None
            if flag:
                self.flags[flag][0].update(NAME.findall(line))

    def leaves(self):
        """The commands that have no commands of their own."""
        return [leaf for command in self.commands for leaf in command.leaves()] if self.commands else [self]

    def documented(self):
        """{flag: (variables, whether it is required)}, as the table of commands has it."""
        return {flag: (names, required) for flag, (names, required, _) in self.flags.items() if flag not in ALWAYS}

    def all_flags(self):
        return set(self.flags).union(*(command.all_flags() for command in self.commands))

    def all_variables(self):
        return self.variables.union(*(command.all_variables() for command in self.commands))

    def best(self, words):
        """The deepest command that `words` begin with."""
        for command in self.commands:
            if words and command.words[-1] == words[0]:
                return command.best(words[1:])
        return self


def default_in(behind_flag):
    """`UINT=5000  port ...` and `UINT [5000]  port ...` have the default 5000."""
    kind = re.split(r"\s{2,}", behind_flag.strip())[0]
    found = re.search(r"=(\S+)$|\s\[([^\]\s]+)\]$", kind)
    return (found[1] or found[2]) if found else None


def asked(program, words=()):
    """What the program says of itself and of each of its commands, whatever is set around this test."""
    clean = {name: value for name, value in os.environ.items() if not NAME.fullmatch(name)}
    command = [str(program), *words, "--help"]
    found = Help(subprocess.run(command, capture_output=True, text=True, env=clean, check=True).stdout, words)
    found.commands = [asked(program, (*words, name)) for name in found.names]
    return found


def programs(paths):
    return {pathlib.Path(path).name: asked(path) for path in paths}


def self_test():
    """The forms of --help that versions of CLI11 print are read alike."""
    older = """Usage: p [OPTIONS] SUBCOMMAND

Options:
  -h,--help                   Print this help message and exit
  --port UINT=5000            port to listen on
  --limit UINT:UINT in [1 - 10]
                              bytes [OPENEXEC_DB_URL, else 1]
  --tenant TEXT REQUIRED (Env:CLAWSHIELD_TENANT_ID)
                              for which tenant

Subcommands:
  serve                       answers
"""
    newer = """Usage: p [OPTIONS] SUBCOMMAND

OPTIONS:
  -h,     --help              Print this help message and exit
          --port UINT [5000]  port to listen on
          --limit UINT:UINT in [1 - 10]
                              bytes [OPENEXEC_DB_URL, else 1]
          --tenant TEXT REQUIRED (Env:CLAWSHIELD_TENANT_ID)
                              for which tenant

SUBCOMMANDS:
  serve                       answers
"""
    wanted = {"--help": (set(), False, None), "--port": (set(), False, "5000"),
              "--limit": ({"OPENEXEC_DB_URL"}, False, None), "--tenant": ({"CLAWSHIELD_TENANT_ID"}, True, None)}
    for said in (older, newer):
        if (Help(said).flags, Help(said).names) != (wanted, ["serve"]):
            raise SystemExit(f"--help is not understood any more: {Help(said).flags}, {Help(said).names}")


def check_settings(root, helps):
    """docs/settings.md pairs variables and flags, and tells defaults, as openexecd does."""
    daemon, page = helps["openexecd"], text(root / "docs/settings.md")
    told = {}
    for variable, flag, *_ in rows(section(page, "Variables")):
        told.setdefault((SPAN.findall(flag) or [""])[0], set()).update(SPAN.findall(variable))
    actual = {flag: names for flag, (names, _, _) in daemon.flags.items() if names}
    without = daemon.variables.difference(*actual.values())
    if without:
        actual[""] = without
    for flag in sorted(told.keys() | actual.keys()):
        if told.get(flag) != actual.get(flag):
            yield (f"docs/settings.md: {flag or 'without a flag'}: the page has {sorted(told.get(flag, []))}, "
                   f"openexecd --help {sorted(actual.get(flag, []))}")
    plain = {flag: default for flag, (names, _, default) in daemon.flags.items() if not names and flag not in ALWAYS}
    table = {SPAN.findall(row[0])[0]: row[1] for row in rows(section(page, "Flags"))}
    yield from (f"docs/settings.md: the flag {flag} is not documented" for flag in sorted(plain.keys() - table.keys()))
    yield from (f"docs/settings.md: openexecd --help has no flag {flag}"
                for flag in sorted(table.keys() - plain.keys()))
    for flag, default in sorted(plain.items()):
        if default is not None and table.get(flag, default) != default:
            yield f"docs/settings.md: {flag} is {table[flag]} by default, and by openexecd --help {default}"


def flags_in(cell):
    """`--key`* (`VARIABLE`), ... as {flag: (variables, whether it is required)}."""
    found = {}
    for flag, star, _, variable in re.findall(r"`(--[\w-]+)`(\*?)( \(`([A-Z_]+)`\))?", cell):
        found[flag] = ({variable} if variable else set(), bool(star))
    return found


def check_commands(root, helps):
    """docs/commands.md has each command with its flags, which of them are required, and their variables."""
    page = text(root / "docs/commands.md")
    for program, help_of in helps.items():
        if program == "openexecd":
            continue
        part = section(page, program)
        table = {}
        for command, _, cell in rows(part):
            words = tuple(word for word in SPAN.findall(command)[0].split()[1:] if re.fullmatch(r"[a-z][a-z-]*", word))
            table[words] = flags_in(cell)
        actual = {leaf.words: leaf.documented() for leaf in help_of.leaves()}
        for words in sorted(table.keys() | actual.keys()):
            name = " ".join((program, *words))
            if words not in table:
                yield f"docs/commands.md: {name} is not documented"
            elif words not in actual:
                yield f"docs/commands.md: {program} --help has no command {' '.join(words)}"
            else:
                yield from differences(name, table[words], actual[words])
        told = set(NAME.findall(prose(part)))
        yield from (f"docs/commands.md: {program}: the variable {name} is not documented"
                    for name in sorted(help_of.all_variables() - told))
        yield from (f"docs/commands.md: {program} --help names no variable {name}"
                    for name in sorted(told - help_of.all_variables()))


def differences(name, told, actual):
    yield from (f"docs/commands.md: {name}: the flag {flag} is not documented"
                for flag in sorted(actual.keys() - told.keys()))
    yield from (f"docs/commands.md: {name} --help has no flag {flag}" for flag in sorted(told.keys() - actual.keys()))
    yield from (f"docs/commands.md: {name}: variable or requirement of {flag} differs from --help"
                for flag in sorted(told.keys() & actual.keys()) if told[flag] != actual[flag])


def commands_in(markdown, names):
    """(program, words) of each command line, in a span of code or a block of a shell."""
    blocks = BLOCK.findall(markdown)
    shell = [re.sub(r"\\\n", " ", block) for language, block in blocks if language in ("", "bash", "sh")]
    for line in [*spans(markdown), *(line for block in shell for line in block.splitlines())]:
        for piece in re.split(r"[;|&]|\$\(", line.split(" #")[0]):
            words = piece.split()
            if words and pathlib.Path(words[0]).name in names:
                yield pathlib.Path(words[0]).name, words[1:]


@functools.lru_cache  # a self test seeds its breaches in documents
def flags_of_scripts(root):
    return frozenset(FLAG.findall("".join(text(path) for path in source_files(root))))


def check_uses(root, helps):
    """Every flag in any document is one of the command that it is used with, or else of some program or script here."""
    known = flags_of_scripts(root).union(*(help_of.all_flags() for help_of in helps.values()))
    for page in documents(root):
        where, markdown = page.relative_to(root), text(page)
        if where.name == "CHANGELOG.md" or "design" in where.parts:
            continue  # history: it tells of names of its day
        for program, words in commands_in(markdown, helps):
            command = helps[program].best(words)
            flags = {match[0] for word in words if (match := FLAG.match(word))}
            usable = command.all_flags()
            name = " ".join((program, *command.words))
            yield from (f"{where}: {name} has no flag {flag}" for flag in sorted(flags - usable))
        for span in spans(markdown):
            flag = FLAG.match(span)
            if flag and flag[0] not in known:
                yield f"{where}: no program and no script here has the flag {flag[0]}"


CHECKS = (check_settings, check_commands, check_uses)
