r"""Which lines belong together: a small machine that looks at one line at a time.

Rule 1: a step sees the state of the open group and one line, nothing else: no look ahead, no
        memory, no clock. So a group can be stored, and read on after a restart.
Rule 2: state 0 means that no group is open. A line that the open group does not take is looked at
        as if none were open.
Rule 3: patterns are searched in the text of one line, without its line end; ``^`` and ``$`` anchor
        them. ``\d``, ``\w`` and ``\s`` mean ASCII, as in grammars.
Rule 4: the ready-made rules cost time linear in the line: each pattern is anchored, and no
        repetition in it can share its characters out in more than one way. They join traces to
        the message before them; any other line that is not blank begins a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_args

import regex

Mode = Literal["continue_through", "continue_past", "halt_before", "halt_with"]
Fate = Literal["alone", "begin", "join", "last"]
"""What a line is: a record of its own, the first of a group, one more of it, or the last of it."""

FLAGS: Final = regex.ASCII | regex.VERSION0
# pos, endpos, partial, concurrent: a search keeps the interpreter's lock, for giving it up and
# waiting to have it back costs far more than the search.
_HELD: Final = (None, None, False, False)


class Way(NamedTuple):
    """A way out of a state: taken where `pattern` is found (or, if not `wanted`, is not found)."""

    pattern: str
    wanted: bool
    to: int


@dataclass(frozen=True, slots=True)
class MultilineRule:
    """How lines become records; make one with `starts_with`, `between` or `preset`.

    `starts` are the ways out of state 0, `states[n - 1]` those out of state n; the first that
    fits is taken. A way to 0 ends the group. A start in which `ends` is found is a whole record.
    Rules are equal where their patterns are. Raises ValueError for one that can't be compiled.
    """

    starts: tuple[Way, ...]
    states: tuple[tuple[Way, ...], ...]
    ends: str | None = None
    _ways: tuple[tuple[_Test, ...], ...] = field(init=False, repr=False, compare=False)
    _ends: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ways = tuple(tuple(map(_test, ways)) for ways in (self.starts, *self.states))
        object.__setattr__(self, "_ways", ways)
        object.__setattr__(self, "_ends", None if self.ends is None else _compile(self.ends))

    @classmethod
    def starts_with(cls, pattern: str) -> MultilineRule:
        """A line with *pattern* begins a record, any other goes on with it. Raises ValueError."""
        return cls.between(pattern, pattern, "halt_before")

    @classmethod
    def between(cls, start: str, condition: str, mode: str) -> MultilineRule:
        """A line with *start* opens a group; *mode* and *condition* say how far it goes.

        - continue_through: all lines with the condition that follow
        - continue_past: those, and the one line after them
        - halt_before: all lines up to, but not including, the first with the condition
        - halt_with: all lines up to and including the first with the condition. That may be the
          starting line itself, unless both patterns are the same text, which then is a fence.

        Raises ValueError for a pattern that can't be compiled and for an unknown mode.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"unknown mode {mode!r}: use one of {', '.join(get_args(Mode))}")
        ways = {
            "continue_through": (Way(condition, True, 1),),
            "continue_past": (Way(condition, True, 1), Way(_ANY, True, 0)),
            "halt_before": (Way(condition, False, 1),),
            "halt_with": (Way(condition, True, 0), Way(_ANY, True, 1)),
        }
        ends = condition if mode == "halt_with" and start != condition else None
        return cls((Way(start, True, 1),), (ways[mode],), ends)

    @classmethod
    def preset(cls, name: str) -> MultilineRule:
        """Return the ready-made rule *name*, one of PRESETS. Raises ValueError."""
        if name not in PRESETS:
            raise ValueError(f"unknown preset {name!r}: use one of {', '.join(PRESETS)}")
        return PRESETS[name]

    def step(self, state: int, text: str) -> tuple[Fate, int]:
        """Return what the line *text* is to a group in *state*, and the state after it.

        A state that this rule does not have (the rule was changed) takes no more lines.
        """
        if 0 < state < len(self._ways):
            for pattern, wanted, to in self._ways[state]:
                if (pattern.search(text, *_HELD) is not None) is wanted:
                    return ("join", to) if to else ("last", 0)
        for pattern, wanted, to in self._ways[0]:
            if (pattern.search(text, *_HELD) is not None) is wanted:
                whole = self._ends is not None and self._ends.search(text, *_HELD) is not None
                return ("alone", 0) if whole else ("begin", to)
        return "alone", 0


