#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the declarations that the package loads from openexec.h: cffi's out-of-line ABI mode, which parses nothing at
import and needs no compiler.

cdef.py HEADER           prints src/openexec/_declarations.py
cdef.py HEADER --check   exits with 1 where the committed file is not what this makes
"""
import contextlib
import io
import pathlib
import re
import sys

import cffi

COMMITTED = pathlib.Path(__file__).parent / "src" / "openexec" / "_declarations.py"


def declarations(header):
    """The header without comments, preprocessor lines and extern "C"; nothing else is touched."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^#if(?:n?def| )\b.*?__cplusplus.*?^#endif$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def module(header):
    ffi = cffi.FFI()
    ffi.set_source("openexec._declarations", None)
    ffi.cdef(declarations(header))
    made = io.StringIO()
    with contextlib.redirect_stdout(sys.stderr):  # it says what it is doing
        ffi.emit_python_code(made)
    return made.getvalue().replace(
        "# auto-generated file",
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# The declarations of openexec.h, made by cdef.py: change the header, never this file.", 1)


def main():
    made = module(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    if sys.argv[2:] != ["--check"]:
        sys.stdout.write(made)
        return 0
    if COMMITTED.read_text(encoding="utf-8") == made:
        print("the committed declarations are those of the header")
        return 0
    print(f"{COMMITTED.name} is not what cdef.py makes of the header; run: python3 cdef.py HEADER > {COMMITTED.name}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
