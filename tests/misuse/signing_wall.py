#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The linker keeps the promise that what executes cannot approve.

signing_wall.py SIGNER LIBRARY...: no function that SIGNER (the archive of lib/signing) defines is in a LIBRARY, whether
exported or not. --notices SIGNER LIBRARY... succeeds where the check refuses.
"""
import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ [Tt] (\S+)$", re.MULTILINE)


def functions(library):
    listed = subprocess.run(["nm", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return set(FUNCTION.findall(listed))


def main(signer, *libraries):
    signing = {name for name in functions(signer) if "openexec" in name and "signing" in name}
    wanted = {"sign_dsse", "sign_clawshield_v1", "add_signature"}
    missing = [name for name in wanted if not any(name in function for function in signing)]
    if missing:
        sys.exit(f"{signer} does not define {', '.join(missing)}: this check looks at nothing")
    found = 0
    for library in libraries:
        names = functions(library)
        if len(names) < 100:
            sys.exit(f"{library} has {len(names)} functions to look at: it was stripped")
        for name in sorted(names & signing | {name for name in names for sign in wanted if sign in name}):
            print(f"{library}: {name} is signing code, which belongs to OpenExec::signing alone")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--notices"]:
        sys.exit(0 if main(*sys.argv[2:]) == 1 else "signing code in a library went unnoticed")
    sys.exit(main(*sys.argv[1:]))