class _Test(NamedTuple):
    """A way with its pattern compiled."""

    pattern: Any  # regex.Pattern, which has no public types
    wanted: bool
    to: int


def _test(way: Way) -> _Test:
    return _Test(_compile(way.pattern), way.wanted, way.to)


def _compile(pattern: str) -> Any:
    try:
        return regex.compile(pattern, FLAGS)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern[:200]!r} is no regular expression: {error}") from error


_ANY: Final = ""

# The ready-made rules: state → (pattern, state after it), tried in order; "" is "no group open".

_Table = Mapping[str, Sequence[tuple[str, str]]]

_TEXT = r"\S"
_BLANK = r"^\s*$"
_INDENTED = r"^\s+\S"

_JAVA_ERROR = (
    r"^(?:[a-z_][\w$]*\.)++[A-Z][\w$]*(?<=Exception|Error|Throwable|Failure|Fault|ThreadDeath)"
    r"(?:: |:?$)"
)
_JAVA_FRAME = (
    r"^\s+at \S|^\s+\.{3} \d+ (?:more|common frames)|^\s*(?:Caused by|Wrapped by|Suppressed): "
    r"|^\s*\[CIRCULAR REFERENCE:|^\s+- (?:locked|waiting|parking)"
)
_JAVA: _Table = {
    "": [(r'^Exception in thread "', "trace"), (_JAVA_ERROR, "trace"), (_TEXT, "message")],
    "message": [(_JAVA_ERROR, "trace"), (_JAVA_FRAME, "trace")],
    "trace": [(_JAVA_FRAME, "trace")],
}

_PY_TRACEBACK = r"^\s*Traceback \(most recent call last\):"
_PY_GROUP = r"^\s*\+ Exception Group Traceback \(most recent call last\):"
_PY_STACK = r"^Stack \(most recent call last\):"
_PY_ERROR = r"^[A-Za-z_][\w.<>]*(?:: |:?$)"
# What database drivers and SQLAlchemy print below the error itself.
_PY_DETAIL = (
    r"^(?:LINE \d+: |DETAIL: |HINT: |\[SQL: |\[parameters: |\(Background on this error at: )"
)
_PY_CHAIN = (
    r"^During handling of the above exception, another exception occurred:"
    r"|^The above exception was the direct cause of the following exception:"
)
_PYTHON: _Table = {
    "": [(_PY_TRACEBACK, "frames"), (_PY_GROUP, "group"), (_TEXT, "message")],
    "message": [(_PY_TRACEBACK, "frames"), (_PY_GROUP, "group"), (_PY_STACK, "stack")],
    "stack": [(_INDENTED, "stack")],
    "frames": [(_INDENTED, "frames"), (_PY_ERROR, "raised")],
    "raised": [
        (f"{_INDENTED}|{_PY_DETAIL}", "raised"),
        (_BLANK, "gap"),
        (_PY_CHAIN, "chain"),
        (_PY_STACK, "stack"),
    ],
    "gap": [(_BLANK, "gap"), (_PY_CHAIN, "chain")],
    "chain": [(_BLANK, "chain"), (_PY_TRACEBACK, "frames"), (_PY_GROUP, "group")],
    "group": [(r"^\s+[|+]", "group"), (_BLANK, "gap")],
}

_GO_PANIC = r"^(?:panic: |fatal error: |runtime: |SIG[A-Z]+: )"
_GO_STACK = r"^(?:goroutine \d+ |runtime stack:$)"
_GO_FRAME = (
    r"^\s*$|^\s+\S|^created by |^[^\s(]++\(.*+(?<=\))$|^\.{3}|^exit status \d+$"
    r"|^\[(?:originating|signal) |^[a-z0-9]+ +0x[0-9a-f]+$"
)
_GO: _Table = {
    "": [(_GO_PANIC, "panic"), (_GO_STACK, "stack"), (_TEXT, "message")],
    "message": [(_GO_STACK, "stack")],
    "panic": [
        (_GO_STACK, "stack"),
        (r"^\s*$|^\s+\S|^\[signal |^PC=|^runtime: |^fatal error: ", "panic"),
    ],
    "stack": [(f"{_GO_STACK}|{_GO_FRAME}", "stack")],
}

