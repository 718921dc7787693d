"""Writes the grok pattern of a cluster: texts where its lines agree, and fields between them.

Rule 1: times, addresses, numbers and quoted texts are fields even where all lines agree; words are
        fields where they differ.
Rule 2: where from some place on there is nothing but words that differ, they are one free text.
Rule 3: nothing here promises that the pattern takes the lines: whoever shows it has tried it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from shipper.grammar.coverage.clusters import Cluster, Place
from shipper.grammar.coverage.shapes import VALUES

_GROK: Final = {
    "iso_time": ("TIMESTAMP_ISO8601", "timestamp", ""),
    "http_time": ("HTTPDATE", "timestamp", ""),
    "syslog_time": ("SYSLOGTIMESTAMP", "timestamp", ""),
    "clock": ("TIME", "time", ""),
    "uuid": ("UUID", "uuid", ""),
    "ip": ("IP", "ip", ""),
    "integer": ("INT", "number", ":int"),
    "number": ("NUMBER", "number", ":float"),
    "level": ("LOGLEVEL", "level", ""),
    "word": ("WORD", "word", ""),
}
_ENCLOSED: Final = {
    "quoted": ('"', r'[^"\\]*+(?:\\.[^"\\]*+)*+', '"', "quoted"),
    "square": (r"\[", r"[^\[\]]*+", r"\]", "bracketed"),
    "round": (r"\(", "[^()]*+", r"\)", "parenthesis"),
    "angle": ("<", "[^<>]*+", ">", "angle"),
}
_TIMES: Final = frozenset(["iso_time", "http_time", "syslog_time", "clock"])
_CHUNK: Final = r"\s\"\[\]()<>,;=|"
_META: Final = frozenset(r"\.^$*+?{}[]|()")
_REST: Final = "%{GREEDYDATA:message}"
_FEWEST_WORDS: Final = 2


def suggest_pattern(cluster: Cluster) -> str:
    """Return the pattern for the lines of *cluster*."""
    places, free = _without_prose(cluster)
    names = _Names()
    out: list[str] = []
    for index, place in enumerate(places):
        text = _place(place, places[index - 1 : index], places[index + 1 : index + 2], names)
        if text is None:  # values that no one expression takes
            free = True
            break
        out.append(text)
    return "".join([*out, _REST]) if free else "".join(out)


def _without_prose(cluster: Cluster) -> tuple[Sequence[Place], bool]:
    """Return the places without the words at the end that differ from line to line."""
    end, words = len(cluster.places), 0
    while end and (_is_prose(cluster.places[end - 1]) or not _says(cluster.places[end - 1])):
        end -= 1
        words += _is_prose(cluster.places[end])
    start = end
    while start < len(cluster.places) and not cluster.places[start].is_value:
        start += 1  # the signs before the first word stay
    if words < _FEWEST_WORDS and not (words and cluster.free):
        return cluster.places, cluster.free
    return cluster.places[:start], True


def _is_prose(place: Place) -> bool:
    return place.text is None and bool(place.kinds & {"word", "text"})


def _says(place: Place) -> bool:
    return not place.kinds <= {"blank", "sign"}


class _Names:
    """Gives every field a name of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wanted: str) -> str:
        """Return *wanted*, with a number if it is taken."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def _place(
    place: Place, before: Sequence[Place], after: Sequence[Place], names: _Names
) -> str | None:
    if not place.kinds & VALUES:
        return _escaped(place.text) if place.text is not None else r"\s++"
    key = before[0].text if before and before[0].kinds == {"key"} else None
    if place.text is not None and place.kinds <= {"word", "text", "path"} and key is None:
        return _escaped(place.text)
    wanted = re.sub(r"[^a-z0-9]+", "_", (key or "").lower()).strip("_")
    if wanted[:1].isdigit():
        wanted = f"_{wanted}"
    if len(place.kinds) == 1 and place.kinds <= set(_ENCLOSED):
        return _enclosed(place, wanted, names)
    if place.kinds & (set(_ENCLOSED) | _TIMES) and len(place.kinds) > 1:
        return None
    if (kind := _joined(place.kinds)) in _GROK:
        return _reference(kind, wanted, names)
    return f"(?<{names.take(wanted or 'text')}>{_chunk(place, after)})"


def _reference(kind: str, wanted: str, names: _Names) -> str:
    grok, usual, type_ = _GROK[kind]
    return f"%{{{grok}:{names.take(wanted or usual)}{type_}}}"


def _enclosed(place: Place, wanted: str, names: _Names) -> str:
    """Return quotes or brackets with a field inside: of a type where all lines have the same."""
    (kind,) = place.kinds
    opening, anything, closing, usual = _ENCLOSED[kind]
    if (inner := _joined(place.inner)) in _GROK:
        return f"{opening}{_reference(inner, wanted, names)}{closing}"
    return f"{opening}(?<{names.take(wanted or usual)}>{anything}){closing}"


def _joined(kinds: set[str]) -> str:
    """Return the kind that takes all *kinds*."""
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds == {"integer", "number"}:
        return "number"
    return "word" if kinds <= {"word", "level"} else "text"


def _chunk(place: Place, after: Sequence[Place]) -> str:
    colon = bool(after) and (after[0].text or "").startswith(":")
    if colon and ":" in place.signs:
        return f"[^{_CHUNK}]+"
    return f"[^{_CHUNK}{':' if colon else ''}]++"


def _escaped(text: str) -> str:
    return "".join("\\" + sign if sign in _META else sign for sign in text)
