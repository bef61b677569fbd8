#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bill of materials that the build makes is SPDX 2.3, and names what the build found.
   sbom_test.py SBOM.spdx.json     Asks spdx-tools too, where that can be had."""
import json
import re
import subprocess
import sys
import tempfile
import venv


def main(path):
    with open(path, encoding="utf-8") as file:
        sbom = json.load(file)
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0" and sbom["SPDXID"] == "SPDXRef-DOCUMENT"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    packages = {package["name"]: package for package in sbom["packages"]}
    assert {"OpenExec", "OpenSSL", "SQLite", "simdjson"} <= packages.keys() or "AWS-LC" in packages, packages.keys()
    for name, package in packages.items():
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"]), name
        assert name in ("AWS-LC", "RE2") or re.match(r"\d+\.\d+", package["versionInfo"]), f"{name}: {package['versionInfo']}"
    depended = {each["relatedSpdxElement"] for each in sbom["relationships"] if each["relationshipType"] == "DEPENDS_ON"}
    assert depended == {package["SPDXID"] for name, package in packages.items() if name != "OpenExec"}
    print(f"{len(packages)} packages: " + ", ".join(f"{name} {each['versionInfo']}" for name, each in packages.items()))
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        had = subprocess.run([f"{folder}/bin/pip", "install", "-q", "spdx-tools==0.8.5"], capture_output=True, check=False)
        if had.returncode != 0:
            print("spdx-tools cannot be had here: its opinion is missing")
            return
        subprocess.run([f"{folder}/bin/pyspdxtools", "-i", path], check=True)
        print("spdx-tools finds it valid")


if __name__ == "__main__":
    main(sys.argv[1])
