#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes entries_v2.json: log entries of versions 1 and 2 (docs/formats.md, section 6), valid and invalid.

It shares no code with the library. `read` below is a second reading of section 6, and every text of the file was judged
by it: a text that is called invalid here has the fault that the file names. Run it to write the file again; the bytes
are the same each time."""
import hashlib
import json
import pathlib
import re

HEX64, HEX32 = re.compile(r"[0-9a-f]{64}\Z"), re.compile(r"[0-9a-f]{32}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
ACTION = re.compile(r"[A-Za-z0-9_.:/-]{1,128}\Z")
VERDICTS = ("refused", "executed", "failed", "replayed", "in_doubt", "suppressed", "control")
IDS = "exec_id, action, nonce"  # a fault of the three together


class Fault(Exception):
    """What is wrong: a member's name, or "form" where the text as a whole is not the one that an entry has."""


def jcs(value):
    """RFC 8785 for what an entry consists of: objects, arrays, strings, integers and null. Names are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


# ---------------------------------------------------------------------------------------------- the reading of section 6

def no_duplicates(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise Fault("form")
    return dict(pairs)


def is_text(value):
    return isinstance(value, str)


def is_count(value, least=0, most=2**53 - 1):
    return type(value) is int and least <= value <= most


def is_hex(value):
    return is_text(value) and bool(HEX64.match(value))


def is_time(value):
    return is_text(value) and bool(TIME.match(value))


def is_nonce(value):
    return is_text(value) and 1 <= len(value.encode()) <= 255 and not re.search(r"[\x00-\x1f\x7f]", value)


def is_approval(value):
    said = {"approval_scope", "request_id", "step", "trace_id"}
    return (isinstance(value, dict) and {"digest", "id", "keys", "profile"} <= set(value) <= {"digest", "id", "keys",
            "profile"} | said and (value["digest"] is None or is_hex(value["digest"]))
            and (value["id"] is None or (is_text(value["id"]) and value["id"] != "")) and is_text(value["profile"])
            and isinstance(value["keys"], list) and all(map(is_text, value["keys"]))
            and value["keys"] == sorted(set(value["keys"]))
            and all(is_count(value[name], 0, 2**32 - 1) if name == "step" else is_text(value[name]) and value[name]
                    for name in said & set(value)))


# kind: version, has an id, has a tenant, has `time`, has `was`; None: as it likes
CONTROLS = {"halt": (1, False, None, False, False), "resume": (1, False, None, False, False),
            "revoke_approval": (1, True, None, False, False), "revoke_key": (1, True, None, False, False),
            "adopt": (2, None, False, True, False), "settle": (2, False, False, False, False),
            "confirm_clock": (2, False, False, True, True)}


def is_control(value, version):
    if not isinstance(value, dict) or value.get("kind") not in CONTROLS:
        return False
    if not {"id", "kind", "tenant", "who", "why"} <= set(value) <= {"id", "kind", "tenant", "time", "was", "who", "why"}:
        return False
    since, *wanted = CONTROLS[value["kind"]]
    there = (value["id"] is not None, value["tenant"] is not None, "time" in value, "was" in value)
    return (since <= version and all(want in (None, has) for want, has in zip(wanted, there))
            and all(value[name] is None or (is_text(value[name]) and value[name]) for name in ("id", "tenant"))
            and all(is_time(value[name]) for name in ("time", "was") if name in value)
            and is_text(value["who"]) and is_text(value["why"]))


def or_null(test):
    return lambda value: value is None or test(value)


ALWAYS = {
    "action": or_null(lambda v: is_text(v) and bool(ACTION.match(v))), "approval": or_null(is_approval),
    "code": lambda v: is_text(v) and v in CODES,
    "effect": lambda v: v in ("none", "confirmed", "unknown"), "exec_id": or_null(is_hex), "executor": is_text,
    "nonce": or_null(is_nonce), "observed_at": is_time, "prior": or_null(is_count), "receipt": is_hex,
    "request_hash": or_null(is_hex), "result_hash": or_null(is_hex), "tenant": is_text,
}
SECOND = {
    "attempt": lambda v: is_count(v, 2, 2**32 - 1), "epoch": lambda v: is_count(v, 1), "proposal": is_hex,
    "instance": lambda v: is_text(v) and bool(HEX32.match(v)), "result_form": lambda v: v in ("text", "bytes"),
    "session": is_hex, "trusted_at": is_time,
}
CODES = ("ok", "halted", "overloaded", "in_doubt", "handler_failed", "result_invalid", "malformed_request",
         "approval_missing", "approval_expired")  # as many of them as are used here


def read(text):
    """The members of an entry. Raises Fault for every text that is none."""
    try:
        entry = json.loads(text, object_pairs_hook=no_duplicates)
    except ValueError:
        raise Fault("form") from None
    if not isinstance(entry, dict):
        raise Fault("form")
    rules = members_of(entry)
    for name in ["version", "verdict", *sorted(ALWAYS | SECOND | {"control": 0, "count": 0})]:
        rule = rules.get(name)
        if rule is None and name in entry:
            raise Fault(name)  # it has no place in such an entry
        if rule is not None and (name in entry or rule[0]) and not (name in entry and rule[1](entry[name])):
            raise Fault(name)
    if len({entry[name] is None for name in ("exec_id", "action", "nonce")}) != 1:
        raise Fault(IDS)
    if entry["version"] == 2:
        check_second(entry)
    if text != jcs(entry):
        raise Fault("form")
    if set(entry) - set(rules):
        raise Fault("form")
    return entry


def members_of(entry):
    """Name to (whether it has to be there, its rule), as version and verdict decide."""
    version, verdict = entry.get("version"), entry.get("verdict")
    rules = {name: (True, rule) for name, rule in ALWAYS.items()}
    rules["version"] = (True, lambda v: type(v) is int and v in (1, 2))
    rules["verdict"] = (True, lambda v: v in VERDICTS)
    if version == 2:
        rules |= {name: (False, rule) for name, rule in SECOND.items()}
    if verdict == "suppressed":
        rules["count"] = (True, is_count)
    if verdict == "control" or (version == 2 and verdict in ("executed", "failed", "in_doubt")):
        rules["control"] = (verdict == "control", lambda v: is_control(v, version))
    return rules


def check_second(entry):
    execution, control, verdict = entry["exec_id"] is not None, entry.get("control"), entry["verdict"]
    rules = [
        (IDS, verdict == "control" and execution),
        ("control", control is not None and (control["kind"] == "settle") == (verdict == "control")),
        ("control", control is not None and verdict != "control" and (entry["prior"] is None or not execution)),
        ("attempt", "attempt" in entry and not execution),
        ("result_form", "result_form" in entry and (entry["result_hash"] is None or verdict == "control")),
        ("instance, epoch", ("instance" in entry) != ("epoch" in entry)),
    ]
    if verdict == "suppressed":
        rules += [("count", entry["count"] == 0), ("code", (entry["code"] == "overloaded") == execution),
                  ("prior", not execution and entry["prior"] is not None)]
    for member, broken in rules:
        if broken:
            raise Fault(member)


# ------------------------------------------------------------------------------------------------------------ the entries

def executed(**members):
    return {
        "action": "payments:transfer",
        "approval": {"digest": digest("artifact"), "id": "a-1", "keys": ["alice", "bob"], "profile": "dsse"},
        "code": "ok", "effect": "confirmed", "exec_id": digest("execution"), "executor": "exec-1",
        "nonce": "n-1 \u00e9 \U0001f600", "observed_at": "2026-03-01T12:00:00.000001Z", "prior": None,
        "receipt": digest("receipt"), "request_hash": digest("request"), "result_hash": digest("result"),
        "tenant": "acme", "verdict": "executed", "version": 2,
    } | members


def nameless(**members):
    return executed(action=None, approval=None, exec_id=None, nonce=None, result_hash=None, effect="none") | members


def control(kind, **members):
    order = {"id": None, "kind": kind, "tenant": None, "who": "uid 1000", "why": "a \"bug\""} | members
    return nameless(verdict="control", control=order, request_hash=None, result_hash=digest("order"))


def settled(**members):
    order = {"id": None, "kind": "settle", "tenant": None, "who": "alice", "why": "the bank says so"}
    return executed(control=order, prior=3) | members


LATER, EARLIER = "2026-03-01T13:00:00.000000Z", "2026-02-27T00:00:00.000000Z"
OPENING = {"instance": "0123456789abcdef" * 2, "epoch": 1}


def valid():
    yield "executed", executed()
    yield "executed, as version 1", executed(version=1)
    yield "refused", executed(verdict="refused", code="approval_expired", effect="none", result_hash=None)
    yield "malformed", nameless(verdict="refused", code="malformed_request")
    yield "malformed, as version 1", nameless(verdict="refused", code="malformed_request", version=1)
    yield "replayed", executed(verdict="replayed", prior=0)
    yield "a second attempt", executed(attempt=2)
    yield "the last attempt that there can be", executed(attempt=2**32 - 1)
    yield "a result of text", executed(result_form="text")
    yield "a result of bytes, replayed", executed(result_form="bytes", verdict="replayed", prior=2**53 - 1)
    yield "of an opening", executed(**OPENING)
    yield "of a proposal and a session", executed(proposal=digest("proposal"), session=digest("session"))
    yield "under a suspect clock", executed(trusted_at=EARLIER)
    yield "everything at once", executed(attempt=3, result_form="text", proposal=digest("p"), session=digest("s"),
                                         trusted_at=LATER, instance="f" * 32, epoch=2**53 - 1)
    suppressed = {"verdict": "suppressed", "count": 41}
    yield "suppressed refusals", nameless(**suppressed, code="overloaded", request_hash=None)
    yield "suppressed refusals, as version 1", nameless(**suppressed, code="overloaded", request_hash=None, version=1)
    yield "suppressed replays", executed(**suppressed, prior=7)
    yield "suppressed replays of a failure", executed(**suppressed, prior=7, code="handler_failed", effect="unknown",
                                                      result_hash=None)
    yield "suppressed replays without a prior", executed(**suppressed, code="in_doubt", effect="unknown",
                                                         result_hash=None)
    for kind in ("halt", "resume"):
        yield kind, control(kind, tenant="acme")
    for kind in ("revoke_approval", "revoke_key"):
        yield kind, control(kind, id="k-1")
    yield "halt, as version 1", control("halt") | {"version": 1}
    yield "adopt", control("adopt", time=LATER)
    yield "adopt, naming the file", control("adopt", time=LATER, id="1f00")
    yield "confirm_clock", control("confirm_clock", time=EARLIER, was=LATER)
    yield "a control under a suspect clock", control("halt") | {"trusted_at": EARLIER} | OPENING
    yield "settled as executed", settled()
    yield "settled as failed", settled(verdict="failed", code="handler_failed", effect="none", result_hash=None)
    yield "settled as in doubt", settled(verdict="in_doubt", code="in_doubt", effect="unknown", result_hash=None)


def without(entry, name):
    return {key: value for key, value in entry.items() if key != name}


def invalid():
    """Name, text, and the member at fault."""
    for name, entry in (("executed", executed()), ("suppressed", dict(valid())["suppressed replays"]),
                        ("a control", control("halt"))):
        for member in entry:
            yield f"{name} without {member}", jcs(without(entry, member)), member
            yield f"{name} with an array for {member}", jcs(entry | {member: []}), member
        yield f"{name} with another member", jcs(entry | {"zzz": 1}), "form"
    extra = {"attempt": 2, "result_form": "text", "proposal": digest("p"), "session": digest("s"),
             "trusted_at": LATER} | OPENING
    for member, value in extra.items():
        yield f"{member} in version 1", jcs(executed(version=1) | {member: value}), member
        for wrong in (None, "", 0, -1, 1.5, True, {}):
            yield f"{member} {wrong!r}", jcs(executed(**{**OPENING, member: wrong})), member
    for version in (0, 3, "2", None):
        yield f"version {version!r}", jcs(executed(version=version)), "version"
    yield "attempt 1", jcs(executed(attempt=1)), "attempt"
    yield "attempt 2^32", jcs(executed(attempt=2**32)), "attempt"
    yield "attempt of no execution", jcs(nameless(verdict="refused", code="malformed_request", attempt=2)), "attempt"
    yield "result_form json", jcs(executed(result_form="json")), "result_form"
    yield "result_form without a result", jcs(executed(result_form="text", result_hash=None)), "result_form"
    yield "result_form of a control", jcs(control("halt") | {"result_form": "text"}), "result_form"
    yield "instance alone", jcs(without(executed(**OPENING), "epoch")), "instance, epoch"
    yield "epoch alone", jcs(without(executed(**OPENING), "instance")), "instance, epoch"
    yield "instance in capitals", jcs(executed(**OPENING | {"instance": "A" * 32})), "instance"
    yield "instance of 31 digits", jcs(executed(**OPENING | {"instance": "a" * 31})), "instance"
    yield "a proposal of 63 digits", jcs(executed(proposal="a" * 63)), "proposal"
    for time in ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", "2026-03-01"):
        yield f"trusted_at {time}", jcs(executed(trusted_at=time)), "trusted_at"
    yield "count of an execution", jcs(executed(count=1)), "count"
    for member in ("exec_id", "action", "nonce"):
        yield f"no {member} alone", jcs(executed(**{member: None})), IDS
    suppressed = dict(valid())
    yield "stands for nothing", jcs(suppressed["suppressed replays"] | {"count": 0}), "count"
    yield "replays that were overloaded", jcs(suppressed["suppressed replays"] | {"code": "overloaded"}), "code"
    yield "refusals that were ok", jcs(suppressed["suppressed refusals"] | {"code": "ok"}), "code"
    yield "refusals with a prior", jcs(suppressed["suppressed refusals"] | {"prior": 1}), "prior"
    yield from invalid_controls()
    yield from invalid_texts()


def invalid_controls():
    for kind in ("adopt", "confirm_clock"):
        times = {"time": LATER} | ({"was": EARLIER} if kind == "confirm_clock" else {})
        yield f"{kind} in version 1", jcs(control(kind, **times) | {"version": 1}), "control"
        yield f"{kind} without a time", jcs(control(kind)), "control"
        yield f"{kind} for a tenant", jcs(control(kind, tenant="acme", **times)), "control"
        yield f"{kind} with a time that is null", jcs(control(kind, **times | {"time": None})), "control"
    yield "adopt with was", jcs(control("adopt", time=LATER, was=EARLIER)), "control"
    yield "confirm_clock without was", jcs(control("confirm_clock", time=LATER)), "control"
    yield "confirm_clock with an id", jcs(control("confirm_clock", id="x", time=LATER, was=EARLIER)), "control"
    yield "halt with an id", jcs(control("halt", id="x")), "control"
    yield "halt with a time", jcs(control("halt", time=LATER)), "control"
    yield "halt without why", jcs(control("halt") | {"control": without(control("halt")["control"], "why")}), "control"
    yield "revoke_key without an id", jcs(control("revoke_key")), "control"
    yield "another kind", jcs(control("stop")), "control"
    yield "a control of an execution", jcs(executed(verdict="control", control=control("halt")["control"])), IDS
    yield "a settlement as a control", jcs(control("settle")), "control"
    yield "a settlement in version 1", jcs(settled(version=1)), "control"
    yield "a settlement of nothing", jcs(settled(prior=None)), "control"
    yield "a settlement of no execution", jcs(settled(action=None, exec_id=None, nonce=None)), "control"
    yield "a settlement with an id", jcs(settled(control=settled()["control"] | {"id": "x"})), "control"
    yield "an execution that halts", jcs(executed(control=control("halt")["control"], prior=1)), "control"
    for verdict in ("refused", "replayed"):
        yield f"a settlement that is {verdict}", jcs(settled(verdict=verdict)), "control"


def invalid_texts():
    text = jcs(executed())
    yield "a space at the end", text + " ", "form"
    yield "a space inside", text.replace('"version":2', '"version": 2'), "form"
    yield "an escape that is not needed", text.replace("\u00e9", "\\u00e9"), "form"
    yield "a member twice", text.replace('"version":2', '"version":2,"version":2'), "form"
    yield "members in another order", '{"version":2,' + text[1:].replace(',"version":2', ""), "form"
    yield "a version with a point", text.replace('"version":2', '"version":2.0'), "version"
    yield "an array", "[]", "form"
    yield "nothing", "", "form"


def main():
    cases = {"about": "docs/formats.md section 6: entries of versions 1 and 2, by tests/vectors/entries_v2.py. "
                      "`fault` names the member, or is `form` where the text as a whole is not an entry's.",
             "valid": [], "invalid": []}
    for name, entry in valid():
        text = jcs(entry)
        assert read(text) == entry, name
        leaf = hashlib.sha256(b"\0" + text.encode()).hexdigest()
        cases["valid"].append({"name": name, "text": text, "members": entry, "leaf_hash": leaf})
    for name, text, fault in invalid():
        try:
            read(text)
        except Fault as found:
            assert str(found) == fault, (name, str(found), fault)
        else:
            raise AssertionError(f"{name}: reads as an entry")
        cases["invalid"].append({"name": name, "text": text, "fault": fault})
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, indent=1, ensure_ascii=True) + "\n")
    print(f"{path.name}: {len(cases['valid'])} valid, {len(cases['invalid'])} invalid")


if __name__ == "__main__":
    main()
