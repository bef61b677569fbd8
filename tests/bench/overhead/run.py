#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a call costs in each language, beside the same call in C++.

run.py BUILD [--pairs 15] [--slice 0.2] [--only LANGUAGE ...] [--folder .] [--json]

Each language is a program that opens a ledger and then answers lines: "replay N" or "durable N" on its standard input,
the nanoseconds that N calls took on its standard output. C++ and the language alternate, each with a ledger of its own
in the same folder, in slices of equal numbers of calls; a ratio is the median of the pairs' ratios, with its quartiles.
  replay    of one nonce, in a ledger in a file: its answer, and an entry that says so
  durable   a new nonce each, in a ledger in a file: two syncs beside the call
  bare      a replay in a ledger in memory: nothing but the call and its answer; the goals do not speak of it
The verifier is the demo's: a signature would hide the call. BUILD is an optimised build with the whole C library.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parents[2]
GOALS = {"C": {"replay": 1.02, "durable": 1.1}, "Rust": {"replay": 1.05, "durable": 1.1},
         "Go": {"replay": 1.15, "durable": 1.1}, "Python": {"replay": 2.0, "durable": 1.1}}


class Program:
    """One that runs, with a ledger of its own."""

    def __init__(self, command, ledger, environment):
        self._process = subprocess.Popen([*command, ledger], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         env=environment)

    def time(self, what, calls):
        self._process.stdin.write(f"{what} {calls}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"run.py: {self._process.args[0]} ended")
        return int(answer)

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def programs(build, folder, only):
    """The command of each language whose tools are here."""
    library = build / "capi"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library), "OPENEXEC_LIB_DIR": str(library),
                   "OPENEXEC_LIBRARY": str(library / "libopenexec.so"), "CARGO_TARGET_DIR": str(folder / "rust"),
                   "GOFLAGS": "-buildvcs=false -mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
                   "PYTHONPATH": str(SOURCES / "capi/bindings/python/src")}
    bench = build / "tests/bench"
    found = {"C++": [str(bench / "overhead-cpp")], "C": [str(bench / "overhead-c")]}

    def made(language, *commands, where=HERE):
        if only and language not in only:
            return False
        for command in commands:
            if shutil.which(command[0], path=environment["PATH"]) is None:
                print(f"without {language}: no {command[0]} here", file=sys.stderr)
                return False
            subprocess.run(command, cwd=where, env=environment, check=True, stdout=sys.stderr)
        return True

    crate = folder / "sources/tests/bench/overhead/rust"  # cargo writes beside what it builds
    for part in ("tests/bench/overhead/rust", "capi/bindings/rust"):
        shutil.copytree(SOURCES / part, folder / "sources" / part, ignore=shutil.ignore_patterns("target"))
    if made("Rust", ["cargo", "build", "--quiet", "--release"], where=crate):
        found["Rust"] = [str(folder / "rust/release/overhead")]
    (folder / "openexec-c.pc").write_text(f"Name: openexec-c\nDescription: of the build\nVersion: 0\n"
                                          f"Cflags: -I{SOURCES}/include\nLibs: -L{library} -lopenexec\n")
    environment["PKG_CONFIG_PATH"] = str(folder)
    environment["CGO_LDFLAGS"] = f"-O2 -g -L{library}"  # Go's cache knows this, but not what pkg-config says
    if made("Go", ["go", "build", "-o", str(folder / "go-overhead"), "."], where=HERE / "go"):
        found["Go"] = [str(folder / "go-overhead")]
    python = folder / "venv/bin/python"
    if made("Python", [sys.executable, "-m", "venv", str(folder / "venv")],
            [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "cffi>=1.16"]):
        found["Python"] = [str(python), str(HERE / "in_python.py")]
    return {name: command for name, command in found.items() if not only or name in (*only, "C++")}, environment


def measure(base, subject, what, options):
    """Times per call of both, and the pairs' ratios."""
    calls = max(int(options.slice * 1e9 / (base.time(what, 200) / 200)), 20)
    subject.time(what, calls)  # what is done once has been done
    pairs = [(base.time(what, calls) / calls, subject.time(what, calls) / calls) for _ in range(options.pairs)]
    low, middle, high = statistics.quantiles([two / one for one, two in pairs], n=4)
    return {"base_us": statistics.median(one for one, _ in pairs) / 1e3, "ratio": middle, "quartiles": [low, high],
            "us": statistics.median(two for _, two in pairs) / 1e3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--slice", type=float, default=0.2)
    parser.add_argument("--only", nargs="*", choices=list(GOALS))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder.resolve()) as name:
        folder = pathlib.Path(name)
        commands, environment = programs(options.build.resolve(), folder, options.only)
        base_command = commands.pop("C++")
        for language, command in commands.items():
            for what in ("replay", "durable", "bare"):
                ledgers = [f"sqlite:///{folder}/{language}-{what}-{side}.db" for side in ("base", "own")]
                base, subject = (Program(command, "sqlite://" if what == "bare" else ledger, environment)
                                 for command, ledger in zip((base_command, command), ledgers))
                row = measure(base, subject, "durable" if what == "durable" else "replay", options)
                base.end()
                subject.end()
                goal = GOALS[language].get(what)
                met = None if goal is None else row["ratio"] <= goal
                rows.append({"language": language, "call": what, **row, "goal": goal, "met": met})
                if not options.json:
                    low, high = row["quartiles"]
                    if len(rows) == 1:
                        print(f"{'language':10}{'call':10}{'per call':>12}{'in C++':>12}  ratio                goal    met")
                    print(f"{language:10}{what:10}{row['us']:>9.2f} µs{row['base_us']:>9.2f} µs  "
                          f"{row['ratio']:.3f} ({low:.3f}-{high:.3f})"
                          + ("" if goal is None else f"  ≤ {goal:<4}  {'yes' if met else 'NO'}"),
                          flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
