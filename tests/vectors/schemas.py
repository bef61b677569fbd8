#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes schemas.json: payload schemas (docs/formats.md, section 12), and which values satisfy them. The verdicts are those
of another implementation of draft 2020-12, python3-jsonschema: python3 schemas.py > schemas.json"""
import json
import random

import jsonschema

rng = random.Random(20261130)
NAMES = ["a", "b", "c", "é", "a/b~"]


def value(depth):
    kinds = ["null", "boolean", "integer", "number", "string"] + (["array", "object"] * 2 if depth else [])
    match rng.choice(kinds):
        case "null":
            return None
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.choice([-1, 0, 1, 2, 3, 6, 2**53 - 1])
        case "number":
            return rng.choice([-0.5, 0.5, 1.0, 2.5, 1e16])
        case "string":
            return rng.choice(["", "a", "b", "ab", "éé", "\U0001f600", "abcdef"])
        case "array":
            return [value(depth - 1) for _ in range(rng.randrange(4))]
    return {name: value(depth - 1) for name in rng.sample(NAMES, rng.randrange(4))}


def names():
    return rng.sample(NAMES, rng.randrange(1, 3))


def schema(depth):
    """Two to four keywords; deeper ones only while there is depth left."""
    if rng.random() < 0.08:
        return rng.random() < 0.7
    below = lambda: schema(depth - 1)
    types = ["null", "boolean", "integer", "number", "string", "array", "object"]
    flat = {
        "type": lambda: rng.choice([rng.choice(types), rng.sample(types, 3)]),
        "const": lambda: value(1),
        "enum": lambda: [value(1) for _ in range(3)],
        "minimum": lambda: rng.randrange(-1, 3), "maximum": lambda: rng.randrange(0, 4),
        "exclusiveMinimum": lambda: rng.randrange(-1, 3), "exclusiveMaximum": lambda: rng.randrange(0, 4),
        "multipleOf": lambda: rng.choice([1, 2, 3, 0.5]),
        "minLength": lambda: rng.randrange(3), "maxLength": lambda: rng.randrange(4),
        "minItems": lambda: rng.randrange(3), "maxItems": lambda: rng.randrange(4),
        "minProperties": lambda: rng.randrange(3), "maxProperties": lambda: rng.randrange(4),
        "uniqueItems": lambda: True, "required": names, "dependentRequired": lambda: {rng.choice(NAMES): names()},
    }
    deep = {
        "properties": lambda: {name: below() for name in names()}, "additionalProperties": below,
        "propertyNames": below, "items": below, "prefixItems": lambda: [below() for _ in range(rng.randrange(1, 3))],
        "contains": below, "allOf": lambda: [below(), below()], "anyOf": lambda: [below(), below()],
        "oneOf": lambda: [below(), below()], "not": below, "if": below, "dependentSchemas": lambda: {"a": below()},
    }
    made = {}
    for _ in range(rng.randrange(2, 5)):
        table = deep if depth and rng.random() < 0.7 else flat
        keyword = rng.choice(list(table))
        made[keyword] = table[keyword]()
    if "if" in made:
        made[rng.choice(["then", "else"])] = below()
    if "contains" in made and rng.random() < 0.5:
        made[rng.choice(["minContains", "maxContains"])] = rng.randrange(3)
    return made


def recursive():
    """Whole schemas that refer to themselves: a list, a tree, and names that a pointer has to escape."""
    yield {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}, "additionalProperties": False}
    yield {"$ref": "#/$defs/a~1b~0", "$defs": {"a/b~": {"anyOf": [{"type": "integer"}, {"items": {"$ref": "#/$defs/a~1b~0"},
                                                                                       "type": "array"}]}}}
    yield {"$defs": {"%é": {"maximum": 1}}, "properties": {"a": {"$ref": "#/$defs/%25%C3%A9"}, "b": {"$ref": "#"}}}
    yield {"properties": {"a": {"minimum": 1}, "b": {"$ref": "#/properties/a", "maximum": 2}}}


def cases():
    made = [*recursive(), *(schema(3) for _ in range(170))]
    for number, text in enumerate(made):
        jsonschema.Draft202012Validator.check_schema(text)
        judge = jsonschema.Draft202012Validator(text)
        values = [value(3) for _ in range(40)]
        judged = [{"value": one, "valid": judge.is_valid(one)} for one in values]
        both = [[each for each in judged if each["valid"] is said][:4] for said in (True, False)]
        yield {"id": f"schema-{number}", "schema": text, "values": both[0] + both[1]}


made = list(cases())
lines = ",\n".join(" " + json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in made)
about = "which values satisfy which payload schemas, by python3-jsonschema; made by schemas.py"
print('{"about":%s,"cases":[\n%s\n]}' % (json.dumps(about), lines))
