#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openexec log export against itself, kills, pipes, links and damage: the folder holds what its checkpoint promises, and
nothing outside of it is touched. Run by CTest, which names in the environment: OPENEXEC_CLI, GROW_LOG. OPENEXEC_LONG
makes it the whole campaign."""
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from log_commands_test import CLI, CANNOT, NO, YES, derived

GROW = os.environ["GROW_LOG"]
LONG = "OPENEXEC_LONG" in os.environ
SEED = int(os.environ.get("OPENEXEC_SEED", "20"))


def size_of(site):
    try:
        return int((site / "checkpoint").read_text().split("\n")[1])
    except FileNotFoundError:
        return 0


def drafts(site):
    return [path for path in site.rglob("*.new*")]


class Watcher:
    """Reads the checkpoint all the time, as a client would, and remembers when it went back or was no checkpoint."""
    def __init__(self, site):
        self.site, self.wrong, self.newest, self.end = site, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.end.is_set():
            try:
                size = size_of(self.site)
            except (IndexError, ValueError):
                self.wrong.append("the checkpoint is none")
                continue
            if size < self.newest:
                self.wrong.append(f"the checkpoint went back from {self.newest} to {size}")
            self.newest = max(size, self.newest)
            time.sleep(0.001)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


class Attack(unittest.TestCase):
    def setUp(self):
        self.folder = None
        self.random = random.Random(SEED)
        self.start_over()
        self.addCleanup(lambda: shutil.rmtree(self.folder, True))

    def start_over(self):
        """With an empty ledger. A check derives the whole log, so that a log that only grows would slow a campaign down."""
        if self.folder:
            shutil.rmtree(self.folder)
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.db, self.site, self.size = self.folder / "ledger.db", self.folder / "site", 0

    def grow(self, count):
        subprocess.run([GROW, self.db, str(self.size), str(self.size + count)], check=True, timeout=300)
        self.size += count

    def start(self, *flags):
        return subprocess.Popen([CLI, "log", "export", self.site, "--ledger", f"sqlite:///{self.db}", *flags],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self, run):
        said, _ = run.communicate(timeout=300)
        return run.returncode, said

    def export(self, *flags, expect=YES):
        code, said = self.end(self.start(*flags))
        self.assertEqual(code, expect, said)
        return said

    def check(self):
        """What an export leaves when it came to its end."""
        self.export()
        self.assertEqual(derived(self.site), self.size)
        self.assertEqual(drafts(self.site), [])

    def test_exports_at_once_of_a_growing_log_leave_a_whole_one_and_its_checkpoint_never_goes_back(self):
        for number in range(1500 if LONG else 15):
            if number % 100 == 0:
                self.start_over()
                self.grow(200)
            with self.subTest(round=number), Watcher(self.site) as watcher:
                growing = threading.Thread(target=self.grow, args=(self.random.randint(1, 120),))
                growing.start()
                runs = [self.start() for _ in range(4)]
                ends = [self.end(run) for run in runs]
                growing.join()
                self.assertTrue(any(code == YES for code, _ in ends), ends)
                for code, said in ends:
                    self.assertTrue(code == YES or (code == CANNOT and "another export" in said), said)
                self.assertEqual(watcher.wrong, [])
            self.check()

    def test_exports_that_are_killed_at_any_moment_leave_what_the_next_one_completes(self):
        killed = 0
        for number in range(1500 if LONG else 20):
            if number % 100 == 0:
                self.start_over()
                self.grow(200)
            with self.subTest(round=number), Watcher(self.site) as watcher:
                self.grow(self.random.choice((1, 7, 60, 256, 300)))
                runs = [self.start() for _ in range(self.random.randint(1, 3))]
                for run in runs:
                    time.sleep(self.random.random() * 0.02)  # any moment may be the one
                    run.kill()
                killed += sum(self.end(run)[0] < 0 for run in runs)
                if self.site.exists() and size_of(self.site) > 0:
                    self.assertEqual(derived(self.site), size_of(self.site))
                self.assertEqual(watcher.wrong, [])
            self.check()
        self.assertGreater(killed, 0)
        print(f"{number + 1} rounds, {killed} exports killed")

    def put_in_place(self, path, what):
        """A pipe or a link where a file or a folder of the export is. Returns what has to stay as it is."""
        outside = self.folder / "outside"
        shutil.rmtree(outside, ignore_errors=True)
        if path.is_dir():
            shutil.copytree(path, outside)
            shutil.rmtree(path)
        else:
            outside.mkdir()
            (outside / "file").write_bytes(path.read_bytes() if path.exists() else b"")
            path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if what == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(outside if what == "folder" else outside / "file")
        return outside

    def test_a_pipe_or_a_link_in_the_folder_is_refused_and_neither_waited_on_nor_followed(self):
        self.grow(700)
        self.export()
        self.grow(100)
        whole = self.folder / "whole"
        shutil.copytree(self.site, whole)
        files = ("checkpoint", "tile/0/002.p/188", "tile/0/003.p/32", "tile/0/002", "tile/entries/002", "tile/1/000.p/3")
        folders = ("tile", "tile/0", "tile/entries", "tile/1", "tile/0/002.p", "tile/entries/002.p", "tile/1/000.p")
        places = [(name, what) for name in files for what in ("pipe", "file")]
        places += [(name, what) for name in folders for what in ("pipe", "folder")]
        for name, what in places:
            with self.subTest(name=name, what=what):
                shutil.rmtree(self.site)
                shutil.copytree(whole, self.site)
                outside = self.put_in_place(self.site / name, what)
                before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
                for flags in ((), ("--verify",)):
                    code, said = self.end(self.start(*flags))
                    # A part of a tile that is full by now has no name that is written.
                    if name != "tile/0/002.p/188":
                        self.assertEqual(code, CANNOT, said)
                        self.assertRegex(said, "move it away")
                after = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
                self.assertEqual(before, after)
                (self.site / name).unlink(missing_ok=True)
                if name == "checkpoint":
                    shutil.copy(whole / name, self.site / name)
                self.export("--verify")
                self.assertEqual(derived(self.site), self.size)

    def test_verify_mends_whatever_file_is_damaged_or_gone(self):
        self.grow(600)
        self.export()
        self.grow(30)
        self.export()
        self.assertIn("nothing", self.export("--verify"))
        files = sorted(path for path in self.site.rglob("*") if path.is_file() and path.name != "checkpoint")
        content = {path: hashlib.sha256(path.read_bytes()).digest() for path in files}
        for number in range(300 if LONG else 12):
            with self.subTest(round=number):
                for path in self.random.sample(files, 2):
                    damage = self.random.choice(("empty", "cut", "changed", "longer"))
                    data = path.read_bytes()
                    path.write_bytes({"empty": b"", "cut": data[:-1], "changed": data[:5] + b"?" + data[6:],
                                      "longer": data + b"x"}[damage])
                gone = files[number % len(files)]
                if gone.parent.suffix != ".p":  # an old part that is gone is not missed
                    gone.unlink()
                self.assertRegex(self.export("--verify"), r"mended +[123] that differed")
                for path, digest in content.items():
                    self.assertEqual(hashlib.sha256(path.read_bytes()).digest(), digest, path)

    def test_a_smaller_checkpoint_never_replaces_a_larger_one(self):
        self.grow(40)
        self.export()
        old = self.folder / "old"
        shutil.copytree(self.folder, old, ignore=shutil.ignore_patterns("old", "site"))
        self.grow(40)
        self.export()
        code, said = self.end(subprocess.Popen([CLI, "log", "export", self.site, "--ledger", f"sqlite:///{old}/ledger.db"],
                                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        self.assertEqual(code, NO, said)
        self.assertEqual(derived(self.site), 80)


if __name__ == "__main__":
    unittest.main()
