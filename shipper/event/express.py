"""The short way from a text to its event, for records as plain as most of them are.

A grammar whose first pattern gives plain fields gets a function of its own, written out as Python
for its captures: from the groups of a match to the bytes of the event, with no dictionary of
fields and no JSON encoder in between. It takes a third off the cost of reading a line.

Rule 1: what it returns is, byte for byte, what the long way gives: `grammar.parse`, then
        `event_builder`. Where that is in doubt it returns None, and the long way is taken.
Rule 2: text goes into JSON as it stands, so a record with a backslash, with a quote inside a
        value, or with a character that is not printable is left to the long way; so is whatever
        is too long, out of its limits, or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

import orjson

from shipper.event.builder import TAIL, Envelope, RefusedError, Template, template_of, times_of
from shipper.grammar.auto import NAME as AUTO
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Grammar, Memory
from shipper.grammar.plain import PlainPattern
from shipper.grammar.time_limit import ALWAYS_CALM
from shipper.protocol.envelope import STAMP, WRAPPER

Pairs = Iterable[tuple[str, str]]
"""The text and the event id of each record, in order."""

Member = Callable[[str], str | None]
"""Text of a group → the field's JSON member, quoted; empty if it has none, None if in doubt."""

_REMEMBERED: Final = 4096
_SHORT: Final = 64  # longer texts of a field hardly repeat
_FEW: Final = 4096  # values of an integer that are worth a table
_DIGITS: Final = 15  # of numbers that JSON parsers keep exactly, whatever the digits
_CLOSING: Final = '\\"'
_DOUBT: Final = "yield None; continue"


class Place(NamedTuple):
    """Where records stand: what their events have in common, as far as the file says it.

    `memory` is that of the file; with `noted` something else tells when each record was, if it
    does not say so itself: then the short way is open to those only that always do.
    """

    entities: tuple[str, ...]
    read_us: int
    memory: Memory
    noted: bool = False


class Take(Protocol):
    """The short way of the records at one place."""

    def __call__(self, pairs: Pairs, /, *, smooth: bool = False) -> Iterator[bytes | None]:
        """Yield the event of each record, or None: it is to go the long way.

        A record is taken when its turn comes, so what the one before it did is known by then.
        All texts are `smooth` if their chunk is.
        """


class Express(Protocol):
    """The short way of a grammar, or of several as one."""

    def bind(self, place: Place) -> Take:
        """Return the function for the records at *place*."""


_PRINTABLE: Final = bytes(byte for byte in range(32, 127) if byte != ord("\\")) + b"\n"


def smooth(chunk: bytes) -> bool:
    """Tell whether no line of *chunk*, in UTF-8, has a sign that JSON would escape but the quote.

    It takes a sixth of the time that asking each line takes.
    """
    return chunk.isascii() and not chunk.translate(None, _PRINTABLE)


def express_of(grammar: Grammar | Auto, envelope: Envelope) -> Express | None:
    """Return the short way of *grammar*, or None if its records are not that plain."""
    if envelope.base64:
        return None
    if isinstance(grammar, Auto):
        return _Kept(grammar, envelope)
    plain = grammar.plain() if grammar.plain else None
    if plain is None or grammar.kind is not None or grammar.sampling is not None:
        return None
    columns = grammar.atomic.values()
    if any(field in plain.names and field not in plain.texts for field in columns):
        return None
    return _Written(plain, template_of(grammar, envelope))


def no_short_way(pairs: Pairs, /, *, smooth: bool = False) -> Iterator[None]:
    """Leave all records to the long way."""
    return (None for _ in pairs)


class _Written:
    """The short way of one grammar."""

    def __init__(self, plain: PlainPattern, template: Template) -> None:
        self._has_time = plain.time_name is not None and not plain.optional_time
        self._plain = plain
        self._contexts = template.contexts
        self._bind = _compiled(plain, template)

    def bind(self, place: Place) -> Take:
        """Return the function for the records at *place*."""
        if place.noted and not self._has_time:
            return no_short_way
        times = _Times(self._plain, place.read_us)
        return self._bind(times, self._contexts[place.entities])


