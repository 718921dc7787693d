"""What end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.e2e.disks import Load


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library()), max_events=5_000_000) as it:
        yield it


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    (tmp_path / "access.log").touch()
    writer = Load(tmp_path / "access.log")
    writer.start()
    yield writer
    writer.stopping.set()
    writer.join()
