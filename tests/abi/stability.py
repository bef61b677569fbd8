#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was compiled against the first openexec.h works with every later libopenexec.so.1.

  stability.py header FROZEN TODAY CC        today's header says all that the frozen one says, and lays it out the same
  stability.py library BASELINE LIBRARY      abidiff finds nothing that an old program would notice; exit 77 without it
  stability.py library BASELINE LIBRARY --update   writes the baseline anew, after structs grew at their end
  stability.py self-test FROZEN CC           proves that each kind of breach is noticed, by seeding it
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SKIP = 77


class Header:
    """What a header declares. The text is ours: one declaration ends with one semicolon, and no macro hides one."""

    def __init__(self, text):
        text = COMMENT.sub("", text)
        text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        self.constants = dict(re.findall(r"\b(OPENEXEC_\w+) = (-?\w+)", text))
        self.unnumbered = re.findall(r"\b(OPENEXEC_\w+)\s*[,}]", re.sub(r"= -?\w+", "=", text))
        self.structs, self.opaque = {}, set()
        for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", text, re.DOTALL):
            self.structs[name] = [" ".join(member.split()) for member in body.split(";") if member.strip()]
        text = re.sub(r"typedef struct \w+ \{.*?\} \w+;", "", text, flags=re.DOTALL)
        text = re.sub(r"enum \{.*?\};", "", text, flags=re.DOTALL)
        self.functions, self.types = {}, {}
        for declaration in text.split(";"):
            declaration = " ".join(declaration.split())
            if match := re.match(r"typedef struct (\w+) \1$", declaration):
                self.opaque.add(match[1])
            elif match := re.match(r"typedef .*?\(\*(openexec_\w+)\)\(|typedef .*\b(openexec_\w+)$", declaration):
                self.types[match[1] or match[2]] = declaration
            elif match := re.match(r"[a-z][\w *]*?[ *](openexec_\w+)\(", declaration):
                self.functions[match[1]] = declaration

    def members(self):
        """(struct, member) of everything that has an offset."""
        for struct, members in self.structs.items():
            for member in members:
                name = re.search(r"\(\*(\w+)\)\(", member) or re.search(r"(\w+)(\[\w+\])?$", member)
                yield struct, name[1]


def breaches(frozen, today):
    for kind in ("functions", "types", "constants"):
        was, now = getattr(frozen, kind), getattr(today, kind)
        for name, declaration in was.items():
            if name not in now:
                yield f"{name}: is gone"
            elif now[name] != declaration:
                yield f"{name}: was '{declaration}', is '{now[name]}'"
    yield from (f"{name}: the handle is gone" for name in sorted(frozen.opaque - today.opaque))
    yield from (f"{name}: has no number of its own" for name in today.unnumbered)
    for name, members in frozen.structs.items():
        now = today.structs.get(name)
        if now is None:
            yield f"{name}: the struct is gone"
        elif now[: len(members)] != members:
            yield f"{name}: its members changed"
        elif len(now) > len(members) and members[0] != "size_t size":
            yield f"{name}: has grown, and carries no size"


def layout(frozen, path, cc, folder):
    """Where a compiler puts what the frozen header has, under another header."""
    lines = [f'#include "{path}"', "#include <stdio.h>", "#include <stddef.h>", "int main(void) {"]
    lines += [f'  printf("{s}.{m} %zu+%zu\\n", offsetof({s}, {m}), sizeof((({s}*)0)->{m}));' for s, m in frozen.members()]
    lines += [f'  printf("{name} %zu\\n", sizeof({name}));' for name, type_ in frozen.types.items() if "(" not in type_]
    lines += [f'  printf("{name} %lld\\n", (long long){name});' for name in frozen.constants]
    source, program = folder / "layout.c", folder / "layout"
    source.write_text("\n".join(lines + ["  return 0;", "}", ""]))
    subprocess.run([cc, "-std=c11", "-w", str(source), "-o", str(program)], check=True)
    return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()


def check_header(frozen_path, today_path, cc):
    frozen, today = (Header(pathlib.Path(path).read_text(encoding="utf-8")) for path in (frozen_path, today_path))
    found = list(breaches(frozen, today))
    if not found:
        with tempfile.TemporaryDirectory() as folder:
            was, now = (layout(frozen, pathlib.Path(path).resolve(), cc, pathlib.Path(folder))
                        for path in (frozen_path, today_path))
            found = [f"the compiler says: {a}, and now {b}" for a, b in zip(was, now, strict=True) if a != b]
    return found, frozen, today


def describe(library, out):
    subprocess.run(["abidw", "--exported-interfaces-only", "--suppr", str(HERE / "private_types.suppr"), "--no-corpus-path",
                    "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed", "--no-architecture", "--out-file", str(out),
                    str(library)], check=True)


