"""Makes the pattern of a grammar from the parts of a format string.

Rule 1: each slot gets a named expression, so that the pattern reads like the format string.
Rule 2: a value without a pattern of its own ends where what follows the slot begins: the text up
        to the next slot, and that slot's pattern where it has one. So a user name with a blank
        in it does not shift the fields behind it.
Rule 3: nothing gives back what it has taken (all repeats are possessive), so time is linear.
Rule 4: a field has one slot. A second slot for it takes its other name, and one that would say the
        same again is matched without becoming a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shipper.grammar.format_strings.clock import escape, time_pattern, visible
from shipper.grammar.format_strings.parts import (
    SOLID,
    STOP,
    VALUE,
    FieldDraft,
    Filler,
    FormatStringError,
    Part,
    Perhaps,
    Slot,
    Text,
)

_SIDE_TIME: Final = 64


@dataclass(slots=True)
class Composed:
    """A pattern, the expressions that it names, its fields, its time slot, and what to tell.

    With `timeless`, the time may be missing from a line.
    """

    match: str = ""
    patterns: dict[str, str] = field(default_factory=dict)
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    names: dict[int, dict[str, str]] = field(default_factory=dict)
    time: Slot | None = None
    time_name: str = ""
    timeless: bool = False
    notes: list[str] = field(default_factory=list)


def compose(parts: Sequence[Part]) -> Composed:
    """Return the pattern for lines made of *parts*. Raises FormatStringError."""
    done = Composed()
    slots = list(_slots(parts))
    done.time = next((slot for slot in slots if slot.time and not slot.aside), None)
    done.timeless = done.time is not None and all(part is not done.time for part in parts)
    _name_fields(slots, done)
    done.match = _sequence(parts, (), done)
    return done


def _slots(parts: Sequence[Part]) -> Iterator[Slot]:
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, Perhaps):
            yield from _slots(part.parts)


def _name_fields(slots: Sequence[Slot], done: Composed) -> None:
    """Give every field its name: those of several in one slot first, for they can't choose."""
    seen: set[str] = set()
    for slot in sorted(slots, key=lambda slot: len(slot.fields) < 2):
        names = {} if slot.directive in seen else _names(slot, done)
        seen.add(slot.directive)
        done.names[id(slot)] = names
    ordered = [name for slot in slots for name in done.names[id(slot)].values()]
    done.fields = {name: done.fields[name] for name in ordered if name in done.fields}


def _names(slot: Slot, done: Composed) -> dict[str, str]:
    names = {}
    taken = done.fields.keys() | ({done.time_name} if slot is not done.time else set())
    for draft in slot.fields:
        name = draft.name if draft.name not in taken else draft.otherwise
        if not name or name in taken:
            continue
        names[draft.name] = name
        if slot is done.time:
            done.time_name = name
        else:
            done.fields[name] = replace(draft, max_length=_SIDE_TIME) if slot.time else draft
    return names


def _sequence(parts: Sequence[Part], after: tuple[Part, ...], done: Composed) -> str:
    """Return the expression of *parts*, which *after* follow."""
    out = []
    for index, part in enumerate(parts):
        rest = (*parts[index + 1 :], *after)
        match part:
            case Text():
                out.append(escape(part.text))
            case Filler():
                out.append(_filler(part, done))
            case Perhaps():
                out.append(f"(?:{_sequence(part.parts, rest, done)})?")
            case Slot():
                out.append(_slot(part, rest, done))
    return "".join(out)


def _filler(part: Filler, done: Composed) -> str:
    if not part.label:
        return part.pattern
    done.patterns[part.label] = part.pattern
    return f"%{{{part.label}}}"


def _slot(slot: Slot, rest: Sequence[Part], done: Composed) -> str:
    name = _pattern_name(slot, done)
    padding = _padding(slot)
    if slot.width < 0:
        rest = (Filler(padding), *rest)
    while name in done.patterns:
        name += "_2"
    done.patterns[name] = _expression(slot, rest, done)
    names = done.names[id(slot)]
    single = len(slot.fields) == 1 and f"(?<{slot.fields[0].name}>" not in slot.pattern
    label = next(iter(names.values()), "") if single else ""
    reference = f"%{{{name}:{label}}}" if label else f"%{{{name}}}"
    return f"{padding}{reference}" if slot.width > 0 else f"{reference}{padding}"


def _pattern_name(slot: Slot, done: Composed) -> str:
    names = done.names[id(slot)]
    text = slot.label or next(iter(names.values()), slot.fields[0].name)
    if not names:
        text = f"{text}_{slot.column}"
    return re.sub(r"[^A-Z0-9_]", "_", text.upper())


