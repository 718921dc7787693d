"""docs/trackers.md and the README show what really happens."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shipper
from shipper.cli import run_cli
from shipper.devcollector.server import DevCollector
from shipper.store.store import Store

ROOT = Path(__file__).parents[2]
PAGES = ("docs/trackers.md", "README.md")
ADDRESS = "http://127.0.0.1:9090"


class AnySchema:
    """Takes everything: the examples' schemas are invented."""

    def find(self, _key: object, /) -> dict[str, Any]:
        return {"$schema": "http://json-schema.org/draft-07/schema#"}

    def describe(self) -> str:
        return "any"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DevCollector]:
    monkeypatch.chdir(tmp_path)
    handlers = list(logging.getLogger("shop").handlers)
    with DevCollector(AnySchema()) as it:
        yield it
    logging.getLogger("shop").handlers = handlers


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_the_page_runs(page: str, server: DevCollector, tmp_path: Path) -> None:
    """Copied and run in their order, the examples deliver every event, and none is bad."""
    names: dict[str, Any] = {}
    found = blocks(page, "python")
    assert found
    try:
        for example in found:
            exec(compile(example.replace(ADDRESS, server.url), page, "exec"), names)
    finally:
        emitters = [value for value in names.values() if isinstance(value, shipper.Emitter)]
        left = [emitter.stop(30) for emitter in emitters]
    assert not any(left)
    store = Store.open(tmp_path / "events")
    assert store.backlog().events == 0
    made = store.counters()["received", "tracker"]
    store.close()
    assert server.counts().good == made > 0
    assert server.counts().bad == 0


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_run(page: str, server: DevCollector, tmp_path: Path) -> None:
    """Each `shipper track` delivers."""
    line = '{"schema": "iglu:com.example/job/jsonschema/1-0-0", "data": {"name": "restore"}}\n'
    (tmp_path / "events.ndjson").write_text(line * 2)
    text = "".join(blocks(page, "console")).replace("\\\n", " ")
    commands = [row for row in text.splitlines() if row.startswith("$ shipper track ")]
    assert commands
    for command in commands:
        assert run_cli(shlex.split(command.replace(ADDRESS, server.url))[2:]) == 0
    assert server.counts().good >= len(commands)
    assert server.counts().bad == 0


def test_the_tables_name_what_there_is() -> None:
    """Every method and option that the page names on our side exists."""
    page = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    ours = " ".join(
        row.split("|")[2] for row in page.splitlines() if row.startswith("| ") and "|" in row[2:]
    )
    methods = set(re.findall(r"\b(track_[a-z_]+|set_[a-z_]+|from_id_cookie)\b", ours))
    assert len(methods) > 15
    known = dir(shipper.Tracker) + dir(shipper.Subject)
    assert methods <= set(known), methods - set(known)
    options = {
        "send_limit",
        "byte_limit_post",
        "byte_limit_get",
        "max_queue_bytes",
        "longest_pause",
    }
    assert options <= set(re.findall(r"[a-z_]+", ours))
    assert options <= set(shipper.Emitter.__dataclass_fields__)


def test_the_package_names_what_it_exports() -> None:
    """Each public name can be had, and a wrong one is an AttributeError as anywhere."""
    for name in shipper.__all__:
        assert getattr(shipper, name) is not None
    assert set(shipper.__all__) <= set(dir(shipper))
    with pytest.raises(AttributeError, match="Trakcer"):
        _ = shipper.Trakcer  # type: ignore[attr-defined]  # the mistake
