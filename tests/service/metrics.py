# SPDX-License-Identifier: Apache-2.0
"""metrics.py OPENEXECD OPENEXEC OPENEXEC_WITNESS: what GET /metrics says of a service whose ledger is a file and whose
log a witness cosigned, what promtool thinks of it, and what a real Prometheus reads.

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

OPENEXECD, OPENEXEC, WITNESS = (sys.argv.pop(1) for _ in range(3))
OPERATIONS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operations.md"
ENVIRONMENT = {"PATH": os.defpath}
HISTOGRAMS = ("openexec_execute_duration_seconds", "openexec_verification_duration_seconds",
              "openexec_claim_to_seal_duration_seconds", "openexec_ledger_batch_operations",
              "openexec_ledger_commit_duration_seconds")
SINGLE = ("openexec_replays_total", "openexec_suppressed_replays_total", "openexec_suppressed_refusals_total",
          "openexec_in_flight", "openexec_queue_depth", "openexec_ready", "openexec_halted", "openexec_in_doubt",
          "openexec_recovered_in_doubt", "openexec_log_entries", "openexec_ledger_claims", "openexec_ledger_file_bytes",
          "openexec_ledger_wal_bytes", "openexec_checkpoint_age_seconds", "openexec_cosignature_age_seconds")
LABELLED = ("openexec_build_info", "openexec_executions_total", "openexec_refusals_total")
NAMES = {*SINGLE, *LABELLED, *(name + part for name in HISTOGRAMS for part in ("_bucket", "_sum", "_count"))}


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


def openexec(*arguments):
    return subprocess.run([OPENEXEC, *arguments], env=ENVIRONMENT, check=True, capture_output=True, text=True,
                          timeout=60).stdout


def cosign(home, ledger):
    """Has a real witness cosign the log's newest checkpoint."""
    log_key = json.loads(openexec("log", "key", "--json", "--ledger", ledger))["verifier_key"]
    state = ("--key", str(home / "witness.key"), "--state", str(home / "witness.db"))
    key = subprocess.run([WITNESS, "init", "--name", "witness.example", "--quiet", *state], env=ENVIRONMENT, check=True,
                         capture_output=True, text=True, timeout=60).stdout.strip()
    (home / "policy").write_text(f"log {log_key}\nwitness w {key}\nquorum w\n", encoding="utf-8")
    with subprocess.Popen([WITNESS, "serve", "--port", "0", "--log", log_key, *state], env=ENVIRONMENT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as witness:
        try:
            url = next(m for m in (re.search(r"listening on (\S+)", line) for line in witness.stdout) if m)[1]
            openexec("log", "cosign", "--policy", str(home / "policy"), "--witness", url, "--ledger", ledger)
        finally:
            witness.terminate()


def measured(text):
    """The samples, by name and labels."""
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name)
        cls.admin = str(cls.home / "admin")
        cls.ledger = f"sqlite:///{cls.home}/ledger.db"
        cls.log = open(cls.home / "log", "w+", encoding="utf-8")
        cls.service = subprocess.Popen(
            [OPENEXECD, "--port", "0", "--db-url", cls.ledger, "--metrics-listen", "127.0.0.1:0",
             "--admin-socket", cls.admin],
            stdout=subprocess.PIPE, stderr=cls.log, text=True, env=ENVIRONMENT)
        port = next(m for m in (re.search(r"listening on http://.*:(\d+)", line) for line in cls.service.stdout) if m)[1]
        cls.port = int(port)
        events = [json.loads(line) for line in (cls.home / "log").read_text(encoding="utf-8").splitlines()]
        cls.metrics_port = next(event["port"] for event in events if event["event"] == "metrics_listening")
        for body, status in (({"action": "echo", "nonce": "1"}, 200), ({"action": "echo", "nonce": "1"}, 200),
                             ({"action": "add", "nonce": "2"}, 500), ({"action": "secret", "nonce": "3"}, 400),
                             ({"action": 'e"} 1\n', "nonce": "4"}, 400)):
            said = ask(http.client.HTTPConnection("127.0.0.1", cls.port), "POST", "/execute", json.dumps(body))
            assert said[0] == status, said
        cosign(cls.home, cls.ledger)

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

    def test_every_series_is_there_once_and_no_other(self):
        text = self.scraped()
        samples = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"]
        self.assertEqual(len(samples), len(set(samples)))
        self.assertEqual({re.sub(r"\{.*", "", sample) for sample in samples}, NAMES)
        self.assertEqual(set(re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE)), set(HISTOGRAMS))

    def test_the_measures_are_sane(self):
        values = measured(self.scraped())
        # Two executions were claimed, verified (by the demo's verifier) and sealed. Five attempts have entries.
        self.assertEqual(values["openexec_ledger_claims"], 2)
        self.assertEqual(values["openexec_verification_duration_seconds_count"], 2)
        self.assertEqual(values["openexec_claim_to_seal_duration_seconds_count"], 2)
        for nothing in ("suppressed_replays_total", "suppressed_refusals_total", "in_doubt", "recovered_in_doubt"):
            self.assertEqual(values["openexec_" + nothing], 0)
        for some in ("ledger_file_bytes", "ledger_wal_bytes", "claim_to_seal_duration_seconds_sum",
                     "ledger_commit_duration_seconds_sum"):
            self.assertGreater(values["openexec_" + some], 0)
        commits = values["openexec_ledger_commit_duration_seconds_count"]
        self.assertEqual(values["openexec_ledger_batch_operations_count"], commits)
        self.assertGreaterEqual(values["openexec_ledger_batch_operations_sum"], 7)
        for name in HISTOGRAMS:
            buckets = [value for sample, value in values.items() if sample.startswith(name + "_bucket")]
            self.assertEqual(buckets, sorted(buckets), name)
            self.assertEqual(buckets[-1], values[name + "_count"], name)
        for age in ("checkpoint", "cosignature"):  # of this run, in seconds
            self.assertTrue(0 <= values[f"openexec_{age}_age_seconds"] < 86_400, age)

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

    @unittest.skipUnless(shutil.which("promtool"), "SKIPPED: no promtool here")
    def test_the_alerts_in_the_documents_are_rules_about_these_series(self):
        rules = re.search(r"^```yaml\n(groups:\n- name: openexec\n.*?)^```", OPERATIONS.read_text(encoding="utf-8"),
                          re.MULTILINE | re.DOTALL)[1]
        self.assertEqual(set(re.findall(r"openexec_\w+", rules)) - NAMES, set())
        (self.home / "rules.yml").write_text(rules, encoding="utf-8")
        done = subprocess.run([shutil.which("promtool"), "check", "rules", str(self.home / "rules.yml")],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_documents_have_a_row_for_each_series(self):
        rows = re.findall(r"^\| `(openexec_\w+)` \|", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
        self.assertEqual(sorted(rows), sorted({*SINGLE, *LABELLED, *HISTOGRAMS}))

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
        query = "/api/v1/query?" + urllib.parse.urlencode({"query": '{__name__=~"openexec_.*"}'})
        try:
            give_up, found = time.monotonic() + 120, []
            while not found and time.monotonic() < give_up:
                try:
                    found = json.loads(ask(http.client.HTTPConnection("127.0.0.1", port), "GET", query)[1])["data"]["result"]
                except (OSError, ValueError, KeyError):
                    pass
                time.sleep(0.2)  # it scrapes when it likes
            self.assertEqual({sample["metric"]["__name__"] for sample in found}, NAMES)
            executed = [sample["value"][1] for sample in found
                        if (sample["metric"].get("action"), sample["metric"].get("verdict")) == ("echo", "executed")]
            self.assertEqual(executed, ["1"])
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
