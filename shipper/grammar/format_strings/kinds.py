"""The common kinds of values in server logs: what they look like, their type, their limits.

Rule 1: a pattern here tells by itself where its value ends; a kind without one runs to what
        follows it (`compose`, rule 2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from shipper.grammar.format_strings.clock import (
    ODD,
    ORDINARY,
    escape,
    has_date,
    time_pattern,
    write_time,
)
from shipper.grammar.format_strings.parts import SOLID, STOP, VALUE, Example, FieldDraft, Slot

MOST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact."""

LONG: Final = 16_384


class Kind(NamedTuple):
    """What values of a kind have in common. `odd` is a second text, with another value."""

    pattern: str
    type: str
    low: float | None
    high: float | None
    longest: int | None
    usual: tuple[str, Any]
    odd: tuple[str, Any]
    never: str = ""


def _text(longest: int, usual: str, odd: str, never: str = "", pattern: str = "") -> Kind:
    return Kind(pattern, "string", None, None, longest, (usual, usual), (odd, odd), never)


def _whole(high: int, usual: int, odd: int, pattern: str = r"\d++") -> Kind:
    return Kind(pattern, "integer", 0, high, None, (str(usual), usual), (str(odd), odd))


def _decimal(high: float, usual: float, odd: float) -> Kind:
    pattern = r"\d++(?:\.\d++)?+"
    return Kind(pattern, "number", 0, high, None, (f"{usual:.3f}", usual), (f"{odd:.3f}", odd))


# A value for each server that a request was tried on, as nginx lists them.
_SERVER = r'(?:\[[^\] ]++\][^ ,"]*+|[^ ,;|"\[\]]++)'

KINDS: Final = {
    "count": _whole(MOST, 612, 0),
    "port": _whole(65_535, 443, 65_535),
    "pid": _whole(2**32 - 1, 4711, 1),
    "status": _whole(999, 200, 404, r"\d{3}"),
    "micros": _whole(MOST, 23_110, 0),
    "seconds": _decimal(1e9, 0.023, 120.5),
    "ratio": _decimal(1e9, 3.17, 1.0),
    "percent": _decimal(1e9, 0.5, 1.0),
    "address": _text(255, "203.0.113.9", "2001:db8::9", " "),
    "host": _text(255, "www.example.com", "[2001:db8::7]:8443", " "),
    "token": _text(1024, "a1b2c3", "x-9_z", " "),
    "word": _text(255, "ok", "HIT", " ", r"[\w-]++"),
    "scheme": _text(16, "https", "http", " ", r"[a-z]++"),
    "method": _text(255, "GET", "M-SEARCH", " "),
    "protocol": _text(255, "HTTP/1.1", "HTTP/2.0", " ", r"[A-Z]++(?:/[\d.]++)?+"),
    "target": _text(LONG, "/index.html?a=1", "/two words?b=%20"),
    "decoded": _text(LONG, "/index.html", "/two words", "?"),
    "query": _text(LONG, "a=1&b=2", "q=%20", " "),
    "text": _text(LONG, "one two", "three (four)"),
    "short": _text(1024, "one two", "three (four)"),
    "referrer": _text(LONG, "https://example.com/from", "https://example.com/?q=a b"),
    "agent": _text(LONG, "Mozilla/5.0 (X11; Linux x86_64)", "curl/8.10.1"),
    "forwarded": _text(4096, "203.0.113.5, 10.1.2.3", "2001:db8::5"),
    "thread": _text(1024, "main", "http-nio-8080-exec-1"),
    "logger": _text(1024, "com.example.shop.Cart", "c.e.s.Cart$Item", " "),
    "function": _text(1024, "add", "<init>", " "),
    "file": _text(1024, "Cart.java", "CartTest.kt", " "),
    "level": _text(64, "INFO", "WARN", "", r"[A-Za-z][\w-]*+"),
    "uuid": _text(36, f"0e0b5a7c-5a0f-4b57-9c1f-{'0' * 12}", f"{'0' * 8}-0000-1000-8000-{'0' * 12}",
                  "", r"[0-9a-f-]{36}"),
    "user": _text(1024, "ada", "ada king"),
    "list": _text(
        1024, "192.0.2.8:8080", "192.0.2.8:80, 192.0.2.9:80 : unix:/run/app.sock", "",
        rf"{_SERVER}(?:(?:, | : ){_SERVER})*+",
    ),
    "times": _text(1024, "0.021", "0.010, 0.245 : 0.001", "", r"[\d.-]++(?:(?:, | : )[\d.-]++)*+"),
    "sign": _text(1, "+", "X", " ", r"[X+-]"),
    "backend": _text(255, "client backend", "autovacuum worker"),
    "sqlstate": _text(5, "00000", "42P01", "", r"[0-9A-Z]{5}"),
    "session": _text(32, "6562f4a0.1267", "6562f4a0.1", "", r"[0-9a-f]++\.[0-9a-f]++"),
    "virtual": _text(64, "3/112", "-1/0", "", r"-?\d++/\d++"),
    "query_id": Kind(
        r"-?\d++", "integer", -(2**63), 2**63 - 1, None, ("-81", -81), ("0", 0)
    ),
    "hex": _text(255, "4f9d01c2", "0", " ", r"[0-9A-Fa-f]++"),
}  # fmt: skip


