"""The architecture picture, as a test: imports run downwards, never up, never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "shipper"

# From the bottom to the top; a room may import from rooms below it and from inside itself.
LAYERS = [
    {"__init__", "errors", "model"},
    {"formats", "protocol"},
    {"grammar"},
    {"event"},
    {"config", "backoff"},
    {"tail", "collector", "serving"},
    {"store"},
    {"lanes", "room", "turn", "workers", "sending"},
    {"pump", "emitter", "receiver"},
    {"tracker"},
    {"devcollector", "service"},
    {"status"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(ROOT.rglob("*.py"))


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every shipper module that *path* imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by full name"
            if node.module and node.module.split(".")[0] == "shipper":
                yield node.module, node.lineno
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "shipper":
                    yield alias.name, node.lineno


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_run_downwards(path: Path) -> None:
    """A module imports from its own room or from a lower layer only."""
    room = _room(_name(path))
    for module, line in _imports(path):
        other = _room(module)
        if other not in LEVEL:  # a name imported from the package itself, such as __version__
            continue
        assert other == room or LEVEL[other] < LEVEL[room], (
            f"{path}:{line}: {room} (layer {LEVEL[room]}) imports {other} (layer {LEVEL[other]})"
        )


def test_every_room_has_a_layer() -> None:
    """A new room is first drawn into the picture above."""
    rooms = {_room(_name(path)) for path in MODULES}
    assert rooms <= set(LEVEL), f"not in LAYERS: {sorted(rooms - set(LEVEL))}"


def test_no_import_circle() -> None:
    """Inside a room, too, modules import each other in one direction only."""
    known = {_name(path) for path in MODULES}
    graph = {_name(p): {m for m, _ in _imports(p) if m in known and m != _name(p)} for p in MODULES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*trail, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())
