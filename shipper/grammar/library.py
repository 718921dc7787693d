"""Finds grammars by name: the shipped ones, and those in directories of the user's.

Rule 1: a grammar's name is the stem of its file, so a name is found without reading the others.
Rule 2: directories named later win over those named before, and all win over the shipped ones.
Rule 3: a grammar is loaded when it is first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import shipper
from shipper.errors import GrammarError, Problem
from shipper.grammar.auto import NAME as AUTO
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Grammar
from shipper.grammar.loader import load_grammar
from shipper.grammar.patterns import PatternBook, read_pattern_directories
from shipper.grammar.suggest import did_you_mean


def shipped_directory() -> Path:
    """Return where the shipped grammars are: in the installed package, or beside a checkout's."""
    package = Path(shipper.__file__).resolve().parent
    inside = package / "grammars"
    return inside if inside.is_dir() else package.parent / "grammars"


class Library:
    """All grammars within reach."""

    def __init__(
        self,
        extra_directories: Sequence[Path] = (),
        extra_pattern_directories: Sequence[Path] = (),
        timezone: str = "UTC",
    ) -> None:
        """Look into *extra_directories* too; nothing is read before it is asked for.

        A `patterns` directory inside a directory of grammars is read as well, and
        *extra_pattern_directories* after it; what is read later wins. *timezone* holds for times
        that name none, of grammars that name none either.
        """
        self._directories = [shipped_directory(), *extra_directories]
        self._pattern_directories = extra_pattern_directories
        self._timezone = timezone
        self._elsewhere: dict[str, Library] = {timezone: self}
        self._loaded: dict[str, Grammar] = {}
        self._loading: list[str] = []
        self._proven = False

    def names(self) -> list[str]:
        """Return the names of all grammars, sorted. Raises GrammarError if one can't be listed."""
        return sorted(self._files)

    def file(self, name: str) -> Path:
        """Return the file of the grammar *name*. Raises GrammarError if there is none."""
        if name not in self._files:
            remedy = did_you_mean(name, self._files)
            raise GrammarError([Problem(name, "", "there is no such grammar", remedy)])
        return self._files[name]

    def get(self, name: str) -> Grammar:
        """Return the grammar *name*. Raises GrammarError if there is none, or if it is wrong."""
        if name not in self._loaded:
            file = self.file(name)
            self._loading.append(name)
            try:
                self._loaded[name] = self._load(file)
            finally:
                self._loading.pop()
        return self._loaded[name]

    def all(self) -> list[Grammar]:
        """Return all grammars, by name. Raises GrammarError with the problems of all of them."""
        problems: list[Problem] = []
        for name in self.names():
            try:
                self.get(name)
            except GrammarError as error:
                problems += error.problems
        if problems:
            raise GrammarError(dict.fromkeys(problems))
        return [self.get(name) for name in self.names()]

    def named(self, name: str) -> Grammar | Auto:
        """Return the grammar *name*, or for ``auto`` all of them as one. Raises GrammarError."""
        return self._auto if name == AUTO else self.get(name)

    def in_zone(self, timezone: str) -> Library:
        """Return the same grammars for logs whose times are those of *timezone*."""
        if timezone not in self._elsewhere:
            directories = self._directories[1:]
            library = Library(directories, self._pattern_directories, timezone)
            self._elsewhere[timezone] = library
        return self._elsewhere[timezone]

    @cached_property
    def _auto(self) -> Auto:
        """The one that finds the grammar of each record by itself.

        The expressions of the shipped grammars are compiled when a record may be theirs: most
        never are, and all of them would take seconds. The tests have proven them.
        """
        self._proven = not self._pattern_directories and len(self._directories) == 1
        try:
            return Auto(self.all())
        finally:
            self._proven = False

    @property
    def loading(self) -> Sequence[str]:
        """The grammars that are being loaded, each because the one before it names it."""
        return tuple(self._loading)

    def _load(self, file: Path) -> Grammar:
        proven = self._proven and file.parent == shipped_directory()
        grammar = load_grammar(file, self.book, self, timezone=self._timezone, proven=proven)
        if grammar.name != file.stem:
            what = f"is {grammar.name!r}, but the file is named {file.name!r}"
            raise GrammarError([Problem(str(file), "name", what, f"write name: {file.stem}")])
        return grammar

    @cached_property
    def _files(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for directory in self._directories:
            for file in _yaml_files(directory):
                found[file.stem] = file
        return found

    @cached_property
    def book(self) -> PatternBook:
        """The named patterns of all directories. Raises GrammarError."""
        beside = [directory / "patterns" for directory in self._directories]
        own = [directory for directory in beside if directory.is_dir()]
        return read_pattern_directories([*own, *self._pattern_directories])


def _yaml_files(directory: Path) -> Iterable[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        what = f"can't read the directory of grammars: {error.strerror}"
        raise GrammarError([Problem(str(directory), "", what, "name an existing one")]) from error
    return [f for f in entries if f.suffix in (".yaml", ".yml") and not f.name.startswith(".")]