_RUBY_PLACE = r"(?:[^\s:]++|:(?!\d++:in ))++:\d++:in [`'][^']*+'"
_RUBY_FRAME = rf"^\s*+(?:from )?+{_RUBY_PLACE}$|^\s+from \S|^\s+\.{{3}} *\d+ levels"
_RUBY_ERROR = f"^{_RUBY_PLACE}: "
_RUBY_HINT = r"^Did you mean\?"
_RUBY: _Table = {
    "": [
        (_RUBY_ERROR, "raised"),
        (r"^Traceback \(most recent call last\):$", "reversed"),
        (r"^[A-Z]\w*+(?:::[A-Z]\w*+)*+ \(.*+(?<=\):)$", "rails"),
        (_TEXT, "message"),
    ],
    "message": [(_RUBY_FRAME, "logged")],
    "logged": [(_RUBY_FRAME, "logged")],
    "raised": [
        (f"{_RUBY_FRAME}|{_RUBY_ERROR}", "trace"),
        (f"{_BLANK}|{_RUBY_HINT}", "hint"),
    ],
    "hint": [(_RUBY_FRAME, "trace"), (f"{_BLANK}|{_INDENTED}|{_RUBY_HINT}", "hint")],
    "trace": [(f"{_RUBY_FRAME}|{_RUBY_ERROR}", "trace")],
    "reversed": [(r"^\s+\d+: from |^\s+\.{3} *\d+ levels", "reversed"), (_RUBY_ERROR, "raised")],
    "rails": [(_RUBY_FRAME, "logged"), (f"{_BLANK}|{_INDENTED}", "rails")],
}

_PHP_TRACE = r"^(?:\[[^\]]*\] )?(?:PHP )?Stack trace:$|^\[stacktrace\]|^\[previous exception\]"
_PHP_FRAME = r'^#\d+ |^\s+thrown in |^(?:\[[^\]]*\] )?PHP +\d+\. |^"\}\s*$'
_PHP: _Table = {
    "": [(_TEXT, "message")],
    "message": [(f"{_PHP_TRACE}|^#0 ", "trace")],
    "trace": [(f"{_PHP_FRAME}|{_PHP_TRACE}|^Next ", "trace"), (_BLANK, "gap")],
    "gap": [(_BLANK, "gap"), (r"^Next |^\[previous exception\]", "trace")],
}

_CSHARP_ERROR = r"^(?:[A-Z]\w*\.)++\w+(?<=Exception|Error)(?:: |:?$| \()"
_CSHARP_FRAME = r"^\s+at \S|^\s*---> |^\s*--- End of |^\s*\(Inner Exception #\d+\) "
_CSHARP: _Table = {
    "": [
        (f"^Unhandled [Ee]xception[.:] |{_CSHARP_ERROR}", "trace"),
        (r"^(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]$", "console"),
        (_TEXT, "message"),
    ],
    "message": [(f"{_CSHARP_ERROR}|{_CSHARP_FRAME}", "trace")],
    "trace": [(_CSHARP_FRAME, "trace"), (_BLANK, "gap")],
    "gap": [(_BLANK, "gap"), (_CSHARP_FRAME, "trace")],
    "console": [(r"^ {6}", "console")],
}


def _machine(table: _Table) -> MultilineRule:
    numbers = {name: number for number, name in enumerate(table)}
    starts, *states = (
        tuple(Way(pattern, True, numbers[to]) for pattern, to in ways) for ways in table.values()
    )
    return MultilineRule(starts, tuple(states))


class _Presets(Mapping[str, MultilineRule]):
    """Rules by name, each compiled when it is asked for: most programs need none of them."""

    def __init__(self, tables: Mapping[str, _Table]) -> None:
        self._tables = tables
        self._made: dict[str, MultilineRule] = {}

    def __getitem__(self, name: str) -> MultilineRule:
        if name not in self._made:
            self._made[name] = _machine(self._tables[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


PRESETS: Final[Mapping[str, MultilineRule]] = _Presets(
    {
        "java": _JAVA,
        "python": _PYTHON,
        "go": _GO,
        "ruby": _RUBY,
        "php": _PHP,
        "csharp": _CSHARP,
    }
)
"""The ready-made rules by name."""
