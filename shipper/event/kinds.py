"""Page views and structured events: what of a record goes into Snowplow's own columns for them.

Rule 1: such an event carries the record's fields too, as an entity of the grammar's schema.
Rule 2: what the event is nothing without (the page's url; category and action) has to fit its
column, else the record is refused; the rest is left out where it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from shipper.grammar.shaping_spec import PageViewSpec, StructSpec
from shipper.protocol import atomic

Members = Callable[[Mapping[str, Any]], str]
"""From the fields of a record to members of the payload, ``"e":"pv","url":…``."""


class MissingPartError(ValueError):
    """A record lacks what its kind of event needs, or it does not fit: `detail` says what."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def members_of(kind: PageViewSpec | StructSpec) -> Members:
    """Return what makes the members of events of *kind*. It raises MissingPartError."""
    return _page_view(kind) if isinstance(kind, PageViewSpec) else _struct(kind)


def _page_view(spec: PageViewSpec) -> Members:
    def members(fields: Mapping[str, Any]) -> str:
        url = _text(fields.get(spec.url))
        if url.startswith("/"):
            url = spec.base + url
        needed = _needed({"url": (spec.url, url)})
        more = {"page": spec.title, "refr": spec.referrer}
        return _joined("pv", needed, _fitting(more, fields))

    return members


def _struct(spec: StructSpec) -> Members:
    def members(fields: Mapping[str, Any]) -> str:
        category, action = _text(fields.get(spec.category)), _text(fields.get(spec.action))
        needed = _needed({"se_ca": (spec.category, category), "se_ac": (spec.action, action)})
        more = {"se_la": spec.label, "se_pr": spec.property, "se_va": spec.value}
        return _joined("se", needed, _fitting(more, fields))

    return members


def _needed(parts: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    for key, (field, text) in parts.items():
        if not text:
            raise MissingPartError(f"the field {field} is missing, which is {key} of the event")
        if not atomic.fits(key, text):
            raise MissingPartError(f"the field {field} does not fit {key} of the event")
    return {key: text for key, (_, text) in parts.items()}


def _fitting(parts: Mapping[str, str | None], fields: Mapping[str, Any]) -> dict[str, str]:
    texts = {key: _text(fields.get(field)) for key, field in parts.items() if field}
    return {key: text for key, text in texts.items() if atomic.fits(key, text)}


def _joined(event: str, *members: Mapping[str, str]) -> str:
    return ",".join(_pairs(event, members))


def _pairs(event: str, members: tuple[Mapping[str, str], ...]) -> Iterator[str]:
    yield f'"e":"{event}"'
    for each in members:
        for key, text in each.items():
            yield f'"{key}":{orjson.dumps(text).decode()}'


def _text(value: Any) -> str:
    """Return *value* as a column holds it: text as it is, numbers in digits, else nothing."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""
