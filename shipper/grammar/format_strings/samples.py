"""Lines that a server with a given format string would write, and the fields that they give.

They become the samples of the grammar, so that `shipper grammar test` proves it: an ordinary line,
an odd one, and one that is no such line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from shipper.grammar.format_strings.clock import examples as time_examples
from shipper.grammar.format_strings.compose import Composed
from shipper.grammar.format_strings.parts import Example, Filler, Part, Perhaps, Slot, Text


class Line(NamedTuple):
    """A line, and what it must give; None for a line to refuse."""

    line: str
    expect: dict[str, Any] | None


def lines(parts: Sequence[Part], done: Composed, zone: str) -> tuple[Line, Line]:
    """Return an ordinary line, and one where every value is odd and optional parts are missing."""
    made = []
    for odd in (False, True):
        taken = [_example(part, rest, done, zone, odd=odd) for part, rest in _flat(parts, odd=odd)]
        expect = {name: value for example in taken for name, value in example.values.items()}
        made.append(Line("".join(example.text for example in taken), expect))
    return made[0], made[1]


def strangers(usual: str) -> Iterator[str]:
    """Yield lines that a grammar for *usual* should refuse, the most telling first."""
    yield "not a line of this format"
    yield usual[: len(usual) // 2]
    yield f"x{usual}"
    yield ""


def _flat(parts: Sequence[Part], *, odd: bool) -> Iterator[tuple[Part, Sequence[Part]]]:
    """Yield the parts that stand in a line, each with those behind it."""
    for index, part in enumerate(parts):
        if not isinstance(part, Perhaps):
            yield part, parts[index + 1 :]
        elif not odd:
            yield from _flat(part.parts, odd=odd)


def _example(part: Part, rest: Sequence[Part], done: Composed, zone: str, *, odd: bool) -> Example:
    if isinstance(part, Text):
        return Example(part.text)
    if isinstance(part, Filler):
        return Example(part.example)
    if not isinstance(part, Slot):
        return Example("")
    chosen = (time_examples(part.time, zone) if part.time else part.examples)[odd]
    return _named(part, _apart(chosen, part, rest), done)


def example_of(slot: Slot, done: Composed, zone: str, *, odd: bool) -> Example:
    """Return an example for *slot*, all of it in one field, with the name that this got."""
    chosen = (time_examples(slot.time, zone) if slot.time else slot.examples)[odd]
    whole = slot.fields[-1].name
    if len(slot.fields) > 1 and chosen.text:
        chosen = Example(chosen.text, {whole: chosen.text})
    return _named(slot, chosen, done)


def _apart(example: Example, slot: Slot, rest: Sequence[Part]) -> Example:
    """Return *example* without the sign that alone parts its slot from the next one."""
    after = rest[0].text if rest and isinstance(rest[0], Text) else ""
    if slot.pattern or slot.time or not after or after not in example.text:
        return example
    if not example.values:  # the text for no value can't be another
        example = slot.examples[0]
    text = example.text.replace(after, "_" * len(after))
    return Example(text, dict.fromkeys(example.values, text))


def _named(slot: Slot, example: Example, done: Composed) -> Example:
    """Return *example* as it stands in a line, with the names that the fields got."""
    names = done.names[id(slot)]
    width = abs(slot.width)
    text = example.text.rjust(width) if slot.width > 0 else example.text.ljust(width)
    if slot is done.time:
        return Example(text, example.values)
    if slot.time:
        return Example(text, dict.fromkeys(names.values(), example.text))
    values = {names[key]: value for key, value in example.values.items() if key in names}
    return Example(text, values)
