"""Cuts a conversion pattern of log4j or logback into plain text and conversions.

Rule 1: of several words that fit, the longest counts: ``%message``, not ``%m`` and "essage".
Rule 2: parentheses wrap something only behind a word that wraps, or behind the width alone, as
        logback has it; everywhere else they are text, as log4j has it.
Rule 3: variables with a default, ``${NAME:-default}``, stand for it; others must be put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from html import unescape
from typing import Final, NamedTuple

from shipper.grammar.format_strings import log4j_words as words
from shipper.grammar.format_strings.parts import FormatStringError, Text
from shipper.grammar.suggest import did_you_mean

_WRAPPINGS: Final = (
    re.compile(r"[\w.\s]*[Pp]attern\s*[=:]\s*(?P<text>\S.*)", re.DOTALL),
    re.compile(r".*<[Pp]attern>\s*(?P<text>.*?)\s*</[Pp]attern>.*", re.DOTALL),
    re.compile(r'.*<.*\b(?:pattern|value)\s*=\s*"(?P<text>[^"]*)".*', re.DOTALL),
)
_MODIFIER = re.compile(r"(?P<width>-?\d*)(?:\.-?\d+)?")
_VARIABLE = re.compile(
    r"\$+\{(?:[a-z]+:)?(?P<name>[\w.]+)(?::-(?P<default>(?:[^{}]|\{[^{}]*\})*))?\}"
)
_KNOWN_VARIABLES: Final = {"PID": "%pid", "LOG_LEVEL_PATTERN": "%5p"}
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "_": ""}
_LONG_WORDS: Final = [word for word in words.ALL if len(word) > 3]
_NESTED: Final = 5


class Conversion(NamedTuple):
    """One conversion: its word, its width, its options in braces, and what it wraps."""

    directive: str
    word: str
    width: int
    options: tuple[str, ...]
    inner: str | None
    column: int


def unwrapped(source: str) -> tuple[str, int]:
    """Return the pattern inside a property or an XML element, and where it starts.

    Raises FormatStringError for a variable whose value nobody knows.
    """
    text, start = source, 0
    for wrapping in _WRAPPINGS:
        if found := wrapping.fullmatch(source):
            text, start = found["text"], found.start("text")
            text = unescape(text) if "<" in source else text
            break
    return _with_variables(text, start), start


def _with_variables(text: str, start: int) -> str:
    def value(found: re.Match[str]) -> str:
        name, default = found["name"], found["default"]
        if name in _KNOWN_VARIABLES:
            return _KNOWN_VARIABLES[name]
        if default is None:
            what, column = f"unknown variable {found[0]}", start + found.start() + 1
            raise FormatStringError(what, "put its value in its place", column)
        return str(default)

    for _ in range(_NESTED):  # a default may hold variables
        text = _VARIABLE.sub(value, text)
    return text


def scan(text: str, start: int) -> Iterator[Text | Conversion]:
    """Yield the parts of *text*, which stands behind *start* characters of what was given.

    Raises FormatStringError.
    """
    plain, begin, position = "", 0, 0
    while position < len(text):
        sign, after = text[position], text[position + 1 : position + 2]
        if sign == "%" and after != "%":
            if plain:
                yield Text(plain, start + begin + 1)
            item, position = _conversion(text, position, start)
            plain, begin = "", position
            yield item
        else:
            escaped = sign in "\\%" and after
            plain += (_ESCAPED.get(after, after) if sign == "\\" else sign) if escaped else sign
            position += 2 if escaped else 1
    if plain:
        yield Text(plain, start + begin + 1)


def _conversion(text: str, position: int, start: int) -> tuple[Conversion, int]:
    """Return the conversion at *position*, and where it ends."""
    column = start + position + 1
    modifier = _MODIFIER.match(text, position + 1)
    width, end = (modifier["width"], modifier.end()) if modifier else ("", position + 1)
    word = next((word for word in words.ALL if text.startswith(word, end)), "")
    if (not word and text[end : end + 1] != "(") or _is_slip(text, end):
        raise _unknown(text, end, column)
    end += len(word)
    inner = None
    if text[end : end + 1] == "(" and (not word or word in words.WRAPPING):
        inner, end = _enclosed(text, end, column)
    options = []
    while text[end : end + 1] == "{":
        option, end = _enclosed(text, end, column)
        options.append(option)
    if inner is None and word in words.WRAPPING and options:
        inner, options = options[0], options[1:]
    number = int(width) if width.strip("-") else 0
    return Conversion(text[position:end], word, number, tuple(options), inner, column), end


def _enclosed(text: str, position: int, column: int) -> tuple[str, int]:
    """Return what stands in the brackets at *position*, and the place behind them."""
    opening = text[position]
    closing = {"(": ")", "{": "}"}[opening]
    depth, index = 0, position
    while index < len(text):
        if text[index] == "\\":
            index += 1
        depth += (text[index : index + 1] == opening) - (text[index : index + 1] == closing)
        index += 1
        if not depth:
            return text[position + 1 : index - 1], index
    raise FormatStringError(f"the bracket {opening} is not closed", f"add a {closing}", column)


def _letters(text: str, end: int) -> str:
    found = re.compile(r"[A-Za-z]*").match(text, end)
    return found[0] if found else ""


def _is_slip(text: str, end: int) -> bool:
    """Say whether the letters are a word with letters transposed, not a word and some text."""
    run = _letters(text, end)
    return run not in words.ALL and bool(get_close_matches(run, _LONG_WORDS, n=1, cutoff=0.75))


def _unknown(text: str, end: int, column: int) -> FormatStringError:
    word = _letters(text, end)
    what = f"unknown conversion word %{word}" if word else "a '%' without a conversion word"
    remedy = did_you_mean(word, words.ALL) if word else ""
    return FormatStringError(what, remedy or "write %% for a %", column)
