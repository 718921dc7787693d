"""Logstash's filters that change what a line gave: date, and mutate as far as it maps.

Rule 1: a change is made to each grammar that has the field; one that fits none is a Loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shipper.grammar.foreign.logstash_readers import TYPES
from shipper.grammar.foreign.logstash_syntax import Plugin
from shipper.grammar.foreign.logstash_values import COMMON, WHOLE, name_of, pairs, texts
from shipper.grammar.foreign.parts import Foreign, Lose, Time
from shipper.grammar.foreign.times import from_go, from_logstash
from shipper.grammar.time_formats import TimeFormatError

_TIME: Final = "@timestamp"
_TAGS: Final = "events have no tags: a schema, and the entities of a source, say what they are"
_ABSENT: Final = ("@version", "host", "path", "tags", "log", "agent", "ecs", "input", "beat")
_REASONS: Final = {
    "geoip": "Snowplow's IP lookup does it: name the field of the address by atomic: {ip: …}",
    "useragent": "Snowplow's enrichments do it: name the field by atomic: {ua: …}",
    "drop": "a record is left out by drop_when in its grammar",
    "fingerprint": "each event has an id that follows from its place and its bytes",
    "multiline": "lines are joined by the source: multiline",
}
_MUTATE_ASIDE: Final = {
    "strip": "blanks around a value: leave them out of its pattern",
    "lowercase": "a value stays as it was written",
    "uppercase": "a value stays as it was written",
    "capitalize": "a value stays as it was written",
    "gsub": "a value stays as it was written; redact replaces one",
    "copy": "name the group twice in the pattern",
    "add_tag": _TAGS,
    "remove_tag": _TAGS,
}

Fields = Callable[[Foreign], Sequence[str] | None]
"""The fields of a grammar; None if a line says them, as JSON does."""


class Changes:
    """Applies filters to grammars, and knows which of the filters did nothing."""

    def __init__(self, fields: Fields, lose: Lose) -> None:
        self._fields = fields
        self._lose = lose
        self._unmet: dict[tuple[str, str, str], bool] = {}

    def apply(self, plugin: Plugin, made: Foreign) -> None:
        """Make the change that *plugin* is to *made*."""
        if plugin.name == "date":
            self._date(plugin, made)
        elif plugin.name == "mutate":
            self._mutate(plugin, made)
        else:
            why = _REASONS.get(plugin.name, "has no counterpart")
            self._lose(plugin.where, plugin.title, why)
            return
        self.common(plugin, made)

    def common(self, plugin: Plugin, made: Foreign) -> None:
        """Make the changes that any filter may have beside its own work."""
        for key, value, where in plugin.settings:
            if key == "add_field":
                self._constants(value, where, made)
            elif key == "remove_field":
                self._remove(texts(value), where, made)
            elif key in ("add_tag", "remove_tag"):
                self._lose(where, f"{key} => {', '.join(texts(value))}", _TAGS)

    def finish(self) -> None:
        """Tell of the changes to fields that no grammar has."""
        for place, met in self._unmet.items():
            if not met:
                self._lose(*place)

    def _has(self, made: Foreign, name: str, where: str, what: str) -> bool:
        known = self._fields(made)
        has = known is None or name in known
        place = (where, what, f"no grammar made of this file has the field {name}")
        self._unmet[place] = self._unmet.get(place, False) or has
        return has

    def _date(self, plugin: Plugin, made: Foreign) -> None:
        target = plugin.get("target")
        match = texts(plugin.get("match") or [])
        read = from_go if plugin.get("layouts") else from_logstash
        match += texts(plugin.get("layouts") or [])
        where, what = plugin.place("match"), f"{plugin.label or 'date'} {', '.join(match)}"
        if target not in (None, _TIME):
            self._lose(plugin.place("target"), what, f"only the record's time is set, not {target}")
            return
        for key, value, place in plugin.settings:
            if key not in {"match", "layouts", "timezone", "target", "locale"} | COMMON | _SHARED:
                self._lose(place, f"date {key} => {value}", "has no counterpart")
        if not match or not self._has(made, self._before(made, name_of(match[0])), where, what):
            return
        if made.time is not None:
            self._lose(where, what, "a record has one time, and another date filter set it")
            return
        formats = self._formats(match[1:], read, where)
        if formats:
            zone = str(plugin.get("timezone") or "")
            made.time = Time(self._before(made, name_of(match[0])), formats, zone)

    def _formats(
        self, written: list[str], read: Callable[[str], list[str]], where: str
    ) -> list[str]:
        formats: list[str] = []
        for each in written:
            try:
                formats += [one for one in read(each) if one not in formats]
            except TimeFormatError as error:
                self._lose(where, f"the time format {each}", f"{error.what} ({error.remedy})")
        return formats

    def _mutate(self, plugin: Plugin, made: Foreign) -> None:
        # Whatever their order in the file, mutate renames before it converts.
        for key, value, where in sorted(plugin.settings, key=lambda each: each.key != "rename"):
            what = plugin.label or f"mutate {key}"
            if key == "rename":
                self._rename(value, (where, what), made)
            elif key == "convert":
                self._convert(value, (where, what), made)
            elif key in ("replace", "update"):
                why = "a field keeps its value; constant: adds one"
                self._lose(where, what, why)
            elif key in _MUTATE_ASIDE and key not in _SHARED:
                named = ", ".join(self._named(value))
                self._lose(where, f"{what} => {named}", _MUTATE_ASIDE[key])
            elif key not in COMMON | _SHARED:
                self._lose(where, what, "has no counterpart")

    def _named(self, value: object) -> list[str]:
        return texts(value) or [key for key, _ in pairs(value)]

    def _before(self, made: Foreign, name: str) -> str:
        """Return the name that the field *name* had before it was renamed."""
        return next((old for old, new in made.rename.items() if new == name), name)

    def _rename(self, value: object, place: tuple[str, str], made: Foreign) -> None:
        where, what = place
        for old, new in pairs(value):
            name = name_of(old)
            if self._has(made, name, where, f"{what} => {old}"):
                made.rename[name] = name_of(str(new))

    def _convert(self, value: object, place: tuple[str, str], made: Foreign) -> None:
        where, what = place
        for field, kind in pairs(value):
            told = f"{what} => {field} {kind}"
            if str(kind) not in TYPES:
                self._lose(where, told, "is no type that is known")
                continue
            name = self._before(made, name_of(field))
            if self._has(made, name, where, told):
                made.types[name] = TYPES[str(kind)]

    def _constants(self, value: object, where: str, made: Foreign) -> None:
        for name, text in pairs(value):
            if "%{" in str(text) or "%{" in name:
                self._lose(where, f"add_field {name} => {text}", "is put together of other fields")
            else:
                made.constant[name_of(name)] = str(text)

    def _remove(self, names: list[str], where: str, made: Foreign) -> None:
        for text in names:
            name = self._before(made, name_of(text))
            time = made.time is not None and name == made.time.field
            if time or name in _ABSENT or (name in WHOLE and self._fields(made) is None):
                continue  # what it removes there is not here in the first place
            if name in WHOLE and name not in (self._fields(made) or ()):
                continue
            if self._has(made, name, where, f"remove_field => {text}"):
                made.drop.append(made.rename.get(name, name))


_SHARED: Final = frozenset(["add_field", "remove_field", "add_tag", "remove_tag"])
