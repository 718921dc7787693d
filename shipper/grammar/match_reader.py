"""Reads records by patterns, tried in order: the hot path of the whole program.

Rule 1: a pattern matches the whole record or not at all.
Rule 2: a pattern whose values can't be used has not matched; the next one is tried.
Rule 3: positions, not names: groups come out in the order of the captures. Only what may be absent
or needs a converter is looked at again, and a length check that a record of this size can't fail
is left out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import regex

from shipper.grammar.conversion import Convert, text_converter
from shipper.grammar.furthest import END, Furthest
from shipper.grammar.grok import Compiled
from shipper.grammar.plain import PlainPattern, absent_fields, plain_pattern
from shipper.grammar.shape import Shape
from shipper.grammar.spans import Span
from shipper.grammar.time_limit import HELD, LIMIT, calm_length, watched
from shipper.grammar.wording import expected_time, expected_value
from shipper.model import Mismatch, Parsed

_SHORT: Final = 255
"""Records up to this many characters can't break a `max_length` of as much: most lines."""

_new_parsed = tuple.__new__  # half the time of Parsed(…)


class _Plan(NamedTuple):
    """What to do with the groups of a match of one pattern, in a record up to some size.

    `names` line up with the groups. `absent` has the names that may come without a value, each
    with the texts that mean so; `converters` those whose text is not yet their value; `stamps`
    further times; `time_name` is the one that holds the time of the record.
    """

    names: tuple[str, ...]
    absent: tuple[tuple[str, tuple[str, ...]], ...]
    converters: tuple[tuple[str, Convert], ...]
    stamps: tuple[str, ...]
    time_name: str | None


def _offset(reached: tuple[int, str]) -> int:
    return reached[0]


