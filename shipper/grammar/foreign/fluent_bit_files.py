"""Reads the files of Fluent Bit, the classic ones and those in YAML, into sections.

Rule 1: keys are in small letters; every entry keeps its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shipper.errors import DataError
from shipper.formats import located_yaml
from shipper.formats.located_yaml import Located, LocatedYamlError
from shipper.grammar.foreign.parts import Lose

_HEADER = re.compile(r"\s*\[\s*([A-Za-z_ ]+?)\s*\]\s*")
_ENTRY = re.compile(r"\s*(\S+)(?:\s+(.*))?")
_SECTIONS: Final = {"parsers": "parser", "multiline_parsers": "multiline_parser"}


class Entry(NamedTuple):
    """One key of a section, as it is written, and where."""

    key: str
    value: str
    where: str


@dataclass(slots=True)
class Section:
    """A section: its kind in small letters, such as ``parser``, where it begins, its entries."""

    kind: str
    where: str
    entries: list[Entry] = field(default_factory=list)

    def get(self, key: str) -> str:
        """Return the value of *key*, the last one if there are several; empty if there is none."""
        return next((each.value for each in reversed(self.entries) if each.key == key), "")

    def place(self, key: str) -> str:
        """Return where *key* stands, or the section."""
        return next((each.where for each in self.entries if each.key == key), self.where)


def read_sections(text: str, file: str, lose: Lose) -> list[Section]:
    """Return the sections of a file; *lose* is told of lines that are none's. Raises DataError."""
    if any(_HEADER.fullmatch(line) for line in text.splitlines()):
        return _classic(text, file, lose)
    try:
        located = located_yaml.parse(text, file)
    except LocatedYamlError as error:
        raise DataError("\n".join(map(str, error.problems)), "mend the file") from error
    if not isinstance(located.data, dict):
        raise DataError(f"{file} has no [PARSER] and no parsers:", "name a file of parsers")
    return list(_yaml(located, lose))


def _classic(text: str, file: str, lose: Lose) -> list[Section]:
    sections: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        where, bare = f"{file}:{number}", line.strip()
        if not bare or bare.startswith("#"):
            continue
        if header := _HEADER.fullmatch(line):
            sections.append(Section(header[1].lower(), where))
        elif bare.startswith("@"):
            lose(where, bare.split()[0], "give the file that it names a run of its own")
        elif not sections:
            lose(where, bare, "stands in no section")
        elif found := _ENTRY.fullmatch(line.rstrip()):
            sections[-1].entries.append(Entry(found[1].lower(), found[2] or "", where))
    return sections


def _yaml(located: Located, lose: Lose) -> Iterator[Section]:
    for name, items in located.data.items():
        if name not in _SECTIONS or not isinstance(items, list):
            lose(located.where((name,)), name, "is no list of parsers")
            continue
        for index, item in enumerate(items):
            section = Section(_SECTIONS[name], located.where((name, index)))
            if isinstance(item, dict):
                section.entries = list(_entries(located, item, (name, index)))
            yield section


def _entries(
    located: Located, item: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Entry]:
    for key, value in item.items():
        where = located.where((*path, key))
        if key == "rules" and isinstance(value, list):
            for index, rule in enumerate(value):
                yield Entry("rule", _rule(rule), located.where((*path, key, index)))
        else:
            yield Entry(key.lower(), _text(value), where)


def _rule(rule: Any) -> str:
    """Return a rule of a multi-line parser as the classic files have it."""
    if not isinstance(rule, dict):
        return str(rule)
    return " ".join(f'"{rule.get(key, "")}"' for key in ("state", "regex", "next_state"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)
