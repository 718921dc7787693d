"""Reads Logstash's configuration language: sections, plugins, conditions, values.

Rule 1: texts are as written, escapes included, as Logstash has it by default.
Rule 2: conditions are kept as text; nothing is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shipper.errors import DataError


class Setting(NamedTuple):
    """A key of a plugin or of a hash, its value, and where it stands."""

    key: str
    value: object
    where: str


@dataclass(slots=True)
class Hash:
    """Keys and values in their order; a key may stand twice."""

    items: list[Setting] = field(default_factory=list)


@dataclass(slots=True)
class Plugin:
    """A filter, input, output or codec with its settings.

    `label` is what people call it where that is another shipper's word for the same.
    """

    name: str
    where: str
    settings: list[Setting] = field(default_factory=list)
    label: str = ""

    @property
    def title(self) -> str:
        """Its name, for people."""
        return self.label or f"filter {self.name}"

    def get(self, key: str) -> object:
        """Return the value of *key*, None if it is not set."""
        return next((each.value for each in self.settings if each.key == key), None)

    def place(self, key: str) -> str:
        """Return where *key* stands, or the plugin."""
        return next((each.where for each in self.settings if each.key == key), self.where)


@dataclass(slots=True)
class Branch:
    """What stands under one condition, such as ``if [type] == "web"`` or ``else``."""

    condition: str
    where: str
    body: list[Plugin | Branch] = field(default_factory=list)


@dataclass(slots=True)
class Section:
    """input, filter or output, and what stands in it."""

    kind: str
    where: str
    body: list[Plugin | Branch] = field(default_factory=list)


_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?![\w.-])")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'', re.DOTALL)
_CONDITION = re.compile(
    r"(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[=!]~\s*/(?:\\.|[^/\\])*/|[^{\"'])*", re.DOTALL
)
_BRANCH = re.compile(r"(?:else\s+if|if|else)\b")
_SECTION = re.compile(r"(input|filter|output)\b")


def read_logstash(text: str, file: str) -> list[Section]:
    """Return the sections of a pipeline. Raises DataError with the place where it can't be read."""
    try:
        return list(_Reader(text, file).sections())
    except RecursionError as error:
        raise DataError(f"{file}: is nested too deep", "is it a pipeline of Logstash?") from error


class _Reader:
    """Reads one file from its beginning to its end."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0

    def sections(self) -> Iterator[Section]:
        while self._more():
            where = self._where()
            kind = self._take(_SECTION, "input, filter or output")
            yield Section(kind[1], where, self._block())

    def _block(self) -> list[Plugin | Branch]:
        self._sign("{")
        body: list[Plugin | Branch] = []
        while not self._next("}"):
            self._space()
            branch = _BRANCH.match(self._text, self._at)
            body.append(self._branch() if branch else self._plugin())
        return body

    def _branch(self) -> Branch:
        where = self._where()
        found = self._take(_CONDITION, "a condition")
        return Branch(" ".join(found[0].split()), where, self._block())

    def _plugin(self) -> Plugin:
        where = self._where()
        name = self._name("the name of a plugin")
        self._sign("{")
        plugin = Plugin(name, where)
        while not self._next("}"):
            plugin.settings.append(self._setting("the name of a setting"))
        return plugin

    def _setting(self, what: str) -> Setting:
        self._space()
        where = self._where()
        key = self._name(what)
        self._sign("=>")
        setting = Setting(key, self._value(), where)
        self._next(",")
        return setting

    def _name(self, what: str) -> str:
        self._space()
        if found := _STRING.match(self._text, self._at):
            self._at = found.end()
            return found[1] if found[1] is not None else found[2]
        if found := _NUMBER.match(self._text, self._at):
            self._at = found.end()
            return found[0]
        return self._take(_WORD, what)[0]

    def _value(self) -> object:
        if self._next("["):
            return list(self._items())
        if self._next("{"):
            made = Hash()
            while not self._next("}"):
                made.items.append(self._setting("a key"))
            return made
        if found := _NUMBER.match(self._text, self._at):
            self._at = found.end()
            return float(found[0]) if "." in found[0] else int(found[0])
        at = self._at
        word = self._name("a value")
        if self._text[at] not in "\"'" and self._peek("{"):
            self._at = at
            return self._plugin()
        return word

    def _items(self) -> Iterator[object]:
        while not self._next("]"):
            yield self._value()
            self._next(",")

    def _more(self) -> bool:
        self._space()
        return self._at < len(self._text)

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _peek(self, sign: str) -> bool:
        self._space()
        return self._text.startswith(sign, self._at)

    def _next(self, sign: str) -> bool:
        """Take *sign* if it comes next, and say whether it did."""
        if not self._peek(sign):
            if self._at >= len(self._text) and sign in "}]":
                raise self._error(f"the end of the file, but {sign!r} is missing")
            return False
        self._at += len(sign)
        return True

    def _sign(self, sign: str) -> None:
        if not self._next(sign):
            raise self._error(f"expected {sign!r}")

    def _take(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        self._space()
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(f"expected {what}")
        self._at = found.end()
        return found

    def _where(self) -> str:
        return f"{self._file}:{self._text.count(chr(10), 0, self._at) + 1}"

    def _error(self, what: str) -> DataError:
        seen = self._text[self._at : self._at + 30].split("\n")[0]
        behind = f", and found {seen!r}" if seen else ""
        return DataError(f"{self._where()}: {what}{behind}", "is it a pipeline of Logstash?")