def compare(baseline, description):
    """abidiff's report; empty where an old program would notice nothing."""
    done = subprocess.run(["abidiff", "--harmless", "--suppr", str(HERE / "handles.suppr"), "--no-added-syms", str(baseline),
                           str(description)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr + f"abidiff: exit {done.returncode}\n"


def have_abidiff():
    return shutil.which("abidw") and shutil.which("abidiff")


def stub(header, cc, folder, without=()):
    """A library that exports what a header declares, and does nothing: made by a C compiler, with debug information."""
    parsed = Header(header)
    lines = ['#include "openexec.h"']
    for name, declaration in parsed.functions.items():
        if name in without:
            continue
        nothing = "" if declaration.startswith("void openexec_") else "static char none[256]; return *(void*)none;"
        if nothing:
            result = declaration[: declaration.index(name)].strip()
            nothing = f"static {result.replace('const ', '') if '*' not in result else result} none; return none;"
        lines.append(f"{declaration} {{ {nothing} }}")
    folder.mkdir()
    (folder / "openexec.h").write_text(header)
    (folder / "stub.c").write_text("\n".join(lines) + "\n")
    library = folder / "libopenexec.so.1"
    subprocess.run([cc, "-std=c11", "-w", "-g", "-shared", "-fPIC", "-Wl,-soname,libopenexec.so.1", str(folder / "stub.c"),
                    "-o", str(library)], check=True)
    return library


def swapped(text, first, second):
    assert text.count(first) == 1 and text.count(second) == 1, (first, second)
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


def replaced(text, old, new):
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def self_test(frozen_path, cc):
    good = pathlib.Path(frozen_path).read_text(encoding="utf-8")
    parsed = Header(good)
    assert len(parsed.functions) > 100 and len(parsed.structs) > 20 and len(parsed.constants) > 60, "it read nothing"
    function = parsed.functions["openexec_executor_halt"]
    plain = re.search(re.escape("openexec_executor_halt") + r"\([^;]*;", good)[0]
    claim, request = (re.search(rf"typedef struct {name} \{{.*?\}} {name};", good, re.DOTALL)[0]
                      for name in ("openexec_claim", "openexec_request"))
    a, b = parsed.structs["openexec_request"][1:3]
    reordered = replaced(good, request, swapped(request, f"{a};", f"{b};"))
    # What changes, and who has to notice: the header's comparison, abidiff. Growth is no breach; abidiff tells of it all the same, and whoever reads it updates the baseline.
    seeded = {
        "a function is removed": (replaced(good, plain, "openexec_executor_halted_(void);"), True, True),
        "a parameter is added": (replaced(good, plain, plain.replace("(", "(int64_t more, ", 1)), True, True),
        "a struct is reordered": (reordered, True, True),
        "a member is inserted": (replaced(good, f"  {b};" if f"  {b};" in good else f"{b};", f"  int64_t more;\n  {b};"), True, True),
        "a member is removed": (replaced(good, request, replaced(request, f"{b};", "")), True, True),
        "a member changes its type": (replaced(good, request, replaced(request, a + ";", "uint64_t " + a.split()[-1] + ";")), True, True),
        "a struct without a size grows": (re.sub(r"(typedef struct openexec_str \{.*?)\}", r"\1  size_t more;\n}", good, 1, re.DOTALL), True, True),
        "a constant changes": (replaced(good, "OPENEXEC_NONCE_CONFLICT = 101", "OPENEXEC_NONCE_CONFLICT = 104"), True, False),
        "a constant is removed": (re.sub(r"  OPENEXEC_APPROVAL_SPENT = 123,\n", "", good), True, False),
        "a constant has no number": (replaced(good, "OPENEXEC_KIND_REFUSED = 1", "OPENEXEC_KIND_REFUSED"), True, False),
        "a type is widened": (replaced(good, "typedef int32_t openexec_code;", "typedef int64_t openexec_code;"), True, True),
        "a callback changes": (re.sub(r"typedef void \(\*openexec_callback_executor\)\(void\* self, ", "typedef void (*openexec_callback_executor)(", good), True, True),
        "a handle is removed": (good.replace("openexec_cancellation", "openexec_cancelation"), True, True),
        "nothing": (good, False, False),
        "a function is added": (replaced(good, function.split("(")[0], f"int32_t openexec_more(void);\n{function.split('(')[0]}"), False, False),
        "a constant is added": (replaced(good, "OPENEXEC_KIND_REFUSED = 1", "OPENEXEC_KIND_MORE = 99,\n  OPENEXEC_KIND_REFUSED = 1"), False, False),
        "a struct with a size grows": (replaced(good, claim, claim.replace("} openexec_claim;", "  int64_t more;\n} openexec_claim;")), False, True),
    }
    looked = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        if have_abidiff():
            describe(stub(good, cc, folder / "frozen"), folder / "frozen.abi")
        for number, (what, (header, in_header, in_library)) in enumerate(seeded.items()):
            path = folder / f"{number}.h"
            path.write_text(header)
            found, _, _ = check_header(frozen_path, path, cc)
            assert bool(found) == in_header, f"{what}: the header's comparison says {found}"
            if have_abidiff():
                describe(stub(header, cc, folder / str(number)), folder / f"{number}.abi")
                report = compare(folder / "frozen.abi", folder / f"{number}.abi")
                assert bool(report) == in_library, f"{what}: abidiff says {report[:2000] or 'nothing'}"
                looked += 1
    print(f"{len(seeded)} changes of the header judged as they should be; {looked} of them by abidiff too"
          + ("" if looked else ", which is not here"))


def main(arguments):
    match arguments:
        case ["self-test", frozen, cc]:
            self_test(frozen, cc)
            return 0
        case ["header", frozen, today, cc]:
            found, was, now = check_header(frozen, today, cc)
            print("\n".join(found) if found else
                  f"kept: {len(was.functions)} of {len(now.functions)} functions, {len(was.structs)} of {len(now.structs)} "
                  f"structs, {len(was.constants)} of {len(now.constants)} constants")
            return 1 if found else 0
        case ["library", baseline, library, *update]:
            if not have_abidiff():
                print("SKIPPED: abidiff is not here (Debian: abigail-tools)")
                return SKIP
            with tempfile.TemporaryDirectory() as folder:
                description = pathlib.Path(folder) / "today.abi"
                describe(library, description)
                if update == ["--update"]:
                    shutil.copy(description, baseline)
                    print(f"written: {baseline}")
                    return 0
                if description.read_text(encoding="utf-8").count("<function-decl name='openexec_") < 100:
                    print("FAILED: the library has no debug information to compare")
                    return 1
                report = compare(baseline, description)
                print(report or "abidiff finds nothing that an old program would notice")
                return 1 if report else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
