"""How the lines of one source become events: what is done with lines, and which grammars are tried.

Rule 1: a recipe is a value made once for a source; what a file said before is in its memory, which
        `Recipe.at_work` asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from shipper.event.builder import Build, Envelope, event_builder, kind_builder, sampled
from shipper.event.express import Express, express_of
from shipper.event.kinds import members_of
from shipper.formats.encodings import UTF_8, Encoding
from shipper.formats.records import Rules
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Explain, Grammar, Memory
from shipper.grammar.grammar import Parse as Read
from shipper.grammar.times import TimeReader
from shipper.model import Parsed

LongLines = Literal["truncate", "dead_letter", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What becomes of lines, before any grammar sees them and after none took them.

    With `rules`, lines are joined to records; one that is not complete is taken as it is
    `flush_after` seconds after its last line, at the end of the file. A line of more than
    `line_bytes` gives an event of its beginning, flagged, a dead letter, or nothing but a count,
    as `long_lines` says. Files are in `encoding` unless they say otherwise by a byte order mark;
    that is found where they are read, and dead letters of such files go by `encoding`. With
    `drop_unmatched`, a record that no grammar takes is filtered, not
    rejected.
    """

    rules: Rules | None = None
    flush_after: float = 1.0
    line_bytes: int = 1 << 20
    long_lines: LongLines = "truncate"
    drop_unmatched: bool = False
    keep_blank: bool = False
    encoding: Encoding = UTF_8


def _build_of_one(grammar: Grammar, envelope: Envelope) -> Build:
    if grammar.kind is None:
        build = event_builder(grammar, envelope)
    else:
        build = kind_builder(grammar, members_of(grammar.kind), envelope)
    return build if grammar.sampling is None else sampled(build, grammar.sampling)


class Step(NamedTuple):
    """A grammar that is tried: its name, how it reads a record, why it refuses, what it builds."""

    name: str
    parse: Read
    explain: Explain
    build: Build


class Recipe:
    """How the lines of one source become events: by its policy, and by grammars tried in order."""

    def __init__(
        self, grammars: Sequence[Grammar | Auto], envelope: Envelope, policy: Policy | None = None
    ) -> None:
        self.envelope = envelope
        self.policy = policy or Policy()
        self.read_time = TimeReader(["iso8601"]).read
        self.steps = tuple(Step(g.name, g.parse, g.explain, _build(g, envelope)) for g in grammars)
        self._at_work = [grammar.at_work for grammar in grammars]
        self._first = grammars[0]

    @cached_property
    def express(self) -> Express | None:
        """The short way of the grammar that is tried first, if it has one."""
        return express_of(self._first, self.envelope)

    @property
    def reads_in_order(self) -> bool:
        """Whether what a line means may depend on the lines before it."""
        return self.policy.rules is not None or any(self._at_work)

    def at_work(self, memory: Memory) -> tuple[Step, ...]:
        """Return the steps for the records of one file, in order, by what *memory* holds of it."""
        if not any(self._at_work):
            return self.steps
        return tuple(
            step._replace(**at_work(memory)._asdict()) if at_work else step
            for step, at_work in zip(self.steps, self._at_work, strict=True)
        )


def _build(grammar: Grammar | Auto, envelope: Envelope) -> Build:
    """Return what builds the events of *grammar*, each by the grammar that took its record."""
    if not isinstance(grammar, Auto):
        return _build_of_one(grammar, envelope)
    builders = {member.name: _build_of_one(member, envelope) for member in grammar.members}

    def build(parsed: Parsed, eid: str, read_us: int, entities: tuple[str, ...] = ()) -> bytes:
        return builders[parsed.grammar](parsed, eid, read_us, entities)

    return build
