"""The first pattern of a grammar, taken apart: for who makes events of its groups directly.

Most records are read by the first pattern, and most patterns give plain fields. For these the
dictionary of fields between a match and an event can be left out (see `shipper.event.express`).

Rule 1: what cannot be said in full by a PlainPattern has none: another grammar reads on, a field
        follows from others or is a further time, a shape is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shipper.grammar.conversion import Convert, text_converter
from shipper.grammar.grok import Compiled
from shipper.grammar.lint.signs import mask_of
from shipper.grammar.lint.tree import Group, Node, children, read_tree
from shipper.grammar.lint.witness import all_signs
from shipper.grammar.plain_engine import quickest
from shipper.grammar.prefilter import of_expressions
from shipper.grammar.shape import Shape
from shipper.grammar.spec import FieldSpec
from shipper.grammar.syntax import pieces
from shipper.grammar.time_limit import calm_length

_QUOTE: Final = mask_of('"')
_WIDE: Final = (r"\X", r"\R")  # match more than one character, and are not in the tree


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPattern:
    """What `fullmatch(text, *more)` gives, and what becomes of it, group by group.

    `names` line up with the groups. `calm` is how long a text may be that is matched without
    watching the clock. `absent` has the fields that may come without a value, each with the texts
    that mean so; `texts` are taken as they are, up to so many characters; `integers` are between
    two limits; `converters` makes the values of what is neither, and of integers; what it can't
    convert loses the record, but for the `droppable`. `quotable` may hold a quotation mark. A
    text of white space alone may match if it `may_be_blank`.
    """

    grammar: str
    fullmatch: Callable[..., Any]
    more: tuple[Any, ...]
    calm: int
    names: tuple[str, ...]
    time_name: str | None
    optional_time: bool
    read_time: Callable[[str, int], int | None]
    absent: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, int]
    integers: Mapping[str, tuple[float, float]]
    converters: Mapping[str, Convert]
    droppable: frozenset[str]
    quotable: frozenset[str]
    may_be_blank: bool


def plain_pattern(shape: Shape, compiled: Compiled) -> PlainPattern | None:
    """Return *compiled*, a pattern of the grammar that *shape* is of, taken apart; or None."""
    names = tuple(capture.field for capture in compiled.captures)
    further = shape.raw is not None or shape.derived or any(name in shape.stamps for name in names)
    if further or len(set(names)) != len(names):
        return None
    time_name = next((name for name in names if name in shape.time_fields), None)
    fields = {n: shape.spec.fields.get(n, FieldSpec()) for n in names if n != time_name}
    texts = {name: spec.longest() for name, spec in fields.items() if _as_it_is(spec)}
    fullmatch, more = quickest(compiled)
    return PlainPattern(
        grammar=shape.name,
        fullmatch=fullmatch,
        more=more,
        calm=calm_length(compiled.expression),
        names=names,
        time_name=time_name,
        optional_time=shape.optional,
        read_time=shape.read_time,
        absent=absent_fields(shape, compiled),
        texts=texts,
        integers={n: s.limits() for n, s in fields.items() if s.type == "integer" and _whole(s)},
        converters={n: text_converter(s) for n, s in fields.items() if n not in texts},
        droppable=shape.droppable,
        quotable=_quotable(names, compiled.expression),
        may_be_blank=of_expressions([compiled.expression]).may_be_blank(),
    )


def absent_fields(shape: Shape, compiled: Compiled) -> dict[str, tuple[str, ...]]:
    """Return the fields that may come without a value, each with the texts that mean so."""
    return {
        capture.field: shape.nones(capture.field)
        for capture in compiled.captures
        if not capture.always or shape.nones(capture.field)
    }


def _as_it_is(spec: FieldSpec) -> bool:
    return spec.type in (None, "string") and spec.values is None and _whole(spec)


def _whole(spec: FieldSpec) -> bool:
    """Say whether a text is converted as it stands."""
    return not spec.map and not spec.trim


def _quotable(names: Sequence[str], expression: str) -> frozenset[str]:
    if any(piece.kind == "backref" or piece.text in _WIDE for piece in pieces(expression)):
        return frozenset(names)
    bodies = _groups(read_tree(expression))
    return frozenset(
        name
        for index, name in enumerate(names)
        if any(all_signs(body) & _QUOTE for body in bodies.get(f"f{index}", ()))
    )


def _groups(node: Node) -> dict[str, list[Node]]:
    """Return what stands in the named groups of *node*, by name."""
    found: dict[str, list[Node]] = {}
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Group) and node.name:
            found.setdefault(node.name, []).append(node.body)
        waiting += children(node)
    return found
