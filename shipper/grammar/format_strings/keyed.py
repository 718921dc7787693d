"""Format strings that write JSON: each member of the object is a field of the grammar.

Rule 1: the format is read as JSON with its slots in place, so what stands where is known before
        any line is written; keys inside keys are named with dots.
Rule 2: a member keeps what its slot says of it, and gets the slot's name; the key that it is
        written under stays in the grammar, as `from`.
Rule 3: a slot that is not in quotes has to be a number in every line, or the line is no JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from shipper.grammar.format_strings.compose import Composed
from shipper.grammar.format_strings.parts import (
    FieldDraft,
    FormatStringError,
    Part,
    Slot,
    Text,
)
from shipper.grammar.format_strings.samples import Line, example_of

_MARK: Final = "\ue000{}\ue001"
_MARKED: Final = re.compile("\ue000(\\d+)\ue001")
_LONGEST: Final = 4096


class Member(NamedTuple):
    """A member of the object: its path, and its slot; without one, the text that it is made of."""

    path: str
    slot: Slot | None
    value: Any


def compose_members(parts: Sequence[Part]) -> Composed:
    """Return the fields of the JSON that *parts* write. Raises FormatStringError."""
    done = Composed(names={id(part): {} for part in parts})
    for member in _members(parts):
        if member.slot is not None and member.slot.time and done.time is None:
            done.time, done.time_name = member.slot, member.path
            done.names[id(member.slot)] = {member.slot.fields[0].name: member.path}
        elif (draft := _draft(member)) is not None:
            name = _free(draft, done)
            if member.slot is not None:
                done.names[id(member.slot)] = {draft.name: name}
            done.fields[name] = draft
    bare = [slot.directive for _, slot in _bare(parts) if not slot.filled]
    if bare:
        which = ", ".join(bare)
        done.notes.append(f"{which} not in quotes: where it has no value the line is no JSON")
    return done


def json_lines(parts: Sequence[Part], done: Composed, zone: str) -> tuple[Line, Line]:
    """Return an ordinary line, and one where every value is odd, with what they give."""
    bare = {index for index, _ in _bare(parts)}
    constants = {
        field.name: field.constant
        for field in done.fields.values()
        if field.constant not in (None, "")
    }
    made = []
    for odd in (False, True):
        out, expect = [], {_name(key, done): value for key, value in constants.items()}
        for index, part in enumerate(parts):
            if isinstance(part, Slot):
                example = example_of(part, done, zone, odd=odd and index not in bare)
                out.append(json.dumps(example.text, ensure_ascii=False)[1:-1])
                expect |= example.values
            elif isinstance(part, Text):
                out.append(part.text)
        line = "".join(out)
        expect |= _joined(line, done)
        made.append(Line(line, expect))
    return made[0], made[1]


def _name(key: str, done: Composed) -> str:
    return next(name for name, field in done.fields.items() if field.name == key)


def _joined(line: str, done: Composed) -> dict[str, Any]:
    """Return the values of members that are made of several slots, as *line* has them."""
    record = json.loads(line)
    found = {}
    for name, field in done.fields.items():
        if field.constant == "":
            node = record
            for key in field.source.split("."):
                node = node[int(key) if isinstance(node, list) else key]
            found[name] = node
    return found


def _members(parts: Sequence[Part]) -> Iterator[Member]:
    """Yield the members, in the order in which they stand."""
    slots = [part for part in parts if isinstance(part, Slot)]
    try:
        record = json.loads(_marked(parts))
    except ValueError as error:
        what = f"begins like JSON, but is none: {error}"
        remedy = "commas between the members, none after the last, and quotes round texts"
        raise FormatStringError(what, remedy, 1) from error
    for path, value in _leaves(record, ""):
        found = _MARKED.fullmatch(value) if isinstance(value, str) else None
        yield Member(path, slots[int(found[1])] if found else None, value)


def _marked(parts: Sequence[Part]) -> str:
    """Return the text with a mark for each slot, in quotes where the slot has none."""
    bare = {index for index, _ in _bare(parts)}
    out, count = [], 0
    for index, part in enumerate(parts):
        if isinstance(part, Slot):
            mark = _MARK.format(count)
            out.append(f'"{mark}"' if index in bare else mark)
            count += 1
        elif isinstance(part, Text):
            out.append(part.text)
    return "".join(out)


def _bare(parts: Sequence[Part]) -> Iterator[tuple[int, Slot]]:
    """Yield the slots that stand outside of quotes, each with its place among the parts."""
    quoted = False
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            signs = re.findall(r'\\.|"', part.text)
            quoted ^= signs.count('"') % 2 == 1
        elif isinstance(part, Slot) and not quoted:
            yield index, part


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, node


def _draft(member: Member) -> FieldDraft | None:
    slot, value = member.slot, member.value
    if slot is not None:
        draft = slot.fields[-1]  # of a request line, the one that is all of it
        what = "the request line" if len(slot.fields) > 1 else draft.description
        return replace(draft, source=member.path, description=what)
    if value is None or value == "":
        return None
    name = re.sub(r"[^a-z0-9]+", "_", member.path.lower()).strip("_") or "member"
    if isinstance(value, str) and _MARKED.search(value):
        parts = re.sub(_MARKED, "…", value)
        return FieldDraft(
            name=name,
            description=f"made of several values: {parts}",
            max_length=_LONGEST,
            source=member.path,
            constant="",
        )
    types = {bool: "boolean", int: "integer", float: "number"}
    return FieldDraft(
        name=name,
        description="the same in every line",
        type=types.get(type(value), "string"),
        max_length=_LONGEST if isinstance(value, str) else None,
        source=member.path,
        constant=value,
    )


def _free(draft: FieldDraft, done: Composed) -> str:
    """Return a name for the field that no other has."""
    taken = {*done.fields, done.time_name}
    wanted = [draft.name, draft.otherwise, re.sub(r"[^a-z0-9]+", "_", draft.source.lower())]
    numbered = (f"{draft.name}_{number}" for number in range(2, 1000))
    return next(name for name in (*wanted, *numbered) if name and name not in taken)
