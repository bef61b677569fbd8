# SPDX-License-Identifier: Apache-2.0
"""The example's loop, with a person at the terminal."""
import pathlib
import subprocess
import sys

import pytest

LOOP = pathlib.Path(__file__).parents[1] / "examples" / "agent_loop.py"


def loop(folder, *answers):
    pytest.importorskip("cryptography")
    found = subprocess.run([sys.executable, LOOP, folder / "ledger.db"], input="".join(f"{a}\n" for a in answers),
                           capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_what_the_person_approves_runs_once_and_what_is_declined_never(tmp_path):
    said = loop(tmp_path, "yes", "no")
    assert said.count("sending to ada@example.com") == 1 and "deleting" not in said
    assert said.count("approve? [yes/no]") == 2 and said.count("not taken: ") == 1
    assert [line.partition(": ")[2] for line in said.splitlines() if line.startswith("log ")] == [
        "send_email executed ok", "send_email replayed ok", "delete_files refused approval_missing"]


def test_nothing_runs_where_everything_is_declined(tmp_path):
    said = loop(tmp_path, "", "yes please")
    assert "sending" not in said and "deleting" not in said
    assert said.count("refused approval_missing receipt") == 3
