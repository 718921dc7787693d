"""From a file to a `Config`, or to every mistake in it at once.

Rule 1: whatever the file holds, the outcome is a Config or one ConfigError.
Rule 2: the problems stand in the order of their lines, each at file:line with its key.
Rule 3: besides the configuration only secret files are read; nothing is written or connected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shipper.config import sentences
from shipper.config.fields import is_stdin
from shipper.config.models import Config
from shipper.config.references import References, key_text
from shipper.errors import ConfigError, Problem
from shipper.formats.located_yaml import Located, LocatedYamlError, Path_, file_name, load

MAX_PROBLEMS = 100

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
_NARROW = ("integer", "number", "boolean")

_SMALLEST = (
    f"the smallest is {{{sentences.EXAMPLES['collector']}, {sentences.EXAMPLES['sources']}}}"
)


def load_config(file: Path, environ: Mapping[str, str]) -> Config:
    """Read the configuration *file*, taking references from *environ*.

    Raises ConfigError, which carries all problems.
    """
    return load_located(file, environ)[0]


def load_located(file: Path, environ: Mapping[str, str]) -> tuple[Config, Located]:
    """Read *file* as `load_config` does; the second value tells where each key stands.

    Its data are as written: references not followed, so no secret is in it.
    """
    located = _read(file)
    references = References(located, environ)
    data = references.follow(located.data)
    found = {**dict(_repeated_names(data, located)), **dict(_repeated_stdin(data, located))}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found |= dict(sentences.problems(error, located))
        config = None
    # A value whose reference leads nowhere is empty now: what else is said of it is noise, and so
    # is what is said of the group that it stands in.
    lost = references.problems
    found = {at: each for at, each in found.items() if not any(at == p[: len(at)] for p in lost)}
    found |= lost
    if found or config is None:
        raise ConfigError(_in_order(found, located))
    return config, located


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration, for editors."""
    schema = Config.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_references(schema),
        "title": "Configuration of the Snowplow Logfile Source",
    }


def resolved(config: Config) -> dict[str, Any]:
    """Return *config* as plain data to print, defaults filled in and secrets masked."""
    return config.model_dump(mode="json", by_alias=True)


def _read(file: Path) -> Located:
    try:
        located = load(file)
    except LocatedYamlError as error:
        raise ConfigError(error.problems) from error
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "no usable path").lower()
        missing = isinstance(error, FileNotFoundError)
        remedy = f"write one, or name one; {_SMALLEST}" if missing else "name a readable file"
        problem = Problem(file_name(file), "", f"can't be read: {reason}", remedy)
        raise ConfigError([problem]) from error
    if not isinstance(located.data, dict):
        kind = "a list" if isinstance(located.data, list) else "a single value"
        what = "is empty" if located.data is None else f"is {kind}, not a mapping"
        raise ConfigError([Problem(located.name, "", what, _SMALLEST)])
    return located


def _sources(data: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    sources = data.get("sources")
    for index, source in enumerate(sources if isinstance(sources, list) else ()):
        if isinstance(source, dict):
            yield index, source


def _repeated_names(data: dict[str, Any], located: Located) -> Iterator[tuple[Path_, Problem]]:
    first: dict[str, str] = {}
    for index, source in _sources(data):
        name = source.get("name")
        if not isinstance(name, str) or not name:
            continue
        path: Path_ = ("sources", index, "name")
        where = located.where(path)
        if name in first:
            what = f"{name[:64]!r} is the name of another source, at {first[name]}"
            yield path, Problem(where, key_text(path), what, "give each source its own name")
        first.setdefault(name, where)


def _repeated_stdin(data: dict[str, Any], located: Located) -> Iterator[tuple[Path_, Problem]]:
    first = ""
    for index, source in _sources(data):
        paths = source.get("paths")
        for number, written in enumerate(paths if isinstance(paths, list) else [paths]):
            if not is_stdin(written):
                continue
            path: Path_ = ("sources", index, "paths", *([number] if paths != written else []))
            where = located.where(path)
            if first:
                what = f"{written!r} is standard input, which is read already at {first}"
                yield path, Problem(where, key_text(path), what, "name it in one source, once")
            first = first or where


def _in_order(found: Mapping[Path_, Problem], located: Located) -> list[Problem]:
    listed = sorted(found.values(), key=lambda problem: int(problem.where.rpartition(":")[2]))
    if len(listed) > MAX_PROBLEMS:
        what = f"and {len(listed) - MAX_PROBLEMS:,} mistakes more"
        listed[MAX_PROBLEMS:] = [Problem(located.name, "", what)]
    return listed


def _with_references(node: Any) -> Any:
    """Let a ``${…}`` text stand where *node*, a JSON Schema, asks for something narrower."""
    if isinstance(node, list):
        return [_with_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        return {**node, "anyOf": [*node["anyOf"], _REFERENCE]}
    if node.keys() & {"enum", "const", "pattern"} or node.get("type") in _NARROW:
        outer = {key: node[key] for key in ("title", "description", "default") if key in node}
        inner = {key: value for key, value in node.items() if key not in outer}
        return {**outer, "anyOf": [inner, _REFERENCE]}
    return {key: _with_references(value) for key, value in node.items()}
