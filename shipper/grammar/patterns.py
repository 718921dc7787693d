"""The pattern library: names and their expressions, as Logstash's pattern files write them.

Rule 1: a line is ``NAME expression``; blank lines and lines starting with ``#`` say nothing.
Rule 2: what is loaded later wins, so a user's file can redefine a shipped name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shipper.errors import GrammarError, Problem

_LINE = re.compile(r"\s*(?P<name>[A-Za-z0-9_-]+)[ \t]+(?P<text>\S.*)", re.ASCII)


class Definition(NamedTuple):
    """One named expression and the place, ``file:line``, where it is written."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class PatternBook:
    """All named expressions that a grammar may use."""

    definitions: Mapping[str, Definition]

    def __contains__(self, name: object) -> bool:
        return name in self.definitions

    def __getitem__(self, name: str) -> Definition:
        return self.definitions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.definitions)

    def plus(self, more: Mapping[str, Definition]) -> PatternBook:
        """Return a book in which *more* is added and wins."""
        return PatternBook({**self.definitions, **more}) if more else self


def read_pattern_directories(directories: Iterable[Path]) -> PatternBook:
    """Read every file of *directories*, in the order given and by file name inside each.

    Raises GrammarError with all problems found: a directory that is missing, a file that is no
    text, a line that has no expression.
    """
    definitions: dict[str, Definition] = {}
    problems: list[Problem] = []
    for directory in directories:
        for file in _files(directory, problems):
            definitions.update(_read_file(file, problems))
    if problems:
        raise GrammarError(problems)
    return PatternBook(definitions)


def _files(directory: Path, problems: list[Problem]) -> list[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        what = f"can't read the pattern directory: {error.strerror}"
        problems.append(Problem(str(directory), "", what, "name an existing directory"))
        return []
    return [file for file in entries if not _is_stray(file.name) and file.is_file()]


def _is_stray(name: str) -> bool:
    return name.startswith(".") or name.endswith(("~", ".md", ".swp"))


def _read_file(file: Path, problems: list[Problem]) -> dict[str, Definition]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"can't read the pattern file: {error}"
        problems.append(Problem(str(file), "", what, "save it as UTF-8 text"))
        return {}
    definitions = {}
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{file}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _LINE.fullmatch(line.rstrip("\r")):
            definitions[found["name"]] = Definition(found["text"], where)
        else:
            problems.append(Problem(where, "", "is no pattern line", "write: NAME expression"))
    return definitions
