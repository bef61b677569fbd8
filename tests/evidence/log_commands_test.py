#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openexec log proof, consistency, show --follow, export and verify, seen from outside, over a ledger that openexec
execute fills. Run by CTest, which names in the environment: OPENEXEC_CLI, GROW_LOG."""
import base64
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

CLI = os.environ["OPENEXEC_CLI"]
GROW_LOG = os.environ["GROW_LOG"]
YES, NO, CANNOT = range(3)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves):
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node(root_of(leaves[:k]), root_of(leaves[k:]))


def tile_name(index):
    name = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        name = f"x{index % 1000:03d}/{name}"
    return name


def unbundle(data):
    entries = []
    while data:
        size = int.from_bytes(data[:2], "big")
        entries.append(data[2:2 + size])
        data = data[2 + size:]
    return entries


def derived(folder):
    """Everything that an exported log says, derived from its entries. Returns how many there are."""
    origin, size, root = (folder / "checkpoint").read_text().split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    leaves = []
    for index in range((size + 255) // 256):
        width = min(256, size - 256 * index)
        suffix = "" if width == 256 else f".p/{width}"
        entries = unbundle((folder / "tile/entries" / (tile_name(index) + suffix)).read_bytes())
        assert len(entries) == width, "a bundle has another number of entries"
        hashes = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
        assert (folder / "tile/0" / (tile_name(index) + suffix)).read_bytes() == b"".join(hashes), "tile 0 differs"
        leaves += hashes
    level, below = 1, [root_of(leaves[i:i + 256]) for i in range(0, size - size % 256, 256)]
    while below:
        for index in range((len(below) + 255) // 256):
            hashes = below[256 * index:256 * index + 256]
            suffix = "" if len(hashes) == 256 else f".p/{len(hashes)}"
            tile = folder / f"tile/{level}" / (tile_name(index) + suffix)
            assert tile.read_bytes() == b"".join(hashes), f"{tile} differs"
        level, below = level + 1, [root_of(below[i:i + 256]) for i in range(0, len(below) - len(below) % 256, 256)]
    assert root_of(leaves) == root, "the checkpoint has another root"
    return size


class LogCommands(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.db = self.folder / "ledger.db"
        self.count = 0

    def run_cli(self, *args, stdin="", expect=YES):
        done = subprocess.run([CLI, *map(str, args)], input=stdin, capture_output=True, text=True, check=False,
                              env={"PATH": os.environ["PATH"], "OPENEXEC_DB_URL": f"sqlite:///{self.db}"})
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def fill(self, count, tenant="default"):
        """Attempts through the executor, refused ones in the main: an unknown action is one."""
        for _ in range(count):
            self.count += 1
            request = {"action": "echo", "payload": {"n": self.count}, "nonce": f"n-{self.count}"}
            self.run_cli("execute", "--mode", "demo", "--tenant", tenant, stdin=json.dumps(request))

    def log(self, *args, **options):
        return self.run_cli("log", *args, **options)

    def entries(self):
        return [json.loads(line) for line in self.log("list", "--json", "--count", "1000").stdout.splitlines()]

    def test_a_proof_by_index_and_by_exec_id_is_verified_offline(self):
        self.fill(5)
        self.run_cli("execute", stdin='{"action":"echo","payload":{"n":2},"nonce":"n-2"}')  # replayed: entry 5
        key = self.folder / "key"
        exec_id = self.entries()[1]["entry"]["exec_id"]
        by_index = self.log("proof", "1").stdout
        by_id = self.log("proof", exec_id).stdout
        self.assertEqual(by_index, by_id)  # not the replay
        out = self.folder / "1.tlog-proof"
        self.log("proof", "1", "--out", out)
        self.assertEqual(out.read_text(), by_index)
        self.log("proof", "1", "--out", out, expect=CANNOT)  # it is there
        key.write_text(self.log("key").stdout)
        self.run_cli("receipt", "verify", out, "--log-key", key, "--exec-id", exec_id)
        self.log("proof", "6", expect=NO)
        self.log("proof", "0" * 64, expect=NO)
        self.log("proof", "six", expect=CANNOT)

    def test_consistency_with_an_older_checkpoint_and_not_with_another_history(self):
        self.fill(3)
        site = self.folder / "site"
        self.log("export", site)
        old = self.folder / "old"
        shutil.copy(site / "checkpoint", old)
        snapshot = self.folder / "snapshot.db"
        for part in ("", "-wal", ".log-key"):
            if os.path.exists(f"{self.db}{part}"):
                shutil.copy(f"{self.db}{part}", f"{snapshot}{part}")
        self.fill(4)
        said = json.loads(self.log("consistency", old, "--json").stdout)
        self.assertEqual((said["from"], said["to"]), (3, 7))
        leaves = [bytes.fromhex(entry["leaf_hash"]) for entry in self.entries()]
        proof = [base64.b64decode(each) for each in said["proof"]]
        # Of 3 to 7 (RFC 9162, 2.1.5): the leaf 2, the leaf 3, the pair before, and what came after.
        self.assertEqual(proof, [leaves[2], leaves[3], node(leaves[0], leaves[1]), root_of(leaves[4:])])
        self.assertEqual(self.log("consistency", "3", "7").stdout.split(), said["proof"])
        self.log("consistency", "7", "3", expect=CANNOT)
        self.log("consistency", "3", "8", expect=CANNOT)
        self.log("export", site)
        newest = self.folder / "newest"
        shutil.copy(site / "checkpoint", newest)
        # A second history from the same snapshot, with the same key.
        self.db = snapshot
        self.log("consistency", newest, expect=NO)  # shorter
        self.count = 100
        self.run_cli("ledger", "adopt", "--why", "a second history")  # an entry too; a new tenant from here on
        self.fill(4, tenant="other")
        self.log("consistency", old)
        self.log("consistency", newest, expect=NO)  # another root
        self.log("export", site, expect=NO)
        # A log of somebody else.
        self.db = self.folder / "other.db"
        self.fill(9)
        self.log("consistency", old, expect=NO)
        self.log("export", site, expect=NO)
        self.assertEqual(derived(site), 7)

    def grow(self, size):
        """Makes the log reach `size`, with entries that were refused before anything was claimed."""
        have = len(self.entries()) if self.db.exists() else 0
        subprocess.run([GROW_LOG, self.db, str(have), str(size)], check=True)

    def test_an_export_is_what_its_entries_make_and_goes_on_where_it_ended(self):
        site = self.folder / "site"
        written = []
        for size in (3, 250, 256, 257, 262):
            self.grow(size)
            said = json.loads(self.log("export", site, "--json").stdout)
            self.assertEqual(said["size"], size)
            written.append(said["files"])
            self.assertEqual(derived(site), size)
        self.assertFalse((site / "tile/0/000.p").exists())
        self.assertTrue((site / "tile/0/001.p/6").exists())
        before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
        self.log("export", site)
        for name in ("tile/0/000", "tile/entries/000"):
            self.assertEqual((site / name).stat().st_mtime_ns, before[site / name])  # full ones are final
        # What is damaged in the ledger is found.
        self.log("verify")
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE entries SET content = CAST(replace(content, 'nobody', 'nobodi') AS BLOB) WHERE first = 100")
        said = json.loads(self.log("verify", "--json", expect=NO).stdout)
        # The row of one entry, whose hash it no longer has; and the entry, whose leaf the tree knows.
        self.assertEqual([(each["part"], each["index"]) for each in said["differences"]], [("row", 100), ("entry", 100)])

    def test_an_export_that_is_killed_anywhere_leaves_a_whole_log_and_can_be_run_again(self):
        site = self.folder / "site"
        self.grow(5)
        self.log("export", site)
        self.grow(300)
        copy = self.folder / "copy"
        for call in ("renameat", "syncfs", "write"):
            def again():
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(site, copy)
            for _ in self.kills(call, again, "log", "export", copy):
                self.assertIn(derived(copy), (5, 300))
                self.log("export", copy)
                self.assertEqual(derived(copy), 300)

    def kills(self, call, before, *args):
        """Runs a command again and again, each time killed at a later such system call, until it comes to its end."""
        strace = shutil.which("strace")
        if strace is None:
            self.skipTest("strace is missing")
        environment = {"PATH": os.environ["PATH"], "OPENEXEC_DB_URL": f"sqlite:///{self.db}", "ASAN_OPTIONS": "detect_leaks=0"}
        # The slice is dense where a command begins: the calls around its commit are among them.
        slices = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 300]
        for when in [*range(1, 20), *range(20, 300, 7)] if "OPENEXEC_LONG" in os.environ else slices:
            before()
            done = subprocess.run([strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                   f"inject={call}:signal=SIGKILL:when={when}", CLI, *map(str, args)],
                                  capture_output=True, env=environment, check=False)
            if done.returncode == 0:
                break
            if done.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL):
                self.skipTest("strace may not do that here: " + done.stderr.decode()[:200])
            yield when
        self.assertEqual(done.returncode, 0, call)
        self.assertGreater(when, 1, call)

    def execute(self, name, text, expect=YES):
        request = {"action": "echo", "payload": {"text": text}, "nonce": name}
        return json.loads(self.run_cli("execute", "--json", stdin=json.dumps(request), expect=expect).stdout)

    def ledger_bytes(self):
        return b"".join(path.read_bytes() for path in self.folder.iterdir() if path.name.startswith("ledger.db"))

    def test_pruned_results_are_gone_and_nothing_else_is(self):
        old = [self.execute(f"old-{i}", f"private-{i}" + "x" * 5000 * (i % 2)) for i in range(4)]
        before = self.entries()
        proofs = [self.log("proof", i).stdout for i in range(4)]
        boundary = before[-1]["entry"]["observed_at"]
        # What is newer than the boundary stays.
        kept = self.execute("new", "private-new")
        self.assertTrue(b"private-3" in self.ledger_bytes())
        self.log("prune", "--before", "yesterday", "--yes", expect=CANNOT)
        self.log("prune", "--before", boundary, expect=CANNOT)  # there is no terminal to ask on
        said = json.loads(self.log("prune", "--before", boundary, "--yes", "--json").stdout)
        self.assertEqual(said["results"], 3)  # the one of the boundary was not sealed before it
        self.assertGreater(said["bytes"], 5000)
        for secret in (b"private-0", b"private-1", b"private-2"):
            self.assertFalse(secret in self.ledger_bytes())
        self.assertTrue(b"private-3" in self.ledger_bytes())
        # Entries, proofs and the tree are what they were.
        self.assertEqual(self.entries()[:4], before)
        self.log("verify")
        key = self.folder / "key"
        key.write_text(json.loads(self.log("key", "--json").stdout)["verifier_key"])
        for i, proof in enumerate(proofs):
            (self.folder / f"{i}.tlog-proof").write_text(proof)
            self.run_cli("receipt", "verify", self.folder / f"{i}.tlog-proof", "--log-key", key)
        # What was spent stays spent: the answer says that it ran, by the same receipt, and not what came of it.
        for i, first in enumerate(old):
            again = self.execute(f"old-{i}", f"private-{i}" + "x" * 5000 * (i % 2))
            self.assertEqual((again["id"], again["receipt"]), (first["id"], first["receipt"]))
            self.assertEqual(again["result"], first["result"] if i == 3 else None)
        self.assertEqual(self.execute("new", "private-new")["result"], kept["result"])
        newest = self.entries()[-5:]
        self.assertEqual([one["entry"]["verdict"] for one in newest], ["replayed"] * 5)
        for i in range(4):
            for member in ("receipt", "result_hash", "code"):
                self.assertEqual(newest[i]["entry"][member], before[i]["entry"][member])
        self.run_cli("execute", stdin='{"action":"echo","payload":{"text":"another"},"nonce":"old-0"}', expect=NO)
        # A second run finds nothing.
        self.assertEqual(json.loads(self.log("prune", "--before", boundary, "--yes", "--json").stdout)["results"], 0)

    def test_a_prune_that_is_killed_anywhere_leaves_a_whole_ledger_and_can_be_run_again(self):
        for i in range(3):
            self.execute(f"n-{i}", f"private-{i}" + "x" * 9000)
        whole = self.folder / "whole"
        whole.mkdir()
        for path in self.folder.glob("ledger.db*"):
            shutil.copy(path, whole)

        def again():
            for path in self.folder.glob("ledger.db?*"):
                path.unlink()
            for path in whole.iterdir():  # in place: the ledger's file stays the file that it was
                shutil.copyfile(path, self.folder / path.name)
        prune = ("log", "prune", "--before", "2100-01-01T00:00:00Z", "--yes")
        results = set()
        for call in ("pwrite64", "fdatasync"):
            for _ in self.kills(call, again, *prune):
                self.log("verify")
                results.add(self.execute("n-0", "private-0" + "x" * 9000)["result"] is None)
                self.run_cli(*prune)
                self.assertFalse(b"private" in self.ledger_bytes())
                self.assertIsNone(self.execute("n-2", "private-2" + "x" * 9000)["result"])
        self.assertEqual(results, {True, False})  # before the commit, and after it

    def test_a_ledger_that_an_executor_has_is_not_pruned(self):
        self.execute("one", "private")
        with open(f"{self.db}.lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = self.log("prune", "--before", "2100-01-01T00:00:00Z", "--yes", expect=CANNOT)
            self.assertIn("in use", said.stderr)
        self.assertTrue(b"private" in self.ledger_bytes())

    def test_show_follows_what_another_process_adds(self):
        self.fill(2)
        with subprocess.Popen([CLI, "log", "show", "1", "--follow", "--json", "--ledger", f"sqlite:///{self.db}"],
                              stdout=subprocess.PIPE, text=True) as follower:
            try:
                self.assertEqual(json.loads(follower.stdout.readline())["index"], 1)
                self.fill(3)
                self.assertEqual([json.loads(follower.stdout.readline())["index"] for _ in range(3)], [2, 3, 4])
            finally:
                follower.kill()
        self.log("show", expect=CANNOT)


if __name__ == "__main__":
    unittest.main()
