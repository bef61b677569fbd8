"""metrics.py OPENEXECD: what GET /metrics says, what promtool thinks of it, and what a real Prometheus reads.

The two programs are Debian's package prometheus. Where one is missing its part is skipped, and said so."""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

OPENEXECD = sys.argv.pop(1)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None):
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Content-Type")
    finally:
        connection.close()


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name)
        cls.admin = str(cls.home / "admin")
        cls.log = open(cls.home / "log", "w+", encoding="utf-8")
        cls.service = subprocess.Popen(
            [OPENEXECD, "--port", "0", "--db-url", "sqlite://", "--metrics-listen", "127.0.0.1:0", "--admin-socket", cls.admin],
            stdout=subprocess.PIPE, stderr=cls.log, text=True, env={"PATH": os.defpath})
        port = next(m for m in (re.search(r"listening on http://.*:(\d+)", line) for line in cls.service.stdout) if m)[1]
        cls.port = int(port)
        events = [json.loads(line) for line in (cls.home / "log").read_text(encoding="utf-8").splitlines()]
        cls.metrics_port = next(event["port"] for event in events if event["event"] == "metrics_listening")
        for body, status in (({"action": "echo", "nonce": "1"}, 200), ({"action": "echo", "nonce": "1"}, 200),
                             ({"action": "add", "nonce": "2"}, 500), ({"action": "secret", "nonce": "3"}, 400),
                             ({"action": 'e"} 1\n', "nonce": "4"}, 400)):
            said = ask(http.client.HTTPConnection("127.0.0.1", cls.port), "POST", "/execute", json.dumps(body))
            assert said[0] == status, said

    @classmethod
    def tearDownClass(cls):
        cls.service.terminate()
        code = cls.service.wait(timeout=60)
        cls.service.stdout.close()
        cls.log.close()
        cls.folder.cleanup()
        assert code == 0, code

    def scraped(self):
        status, text, kind = ask(http.client.HTTPConnection("127.0.0.1", self.metrics_port), "GET", "/metrics")
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return text

    def test_what_happened_is_counted_by_registered_action_verdict_and_code(self):
        text = self.scraped()
        for line in ('openexec_executions_total{action="echo",verdict="executed"} 1',
                     'openexec_executions_total{action="add",verdict="failed"} 1', "openexec_replays_total 1",
                     'openexec_refusals_total{code="unknown_action"} 1', "openexec_in_flight 0", "openexec_queue_depth 0",
                     'openexec_refusals_total{code="malformed_request"} 1', "openexec_execute_duration_seconds_count 5",
                     'openexec_execute_duration_seconds_bucket{le="+Inf"} 5', "openexec_log_entries 5", "openexec_ready 1"):
            self.assertIn("\n" + line + "\n", text)

    def test_nothing_that_a_client_sent_is_a_label(self):
        self.assertNotIn("secret", self.scraped())
        self.assertNotIn('e"', re.sub(r'="[a-z_]+"|="[0-9.+Inf]+"', "", self.scraped()))

    def test_the_port_of_the_metrics_has_nothing_else_and_the_service_has_no_metrics(self):
        ours = http.client.HTTPConnection("127.0.0.1", self.metrics_port)
        for method, path in (("GET", "/health"), ("POST", "/execute"), ("GET", "/tile/0/000")):
            self.assertEqual(ask(ours, method, path)[0], 404)
        self.assertEqual(ask(http.client.HTTPConnection("127.0.0.1", self.port), "GET", "/metrics")[0], 404)

    def test_the_admin_socket_has_them_too(self):
        status, text, kind = ask(UnixConnection(self.admin), "GET", "/metrics")
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn('openexec_executions_total{action="echo",verdict="executed"} 1\n', text)

    @unittest.skipUnless(shutil.which("promtool"), "SKIPPED: no promtool here")
    def test_promtool_finds_no_fault(self):
        done = subprocess.run([shutil.which("promtool"), "check", "metrics"], input=self.scraped(), capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("prometheus"), "SKIPPED: no prometheus here")
    def test_a_real_prometheus_scrapes_them(self):
        (self.home / "prometheus.yml").write_text(
            "scrape_configs:\n- job_name: openexec\n  scrape_interval: 1s\n  static_configs:\n"
            f"  - targets: ['127.0.0.1:{self.metrics_port}']\n", encoding="utf-8")
        with socket.socket() as any_port:
            any_port.bind(("127.0.0.1", 0))
            port = any_port.getsockname()[1]
        server = subprocess.Popen(
            [shutil.which("prometheus"), f"--config.file={self.home}/prometheus.yml", f"--storage.tsdb.path={self.home}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        query = "/api/v1/query?" + urllib.parse.urlencode({"query": 'openexec_executions_total{verdict="executed",action="echo"}'})
        try:
            give_up, found = time.monotonic() + 120, []
            while not found and time.monotonic() < give_up:
                try:
                    found = json.loads(ask(http.client.HTTPConnection("127.0.0.1", port), "GET", query)[1])["data"]["result"]
                except (OSError, ValueError, KeyError):
                    pass
                time.sleep(0.2)  # it scrapes when it likes
            self.assertEqual([sample["value"][1] for sample in found], ["1"])
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
