r"""The grok compiler: ``%{NAME:field:type}`` and plain named groups become one regular expression.

Rule 1: the only capturing groups are fields, numbered in the order of their first mention, so a
match's `groups()` lines up with `Compiled.captures`. Plain ``(…)`` does not capture, as in Grok.
Rule 2: one field may stand in several branches of an alternation, where at most one of them can
match; anywhere else a second mention is an error.
Rule 3: ``\d``, ``\w``, ``\s`` and ``\b`` mean ASCII, as in Logstash; ``\h`` is a hex digit.
Rule 4: expansion is bounded, so a small file can't ask for an endless expression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import regex

from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.reference import GrokError, field_name, read_reference
from shipper.grammar.suggest import did_you_mean
from shipper.grammar.syntax import (
    Piece,
    is_lookaround,
    is_switch,
    may_repeat_zero,
    pieces,
    with_our_flags,
    without_zero_width,
)

MAX_EXPANDED: Final = 200_000
MAX_DEPTH: Final = 60
FLAGS: Final = regex.ASCII | regex.VERSION0

_REFUSED_GROUPS = {
    "(?&": "a call of another group",
    "(?P>": "a call of another group",
    "(?(": "a conditional group",
    "(?R": "recursion",
}


@dataclass(frozen=True, slots=True)
class Capture:
    """A field of a pattern.

    `type` is the one written in the pattern or None; `always` promises that a match always gives
    the field a text, and not an empty one.
    """

    field: str
    type: str | None
    always: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One alternative of the whole pattern, cut into the tokens that a person sees.

    `tokens` are as written; `ends` are offsets in `Compiled.expression` where each token ends;
    `start` is where the branch begins.
    """

    start: int
    tokens: tuple[str, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Compiled:
    """A compiled pattern. Use `pattern.fullmatch`: a record matches as a whole or not at all."""

    source: str
    expression: str
    captures: tuple[Capture, ...]
    branches: tuple[Branch, ...]

    @cached_property
    def pattern(self) -> regex.Pattern[str]:
        """The expression, compiled. Raises GrokError unless `compile_grok` has tried it."""
        try:
            return regex.compile(self.expression, FLAGS)
        except (regex.error, OverflowError, RecursionError, MemoryError) as error:
            why = getattr(error, "msg", None) or str(error) or "too large"
            raise GrokError(f"is no valid expression: {why}", "mend the expression") from error


class Patterns(NamedTuple):
    """The compiled patterns of a grammar, by the key they stand under."""

    match: Sequence[Compiled] = ()
    prefix: Sequence[Compiled] = ()
    ignore: Sequence[Compiled] = ()


def compile_grok(source: str, book: PatternBook, *, proven: bool = False) -> Compiled:
    """Compile *source* with the names of *book*. Raises GrokError.

    A *proven* pattern is known to be valid; it is compiled when it is first used.
    """
    expansion = _Expansion(book)
    expansion.expand(source, ())
    captures = tuple(mention.capture() for mention in expansion.mentions())
    branches = tuple(expansion.branches(source))
    compiled = Compiled(source, "".join(expansion.out), captures, branches)
    if not proven:
        compiled.pattern  # noqa: B018 - a mistake is to show now
    return compiled


@dataclass(slots=True, eq=False)
class _Frame:
    """An open group: how many bars it has seen, and whether it may be skipped altogether."""

    bars: int = 0
    optional: bool = False
    scopes: int = 0  # groups that were opened for flags, and end with this one


@dataclass(slots=True)
class _Mention:
    """One place where a field is captured: the groups around it, and its own expression."""

    field: str
    type: str | None
    frames: tuple[_Frame, ...]
    path: tuple[tuple[int, int], ...]
    body: str = ""
    alone: bool = True

    def capture(self) -> Capture:
        return Capture(self.field, self.type, self.alone and self._always())

    def _always(self) -> bool:
        if any(frame.bars or frame.optional for frame in self.frames):
            return False
        return _takes_text(self.body)


@dataclass(slots=True)
class _Expansion:
    """The work of one compilation: what is written so far, and the groups that are open."""

    book: PatternBook
    out: list[str] = field(default_factory=list)
    size: int = 0
    stack: list[_Frame] = field(default_factory=lambda: [_Frame()])
    closed: _Frame | None = None
    found: dict[str, list[_Mention]] = field(default_factory=dict)
    opened: list[tuple[_Mention, int] | None] = field(default_factory=list)
    cuts: list[tuple[int, int, str]] = field(default_factory=list)
    switched: bool = False

    def expand(self, text: str, chain: tuple[str, ...]) -> None:
        """Write out *text*; *chain* holds the names that led here."""
        depth = len(self.stack)
        for piece in _pieces(text):
            if not chain and depth == len(self.stack):
                self._cut(piece)
            self._piece(piece, chain, depth)
        if len(self.stack) != depth or self.switched:
            raise GrokError(f"has an unclosed parenthesis{_inside(chain)}", "close it with ')'")
        if not chain:
            self._end_scopes()

    def mentions(self) -> list[_Mention]:
        """Return the first mention of each field, in the order of their groups."""
        return [first for first, *_ in self.found.values()]

    def branches(self, source: str) -> list[Branch]:
        """Cut the top level of *source* at its bars, and each part into tokens."""
        parts: list[list[tuple[int, int, str]]] = [[]]
        starts = [0]
        for cut in self.cuts:
            if cut[2] == "bar":
                parts.append([])
                starts.append(cut[1] + 1)
                continue
            parts[-1].append(cut)
        ends = [(cut[0], cut[1]) for cut in self.cuts] + [(len(source), self.size)]
        following = dict(zip([cut[0] for cut in self.cuts], ends[1:], strict=True))
        return [
            Branch(
                start,
                tuple(source[cut[0] : following[cut[0]][0]] for cut in part),
                tuple(following[cut[0]][1] for cut in part),
            )
            for start, part in zip(starts, parts, strict=True)
        ]

    def _cut(self, piece: Piece) -> None:
        """Note that a new token starts here, unless *piece* belongs to the one before."""
        if piece.kind in ("quantifier", "close", "comment"):
            return
        run = bool(self.cuts) and piece.kind == self.cuts[-1][2] == "literal"
        if not run:
            self.cuts.append((piece.start, self.size, piece.kind))

    def _write(self, text: str) -> None:
        self.out.append(text)
        self.size += len(text)
        if self.size > MAX_EXPANDED:
            raise GrokError(f"expands to more than {MAX_EXPANDED:,} characters", "split it")

    def _piece(self, piece: Piece, chain: tuple[str, ...], depth: int) -> None:
        match piece.kind:
            case "ref":
                self._ref(piece.text, chain)
            case "named":
                self._open_field(re.sub(r"\(\?P?<|>", "", piece.text), None)
            case "open" | "close":
                self._group(piece, chain, depth)
            case "backref":
                self._backref(piece.text)
            case "comment":
                pass
            case _:
                self._plain(piece)

    def _group(self, piece: Piece, chain: tuple[str, ...], depth: int) -> None:
        if is_switch(piece.text):
            self._switch(piece.text)
        elif piece.kind == "open":
            self._open(piece.text)
        elif self.switched:  # the parenthesis of flags alone
            self.switched = False
        elif len(self.stack) == depth:
            raise GrokError(f"has a ')' too many{_inside(chain)}", r"write '\)' for text")
        else:
            self._close()

    def _plain(self, piece: Piece) -> None:
        if piece.kind == "bar":
            self.stack[-1].bars += 1
        elif piece.kind == "quantifier" and self.closed and may_repeat_zero(piece.text):
            self.closed.optional = True
        self.closed = None
        self._write(_translate(piece))

    def _ref(self, text: str, chain: tuple[str, ...]) -> None:
        name, field_, type_, definition = read_reference(text)
        if definition is not None:
            self.book = self.book.plus({name: Definition(definition, "the pattern itself")})
        found = self._definition(name, chain)
        if field_ is not None:
            self._open_field(field_, type_)
        else:
            self._open("(?:")
        self.expand(found.text, (*chain, name))
        self._close()

    def _definition(self, name: str, chain: tuple[str, ...]) -> Definition:
        if name not in self.book:
            what = f"unknown pattern %{{{name}}}{_inside(chain)}"
            raise GrokError(what, did_you_mean(name, self.book))
        if name in chain:
            ring = " -> ".join([*chain[chain.index(name) :], name])
            raise GrokError(f"the pattern {name} refers to itself: {ring}", "break the circle")
        if len(chain) >= MAX_DEPTH:
            raise GrokError(f"patterns are nested deeper than {MAX_DEPTH}", "flatten them")
        return self.book[name]

    def _switch(self, text: str) -> None:
        """Let flags hold for the rest of the group, as in Oniguruma, and for no more."""
        self.switched = True
        self.stack[-1].scopes += 1
        self._write(f"{with_our_flags(text)}:")

    def _open(self, text: str) -> None:
        if text in _REFUSED_GROUPS:
            raise GrokError(f"uses {_REFUSED_GROUPS[text]} ({text}…)", "write the pattern out")
        self.stack.append(_Frame(optional=is_lookaround(text)))
        self.opened.append(None)
        self._write("(?:" if text == "(" else with_our_flags(text))

    def _open_field(self, name: str, type_: str | None) -> None:
        name = field_name(name)
        path = tuple((id(frame), frame.bars) for frame in self.stack)
        self.stack.append(_Frame())
        mention = _Mention(name, type_, tuple(self.stack), path)
        others = self.found.setdefault(name, [])
        for other in others:
            self._check_twice(mention, other)
        others.append(mention)
        others[0].alone = len(others) == 1
        self._write(f"(?P<f{list(self.found).index(name)}>")
        self.opened.append((mention, len(self.out)))

    def _check_twice(self, mention: _Mention, other: _Mention) -> None:
        if not _exclusive(mention.path, other.path):
            remedy = "name one of them differently, or put them in branches of one alternation"
            raise GrokError(f"the field {mention.field!r} stands twice", remedy)
        if mention.type != other.type:
            raise GrokError(f"the field {mention.field!r} has two types", "give both the same")

    def _close(self) -> None:
        self._end_scopes()
        self.closed = self.stack.pop()
        if opened := self.opened.pop():
            mention, start = opened
            mention.body = "".join(self.out[start:])
        self._write(")")

    def _end_scopes(self) -> None:
        self._write(")" * self.stack[-1].scopes)
        self.stack[-1].scopes = 0

    def _backref(self, text: str) -> None:
        self.closed = None
        name = re.sub(r"\\[kg][<{]|\(\?P=|[>)}]", "", text)
        if text.startswith(r"\g") or name not in self.found:
            raise GrokError(
                f"{text!r} refers to no field before it",
                r"name the group: (?<quote>[\"'])…\k<quote>",
            )
        self._write(f"(?P=f{list(self.found).index(name)})")


@lru_cache(maxsize=4096)
def _takes_text(expression: str) -> bool:
    """Say whether what *expression* matches is never empty."""
    try:
        return regex.compile(without_zero_width(expression), FLAGS).fullmatch("") is None
    except regex.error:  # such as a back reference to a group outside
        return False


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[Piece, ...]:
    """Cut *text*, which may be the expression of a name that many patterns use."""
    return tuple(pieces(text))


def _translate(piece: Piece) -> str:
    if piece.kind == "set" and "&&[" in piece.text:
        raise GrokError(f"uses && in a class: {piece.text!r}", "write the class out")
    if piece.text == r"\h":
        return "[0-9A-Fa-f]"
    if piece.kind == "set":
        return re.sub(r"(\\.)", lambda m: "0-9A-Fa-f" if m[0] == r"\h" else m[0], piece.text)
    return piece.text


def _exclusive(one: tuple[tuple[int, int], ...], two: tuple[tuple[int, int], ...]) -> bool:
    """Say whether two places stand in different branches of the same group."""
    for (group, branch), (other_group, other_branch) in zip(one, two, strict=False):
        if group != other_group:
            return False
        if branch != other_branch:
            return True
    return False


def _inside(chain: tuple[str, ...]) -> str:
    return f" (inside {' -> '.join(chain)})" if chain else ""
