#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps src/bindings.rs equal to openexec.h.

bindings.py HEADER                 writes it, with bindgen
bindings.py HEADER --check [CC]    holds it against the header with a C compiler, and needs no bindgen: every declaration
                                   in Rust is said again in C, beside the header's own. Exit: 0 where they agree.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

BINDINGS = pathlib.Path(__file__).parent / "src" / "bindings.rs"
NUMBERS = {"i32": "int32_t", "u32": "uint32_t", "i64": "int64_t", "u64": "uint64_t", "u8": "uint8_t", "usize": "size_t",
           "core::ffi::c_char": "char", "core::ffi::c_void": "void"}


def write(header):
    made = subprocess.run(
        ["bindgen", header, "--allowlist-item", "(openexec|OPENEXEC).*", "--no-prepend-enum-name",
         "--default-enum-style", "consts", "--translate-enum-integer-types", "--use-core", "--no-doc-comments",
         "--merge-extern-blocks", "--rust-target", "1.77", "--", "-std=c11"],
        check=True, capture_output=True, text=True).stdout
    # A constant has the type that the header declares just before it, not its compiler's.
    for alias in dict.fromkeys(re.findall(r"_bindgen_ty_\d+", made)):
        own = re.search(rf"pub type (\w+) = i32;\npub const \w+: {alias}\b", made)[1]
        made = re.sub(rf"pub type {alias} = \w+;\n", "", made)
        made = re.sub(rf"\b{alias}\b", own, made)
    BINDINGS.write_text("// SPDX-License-Identifier: Apache-2.0\n" + made, encoding="utf-8")


def in_c(rust, name=""):
    """A type of Rust, as C declares a name of it."""
    rust = rust.strip().removeprefix("::")
    if pointer := re.fullmatch(r"\*(const|mut) (.*)", rust, re.DOTALL):
        return in_c(pointer[2], f"{'const ' if pointer[1] == 'const' else ''}*{name}")
    if array := re.fullmatch(r"\[(.+); (\d+)(?:usize)?\]", rust):
        return in_c(array[1], f"{name}[{array[2]}]")
    if optional := re.fullmatch(r"core::option::Option<(.*?),?\s*>", rust, re.DOTALL):
        return in_c(optional[1], name)
    if function := re.fullmatch(r'unsafe extern "C" fn\((.*)\)(?: -> (.*))?', rust, re.DOTALL):
        return in_c(function[2] or "void", f"(*{name})({arguments(function[1])})")
    # `const T *p`: bindgen writes the const before the type.
    qualifier, name = ("const ", name.removeprefix("const ")) if name.startswith("const ") else ("", name)
    return f"{qualifier}{NUMBERS.get(rust, rust)} {name}"


def arguments(rust):
    """The arguments of a function, split at the commas that are not inside another's."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(rust + ","):
        depth += letter in "(<[" and 1 or -(letter in ")]" or letter == ">" and rust[place - 1] != "-")
        if letter == "," and depth == 0:
            found.append(rust[start:place].strip())
            start = place + 1
    return ", ".join(in_c(one.partition(":")[2]) for one in found if one) or "void"


def check(header, compiler):
    rust = re.sub(r"\s+", " ", BINDINGS.read_text(encoding="utf-8"))
    said = pathlib.Path(header).read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", said, flags=re.DOTALL)
    lines = [f'#include "{pathlib.Path(header).resolve()}"']
    functions = re.findall(r"pub fn (\w+)\((.*?)\)(?: -> (\w+))?;", rust)
    for name, given, answer in functions:
        lines.append(f"extern {in_c(answer or 'void', f'{name}({arguments(given)})')};")
    constants = re.findall(r"pub const (\w+): (\w+) = (-?\d+);", rust)
    for name, kind, value in constants:
        lines.append(f'_Static_assert({name} == {value} && sizeof({kind}) == 4, "{name}");')
    types = re.findall(r"pub type (\w+) = (.*?);", rust)
    for name, kind in types:
        lines.append(f"typedef {in_c(kind, name)};")
    structs = re.findall(r"pub struct (\w+) \{(.*?)\}", rust)
    for name, body in structs:
        members = re.findall(r"pub (\w+): (.*?)(?=, pub |,? $)", body)
        if not members:  # opaque
            continue
        fields = "".join(f"{in_c(kind, 'self' if member == 'self_' else member)}; " for member, kind in members)
        lines.append(f"struct said_{name} {{ {fields}}};")
        lines.append(f'_Static_assert(sizeof({name}) == sizeof(struct said_{name}), "{name}");')
        for member, _ in members:
            member = "self" if member == "self_" else member
            lines.append(f"_Static_assert(offsetof({name}, {member}) == offsetof(struct said_{name}, {member}) && "
                         f"__builtin_types_compatible_p(__typeof__((({name}*)0)->{member}), "
                         f"__typeof__(((struct said_{name}*)0)->{member})), \"{name}.{member}\");")
    # Nothing of the header is absent, and nothing else is there.
    for what, ours, theirs in (
            ("functions", {name for name, *_ in functions}, set(re.findall(r"\b(openexec_\w+)\((?!\*)", code))),
            ("constants", {name for name, *_ in constants}, set(re.findall(r"\b(OPENEXEC_\w+) = ", code))),
            ("types", {name for name, _ in types + structs}, set(re.findall(r"^typedef [^;{]*?\(?\*?(openexec_\w+)\)?(?:\([^;]*)?;", code, re.M))
             | set(re.findall(r"^\} (openexec_\w+);", code, re.M)))):
        if ours != theirs:
            print(f"{what} differ: {sorted(ours ^ theirs)}")
            return 1
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        found = subprocess.run([compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", file.name],
                               capture_output=True, text=True)
    print(found.stderr[:4000], end="")
    print(f"{len(functions)} functions, {len(constants)} constants, {len(structs)} structs, {len(types)} types")
    return 1 if found.returncode else 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        write(sys.argv[1])
    elif len(sys.argv) in (3, 4) and sys.argv[2] == "--check":
        sys.exit(check(sys.argv[1], sys.argv[3] if len(sys.argv) == 4 else "cc"))
    else:
        sys.exit(__doc__)
