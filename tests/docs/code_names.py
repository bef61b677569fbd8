# SPDX-License-Identifier: Apache-2.0
"""Names of variables, options and constants, and the files that have them."""
import re

NAME = re.compile(r"\b(?:OPENEXEC|CLAWSHIELD)_[A-Z0-9_]*[A-Z0-9]\b")
FOLDERS = ("include", "lib", "capi", "examples", "tests", "cmake")
SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".txt", ".cmake", ".in", ".map", ".rs", ".go"}


def source_files(root):
    """The sources of the tree, without the documents and their checks."""
    inside = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*"))
              if path.suffix in SUFFIXES and "docs" not in path.relative_to(root).parts)
    return [root / "CMakeLists.txt", *(path for path in inside if path.is_file())]