def _expression(slot: Slot, rest: Sequence[Part], done: Composed) -> str:
    if slot.time:
        return time_pattern(slot.time)
    if not slot.pattern:
        return _value(slot, rest, done, blanks=True)
    text, names = slot.pattern, done.names[id(slot)]
    for draft in slot.fields:
        group = f"(?<{names[draft.name]}>" if draft.name in names else "(?:"
        text = text.replace(f"(?<{draft.name}>", group)
    if slot.bounded:
        return text
    text = text.replace(VALUE, _value(slot, rest, done, blanks=True))
    text = text.replace(SOLID, _value(slot, rest, done, blanks=False))
    return text.replace(STOP, _stop(rest, slot) or r"\Z")


def _value(slot: Slot, rest: Sequence[Part], done: Composed, *, blanks: bool) -> str:
    """Return the expression of a value that ends where *rest* begins."""
    never = slot.never if blanks else slot.never + " "
    signs = never + ("\\" if slot.backslash else "")
    others = [r"\\."] if slot.backslash else []
    first = _first_sign(rest)
    guard = ""
    if first and first not in never:
        signs += first
        after = _after_first(rest, slot)
        others += [f"{escape(first)}(?!{after})"] if after else []
        _note_doubt(slot, rest, done, first if not after else "")
    elif rest and not first:
        guard = f"(?!{_stop(rest, slot)})"
    return _repeat(signs, others, guard, "++" if slot.filled or not blanks else "*+")


def _repeat(signs: str, others: Sequence[str], guard: str, more: str) -> str:
    """Return a repeat of characters other than *signs*, or of one of *others*."""
    plain = f"[^{_in_set(signs)}]" if signs else "(?s:.)"
    if guard:
        either = "|".join([plain, *others])
        return f"(?:{guard}(?:{either})){more}" if others else f"(?:{guard}{plain}){more}"
    if not others:
        return plain + more
    either = "|".join([f"{plain}++", *others])
    return f"(?:{either}){more}"


def _note_doubt(slot: Slot, rest: Sequence[Part], done: Composed, first: str) -> None:
    if first.isspace() and next(_slots(rest), None):
        done.notes.append(
            f"{slot.directive} is read up to the first {first!r}: nothing else tells it from what "
            "follows it"
        )


def _in_set(signs: str) -> str:
    return "".join("\\" + c if c in r"\]^-[" else visible(c) for c in dict.fromkeys(signs))


def _first_sign(rest: Sequence[Part]) -> str:
    """Return the character that must follow, or nothing where several may."""
    return rest[0].text[0] if rest and isinstance(rest[0], Text) else ""


def _after_first(rest: Sequence[Part], slot: Slot) -> str:
    """Return what follows the first character of *rest*, as an expression; it may be nothing."""
    first, *more = rest
    text = first.text[1:] if isinstance(first, Text) else ""
    found = _following([Text(text, 0), *more])
    # One blank before another value that may be anything, or before the end, tells nothing more.
    return "" if found == r"\Z" and not text else found


def _stop(rest: Sequence[Part], slot: Slot) -> str:
    """Return what follows a slot. Raises FormatStringError if nothing tells it from the slot."""
    found = _following(rest)
    if rest and not found:
        what = f"nothing tells {slot.directive} from what follows it"
        raise FormatStringError(what, "put a blank or another sign between the two", slot.column)
    return found


def _following(rest: Sequence[Part]) -> str:
    """Return how *rest* begins: texts up to a value of any shape, or the text behind a value."""
    out: list[str] = []
    behind = False
    for index, part in enumerate(rest):
        more = rest[index + 1 :]
        if isinstance(part, Perhaps):
            with_it, without = _following([*part.parts, *more]), _following(more)
            return "".join([*out, f"(?:{with_it}|{without})" if with_it and without else ""])
        if isinstance(part, Slot) and (behind or not part.telling):
            return "".join(out)
        out.append(_start(part))
        if behind and isinstance(part, Text):
            return "".join(out)
        behind = behind or isinstance(part, Slot)
    return "".join([*out, r"\Z"])


def _start(part: Text | Filler | Slot) -> str:
    if isinstance(part, Text):
        return escape(part.text)
    if isinstance(part, Filler):
        return part.pattern
    unnamed = re.sub(r"\(\?<\w++>", "(?:", part.pattern)
    pattern = time_pattern(part.time) if part.time else f"(?:{unnamed})"
    padding = _padding(part)
    return f"{padding}{pattern}" if part.width > 0 else f"{pattern}{padding}"


def _padding(slot: Slot) -> str:
    """Return the expression of the blanks that fill up a short value."""
    return rf" {{0,{abs(slot.width)}}}" if slot.width else ""