class MatchReader:
    """Reads records by the patterns of one grammar."""

    __slots__ = ("_compiled", "_converters", "_furthest", "_patterns", "_shape")

    _patterns: list[tuple[Any, int, _Plan, _Plan]]

    def __init__(self, shape: Shape, patterns: Sequence[Compiled]) -> None:
        self._shape = shape
        self._converters = {name: text_converter(spec) for name, spec in shape.spec.fields.items()}
        self._compiled = tuple(patterns)
        self._furthest = [Furthest(compiled) for compiled in patterns]

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return what *text* says, or None if no pattern takes it."""
        try:
            patterns = self._patterns
        except AttributeError:  # the first record
            patterns = self._patterns = self._prepared()
        size = len(text)
        for fullmatch, calm, short, long in patterns:
            calmly = size <= calm
            found = fullmatch(text, *HELD) if calmly else watched(fullmatch, text, self._shape.name)
            if found is not None:
                plan = short if size <= _SHORT else long
                parsed = self._take(found.groups(), plan, now_us)
                if parsed is not None:
                    return parsed
        return None

    def _prepared(self) -> list[tuple[Any, int, _Plan, _Plan]]:
        return [
            (
                compiled.pattern.fullmatch,
                calm_length(compiled.expression),
                self._plan(compiled, _SHORT),
                self._plan(compiled, None),
            )
            for compiled in self._compiled
        ]

    # In one piece, because a call more a line can be measured.
    def _take(  # noqa: C901, PLR0912 - see above
        self, texts: tuple[str | None, ...], plan: _Plan, now_us: int
    ) -> Parsed | None:
        names, absent, converters, stamps, time_name = plan
        fields: dict[str, Any] = dict(zip(names, texts))  # noqa: B905 - strict= costs time
        for name, nones in absent:
            if not (text := fields[name]) or text in nones:
                del fields[name]
        shape = self._shape
        for name, convert in converters:
            if (text := fields.get(name)) is not None:
                value = convert(text)
                if value is not None:
                    fields[name] = value
                elif name in shape.droppable:
                    del fields[name]
                else:
                    return None
        time_us = None
        if time_name is not None:
            if (text := fields.pop(time_name, None)) is not None:
                time_us = shape.read_time(text, now_us)
                if time_us is None:
                    return None
            elif not shape.optional:
                return None
        if stamps and shape.stamp(fields, stamps, now_us):
            return None
        if shape.derived:
            shape.derive(fields)
        return _new_parsed(Parsed, (shape.name, fields, time_us))

    def plain(self) -> PlainPattern | None:
        """Return the first pattern, taken apart, if its records are that plain."""
        return plain_pattern(self._shape, self._compiled[0])

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Return why no pattern takes *text*: the pattern that got furthest, and where it failed.

        A pattern that matched the text but not its values got further than any that did not.
        """
        for compiled in self._compiled:
            found = watched(compiled.pattern.fullmatch, text, self._shape.name)
            if found is not None:
                return self._bad_value(compiled, found, now_us)
        until = time.process_time() + LIMIT
        reached, expected = -1, END
        for furthest in self._furthest:
            if reached < 0 or time.process_time() < until:
                reached, expected = max((reached, expected), furthest.reach(text), key=_offset)
        return Mismatch(self._shape.name, reached + 1, expected)

    def _bad_value(self, compiled: Compiled, found: regex.Match[str], now_us: int) -> Mismatch:
        shape = self._shape
        for index, capture in enumerate(compiled.captures, 1):
            name, text, column = capture.field, found.group(index), found.start(index) + 1
            if not text or text in shape.nones(name):
                continue
            if name in shape.time_fields:
                if shape.read_time(text, now_us) is None:
                    return Mismatch(shape.name, column, expected_time(shape.spec), "bad_time", name)
            elif not self._usable(name, text, now_us):
                expected = expected_value(shape.spec.fields[name])
                return Mismatch(shape.name, column, expected, "bad_value", name)
        if shape.optional:
            return Mismatch(shape.name, len(found.string) + 1, END)
        name = shape.time_fields[0]
        return Mismatch(shape.name, 1, expected_time(shape.spec), "bad_time", name)

    def _usable(self, name: str, text: str, now_us: int) -> bool:
        shape = self._shape
        if name in shape.droppable or name == shape.raw:
            return True
        if name in shape.stamps:
            return shape.stamps[name](text, now_us) is not None
        return self._converters[name](text) is not None

    def start_of(self, text: str, field: str) -> int:
        """Return the offset in *text* at which *field* begins, 0 if that is not to be said."""
        for compiled in self._compiled:
            found = watched(compiled.pattern.fullmatch, text, self._shape.name)
            names = [capture.field for capture in compiled.captures]
            if found is not None and field in names:
                start: int = found.start(names.index(field) + 1)
                return max(0, start)
        return 0

    def spans(self, text: str, now_us: int) -> list[Span]:
        """Return where the fields of *text* stand, none if no pattern takes it."""
        patterns = zip(self._compiled, self._prepared(), strict=True)
        for compiled, (fullmatch, _, _, plan) in patterns:
            found = watched(fullmatch, text, self._shape.name)
            if found is not None and self._take(found.groups(), plan, now_us) is not None:
                places = zip(compiled.captures, found.regs[1:], strict=True)
                spans = [Span(start, end, capture.field) for capture, (start, end) in places]
                return [span for span in spans if span.end > span.start]
        return []

    def _plan(self, compiled: Compiled, size: int | None) -> _Plan:
        shape, captures = self._shape, compiled.captures
        converters = [(c.field, self._converter(c.field, size)) for c in captures]
        return _Plan(
            tuple(capture.field for capture in captures),
            tuple(absent_fields(shape, compiled).items()),
            tuple((name, convert) for name, convert in converters if convert is not None),
            tuple(capture.field for capture in captures if capture.field in shape.stamps),
            next((c.field for c in captures if c.field in shape.time_fields), None),
        )

    def _converter(self, field: str, size: int | None) -> Convert | None:
        """Return the converter of *field*, or None where a record of *size* needs none."""
        spec = self._shape.spec.fields.get(field)
        if spec is None or field in self._shape.stamps or field == self._shape.raw:
            return None  # a time, or what another grammar will read
        fits = size is not None and size <= spec.longest()
        if spec.type == "string" and spec.values is None and fits:
            return None
        return self._converters[field]
