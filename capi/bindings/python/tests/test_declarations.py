# SPDX-License-Identifier: Apache-2.0
"""What the package declares is what the header says."""
import enum
import pathlib
import re
import subprocess
import sys

import openexec
from conftest import ROOT
from openexec._ffi import ffi, lend, lib, text

PACKAGE = pathlib.Path(__file__).parents[1]
HEADER = ROOT / "include" / "openexec.h"


def check(header):
    return subprocess.run([sys.executable, PACKAGE / "cdef.py", header, "--check"], capture_output=True, text=True)


def test_the_declarations_are_those_of_the_header():
    found = check(HEADER)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_header_that_drifted_is_noticed(tmp_path):
    changes = {"value": ("OPENEXEC_HALTED = 100", "OPENEXEC_HALTED = 109"),
               "member": ("int64_t max_wait_ms;", "int32_t max_wait_ms;"),
               "function": ("openexec_str openexec_version(void);", "")}
    header = HEADER.read_text(encoding="utf-8")
    for name, (before, after) in changes.items():
        assert before in header
        drifted = tmp_path / f"{name}.h"
        drifted.write_text(header.replace(before, after), encoding="utf-8")
        assert check(drifted).returncode == 1, name


def test_every_function_that_is_declared_is_in_the_library():
    functions = [name for name in dir(lib) if callable(getattr(lib, name, None))]
    assert len(functions) > 100
    assert "openexec_executor_execute" in functions


def test_every_enumeration_of_the_package_has_the_members_of_the_header():
    prefixes = {openexec.Kind: "KIND_", openexec.Verdict: "VERDICT_", openexec.Effect: "EFFECT_",
                openexec.Form: "FORM_", openexec.Control: "CONTROL_", openexec.EventKind: "EVENT_",
                openexec.Answer: "EVIDENCE_", openexec.Step: "STEP_", openexec.Finding: "FINDING_",
                openexec.Limit: "LIMIT_"}
    constants = {name.removeprefix("OPENEXEC_"): getattr(lib, name) for name in dir(lib) if name.startswith("OPENEXEC_")}
    for enumeration, prefix in prefixes.items():
        assert issubclass(enumeration, enum.IntEnum)
        expected = {name.removeprefix(prefix): value for name, value in constants.items() if name.startswith(prefix)}
        assert {member.name: member.value for member in enumeration} == expected
    codes = {name: value for name, value in constants.items() if openexec.Code.__members__.get(name) == value}
    assert {member.name: member.value for member in openexec.Code} == codes


def test_every_code_of_the_table_has_its_name_and_kind_here():
    table = (ROOT / "docs" / "errors.md").read_text()
    kinds = "|".join(kind.name.lower() for kind in openexec.Kind)
    names = set(re.findall(rf"^\| \d+ \| `(\w+)` \| [^|]+ \| (?:{kinds}) \| ", table, re.MULTILINE))
    assert names == {code.name.lower() for code in openexec.Code}
    for code in openexec.Code:
        assert text(lib.openexec_code_name(code)) == code.name.lower()
        assert lib.openexec_code_kind(code) == code.kind


def test_a_code_of_a_newer_library_keeps_its_kind():
    assert openexec.Code(199).kind is openexec.Kind.REFUSED
    assert openexec.Code(199) == 199
    assert ffi.sizeof("openexec_digest") == 32
    assert lend("é")[1] == 2
