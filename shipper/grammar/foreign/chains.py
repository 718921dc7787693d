"""Filters in their order as grammars: one for each filter that reads lines.

Rule 1: what stands under no condition, or under those that the reading filter stands under, is
        applied; a condition itself is a Loss, for here a source names the grammars of its files.
Rule 2: what stands under conditions of its own is a Loss, not a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from shipper.grammar.foreign.logstash_changes import Changes
from shipper.grammar.foreign.logstash_readers import READERS, read_reader
from shipper.grammar.foreign.logstash_syntax import Branch, Plugin
from shipper.grammar.foreign.parts import Foreign, Lose, grammar_name
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.reference import GrokError

_CONDITION: Final = (
    "conditions are not taken over: name the grammar in the source that has such lines"
)
_UNDER: Final = "stands under {}: conditions are not taken over"

Body = Sequence[Plugin | Branch]


class _Chain(NamedTuple):
    """A filter that reads lines, and the filters beside and around it, in their order."""

    reader: Plugin
    beside: list[Plugin]


def grammars_of(
    bodies: Iterable[Body], file: str, book: PatternBook, lose: Lose
) -> Iterator[Foreign]:
    """Yield the grammars of *bodies*, each a list of filters that no other has to do with.

    *file* is the path of the file that they stand in; directories of patterns are looked for beside
    it. *book* are the patterns that every grammar may use.
    """
    chains = [chain for body in bodies for chain in _chains(body, [], lose)]
    changes = Changes(lambda made: _fields(made, book), lose)
    names = _Names(grammar_name(Path(file).stem, "converted"), several=len(chains) > 1)
    for chain in chains:
        made = read_reader(chain.reader, Path(file).parent, lose)
        if made is None:
            continue
        made.name = names.of(chain.reader)
        changes.common(chain.reader, made)
        for plugin in chain.beside:
            changes.apply(plugin, made)
        yield made
    changes.finish()


class _Names:
    """Gives each grammar a name: the filter's id, or that of the file and a number."""

    def __init__(self, stem: str, *, several: bool) -> None:
        self._stem = stem
        self._several = several
        self._taken: set[str] = set()

    def of(self, plugin: Plugin) -> str:
        """Return the name of the grammar of *plugin*."""
        given = plugin.get("id")
        wanted = grammar_name(given) if isinstance(given, str) else self._stem
        name, number = wanted, 1
        if self._several and given is None:
            name = f"{wanted}_1"
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def _chains(body: Iterable[Plugin | Branch], around: list[Plugin], lose: Lose) -> Iterator[_Chain]:
    nodes = list(body)
    plugins = [node for node in nodes if isinstance(node, Plugin)]
    beside = [*around, *(each for each in plugins if each.name not in READERS)]
    for node in nodes:
        if isinstance(node, Plugin):
            if node.name in READERS:
                yield _Chain(node, beside)
        elif any(each.name in READERS for each in _all(node)):
            lose(node.where, node.condition, _CONDITION)
            yield from _chains(node.body, beside, lose)
        else:
            for each in _all(node):
                lose(each.where, each.title, _UNDER.format(node.condition))
    if not around and beside and not any(each.name in READERS for each in _within(nodes)):
        for each in beside:
            lose(each.where, each.title, "nothing beside it reads lines")


def _all(branch: Branch) -> Iterator[Plugin]:
    """Yield every filter under *branch*."""
    return _within(branch.body)


def _within(nodes: Iterable[Plugin | Branch]) -> Iterator[Plugin]:
    for node in nodes:
        if isinstance(node, Plugin):
            yield node
        else:
            yield from _within(node.body)


def _fields(made: Foreign, book: PatternBook) -> list[str] | None:
    """Return the fields of *made*, None where each line says them."""
    if made.parse == "csv":
        return list(made.options["columns"])
    if made.parse:
        return None
    own = book.plus({name: Definition(text, made.where) for name, text in made.patterns.items()})
    found: list[str] = []
    for pattern in made.match:
        try:
            found += [capture.field for capture in compile_grok(pattern, own).captures]
        except GrokError:  # it is told when the grammar is written
            return None
    return found
