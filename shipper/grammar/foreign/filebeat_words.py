"""The processors of Filebeat and of ingest pipelines in the words of Logstash's filters.

They do the same, and so go the same way from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipper.grammar.foreign.logstash_syntax import Hash, Setting

Settings = Mapping[str, Any]
Words = Mapping[str, tuple[str, Callable[[Settings], Mapping[str, object]]]]
"""By the name of a processor: Logstash's filter, and what makes its settings."""

_TYPES: Final = {"long": "integer", "double": "float", "int": "integer"}
_GROK_TYPES: Final = {":long}": ":int}", ":double}": ":float}"}


def mapping(value: object) -> Settings:
    """Return *value* if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return *value* as a list: what is none is one of one item, and nothing is empty."""
    items = value if isinstance(value, list) else [value]
    return [each for each in items if each not in (None, "")]


def _hash(items: Mapping[str, object]) -> Hash:
    return Hash([Setting(key, value, "") for key, value in items.items()])


def _texts(value: object) -> list[str]:
    return [str(each) for each in listed(value) if not isinstance(each, dict | list)]


def _kind(name: object) -> str:
    return _TYPES.get(str(name), str(name))


def parser_hint(name: str, settings: object) -> str:
    """Return what to do about a parser that joins or unwraps lines."""
    if name == "container":
        return "lines are unwrapped by the source: container: auto"
    known = mapping(settings)
    pattern = str(known.get("pattern", "")).replace("'", "''")
    if name != "multiline" or not pattern:
        return "has no counterpart"
    if known.get("match") == "after" and known.get("negate") is True:
        return f"lines are joined by the source: multiline: {{start: '{pattern}'}}"
    if known.get("match") == "after":
        rule = f"{{start: '^', mode: continue_through, condition: '{pattern}'}}"
        return f"lines are joined by the source: multiline: {rule}"
    return "lines are joined by the source: multiline: has modes for it"


def _grok(it: Settings) -> Mapping[str, object]:
    def ours(pattern: object) -> str:
        text = str(pattern)
        for theirs, word in _GROK_TYPES.items():
            text = text.replace(theirs, word)
        return text

    patterns = [ours(each) for each in _texts(it.get("patterns"))]
    definitions = {
        name: ours(text) for name, text in mapping(it.get("pattern_definitions")).items()
    }
    field = str(it.get("field", "message"))
    return {"match": _hash({field: patterns}), "pattern_definitions": _hash(definitions)}


def _ingest_date(it: Settings) -> Mapping[str, object]:
    match = [str(it.get("field")), *_texts(it.get("formats"))]
    return {"match": match, "timezone": it.get("timezone"), "target": it.get("target_field")}


def _one(it: Settings) -> tuple[str, str]:
    return str(it.get("field", "message")), str(it.get("target_field") or "")


def _ingest_rename(it: Settings) -> Mapping[str, object]:
    old, new = _one(it)
    return {} if old == "message" else {"rename": _hash({old: new})}


def _ingest_convert(it: Settings) -> Mapping[str, object]:
    old, new = _one(it)
    renamed = _hash({old: new}) if new and new != old else None
    return {"rename": renamed, "convert": _hash({new or old: _kind(it.get("type"))})}


def _csv(it: Settings) -> Mapping[str, object]:
    return {
        "source": it.get("field"),
        "columns": _texts(it.get("target_fields")),
        "separator": it.get("separator"),
        "quote_char": it.get("quote"),
    }


def _set(it: Settings) -> Mapping[str, object]:
    value = str(it.get("value", "")).replace("{{", "%{")
    return {"add_field": _hash({str(it.get("field")): value})}


def _json(it: Settings) -> Mapping[str, object]:
    it.get("add_to_root")  # a grammar always does
    return {"source": it.get("field"), "target": it.get("target_field")}


def _kv(it: Settings) -> Mapping[str, object]:
    keys = {"source": "field", "field_split": "field_split", "value_split": "value_split"}
    return {key: it.get(theirs) for key, theirs in keys.items()}


INGEST: Final[Words] = {
    "grok": ("grok", _grok),
    "dissect": ("dissect", lambda it: {"mapping": _hash({_one(it)[0]: it.get("pattern")})}),
    "json": ("json", _json),
    "kv": ("kv", _kv),
    "csv": ("csv", _csv),
    "date": ("date", _ingest_date),
    "rename": ("mutate", _ingest_rename),
    "convert": ("mutate", _ingest_convert),
    "remove": ("mutate", lambda it: {"remove_field": _texts(it.get("field"))}),
    "set": ("mutate", _set),
}


def _beat_dissect(it: Settings) -> Mapping[str, object]:
    prefix = it.get("target_prefix", "dissect")
    kinds: dict[str, object] = {}

    def named(found: re.Match[str]) -> str:
        key, _, kind = found[1].partition("|")
        bare = key.strip("+?&*").removesuffix("->")
        full = f"{prefix}.{bare}" if prefix and bare else bare
        if kind:
            kinds[full] = _kind(kind)
        return f"%{{{key.replace(bare, full, 1) if bare else key}}}"

    tokenizer = re.sub(r"%\{([^}]*)\}", named, str(it.get("tokenizer", "")))
    field = str(it.get("field", "message"))
    return {"mapping": _hash({field: tokenizer}), "convert_datatype": _hash(kinds)}


def _beat_convert(it: Settings) -> Mapping[str, object]:
    items = [each for each in listed(it.get("fields")) if isinstance(each, dict)]
    kinds = {str(e.get("to") or e.get("from")): _kind(e["type"]) for e in items if e.get("type")}
    moved = {str(e.get("from")): e["to"] for e in items if e.get("to")}
    return {"rename": _hash(moved), "convert": _hash(kinds)}


def _beat_add(it: Settings) -> Mapping[str, object]:
    target = it.get("target", "fields")
    fields = mapping(it.get("fields"))
    named = {f"{target}.{key}" if target else key: value for key, value in fields.items()}
    return {"add_field": _hash(named)}


def _beat_time(it: Settings) -> Mapping[str, object]:
    keys = {"timezone": it.get("timezone"), "target": it.get("target_field")}
    return {"match": [str(it.get("field"))], "layouts": _texts(it.get("layouts")), **keys}


def _beat_json(it: Settings) -> Mapping[str, object]:
    return {"source": next(iter(_texts(it.get("fields"))), None), "target": it.get("target")}


BEAT: Final[Words] = {
    "dissect": ("dissect", _beat_dissect),
    "timestamp": ("date", _beat_time),
    "decode_json_fields": ("json", _beat_json),
    "rename": ("mutate", _beat_convert),
    "convert": ("mutate", _beat_convert),
    "drop_fields": ("mutate", lambda it: {"remove_field": _texts(it.get("fields"))}),
    "add_fields": ("mutate", _beat_add),
    "drop_event": ("drop", lambda _it: {}),
}
