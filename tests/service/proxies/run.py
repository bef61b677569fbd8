# SPDX-License-Identifier: Apache-2.0
"""run.py OPENEXECD CACHE PROXY: openexecd behind nginx, haproxy or envoy, by the files of cmake/packaging/proxies.

Between the two is a relay, which tells who closed a connection first. Idle times are a tenth of what the files and the
service's default say. What has to be fetched is kept in CACHE. If the proxy cannot be had, the exit code is 77 and the
reason is printed."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from programs import CONFIGURATIONS, PROXIES, ROOT, Missing, Nginx, Service
from relay import Relay

IDLE_MS = 7500  # a tenth of the service's own 75 seconds
LIMIT = 1 << 20
NGINX_STREAMS = ("    proxy_http_version", "    proxy_request_buffering off;\n    proxy_http_version")
MARK = """IFS= read -r payload; printf '%s\\n' "$payload" >>"$0/marks"; echo '{}'"""
GATED = """echo once >>"$0/ran"; echo >"$0/entered"; cat "$0/go" >/dev/null; echo '{"done": true}'"""


def proposal(nonce=None, action="echo", **payload):
    return json.dumps({"action": action, "payload": payload, **({"nonce": nonce} if nonce else {})})


def raw(port, *parts, patient=True):
    """Sends each part. At a pattern it reads until the pattern came. Returns what came, and with `patient` all that
    came until the other side closed."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as end:
        for part in parts:
            if isinstance(part, re.Pattern):
                while not part.search(came):
                    more = end.recv(65536)
                    if not more:
                        raise AssertionError(f"closed before {part.pattern}: {came!r}")
                    came += more
            else:
                end.sendall(part)
        with contextlib.suppress(ConnectionResetError):
            while patient and (more := end.recv(65536)):
                came += more
    return came


def head(length="", *lines, host="localhost", version="1.1"):
    fields = [f"POST /execute HTTP/{version}", f"Host: {host}", "Content-Type: application/json", "Connection: close",
              *lines]
    if length != "":
        fields.append(f"Content-Length: {length}")
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


def in_chunks(body):
    parts = (body[:1], body[1:5000], body[5000:], b"")
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def at_once(count, client):
    """What each of so many clients returned. What one of them raised is raised."""
    with concurrent.futures.ThreadPoolExecutor(count) as clients:
        return list(clients.map(client, range(count)))


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


class Stage:
    """One service, one proxy, and the wire between them."""

    def __init__(self, name, *flags, changes=(), slow=False, ledger=False):
        self.folder = Stories.home / name
        self.folder.mkdir()
        for fifo in ("entered", "go"):
            os.mkfifo(self.folder / fifo)
        handlers = self.folder / "handlers.json"
        gated = {"argv": ["/bin/sh", "-c", GATED, str(self.folder)], "timeout_ms": 60000}
        mark = {"argv": ["/bin/sh", "-c", MARK, str(self.folder)]}
        handlers.write_text(json.dumps({"wait": gated, "mark": mark, "nap": {"argv": ["/bin/sleep", "0.05"]}}))
        self.flags = ["--handlers", str(handlers), *flags]
        self.ledger = f"sqlite:///{self.folder}/ledger.db" if ledger else "sqlite://"
        self.service = Service(Stories.openexecd, self.folder, "openexecd", *self.flags, ledger=self.ledger)
        self.relay = Relay(self.service.port, slow)
        try:
            self.proxy = Stories.kind(Stories.program, self.folder, "proxy", self.relay.port, changes)
        except BaseException:
            self.service.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.stop()
        self.relay.close()
        assert self.service.stop() == 0, self.service.text()

    def start_again(self):
        assert self.service.stop() == 0, self.service.text()
        self.service = Service(Stories.openexecd, self.folder, "openexecd", *self.flags, port=self.service.port,
                               ledger=self.ledger)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=60)

    def ask(self, body, path="/execute", connection=None, **headers):
        """The answer's status and object. An answer that is no JSON is the proxy's own, and None."""
        client = connection or self.connection()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            client.request("POST", path, body, {"Content-Type": "application/json", **fields})
            answer = client.getresponse()
            text = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(text) if is_json else None
        finally:
            if connection is None:
                client.close()

    def enter_handler(self, nonce):
        """Sends an execution whose handler waits, and returns its client once the handler was entered."""
        client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=60)
        body = proposal(nonce, "wait").encode()
        client.sendall(head(len(body)) + body)
        (self.folder / "entered").read_text()
        return client

    def outcome_of(self, nonce):
        """Asks again for what enter_handler() asked, lets the handler end, and returns what is told."""
        with contextlib.closing(self.connection()) as client:
            client.request("POST", "/execute", proposal(nonce, "wait"), {"Content-Type": "application/json"})
            (self.folder / "go").write_text("go")
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())

    def times_run(self):
        return len((self.folder / "ran").read_text().splitlines())


