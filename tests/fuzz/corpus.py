#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus: one input for each kind of text that the fuzz targets take, from the project's own vectors
and from texts written here. Nothing of it is anyone else's. Small by choice: one case of each verdict, entry fault and
keyword, no case twice. `corpus.py --check` compares what is committed.
"""
import base64
import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
MOST_BYTES = 600  # of a schema and its payload


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def canon():
    texts = ["null", "true", "false", "0", "-0", "-0.0", "1e400", "1e-400", "9007199254740993", "4.5e15", "01", "1.", ".5", "+1",
             '""', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00\\ud800"', '"\\x"', '"\t"', '"a', "[]", "{}", "[1,2",
             "[1,]", '{"a":1,"a":2}', '{"\\u0061":1,"a":2}', '{"b":1,"a":{"b":[],"a":null}}', '{"a":1,}', "{1:2}", "nul",
             '{"\U0001f600":1,"\ufb33":2}', "[" * 16 + "]" * 16, "[" * 17 + "]" * 17, " [ 1 , 2 ] ", "1 2", "", "\ufeff1", "[0.1]//"]
    yield from (text.encode() for text in texts)
    yield from (b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x00"', b"1\x00")


def schema():
    seen = set()
    for case in load("schemas.json")["cases"]:
        keywords = frozenset(case["schema"]) if isinstance(case["schema"], dict) else frozenset()
        for verdict in (True, False):
            fitting = [compact(case["schema"]) + b"\n" + compact(one["value"]) for one in case["values"] if one["valid"] is verdict]
            smallest = min(fitting, key=len, default=b"")
            if 0 < len(smallest) <= MOST_BYTES and (keywords, verdict) not in seen:
                seen.add((keywords, verdict))
                yield smallest
    yield b'{"type":"object","unknown-word":1}\n{}'
    yield b'{"type":7}\n{}'


def merkle():
    log = load("log.json")
    yield log["log_vkey"].encode()
    yield log["witness_vkeys"][0].encode()
    yield log["entries"][0].encode()
    for size in ("0", "1", "256"):
        yield log["checkpoints"][size].encode()
    for proof in log["proofs"][:3]:
        yield proof["tlog_proof"].encode()
    for path in ("tile/0/000", "tile/0/x001/234.p/5", "tile/entries/000.p/255", "tile/63/000", "tile/0/1"):
        yield path.encode()
    yield f"log {log['log_vkey']}\nwitness w {log['witness_vkeys'][0]}\ngroup g any w\nquorum g\n".encode()
    yield b"quorum none\n"
    faults = set()
    entries = load("entries_v2.json")
    for case in entries["valid"][:6]:
        yield case["text"].encode()
    for case in entries["invalid"]:
        if case["fault"] not in faults and len(faults) < 30:
            faults.add(case["fault"])
            yield case["text"].encode("utf-8", "surrogatepass")


def approval():
    vectors = load("approvals_dsse.json")
    yield b"\0" + compact(vectors["trust_policy"])
    yield b"\0" + compact({**vectors["trust_policy"], "rules": []})
    yield b"\0{}"
    seen = set()
    for case in vectors["cases"]:
        artifact = case["artifact"]
        if case["expect"] in seen or not isinstance(artifact, dict):
            continue
        seen.add(case["expect"])
        yield b"\2" + compact(artifact)
        try:
            yield b"\1" + base64.b64decode(artifact["payload"], validate=True)
        except (KeyError, ValueError, TypeError):
            pass
    steps = [{"action": "echo", "nonce": f"n-{i}", "parameters_hash": "44" * 32} for i in range(2)]
    yield b"\1" + compact({"token_id": "t", "tenant_id": "acme", "steps": steps, "issued_at": "2026-03-01T11:59:00Z",
                           "expires_at": "2026-03-01T12:04:00Z"})


def main():
    wanted = {}
    for target in (approval, canon, merkle, schema):
        for text in target():
            wanted[f"{target.__name__}/{hashlib.sha256(text).hexdigest()[:12]}"] = text
    corpus = HERE / "corpus"
    if sys.argv[1:] == ["--check"]:
        found = {path.relative_to(corpus).as_posix(): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
        missing = sorted(name for name in wanted if found.get(name) != wanted[name])
        if missing:
            sys.exit(f"not as corpus.py writes it: {', '.join(missing)}")
        print(f"{len(wanted)} inputs as corpus.py writes them, and {len(found) - len(wanted)} more")
        return
    for name, text in wanted.items():
        (corpus / name).parent.mkdir(parents=True, exist_ok=True)
        (corpus / name).write_bytes(text)
    print(f"{len(wanted)} inputs, {sum(map(len, wanted.values()))} bytes")


if __name__ == "__main__":
    main()
