#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No library that a host links has code of the programs.

libraries_without_commands.py PROGRAM_SIDE LIBRARY...: PROGRAM_SIDE is an archive with such code, which shows that the
check sees it.
"""
import re
import subprocess
import sys

COMMANDS = re.compile(r" [TtWw] openexec::(terminal|log_commands|witness_commands|daemon)::")


def commands_in(library):
    listed = subprocess.run(["nm", "-C", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if COMMANDS.search(line)]


def main(side, *libraries):
    if len(commands_in(side)) < 20:
        sys.exit(f"{side} has no code of the programs: this check looks at nothing")
    found = [(library, line) for library in libraries for line in commands_in(library)]
    for library, line in found:
        print(f"{library}: {line} is code of a program")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
