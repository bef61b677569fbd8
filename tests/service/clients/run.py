# SPDX-License-Identifier: Apache-2.0
"""run.py OPENEXECD CACHE: what people use to speak HTTP, against one openexecd.

Each client is a small program that is given the address and a name. It executes, asks again and is told the same, is
refused for another request under the same key, and has the receipt verified. The key goes as Idempotency-Key, without
quotes, as these clients send it. What pip and npm have to fetch is kept in CACHE. A client whose runtime or package cannot
be had is skipped, and named; where all are, the exit code is 77."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from borrowed import Missing, fetched, tool  # noqa: E402  (another folder of the tests)

PYTHON = ("requests", "httpx", "aiohttp", "stripe-python")
NODE = ("fetch", "undici", "axios", "stripe-node")
PIP = ("requests", "httpx", "aiohttp", "stripe")
NPM = ("undici@6", "axios@1", "stripe@17")


def python(cache, name):
    venv = cache / "venv"
    fetched(cache, "python-1", [sys.executable, "-m", "venv", str(venv)],
            [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *PIP])
    return [str(venv / "bin/python"), str(HERE / "client.py"), name]


def node(cache, name):
    program = [tool("node"), str(cache / "node/client.mjs"), name]
    if name == "fetch":
        (cache / "node").mkdir(parents=True, exist_ok=True)
    else:
        fetched(cache / "node", "node-1", [tool("npm"), "install", "--silent", "--no-audit", "--no-fund", *NPM])
    shutil.copy(HERE / "client.mjs", cache / "node/client.mjs")  # modules are looked for beside it
    return program


def commands(cache):
    """Each client's name, and what makes its command."""
    for name in PYTHON:
        yield name, lambda name=name: python(cache, name)
    for name in NODE:
        yield name, lambda name=name: node(cache, name)
    yield "go", lambda: [tool("go", "/usr/local/go/bin/go"), "run", str(HERE / "client.go")]
    yield "java", lambda: [tool("java"), str(HERE / "Client.java")]
    yield "curl", lambda: [tool("bash"), str(HERE / "client.sh"), tool("curl")]


def start(openexecd):
    service = subprocess.Popen([openexecd, "--port", "0", "--db-url", "sqlite://"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env={"PATH": os.defpath})
    for line in service.stdout:
        if found := re.search(r"listening on (http://\S+)", line):
            return service, found[1]
    raise RuntimeError("openexecd did not start")


def main(openexecd, cache):
    service, address = start(openexecd)
    ran, failed = 0, []
    try:
        for name, command in commands(cache):
            try:
                line = command()
            except Missing as why:
                print(f"SKIPPED {name}: {why}", flush=True)
                continue
            done = subprocess.run(line, env={**os.environ, "ADDRESS": address, "KEY": name, "GOFLAGS": "-buildvcs=false"},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
            ran += 1
            good = done.returncode == 0 and done.stdout.strip().endswith("executed, replayed, refused, verified")
            print(f"{'passed ' if good else 'FAILED '} {name}{'' if good else ': ' + done.stdout}", flush=True)
            if not good:
                failed.append(name)
    finally:
        service.terminate()
        ended = service.wait(timeout=60)
    if failed or ended != 0:
        sys.exit(f"failed: {', '.join(failed)}; openexecd ended with {ended}")
    sys.exit(0 if ran else 77)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
