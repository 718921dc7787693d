"""A configuration file to write, load and hear about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shipper.config.load import load_config
from shipper.config.models import Config
from shipper.errors import ConfigError, Problem

SOURCE = "{name: web, paths: /logs/a.log, grammar: logfmt}"
COLLECTOR = '{url: "https://collector.example.com"}'


class Desk:
    """Where a person writes shipper.yaml and has it read."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "shipper.yaml"
        self.environ: dict[str, str] = {}

    def write(self, text: str | bytes) -> Desk:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def load(self, text: str | bytes) -> Config:
        return load_config(self.write(text).file, self.environ)

    def problems(self, text: str | bytes) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            self.load(text)
        assert caught.value.exit_code == 78
        return caught.value.problems

    def told(self, text: str | bytes) -> list[tuple[int, str, str]]:
        """Line, key and mistake of each problem."""
        return [
            (int(problem.where.removeprefix(f"{self.file}:")), problem.key, problem.what)
            for problem in self.problems(text)
        ]

    def only(self, text: str | bytes) -> Problem:
        """Return the one problem."""
        (problem,) = self.problems(text)
        return problem

    def collector(self, keys: str, environ: Mapping[str, str] | None = None) -> str:
        """Return a configuration whose collector has *keys* besides the address."""
        self.environ = dict(environ or {})
        return f"collector: {{url: 'https://c.example.com', {keys}}}\nsources: [{SOURCE}]\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
