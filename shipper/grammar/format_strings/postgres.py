"""Reads PostgreSQL's ``log_line_prefix`` setting; severity and message follow what it writes.

Rule 1: what stands behind ``%q`` is missing from the lines of processes without a session.
Rule 2: a value that is missing is empty; user and database of a session that has none yet are
        ``[unknown]``.
Rule 3: a message may have several lines (`multiline` of the source joins them), and with verbose
        errors it begins with its SQLSTATE.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from shipper.grammar.format_strings.kinds import slot
from shipper.grammar.format_strings.parts import (
    Example,
    FieldDraft,
    Filler,
    FormatStringError,
    Layout,
    Part,
    Perhaps,
    Slot,
    Text,
)

_SETTING = re.compile(r"\s*log_line_prefix\s*=?\s*", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_ITEM = re.compile(r"%(?P<width>-?\d*)(?P<letter>.|\Z)", re.DOTALL)
_UNKNOWN: Final = ("[unknown]", "")

# Field, kind, description, texts for no value; a kind of its own in quotes is an expression.
_LETTERS: Final[dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    "a": ("application", "short", "name of the application", _UNKNOWN),
    "u": ("user", "short", "name of the user", _UNKNOWN),
    "d": ("database", "short", "name of the database", _UNKNOWN),
    "h": ("client_ip", "address", "address or name of the client; [local] for a socket", ("",)),
    "L": ("server_ip", "address", "address that the client came to", ("",)),
    "b": ("backend_type", "backend", "kind of process", ("",)),
    "p": ("pid", "pid", "process id", ()),
    "P": ("leader_pid", "pid", "process id of the leader of a parallel query", ("",)),
    "i": ("command_tag", "short", "kind of the current command", ("",)),
    "e": ("error_code", "sqlstate", "SQLSTATE", ()),
    "c": ("session_id", "session", "id of the session", ()),
    "l": ("line", "count", "number of the line in its session", ()),
    "v": ("virtual_transaction_id", "virtual", "id of the transaction in its process", ("",)),
    "x": ("transaction_id", "count", "id of the transaction; 0 for none", ()),
    "Q": ("query_id", "query_id", "id of the query; 0 for none", ()),
}
_TIMES: Final = {"t": "%Y-%m-%d %H:%M:%S", "m": "%Y-%m-%d %H:%M:%S.%3f", "n": "epoch_s"}
_ZONE: Final = r" [\w+<>/:-]++"


def read_log_line_prefix(source: str, zone: str = "") -> Layout:
    """Read ``log_line_prefix = '…'`` or the bare prefix. Raises FormatStringError.

    With *zone*, the times are of that zone, whatever abbreviation stands behind them: not all
    abbreviations have one meaning.
    """
    text, columns = _setting(source)
    parts = tuple(_parts(text, columns, bool(zone)))
    return Layout(
        server="PostgreSQL",
        name="postgresql_custom",
        title="PostgreSQL server log with a log_line_prefix of your own",
        source=f"log_line_prefix = '{text}'",
        parts=(*parts, *_message()),
        atomic={"ip": "client_ip"} if "%h" in text or "%r" in text else {},
    )


def _setting(source: str) -> tuple[str, list[int]]:
    """Return the prefix, and the column of each of its characters."""
    found = _SETTING.match(source)
    if found is None:
        return source, list(range(1, len(source) + 1))
    quoted = _QUOTED.match(source, found.end())
    if quoted is None:
        remedy = "write: log_line_prefix = '%m [%p] '"
        raise FormatStringError("log_line_prefix has no value in quotes", remedy, found.end() + 1)
    out, columns = [], []
    for sign in re.finditer(r"''|\\(.)|.", quoted[1], re.DOTALL):
        out.append("'" if sign[0] == "''" else sign[1] or sign[0])
        columns.append(quoted.start(1) + sign.start() + 1)
    return "".join(out), columns


def _parts(text: str, columns: Sequence[int], zoned: bool) -> list[Part]:
    out: list[Part] = []
    session: list[Part] | None = None
    position = 0
    for found in _ITEM.finditer(text):
        here = out if session is None else session
        if found.start() > position:
            here.append(Text(text[position : found.start()], columns[position]))
        position = found.end()
        column = columns[found.start()]
        if found["letter"] == "q":
            session = [] if session is None else session
        else:
            here += _item(found, column, zoned)
    if position < len(text):
        (out if session is None else session).append(Text(text[position:], columns[position]))
    return [*out, Perhaps(tuple(session))] if session else out


def _item(found: re.Match[str], column: int, zoned: bool) -> list[Part]:
    directive, letter = found[0], found["letter"]
    width = int(found["width"]) if found["width"].strip("-") else 0
    more: dict[str, Any] = {"width": width}
    if letter == "%":
        return [Text("%", column)]
    if letter in _TIMES or letter == "s":
        return _time(directive, letter, column, zoned)
    if letter == "r":
        return [_remote(directive, column, width)]
    if letter in _LETTERS:
        field, kind, description, none = _LETTERS[letter]
        return [slot(directive, column, field, kind, description, none=none, **more)]
    known = " ".join(f"%{known}" for known in [*_LETTERS, *_TIMES, "r", "s", "q", "%"])
    raise FormatStringError(f"unknown escape {directive}", f"known: {known}", column)


def _time(directive: str, letter: str, column: int, zoned: bool) -> list[Part]:
    """Return the slot of a time; with *zoned*, its zone is no part of it."""
    name = "session_start" if letter == "s" else "time"
    description = "when the session began" if letter == "s" else "time of the message"
    time = _TIMES.get(letter, _TIMES["t"])
    apart = zoned and time != "epoch_s"
    if not apart and time != "epoch_s":
        time += " %Z"
    # The start of the session is no time of the record: it comes second, wherever it stands.
    made = Slot(
        fields=(FieldDraft(name=name, description=description, otherwise=f"{name}_2"),),
        directive=directive,
        column=column,
        time=time,
        filled=True,
        aside=letter == "s",
    )
    return [made, Filler(_ZONE, " UTC")] if apart else [made]


def _remote(directive: str, column: int, width: int) -> Slot:
    """Return the slot of %r: a host with its port in parentheses, or ``[local]``."""
    fields = (
        FieldDraft(
            name="client_ip",
            description="address or name of the client; [local] for a socket",
            max_length=255,
            otherwise="client_host",
        ),
        FieldDraft(
            name="client_port",
            description="port of the client",
            type="integer",
            minimum=0,
            maximum=65_535,
            otherwise="client_port_2",
        ),
    )
    usual = Example("192.0.2.7(50312)", {"client_ip": "192.0.2.7", "client_port": 50312})
    return Slot(
        fields=fields,
        directive=directive,
        column=column,
        pattern=(r"(?:(?<client_ip>[\w.:%-]++)\((?<client_port>\d++)\)|(?<client_ip>\[local\]))?+"),
        label="client",
        width=width,
        examples=(usual, Example("[local]", {"client_ip": "[local]"})),
    )


def _message() -> list[Part]:
    """Return what follows the prefix: ``SEVERITY:  message``."""
    level = FieldDraft(name="level", description="severity", max_length=32, otherwise="severity")
    message = FieldDraft(
        name="message", description="the message; its lines, if several", max_length=16_384
    )
    level_slot = Slot(
        fields=(level,),
        directive="the severity",
        column=1,
        pattern=r"[^\s:\[]++",
        filled=True,
        examples=(Example("ERROR", {"level": "ERROR"}), Example("LOG", {"level": "LOG"})),
    )
    code = FieldDraft(name="error_code", description="SQLSTATE", max_length=5)
    code_slot = Slot(
        fields=(code,),
        directive="the SQLSTATE",
        column=1,
        pattern=r"(?=[A-Z]*+\d)[0-9A-Z]{5}",
        examples=(Example("42P01", {"error_code": "42P01"}), Example("")),
    )
    text_slot = Slot(
        fields=(message,),
        directive="the message",
        column=1,
        pattern=r"(?s:.*+)",
        loose=True,
        examples=(
            Example('relation "a" is missing', {"message": 'relation "a" is missing'}),
            Example("statement: SELECT\n\t1", {"message": "statement: SELECT\n\t1"}),
        ),
    )
    return [level_slot, Text(":  ", 1), Perhaps((code_slot, Text(": ", 1))), text_slot]
