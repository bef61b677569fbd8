#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""openexec log cosign against real witnesses, and against some that are down, slow, lying or confused: nothing changes
but the number of cosignatures. Run by CTest, which names in the environment: OPENEXEC_CLI, OPENEXEC_WITNESS."""
import base64
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

CLI, WITNESS = os.environ["OPENEXEC_CLI"], os.environ["OPENEXEC_WITNESS"]
YES, NO, CANNOT = range(3)


class Hostile(http.server.BaseHTTPRequestHandler):
    """Answers what the test says."""
    def do_POST(self):
        self.server.seen.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.reply(self)

    def log_message(self, *args):
        pass


def answer(status, body, headers=()):
    def reply(request):
        data = body if isinstance(body, bytes) else body.encode()
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        try:
            request.wfile.write(data)
        except OSError:
            pass  # it may hang up in the middle
    return reply


class Cosign(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.db, self.count = self.folder / "ledger.db", 0
        self.fill(3)
        self.log_key = re.search(r'"verifier_key":"([^"]+)"', self.cli("log", "key", "--json").stdout)[1]

    def cli(self, *args, stdin="", expect=YES, db=None):
        done = subprocess.run([CLI, *map(str, args)], input=stdin, capture_output=True, text=True, check=False, timeout=120,
                              env={"PATH": os.environ["PATH"], "OPENEXEC_DB_URL": f"sqlite:///{db or self.db}"})
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def fill(self, count, db=None, tenant="default"):
        for _ in range(count):
            self.count += 1
            self.cli("execute", "--mode", "demo", "--tenant", tenant, stdin=json.dumps({"action": "echo", "payload": {}, "nonce": f"n-{self.count}"}), db=db)

    def witness(self, name):
        """A real one: its key and its URL."""
        key, state = self.folder / f"{name}.key", self.folder / f"{name}.db"
        made = subprocess.run([WITNESS, "init", "--name", name, "--key", key, "--state", state, "--json"],
                              capture_output=True, text=True, check=True)
        process = subprocess.Popen([WITNESS, "serve", "--port", "0", "--key", key, "--state", state, "--log", self.log_key],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        for line in process.stdout:
            url = re.search(r"listening on (http://\S+)", line)
            if url:
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return json.loads(made.stdout)["verifier_key"], url[1]

    def hostile(self, reply):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
        server.reply, server.seen, server.block_on_close = reply, [], False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f"http://127.0.0.1:{server.server_port}"

    def policy(self, *keys, quorum=1):
        path = self.folder / "policy"
        lines = [f"log {self.log_key}"] + [f"witness w{i} {key}" for i, key in enumerate(keys)]
        names = " ".join(f"w{i}" for i in range(len(keys)))
        path.write_text("\n".join(lines + [f"group all {quorum} {names}", "quorum all", ""]))
        return path

    def cosign(self, policy, *urls, expect=YES, timeout=5000, db=None):
        flags = [flag for url in urls for flag in ("--witness", url)]
        done = self.cli("log", "cosign", "--policy", policy, "--timeout", timeout, "--json", *flags, expect=expect, db=db)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def test_two_witnesses_cosign_and_receipts_carry_it(self):
        (first, one), (second, two) = self.witness("one.example"), self.witness("two.example")
        policy = self.policy(first, second, quorum=2)
        said = self.cosign(policy, one, expect=NO)
        self.assertEqual((said["size"], said["cosignatures"], said["quorum"]), (3, 1, False))
        said = self.cosign(policy, two)  # the first one's is kept
        self.assertEqual((said["cosignatures"], said["quorum"]), (2, True))
        proof, key = self.folder / "1.tlog-proof", self.folder / "log.key"
        proof.write_text(self.cli("log", "proof", "1").stdout)
        key.write_text(self.log_key)
        self.cli("receipt", "verify", proof, "--log-key", key, "--policy", policy)
        # The log goes on; the witnesses know how far they came.
        self.fill(5)
        said = self.cosign(policy, one, two)
        self.assertEqual((said["size"], said["cosignatures"]), (8, 2))
        self.cli("log", "verify")
        # One who did not see the last one is asked again, from where it came.
        self.fill(1)
        self.cosign(policy, one, expect=NO)
        self.fill(1)
        self.assertEqual(self.cosign(policy, one, two)["cosignatures"], 2)

    def test_runs_at_once_keep_each_others_cosignatures(self):
        witnesses = [self.witness(f"w{i}.example") for i in range(4)]
        policy = self.policy(*(key for key, _ in witnesses), quorum=4)
        for _ in range(10):
            environment = {"PATH": os.environ["PATH"], "OPENEXEC_DB_URL": f"sqlite:///{self.db}"}
            runs = [subprocess.Popen([CLI, "log", "cosign", "--policy", policy, "--witness", url], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, env=environment) for _, url in witnesses]
            for run in runs:
                said, _ = run.communicate(timeout=120)
                self.assertIn(run.returncode, (YES, NO), said)
            self.cli("log", "verify")
            kept = pathlib.Path(f"{self.db}.cosigned").read_text()
            self.assertEqual([name for name in range(4) if f"\u2014 w{name}.example " not in kept], [])
            self.assertEqual(list(self.folder.glob("*.new*")), [])
            self.fill(1)

    def test_of_two_ledgers_forked_from_one_snapshot_one_is_cosigned(self):
        key, url = self.witness("one.example")
        policy = self.policy(key)
        self.cosign(policy, url)
        fork = self.folder / "fork.db"
        for part in ("", "-wal", ".log-key", ".cosigned"):
            if os.path.exists(f"{self.db}{part}"):
                shutil.copy(f"{self.db}{part}", f"{fork}{part}")
        self.fill(2)
        self.count += 100
        self.cli("ledger", "adopt", "--why", "two histories", db=fork)  # an entry too; a new tenant from here on
        self.fill(1, db=fork, tenant="other")
        self.assertEqual(self.cosign(policy, url)["cosignatures"], 1)
        said = self.cosign(policy, url, db=fork, expect=NO)
        self.assertIn("another history", said["witnesses"][0]["why"])
        self.count += 100
        self.fill(3, db=fork, tenant="other")  # longer than what was cosigned
        said = self.cosign(policy, url, db=fork, expect=NO)
        self.assertIn("422", said["witnesses"][0]["why"])
        self.assertEqual(said["cosignatures"], 0)

    def test_a_hostile_witness_changes_nothing_but_its_own_cosignature(self):
        good, url = self.witness("good.example")
        other, _ = self.witness("bad.example")
        policy = self.policy(good, other)
        checkpoint = None
        name, _, key = other.partition("+")
        forged = base64.b64encode(bytes.fromhex(key[:8]) + bytes(8) + bytes(64)).decode()

        def stalls(request):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            request.wfile.flush()
            released.wait(60)

        released = threading.Event()
        self.addCleanup(released.set)
        lies = {
            "a signature that does not verify": answer(200, f"\u2014 {name} {forged}\n"),
            "nothing": answer(200, ""),
            "junk": answer(200, "junk\n"),
            "bytes": answer(200, bytes(range(256))),
            "somebody's signature": answer(200, "\u2014 who.example AAAAAAAA\n"),
            "500": answer(500, "no"),
            "a redirect": answer(302, "", [("Location", url + "/add-checkpoint")]),
            "a huge answer": answer(200, "x" * (1 << 20)),
            "a size it cannot have": answer(409, "99999999\n"),
            "a size of another kind": answer(409, "three\n"),
            "the same size again": answer(409, "0\n"),
            "no HTTP": lambda request: request.wfile.write(b"SSH-2.0-nonsense\r\n"),
            "silence": stalls,
        }
        for what, reply in lies.items():
            with self.subTest(what):
                before = pathlib.Path(f"{self.db}.cosigned").read_bytes() if checkpoint else None
                server, bad = self.hostile(reply)
                said = self.cosign(policy, bad, expect=YES if checkpoint else NO, timeout=1000)
                self.assertIn(len(server.seen), (1, 2))  # again where it named a size that it may have
                self.assertIsNotNone(said["witnesses"][0]["why"])
                after = pathlib.Path(f"{self.db}.cosigned").read_bytes() if checkpoint else None
                self.assertEqual(before, after)
                self.assertEqual(said["cosignatures"], 1 if checkpoint else 0)
                # The honest one is asked all the same.
                checkpoint = self.cosign(policy, bad, url, timeout=1000)
                self.assertEqual(checkpoint["cosignatures"], 1)
                self.cli("log", "verify")
                self.fill(1)
                checkpoint = self.cosign(policy, url)

    def test_a_witness_that_changes_its_mind_about_its_size_is_asked_three_times_at_most(self):
        key, _ = self.witness("one.example")
        sizes = iter(["1\n", "2\n", "1\n", "2\n"])
        server, url = self.hostile(lambda request: answer(409, next(sizes))(request))
        self.cosign(self.policy(key), url, expect=NO)
        self.assertEqual(len(server.seen), 3)

    def test_a_witness_that_is_down_or_that_nobody_vouches_for_is_told(self):
        key, _ = self.witness("one.example")
        policy = self.policy(key)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # nobody listens
            said = self.cosign(policy, f"http://127.0.0.1:{taken.getsockname()[1]}", expect=NO)
            self.assertIn("connecting", said["witnesses"][0]["why"])
        # A certificate that no authority signed.
        pem = self.folder / "tls.pem"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                               "-addext", "subjectAltName=DNS:localhost", "-keyout", str(pem) + ".key", "-out", str(pem)],
                              capture_output=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        server, url = self.hostile(answer(200, ""))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, str(pem) + ".key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        said = self.cosign(policy, f"https://localhost:{server.server_port}", expect=NO)
        self.assertIn("TLS", said["witnesses"][0]["why"])
        self.assertEqual(server.seen, [])

    def test_what_is_no_question_is_not_asked(self):
        key, url = self.witness("one.example")
        policy = self.policy(key)
        for wrong in ("ftp://a", "http://", "http://a b", "http://a@b", "http://a:port", "http://[::1", "a", "http://a/b?c"):
            self.cosign(policy, wrong, expect=CANNOT)
        self.cosign(self.folder / "none", url, expect=CANNOT)
        policy.write_text("quorum\n")
        self.cosign(policy, url, expect=CANNOT)
        policy.write_text(f"log other.example+00000000+AA\nquorum none\n")
        self.cosign(policy, url, expect=CANNOT)


if __name__ == "__main__":
    unittest.main()