def slot(directive: str, column: int, name: str, kind: str, description: str, **more: Any) -> Slot:
    """Return the slot of *directive*: a value of *kind* for the field *name*.

    *more* may hold `none` (texts for no value; an empty one too), `otherwise` (the field's second
    name), and what else a Slot takes.
    """
    it = KINDS[kind]
    none: tuple[str, ...] = more.pop("none", ())
    draft = FieldDraft(
        name=name,
        description=description,
        type=it.type,
        minimum=it.low,
        maximum=it.high,
        max_length=it.longest,
        none=tuple(text for text in none if text),
        otherwise=more.pop("otherwise", ""),
    )
    pattern = it.pattern
    if pattern and none:
        pattern = "|".join([pattern, *map(escape, none)])
    never = it.never + more.pop("never", "")
    usual = Example(it.usual[0], {name: it.usual[1]})
    odd = Example(none[0]) if none else Example(it.odd[0], {name: it.odd[1]})
    return Slot(
        fields=(draft,),
        directive=directive,
        column=column,
        pattern=pattern,
        never="".join(dict.fromkeys(never)),
        filled=not none or "" not in none,
        examples=(usual, odd),
        **more,
    )


_METHOD = r"[\w!#$&'*+.^`|~-]++"
REQUEST: Final = (
    # Method, target and version; the two words of HTTP/0.9; or whatever came instead.
    rf"(?:(?<method>{_METHOD}) (?<path>(?:{SOLID}| (?!HTTP/[\d.]++{STOP}))++)"
    rf" HTTP/(?<protocol>[\d.]++)|(?<method>[A-Z]++) (?<path>/(?:{SOLID})?+)"
    rf"|(?<request>{VALUE}))(?={STOP})"
)
"""The pattern of a request line."""


def request_slot(directive: str, column: int, odd: str, **more: Any) -> Slot:
    """Return the slot of a whole request line; *odd* is one that is no request, as logged.

    It gives `method`, `path` and `protocol`, or `request` where it can't be split.
    """
    none = tuple(text for text in more.pop("none", ()) if text)
    usual = {"method": "GET", "path": "/index.html?a=1", "protocol": "1.1"}
    texts = {
        "method": ("request method", 255, ()),
        "path": ("request target as written, with its query", LONG, ()),
        "protocol": ("HTTP version", 255, ()),
        "request": ("the request line, where it is no method, target and version", LONG, none),
    }
    return Slot(
        fields=tuple(
            FieldDraft(
                name=name,
                description=description,
                max_length=longest,
                none=none_texts,
                otherwise=name if name == "request" else f"request_{name}",
            )
            for name, (description, longest, none_texts) in texts.items()
        ),
        directive=directive,
        column=column,
        pattern=REQUEST,
        label="request",
        examples=(Example("GET /index.html?a=1 HTTP/1.1", usual), Example(odd, {"request": odd})),
        **more,
    )


def target(made: Slot, description: str, *, dash: bool = False) -> Slot:
    """Return the slot of a path and the query behind it as what they are: the request target.

    With *dash*, a query that is missing is written as one, right behind the path.
    """
    draft = replace(made.fields[0], name="path", description=description, otherwise="target")
    never = made.never.replace("?", "")
    usual, odd = (Example(text, {"path": text}) for text in ("/index.html?a=1", "/two words?a"))
    whole = replace(made, fields=(draft,), never=never, examples=(usual, odd))
    if not dash:
        return whole
    pattern = rf"(?<path>(?:(?!-{STOP})[^?{never}])*+)-(?={STOP})|(?<path>{VALUE})"
    odd = Example("/two words-", {"path": "/two words"})
    return replace(whole, pattern=pattern, label="path", examples=(usual, odd))


def without_day(made: Slot) -> Slot:
    """Return a time that names no day as the text that it is: no time of a record."""
    if not made.time or has_date(made.time):
        return made
    draft = replace(made.fields[0], name="time_of_day", max_length=64)
    texts = [write_time(made.time, moment) for moment in (ORDINARY, ODD)]
    usual, odd = (Example(text, {draft.name: text}) for text in texts)
    pattern = time_pattern(made.time)
    return replace(made, fields=(draft,), pattern=pattern, time="", examples=(usual, odd))
