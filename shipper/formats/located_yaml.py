"""YAML that remembers where each key stands, so that an error can say file:line.

Rule 1: plain data only: null, true and false, numbers, text, lists, mappings, as in the core
schema of YAML 1.2. ``yes``, ``12:30`` and ``2026-11-23`` are text; a tag that would build an
object is an error.
Rule 2: every key is text, as it is written; ``on:`` and ``1:`` are the names they look like. A key
that stands twice in one mapping is an error (YAML would silently keep the last).
Rule 3: work is bounded: MAX_BYTES of text, MAX_DEPTH levels, MAX_NODES values after the aliases
are followed. So an alias that contains itself, or grows without end, is an error, not a hang.
Rule 4: the parser of libyaml is used where PyYAML has it, for its speed. Composing stays in Python:
libyaml's own composer overruns the C stack on deep nesting.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import Composer
from yaml.resolver import BaseResolver

from shipper.errors import Problem

if TYPE_CHECKING or not yaml.__with_libyaml__:
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class _Events(Reader, Scanner, Parser):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
else:
    from yaml.cyaml import CParser as _Events

Path_ = tuple[str | int, ...]

MAX_BYTES = 1_048_576
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_DIGITS = 400
MAX_PROBLEMS = 100

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {f"{_TAG}seq", f"{_TAG}map"}
_KEYS = {f"{_TAG}{kind}" for kind in ("str", "null", "bool", "int", "float")}
_SCALARS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    "merge": re.compile(r"<<\Z"),
}
_HALF = re.compile("[\ud800-\udfff]")
_UNFIT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REMEDIES = (
    ("alias", "a text that starts with * or & needs quotes"),
    ("anchor", "a text that starts with * or & needs quotes"),
    ("cannot start any token", "a text that starts with %, @ or ` needs quotes"),
    ("mapping values are not allowed", "a text that holds ': ' needs quotes"),
    ("escape", "use single quotes: there a backslash is only a backslash"),
    ("document", "keep one document in a file: no --- in the middle"),
)


@dataclass(frozen=True, slots=True)
class Located:
    """A document's plain data and the line (from 1) of each of its keys and items, by path."""

    name: str
    data: Any
    lines: dict[Path_, int]

    def where(self, path: Path_) -> str:
        """Return ``file:line`` of *path*, or of the nearest enclosing key that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


class LocatedYamlError(ValueError):
    """The text is no usable YAML; `problems` names each place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class _TooMuchError(Exception):
    def __init__(self, line: int, *, deep: bool) -> None:
        values = f"more than {MAX_NODES:,} values, those of its aliases counted"
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels" if deep else f"holds {values}")
        self.line = line


def load(file: Path) -> Located:
    """Read *file*. Raises OSError if it can't be read, LocatedYamlError if it is no usable YAML."""
    raw = read_bounded(file, limit=MAX_BYTES + 1)
    name = file_name(file)
    if len(raw) > MAX_BYTES:
        raise _too_long(name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"is not UTF-8 text (byte {error.start})"
        raise _failure(f"{name}:{line}", what, "save it as UTF-8") from error
    return parse(text, name)


def file_name(file: Path) -> str:
    """Return the name of *file* for messages: bytes that are no UTF-8 are replaced."""
    return os.fsencode(file).decode("utf-8", "replace")


def read_bounded(file: Path, *, limit: int) -> bytes:
    """Return at most *limit* bytes of the regular file *file*.

    Raises OSError if it can't be read, and for what is no regular file: a pipe might never end.
    """
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(file))
    with file.open("rb") as stream:
        return stream.read(limit)


