"""What the image says of itself: its bill of materials, made here of this environment."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import referencing

from shipper import __version__

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.e2e


def _bill(folder: Path, listed: list[str]) -> bytes:
    """The bill of materials of the environment that runs the tests, and of files *listed*."""
    files_ = folder / "files"
    files_.write_text("\n".join(listed), encoding="utf-8")
    command = [sys.executable, str(ROOT / "deploy/image/sbom.py"), sys.prefix, str(files_)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1795000000"}
    return subprocess.run(command, capture_output=True, check=True, env=environ).stdout


def _schema() -> jsonschema.Draft7Validator:
    """CycloneDX 1.6, from the package that has its schemas."""
    folder = files("cyclonedx.schema") / "_res"
    read = [orjson.loads(f.read_bytes()) for f in folder.iterdir() if f.name.endswith(".json")]
    known = [(each["$id"], referencing.Resource.from_contents(each)) for each in read]
    (whole,) = (each for each in read if "bom-1.6." in each["$id"])
    registry: Any = referencing.Registry().with_resources(known)
    return jsonschema.Draft7Validator(whole, registry=registry)


def test_the_bill_of_materials_keeps_its_schema(tmp_path: Path) -> None:
    """It is valid CycloneDX, of this version of the program, with its packages and licences."""
    bill = orjson.loads(_bill(tmp_path, [os.path.realpath(sys.executable), "/nobody/has/this"]))

    assert list(_schema().iter_errors(bill)) == []
    assert bill["metadata"]["component"]["version"] == __version__
    parts = {part["name"]: part for part in bill["components"]}
    assert {"orjson", "pydantic", "regex", "cpython", "/nobody/has/this"} <= set(parts)
    assert parts["click"]["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert parts["orjson"]["purl"] == f"pkg:pypi/orjson@{parts['orjson']['version']}"


def test_the_same_parts_give_the_same_bill(tmp_path: Path) -> None:
    """Byte for byte, so that an image can be built again."""
    assert _bill(tmp_path, ["/a"]) == _bill(tmp_path, ["/a"]) != _bill(tmp_path, ["/b"])
