#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes integers.json: integer literals beyond 2^53 - 1, and what becomes of them (docs/formats.md, sections 1 and 2).
An implementation of its own, with nothing but Python's standard library: python3 integers.py > integers.json"""
import hashlib
import json
import random


def ecmascript(value):
    """ECMA-262, Number::toString, of a finite double: from Python's shortest digits, which are the same."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, exponent = f"{abs(value)!r}e0".split("e")[:2] if "e" not in repr(value) else repr(abs(value)).split("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole.lstrip("0")) + int(exponent) if whole.strip("0") else int(exponent) - (len(fraction) - len(fraction.lstrip("0")))
    digits = digits.rstrip("0") or "0"
    k, n = len(digits), point
    if k <= n <= 21:
        return sign + digits + "0" * (n - k)
    if 0 < n <= 21:
        return f"{sign}{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return f"{sign}0.{'0' * -n}{digits}"
    tail = f"e{'+' if n > 0 else '-'}{abs(n - 1)}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if k > 1 else ''}{tail}"


def literals():
    """Literals around every border, and random ones."""
    for border in (2**53, 2**54, 2**55, 2**62, 2**63, 2**64, 2**65, 10**16, 10**17, 10**19, 10**20, 10**21, 10**22):
        for delta in (-2048, -1024, -2, -1, 0, 1, 2, 3, 1024, 2048):
            yield border + delta
    for exponent in range(16, 22):
        for lead in (1, 2, 5, 9, 12, 999):
            yield lead * 10**exponent
    rng = random.Random(20261130)
    for _ in range(40):
        value = float(rng.randrange(2**53, 10**21 if rng.random() < 0.7 else 2**64))
        yield int(ecmascript(value)) if "e" not in ecmascript(value) else int(value)
        yield int(value)  # the double's exact value, which jcs rounds to fewer digits
        yield int(value) + rng.randrange(1, 2000)


def case(number, value):
    text = json.dumps({"n": value}, separators=(",", ":"))
    accepted = abs(value) < 2**53 or ecmascript(float(value)) == str(value)
    made = {"id": f"integer-{number}", "input_hex": text.encode().hex()}
    if not accepted:
        return made | {"refuse": True}
    # jcs writes the double that the literal names; clawshield-v1 writes Python's int. Accepted literals make them equal.
    jcs = '{"n":%s}' % (value if abs(value) < 2**53 else ecmascript(float(value)))
    return made | {"jcs": jcs, "jcs_sha256": hashlib.sha256(jcs.encode()).hexdigest(), "clawshield_v1": text,
                   "clawshield_v1_sha256": hashlib.sha256(text.encode()).hexdigest(), "display": json.dumps({"n": value})}


seen = sorted({sign * value for value in literals() for sign in (1, -1)})
print(json.dumps({"about": "integer literals beyond 2^53 - 1: accepted where jcs writes a double so; made by integers.py",
                  "cases": [case(*each) for each in enumerate(seen)]}, indent=1))
