"""What can go wrong, each with the exit code that scripts may rely on.

ShipperError                     70  a defect of ours
├── UsageError                   64  the command line makes no sense
├── DataError                    65  input data can't be used
├── CollectorError               69  the collector can't be reached or refuses
├── StateError                   73  the state directory or database can't be used
│   ├── StateDamagedError        73  it holds what can't be read: bad bytes, cut off
│   └── StateBusyError           75  it can't be used just now: full disk, lock held; try again
└── InvalidError                 78  something that a person wrote is wrong; carries all problems
    ├── ConfigError                  the configuration file
    └── GrammarError                 a grammar file

A message says what, where and why; `remedy` says what to do. The numbers are sysexits(3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file that a person wrote.

    `where` is ``file:line`` (or just the file), `key` the dotted path inside it, `remedy` what
    would be right. Empty strings stand for "not known".
    """

    where: str
    key: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        key = f" {self.key}:" if self.key else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.where}:{key} {self.what}{remedy}"


class ShipperError(Exception):
    """Any failure that this program reports by itself; `exit_code` is what the process returns."""

    exit_code = 70

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class UsageError(ShipperError):
    """The command line asks for something that can't be done."""

    exit_code = 64


class DataError(ShipperError):
    """Input data can't be used."""

    exit_code = 65


class CollectorError(ShipperError):
    """The collector can't be reached, or answers with a refusal."""

    exit_code = 69


class StateError(ShipperError):
    """The state directory or its database can't be used."""

    exit_code = 73


class StateDamagedError(StateError):
    """The state holds what can't be read: a start may salvage the rest."""


class StateBusyError(StateError):
    """The state can't be used just now (disk full, lock held): the same call may succeed later."""

    exit_code = 75


class InvalidError(ShipperError):
    """Something that a person wrote is wrong. Carries every problem found, not only the first."""

    exit_code = 78

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ConfigError(InvalidError):
    """The configuration can't be used."""


class GrammarError(InvalidError):
    """A grammar can't be used."""
