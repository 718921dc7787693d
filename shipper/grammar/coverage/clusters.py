"""Puts lines of one shape together, in bounded memory, in the order in which they come.

Rule 1: the same lines in the same order give the same clusters.
Rule 2: a line joins the cluster that it is most like, if half of their values agree; else it
        begins a new one. Signs have to be the same; where they part, the shape ends, and what
        comes after is free text.
Rule 3: at most LIMIT clusters are kept. When there are more, those that were met only once go, the
        oldest first; where there are none of these, lines of new shapes belong to no cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shipper.grammar.coverage.shapes import VALUES, Token, tokens

LIMIT: Final = 400
_ALIKE: Final = 0.5
_NUMBERS: Final = frozenset(["integer", "number"])
_NEAR: Final = 0.3  # two different words in the same place

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@dataclass(slots=True)
class Place:
    """What stands in one place of all lines of a cluster.

    `text` is what it is in all of them, or None; `kinds` are the kinds that were met, `inner` those
    in brackets; `signs` the characters in its texts, as far as they might end it. Where `is_value`
    it may vary.
    """

    kinds: set[str]
    text: str | None
    signs: set[str]
    inner: set[str]
    is_value: bool

    @classmethod
    def of(cls, token: Token) -> Place:
        """Return the place that holds *token*."""
        signs = set(token.text) - _PLAIN
        return cls({token.kind}, token.text, signs, {token.inner}, token.kind in VALUES)

    def fits(self, token: Token) -> bool:
        """Say whether *token* may stand here: a value for a value, or the same sign."""
        if self.is_value:
            return token.kind in VALUES
        return self.text == token.text or self.kinds == {token.kind} == {"blank"}

    def likeness(self, token: Token) -> float:
        """Return how like the value *token* is to another that was here, from 0 to 1."""
        if token.kind not in self.kinds:
            return float(token.kind in _NUMBERS and self.kinds <= _NUMBERS)
        return _NEAR if token.kind in ("word", "text") else 1.0

    def take(self, token: Token) -> None:
        """Widen the place for *token*."""
        self.kinds.add(token.kind)
        self.inner.add(token.inner)
        self.signs |= set(token.text) - _PLAIN
        if self.text != token.text:
            self.text = None


@dataclass(slots=True)
class Cluster:
    """Lines of one shape: places, and whether free text follows them.

    `values` is how many values and keys its first line had; the shape never shrinks below half.
    """

    number: int
    places: list[Place]
    free: bool
    values: int
    count: int = 1

    def likeness(self, line: Sequence[Token], values: int) -> float:
        """Return the share of values that agree with those of *line*, which has *values*."""
        score = 0.0
        for place, token in zip(self.places, line, strict=False):
            if place.text == token.text:
                score += place.is_value or token.kind == "key"
            elif not place.fits(token):
                break
            elif place.is_value:
                score += place.likeness(token)
        most = max(self.values, min(values, self.values) if self.free else values)
        return score / most if most else float(values == 0)

    def take(self, line: Sequence[Token]) -> None:
        """Widen the cluster for *line*."""
        self.count += 1
        length = 0
        for place, token in zip(self.places, line, strict=False):
            if not place.fits(token):
                break
            place.take(token)
            length += 1
        self.free |= length < len(self.places) or length < len(line)
        del self.places[length:]


def _values(line: Sequence[Token]) -> int:
    return sum(token.kind in VALUES or token.kind == "key" for token in line)


class Clusters:
    """The clusters of the lines met so far."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._clusters: dict[int, Cluster] = {}
        self._by_start: dict[tuple[str, ...], list[int]] = {}
        self._last = 0

    def add(self, line: str) -> int:
        """Put *line* where it belongs, and return the number of its cluster, 0 for none."""
        parts = tokens(line)
        start = _start(parts)
        found = self._nearest(parts, start)
        if found is not None:
            found.take(parts)
            return found.number
        if len(self._clusters) >= self._limit and not self._forget():
            return 0
        return self._begin(parts, start)

    def found(self) -> list[Cluster]:
        """Return the clusters, the largest first."""
        return sorted(self._clusters.values(), key=lambda each: (-each.count, each.number))

    def _nearest(self, parts: Sequence[Token], start: tuple[str, ...]) -> Cluster | None:
        values, best, most = _values(parts), None, _ALIKE
        for number in self._by_start.get(start, ()):
            cluster = self._clusters[number]
            likeness = cluster.likeness(parts, values)
            if likeness > most or (likeness == most and best is None):
                best, most = cluster, likeness
                if likeness == 1:
                    break
        return best

    def _begin(self, parts: Sequence[Token], start: tuple[str, ...]) -> int:
        self._last += 1
        free = bool(parts) and parts[-1].kind == "rest"
        places = [Place.of(token) for token in parts if token.kind != "rest"]
        self._clusters[self._last] = Cluster(self._last, places, free, _values(parts))
        self._by_start.setdefault(start, []).append(self._last)
        return self._last

    def _forget(self) -> bool:
        """Make room by leaving out a quarter of the clusters, of those that were met once."""
        once = [number for number, each in self._clusters.items() if each.count == 1]
        for number in once[: max(1, self._limit // 4)]:
            del self._clusters[number]
        if once:
            kept = {
                start: [number for number in numbers if number in self._clusters]
                for start, numbers in self._by_start.items()
            }
            self._by_start = {start: numbers for start, numbers in kept.items() if numbers}
        return bool(once)


def _start(parts: Sequence[Token]) -> tuple[str, ...]:
    """Return what lines of one cluster begin with alike: what kind of value, or which sign."""
    if not parts:
        return ()
    first = parts[0]
    if first.kind in ("word", "text", "path"):
        return ("value",)
    return (first.kind,) if first.kind in VALUES else (first.kind, first.text)
