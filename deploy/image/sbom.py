"""Writes what an image is made of, as a CycloneDX 1.6 bill of materials.

usage: sbom.py VENV [LIST] >sbom.cdx.json

1. Its parts are the packages of VENV, the interpreter, and the Debian packages that the files in
   LIST (a path a line) are of. A file that no package has is a part by itself.
2. The same parts give the same bytes: the serial number is derived from them, and the time is
   SOURCE_DATE_EPOCH's, or left out.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
_PRODUCT = "snowplow-logfile-source"


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _licence(of: Distribution) -> list[Component]:
    """How a package says under which licence it is: an expression, a name, or a classifier."""
    words: Message = of.metadata  # type: ignore[assignment]  # typed as less than it is
    if expression := words.get("License-Expression"):
        return [{"expression": expression}]
    said = str(words.get("License", "")).strip()
    marked = [c for c in words.get_all("Classifier", []) if c.startswith("License :: ")]
    name = said if said and "\n" not in said else marked[0].split(" :: ")[-1] if marked else ""
    return [{"license": {"name": name}}] if name else []


def _packages(venv: Path) -> Iterator[Component]:
    """The Python packages of an environment, the product itself among them."""
    (site,) = venv.glob("lib/python*/site-packages")
    for each in distributions(path=[str(site)]):
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower()
        part = _component("library", name, each.version, f"pkg:pypi/{name}@{quote(each.version)}")
        licence = _licence(each)
        yield part | ({"licenses": licence} if licence else {})


def _system(files: list[Path]) -> Iterator[Component]:
    """The interpreter, and the packages that *files* are of."""
    version = platform.python_version()
    yield _component("platform", "cpython", version, f"pkg:generic/cpython@{version}")
    owners = _owners(files)
    for package in sorted({owner for owner in owners.values() if owner}):
        version, machine = _asked("-W", "-f", "${Version} ${Architecture}", package).split()
        name = package.partition(":")[0]
        purl = f"pkg:deb/debian/{name}@{quote(version)}?arch={machine}"
        yield _component("library", name, version, purl)
    for path in sorted(path for path, owner in owners.items() if not owner):
        yield {"type": "file", "bom-ref": f"file:{path}", "name": str(path)}


def _owners(files: list[Path]) -> dict[Path, str]:
    """Return the Debian package of each file, or nothing.

    A package may know it by another name: where /usr was merged, or where a link leads.
    """
    names = {path: (path, path.resolve(), _before_merge(path.resolve())) for path in files}
    said = _asked("-S", *{str(name) for each in names.values() for name in each}).splitlines()
    told = [each.rpartition(": ") for each in said if not each.startswith("diversion by ")]
    known = {path: packages.split(", ")[0] for packages, _, path in told}
    return {
        path: next((known[str(name)] for name in each if str(name) in known), "")
        for path, each in names.items()
    }


def _before_merge(path: Path) -> Path:
    return Path(str(path).removeprefix("/usr"))


def _asked(*arguments: str) -> str:
    if shutil.which("dpkg-query") is None:
        return ""
    command = ["dpkg-query", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def bill(venv: Path, files: list[Path]) -> Component:
    """Return the bill of materials."""
    packages = sorted(_packages(venv), key=lambda part: str(part["name"]))
    (product,) = (part for part in packages if part["name"] == _PRODUCT)
    parts = [part for part in packages if part is not product] + list(_system(files))
    metadata: Component = {"component": product | {"type": "application"}}
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        metadata["timestamp"] = datetime.fromtimestamp(int(epoch), UTC).isoformat()
    content = json.dumps([product, parts], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, content).urn,
        "version": 1,
        "metadata": metadata,
        "components": parts,
    }


if __name__ == "__main__":
    listed = Path(sys.argv[2]).read_text(encoding="utf-8").split() if sys.argv[2:] else []
    made = bill(Path(sys.argv[1]), [Path(name) for name in listed])
    sys.stdout.write(json.dumps(made, indent=1) + "\n")
