#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of an execution, a replay and a refusal, which repeat where seconds do not.

instructions.py BENCH                 compares with the baseline beside this file; fails where one grew by more than 5 %
                                      and CHANGELOG.md has no line for it under the current version:
                                          instructions: execution +7 %: the reason
instructions.py BENCH --update        writes the baseline
instructions.py BENCH --profile WHAT  where the instructions of execution, replay or refusal go
instructions.py --self-test           proves that growth is noticed

BENCH is openexec-bench. A baseline of another compiler, other flags or other libraries is not compared, and that is said.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "instructions.json"
MEASURED = "openexec_bench_measured"
FEW, MANY = 640, 1920  # batches of 64; the difference leaves out what happens once
GROWTH = 0.05


def callgrind(bench, workload, operations, folder):
    """The file that callgrind leaves."""
    out = pathlib.Path(folder) / f"{workload}.{operations}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={MEASURED}",
               "--compress-strings=no", "--compress-pos=no", str(bench), "--callgrind-workload", workload,
               "--operations", str(operations), "--folder", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{ran.stdout}{ran.stderr}")
    return out


def total(profile):
    return int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(), re.MULTILINE).group(1))


def instructions(bench, workload, folder):
    """Of one operation."""
    few, many = (total(callgrind(bench, workload, operations, folder)) for operations in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def count(bench):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        counts = {what: instructions(bench, what, folder) for what in ("verification", "execution", "replay", "refusal")}
    # Verification is most of an execution and would hide what happens to the rest.
    counts["execution beyond verification"] = counts["execution"] - counts["verification"]
    return {what: round(value) for what, value in counts.items()}


def toolchain(bench):
    return json.loads(subprocess.run([bench, "--toolchain"], capture_output=True, text=True, check=True).stdout)


def explained(changelog, what, growth):
    """Whether the newest version's section names this growth, or a greater one."""
    section = re.search(r"^## \[.*?(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    lines = re.findall(rf"instructions: {re.escape(what)} \+(\d+(?:\.\d+)?) %: \S", section.group(0) if section else "")
    return any(float(percent) / 100 + 0.005 >= growth for percent in lines)


def compare(counts, baseline, changelog):
    """What, how much it grew, and whether that is fine, explained or neither."""
    for what, value in counts.items():
        growth = value / baseline[what] - 1
        if growth <= GROWTH or what == "verification":  # which is a library's
            yield what, growth, "fine"
        else:
            yield what, growth, "explained" if explained(changelog, what, growth) else "GREW"


def room(function, obj):
    """What part of the house, or whose library, a function belongs to."""
    if "libsqlite3" in obj:
        return "SQLite"
    if "libcrypto" in obj:
        return "OpenSSL beyond verification: SHA-256 and the calls around it"
    if "libsimdjson" in obj or "simdjson" in function:
        return "simdjson"
    if re.search(r"malloc|free|calloc|realloc|operator new|operator delete", function):
        return "malloc and free"
    found = re.search(r"openexec::(base|canon|crypto|approval|store|exec|bench)::", function)
    if found:
        return f"OpenExec, lib/{found.group(1)}" if found.group(1) != "bench" else "the benchmark itself"
    if "openexec::" in function:
        return "OpenExec, public types"
    return "C and C++ libraries"


class Costs:
    """What callgrind found, by (object, function): instructions of its own, calls of it, instructions of those calls."""

    def __init__(self, profile):
        self.own, self.calls, self.whole = collections.Counter(), collections.Counter(), collections.Counter()
        obj = function = called = None
        for line in profile.read_text(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "ob":
                obj = called_obj = value
            elif key == "fn":
                function = value
            elif key == "cob":
                called_obj = value
            elif key == "cfn":
                called_function = value
            elif key == "calls":
                called = called_obj, called_function
                self.calls[called] += int(value.split()[0])
                called_obj = obj
            elif re.match(r"[+\-*\d]", line):
                cost = int(line.split()[1])
                if called:
                    self.whole[called] += cost
                    called = None
                else:
                    self.own[obj, function] += cost

    @classmethod
    def of_one(cls, bench, workload, folder):
        """Of one operation."""
        few, many = (cls(callgrind(bench, workload, operations, folder)) for operations in (FEW, MANY))
        each = object.__new__(cls)
        for name in ("own", "calls", "whole"):
            more, less = getattr(many, name), getattr(few, name)
            setattr(each, name, collections.Counter({key: (more[key] - less[key]) / (MANY - FEW) for key in more}))
        return each


def print_profile(bench, workload):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        costs = Costs.of_one(bench, workload, folder)
        # A library without symbols hides what its functions are for; what verification alone costs is known.
        verification = Costs.of_one(bench, "verification", folder).own if workload == "execution" else {}
    whole = sum(costs.own.values())
    rooms, functions = collections.Counter(), collections.Counter()
    for (obj, function), cost in costs.own.items():
        verifying = min(cost, verification.get((obj, function), 0))
        rooms["verification, whole"] += verifying
        rooms[room(function, obj)] += cost - verifying
        functions[obj, function] = cost - verifying

    print(f"{workload}: {whole:,.0f} instructions each")
    print("\nby room\n")
    for name, cost in rooms.most_common():
        print(f"{cost:>12,.0f}  {cost / whole:6.1%}  {name}")
    print("\nby function, without what it calls and without verification\n")
    for (obj, function), cost in functions.most_common(40):
        print(f"{cost:>12,.0f}  {cost / whole:6.1%}  {function[:110]}  [{pathlib.Path(obj).name}]")
    print("\nby function of OpenExec, with what it calls; and how often it is called\n")
    ours = collections.Counter({key: cost for key, cost in costs.whole.items() if "openexec::" in key[1]})
    for key, cost in ours.most_common(60):
        print(f"{cost:>12,.0f}  {cost / whole:6.1%}  {costs.calls[key]:6.1f} x  {key[1][:110]}")


def self_test():
    """Growth is noticed, and only a line of the newest version that names as much of it lets it pass."""
    baseline = {"execution": 1000, "replay": 1000}
    older = "## [0.1.0]\n- instructions: execution +50 %: that was then\n"
    line = "- instructions: execution +7 %: a reason\n"
    cases = [
        ({"execution": 1049, "replay": 900}, "", []),
        ({"execution": 1070, "replay": 900}, "", ["execution"]),
        ({"execution": 1070, "replay": 900}, line, []),
        ({"execution": 1090, "replay": 900}, line, ["execution"]),
        ({"execution": 1070, "replay": 1070}, line, ["replay"]),
        ({"execution": 1070, "replay": 900}, "- instructions: execution +7 %:\n", ["execution"]),
    ]
    for counts, lines, grew in cases:
        verdicts = compare(counts, baseline, "## [0.2.0]\n" + lines + older)
        assert [what for what, _, verdict in verdicts if verdict == "GREW"] == grew, (counts, lines)
    print(f"decided {len(cases)} cases as it should")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=pathlib.Path, nargs="?")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--changelog", type=pathlib.Path, default=HERE.parent.parent / "CHANGELOG.md")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--profile", choices=("execution", "replay", "refusal"))
    asked = parser.parse_args()
    if asked.self_test:
        return self_test()
    if asked.bench is None:
        parser.error("which openexec-bench?")
    bench = asked.bench.resolve()
    if asked.profile:
        return print_profile(bench, asked.profile)

    tools = toolchain(bench)
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"toolchain": None}
    if not asked.update and baseline["toolchain"] != tools:
        print(f"\n*** NOT COMPARED: the baseline is of {baseline['toolchain']},\n*** and this build is of {tools} ***\n")
        return
    counts = count(bench)
    if asked.update:
        BASELINE.write_text(json.dumps({"toolchain": tools, "instructions": counts}, indent=2) + "\n")
        print(BASELINE.read_text(), end="")
        return
    before = baseline["instructions"]
    verdicts = list(compare(counts, before, asked.changelog.read_text(encoding="utf-8")))
    for what, growth, verdict in verdicts:
        print(f"{what:32} {counts[what]:>10,}  before {before[what]:>10,}  {growth:+7.1%}  {verdict}")
    grew = [what for what, _, verdict in verdicts if verdict == "GREW"]
    if grew:
        sys.exit(f"grew by more than {GROWTH:.0%} without a line in {asked.changelog.name}: {', '.join(grew)}")


if __name__ == "__main__":
    main()
