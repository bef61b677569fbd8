#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an execution costs in one version of the library beside another.

run.py OLD NEW [--pairs 31] [--folder .] [--row ROW ...] [--nonces N]

OLD and NEW are optimised build folders (build/release) inside their source trees. subject.cpp is compiled against each.
Two programs run side by side, each with a ledger of its own, and take turns with short slices of equal numbers of
executions, so that what other load there is falls on both. A ratio is the median of the pairs' ratios, with its
quartiles. Approvals are taken at their word: nothing is verified.
  processor  processor time of an execution, 64 at once. --folder /dev/shm leaves the disk's drivers out
  lone       time of an execution, one by one: the median of each slice. --folder should be on the disk that counts
  anchored   the same with an anchor, in NEW, beside OLD without one
  bytes      what an execution adds to the closed file, one by one and 64 at once
  opening    processor time of opening a ledger of --nonces
  size       processor time of an execution in a ledger of --nonces beside one of 10,000, both in NEW
"""
import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROWS = ("processor", "lone", "anchored", "bytes", "opening", "size")
FIRST = 10**9  # of the numbers that a slice's requests have: not those that filled the ledger


def compiled(build, folder, name):
    source = next(parent for parent in build.parents if (parent / "include/openexec").is_dir())
    program = folder / name
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    patterns = re.findall(r"^re2_LIBRARY:FILEPATH=(/.*)$", cache, re.MULTILINE)  # where the build found RE2
    subprocess.run(["c++", "-O2", "-std=c++20", f"-I{source / 'include'}", HERE / "subject.cpp",
                    build / "lib/libopenexec.a", *patterns, "-lsqlite3", "-lcrypto", "-lsimdjson", "-lpthread", "-o", program],
                   check=True)
    return program


class Subject:
    """A program that runs, with its ledger."""

    def __init__(self, program, ledger, first=0, anchor=None):
        command = [program, ledger, str(first)] + ([anchor] if anchor else [])
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.opening, _ = self._answer()

    def _answer(self):
        return (float(number) for number in self._process.stdout.readline().split())

    def run(self, calls, at_once):
        """Nanoseconds of time and of processor time, of each call."""
        self._process.stdin.write(f"{calls} {at_once}\n")
        self._process.stdin.flush()
        return tuple(self._answer())

    def close(self):
        self._process.stdin.close()
        if self._process.wait() != 0:
            raise SystemExit("a subject failed")


def told(what, old, new, unit):
    ratios = sorted(after / before for before, after in zip(old, new))
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    print(f"{what:44} {statistics.median(old):10.1f} {statistics.median(new):10.1f} {unit:3} "
          f"ratio {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})", flush=True)


def alternate(pairs, old, new):
    """Both measured once to warm up, then in turns; which of them is first alternates as well."""
    old(), new()
    results = []
    for pair in range(pairs):
        turns = [old, new] if pair % 2 == 0 else [new, old]
        answers = {turn: turn() for turn in turns}
        results.append((answers[old], answers[new]))
    return zip(*results)


def in_turns(asked, folder, what, calls, at_once, column, anchor=None):
    old = Subject(asked.programs[0], folder / "old.db")
    new = Subject(asked.programs[1], folder / "new.db", anchor=anchor)
    before, after = alternate(asked.pairs, *(lambda each=each: each.run(calls, at_once)[column] for each in (old, new)))
    told(what, [ns / 1e3 for ns in before], [ns / 1e3 for ns in after], "µs")
    old.close(), new.close()


def fill(program, ledger, nonces):
    """Only closed ledgers are copied or measured: everything is in their main file then."""
    subject = Subject(program, ledger)
    for done in range(0, nonces, 10_000):
        subject.run(min(10_000, nonces - done), 256)
    subject.close()
    Subject(program, ledger).close()


def measure_bytes(asked, folder):
    calls = 4096
    for at_once in (1, 64):
        sizes = []
        for number, program in enumerate(asked.programs):
            ledger = folder / f"bytes-{number}-{at_once}.db"
            fill(program, ledger, 0)
            empty = ledger.stat().st_size
            subject = Subject(program, ledger)
            subject.run(calls, at_once)
            subject.close()
            Subject(program, ledger).close()
            sizes.append([(ledger.stat().st_size - empty) / calls])
        told(f"bytes of an execution, {at_once} at once", *sizes, "B")


def measure_opening(asked, folder):
    ledgers = [folder / "opening-old.db", folder / "opening-new.db"]
    for program, ledger in zip(asked.programs, ledgers):
        fill(program, ledger, asked.nonces)

    def opening(number):
        subject = Subject(asked.programs[number], ledgers[number])
        subject.close()
        return subject.opening / 1e6
    told(f"opening a ledger of {asked.nonces:,}, processor",
         *alternate(asked.pairs, lambda: opening(0), lambda: opening(1)), "ms")


def measure_size(asked, folder):
    small, large = folder / "small.db", folder / "large.db"
    fill(asked.programs[1], small, 10_000)
    fill(asked.programs[1], large, asked.nonces)
    one, other = Subject(asked.programs[1], small, FIRST), Subject(asked.programs[1], large, FIRST)
    other.run(asked.nonces // 100, 64)  # the filters of the runs are read back
    told(f"processor, {asked.nonces:,} nonces against 10,000",
         *alternate(asked.pairs, lambda: one.run(1280, 64)[1] / 1e3, lambda: other.run(1280, 64)[1] / 1e3), "µs")
    one.close(), other.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--row", action="append", choices=ROWS)
    parser.add_argument("--nonces", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = pathlib.Path(name).resolve()
        asked.programs = [compiled(build.resolve(), folder, which)
                          for build, which in ((asked.old, "old"), (asked.new, "new"))]
        for row in asked.row or ROWS:
            here = folder / row
            here.mkdir()
            if row == "processor":
                in_turns(asked, here, "processor of an execution, 64 at once", 1280, 64, 1)
            elif row == "lone":
                in_turns(asked, here, "time of an execution, one by one", 25, 1, 0)
            elif row == "anchored":
                in_turns(asked, here, "the same, NEW with an anchor", 25, 1, 0, here / "anchor")
            elif row == "bytes":
                measure_bytes(asked, here)
            elif row == "opening":
                measure_opening(asked, here)
            else:
                measure_size(asked, here)
            shutil.rmtree(here)


if __name__ == "__main__":
    main()