def parse(text: str, name: str) -> Located:
    """Parse *text*; *name* stands for the file in messages. Raises LocatedYamlError."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        raise _too_long(name)
    if unfit := _UNFIT.search(text):
        where = f"{name}:{text.count(chr(10), 0, unfit.start()) + 1}"
        code = f"U+{ord(unfit[0]):04X}"
        raise _failure(where, f"holds the control character {code}", "remove it")
    reading = _Reading(name)
    try:
        node = _Loader(text).get_single_node()
        data = None if node is None else reading.value(node, ())
    except _TooMuchError as error:
        raise _failure(f"{name}:{error.line}", str(error), "make it simpler") from error
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, name) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _failure(name, f"is not valid YAML: {error}") from error
    if reading.problems:
        raise LocatedYamlError(list(dict.fromkeys(reading.problems))[:MAX_PROBLEMS])
    return Located(name, data, reading.lines)


def _too_long(name: str) -> LocatedYamlError:
    return _failure(name, f"is longer than {MAX_BYTES:,} bytes", "split it up")


def _failure(where: str, what: str, remedy: str = "") -> LocatedYamlError:
    return LocatedYamlError([Problem(where, "", what, remedy)])


def _not_yaml(error: yaml.MarkedYAMLError, text: str, name: str) -> LocatedYamlError:
    what = " ".join(filter(None, [error.context, error.problem]))[:300]
    remedy = next((remedy for part, remedy in _REMEDIES if part in what), "")
    mark = error.problem_mark
    if mark is None:
        return _failure(name, f"is not valid YAML: {what}", remedy)
    line = [*text.split("\n"), ""][min(mark.line, text.count("\n"))]
    if "\t" in line[: mark.column + 1]:
        remedy = "indent with spaces, not with tabs"
    where = f"{name}:{mark.line + 1}:{mark.column + 1}"
    return _failure(where, f"is not valid YAML: {what}", remedy)


class _Loader(Composer, _Events, BaseResolver):
    """From text to nodes, bounded in depth and number."""

    def __init__(self, text: str) -> None:
        _Events.__init__(self, text)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, unless it is one too many or too deep."""
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_NODES:
            event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise _TooMuchError(event.start_mark.line + 1, deep=self._depth > MAX_DEPTH)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _kind, _first in {
    "null": [*"~nN", ""],
    "bool": [*"tTfF"],
    "int": [*"-+0123456789"],
    "float": [*"-+.0123456789"],
    "merge": ["<"],
}.items():
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", _SCALARS[_kind], _first)


def _is_text(key: yaml.Node) -> bool:
    is_scalar = isinstance(key, yaml.ScalarNode) and key.tag in _KEYS
    return is_scalar and not _HALF.search(key.value)


class _Reading:
    """One pass over a document's nodes: its data, the line of each path, and what is wrong."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._name = name
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        """Return the plain data of *node*, which stands at *path*."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > MAX_NODES or len(self._open) > MAX_DEPTH:
            raise _TooMuchError(node.start_mark.line + 1, deep=len(self._open) > MAX_DEPTH)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            return self._wrong(node, "contains itself", "write the value out")
        if node.tag not in _COLLECTIONS:
            return self._wrong(node, f"has the tag {node.tag[:60]!r}", "remove the tag")
        self._open.add(id(node))
        data = self._collection(node, path)
        self._open.discard(id(node))
        return data

    def _collection(self, node: yaml.Node, path: Path_) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not _is_text(key):
                self._wrong(key, "has a key that is no plain text", "put the key in quotes")
            elif key.value in own:
                what = f"the key {key.value[:60]!r} stands twice in one mapping"
                self._wrong(key, what, "keep one of them")
            else:
                self.lines.setdefault((*path, key.value), key.start_mark.line + 1)
                own[key.value] = self.value(value, (*path, key.value))
        for base in merged:
            own = self._merged(base, path) | own
        return own

    def _merged(self, base: yaml.Node, path: Path_) -> dict[str, Any]:
        data = self.value(base, path)
        if isinstance(data, dict):
            return data
        self._wrong(base, "merges (<<) what is no mapping", "name the anchor of a mapping")
        return {}

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind, text = node.tag.removeprefix(_TAG), node.value
        if _HALF.search(text):
            return self._wrong(node, "holds half a character (U+D800 to U+DFFF)", "remove it")
        if kind == "str":
            return text
        if kind not in _SCALARS or not _SCALARS[kind].match(text):
            return self._wrong(node, f"has the tag {node.tag[:60]!r}", "remove the tag")
        if len(text) > MAX_DIGITS:
            return self._wrong(node, "is a number of too many digits", "put it in quotes")
        return _plain(kind, text)

    def _wrong(self, node: yaml.Node, what: str, remedy: str) -> None:
        where = f"{self._name}:{node.start_mark.line + 1}"
        self.problems.append(Problem(where, "", what, remedy))


def _plain(kind: str, text: str) -> bool | int | float | str | None:
    """Return the value that *text* spells, a scalar of the core schema."""
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(re.sub(r"\.(?=[inIN])", "", text))  # .inf, .nan
        case _:
            return text
