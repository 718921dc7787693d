"""``shipper config schema``: the schemas, and the files in the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shipper.cli import run_cli
from shipper.formats import located_yaml

Capture = pytest.CaptureFixture[str]
GRAMMARS = sorted((Path(__file__).parents[2] / "grammars").glob("*.yaml"))


def run(*arguments: str | Path) -> int:
    return run_cli(["config", "schema", *map(str, arguments)])


@pytest.fixture
def of_grammars(capsys: Capture) -> Any:
    assert run("--grammar") == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", [(), ("--grammar",)])
def test_the_file_in_the_package_is_current(
    kind: tuple[str, ...], capsys: Capture, tmp_path: Path
) -> None:
    """If not: make fmt."""
    assert run(*kind, "--where") == 0
    packaged = Path(capsys.readouterr().out.rstrip("\n"))
    assert run(*kind, "--out", tmp_path / "new.json") == 0
    assert run(*kind) == 0
    assert packaged.read_text() == (tmp_path / "new.json").read_text() == capsys.readouterr().out


def test_every_shipped_grammar_is_valid(of_grammars: Any) -> None:
    """An editor marks nothing in the files that we ship."""
    validator = jsonschema.Draft202012Validator(of_grammars)
    for file in GRAMMARS:
        assert list(validator.iter_errors(located_yaml.load(file).data)) == [], file


@pytest.mark.parametrize(
    "slip",
    [{"mach": "x"}, {"fields": {"a": {"typ": "integer"}}}, {"match": [1]}, {"event": "struckt"}],
)
def test_a_slip_in_a_grammar_is_marked(slip: dict[str, Any], of_grammars: Any) -> None:
    """Unknown keys at any depth, wrong types, unknown words."""
    good = {"name": "a", "title": "a", "schema": "iglu:a/a/jsonschema/1-0-0", "match": "(?<a>x)"}
    validator = jsonschema.Draft202012Validator(of_grammars)
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, **slip})


def test_a_file_that_can_not_be_written(tmp_path: Path, capsys: Capture) -> None:
    """Exit 64, with the path."""
    assert run("--out", tmp_path / "no" / "such") == 64
    assert "can't be written" in capsys.readouterr().err