def tenth(seconds):
    """As text, which each of the proxies understands."""
    return f"{seconds // 10}s" if seconds % 10 == 0 else f"{seconds * 100}ms"


class Stories(unittest.TestCase):
    """What each of the proxies has to let happen."""
    openexecd = program = kind = home = None

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage("recommended", "--allowed-hosts", "exec.example.org")

    @classmethod
    def tearDownClass(cls):
        cls.stage.__exit__()

    def test_an_execution_is_run_replayed_refused_and_verified(self):
        status, first = self.stage.ask(proposal(a=1), Idempotency_Key="story")
        self.assertEqual((status, first["approved"], first["replayed"]), (200, True, False), first)
        status, again = self.stage.ask(proposal(a=1), Idempotency_Key="story")
        self.assertEqual((status, again["replayed"], again["receipt"]), (200, True, first["receipt"]), again)
        status, no = self.stage.ask(proposal(a=2), Idempotency_Key="story")
        self.assertEqual((status, no["code"], no["approved"]), (422, "nonce_conflict", False), no)
        receipt = {"exec_id": first["id"], "result": first["result"], "receipt": first["receipt"]}
        status, said = self.stage.ask(json.dumps(receipt), "/receipts/verify")
        self.assertEqual((status, said["valid"], said["recorded"]), (200, True, True), said)

    def test_connections_to_the_service_are_used_again(self):
        before = len(self.stage.relay.links)
        with contextlib.closing(self.stage.connection()) as client:
            for number in range(100):
                status, answer = self.stage.ask(proposal(f"kept-{number}"), connection=client)
                self.assertEqual(status, 200, answer)
        opened = len(self.stage.relay.links) - before
        self.assertLess(opened, 10)

    def test_many_clients_at_once_are_each_answered(self):
        def client(number):
            for each in range(20):
                mark = f"many-{number}-{each}"
                status, answer = self.stage.ask(proposal(mark, mark=mark))
                self.assertEqual((status, answer["replayed"], answer["result"]), (200, False, {"echo": {"mark": mark}}))

        at_once(20, client)

    def test_what_an_idle_connection_was_closed_for_costs_no_request(self):
        setting, value = self.kind.idle
        seconds = int(re.search(r"\d+", setting)[0])
        with Stage("pause", "--idle-timeout-ms", str(IDLE_MS), changes=[(setting, value.format(tenth(seconds)))],
                   slow=True) as stage:
            with contextlib.closing(stage.connection()) as client:
                self.burst(stage, "before")
                self.assertEqual(stage.ask(proposal("kept"), connection=client)[0], 200)
                stage.relay.wait(lambda links: all(link.closed_by for link in links))
                self.assertEqual({link.closed_by for link in stage.relay.links}, {"proxy"})
                self.assertEqual(stage.ask(proposal("kept-2"), connection=client)[0], 200)
                self.burst(stage, "after")

    def test_a_service_that_gives_up_first_loses_requests(self):
        setting, value = self.kind.idle
        with Stage("breach", "--idle-timeout-ms", "2000", changes=[(setting, value.format("60s"))], slow=True) as stage:
            with contextlib.closing(stage.connection()) as client:
                self.assertEqual(stage.ask(proposal("before"), connection=client)[0], 200)
                stage.relay.wait(lambda links: all(link.closed_by for link in links))
                self.assertEqual({link.closed_by for link in stage.relay.links}, {"service"})
                try:
                    status, answer = stage.ask(proposal("after"), connection=client)
                except (http.client.HTTPException, ConnectionError):
                    return  # HAProxy closes without an answer
                self.assertIn(status, (502, 503))
                self.assertIsNone(answer)

    def burst(self, stage, name):
        """Several clients at once, so that the proxy keeps several connections."""
        self.assertEqual(at_once(8, lambda number: stage.ask(proposal(f"{name}-{number}"))[0]), [200] * 8)

    def test_a_body_passes_up_to_the_limit_of_the_service_and_its_answer_says_what_is_wrong_beyond(self):
        empty = len(proposal("largest", text=""))
        for name, more in (("largest", 0), ("toobig1", 1), ("toobig2", LIMIT // 2)):
            body = proposal(name, text="x" * (LIMIT - empty + more))
            status, answer = self.stage.ask(body)
            self.assertIsNotNone(answer, f"{name}: {status} is the proxy's own")
            self.assertEqual((status, answer["approved"]), (413, False) if more else (200, True))

    def test_a_client_may_wait_for_100_continue(self):
        body = proposal("continue").encode()
        answer = raw(self.stage.proxy.port, head(len(body), "Expect: 100-continue"),
                     re.compile(rb"^HTTP/1.1 100 .*\r\n\r\n"), body)
        self.assertIn(b'"approved":true', answer)

    def test_a_body_may_come_in_chunks(self):
        body = proposal("chunks", text="y" * 100000).encode()
        answer = raw(self.stage.proxy.port, head("", "Transfer-Encoding: chunked"), in_chunks(body))
        self.assertEqual(status_of(answer), 200, answer[:2000])

    def test_a_client_may_speak_http_1_0(self):
        body = proposal("old").encode()
        answer = raw(self.stage.proxy.port, head(len(body), version="1.0") + body)
        self.assertEqual(status_of(answer), self.kind.answers_1_0_with, answer)

    def test_forwarded_fields_change_nothing(self):
        fields = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "evil.example",
                  "X_Real_IP": "192.0.2.7", "Forwarded": "for=192.0.2.7;host=evil.example", "X_Original_URL": "/health",
                  "X_HTTP_Method_Override": "GET"}
        plain = self.stage.ask(proposal("plain", a=1))
        status, answer = self.stage.ask(proposal("forwarded", a=1), **fields)
        self.assertEqual((status, answer["result"]), (plain[0], plain[1]["result"]))
        self.assertNotIn("192.0.2.7", self.stage.service.text())
        status, answer = self.stage.ask(proposal("elsewhere"), Host="evil.example", X_Forwarded_Host="exec.example.org")
        self.assertEqual((status, answer["approved"]), (421, False))

    def test_a_client_calls_the_service_by_a_listed_name_and_by_no_other(self):
        for host, expected in (("exec.example.org", 200), ("127.0.0.1", 200), ("other.example.org", 421)):
            status, answer = self.stage.ask(proposal(f"by-{host}"), Host=host)
            self.assertEqual(status, expected, answer)

    def test_a_client_that_goes_away_learns_the_outcome_when_it_asks_again(self):
        with Stage("gone") as stage:
            stage.enter_handler("gone").close()
            if self.kind.__name__ == "Nginx":
                stage.proxy.wait_for(r'" 499 ')
            status, answer = stage.outcome_of("gone")
            self.assertEqual((status, answer["result"], answer["replayed"]), (200, {"done": True}, True), answer)
            self.assertEqual(stage.times_run(), 1)

    def test_a_client_that_is_told_504_learns_the_outcome_when_it_asks_again(self):
        setting, value = self.kind.answer
        with Stage("late", changes=[(setting, value.format("1s"))]) as stage:
            with stage.enter_handler("late") as client:
                self.assertEqual(status_of(client.recv(65536)), 504)
            status, answer = stage.outcome_of("late")
            self.assertEqual((status, answer["result"], answer["replayed"]), (200, {"done": True}, True), answer)
            self.assertEqual(stage.times_run(), 1)


    def test_more_clients_than_connections_are_all_served_when_they_ask_again(self):
        limit, few = self.kind.limit
        with Stage("crowd", "--max-connections", "32", changes=[(limit, few)] if limit else []) as stage:
            def client(number):
                status = None
                while status != 200:
                    status, answer = stage.ask(proposal(f"crowd-{number}", "nap"))
                    self.assertIn(status, (200, 502, 503))
                    if status == 503 and answer is not None:  # the service's own word, and not the proxy's
                        self.assertEqual((answer["approved"], answer["code"], answer["effect"]),
                                         (False, "overloaded", "none"))

            at_once(100, client)
            at_once(100, client)  # replays

    def test_each_action_runs_once_while_the_service_is_started_again_and_again(self):
        with Stage("restarts", ledger=True) as stage:
            over, answers = threading.Event(), threading.Semaphore(0)

            def client(number):
                nonces = []
                while not over.is_set():
                    nonces.append(f"{number}-{len(nonces)}")
                    self.ask_until_it_is_told(stage, nonces[-1])
                    answers.release()
                return nonces

            def operator():
                try:
                    for _ in range(3):
                        for _ in range(30):
                            self.assertTrue(answers.acquire(timeout=60))
                        stage.start_again()
                finally:
                    over.set()
                return []

            asked = at_once(9, lambda number: operator() if number == 8 else client(number))
            marks = [json.loads(line)["n"] for line in (stage.folder / "marks").read_text().splitlines()]
            self.assertEqual(sorted(marks), sorted(sum(asked, [])))

    def ask_until_it_is_told(self, stage, nonce):
        """A client that hears nothing of the service asks again with the same nonce."""
        status = None
        while status != 200:
            with contextlib.suppress(http.client.HTTPException, OSError):
                status, answer = stage.ask(proposal(nonce, "mark", n=nonce))
                self.assertIn(status, (200, 502, 503, 504), answer)

    def test_a_client_may_speak_http_2_to_the_proxy(self):
        if self.kind is Nginx:
            self.skipTest("Debian's nginx wants a setting for it that newer ones refuse")
        text = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "60", "--http2-prior-knowledge",
                               "-H", "Content-Type: application/json", "-H", "Idempotency-Key: h2", "-H", "TE: trailers",
                               "--write-out", " %{http_version} %{http_code}", "--data", proposal(a=1),
                               f"http://127.0.0.1:{self.stage.proxy.port}/execute"],
                              capture_output=True, text=True, check=True).stdout
        self.assertTrue(text.endswith(" 2 200"), text)
        self.assertIn('"approved":true', text)

    def test_a_body_that_does_not_come_is_answered_by_the_service(self):
        changes = [NGINX_STREAMS] if self.kind is Nginx else []
        with Stage("slow", "--body-timeout-ms", "1000", changes=changes) as stage:
            body = proposal("slow").encode()
            answer = raw(stage.proxy.port, head(len(body)) + body[:10], re.compile(rb"the body took too long"),
                         patient=False)
            self.assertEqual(status_of(answer), 408, answer)
            self.assertEqual(stage.ask(proposal("slow"))[0], 200)

    def test_what_two_readers_may_read_differently_reaches_no_other_client(self):
        length = b"Content-Length: %d\r\n"
        hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
        end = b"0\r\n\r\n"
        for fields, body in (
                (length % (len(end + hidden)) + b"Transfer-Encoding: chunked\r\n", end + hidden),
                (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n" % (len(hidden), hidden) + end),
                (length % (len(end + hidden)) + b"Transfer-Encoding : chunked\r\n", end + hidden),
                (length % (len(end + hidden)) + b"Transfer-Encoding: xchunked\r\n", end + hidden),
                (length % (len(end + hidden)) + b"Transfer-Encoding: \x0bchunked\r\n", end + hidden),
                (length % (len(end + hidden)) + b"Transfer-Encoding:\r\n chunked\r\n", end + hidden),
                (length % (len(end + hidden)) + b"X: y\nTransfer-Encoding: chunked\r\n", end + hidden),
                (b"Transfer-Encoding: gzip, chunked\r\n", end + hidden),
                (b"Content-Length: 0\r\n" + length % len(hidden), hidden),
                (b"Content-Length: +%d\r\n" % len(hidden), hidden),
                (b"Transfer-Encoding: chunked\r\n", b"0;a=\"\n\r\n\r\n" + hidden),
                (b"Transfer-Encoding: chunked\r\n", b"1\r\n{\n" + end + hidden),
                (b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n" + hidden),
                (b"Content-Length: 0\r\nX: a\x00b\r\n", hidden),
                (b"Content-Length: 0\r\nConnection: close, Host\r\n", hidden),
        ):
            with self.subTest(fields=fields), contextlib.closing(self.stage.connection()) as other:
                start = b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                any_answer = re.compile(rb"^HTTP/1.[01] \d\d\d")
                raw(self.stage.proxy.port, start + fields + b"\r\n" + body, any_answer, patient=False)
                for _ in range(2):  # it has what may be the same connection to the service
                    status, answer = self.stage.ask(proposal(), connection=other, Idempotency_Key="next")
                    self.assertEqual((status, answer["action"]), (200, "echo"))

    def test_the_document_the_file_and_the_service_agree(self):
        help_text = subprocess.run([self.openexecd, "--help"], capture_output=True, text=True, check=True).stdout
        default = {name: int(re.search(rf"--{name} .*=(\d+)", help_text)[1])
                   for name in ("idle-timeout-ms", "request-timeout-ms", "max-connections")}
        text = (CONFIGURATIONS / self.kind.file).read_text(encoding="utf-8")
        row = next(line for line in (ROOT / "docs/operations.md").read_text(encoding="utf-8").splitlines()
                   if line.startswith(f"| [{self.kind.name}]"))
        for setting in re.findall(r"`([^`]+)`", row):
            self.assertIn(setting.rstrip(";"), text)
        for setting, _ in (self.kind.idle, self.kind.answer):
            self.assertIn(f"`{setting}`", row)
            self.assertIn(setting, text)
        seconds = {setting: int(re.search(r"(\d+)s", setting)[1]) for setting, _ in (self.kind.idle, self.kind.answer)}
        self.assertLess(seconds[self.kind.idle[0]] * self.kind.rounds * 1000, default["idle-timeout-ms"])
        self.assertGreater(seconds[self.kind.answer[0]] * 1000, default["request-timeout-ms"])
        if self.kind.limit[0]:
            most = sum(int(number) for number in re.findall(r"\d+", self.kind.limit[0]))
            self.assertLess(most, default["max-connections"])


class NginxAlone(unittest.TestCase):
    """What nginx does where its own defaults are left."""

    def test_it_may_speak_http_1_0_to_the_service(self):
        defaults = [("    proxy_http_version 1.1;\n", ""), ('    proxy_set_header Connection "";\n', "")]
        with Stage("http-1.0", changes=defaults) as stage:
            for replayed in (False, True):
                status, answer = stage.ask(proposal("old"))
                self.assertEqual((status, answer["replayed"]), (200, replayed))
            self.assertEqual([link.requests for link in stage.relay.links], [1, 1])

    def test_it_names_its_upstream_which_the_service_may_be_told(self):
        own_name = [("    proxy_set_header Host $host;", "")]
        with Stage("unknown", changes=own_name) as stage:
            self.assertEqual(stage.ask(proposal("1"))[0], 421)
        with Stage("known", "--allowed-hosts", "openexecd", changes=own_name) as stage:
            self.assertEqual(stage.ask(proposal("1"))[0], 200)

    def test_it_may_pass_a_body_on_while_it_comes(self):
        with Stage("streams", changes=[NGINX_STREAMS]) as stage:
            body = proposal("chunks", text="y" * 100000).encode()
            answer = raw(stage.proxy.port, head("", "Transfer-Encoding: chunked"), in_chunks(body))
            self.assertEqual(status_of(answer), 200, answer[:2000])
            status, answer = stage.ask(proposal("large", text="y" * (LIMIT + LIMIT // 2)))
            self.assertEqual((status, answer["approved"]), (413, False))


def main(openexecd, cache, name):
    kind = next(one for one in PROXIES if one.__name__.lower() == name)
    try:
        Stories.program = kind.find(pathlib.Path(cache).resolve())
    except Missing as why:
        print(f"\n*** NOT RUN: {name}: {why} ***")
        sys.exit(77)
    Stories.openexecd, Stories.kind = openexecd, kind
    with tempfile.TemporaryDirectory() as folder:
        Stories.home = pathlib.Path(folder)
        stories = ["Stories", "NginxAlone"] if kind is Nginx else ["Stories"]
        unittest.main(argv=[sys.argv[0], *(sys.argv[4:] or stories)], verbosity=2)


if __name__ == "__main__":
    main(*sys.argv[1:4])
