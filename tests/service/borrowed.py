# SPDX-License-Identifier: Apache-2.0
"""Programs of others that a test needs: found on the machine, or fetched once into the build."""
import os
import pathlib
import shutil
import subprocess


class Missing(Exception):
    """Why a program of others cannot run here."""


def tool(name, *elsewhere):
    found = shutil.which(name) or next((place for place in elsewhere if os.access(place, os.X_OK)), None)
    if found is None:
        raise Missing(f"no {name} here")
    return found


def fetched(folder, marker, *commands):
    """Runs the commands once: the marker says that they succeeded."""
    if (folder / marker).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"{pathlib.Path(command[0]).name} cannot get it: {(done.stderr or done.stdout).strip()[-200:]}")
    (folder / marker).touch()