class _Kept:
    """The short way of `auto`: that of the grammar that is asked first in a file just now."""

    def __init__(self, auto: Auto, envelope: Envelope) -> None:
        self._auto = auto
        self._envelope = envelope
        self._known: dict[str, Express | None] = {}

    def bind(self, place: Place) -> Take:
        """Return the function for the records at *place*."""
        memory, bound = place.memory, dict[str, Take]()

        def take(pairs: Pairs, /, *, smooth: bool = False) -> Iterator[bytes | None]:
            pairs = iter(pairs)
            going = True
            while going:
                going, name = False, memory.get(AUTO, "")
                way = bound.get(name) or bound.setdefault(name, self._bound(place))
                for event in way(pairs, smooth=smooth):
                    yield event
                    if going := memory.get(AUTO, "") != name:
                        break

        return take

    def _bound(self, place: Place) -> Take:
        first = self._auto.asked_first(place.memory)
        if first is None:
            return no_short_way
        if first.name not in self._known:
            self._known[first.name] = express_of(first, self._envelope)
        express = self._known[first.name]
        return no_short_way if express is None else express.bind(place)


class _Times(dict[str, str | None]):
    """The members that the times of a chunk's records give; None where in doubt."""

    def __init__(self, plain: PlainPattern, read_us: int) -> None:
        super().__init__()
        self._read = plain.read_time
        self._read_us = read_us
        unsaid = plain.optional_time or plain.time_name is None
        for text in ("", *plain.absent.get(plain.time_name or "", ())):
            self[text] = times_of(None, read_us) if unsaid else None

    def __missing__(self, text: str) -> str | None:
        time_us, member = self._read(text, self._read_us), None
        if time_us is not None:
            with suppress(RefusedError):
                member = times_of(time_us, self._read_us)
        self[text] = member
        return member


