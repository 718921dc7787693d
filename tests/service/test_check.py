"""What ``shipper check`` looks at besides the configuration itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.config.models import Config
from shipper.service.check import check
from tests.nobody import as_nobody


def configured(directory: Path, *sources: dict[str, object]) -> Config:
    return Config.model_validate(
        {
            "state": str(directory / "state"),
            "collector": {"url": "http://127.0.0.1:9"},
            "sources": [{"grammar": "logfmt", **source} for source in sources],
        }
    )


def place(path: tuple[str | int, ...]) -> str:
    return f"shipper.yaml:{path[1]}"


def said(config: Config) -> list[tuple[str, str]]:
    return [(finding.level, finding.what) for finding in check(config, place, offline=True)]


def test_an_excluded_file_is_no_overlap(tmp_path: Path) -> None:
    """A file that the second source leaves out has one reader; else it is told."""
    (tmp_path / "a.log").touch()
    first: dict[str, object] = {"name": "one", "paths": str(tmp_path / "*.log")}
    second: dict[str, object] = {"name": "two", "paths": str(tmp_path / "a.*")}
    both = "named by the sources one and two"
    assert any(both in what for _, what in said(configured(tmp_path, first, second)))
    second["exclude"] = "a.log"
    assert not any(both in what for _, what in said(configured(tmp_path, first, second)))


def test_the_doctor_is_asked(tmp_path: Path) -> None:
    """What the doctor finds is part of the check."""
    config = configured(tmp_path, {"name": "all", "paths": str(tmp_path / "**")})
    assert any("shipper's own state" in what for level, what in said(config) if level == "warning")


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """A file without read permission is named, with the line of its pattern."""
    with tempfile.TemporaryDirectory() as name:
        open_to_all = Path(name)
        open_to_all.chmod(0o755)
        (open_to_all / "a.log").touch(mode=0o200)
        config = configured(tmp_path, {"name": "one", "paths": f"{name}/*.log"})
        findings = check(config, place, offline=True)
        assert next(findings).what == "source one: grammar logfmt"  # a checkout may be private
        with as_nobody():
            found = [(finding.level, finding.what) for finding in findings]
    assert ("warning", f"shipper.yaml:0: {name}/a.log can't be read") in found


def test_odd_names_stay_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file name with a line end or an escape sequence in it drives no terminal."""
    (tmp_path / "a\n\x1b[31m.log").touch()
    file = tmp_path / "shipper.yaml"
    source = f"grammar: logfmt, paths: '{tmp_path}/*.log'"
    file.write_text(
        "collector: {url: 'http://127.0.0.1:9'}\n"
        f"state: {tmp_path}/state\n"
        f"sources: [{{name: a, {source}}}, {{name: b, {source}}}]\n",
        encoding="utf-8",
    )
    assert run_cli(["check", "-c", str(file), "--offline"]) == 0
    assert "a\\n\\x1b[31m.log is named by the sources" in capsys.readouterr().out


def test_streams_are_named(tmp_path: Path) -> None:
    """Standard input and FIFOs are told as what they are, and are no missing files."""
    os.mkfifo(tmp_path / "a.fifo")
    config = configured(
        tmp_path,
        {"name": "in", "paths": "-"},
        {"name": "fifo", "paths": str(tmp_path / "a.fifo")},
    )
    found = said(config)
    assert ("ok", "source in: standard input") in found
    assert ("ok", f"source fifo: {tmp_path}/a.fifo is a FIFO, read anew for each writer") in found
    assert not any("no file matches" in what or "a pattern takes" in what for _, what in found)


def test_a_fifo_that_a_pattern_takes(tmp_path: Path) -> None:
    """A FIFO that only a pattern names may be meant for others: that is told, with its sources."""
    fifo = tmp_path / "a.fifo"
    os.mkfifo(fifo)
    first: dict[str, object] = {"name": "one", "paths": str(tmp_path / "*.fifo")}
    second: dict[str, object] = {"name": "two", "paths": str(tmp_path / "a*")}
    found = said(configured(tmp_path, first, second))
    assert any(f"a pattern takes the FIFO {fifo}" in what for _, what in found)
    assert any("named by the sources one and two: one reads it" in what for _, what in found)
    first["exclude"] = second["exclude"] = "*.fifo"
    assert not any("a.fifo" in what for _, what in said(configured(tmp_path, first, second)))
