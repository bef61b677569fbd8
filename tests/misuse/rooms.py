#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rule of the house: an include never points upward, and third parties stay in their rooms.

rooms.py ROOT checks a source tree; rooms.py --self-test proves that it notices every kind of breach.
"""
import pathlib
import re
import sys
import tempfile

ROOMS = ["base", "canon", "schema", "crypto", "merkle", "evidence", "approval", "sqlite", "index", "tlog", "rows",
         "session", "ledger", "upkeep", "gate", "waiting", "answers", "attempt", "exec", "api", "handlers", "service"]  # bottom to top
# A room beside the floors: it stands on these alone, and no floor knows it. A witness remembers in SQLite, and has no
# ledger. What signs approvals is known to no room: the executor cannot approve.
WINGS = {"witness": ["base", "canon", "crypto", "merkle", "sqlite", "http"],
         "http": ["base", "canon"], "signing": ["base", "canon", "crypto", "approval"]}
# The floors that may know a wing.
DOORS = {"http": ["api", "service"]}
# What the programs do, in libraries of their own. `commands` is what they share; the others stand on it.
WINGS |= {
    "commands": ["base", "canon"],
    "log_commands": ["base", "canon", "merkle", "evidence", "sqlite", "ledger", "upkeep", "answers", "commands"],
    "executor_commands": ["base", "canon", "crypto", "evidence", "answers", "signing", "commands", "log_commands"],
    "approver_commands": ["base", "canon", "crypto", "approval", "signing", "commands"],
    "daemon": ["base", "canon", "approval", "commands"],
    "witness_commands": ["base", "canon", "crypto", "merkle", "http", "witness", "commands"],
}
GUESTS = {"simdjson": ["canon"], "re2": ["schema"], "openssl": ["crypto"], "sodium": ["crypto"], "sqlite3": ["sqlite"],
          "libpq": ["postgres"], "boost": ["http"]}
SUFFIXES = {".c", ".h", ".cpp", ".hpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def head(name):
    """The first folder of an include, or the header's stem: openssl/evp.h, sqlite3.h, base/text.hpp."""
    return re.split(r"[/.-]", name, maxsplit=1)[0]


def breaches(root):
    """Yields 'file: what is wrong' for every breach under root."""
    for path in sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES):
        where = path.relative_to(root)
        top = where.parts[0]
        room = where.parts[1] if top == "lib" and len(where.parts) > 2 else None
        if top not in ("lib", "include", "capi", "examples"):
            continue
        for quote, name in includes(path):
            first = head(name)
            target = first if quote == '"' and "/" in name and (first in ROOMS or first in WINGS) else None
            if room is not None and target is not None and room != target:
                if room in WINGS and target not in WINGS[room]:
                    yield f"{where}: includes {name}, which lib/{room} may not know"
                elif room not in WINGS and (room not in DOORS.get(target, []) if target in WINGS
                                            else ROOMS.index(target) > ROOMS.index(room)):
                    yield f"{where}: includes {name}, which is on a higher floor"
            if quote == '"' and top == "include":
                yield f"{where}: a public header includes {name}; only <openexec/...> and the standard library are public"
            if target is not None and top == "examples" and (len(where.parts) == 2 or where.parts[1] == "learn"):
                yield f"{where}: an example includes {name}, which is no promise"
            owners = GUESTS.get(first)
            if owners is not None and top in ("lib", "include", "capi") and room not in owners:
                yield f"{where}: includes {name}, which belongs to lib/{' and lib/'.join(owners)} alone"
            if room is not None and re.match(r"(\.\./|.*/tests/|capi/|examples/)", name):
                yield f"{where}: includes {name}, which is outside the house"


def self_test():
    bad = {
        "lib/base/a.hpp": '#include "canon/json.hpp"',
        "lib/ledger/b.cpp": '#  include "exec/pipeline.hpp"',
        "lib/exec/c.cpp": "#include <openssl/evp.h>",
        "lib/service/d.cpp": "#include <sqlite3.h>",
        "lib/crypto/e.cpp": "#include <simdjson.h>",
        "lib/approval/k.cpp": "#include <sodium.h>",
        "lib/exec/f.cpp": "#include <boost/asio.hpp>",
        "include/openexec/g.hpp": '#include "base/text.hpp"',
        "examples/learn/01_h.cpp": '#include "canon/json.hpp"',
        "capi/i.cpp": "#include <libpq-fe.h>",
        "lib/witness/l.cpp": '#include "exec/pipeline.hpp"',
        "lib/witness/m.cpp": '#include "ledger/sqlite.hpp"',
        "lib/witness/n.cpp": "#include <sqlite3.h>",
        "lib/http/x.cpp": '#include "exec/pipeline.hpp"',
        "lib/exec/y.cpp": '#include "http/server.hpp"',
        "lib/ledger/u.cpp": "#include <sqlite3.h>",
        "lib/upkeep/v.cpp": "#include <sqlite3.h>",
        "lib/api/w.cpp": "#include <boost/asio.hpp>",
        "lib/service/z.cpp": "#include <boost/asio.hpp>",
        "lib/service/o.cpp": '#include "witness/witness.hpp"',
        "lib/approval/s.cpp": '#include "signing/dsse.hpp"',
        "lib/signing/t.cpp": '#include "exec/pipeline.hpp"',
        "lib/sqlite/p.cpp": '#include "rows/schema.hpp"',
        "lib/schema/q.cpp": '#include "approval/proposal.hpp"',
        "lib/exec/r.cpp": "#include <re2/re2.h>",
        "lib/ledger/x.cpp": '#include "commands/terminal.hpp"',
        "lib/commands/y.cpp": '#include "signing/dsse.hpp"',
        "lib/approver_commands/z.cpp": '#include "exec/pipeline.hpp"',
        "lib/exec/j.cpp": '#include "../../tests/support/catch.hpp"',
    }
    good = {
        "lib/exec/a.cpp": '#include <string>\n#include <openexec/executor.hpp>\n#include "base/text.hpp"\n#include "exec/b.hpp"',
        "lib/ledger/b.cpp": '#include "sqlite/sqlite_db.hpp"',
        "lib/sqlite/e.hpp": "#include <sqlite3.h>",
        "lib/service/f.cpp": '#include "http/server.hpp"',
        "lib/canon/c.cpp": "#include <simdjson.h>",
        "lib/witness/d.cpp": '#include "sqlite/sqlite_db.hpp"\n#include "merkle/note.hpp"\n#include "witness/state.hpp"',
        "examples/demo.cpp": '#include <boost/json/src.hpp>\n#include "demo.hpp"',
        "lib/approver_commands/f.cpp": '#include "signing/dsse.hpp"\n#include "commands/terminal.hpp"',
        "examples/programs/main.cpp": '#include "canon/json.hpp"',
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in good.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text + "\n", encoding="utf-8")
        assert list(breaches(root)) == [], list(breaches(root))
        for name, text in bad.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
            assert len(list(breaches(root))) == 1, (name, list(breaches(root)))
            path.write_text("", encoding="utf-8")
    print(f"noticed {len(bad)} kinds of breach, and let {len(good)} good files pass")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    root = pathlib.Path(sys.argv[1])
    found = list(breaches(root))
    print("\n".join(found) if found else "every include points down, and every third party is in its room")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