class _Members(dict[str, str | None]):
    """The members that the texts of one field give, remembered; a look-up that hits is C code."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member

    def __missing__(self, text: str) -> str | None:
        member = self._member(text)
        if len(text) <= _SHORT:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = member
        return member


def _member_of(plain: PlainPattern, name: str) -> Member:
    """Return what makes the member of a field whose value is not its text."""
    head, convert = _head(name), plain.converters[name]
    in_doubt = "" if name in plain.droppable else None

    def member(text: str) -> str | None:
        value = convert(text)
        return in_doubt if value is None else head + _quote(_json(value))

    low, high = plain.integers.get(name, (0, 0))
    if high - low < _FEW:
        return _Members(member).__getitem__

    def member_of_digits(text: str) -> str | None:
        digits = len(text) <= _DIGITS and text.isdigit() and text.isascii()
        plain = digits and (text[0] != "0" or text == "0") and low <= int(text) <= high
        return head + text if plain else member(text)

    return member_of_digits


def _head(name: str) -> str:
    """Return what stands before the value of the field *name* in the data, quoted."""
    return f",{_quote(_json(name))}:"


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _quote(json: str) -> str:
    """Return *json* as it stands inside a JSON text."""
    return orjson.dumps(json).decode()[1:-1]


class _Bind(Protocol):
    def __call__(self, times: _Times, own: str, /) -> Take:
        """Return the function for the records of one chunk."""


def _compiled(plain: PlainPattern, template: Template) -> _Bind:
    """Write the function out and compile it, as `collections.namedtuple` does with its own."""
    where: dict[str, Any] = {"match": plain.fullmatch}
    for index, name in enumerate(plain.names):
        if name in plain.converters:
            where[f"m{index}"] = _member_of(plain, name)
    for index, (_, column) in enumerate(template.columns):
        where[f"c{index}"] = column.__getitem__
    source = "\n".join(_written(plain, template))
    code = compile(source, f"<express {plain.grammar}>", "exec")
    exec(code, where)  # noqa: S102 - our own text  # nosec B102
    bind: _Bind = where["bind"]
    return bind


def _written(plain: PlainPattern, template: Template) -> Iterator[str]:
    """Yield the lines of the function; what a grammar file says goes in as constants only."""
    fields = list(_fields(plain, template))
    yield "def bind(times, own):"
    yield " when = times['']"
    yield " def take(pairs, /, *, smooth=False):"
    yield "  for text, eid in pairs:"
    yield "   try:"
    for statement in _statements(plain, fields):
        yield f"    {statement}"
    yield f"    event = ({' '.join(_pieces(template, fields))}).encode()"
    yield f"   except Exception: {_DOUBT}"
    yield f"   yield event if len(event) <= {template.max_bytes - WRAPPER - STAMP} else None"
    yield " return take"


class _Field(NamedTuple):
    """A field in the function that is written: the statements before, and what its parts are.

    `member` is the piece of text that stands for the field in the data, with a comma before it;
    `columns` are those for Snowplow's own columns, by their place. A field that is `sure` always
    gives a member.
    """

    statements: list[str]
    member: str
    columns: dict[int, str]
    sure: bool


def _fields(plain: PlainPattern, template: Template) -> Iterator[_Field]:
    columns = [field for field, _ in template.columns]
    named = [(i, name) for i, name in enumerate(plain.names) if name != plain.time_name]
    for place, (index, name) in enumerate(named):
        present = _present(plain, name, f"g{index}")
        if name in plain.converters:
            yield _converted(plain, index, present)
        else:
            key = f'{"," if present or place else ""}{_quote(_json(name))}:\\"'
            text = f"{key!r} f'{{g{index}}}' {_CLOSING!r}"
            used = [k for k, field in enumerate(columns) if field == name]
            doubt = [f"if '\"' in (g{index} or ''): {_DOUBT}"] * (name in plain.quotable)
            yield (
                _perhaps(index, present, text, used, doubt)
                if present
                else _Field(doubt, text, {k: f"c{k}(g{index})" for k in used}, sure=True)
            )


def _converted(plain: PlainPattern, index: int, present: str) -> _Field:
    name = plain.names[index]
    low, high = plain.integers.get(name, (1, 0))
    value = f"m{index}(g{index})"
    if low <= 0 and high >= 10**_DIGITS:  # a call for most numbers would cost more than all else
        digits = f"len(g{index}) <= {_DIGITS} and g{index}.isdigit() and g{index}.isascii()"
        text = f"{_head(name)!r} f'{{g{index}}}'"
        value = f"({text}) if {digits} and g{index}[0] != '0' else {value}"
    checked = [f"v{index} = {value}", f"if v{index} is None: {_DOUBT}"]
    if present:
        checked = [f"if not ({present}): v{index} = ''", "else:", *_indented(checked)]
    return _Field(checked, f"f'{{v{index}}}'", {}, sure=False)


def _perhaps(
    index: int, present: str, text: str, columns: Sequence[int], statements: list[str]
) -> _Field:
    """Return a field of which nothing is there unless *present* holds."""
    names = [f"v{index}", *(f"k{k}" for k in columns)]
    values = [f"({text})", *(f"c{k}(g{index})" for k in columns)]
    assigned = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
    statements += [f"if not ({present}): {' = '.join(names)} = ''", "else:", *_indented(assigned)]
    return _Field(statements, f"f'{{v{index}}}'", {k: f"k{k}" for k in columns}, sure=False)


def _indented(statements: Sequence[str]) -> list[str]:
    return [f" {statement}" for statement in statements]


def _present(plain: PlainPattern, name: str, group: str) -> str:
    """Return the condition under which the field has a value, or nothing if it always has one."""
    if name not in plain.absent:
        return ""
    nones = plain.absent[name]
    return " and ".join([group, *(f"{group} != {none!r}" for none in nones)])


def _statements(plain: PlainPattern, fields: Sequence[_Field]) -> Iterator[str]:
    rough = "'\\\\' in text or not text.isprintable()"
    yield f"if not smooth and ({rough}): {_DOUBT}"
    if plain.may_be_blank:
        yield f"if not text or text.isspace(): {_DOUBT}"
    if plain.calm < ALWAYS_CALM:
        yield f"if len(text) > {plain.calm}: {_DOUBT}"
    yield f"found = match({', '.join(['text', *map(repr, plain.more)])})"
    yield f"if found is None: {_DOUBT}"
    groups = [f"g{index}" for index in range(len(plain.names))]
    if groups:
        yield f"{', '.join(groups)}, = found.groups()"
    named = zip(groups, plain.names, strict=True)
    limits = {group: plain.texts[name] for group, name in named if name in plain.texts}
    if limits:
        long = " or ".join(f"len({group} or '') > {limit}" for group, limit in limits.items())
        yield f"if len(text) > {min(limits.values())} and ({long}): {_DOUBT}"
    if plain.time_name is not None:
        yield f"when = times[g{plain.names.index(plain.time_name)} or '']"
    yield f"if when is None: {_DOUBT}"
    for field in fields:
        yield from field.statements
    if fields and not fields[0].sure:
        yield f"data = {' '.join(field.member for field in fields)}"


def _pieces(template: Template, fields: Sequence[_Field]) -> Iterator[str]:
    """Yield the literals that make up the event."""
    yield """'{"e":"ue","eid":"' f'{eid}' '",' f'{when}'"""
    yield f"{template.constants!r} f'{{own}}'"
    columns = {k: column for field in fields for k, column in field.columns.items()}
    yield from (f"f'{{{columns[k]}}}'" for k in sorted(columns))
    yield repr("," + template.quoted + "{")
    if fields and fields[0].sure:
        yield from (field.member for field in fields)
    elif fields:
        yield "f'{data[1:]}'"
    yield repr("}" + TAIL + "}")
